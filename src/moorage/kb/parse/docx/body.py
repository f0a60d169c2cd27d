"""The blocks of a Word file from top to bottom: headings with their numbers, paragraphs, lists, code, tables, text boxes, notes."""

from __future__ import annotations

import re

from moorage.kb.parse.base import Source
from moorage.kb.parse.docx.drawings import Drawings, Met, Place, alternative
from moorage.kb.parse.docx.inline import Inline, Line
from moorage.kb.parse.docx.names import COMPATIBLE, RELATION, WORD, is_on, number, value, value_of
from moorage.kb.parse.docx.numbering import Label, Numbering
from moorage.kb.parse.docx.styles import BODY_LEVEL, NO_STYLE, Style, Styles
from moorage.kb.parse.gallery import Gallery
from moorage.kb.parse.limits import NESTING
from moorage.kb.parse.markdown import Block, fence, heading, item, join_blocks, one_line, paragraph
from moorage.kb.parse.notices import part_damaged
from moorage.kb.parse.opc import Package
from moorage.kb.parse.sections import Sections, joined
from moorage.kb.parse.tables import COLUMNS, flat_table, pipe_table, repeated
from moorage.kb.parse.xml import Element, child_of, children_by_tag

_ITEM_NUMBER = re.compile(r"\d{1,9}[.)]$")
_ITEM_LETTER = re.compile(r"(?:[（(\[]?[0-9A-Za-z一二三四五六七八九十]{1,5}[)）\].．、]|[\u2460-\u24ff])$")
_PICTURES_ONLY = re.compile(r"(?:!\[[^\]]*\]\([^)]*\)\s*)+$")
# A memo set in Courier is no program: a capital, words, a full stop, and none of the signs of code. Nor is a Chinese sentence.
_PROSE = re.compile(r"^(?:[A-Z][^={}\[\]<>|\\$#;_/()]*\s[^={}\[\]<>|\\$#;_/()]*[.!?:]|[^#/]{0,3}[\u4e00-\u9fff].*)$", re.DOTALL)
_LINK = re.compile(r"(?<!!)\[((?:\\.|[^\]\\])*)\]\([^)\s]*\)")
_LONGEST_HEADING = 200
_LONGEST_PROSE = 1000
_NOTES = ("footnotes", "endnotes")
_PARAGRAPH, _TABLE = WORD + "p", WORD + "tbl"
_PROPERTIES, _STYLE, _OUTLINE, _NUMBERING, _MARK = WORD + "pPr", WORD + "pStyle", WORD + "outlineLvl", WORD + "numPr", WORD + "rPr"
_ENDS_PARAGRAPH = frozenset(WORD + name for name in ("tbl", "sdt", "altChunk"))
_TRANSPARENT = frozenset(WORD + name for name in ("ins", "moveTo", "smartTag", "customXml", "sdtContent"))


class Flow:
    """Blocks in the making: joins code lines to a fence and keeps the nesting of a list."""

    def __init__(self) -> None:
        self._blocks: list[Block] = []
        self._code: list[str] = []
        self._list: list[tuple[int, int]] = []  # (level, width of its marker and what is left of it)

    def add(self, block: Block) -> None:
        if block.text:
            self._end_code()
            self._list.clear()
            self._blocks.append(block)

    def extend(self, blocks: list[Block]) -> None:
        for block in blocks:
            self.add(block)

    def code(self, text: str) -> None:
        self._code.append(text)

    @property
    def is_in_code(self) -> bool:
        return bool(self._code)

    def takes_item(self, label: Label) -> bool:
        """Whether a paragraph with this label is an item: a bullet, a number that Markdown knows, or any other one inside of an open list."""
        if label.is_bullet or _ITEM_NUMBER.match(label.text):
            return True
        return _ITEM_LETTER.match(label.text) is not None and any(level < label.level for level, _ in self._list)

    def item(self, text: str, label: Label) -> None:
        self._end_code()
        while self._list and self._list[-1][0] >= label.level:
            self._list.pop()
        indent = self._list[-1][1] if self._list else 0
        marker = label.text if _ITEM_NUMBER.match(label.text) else "-"
        # Markdown knows no a) and no ①: such a label is text behind a bullet.
        block = item(text if marker == label.text else f"{label.text} {text}".strip(), marker, indent)
        if block.text:
            self._list.append((label.level, indent + len(marker) + 1))
            self._blocks.append(block)

    def blocks(self) -> list[Block]:
        self._end_code()
        return self._blocks

    def _end_code(self) -> None:
        if self._code:
            lines, self._code = self._code, []
            block = fence("\n".join(lines))
            if block.text:
                self._list.clear()
                self._blocks.append(block)


