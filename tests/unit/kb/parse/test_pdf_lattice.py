"""Lines into cells: what closes a cell, what is one table, and that a page of graph paper costs no more than it must."""

from __future__ import annotations

from moorage.kb.parse.pdf.lattice import Stroke, merged, tables


def grid(columns: int, rows: int, *, size: float = 20, left: float = 0, top: float = 0) -> tuple[list[Stroke], list[Stroke]]:
    level = [Stroke(top + n * size, left, left + columns * size) for n in range(rows + 1)]
    return level, [Stroke(left + n * size, top, top + rows * size) for n in range(columns + 1)]


def test_a_grid_has_a_cell_for_each_of_its_places() -> None:
    (cells,) = tables(*grid(3, 2))
    assert sorted(cells) == [(x, y, x + 20.0, y + 20.0) for x in (0.0, 20.0, 40.0) for y in (0.0, 20.0)]


def test_a_line_that_is_left_out_makes_one_cell_of_two() -> None:
    level, upright = grid(2, 2)
    upright[1] = Stroke(20, 20, 40)  # only between the second row's cells
    assert tables(level, upright) == [[(0, 0, 40, 20), (0, 20, 20, 40), (20, 20, 40, 40)]]


def test_tables_beside_each_other_are_two_and_come_from_top_to_bottom() -> None:
    (level, upright), (other_level, other_upright) = grid(2, 1, top=100), grid(2, 1, left=200)
    found = tables(level + other_level, upright + other_upright)
    assert [table[0] for table in found] == [(200, 0, 220, 20), (0, 100, 20, 120)]


def test_a_frame_alone_is_no_table() -> None:
    assert tables(*grid(1, 1)) == []


def test_lines_that_nearly_meet_do() -> None:
    level = [Stroke(0.4, 0, 20), Stroke(0, 22, 40), Stroke(20, 0, 38), Stroke(40, 2, 40)]
    upright = [Stroke(0, 0, 19), Stroke(0.2, 21, 40), Stroke(20, 0, 40), Stroke(41, 0, 40)]
    (cells,) = tables(merged(level), merged(upright))
    assert len(cells) == 4 and merged(level)[0] == Stroke(0.2, 0, 40)


def test_a_gap_in_a_line_opens_the_cell() -> None:
    level, upright = grid(2, 1)
    level[0:1] = [Stroke(0, 0, 24), Stroke(0, 36, 40)]  # open above the right cell
    assert tables(level, upright) == []


def test_graph_paper_is_no_table_and_long_ladders_are() -> None:
    assert tables(*grid(300, 400)) == []
    assert [len(cells) for cells in (*tables(*grid(1, 2000)), *tables(*grid(2000, 1)))] == [2000, 2000]
