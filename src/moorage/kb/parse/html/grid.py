"""The rows of an HTML table as a grid: row groups, spans, and a bound on what spans may repeat."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from moorage.kb.parse.tables import COLUMNS, Cell, spread

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

# A text spanned over a thousand rows and columns is repeated a million times; what goes beyond stands once.
_REPEATED_CHARACTERS = 4_000_000
_PLACES = 2_000_000


def row_groups(table: LexborNode) -> list[list[list[LexborNode]]]:
    """The cells of each row, by the part of the table they stand in: a span ends where its part does."""
    groups: list[list[list[LexborNode]]] = []
    loose: list[list[LexborNode]] | None = None
    for child in table.iter():
        if child.tag == "tr":
            if loose is None:
                loose = []
                groups.append(loose)
            loose.append(_cells(child))
        elif child.tag in ("thead", "tbody", "tfoot"):
            loose = None
            groups.append([_cells(row) for row in child.iter() if row.tag == "tr"])
    return groups


class Grids:
    """Makes grids. One for a document, as its bound is the document's."""

    def __init__(self) -> None:
        self._repeated = 0

    def fill(self, groups: list[list[list[LexborNode]]], text_of: Callable[[LexborNode], str]) -> list[list[str]]:
        """The texts of a table: a spanned cell is repeated in every place it covers."""
        grid: list[list[str]] = []
        for rows in groups:
            cells = [[self._cell(node, len(rows) - at, text_of) for node in row] for at, row in enumerate(rows)]
            grid += spread(cells)
        return grid

    def _cell(self, node: LexborNode, rows_left: int, text_of: Callable[[LexborNode], str]) -> Cell:
        text = text_of(node)
        attributes = node.attributes
        rows, columns = _span(attributes.get("rowspan"), rows_left), _span(attributes.get("colspan"), 1)
        rows, columns = min(rows, rows_left), min(columns, COLUMNS)
        places = rows * columns - 1
        if places:
            self._repeated += places * (len(text) + 4)
            if self._repeated > _REPEATED_CHARACTERS:
                return Cell(text)
        return Cell(text, rows, columns)


def is_too_sparse(grid: list[list[str]]) -> bool:
    """Whether a few long rows would make thousands of short ones wide."""
    return bool(grid) and len(grid) * max(len(row) for row in grid) > _PLACES


def _cells(row: LexborNode) -> list[LexborNode]:
    return [cell for cell in row.iter() if cell.tag in ("td", "th")]


def _span(text: str | None, zero: int) -> int:
    text = (text or "").strip()
    if not text.isdecimal() or len(text) > 6:
        return 1
    return int(text) or zero
