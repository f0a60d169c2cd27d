"""The rim: programs, files, names and sockets of the machine that is looked at. Decides nothing."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

OUTPUT_LIMIT = 1_000_000


@dataclass(frozen=True, slots=True)
class Ran:
    """A program that has ended."""

    code: int
    out: str
    error: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What an address answered; ``status`` is 0 where nothing did, and ``reason`` says why."""

    status: int
    body: str = ""
    reason: str = ""


class Host(Protocol):
    """A machine as the checks see it. Methods answer within seconds, never raise, and give None (or a reason) where there is nothing."""

    @property
    def variables(self) -> Mapping[str, str]: ...
    def run(self, *command: str, timeout_s: float = 10) -> Ran | None: ...
    def read(self, path: str) -> str | None: ...
    def space(self, path: str) -> tuple[int, int] | None:
        """(free, total) bytes of the disk that holds a path."""
        ...

    def limit(self, name: str) -> int | None:
        """The soft limit of ``nofile`` or ``memlock``; -1 for none."""
        ...

    def resolve(self, name: str) -> tuple[str, ...]:
        """The addresses of a name; none where it is unknown."""
        ...

    def get(self, url: str, timeout_s: float = 5) -> Answer:
        """An address asked directly, without any proxy."""
        ...


class LocalHost:
    """This machine."""

    @property
    def variables(self) -> Mapping[str, str]:
        return os.environ

    def run(self, *command: str, timeout_s: float = 10) -> Ran | None:
        if shutil.which(command[0]) is None:
            return None
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout_s, check=False)
        except (OSError, subprocess.TimeoutExpired) as e:
            return Ran(-1, "", str(e))
        out, error = (stream[:OUTPUT_LIMIT].decode("utf-8", "replace") for stream in (done.stdout, done.stderr))
        return Ran(done.returncode, out, error)

    def read(self, path: str) -> str | None:
        try:
            with Path(path).open(encoding="utf-8", errors="replace") as file:
                return file.read(OUTPUT_LIMIT)
        except OSError:
            return None

    def space(self, path: str) -> tuple[int, int] | None:
        try:
            usage = shutil.disk_usage(path)
        except OSError:
            return None
        return usage.free, usage.total

    def limit(self, name: str) -> int | None:
        try:
            import resource
        except ImportError:  # Windows
            return None
        kinds = {"nofile": resource.RLIMIT_NOFILE, "memlock": resource.RLIMIT_MEMLOCK}
        soft = resource.getrlimit(kinds[name])[0]
        return -1 if soft == resource.RLIM_INFINITY else soft

    def resolve(self, name: str) -> tuple[str, ...]:
        try:
            found = socket.getaddrinfo(name, None)
        except OSError:
            return ()
        return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))

    def get(self, url: str, timeout_s: float = 5) -> Answer:
        parts = urlsplit(url)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        try:
            connection = kind(parts.hostname or "", parts.port, timeout=timeout_s)
            connection.request("GET", parts.path or "/", headers={"Accept": "application/json"})
            response = connection.getresponse()
            body = response.read(OUTPUT_LIMIT).decode("utf-8", "replace")
            connection.close()
        except (OSError, HTTPException, ValueError) as e:
            return Answer(0, reason=str(e) or type(e).__name__)
        return Answer(response.status, body)
