"""The terms of a card's memory: a name, a range, a reason. Adding ranges keeps the ends honest; a reason comes in two languages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from moorage.core.nouns import Notice


@dataclass(frozen=True, slots=True)
class Range:
    """Bytes, with the least and the most that were seen or can be."""

    low: int
    likely: int
    high: int

    def plus(self, other: Range) -> Range:
        return Range(self.low + other.low, self.likely + other.likely, self.high + other.high)


@dataclass(frozen=True, slots=True)
class Term:
    """One use of a card's memory. ``is_inside`` tells whether the engine's own budget counts it."""

    name: str
    bytes: Range
    reason: Notice
    is_inside: bool = True


def exactly(count: int) -> Range:
    return Range(count, count, count)


def around(likely: float, low: float, high: float) -> Range:
    return Range(round(low), round(likely), round(high))


def total(ranges: Iterable[Range]) -> Range:
    whole = exactly(0)
    for one in ranges:
        whole = whole.plus(one)
    return whole
