"""Grouping neighbours under a limit: the fewest groups, the longest of them as short as possible, filled from the front."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, pairwise


def pack(lengths: Sequence[int], joins: Sequence[int], limit: int) -> list[tuple[int, int]]:
    """Groups as (first, past the last) positions, in order. ``joins[i]`` stands between item i and the next.

    An item over the limit is a group of its own and separates the runs before and after it.
    """
    groups: list[tuple[int, int]] = []
    run = 0
    for at, length in enumerate(lengths):
        if length > limit:
            groups += _pack_run(lengths, joins, run, at, limit)
            groups.append((at, at + 1))
            run = at + 1
    return groups + _pack_run(lengths, joins, run, len(lengths), limit)


def _pack_run(lengths: Sequence[int], joins: Sequence[int], first: int, last: int, limit: int) -> list[tuple[int, int]]:
    if last - first < 2:
        return [(first, last)] if first < last else []
    steps = list(accumulate((lengths[at] + joins[at - 1] for at in range(first + 1, last)), initial=lengths[first]))
    if steps[-1] <= limit:
        return [(first, last)]
    starts = [0, *(end - lengths[first + at + 1] for at, end in enumerate(steps[1:]))]
    cuts = _fill(starts, steps, limit)
    fewest = len(cuts)
    uncut = steps[-1] - (fewest - 1) * max(joins[first : last - 1])
    low, high = max(max(lengths[first:last]), -(-uncut // fewest)), _longest(starts, steps, cuts)
    while low < high:
        middle = (low + high) // 2
        if len(_fill(starts, steps, middle)) <= fewest:
            high = middle
        else:
            low = middle + 1
    cuts = _fill(starts, steps, low)
    return [(first + a, first + b) for a, b in pairwise([*cuts, last - first])]


def _fill(starts: Sequence[int], ends: Sequence[int], limit: int) -> list[int]:
    """Where the groups begin when each takes as much as fits. One binary search a group, so a long run stays cheap."""
    cuts: list[int] = []
    at = 0
    while at < len(starts):
        cuts.append(at)
        at = bisect_right(ends, starts[at] + limit, at + 1)
    return cuts


def _longest(starts: Sequence[int], ends: Sequence[int], cuts: Sequence[int]) -> int:
    return max(ends[past - 1] - starts[at] for at, past in pairwise([*cuts, len(starts)]))
