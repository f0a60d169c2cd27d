"""A virtual environment of its own for programs whose packages do not go together with what this package pins, built once and kept in the
user's cache folder. It knows nothing of pytest."""

from __future__ import annotations

import hashlib
import platform
import shutil
import sys
from pathlib import Path

from tests.engine.environment import COMPLETE, Builder, EnvironmentFailed, cache_folder, one_builder


class NoPackageIndex(Exception):
    """Nothing can be installed here, for want of a package index."""


def pip_environment(name: str, requirements: Path, *options: str) -> Path:
    """The interpreter of the environment with these requirements, built where it is missing: seconds to a minute the first time, then
    instant. ``options`` are pip's. Raises NoPackageIndex, EnvironmentFailed."""
    parts = [requirements.read_bytes(), platform.python_version().encode(), platform.machine().encode(), *map(str.encode, options)]
    folder = cache_folder() / f"{name}-{hashlib.sha256(b'|'.join(parts)).hexdigest()[:16]}"
    python = folder / "bin" / "python"
    with one_builder(folder.with_suffix(".lock")) as lock:
        if not (folder / COMPLETE).exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            _build(Builder(folder, python, lock), requirements, options)
            (folder / COMPLETE).touch()
    return python


def _build(builder: Builder, requirements: Path, options: tuple[str, ...]) -> None:
    pip = [str(builder.python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--retries=1", "--timeout=20"]
    try:
        builder.run(sys.executable, "-m", "venv", str(builder.folder))
        builder.run(*pip, *options, "--requirement", str(requirements))
    except EnvironmentFailed as e:
        if "Retrying (Retry(" in str(e):  # pip's word for an index that does not answer
            raise NoPackageIndex(str(e).splitlines()[-1]) from e
        raise
