"""From the cells of a sheet to tables of a readable length. Knows neither file formats nor libraries."""

from __future__ import annotations

from collections.abc import Sequence

from moorage.kb.parse.markdown import Block, paragraph
from moorage.kb.parse.tables import pipe_table, without_empty_borders

TABLE_ROWS = 30


def sheet_blocks(grid: Sequence[Sequence[str]]) -> list[Block]:
    """A sheet as tables: cut at empty rows, then at empty columns; a row that says one thing is text."""
    blocks: list[Block] = []
    for rows in _cut_at_empty_rows(grid):
        for part in _cut_at_empty_columns(rows):
            blocks += _titled_table(part)
    return blocks


def table_blocks(rows: Sequence[Sequence[str]]) -> list[Block]:
    """One table as tables of at most thirty rows, each with the header: a passage of it can be read alone."""
    if len(rows) <= 1:
        return [Block(pipe_table(rows))] if rows else []
    header, body = rows[0], rows[1:]
    return [Block(pipe_table([header, *body[at : at + TABLE_ROWS]])) for at in range(0, len(body), TABLE_ROWS)]


def _titled_table(grid: Sequence[Sequence[str]]) -> list[Block]:
    """Lines of one cell (or one merged cell) above a table are its title; a single such line is plain text."""
    rows = without_empty_borders(grid)
    blocks: list[Block] = []
    while rows and len(said := {cell.strip() for cell in rows[0]} - {""}) == 1 and (len(rows[0]) > 1 or len(rows) == 1):
        blocks.append(paragraph(said.pop()))
        rows = without_empty_borders(rows[1:])
    return blocks + table_blocks(rows)


def _cut_at_empty_rows(grid: Sequence[Sequence[str]]) -> list[list[Sequence[str]]]:
    parts: list[list[Sequence[str]]] = []
    is_open = False
    for row in grid:
        is_filled = any(cell.strip() for cell in row)
        if is_filled and not is_open:
            parts.append([])
        if is_filled:
            parts[-1].append(row)
        is_open = is_filled
    return parts


def _cut_at_empty_columns(rows: list[Sequence[str]]) -> list[list[list[str]]]:
    width = max(len(row) for row in rows)
    square = [[*row, *[""] * (width - len(row))] for row in rows]
    filled = [any(cell.strip() for cell in column) for column in zip(*square, strict=True)]
    parts: list[list[list[str]]] = []
    start: int | None = None
    for column, is_filled in enumerate([*filled, False]):
        if is_filled and start is None:
            start = column
        elif not is_filled and start is not None:
            parts.append([row[start:column] for row in square])
            start = None
    return parts
