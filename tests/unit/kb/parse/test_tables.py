"""From cells to pipe tables."""

from __future__ import annotations

from moorage.kb.parse.tables import Cell, flat_table, pipe_table, spread


def test_short_rows_are_filled_and_line_breaks_kept() -> None:
    assert pipe_table([["a", "b"], ["1\n2"]]) == "| a | b |\n| --- | --- |\n| 1<br>2 |  |"


def test_a_table_without_text_is_nothing() -> None:
    assert pipe_table([["", " "], []]) == ""


def test_spans_in_both_directions_fill_the_grid() -> None:
    grid = spread([[Cell("a", rows=2), Cell("b", columns=2)], [Cell("c"), Cell("d")], [Cell("e")]])

    assert grid == [["a", "b", "b"], ["a", "c", "d"], ["e"]]


def test_a_hostile_span_is_cut() -> None:
    assert len(spread([[Cell("x", rows=9, columns=10**9)]])[0]) == 1000


def test_a_table_in_a_cell_says_a_merged_cell_once() -> None:
    assert flat_table([["a", "a", "b"], ["1", "", "2"]]) == "a / b\n1 / 2"
