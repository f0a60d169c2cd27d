"""HTML tables as pipe tables: spanned cells repeated, nested tables flattened, pictures kept.

``html_table_to_markdown`` serves every reader that meets an HTML table. Knows nothing about the text around one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser, LexborNode

from moorage.kb.chunk.images import image, url_text

WIDEST_SPAN = 1000  # as in browsers
# How much text, beyond ten times its own, spans may repeat in one table: 1000 × 1000 cells are 40 bytes of HTML.
REPEATED_CHARACTERS = 200_000
DEEPEST_TABLE = 60  # nested deeper, tags are dropped and the text stays


def html_table_to_markdown(table: LexborNode) -> str:
    """A pipe table from a ``<table>`` element; its first row is the header, its caption a paragraph above. Empty without cells."""
    source_length = len(table.html or "")
    grid = _grid(_rows(table), REPEATED_CHARACTERS + 10 * source_length)
    if not grid:
        return ""
    width = max(map(len, grid))
    if width * len(grid) <= REPEATED_CHARACTERS + 4 * source_length:
        for row in grid:
            row += [""] * (width - len(row))
    else:
        grid[0] += [""] * (width - len(grid[0]))
    lines = [_row(grid[0]), _row(["---"] * width), *map(_row, grid[1:])]
    caption = next((_cell_text(child) for child in _children(table) if child.tag == "caption"), "")
    return "\n".join(([caption.replace(_BREAK, " "), ""] if caption else []) + lines)


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


@dataclass(slots=True)
class _Cell:
    text: str
    columns: int
    rows: int


def _grid(rows: list[list[_Cell]], budget: int) -> list[list[str]]:
    """The cells at their places, each repeated wherever its spans reach, as far as the budget of characters goes."""
    grid: list[list[str]] = []
    hanging: dict[int, tuple[str, int]] = {}  # column → a text from above and for how many more rows
    for at, cells in enumerate(rows):
        row: list[str] = []
        below: dict[int, tuple[str, int]] = {}
        waiting = iter(cells)
        last_hanging = max(hanging, default=-1)
        while True:
            column = len(row)
            if column in hanging:
                text, left = hanging[column]
                row.append(text)
                budget -= len(text) + 3
                if left > 1 and budget > 0:
                    below[column] = (text, left - 1)
                continue
            cell = next(waiting, None)
            if cell is None:
                if column > last_hanging:
                    break
                row.append("")
                continue
            columns = cell.columns if budget > 0 else 1
            for _ in range(columns):
                column = len(row)
                row.append(cell.text)
                budget -= len(cell.text) + 3
                if cell.rows > 1 and budget > 0:
                    below[column] = (cell.text, min(cell.rows, len(rows) - at) - 1)
                if budget <= 0:
                    break
        hanging = {column: value for column, value in below.items() if value[1] > 0}
        grid.append(row)
    return [row for row in grid if row]


def _rows(table: LexborNode) -> list[list[_Cell]]:
    rows: list[list[_Cell]] = []
    for child in _children(table):
        if child.tag == "tr":
            rows.append(_cells(child))
        elif child.tag in ("thead", "tbody", "tfoot"):
            rows += [_cells(row) for row in _children(child) if row.tag == "tr"]
    return rows


def _cells(row: LexborNode) -> list[_Cell]:
    return [
        _Cell(_cell_text(cell).replace(_BREAK, "<br>"), _span(cell, "colspan"), _span(cell, "rowspan"))
        for cell in _children(row)
        if cell.tag in ("td", "th")
    ]


def _span(cell: LexborNode, name: str) -> int:
    value = (cell.attributes.get(name) or "1").strip()
    if not value.isascii() or not value.isdigit():
        return 1
    number = int(value[:6])
    if number == 0:
        return 65_534 if name == "rowspan" else 1  # rowspan="0" reaches to the last row
    return number if name == "rowspan" else min(number, WIDEST_SPAN)


def _children(node: LexborNode) -> Iterator[LexborNode]:
    child = node.child
    while child is not None:
        yield child
        child = child.next


def _cell_text(cell: LexborNode) -> str:
    """The text of a cell, with ``_BREAK`` where it breaks; a table inside has its rows between breaks, its cells between slashes."""
    text = _AROUND_CELL_END.sub(" / ", "".join(_CellWriter().parts_of(cell))).replace(_ROW_END, _BREAK)
    lines = (" ".join(line.split()) for line in text.split(_BREAK))
    return _BREAK.join(line for line in lines if line)


class _CellWriter:
    """Walks a cell without recursion (tables nest as deep as a hostile file likes) and gathers its text."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.links: list[str] = []
        self.cells_in_row: list[int] = []
        self.preformatted = 0

    def parts_of(self, cell: LexborNode) -> list[str]:
        stack = [(child, False) for child in _children(cell)][::-1]
        while stack:
            node, is_leaving = stack.pop()
            if is_leaving:
                self._leave(node.tag or "")
            elif self._enter(node, node.tag or ""):
                stack.append((node, True))
                stack += [(child, False) for child in _children(node)][::-1]
        return self.parts

    def _enter(self, node: LexborNode, tag: str) -> bool:
        """Write what stands before the content; False where there is no content to visit."""
        if tag == "-text":
            text = _escaped(node.text_content or "")
            self.parts.append(text.replace("\n", _BREAK) if self.preformatted else text)
            return False
        if tag == "img":
            self.parts.append(_picture(node))
        if tag in _WITHOUT_TEXT:
            self.parts.append(_BREAK if tag in ("br", "hr") else "")
            return False
        self.parts.append(_break_around(tag))
        if tag == "a":
            target = url_text(node.attributes.get("href") or "")
            is_link = bool(target) and bool(node.text(strip=True)) and node.css_first("table") is None
            self.parts.append("[" if is_link else "")
            self.links.append(f"]({target})" if is_link else "")
        elif tag == "tr":
            self.cells_in_row.append(0)
        elif tag in ("td", "th") and self.cells_in_row:
            self.parts.append(_CELL_END if self.cells_in_row[-1] else "")
            self.cells_in_row[-1] += 1
        elif tag == "pre":
            self.preformatted += 1
        return True

    def _leave(self, tag: str) -> None:
        if tag == "a":
            self.parts.append(self.links.pop())
        elif tag == "tr":
            self.cells_in_row.pop()
        elif tag == "pre":
            self.preformatted -= 1
        self.parts.append(_break_around(tag))