class Body:
    """Reads one Word file. Numbering and fields make the order of reading matter, so one object reads once."""

    def __init__(self, source: Source, package: Package, main: str, styles: Styles, numbering: Numbering) -> None:
        self._package = package
        self._main = main
        self._styles = styles
        self._numbering = numbering
        self.place = Place()
        self.foreign = Sections(source)
        self.met = Met()
        parts = (main, *(part for kind in _NOTES if (part := package.related(main, kind))))
        self.gallery = Gallery(package, parts)
        drawings = Drawings(package, main, self.gallery, self.place, self.met)
        self._inline = Inline(drawings, package.relationships(main), self._note, styles.monospaced_ids())
        self._note_texts: dict[str, dict[str, str]] = {}
        self._notes_waiting: list[str] = []
        self._note_count = 0
        self._open: Line | None = None  # a paragraph whose end was deleted goes on with the next one
        self.title = ""

    def markdown(self, body: Element) -> str:
        return join_blocks(self._blocks(body, depth=0, is_cell=False))

    def _blocks(self, container: Element, depth: int, is_cell: bool) -> list[Block]:
        flow = Flow()
        self._fill(flow, container, depth, is_cell)
        return flow.blocks()

    def _fill(self, flow: Flow, container: Element, depth: int, is_cell: bool) -> None:
        if depth > NESTING:
            flow.add(paragraph(" ".join(container.itertext(WORD + "t"))))
            return
        for child in container:
            tag = child.tag
            if tag in _ENDS_PARAGRAPH:
                self._close(flow, is_cell)
            if tag == _PARAGRAPH:
                self._paragraph(flow, child, depth, is_cell)
            elif tag == _TABLE:
                self._table(flow, child, depth, is_cell)
            elif tag == WORD + "sdt":
                self._content_control(flow, child, depth, is_cell)
            elif tag == WORD + "altChunk":
                self._foreign(flow, child)
            elif tag in _TRANSPARENT:
                self._fill(flow, child, depth + 1, is_cell)
            elif tag == COMPATIBLE + "AlternateContent":
                side = alternative(child)
                if side is not None:
                    self._fill(flow, side, depth + 1, is_cell)
            if not is_cell and self._notes_waiting:
                flow.extend([Block(note) for note in self._notes_waiting])
                self._notes_waiting.clear()
        self._close(flow, is_cell)

    def _close(self, flow: Flow, is_cell: bool) -> None:
        line, self._open = self._open, None
        if line is not None:
            self._write(flow, line, None, NO_STYLE, None, is_cell)

    def _foreign(self, flow: Flow, element: Element) -> None:
        """A document of another kind (a web page, mostly) that Word takes in when it opens the file; programs write whole files so."""
        found = self._package.relationships(self._main).get(element.get(RELATION + "id") or "")
        data = None if found is None or found.is_external else self._package.read(found.target)
        if found is not None and data is not None:
            self.foreign.add(found.target.rpartition("/")[2], data, "", 0)
            flow.add(Block(joined(self.foreign.parts)))
            self.foreign.parts.clear()
        elif found is not None and not found.is_external:
            self._package.notices.append(part_damaged(found.target))

    def _content_control(self, flow: Flow, control: Element, depth: int, is_cell: bool) -> None:
        content = child_of(control, WORD + "sdtContent")
        if content is None:
            return
        gallery = control.find(f"{WORD}sdtPr/{WORD}docPartObj/{WORD}docPartGallery")
        is_contents = gallery is not None and (gallery.get(WORD + "val") or "").lower() == "table of contents"
        self._fill(Flow() if is_contents else flow, content, depth + 1, is_cell)

    def _paragraph(self, flow: Flow, element: Element, depth: int, is_cell: bool) -> None:
        look = children_by_tag(child_of(element, _PROPERTIES)).get
        style = self._styles[value_of(look(_STYLE))]
        level = number(value_of(look(_OUTLINE)))
        level = style.outline if level is None else level
        is_heading = level is not None and 0 <= level < BODY_LEVEL and not is_cell
        if is_heading and not style.is_contents and self._inline.is_in_contents:
            self._inline.leave_contents()
        was_in_contents = self._inline.is_in_contents
        line = self._inline.read(element)
        if self._open is not None:
            line.follow(self._open)
            self._open = None
        is_deleted = _is_deleted(look(_MARK))
        if is_deleted and line.size() and not style.is_contents:
            self._open = line
            return
        if style.is_contents or is_deleted or (was_in_contents and not line.text.strip()):
            return
        label = self._numbering.label(look(_NUMBERING), style)
        is_item = label is not None and not is_heading and not is_cell and flow.takes_item(label)
        above, below = ([], [*line.above, *line.below]) if is_heading else (line.above, line.below)
        if is_item:  # a block of its own would end the list
            line.parts += [f"\n{image}" for image in (*above, *below)]
            above = below = []
        flow.extend([Block(image) for image in above])
        self._write(flow, line, label, style, level if is_heading else None, is_cell)
        flow.extend([Block(image) for image in below])
        for table in line.tables:
            flow.add(Block(table))
        for box in line.boxes:
            flow.extend(self._blocks(box, depth + 1, is_cell))

    def _write(self, flow: Flow, line: Line, label: Label | None, style: Style, level: int | None, is_cell: bool) -> None:
        text = line.text.strip()
        numbered = " ".join(filter(None, (label.text if label else "", text)))
        in_code_type = line.is_monospaced or (style.is_monospaced and not line.formulas)
        is_code = style.is_code or (in_code_type and bool(text) and not _is_prose(text))
        if level is not None and numbered and len(numbered) <= _LONGEST_HEADING and not _PICTURES_ONLY.match(text):
            plain = _LINK.sub(r"\1", numbered)  # a heading is what others refer to; its links follow it
            self.place.section = self.place.before = one_line(plain)
            flow.add(heading(level + 1, plain))
            flow.add(paragraph(" ".join(found[0] for found in _LINK.finditer(text))))
        elif is_code and "![" not in text and not label:
            if is_cell:
                flow.add(Block(line.text.rstrip()))
            elif text or flow.is_in_code:
                flow.code(line.text.replace("\t", "    ").rstrip())
        elif not text:
            if is_cell and label:  # a column of numbers that Word counts
                flow.add(paragraph(label.text))
            return
        elif style.is_title and not is_cell:
            self.title = self.title or one_line(text)
            self.place.section = one_line(text)
            flow.add(heading(1, text))
        elif line.is_formula and not is_cell and not label:
            flow.extend([Block(f"$${formula}$$") for formula in line.formulas])
        elif label and not is_cell and flow.takes_item(label):
            flow.item(text, label)
        else:
            bullet = "- " if label and label.is_bullet else ""
            flow.add(paragraph(bullet + numbered))
        self.place.before = one_line(text) or self.place.before

    def _table(self, flow: Flow, table: Element, depth: int, is_cell: bool) -> None:
        rows = [_cells(row, depth) for row in _rows(table, depth)]
        if len(rows) == 1 and len(rows[0]) == 1:  # a frame around text
            flow.extend(self._blocks(rows[0][0], depth + 1, is_cell))
            return
        grid = self._grid(table, depth)
        flow.add(Block(flat_table(grid) if is_cell else pipe_table(grid)))

    def _grid(self, table: Element, depth: int) -> list[list[str]]:
        """The cells as text. ``open_merges`` maps a column to the text of the vertically merged cell above."""
        grid: list[list[str]] = []
        open_merges: dict[int, str] = {}
        for row in _rows(table, depth):
            row_properties = child_of(row, WORD + "trPr")
            line = [""] * _span(row_properties, "gridBefore", 0)
            merges: dict[int, str] = {}
            for cell in _cells(row, depth):
                properties = child_of(cell, WORD + "tcPr")
                merge = child_of(properties, WORD + "vMerge")
                is_continued = merge is not None and merge.get(WORD + "val") != "restart" and len(line) in open_merges
                text = open_merges[len(line)] if is_continued else self._cell(cell, depth)
                if merge is not None:
                    merges[len(line)] = repeated(text)
                if not (_is_swallowed(properties) and line):
                    further = max(1, min(_span(properties, "gridSpan", 1), COLUMNS - len(line))) - 1
                    line += [text, *[repeated(text)] * further]
                else:
                    line.append(line[-1])
            open_merges = merges
            grid.append(line + [""] * _span(row_properties, "gridAfter", 0))
        return [line for line in grid if line]

    def _cell(self, cell: Element, depth: int) -> str:
        return "\n".join(block.text for block in self._blocks(cell, depth + 1, is_cell=True))

    def _note(self, kind: str, note_id: str) -> str:
        """The mark of a note; its text follows the paragraph or table, where a reader of a passage finds it."""
        if kind not in self._note_texts:
            self._note_texts[kind] = self._read_notes(kind)
        text = self._note_texts[kind].get(note_id)
        if not text:
            return ""
        self._note_count += 1
        self._notes_waiting.append(f"[^{self._note_count}]: {text}")
        return f"[^{self._note_count}]"

    def _read_notes(self, kind: str) -> dict[str, str]:
        part = self._package.related(self._main, kind)
        root = None if part is None else self._package.xml(part)
        if root is None or part is None:
            return {}
        drawings = Drawings(self._package, part, self.gallery, self.place, self.met)
        inline = Inline(drawings, self._package.relationships(part), lambda kind, note_id: "", frozenset())
        notes: dict[str, str] = {}
        for note in root:
            lines = [inline.read(p) for p in note.iter(WORD + "p")]
            texts = [one_line(" ".join((*line.above, line.text, *line.below))) for line in lines]
            notes[note.get(WORD + "id") or ""] = " ".join(text for text in texts if text)
        return notes


