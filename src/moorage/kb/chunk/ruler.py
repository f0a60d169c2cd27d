"""What a length is: characters, or tokens of an embedding model. Every limit of the splitter is measured with a ruler."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Protocol

from moorage.kb.chunk.blocks import CHILD_DELIMITER


class Ruler(Protocol):
    """Measures ranges of one text. ``length`` is additive: that of a range is the sum of its parts', so that packing can count.

    ``delimiter`` is what the line between two children costs. ``part`` gives the ruler of the text between two offsets.
    """

    @property
    def delimiter(self) -> int: ...

    def length(self, start: int, end: int) -> int:
        """The length of ``text[start:end]``."""
        ...

    def reach(self, start: int, limit: int) -> int:
        """The largest offset with ``length(start, offset) <= limit``; above ``start``, whatever the limit."""
        ...

    def part(self, start: int, end: int) -> Ruler: ...


class Characters:
    """A length is the number of characters: ``len`` of the string."""

    delimiter = len(CHILD_DELIMITER)

    def length(self, start: int, end: int) -> int:
        return end - start

    def reach(self, start: int, limit: int) -> int:
        return start + limit

    def part(self, start: int, end: int) -> Characters:
        return self


class Tokens:
    """A length is the number of tokens that begin in the range, when the whole text is encoded once.

    ``starts`` are the offsets where tokens begin, rising. A range encoded on its own may have a token more or less at its ends, where a token
    of the whole text lies across; see ``chunk.modes`` for how the limit is kept all the same.
    """

    def __init__(self, starts: Sequence[int], size: int, delimiter: int) -> None:
        self._starts = starts
        self._size = size
        self.delimiter = delimiter

    def length(self, start: int, end: int) -> int:
        return bisect_left(self._starts, end) - bisect_left(self._starts, start)

    def reach(self, start: int, limit: int) -> int:
        past = bisect_left(self._starts, start) + max(limit, 1)
        return max(start + 1, self._starts[past] if past < len(self._starts) else self._size)

    def part(self, start: int, end: int) -> Tokens:
        first, past = bisect_left(self._starts, start), bisect_left(self._starts, end)
        return Tokens([s - start for s in self._starts[first:past]], end - start, self.delimiter)


CHARACTERS = Characters()
