"""HTML by selectolax: the main content, with our own writer because no converter keeps spans, nested tables and pictures in cells."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from moorage.core.errors import FormatUnknown
from moorage.kb.parse import sniff as kinds
from moorage.kb.parse.base import Parsed, Picture, Source
from moorage.kb.parse.encoding import decode
from moorage.kb.parse.limits import HTML_OPEN_ELEMENTS, NESTING
from moorage.kb.parse.markdown import Block, code_span, fence, heading, image, item, join_blocks, link, one_line, paragraph, quote
from moorage.kb.parse.notices import unreadable
from moorage.kb.parse.pictures import from_data_uri
from moorage.kb.parse.tables import Cell, flat_table, pipe_table, spread

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser, LexborNode

_CHARSET = re.compile(rb"<meta[^>]+charset\s*=\s*[\"']?\s*([\w-]+)", re.IGNORECASE)
# Elements that stay open until they are closed.
_NESTING_TAG = re.compile(
    r"<(/?)(?:div|span|section|article|ul|ol|table|blockquote|font|center|b|i|u|a|em|strong|small|big|form|fieldset|details|main|body)\b",
    re.IGNORECASE,
)
_UNSEEN: frozenset[str] = frozenset(
    "script style template noscript head title nav aside iframe object svg canvas button input select textarea dialog -comment".split()
)
_UNSEEN_ROLES = frozenset(("navigation", "search", "banner", "contentinfo", "menu", "menubar"))
_PAGE_FRAME: frozenset[str] = frozenset(("header", "footer"))
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BLOCKS = frozenset(
    "p div section article main header footer ul ol dl dt dd table pre blockquote figure figcaption hr details summary address form fieldset center "
    "body html tbody tr td th li caption thead tfoot h1 h2 h3 h4 h5 h6".split()
)
_HIDDEN = re.compile(r"display\s*:\s*none", re.IGNORECASE)
_LANGUAGE = re.compile(r"(?:language|lang|highlight-source|brush:)[-:\s]?([\w+#-]+)")
_BREAK = "\ue000"  # a line break inside running text, while white space is folded


class HtmlParser:
    """Reads ``.html`` pages and exports."""

    name = "html"
    media_types = (kinds.HTML,)
    suffixes = (".html", ".htm", ".xhtml")

    def parse(self, source: Source) -> Parsed:
        from selectolax.lexbor import LexborHTMLParser

        named = _CHARSET.search(source.data[:4096])
        decoded = decode(source.data, named[1].decode("ascii") if named else "")
        if decoded is None:
            raise FormatUnknown(name=source.name, reason="it holds no text", reason_zh="内容不是文本", known=kinds.KNOWN)
        text, notices = decoded
        if _is_too_deep(text):
            raise unreadable(source.name, "html_deep")
        tree = LexborHTMLParser(text)
        title = tree.css_first("title")
        main = _main(tree)
        writer = HtmlWriter(is_page=main is not None and main.tag == "body")
        markdown = join_blocks(writer.blocks(main)) if main is not None else ""
        named_title = one_line(title.text()) if title is not None else ""
        return Parsed(markdown, named_title or source.stem, notices=notices, pictures=tuple(writer.pictures.values()))


def _is_too_deep(text: str) -> bool:
    """Whether so many elements are left open that parsing takes minutes: its time grows with the square of the depth."""
    if text.count("<") < HTML_OPEN_ELEMENTS:
        return False
    depth = 0
    for tag in _NESTING_TAG.finditer(text):
        depth = max(depth - 1, 0) if tag[1] else depth + 1
        if depth > HTML_OPEN_ELEMENTS:
            return True
    return False


def _main(tree: LexborHTMLParser) -> LexborNode | None:
    """The one ``main`` or ``article``; several articles are a list of things, so then it is the whole body."""
    for tag in ("main", "article"):
        found = [node for node in tree.css(tag) if node.text().strip()]
        if len(found) == 1:
            return found[0]
    return tree.body


class HtmlWriter:
    """Writes nodes as Markdown and keeps the pictures that stand in ``data:`` addresses."""

    def __init__(self, *, is_page: bool = False) -> None:
        self._unseen: frozenset[str] = _UNSEEN | _PAGE_FRAME if is_page else _UNSEEN
        self.pictures: dict[str, Picture] = {}

    def blocks(self, node: LexborNode, depth: int = 0) -> list[Block]:
        """What is inside a node: running text becomes paragraphs between the block elements."""
        if depth > NESTING:
            return [paragraph(one_line(node.text(separator=" ")))]
        blocks: list[Block] = []
        running: list[str] = []

        def flush() -> None:
            blocks.append(_paragraph("".join(running)))
            running.clear()

        for child in node.iter(include_text=True):
            tag = child.tag or ""
            if self._is_unseen(child, tag):
                continue
            if tag in _BLOCKS or (tag != "-text" and _holds_blocks(child)):
                flush()
                blocks += self._block(child, tag, depth + 1)
            else:
                running.append(self._inline(child, depth + 1))
        flush()
        return [block for block in blocks if block.text]

    def _block(self, node: LexborNode, tag: str, depth: int) -> list[Block]:
        if tag in _HEADINGS:
            return [heading(_HEADINGS[tag], self._running(node, depth).replace(_BREAK, " "))]
        if tag == "pre":
            return [fence(node.text().replace("\r\n", "\n"), _language(node))]
        if tag in ("ul", "ol"):
            return self._list(node, depth, indent=0)
        if tag == "header":  # of an article: its title and who wrote it, but no lists of links
            return [block for block in self.blocks(node, depth) if not block.is_item]
        if tag == "table":
            return self._table(node, depth)
        if tag == "blockquote":
            return [quote(join_blocks(self.blocks(node, depth)))]
        if tag == "hr":
            return []
        if tag == "dd":
            return [Block(f": {block.text}") if not block.is_item else block for block in self.blocks(node, depth)]
        return self.blocks(node, depth)

    def _running(self, node: LexborNode, depth: int) -> str:
        if depth > NESTING:
            return node.text(separator=" ")
        return "".join(self._inline(child, depth + 1) for child in node.iter(include_text=True))

    def _inline(self, node: LexborNode, depth: int) -> str:
        tag = node.tag or ""
        if tag == "-text":
            return node.text_content or ""
        if self._is_unseen(node, tag):
            return ""
        if tag == "br":
            return _BREAK
        if tag == "img":
            return self._image(node)
        if tag in ("code", "kbd", "samp", "tt"):
            return code_span(node.text())
        text = self._running(node, depth)
        if tag == "a":
            address = node.attributes.get("href") or ""
            return link(text, address) if "![" not in text else text
        if tag in ("sup", "sub") and not text.strip():
            return ""
        return f" {text} " if tag in _BLOCKS else text

    def _image(self, node: LexborNode) -> str:
        address = (node.attributes.get("src") or node.attributes.get("data-src") or "").strip()
        alt = node.attributes.get("alt") or ""
        if address.startswith("data:"):
            picture = from_data_uri(address)
            if picture is None:
                return alt
            self.pictures[picture.name] = picture
            address = picture.name
        return image(alt, address) if address else alt

    def _list(self, node: LexborNode, depth: int, indent: int) -> list[Block]:
        blocks: list[Block] = []
        number = int(start) if (start := node.attributes.get("start") or "1").isdigit() and len(start) < 9 else 1
        for child in node.iter():
            if child.tag in ("ul", "ol") and depth <= NESTING:
                blocks += self._list(child, depth + 1, indent + 2)
            elif child.tag == "li":
                marker = f"{number}." if node.tag == "ol" else "-"
                number += 1
                blocks += self._item(child, marker, depth + 1, indent)
        return blocks

    def _item(self, node: LexborNode, marker: str, depth: int, indent: int) -> list[Block]:
        if depth > NESTING:
            return [item(one_line(node.text(separator=" ")), marker, indent)]
        own: list[Block] = []
        nested: list[Block] = []
        hang = indent + len(marker) + 1
        for block in self._parts_of_item(node, depth, hang, nested):
            own.append(block)
        text = "\n".join(block.text for block in own if block.text)
        if text.startswith(("```", "| ")):  # code or a table cannot begin an item: it is hung below
            text = "\n".join(f"{' ' * hang}{line}" if line else "" for line in text.split("\n"))
            return [Block(f"{' ' * indent}{marker}\n{text}", is_item=True), *nested]
        lines = text.split("\n")
        body = "\n".join([lines[0], *(f"{' ' * hang}{line}" if line else "" for line in lines[1:])])
        return [Block(f"{' ' * indent}{marker} {body}" if body.strip() else "", is_item=True), *nested]

    def _parts_of_item(self, node: LexborNode, depth: int, hang: int, nested: list[Block]) -> list[Block]:
        """What stands in an item, but for its lists: those go to ``nested``."""
        own: list[Block] = []
        running: list[str] = []
        for child in node.iter(include_text=True):
            tag = child.tag or ""
            if tag in ("ul", "ol"):
                nested += self._list(child, depth + 1, hang)
            elif tag in _BLOCKS or (tag != "-text" and _holds_blocks(child)):
                if not self._is_unseen(child, tag):
                    own += [_paragraph("".join(running)), *self._block(child, tag, depth + 1)]
                    running.clear()
            else:
                running.append(self._inline(child, depth + 1))
        return [block for block in (*own, _paragraph("".join(running))) if block.text]

    def _table(self, node: LexborNode, depth: int) -> list[Block]:
        caption = next((child for child in node.iter() if child.tag == "caption"), None)
        before = [paragraph(one_line(self._running(caption, depth)))] if caption is not None else []
        rows = _rows(node)
        cells = [_cells(row) for row in rows]
        if len(cells) == 1 and len(cells[0]) == 1:  # a frame around text
            return before + self.blocks(cells[0][0], depth + 1)
        return [*before, Block(pipe_table(self._grid(cells, depth)))]

    def _grid(self, rows: list[list[LexborNode]], depth: int) -> list[list[str]]:
        return spread([[Cell(self._cell(cell, depth + 1), _span(cell, "rowspan"), _span(cell, "colspan")) for cell in row] for row in rows])

    def _cell(self, node: LexborNode, depth: int) -> str:
        """A cell as lines; a table inside as text."""
        if depth > NESTING:
            return one_line(node.text(separator=" "))
        lines: list[str] = []
        running: list[str] = []
        for child in node.iter(include_text=True):
            tag = child.tag or ""
            if self._is_unseen(child, tag):
                continue
            if tag not in _BLOCKS and (tag == "-text" or not _holds_blocks(child)):
                running.append(self._inline(child, depth + 1))
                continue
            lines.append(_folded("".join(running)))
            running.clear()
            if tag == "table":
                lines.append(flat_table(self._grid([_cells(row) for row in _rows(child)], depth + 1)))
            elif tag in ("ul", "ol"):
                lines += [block.text for block in self._list(child, depth + 1, 0)]
            elif tag == "pre":
                lines.append(child.text().strip())
            else:
                lines.append(self._cell(child, depth + 1))
        lines.append(_folded("".join(running)))
        return "\n".join(line for line in lines if line.strip())

    def _is_unseen(self, node: LexborNode, tag: str) -> bool:
        if tag in self._unseen or tag.startswith("!") or tag == "-comment":
            return True
        if tag == "-text":
            return False
        attributes = node.attributes
        if attributes.get("role") in _UNSEEN_ROLES:
            return True
        return "hidden" in attributes or attributes.get("aria-hidden") == "true" or bool(_HIDDEN.search(attributes.get("style") or ""))


def _holds_blocks(node: LexborNode) -> bool:
    """An inline element (a link, a span) with block elements directly inside is a block."""
    return any(child.tag in _BLOCKS for child in node.iter())


def _rows(table: LexborNode) -> list[LexborNode]:
    rows: list[LexborNode] = []
    for child in table.iter():
        if child.tag == "tr":
            rows.append(child)
        elif child.tag in ("thead", "tbody", "tfoot"):
            rows += [row for row in child.iter() if row.tag == "tr"]
    return rows


def _cells(row: LexborNode) -> list[LexborNode]:
    return [cell for cell in row.iter() if cell.tag in ("td", "th")]


def _span(cell: LexborNode, name: str) -> int:
    text = (cell.attributes.get(name) or "").strip()
    return max(1, min(int(text), 1000)) if text.isdigit() and len(text) < 6 else 1


def _language(pre: LexborNode) -> str:
    code = pre.css_first("code")
    for node in (pre, code):
        match = _LANGUAGE.search((node.attributes.get("class") or "") if node is not None else "")
        if match:
            return match[1]
    return ""


def _paragraph(text: str) -> Block:
    return paragraph(_folded(text))


def _folded(text: str) -> str:
    return "\n".join(line for line in (one_line(part) for part in text.split(_BREAK)) if line)