def _is_prose(text: str) -> bool:
    return len(text) <= _LONGEST_PROSE and _PROSE.match(text) is not None


def _rows(table: Element, depth: int) -> list[Element]:
    return [row for row in _below(table, WORD + "tr", depth) if child_of(child_of(row, WORD + "trPr"), WORD + "del") is None]


def _cells(row: Element, depth: int) -> list[Element]:
    return _below(row, WORD + "tc", depth)


def _below(element: Element, tag: str, depth: int) -> list[Element]:
    """Children of this name, also inside content controls and accepted insertions."""
    found: list[Element] = []
    for child in element:
        if child.tag == tag:
            found.append(child)
        elif depth < NESTING and (child.tag == WORD + "sdt" or child.tag in _TRANSPARENT):
            found += _below(child, tag, depth + 1)
    return found


def _span(properties: Element | None, name: str, default: int) -> int:
    return min(max(number(value(properties, name)) or default, default), COLUMNS)


def _is_swallowed(properties: Element | None) -> bool:
    """A cell merged into the one on its left, as old files write it."""
    merge = child_of(properties, WORD + "hMerge")
    return merge is not None and merge.get(WORD + "val") != "restart"


def _is_deleted(mark: Element | None) -> bool:
    """Whether the end of a paragraph, which these properties are of, was deleted."""
    return mark is not None and len(mark) > 0 and (is_on(mark, "del") or is_on(mark, "moveFrom"))
