"""From cells to a pipe table. Knows spans and escaping, not where the cells come from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

COLUMNS = 1000
_BREAKS = re.compile(r"[ \t]*(?:\r\n|[\r\n\v\f\x1c-\x1e\x85\u2028\u2029])\s*")
_PICTURE = re.compile(r"!\[[^\]]*\]\([^)]*\)")
_PIPE = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell that covers ``rows`` × ``columns`` places."""

    text: str
    rows: int = 1
    columns: int = 1


def pipe_table(rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; the first row is its header, empty rows are left out and short ones filled. Empty for a table without text."""
    rows = [row for row in rows if any(cell.strip() for cell in row)]
    if not rows:
        return ""
    width = max(len(row) for row in rows)
    lines = [_line(row, width) for row in rows]
    lines.insert(1, "|" + " --- |" * width)
    return "\n".join(lines)


def repeated(text: str) -> str:
    """What a spanned cell says in the further places it covers: its text, but not its pictures, which would be shown again and again."""
    if "![" not in text:
        return text
    return "\n".join(line for line in (" ".join(part.split()) for part in _PICTURE.sub("", text).split("\n")) if line)


def spread(rows: Iterable[Sequence[Cell]]) -> list[list[str]]:
    """The grid of a table with spans: the text of a spanned cell is repeated in every place it covers."""
    grid: list[list[str]] = []
    hanging: dict[int, tuple[int, str]] = {}  # column -> (rows still to cover, text)
    for row in rows:
        line: list[str] = []
        below: dict[int, tuple[int, str]] = {}
        for cell in row:
            _let_hang(line, hanging, below)
            again = repeated(cell.text)
            for place in range(max(1, min(cell.columns, COLUMNS - len(line)))):
                if cell.rows > 1:
                    below[len(line)] = (cell.rows - 1, again)
                line.append(again if place else cell.text)
        _let_hang(line, hanging, below, to_the_end=True)
        hanging = below
        grid.append(line)
    return grid


def flat_table(rows: Iterable[Sequence[str]]) -> str:
    """A table inside a cell, as text: a line per row, cells joined by `` / ``, repeats of a spanned cell once."""
    lines: list[str] = []
    for row in rows:
        cells = [cell.replace("\n", " ").strip() for index, cell in enumerate(row) if not index or cell != row[index - 1]]
        lines.append(" / ".join(cell for cell in cells if cell))
    return "\n".join(line for line in lines if line)


def _let_hang(line: list[str], hanging: dict[int, tuple[int, str]], below: dict[int, tuple[int, str]], *, to_the_end: bool = False) -> None:
    last = max(hanging, default=-1)
    while len(line) in hanging or (to_the_end and len(line) <= last):
        left, text = hanging.pop(len(line), (0, ""))
        if left > 1:
            below[len(line)] = (left - 1, text)
        line.append(text)


def _line(row: Sequence[str], width: int) -> str:
    cells = [cell if cell.isalnum() else _in_cell(cell) for cell in row]
    return "| " + " | ".join(cells + [""] * (width - len(cells))) + " |"


def _in_cell(text: str) -> str:
    """A cell on one line. Large sheets have millions of cells without a pipe or a break: those cost no pattern."""
    text = text.strip()
    if "|" in text:
        text = _PIPE.sub(r"\\|", text)
    return text if len(text.splitlines()) < 2 else _BREAKS.sub("<br>", text)
