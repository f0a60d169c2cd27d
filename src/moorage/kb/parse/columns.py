"""In which order the boxes of a page are read: from top to bottom, and column by column where there are columns. Pure geometry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

_LEAST_LINES = 4  # on each side of a gutter
_LEAST_SHARE = 0.2  # of the boxes beside a gutter, on its thinner side
_MOST_CROSSING = 0.25  # of the boxes: titles and figures that stand across
_GUTTER = 0.7  # times the usual height of a line
_OVERLAP = 0.4  # of the shorter column's height that must stand beside the other
_FILL = 0.45  # of its column that a usual line must fill: cells of a table do not
_STEPS = 400


@dataclass(frozen=True, slots=True)
class Box:
    """A line of text or a picture; ``top`` is above ``bottom``: places rise from the lower left corner."""

    left: float
    bottom: float
    right: float
    top: float

    @property
    def height(self) -> float:
        return self.top - self.bottom


def column_bands(boxes: Sequence[Box]) -> list[list[int]]:
    """The boxes' positions in groups, each a column (or a full-width part) to be read on its own, in reading order.

    Inside a group the order of ``boxes`` is kept, so hand them over from top to bottom or as the file has them.
    """
    return _bands(boxes, list(range(len(boxes))), depth=0)


def _bands(boxes: Sequence[Box], chosen: list[int], depth: int) -> list[list[int]]:
    gutter = _gutter([boxes[i] for i in chosen]) if depth < 4 else None
    if gutter is None:
        return [chosen] if chosen else []
    left = [i for i in chosen if boxes[i].right <= gutter]
    right = [i for i in chosen if boxes[i].left >= gutter]
    across = sorted((i for i in chosen if boxes[i].left < gutter < boxes[i].right), key=lambda i: -boxes[i].top)
    bands: list[list[int]] = []
    ceiling = float("inf")
    for floor_box in (*across, None):
        floor = boxes[floor_box].bottom + boxes[floor_box].height / 2 if floor_box is not None else float("-inf")
        for side in (left, right):
            inside = [i for i in side if floor <= (boxes[i].top + boxes[i].bottom) / 2 < ceiling]
            bands += _bands(boxes, inside, depth + 1)
        if floor_box is not None:
            if bands and bands[-1] and all(i in across for i in bands[-1]):
                bands[-1].append(floor_box)
            else:
                bands.append([floor_box])
        ceiling = floor
    return [band for band in bands if band]


def _gutter(boxes: Sequence[Box]) -> float | None:
    """The middle of the best empty strip between two columns; None where there is none."""
    if len(boxes) < 2 * _LEAST_LINES:
        return None
    low, high = min(b.left for b in boxes), max(b.right for b in boxes)
    height = median(b.height for b in boxes) or 1.0
    if high - low < 12 * height:
        return None
    step = (high - low) / _STEPS
    changes = [0] * (_STEPS + 2)
    for box in boxes:
        changes[max(0, int((box.left - low) / step))] += 1
        changes[min(_STEPS, int((box.right - low) / step)) + 1] -= 1
    covered: list[int] = []
    total = 0
    for change in changes[: _STEPS + 1]:
        total += change
        covered.append(total)
    most = int(_MOST_CROSSING * len(boxes))
    best: tuple[int, float, float] | None = None
    at = 0
    while at <= _STEPS:
        if covered[at] > most:
            at += 1
            continue
        end = at
        while end + 1 <= _STEPS and covered[end + 1] == covered[at]:
            end += 1
        width = (end - at) * step
        middle = low + (at + end) / 2 * step
        if width >= _GUTTER * height and _parts(boxes, middle) and (best is None or (covered[at], -width) < best[:2]):
            best = (covered[at], -width, middle)
        at = end + 1
    return best[2] if best else None


def _parts(boxes: Sequence[Box], gutter: float) -> bool:
    """Whether there are two columns of running text: enough lines on both sides, side by side, most of them as wide as their column."""
    left = [b for b in boxes if b.right <= gutter]
    right = [b for b in boxes if b.left >= gutter]
    fewer = min(len(left), len(right))
    if fewer < _LEAST_LINES or fewer < _LEAST_SHARE * (len(left) + len(right)):
        return False
    shared = min(max(b.top for b in left), max(b.top for b in right)) - max(min(b.bottom for b in left), min(b.bottom for b in right))
    shorter = min(max(b.top for b in side) - min(b.bottom for b in side) for side in (left, right))
    return shared >= _OVERLAP * shorter and all(_is_filled(side) for side in (left, right))


def _is_filled(side: Sequence[Box]) -> bool:
    width = max(b.right for b in side) - min(b.left for b in side)
    return median(b.right - b.left for b in side) >= _FILL * width
