"""A real S3 server for tests, in a virtual environment of its own that is built once and kept in the user's cache folder: what it needs does not
go together with what this package pins. It knows nothing of pytest."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.builders.pip_environment import pip_environment
from tests.engine.environment import EnvironmentFailed

REQUIREMENTS = Path(__file__).with_name("s3_requirements.txt")
PROGRAM = Path(__file__).with_name("s3_serve.py")


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
    """The interpreter of the server's environment. Raises NoPackageIndex, EnvironmentFailed."""
    return pip_environment("s3", REQUIREMENTS)


if __name__ == "__main__":
    print(server_python())
