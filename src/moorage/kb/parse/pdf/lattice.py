"""From straight lines to the cells of tables. Pure geometry: points to the right and downwards, knows neither pages nor words.

The rules are those of the library pdfplumber, whose own way costs the fourth power of the lines: a page of graph paper took half a minute. Here every crossing is
met once or twice.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

_SNAP = 3.0
# More is a drawing and no table. A page of 100 rows and 20 columns has 2,000.
_MOST_CROSSINGS = 20_000
_MOST_TRIES = 1_000_000

Cell = tuple[float, float, float, float]
"""Left, top, right, bottom."""
Point = tuple[float, float]


@dataclass(frozen=True, slots=True, order=True)
class Stroke:
    """A level or upright line: ``at`` is its height, or its distance from the left, and it goes from ``start`` to ``end``."""

    at: float
    start: float
    end: float


def merged(strokes: Iterable[Stroke]) -> list[Stroke]:
    """Lines of one direction with those nearly on one line put on it, and those that touch each other there made one."""
    found: list[Stroke] = []
    for near in _clusters(sorted(strokes)):
        at = sum(stroke.at for stroke in near) / len(near)
        start = end = None
        for stroke in sorted(near, key=lambda each: each.start):
            if start is None or end is None or stroke.start > end + _SNAP:
                if start is not None and end is not None:
                    found.append(Stroke(at, start, end))
                start, end = stroke.start, stroke.end
            else:
                end = max(end, stroke.end)
        if start is not None and end is not None:
            found.append(Stroke(at, start, end))
    return found


def _clusters(strokes: Sequence[Stroke]) -> list[list[Stroke]]:
    groups: list[list[Stroke]] = []
    for stroke in strokes:
        if groups and stroke.at <= groups[-1][-1].at + _SNAP:
            groups[-1].append(stroke)
        else:
            groups.append([stroke])
    return groups


def tables(level: Sequence[Stroke], upright: Sequence[Stroke]) -> list[list[Cell]]:
    """The cells of each table, tables from top to bottom, of lines that were ``merged``. Nothing where they cross too often."""
    crossings = _crossings(sorted(level), sorted(upright))
    return _joined(crossings.cells()) if crossings is not None else []


@dataclass(slots=True)
class _Crossings:
    """Where lines meet, and which: by number, a level and an upright line at a point may be two each, end to end."""

    level: dict[Point, set[int]] = field(default_factory=lambda: defaultdict(set))
    upright: dict[Point, set[int]] = field(default_factory=lambda: defaultdict(set))

    def cells(self) -> list[Cell]:
        """The smallest cell below and to the right of each crossing that has one."""
        points = sorted(self.level)
        columns: dict[float, list[float]] = defaultdict(list)
        rows: dict[float, list[float]] = defaultdict(list)
        for x, y in points:
            columns[x].append(y)
            rows[y].append(x)
        found: list[Cell] = []
        tries = 0
        for x, y in points:
            if next(self._right_of(x, y, rows[y]), None) is None:
                continue
            for under in self._led_to((x, y), ((x, under) for under in _after(columns[x], y)), self.upright):
                corner, tried = self._corner(under, self._right_of(x, y, rows[y]))
                tries += tried
                if tries > _MOST_TRIES:
                    return []
                if corner is not None:
                    found.append((x, y, *corner))
                    break
        return found

    def _right_of(self, x: float, y: float, row: Sequence[float]) -> Iterator[Point]:
        return self._led_to((x, y), ((beside, y) for beside in _after(row, x)), self.level)

    def _led_to(self, point: Point, others: Iterable[Point], lines: dict[Point, set[int]]) -> Iterator[Point]:
        """Those of the points, from near to far, to which a line leads without a gap."""
        for other in others:
            if lines[point].isdisjoint(lines[other]):
                return
            yield other

    def _corner(self, under: Point, right: Iterable[Point]) -> tuple[Point | None, int]:
        """The nearest crossing that closes a cell, and how many were tried."""
        tries = 1
        for beside in right:
            tries += 1
            corner = (beside[0], under[1])
            if (
                corner in self.level
                and not self.upright[corner].isdisjoint(self.upright[beside])
                and not self.level[corner].isdisjoint(self.level[under])
            ):
                return corner, tries
        return None, tries


def _after(values: Sequence[float], value: float) -> Iterator[float]:
    return (values[at] for at in range(bisect_right(values, value), len(values)))


def _crossings(level: Sequence[Stroke], upright: Sequence[Stroke]) -> _Crossings | None:
    """Where lines cross or touch; None where that is too often for a table."""
    heights = [stroke.at for stroke in level]
    found = _Crossings()
    tries = 0
    for number, line in enumerate(upright):
        first, past = bisect_left(heights, line.start - _SNAP), bisect_right(heights, line.end + _SNAP)
        tries += past - first
        for at in range(first, past):
            other = level[at]
            if other.start - _SNAP <= line.at <= other.end + _SNAP:
                found.level[(line.at, other.at)].add(at)
                found.upright[(line.at, other.at)].add(number)
        if len(found.level) > _MOST_CROSSINGS or tries > _MOST_TRIES:
            return None
    return found


def _joined(cells: Sequence[Cell]) -> list[list[Cell]]:
    """Cells that share corners as one table; a cell alone is none."""
    at_corner: dict[Point, list[int]] = defaultdict(list)
    for number, cell in enumerate(cells):
        for corner in _corners(cell):
            at_corner[corner].append(number)
    found: list[list[Cell]] = []
    seen: set[int] = set()
    for number in range(len(cells)):
        if number in seen:
            continue
        seen.add(number)
        group, waiting = [number], [number]
        while waiting:
            for corner in _corners(cells[waiting.pop()]):
                fresh = [other for other in at_corner.pop(corner, ()) if other not in seen]
                seen.update(fresh)
                group += fresh
                waiting += fresh
        if len(group) > 1:
            found.append([cells[each] for each in sorted(group)])
    return sorted(found, key=lambda table: min((cell[1], cell[0]) for cell in table))


def _corners(cell: Cell) -> tuple[Point, Point, Point, Point]:
    left, top, right, bottom = cell
    return (left, top), (left, bottom), (right, top), (right, bottom)
