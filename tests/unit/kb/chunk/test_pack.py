"""Packing: the fewest groups, the longest as short as possible, filled from the front."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from moorage.kb.chunk.pack import pack


def _sizes(lengths: list[int], joins: list[int], groups: list[tuple[int, int]]) -> list[int]:
    return [sum(lengths[first:past]) + sum(joins[first : past - 1]) for first, past in groups]


def _every_grouping(count: int) -> list[list[tuple[int, int]]]:
    cuts = [list(cut) for size in range(count) for cut in combinations(range(1, count), size)]
    return [list(zip([0, *cut], [*cut, count], strict=True)) for cut in cuts]


def test_the_longest_group_is_as_short_as_possible() -> None:
    assert pack([300, 150, 200], [8, 8], 500) == [(0, 1), (1, 3)]


def test_an_item_over_the_limit_separates_the_runs() -> None:
    assert pack([1, 1, 9, 1, 1], [1] * 4, 5) == [(0, 2), (2, 3), (3, 5)]


def test_nothing_is_packed_into_nothing() -> None:
    assert pack([], [], 5) == []


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 12), st.integers(0, 8)), min_size=1, max_size=8), st.integers(12, 30))
def test_packing_is_what_trying_every_grouping_finds(items: list[tuple[int, int]], limit: int) -> None:
    lengths, joins = [item[0] for item in items], [item[1] for item in items]
    allowed = [groups for groups in _every_grouping(len(items)) if max(_sizes(lengths, joins, groups)) <= limit]
    fewest = min(len(groups) for groups in allowed)
    longest = min(max(_sizes(lengths, joins, groups)) for groups in allowed if len(groups) == fewest)
    filled = max(
        [past for _, past in groups] for groups in allowed if len(groups) == fewest and max(_sizes(lengths, joins, groups)) <= longest
    )
    assert [past for _, past in pack(lengths, joins, limit)] == filled


def test_a_long_run_is_packed_in_few_steps() -> None:
    class Counted(list[int]):
        reads = 0

        def __getitem__(self, at):  # type: ignore[no-untyped-def, override]
            Counted.reads += 1
            return super().__getitem__(at)

    pack(Counted([10] * 20_000), [1] * 20_000, 500)
    assert Counted.reads < 4 * 20_000
