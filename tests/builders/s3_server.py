"""A real S3 server for tests, in a virtual environment of its own that is built once and kept in the user's cache folder: what it needs does not
go together with what this package pins. It knows nothing of pytest."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.engine.environment import COMPLETE, Builder, EnvironmentFailed, cache_folder, one_builder

REQUIREMENTS = Path(__file__).with_name("s3_requirements.txt")
PROGRAM = Path(__file__).with_name("s3_serve.py")


class NoPackageIndex(Exception):
    """The server cannot be installed here, for want of a package index."""


@dataclass(frozen=True, slots=True)
class Keys:
    key: str
    secret: str


@dataclass(frozen=True, slots=True)
class S3Server:
    """``admin`` may do everything, ``owner`` what a place of pictures needs, ``stranger`` nothing."""

    url: str
    admin: Keys
    owner: Keys
    stranger: Keys


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """A server for as long as the block lasts. Raises NoPackageIndex, EnvironmentFailed."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "AWS_", "MOTO_"))}
    command = [str(server_python()), str(PROGRAM)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=clean) as child:
        assert child.stdin and child.stdout
        try:
            line = child.stdout.readline()
            if not line:
                raise EnvironmentFailed(f"`{' '.join(command)}` ended without a word")
            said = json.loads(line)
            yield S3Server(said["url"], Keys(**said["admin"]), Keys(**said["owner"]), Keys(**said["stranger"]))
        finally:
            child.stdin.close()
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()


def server_python() -> Path:
    """The interpreter of the server's environment, built where it is missing. Ten seconds the first time, then instant."""
    parts = [REQUIREMENTS.read_bytes(), platform.python_version().encode(), platform.machine().encode()]
    folder = cache_folder() / f"s3-{hashlib.sha256(b'|'.join(parts)).hexdigest()[:16]}"
    python = folder / "bin" / "python"
    with one_builder(folder.with_suffix(".lock")) as lock:
        if not (folder / COMPLETE).exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            _build(Builder(folder, python, lock))
            (folder / COMPLETE).touch()
    return python


def _build(builder: Builder) -> None:
    pip = [str(builder.python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--retries=1", "--timeout=20"]
    try:
        builder.run(sys.executable, "-m", "venv", str(builder.folder))
        builder.run(*pip, "--requirement", str(REQUIREMENTS))
    except EnvironmentFailed as e:
        if "Retrying (Retry(" in str(e):  # pip's word for an index that does not answer
            raise NoPackageIndex(str(e).splitlines()[-1]) from e
        raise


if __name__ == "__main__":
    print(server_python())
