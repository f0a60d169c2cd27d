"""Readings too long for a pipe and for memory: a reader process leaves them on disk, and the worker takes them up a slice at a time."""

from __future__ import annotations

import errno
import pickle
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Generic, TypeVar, cast

from moorage.core.errors import StoreFull

T = TypeVar("T")
_SLICE = 2_000


@dataclass(frozen=True, slots=True)
class SpooledParts(Generic[T]):
    """Things in order, to be gone through as often as needed. A slice of them is in memory at a time."""

    path: Path
    count: int

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[T]:
        with self.path.open("rb") as file:
            for _ in range(0, self.count, _SLICE):
                yield from cast("list[T]", pickle.load(file))


@dataclass(frozen=True, slots=True)
class SpooledText:
    """A long text; its length is in characters."""

    path: Path
    count: int

    def __len__(self) -> int:
        return self.count

    def utf8(self) -> bytes:
        return self.path.read_bytes()


def spool_parts(path: Path, parts: Iterable[T]) -> SpooledParts[T]:
    """Writes the parts to a new file. Raises StoreFull."""
    left, count = iter(parts), 0
    try:
        with path.open("xb") as file:
            while several := list(islice(left, _SLICE)):
                pickle.dump(several, file, pickle.HIGHEST_PROTOCOL)
                count += len(several)
    except OSError as e:
        raise _full(path, e) from e
    return SpooledParts(path, count)


def spool_text(path: Path, text: str) -> SpooledText:
    """Writes a text to a new file. Raises StoreFull."""
    try:
        path.write_text(text, encoding="utf-8", newline="")
    except OSError as e:
        raise _full(path, e) from e
    return SpooledText(path, len(text))


def _full(path: Path, error: OSError) -> OSError | StoreFull:
    return StoreFull(path=str(path.parent)) if error.errno in (errno.ENOSPC, errno.EDQUOT) else error
