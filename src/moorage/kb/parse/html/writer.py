"""Writes the elements of a page as blocks of Markdown: headings, lists, tables, code, quotes, and paragraphs of what runs between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from moorage.kb.parse.html.code import code_text, language_of
from moorage.kb.parse.html.grid import Grids, is_too_sparse, row_groups
from moorage.kb.parse.html.inline import BREAK, Inline
from moorage.kb.parse.html.marks import Marks
from moorage.kb.parse.limits import NESTING
from moorage.kb.parse.markdown import Block, fence, heading, item, join_blocks, one_line, paragraph, quote
from moorage.kb.parse.tables import flat_table, pipe_table

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_LISTS = frozenset(("ul", "ol", "menu", "dir"))
_STRUCTURES = frozenset((*_HEADINGS, *_LISTS, "pre", "listing", "xmp", "table", "blockquote", "dl", "hr"))
# Elements that only end and begin paragraphs.
_CONTAINERS = frozenset(
    "p div section article main header footer form fieldset legend center address figure figcaption details summary body html li dt dd tr td th tbody thead "
    "tfoot caption hgroup aside search frameset noframes".split()
)
_NO_FIRST = ("```", "| ", "#", "> ", "$$")
_PRESENTATION = frozenset(("presentation", "none"))


class Writer:
    """Writes one page. ``items`` are paragraphs that are list items: (level, marker) by ``mem_id``."""

    def __init__(self, marks: Marks, inline: Inline, items: Mapping[int, tuple[int, str]]) -> None:
        self._marks = marks
        self._inline = inline
        self._items = items
        self._grids = Grids()

    def blocks(self, node: LexborNode, depth: int = 0) -> list[Block]:
        """What is inside a node: running text becomes paragraphs between the structures."""
        if depth > NESTING:
            return [paragraph(one_line(" ".join(self._marks.texts(node))))]
        blocks: list[Block] = []
        running: list[str] = []
        for child in self._flow(node):
            if child is not None and not self._is_block(child):
                running.append(self._inline.after(running, child))
                continue
            if running:
                self._add(blocks, self._paragraph("".join(running)))
                running.clear()
            if child is not None:
                for block in self._block(child, depth + 1):
                    self._add(blocks, block)
        self._add(blocks, self._paragraph("".join(running)))
        return blocks

    def _add(self, blocks: list[Block], block: Block) -> None:
        if block.text:
            blocks.append(block)
            self._inline.seen(block.text)

    def _flow(self, node: LexborNode) -> Iterator[LexborNode | None]:
        """The seen nodes in order, with None where a paragraph ends. Containers are gone into, however deep they are, without recursion."""
        marks, items = self._marks, self._items
        stack = [node.iter(include_text=True)]
        while stack:
            child = next(stack[-1], None)
            if child is None:
                stack.pop()
                yield None
                continue
            tag = child.tag or ""
            if tag == "-text":
                yield child
                continue
            identity = child.mem_id
            if identity in marks.unseen or tag == "-comment":
                continue
            is_container = (tag in _CONTAINERS or identity in marks.wrappers) and identity not in marks.formulas
            if is_container and identity not in items and not self._is_heading(identity):
                yield None
                if identity in marks.headings:
                    yield child
                stack.append(child.iter(include_text=True))
            else:
                yield child

    def _is_heading(self, identity: int) -> bool:
        found = self._marks.headings.get(identity)
        return found is not None and found[2]

    def _is_block(self, node: LexborNode) -> bool:
        tag = node.tag or ""
        if tag == "-text":
            return False
        identity = node.mem_id
        if identity in self._marks.formulas:
            return self._marks.formulas[identity].startswith("$$\n")
        return tag in _STRUCTURES or identity in self._items or identity in self._marks.headings

    def _block(self, node: LexborNode, depth: int) -> list[Block]:
        tag, identity = node.tag or "", node.mem_id
        if identity in self._marks.formulas:
            return [Block(self._marks.formulas[identity])]
        if identity in self._marks.headings:
            level, text, _ = self._marks.headings[identity]
            return [heading(level, text or self._line(node))]
        if tag in _HEADINGS:
            return [heading(_HEADINGS[tag], self._line(node))]
        if tag in ("pre", "listing", "xmp"):
            return [fence(code_text(node, self._marks), language_of(node))]
        if identity in self._items:
            level, marker = self._items[identity]
            return [item(_folded(self._inline.inside(node)), marker, level * 2)]
        if tag in _LISTS:
            return self._list(node, depth, 0)
        if tag == "table":
            return self._table(node, depth)
        if tag == "blockquote":
            return [quote(join_blocks(self.blocks(node, depth)))]
        return self._definitions(node, depth) if tag == "dl" else []

    def _line(self, node: LexborNode) -> str:
        return self._inline.inside(node).replace(BREAK, " ")

    def _paragraph(self, text: str) -> Block:
        return paragraph(_folded(text)) if text and not text.isspace() else Block("")

    def _list(self, node: LexborNode, depth: int, indent: int) -> list[Block]:
        if depth > NESTING:
            return [item(one_line(" ".join(self._marks.texts(node))), "-", indent)]
        blocks: list[Block] = []
        start = (node.attributes.get("start") or "1") if node.tag == "ol" else "1"
        number = int(start) if start.isdecimal() and len(start) < 9 else 1
        for child in node.iter():
            if child.mem_id in self._marks.unseen:
                continue
            if child.tag in _LISTS:
                blocks += self._list(child, depth + 1, indent + 2)
            elif child.tag == "li":
                blocks += self._item(child, f"{number}." if node.tag == "ol" else "-", depth + 1, indent)
                number += 1
            elif child.tag != "-comment":
                blocks += self._item(child, "-", depth + 1, indent)
        return blocks

    def _item(self, node: LexborNode, marker: str, depth: int, indent: int) -> list[Block]:
        """An item, and the items of the lists in it after what stands before them."""
        hang = indent + len(marker) + 1
        blocks: list[Block] = []
        own: list[str] = []
        for part in self._parts_of_item(node, depth, hang):
            if part.is_item:
                blocks += self._hung(own, marker if not blocks else "", indent, hang)
                blocks.append(part)
                own = []
            else:
                own.append(part.text)
        return [*blocks, *self._hung(own, marker if not blocks else "", indent, hang)]

    def _hung(self, texts: list[str], marker: str, indent: int, hang: int) -> list[Block]:
        """Texts hung below a marker; without one they go on with the item above, after a blank line."""
        if not texts:
            return []
        text = "".join(f"{'' if not at else chr(10) * (2 if one.startswith('| ') else 1)}{one}" for at, one in enumerate(texts))
        if not marker or text.startswith(_NO_FIRST):  # what cannot begin an item is hung below its marker
            text = "\n" + text
        first, *rest = text.split("\n")
        return [
            Block(
                "\n".join([f"{' ' * indent}{marker} {first}".rstrip(), *(f"{' ' * hang}{line}" if line else "" for line in rest)]),
                is_item=True,
            )
        ]

    def _parts_of_item(self, node: LexborNode, depth: int, hang: int) -> list[Block]:
        """What stands in an item. Only the items of lists in it, already indented, are ``is_item``."""
        parts: list[Block] = []
        running: list[str] = []
        for child in self._flow(node):
            if child is not None and not self._is_block(child):
                running.append(self._inline.after(running, child))
                continue
            if running:
                parts.append(self._paragraph("".join(running)))
                running.clear()
            if child is not None and child.tag in _LISTS:
                parts += self._list(child, depth + 1, hang)
            elif child is not None:
                parts += [Block(block.text) for block in self._block(child, depth + 1)]
        parts.append(self._paragraph("".join(running)))
        return [part for part in parts if part.text]

    def _definitions(self, node: LexborNode, depth: int) -> list[Block]:
        """Terms with their definitions below, each pair one paragraph."""
        if depth > NESTING:
            return [paragraph(one_line(" ".join(self._marks.texts(node))))]
        blocks: list[Block] = []
        terms: list[str] = []
        for child in self._entries(node):
            if child.tag == "dt":
                terms.append(_folded(self._line(child)))
                continue
            parts = self.blocks(child, depth + 1) if child.tag == "dd" else self._block(child, depth + 1)
            if parts and not parts[0].is_item and not parts[0].text.startswith(_NO_FIRST):
                first = Block("\n".join([*terms, f": {parts[0].text}"]))
                blocks += [first, *parts[1:]]
            else:
                blocks += [paragraph("\n".join(terms)), *parts]
            terms.clear()
        return [*blocks, paragraph("\n".join(terms))]

    def _entries(self, node: LexborNode) -> Iterator[LexborNode]:
        for child in node.iter():
            if child.mem_id in self._marks.unseen:
                continue
            if child.tag == "div":
                yield from (inner for inner in child.iter() if inner.tag in ("dt", "dd"))
            elif child.tag in ("dt", "dd") or self._is_block(child):
                yield child

    def _table(self, node: LexborNode, depth: int) -> list[Block]:
        caption = next((child for child in node.iter() if child.tag == "caption"), None)
        before = [self._paragraph(self._inline.inside(caption))] if caption is not None else []
        groups = self._rows(node)
        cells = [cell for rows in groups for row in rows for cell in row]
        if self._is_frame(node, groups, cells):
            return [*before, *(block for cell in cells for block in self.blocks(cell, depth + 1))]
        grid = self._grids.fill(groups, lambda cell: self._cell(cell, depth + 1))
        if is_too_sparse(grid):
            return [*before, paragraph(flat_table(grid))]
        return [*before, Block(pipe_table(grid))]

    def _rows(self, table: LexborNode) -> list[list[list[LexborNode]]]:
        unseen = self._marks.unseen
        return [[[cell for cell in row if cell.mem_id not in unseen] for row in rows] for rows in row_groups(table)]

    def _is_frame(self, node: LexborNode, groups: list[list[list[LexborNode]]], cells: list[LexborNode]) -> bool:
        """Whether a table only places things: it says so, has one cell, or has one column of whole passages."""
        if (node.attributes.get("role") or "") in _PRESENTATION or len(cells) == 1:
            return True
        if any(len(row) > 1 for rows in groups for row in rows):
            return any(cell.css_first("h1, h2, h3") is not None for cell in cells) and node.css_first("th") is None
        return node.css_first("td table, td h1, td h2, td h3, td h4, td p + p, td ul, td ol, td pre") is not None

    def _cell(self, node: LexborNode, depth: int) -> str:
        """A cell as lines; a table inside as text."""
        if depth > NESTING:
            return one_line(" ".join(self._marks.texts(node)))
        lines: list[str] = []
        running: list[str] = []
        for child in self._flow(node):
            if child is not None and not self._is_block(child):
                running.append(self._inline.after(running, child))
                continue
            if running:
                lines.append(_folded("".join(running)))
                running.clear()
            if child is not None:
                lines += self._in_cell(child, depth)
        lines.append(_folded("".join(running)))
        return "\n".join(line for line in lines if line.strip())

    def _in_cell(self, node: LexborNode, depth: int) -> list[str]:
        tag = node.tag or ""
        if tag == "table":
            return [flat_table(self._grids.fill(self._rows(node), lambda cell: self._cell(cell, depth + 1)))]
        if tag in ("pre", "listing", "xmp"):
            return [code_text(node, self._marks).strip()]
        if tag in _HEADINGS or node.mem_id in self._marks.headings:
            return [_folded(self._line(node))]
        if node.mem_id in self._marks.formulas:
            return [self._marks.formulas[node.mem_id].replace("\n", " ").replace("$$ ", "$").replace(" $$", "$")]
        return [block.text for block in self._block(node, depth + 1)]


def _folded(text: str) -> str:
    if BREAK not in text:
        return one_line(text)
    return "\n".join(line for line in (one_line(part) for part in text.split(BREAK)) if line)
