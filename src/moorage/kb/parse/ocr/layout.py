"""From recognised lines to Markdown: rows, columns, paragraphs, headings, grids. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from statistics import median

from moorage.kb.parse.columns import Box, column_bands
from moorage.kb.parse.markdown import Block, heading, join_blocks, paragraph
from moorage.kb.parse.ocr.engine import ReadLine
from moorage.kb.parse.tables import pipe_table

_CJK = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]")
_ENDS_SENTENCE = re.compile(r"[。！？；：.!?;:”』」）)…]$")
_STARTS_ITEM = re.compile(
    r"^(?:[•●○▪■◆·\-–]|[（(]?(?:\d{1,3}|[一二三四五六七八九十]{1,3})[)）.、]|[①-⑳]|第[一二三四五六七八九十百\d]+[章节条]|\d{1,2}(?:\.\d{1,2}){1,4})"
)
_HEADING_TIMES = 1.35
_SAME_ROW = 0.6
_ROWS = 3

Row = list[ReadLine]


def to_markdown(lines: Sequence[ReadLine]) -> str:
    """The page as Markdown, in reading order."""
    if not lines:
        return ""
    usual = median(line.bottom - line.top for line in lines)
    boxes = [Box(line.left, -line.bottom, line.right, -line.top) for line in lines]
    blocks: list[Block] = []
    for band in column_bands(boxes):
        blocks += _blocks(_rows([lines[i] for i in band]), usual)
    return join_blocks(blocks)


def _rows(lines: Sequence[ReadLine]) -> list[Row]:
    """Lines that stand side by side are one row, from left to right; rows from top to bottom."""
    rows: list[Row] = []
    for line in sorted(lines, key=lambda each: (each.top + each.bottom) / 2):
        middle = (line.top + line.bottom) / 2
        if rows and abs(middle - (rows[-1][0].top + rows[-1][0].bottom) / 2) < _SAME_ROW * (rows[-1][0].bottom - rows[-1][0].top):
            rows[-1].append(line)
        else:
            rows.append([line])
    return [sorted(row, key=lambda each: each.left) for row in rows]


def _blocks(rows: Sequence[Row], usual: float) -> list[Block]:
    right = max((row[-1].right for row in rows), default=0.0)
    left = min((row[0].left for row in rows), default=0.0)
    blocks: list[Block] = []
    group: list[Row] = []
    at = 0
    while at < len(rows):
        grid = _grid(rows, at)
        if grid:
            blocks += _paragraph(group)
            group = []
            blocks.append(Block(pipe_table([tuple(cell.text for cell in row) for row in grid])))
            at += len(grid)
            continue
        row = rows[at]
        at += 1
        if _is_heading(row, usual):
            blocks += [*_paragraph(group), heading(1, _text(row))]
            group = []
        elif group and _goes_on(group[-1], row, left, right, usual):
            group.append(row)
        else:
            blocks += _paragraph(group)
            group = [row]
    return [*blocks, *_paragraph(group)]


def _grid(rows: Sequence[Row], at: int) -> Sequence[Row]:
    """The rows from here that have as many cells, side by side in the same columns."""
    end = at
    while end < len(rows) and len(rows[end]) == len(rows[at]) > 1 and _stand_alike(rows[at], rows[end]):
        end += 1
    return rows[at:end] if end - at >= _ROWS else ()


def _stand_alike(above: Row, below: Row) -> bool:
    return all(a.left < b.right and b.left < a.right for a, b in zip(above, below, strict=True)) and all(
        a.left > b.right - 1 for b, a in zip(below[:-1], above[1:], strict=True)
    )


def _is_heading(row: Row, usual: float) -> bool:
    text = _text(row)
    return row[0].bottom - row[0].top > _HEADING_TIMES * usual and 1 < len(text) <= 60 and not _ENDS_SENTENCE.search(text)


def _goes_on(above: Row, below: Row, left: float, right: float, usual: float) -> bool:
    """A full line goes on with the next, unless that is set in or begins an item."""
    if _STARTS_ITEM.match(below[0].text) or below[0].top - above[0].bottom > 1.2 * usual:
        return False
    is_indented = below[0].left > left + 1.2 * usual and above[0].left <= left + 1.2 * usual
    return above[-1].right > right - 2.5 * usual and not is_indented


def _paragraph(group: Sequence[Row]) -> list[Block]:
    if not group:
        return []
    text = _text(group[0])
    for row in group[1:]:
        added = _text(row)
        is_close = _CJK.match(text[-1:]) or _CJK.match(added[:1])
        text = text[:-1] + added if text.endswith("-") and added[:1].islower() else text + added if is_close else f"{text} {added}"
    return [paragraph(text)]


def _text(row: Row) -> str:
    return " ".join(line.text for line in row)
