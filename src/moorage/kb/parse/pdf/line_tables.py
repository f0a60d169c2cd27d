"""Tables that are nothing but lines with gaps: their columns, and how one goes on over a page end. Knows no PDF library."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from moorage.kb.parse.markdown import Block, paragraph
from moorage.kb.parse.pdf.lines import TextLine
from moorage.kb.parse.tables import pipe_table

CJK = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]")
_MARKER = re.compile(
    r"^(?:[•●○▪■◆◦‣➢·–-]|[（(]?(?:\d{1,3}|[a-zA-Z]|[一二三四五六七八九十]{1,3})[)）.、]|\d{1,2}(?:\.\d{1,2}){1,4}\.?|第[一二三四五六七八九十百\d]+[条章节]|[①-⑳]|\[\d+\])$"
)
_DELIMITER = re.compile(r"\|(?: --- \|)+")
# state-of-the-|art, A-|frame, 2019-|2021: such a hyphen is written in the middle of a line, too.
_KEEPS_HYPHEN = re.compile(r"(?:[\w)]-[^\s-]*|(?<![\w])[A-Z]|\d)-$")
_BAR = re.compile(r"(?<!\\)\|")
_TABLE_ROWS = 3
_FREE_STRIP = 0.3  # times the type size
_LEAST_FILLED = 0.4
_NEAR = 8  # lines
_WIDEST_CELL = 16.0  # times the type size: a column of running text is wider
_HANGS = 1.6
_MOST_ODD = 4  # one row in so many


def cells_of(line: TextLine) -> tuple[str, ...]:
    """The cells of a line; the gap after a number or bullet is none between cells."""
    if len(line.cells) > 1 and _MARKER.match(line.cells[0]):
        return (f"{line.cells[0]} {line.cells[1]}", *line.cells[2:])
    return line.cells


def in_rows(lines: Sequence[TextLine]) -> list[TextLine]:
    """The lines, with those added to a row of a table that stand beside it and come later: some files hold a table cell by cell."""
    rows: list[TextLine] = []
    for line in lines:
        near = range(len(rows) - 1, max(len(rows) - _NEAR, 0) - 1, -1)
        at = next((at for at in near if _is_beside(rows[at], line)), None)
        if at is None:
            rows.append(line)
        else:
            rows[at] = _beside(rows[at], line)
    return rows


def hangs(line: TextLine, rows: Sequence[TextLine]) -> bool:
    """Whether a line is the rest of a cell in the row above it: right below, and where a column begins that is not the first."""
    if not rows or len(line.cells) != 1 or line.left < min(row.left for row in rows) + line.size:
        return False
    starts = (left for row in rows for _, left, _ in row.pieces[1:])
    return 0 < rows[-1].base - line.base <= _HANGS * line.size and any(abs(left - line.left) <= 2 for left in starts)


def _is_beside(row: TextLine, line: TextLine) -> bool:
    if row.block or line.block or len(cells_of(row)) < 2 or not row.pieces or not line.pieces:
        return False
    size = max(row.size, line.size)
    is_level = abs(row.base - line.base) <= 0.2 * size and line.left >= row.right + 0.2 * size
    return is_level and all(right - left <= _WIDEST_CELL * size for _, left, right in (row.pieces[-1], *line.pieces))


def _beside(row: TextLine, line: TextLine) -> TextLine:
    return replace(row, cells=row.cells + line.cells, right=line.right, spans=row.spans + line.spans, pieces=row.pieces + line.pieces)


def table_of(rows: Sequence[TextLine]) -> list[Block]:
    """Lines with gaps: a table where their parts stand in columns, or all have as many; else lines that stay lines."""
    texts = [cells_of(row) for row in rows]
    is_table = sum(len(text) > 1 for text in texts) >= _TABLE_ROWS
    grid = _in_table_columns(rows) if is_table else None
    if grid is None and is_table and len({len(text) for text in texts}) == 1:
        grid = [list(text) for text in texts]
    if grid:
        return [Block(pipe_table(grid))]
    return [paragraph("\n".join(" ".join(text) for text in texts))] if texts else []


def _in_table_columns(rows: Sequence[TextLine]) -> list[list[str]] | None:
    """The cells under each other, empty ones too; None where the parts of the lines stand in no columns. A table without lines is told by
    nothing but the strips that all its rows leave free."""
    starts = _column_starts(rows)
    grid: list[list[str]] = []
    odd = 0
    for row in rows:
        if len(row.cells) == 1 and grid:  # the rest of a cell
            at = bisect_right(starts, row.left + _FREE_STRIP * row.size) - 1
            grid[-1][at] = join_lines([part for part in (grid[-1][at], row.text) if part])
            continue
        line = [""] * len(starts)
        for text, left, _ in row.pieces:
            at = bisect_right(starts, left) - 1
            line[at] = f"{line[at]} {text}".strip()
        odd += sum(map(bool, line)) < len(cells_of(row))  # what is far apart here is one column there: text set to full width
        grid.append(line)
    if odd * _MOST_ODD > len(grid):
        return None
    filled = sum(bool(cell) for line in grid for cell in line)
    return grid if len(starts) > 1 and filled >= _LEAST_FILLED * len(grid) * len(starts) else None


def _column_starts(rows: Sequence[TextLine]) -> list[float]:
    """Where the columns begin. A small gap in a single row is a wide blank, no column."""
    columns: list[tuple[float, float]] = []
    for _, left, right in sorted((piece for row in rows for piece in row.pieces), key=lambda piece: piece[1]):
        if columns and left <= columns[-1][1] + _FREE_STRIP * rows[0].size:
            columns[-1] = (columns[-1][0], max(columns[-1][1], right))
        else:
            columns.append((left, right))
    starts = [left for left, _ in columns]
    hits = Counter(at for row in rows for at in {bisect_right(starts, left) for _, left, _ in row.pieces})
    far = {bisect_right(starts, left) for row in rows for left, _ in row.spans}
    return [start for at, start in enumerate(starts, 1) if hits[at] > 1 or at in far]


def join_lines(texts: Sequence[str]) -> str:
    """Lines as one: Chinese without a blank, a word that was cut without its hyphen."""
    joined = texts[0]
    for text in texts[1:]:
        if is_hyphenated(joined, text):
            joined = (joined if _KEEPS_HYPHEN.search(joined) else joined[:-1]) + text
        elif CJK.match(joined[-1:]) or CJK.match(text[:1]):
            joined += text
        else:
            joined += f" {text}"
    return joined


def is_hyphenated(above: str, below: str) -> bool:
    """Whether a word, or a range of numbers, is parted by the end of a line."""
    if above[-1:] != "-":
        return False
    return (above[-2:-1].isalpha() and below[:1].islower()) or (above[-2:-1].isdigit() and below[:1].isdigit())


def joined_tables(above: str, below: str) -> str:
    """Two tables of as many columns, one at the end of a page and one at the top of the next, as one; empty where they are not. The header is
    often repeated, and a row may be cut in two: then its second half begins with an empty cell."""
    rows, more = above.split("\n"), below.split("\n")
    if len(rows) < 2 or len(more) < 2 or not _DELIMITER.fullmatch(more[1]) or rows[1] != more[1]:
        return ""
    first, *rest = [more[0], *more[2:]]
    if first == rows[0]:
        return "\n".join([*rows, *rest])
    cells, upper = _row_cells(first), _row_cells(rows[-1])
    if len(rows) > 2 and not cells[0] and len(cells) == len(upper):
        rows[-1] = "| " + " | ".join(join_lines([a, b]) if a and b else a or b for a, b in zip(upper, cells, strict=True)) + " |"
        return "\n".join([*rows, *rest])
    return "\n".join([*rows, first, *rest])


def _row_cells(row: str) -> list[str]:
    return [cell.strip() for cell in _BAR.split(row.strip())[1:-1]]
