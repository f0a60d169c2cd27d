"""From the cells of a sheet to tables of a readable length. Knows neither file formats nor libraries."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from moorage.kb.parse.markdown import Block, paragraph
from moorage.kb.parse.tables import pipe_table

TABLE_ROWS = 30
_HEADER_ROWS = 4
_NOTE_ROWS = 20
_BAND_COLUMNS = 3
_NUMBER = re.compile(r"[-+(]?[^\w\s.,]?[-+]?\d[\d,]*(?:\.\d+)?(?:[eE][-+]?\d+)?%?\)?|\d{4}-\d\d-\d\d(?: \d\d:\d\d(?::\d\d)?)?")
_NOTE = re.compile(r"[*※]|注[:：]|备注|说明|附注|来源|数据来源|资料来源|note|source|remark", re.IGNORECASE)
_YEAR = re.compile(r"(?:19|20)\d\d")

Grid = Sequence[Sequence[str]]
Merge = tuple[int, int, int, int]
"""Top, left, bottom and right of a merged range, the last two included; the grid repeats its text in every cell of it."""


@dataclass(frozen=True, slots=True)
class _Region:
    """A rectangle of a grid; ``bottom`` and ``right`` are the first beyond it."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def width(self) -> int:
        return self.right - self.left

    def row(self, grid: Grid, index: int) -> list[str]:
        cells = list(grid[index][self.left : self.right])
        return cells + [""] * (self.width - len(cells))


def sheet_blocks(grid: Grid, merges: Sequence[Merge] = ()) -> list[Block]:
    """A sheet as tables: cut at empty rows and columns; a row that says one thing above or below a table is text; a table that goes on
    after an empty row keeps its header."""
    blocks: list[Block] = []
    headers: dict[tuple[int, int], list[str]] = {}
    whole = _Region(0, 0, len(grid), max((len(row) for row in grid), default=0))
    waiting = [whole]
    spans = _Spans(merges)
    while waiting:
        found = list(_cut(grid, waiting.pop()))
        if len(found) != 1:
            waiting += reversed(found)
            continue
        region = found[0]
        titles, table = _take_titles(grid, region)
        blocks += map(paragraph, titles)
        if titles and table is not None:
            waiting.append(table)  # without its title it may fall apart
        elif table is not None:
            table, notes = _take_notes(grid, table, spans)
            blocks += _table(grid, table, spans, headers)
            blocks += map(paragraph, notes)
    return blocks


def table_blocks(rows: Grid) -> list[Block]:
    """One table as tables of at most thirty rows, each with the header: a passage of it can be read alone."""
    if len(rows) <= 1:
        return [Block(pipe_table(rows))] if rows else []
    return _with_header(rows[0], rows[1:])


def _with_header(header: Sequence[str], body: Grid) -> list[Block]:
    return [Block(pipe_table([header, *body[at : at + TABLE_ROWS]])) for at in range(0, len(body), TABLE_ROWS)]


def _without_header(body: Grid) -> list[Block]:
    """Markdown knows no table without a header: an empty one stands for it."""
    width = max(len(row) for row in body)
    tables = [pipe_table([["-"] * width, *body[at : at + TABLE_ROWS]]) for at in range(0, len(body), TABLE_ROWS)]
    return [Block("|" + "  |" * width + "\n" + table.split("\n", 1)[1]) for table in tables]


class _Spans:
    """The merged ranges, found by their rows."""

    def __init__(self, merges: Sequence[Merge]) -> None:
        self._starting: dict[int, list[Merge]] = {}
        for merge in merges:
            self._starting.setdefault(merge[0], []).append(merge)

    def starting(self, row: int) -> list[Merge]:
        return self._starting.get(row, [])

    def is_band(self, row: int, region: _Region) -> bool:
        """Whether one merged range fills the row from side to side."""
        return any(left <= region.left and right >= region.right - 1 for _, left, _, right in self.starting(row))


def _table(grid: Grid, region: _Region, spans: _Spans, headers: dict[tuple[int, int], list[str]]) -> list[Block]:
    columns = (region.left, region.right)
    rows = [region.row(grid, index) for index in range(region.top, region.bottom)]
    known = headers.get(columns)
    if known is not None and _numbers(rows[0]) and not _numbers(known):
        return _with_header(known, _bands(rows, region, region.top, spans))
    if len(rows) > 1 and _is_data(rows[0]):
        return _without_header(rows)
    depth = _header_depth(grid, region, spans)
    header = _joined(rows[:depth])
    headers[columns] = header
    body = _bands(rows[depth:], region, region.top + depth, spans)
    return _with_header(header, body) if body else [Block(pipe_table([header]))]


