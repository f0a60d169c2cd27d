"""What calamine does not tell of an xlsx file: number formats, errors, links, comments, drawings, hidden rows, formulas without a result."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from moorage.kb.parse.cell_pictures import PARTS, CellPictures
from moorage.kb.parse.charts import CHART, chart_blocks, chart_title
from moorage.kb.parse.gallery import Gallery, description
from moorage.kb.parse.markdown import Block, paragraph
from moorage.kb.parse.number_format import BUILT_IN, is_date_format, number_format
from moorage.kb.parse.opc import Package
from moorage.kb.parse.slide_text import plain_text
from moorage.kb.parse.xml import Element

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_DRAWING = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_ANCHOR = "{http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing}"
_THREADED = "{http://schemas.microsoft.com/office/spreadsheetml/2018/threadedcomments}threadedComment"
_BUILT_IN_DATES = {*range(14, 23), *range(27, 37), 45, 46, 47, *range(50, 59)}
_ATTRIBUTE = re.compile(rb"""([\w:]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_PLACE = re.compile(rb"([A-Za-z]{1,3})(\d{1,7})")
_HYPERLINK = re.compile(rb"<(?:\w+:)?hyperlink\s([^>]*)>")
_FORMULA_LINK = re.compile(
    rb"""<(?:\w+:)?c\s([^>]*)><(?:\w+:)?f[^>]*>\s*HYPERLINK\((?:"|&quot;)(https?://(?:[^"&<]|&amp;)*)""", re.IGNORECASE
)
_NO_RESULT = re.compile(
    rb"<(?:\w+:)?c\s([^>]*)><(?:\w+:)?f\b[^>]*(?:/>|>[^<]*</(?:\w+:)?f>)(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v></(?:\w+:)?v>)?</(?:\w+:)?c>"
)
_HIDDEN = re.compile(rb"<(?:\w+:)?(?:row|col)\s[^>]*\bhidden=[\"'](?:1|true)[\"']")
_LINKED_CELLS = 1000

Place = tuple[int, int]
"""Row and column of a cell, from 0."""
Formats = dict[bytes, Callable[[float], str]]


@dataclass(slots=True)
class Extras:
    """What is known of a sheet beside its values, by place; ``blocks`` are its charts and text boxes in order."""

    formats: dict[Place, Callable[[float], str]] = field(default_factory=dict[Place, Callable[[float], str]])
    errors: dict[Place, str] = field(default_factory=dict[Place, str])
    links: dict[Place, str] = field(default_factory=dict[Place, str])
    comments: dict[Place, str] = field(default_factory=dict[Place, str])
    values: dict[Place, int] = field(default_factory=dict[Place, int])
    pictures: list[tuple[Place, str, str, str]] = field(default_factory=list[tuple[Place, str, str, str]])  # part, relationship, alt
    blocks: list[Block] = field(default_factory=list[Block])
    without_result: int = 0
    hidden: int = 0
    unread_charts: int = 0


class Workbook:
    """An xlsx package: which part each sheet is, and what stands beside its values."""

    def __init__(self, package: Package) -> None:
        self._package = package
        self.parts = _sheet_parts(package)
        self.styles = _styles(package) if self.parts else []
        self.cell_pictures = CellPictures(package)
        self._formats: Formats = {
            str(index).encode(): show
            for index, code in enumerate(self.styles)
            if not is_date_format(code) and (show := number_format(code))
        }
        drawings = (package.related(part, "drawing") for part in self.parts.values())
        self.gallery = Gallery(package, [*(drawing for drawing in drawings if drawing), *(part for part in PARTS if package.has(part))])

    def data(self, sheet: str) -> bytes:
        """The XML of a sheet; empty for one that is not there."""
        part = self.parts.get(sheet)
        return (self._package.read(part) if part else None) or b""

    def extras(self, sheet: str, data: bytes) -> Extras:
        """What stands beside the values of a sheet."""
        found = Extras()
        part = self.parts.get(sheet)
        if part is None:
            return found
        self._cells(data, found)
        found.links |= _formula_links(data) if b"HYPERLINK" in data else {}
        found.links |= self._links(part, data) if b"hyperlink" in data else {}
        found.comments = self._comments(part)
        found.without_result = (
            sum(b't="str"' not in match[1] for match in _NO_RESULT.finditer(data)) if b"f>" in data or b"<f" in data else 0
        )
        found.hidden = len(_HIDDEN.findall(data)) if b"hidden=" in data else 0
        self._drawing(part, found)
        return found

    def _cells(self, data: bytes, found: Extras) -> None:
        """The cells whose number has a format of its own, whose value is an error, or whose value is a picture."""
        wanted = [rb'\bs="(?:' + b"|".join(self._formats) + rb')"'] if self._formats else []
        wanted += [rb'\bt="e"'] if b't="e"' in data else []
        wanted += [rb'\bvm="\d'] if b" vm=" in data else []
        if not wanted:
            return
        cell = re.compile(
            rb"<(?:\w+:)?c\s(?=[^>]*?(?:"
            + b"|".join(wanted)
            + rb"))([^>]*)>(?:<(?:\w+:)?f[^>]*(?:/>|>[^<]*</(?:\w+:)?f>))?(?:<(?:\w+:)?v>([^<]*)<)?"
        )
        for match in cell.finditer(data):
            attributes = {name: one or other for name, one, other in _ATTRIBUTE.findall(match[1])}
            place = place_of(attributes.get(b"r", b""))
            if place is None:
                continue
            if attributes.get(b"t") == b"e":
                found.errors[place] = html.unescape((match[2] or b"").decode("utf-8", "replace"))
            elif show := self._formats.get(attributes.get(b"s", b"")):
                found.formats[place] = show
            if attributes.get(b"vm", b"").isdigit():
                found.values[place] = int(attributes[b"vm"][:9])

    def _links(self, part: str, data: bytes) -> dict[Place, str]:
        relations = self._package.relationships(part)
        found: dict[Place, str] = {}
        for match in _HYPERLINK.finditer(data):
            attributes = {name.rpartition(b":")[2]: one or other for name, one, other in _ATTRIBUTE.findall(match[1])}
            relation = relations.get(attributes.get(b"id", b"").decode("utf-8", "replace"))
            if relation is None or not relation.is_external:
                continue
            first, _, last = attributes.get(b"ref", b"").partition(b":")
            start, end = place_of(first), place_of(last or first)
            if start is not None and end is not None and (end[0] - start[0] + 1) * (end[1] - start[1] + 1) <= _LINKED_CELLS:
                found |= {(r, c): relation.target for r in range(start[0], end[0] + 1) for c in range(start[1], end[1] + 1)}
        return found

    def _comments(self, part: str) -> dict[Place, str]:
        """Notes, and conversations in place of the notes that older programs see for them."""
        found: dict[Place, str] = {}
        talks: dict[Place, list[str]] = {}
        for relation in self._package.relationships(part).values():
            if relation.is_external or relation.kind not in ("comments", "threadedComment"):
                continue
            root = self._package.xml(relation.target)
            for comment in () if root is None else root.iter(MAIN + "comment", _THREADED):
                place = place_of((comment.get("ref") or "").encode())
                texts = (t.text or "" for t in comment.iter() if str(t.tag).rpartition("}")[2] in ("t", "text"))
                text = "".join(texts).strip()
                if place is None or not text:
                    continue
                if comment.tag == _THREADED:
                    talks.setdefault(place, []).append(text)
                else:
                    found[place] = text
        return found | {place: "\n".join(texts) for place, texts in talks.items()}

    def _drawing(self, part: str, found: Extras) -> None:
        drawing = self._package.related(part, "drawing")
        root = self._package.xml(drawing) if drawing else None
        if drawing is None or root is None:
            return
        blocks: list[tuple[Place, list[Block]]] = []
        for anchor in root:
            place = _anchored(anchor)
            for picture in anchor.iter(_ANCHOR + "pic"):
                alt = description(next((p.get("descr") for p in picture.iter(_ANCHOR + "cNvPr")), ""))
                for blip in picture.iter(_DRAWING + "blip"):
                    relation = blip.get(_RELATION + "embed") or blip.get(_RELATION + "link") or ""
                    found.pictures += [(place, drawing, relation, alt)] if relation else []
            for body in anchor.iter(_ANCHOR + "txBody"):
                blocks.append((place, [paragraph(plain_text(body, lambda _: ""))]))
            for chart in anchor.iter(CHART + "chart"):
                drawn = self._chart(drawing, chart.get(_RELATION + "id") or "")
                found.unread_charts += not any(block.text.startswith("|") for block in drawn)
                blocks.append((place, drawn))
        found.blocks = [block for _, group in sorted(blocks, key=_by_place) for block in group]

    def _chart(self, drawing: str, relation: str) -> list[Block]:
        target = self._package.relationships(drawing).get(relation)
        root = None if target is None or target.is_external else self._package.xml(target.target)
        return [] if root is None else chart_blocks(root) or [paragraph(chart_title(root))]


def place_of(reference: bytes) -> Place | None:
    """The place of a reference like ``B12``; None for what is none."""
    match = _PLACE.fullmatch(reference.strip().replace(b"$", b""))
    return None if match is None or match[2] == b"0" else (int(match[2]) - 1, column_of(match[1].upper()) - 1)


def column_of(letters: bytes) -> int:
    """The number of a column from its letters, A is 1."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _by_place(found: tuple[Place, list[Block]]) -> Place:
    return found[0]


def _formula_links(data: bytes) -> dict[Place, str]:
    found: dict[Place, str] = {}
    for match in _FORMULA_LINK.finditer(data):
        attributes = {name: one or other for name, one, other in _ATTRIBUTE.findall(match[1])}
        place = place_of(attributes.get(b"r", b""))
        if place is not None:
            found[place] = html.unescape(match[2].decode("utf-8", "replace"))
    return found


def _anchored(anchor: Element) -> Place:
    start = anchor.find(_ANCHOR + "from")
    if start is None:
        return 0, 0
    texts = [found.text or "" if (found := start.find(_ANCHOR + name)) is not None else "" for name in ("row", "col")]
    row, column = (int(text) if text.isdecimal() and len(text) < 8 else 0 for text in texts)
    return row, column


def _sheet_parts(package: Package) -> dict[str, str]:
    main = package.related("", "officeDocument") or "xl/workbook.xml"
    root = package.xml(main) if main.endswith(".xml") else None
    relations = package.relationships(main) if root is not None else {}
    sheets: Iterator[Element] = iter(()) if root is None else root.iter(MAIN + "sheet")
    found = {sheet.get("name") or "": relations.get(sheet.get(_RELATION + "id") or "") for sheet in sheets}
    return {name: relation.target for name, relation in found.items() if relation is not None and not relation.is_external}


def _styles(package: Package) -> list[str]:
    """The format code of each cell style; empty for the plain one."""
    root = package.xml("xl/styles.xml")
    if root is None:
        return []
    codes = {str(number): code for number, code in BUILT_IN.items()} | {str(number): "yyyy-mm-dd" for number in _BUILT_IN_DATES}
    codes |= {element.get("numFmtId") or "": element.get("formatCode") or "" for element in root.iter(MAIN + "numFmt")}
    cells = root.find(MAIN + "cellXfs")
    return [] if cells is None else [codes.get(element.get("numFmtId") or "", "") for element in cells]
