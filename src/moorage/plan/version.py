"""Which vLLM is meant, and which of its epochs that is. The memory rules changed with these versions."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NUMBERS = re.compile(r"(\d+)\.(\d+|x)(?:\.(\d+|x))?")


@dataclass(frozen=True, slots=True, order=True)
class EngineVersion:
    """A release of vLLM. Compare with a tuple's worth of numbers: ``version >= EngineVersion(0, 20, 1)``."""

    major: int
    minor: int
    patch: int = 0

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


LATEST = EngineVersion(0, 33)
OLDEST = EngineVersion(0, 6)


def parse_version(text: str | None) -> EngineVersion:
    """The version that ``text`` names, e.g. ``0.17.1rc1.dev88`` or ``v0.9.2``; the first one where it names several, the latest for None.

    Raises ValueError where there is no version in it.
    """
    if text is None:
        return LATEST
    found = _NUMBERS.search(text)
    if found is None:
        raise ValueError(f"no version in {text!r}")
    major, minor, patch = (int(part) if part and part.isdigit() else 0 for part in found.groups())
    return EngineVersion(major, minor, patch)