def _header_depth(grid: Grid, region: _Region, spans: _Spans) -> int:
    """How many rows the header has. A cell that spans columns over cells that differ makes the next row part of it, if every other
    cell of the row above spans down into it or stands over or beside nothing."""
    depth = 1
    while depth < min(_HEADER_ROWS, region.bottom - region.top - 1):
        above, below = region.row(grid, region.top + depth - 1), region.row(grid, region.top + depth)
        wide = [merge for start in range(region.top, region.top + depth) for merge in spans.starting(start) if merge[3] > merge[1]]
        wide = [merge for merge in wide if merge[2] == region.top + depth - 1]
        tall = [
            merge for start in range(region.top, region.top + depth) for merge in spans.starting(start) if merge[2] >= region.top + depth
        ]
        divided = [merge for merge in wide if len(set(below[max(0, merge[1] - region.left) : merge[3] - region.left + 1])) > 1]
        covered = {
            column - region.left
            for merge in (*wide, *tall)
            for column in range(max(merge[1], region.left), min(merge[3], region.right) + 1)
        }
        is_whole = all(column in covered or not above[column] or not below[column] for column in range(region.width))
        if not divided or not is_whole or _numbers(below):
            break
        depth += 1
    return depth


def _joined(rows: Sequence[Sequence[str]]) -> list[str]:
    """The rows of a header as one: what a cell says and what stands over it, each once."""
    return [" / ".join(dict.fromkeys(cell.strip() for cell in column if cell.strip())) for column in zip(*rows, strict=True)]


def _bands(rows: list[list[str]], region: _Region, top: int, spans: _Spans) -> list[list[str]]:
    """A line through the whole table says its text once."""
    if region.width < _BAND_COLUMNS:
        return rows
    return [[row[0], *[""] * (len(row) - 1)] if spans.is_band(top + index, region) else row for index, row in enumerate(rows)]


def _take_titles(grid: Grid, region: _Region) -> tuple[list[str], _Region | None]:
    """Rows of one cell (or one merged cell) at the top; a column of single cells is a table."""
    titles: list[str] = []
    while region.top < region.bottom:
        said = {cell.strip() for cell in region.row(grid, region.top)} - {""}
        if len(said) != 1 or (region.width == 1 and (titles or region.bottom - region.top > 1)):
            return titles, region
        titles.append(said.pop())
        region = replace(region, top=region.top + 1)
    return titles, None


def _take_notes(grid: Grid, region: _Region, spans: _Spans) -> tuple[_Region, list[str]]:
    """Remarks at the bottom, no part of the table: merged rows from side to side, and a word like "note" alone in the first column."""
    notes: list[str] = []
    while region.bottom - region.top > 2 and len(notes) < _NOTE_ROWS and region.width > 1:
        first, *others = region.row(grid, region.bottom - 1)
        is_alone = not any(cell.strip() for cell in others)
        if not (spans.is_band(region.bottom - 1, region) or (is_alone and _NOTE.match(first.strip()))):
            break
        notes.insert(0, first.strip())
        region = replace(region, bottom=region.bottom - 1)
    return region, [note for note in notes if note]


def _cut(grid: Grid, region: _Region) -> Iterator[_Region]:
    """The region cut at its empty rows, or where there are none at its empty columns; without its empty borders."""
    rows = [_Region(top, region.left, bottom, region.right) for top, bottom in _runs(_filled_rows(grid, region), region.top)]
    if len(rows) != 1:
        yield from rows
        return
    yield from (_Region(rows[0].top, left, rows[0].bottom, right) for left, right in _runs(_filled_columns(grid, rows[0]), region.left))


def _filled_rows(grid: Grid, region: _Region) -> list[bool]:
    return [any(cell and not cell.isspace() for cell in row[region.left : region.right]) for row in grid[region.top : region.bottom]]


def _filled_columns(grid: Grid, region: _Region) -> list[bool]:
    empty = set(range(region.left, region.right))
    for row in grid[region.top : region.bottom]:
        empty -= {column for column in empty if column < len(row) and row[column] and not row[column].isspace()}
        if not empty:
            break
    return [column not in empty for column in range(region.left, region.right)]


def _runs(filled: Sequence[bool], first: int) -> Iterator[tuple[int, int]]:
    start: int | None = None
    for index, is_filled in enumerate([*filled, False]):
        if is_filled and start is None:
            start = index
        elif not is_filled and start is not None:
            yield first + start, first + index
            start = None


def _numbers(row: Sequence[str]) -> int:
    """How many cells are numbers or dates; a year is a word."""
    return sum(1 for cell in row if _NUMBER.fullmatch(cell.strip()) and not _YEAR.fullmatch(cell.strip()))


def _is_data(row: Sequence[str]) -> bool:
    filled = [cell for cell in row if cell.strip()]
    return len(filled) > 1 and _numbers(filled) == len(filled)
