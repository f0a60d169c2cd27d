"""Versions of vLLM as they are written in releases, image tags and logs, and their order."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version

_WRITTEN = re.compile(r"v?(\d+(?:\.\d+){1,3})(?:[.-]?post(\d+))?(?:[a-z.+-].*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """A release. A pre-release or a build of it (``0.11.1rc2``, ``0.14.1-cu130``) counts as the release."""

    numbers: tuple[int, int, int, int]
    post: int = 0

    def __str__(self) -> str:
        numbers = self.numbers if self.numbers[3] else self.numbers[:3]
        return ".".join(map(str, numbers)) + (f".post{self.post}" if self.post else "")


def read_version(text: str) -> Version | None:
    """The version in a text such as ``v0.8.5.post1``; None for ``latest``, ``nightly`` and what is none."""
    match = _WRITTEN.fullmatch(text.strip())
    if match is None:
        return None
    numbers = [int(number) for number in match[1].split(".")]
    first, second, third, fourth = [*numbers, 0, 0, 0][:4]
    return Version((first, second, third, fourth), int(match[2] or 0))


def version(text: str) -> Version:
    """The version written in our own source."""
    found = read_version(text)
    if found is None:
        raise ValueError(text)
    return found


def installed() -> str | None:
    """The vLLM that is installed beside us; None where there is none."""
    try:
        return installed_version("vllm")
    except PackageNotFoundError:
        return None