def _break_around(tag: str) -> str:
    if tag in ("tr", "table"):
        return _ROW_END
    return _BREAK if tag in _BREAKS_AROUND else ""


def _picture(node: LexborNode) -> str:
    source = (node.attributes.get("src") or "").strip()
    return image(url_text(source), node.attributes.get("alt") or "") if source else ""


def _escaped(text: str) -> str:
    """Text as it can stand in a cell: what only looked like a tag because HTML had escaped it must not become one."""
    return _TAG_LIKE.sub("&lt;", _BARE_PIPE.sub(r"\\|", _CONTROLS.sub(" ", text)))


def html_to_tables(source: str) -> str:
    """A table's HTML as Markdown; text that HTML does not allow in it comes before it, as browsers show it."""
    if _depth(source) > DEEPEST_TABLE:
        return " ".join(_ANY_TAG.sub(" ", source).split())
    body = LexborHTMLParser(source).body
    parts: list[str] = []
    for node in _children(body) if body is not None else ():
        part = html_table_to_markdown(node) if node.tag == "table" else _cell_or_text(node)
        if part:
            parts.append(part)
    return "\n\n".join(parts)


def _cell_or_text(node: LexborNode) -> str:
    if node.tag == "-text":
        return " ".join(_escaped(node.text_content or "").split())
    if node.tag == "img":
        return _picture(node)
    return _cell_text(node).replace(_BREAK, " ")


def html_to_cell(source: str) -> str:
    """An HTML table inside a cell of a pipe table, as text."""
    body = LexborHTMLParser(f"<div>{source}</div>").body if _depth(source) <= DEEPEST_TABLE else None
    return _cell_text(body).replace(_BREAK, "<br>") if body is not None else " ".join(_ANY_TAG.sub(" ", source).split())


def _depth(source: str) -> int:
    depth = deepest = 0
    for match in _TABLE_TAG.finditer(source):
        depth += -1 if match[0][1] == "/" else 1
        deepest = max(deepest, depth)
    return deepest


_BREAK, _CELL_END, _ROW_END = "\x00", "\x01", "\x02"
_CONTROLS = re.compile(r"[\x00-\x02]")
_AROUND_CELL_END = re.compile(r"[\x00\s]*+\x01[\x00\s]*+")
_BREAKS_AROUND = frozenset(
    "p div ul ol li dl dt dd h1 h2 h3 h4 h5 h6 pre blockquote section article header footer aside main nav figure figcaption caption center form".split()
)
_WITHOUT_TEXT = frozenset("script style template br img hr input -comment".split())
_TABLE_TAG = re.compile(r"<table(?=[\s>/])|</table\s*>", re.IGNORECASE)
_ANY_TAG = re.compile(r"<[^<>]*>")
_BARE_PIPE = re.compile(r"(?<!\\)\|")
_TAG_LIKE = re.compile(r"<(?=[A-Za-z/!?])")
