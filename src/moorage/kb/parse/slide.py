"""One slide as blocks: its title, then its shapes in reading order, its notes and comments."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from moorage.kb.parse.charts import CHART, chart_blocks
from moorage.kb.parse.diagrams import DIAGRAM, diagram_block
from moorage.kb.parse.gallery import Gallery, description
from moorage.kb.parse.limits import NESTING
from moorage.kb.parse.markdown import Block, heading, one_line, paragraph, quote
from moorage.kb.parse.opc import Package
from moorage.kb.parse.slide_order import PRESENTATION, Box, in_reading_order
from moorage.kb.parse.slide_text import DRAWING, RELATION, plain_text, shape_block
from moorage.kb.parse.tables import Cell, pipe_table, spread
from moorage.kb.parse.xml import Element

_COMPATIBLE = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_CHARTS_2016 = "{http://schemas.microsoft.com/office/drawing/2014/chartex}"
_MEDIA = (DRAWING + "videoFile", DRAWING + "audioFile", DRAWING + "wavAudioFile", DRAWING + "quickTimeFile")
_CJK = re.compile(r"[\u3400-\u9fff]")
_TITLES = ("title", "ctrTitle")
_ON_EVERY_SLIDE = ("dt", "ftr", "sldNum", "hdr")
_SHOWN_BY_FALLBACK = ("v", "cx1", "cx2", "cx3", "cx4", "cx5", "cx6", "cx7", "cx8")
# A slide without a title placeholder often has a large line at its top that is one.
_TITLE_SIZE, _TEXT_SIZE, _TITLE_LENGTH, _TITLE_PART = 2400, 1800, 60, 0.3

Placeholder = tuple[str, str]  # type, index


@dataclass(frozen=True, slots=True)
class Template:
    """What a slide inherits: placeholders of its layout and its master, and the text styles by name, the master's before the deck's."""

    layout: Mapping[Placeholder, Element]
    master: Mapping[Placeholder, Element]
    styles: Mapping[str, Element]

    def above(self, key: Placeholder) -> list[Element]:
        """The placeholders that one of this type and index inherits from, the nearest first."""
        by_index = next((shape for (_, index), shape in self.layout.items() if index == key[1] and index), None)
        layout = by_index if by_index is not None else _of_kind(self.layout, key[0])
        master = _of_kind(self.master, key[0])
        return [shape for shape in (layout, master) if shape is not None]


@dataclass(slots=True)
class Met:
    """What the notices of a deck are about: numbers of slides, and counts."""

    damaged: list[int] = field(default_factory=list[int])
    hidden: list[int] = field(default_factory=list[int])
    media: list[int] = field(default_factory=list[int])
    objects: list[int] = field(default_factory=list[int])
    charts: int = 0
    diagrams: int = 0


class SlideReader:
    """Reads one slide. ``met`` and ``gallery`` are those of the deck."""

    def __init__(self, package: Package, part: str, number: int, template: Template, gallery: Gallery, met: Met) -> None:
        self._package = package
        self._part = part
        self._number = number
        self._template = template
        self._gallery = gallery
        self._met = met
        self._section = ""
        self._before = ""

    def blocks(self, tree: Element, height: int) -> list[Block]:
        """The slide with its title as heading; empty for a slide that says nothing."""
        shapes = self._ordered(tree)
        title_shape = next((s for s in shapes if _placeholder(s)[0] in _TITLES and self._said(s)), None)
        title_shape = title_shape if title_shape is not None else self._large_line(shapes, height)
        title = "" if title_shape is None else one_line(self._said(title_shape))
        said = "".join(map(self._said, shapes))
        self._section = title or (f"幻灯片 {self._number}" if _CJK.search(said) else f"Slide {self._number}")
        self._before = title
        blocks = [block for shape in shapes if shape is not title_shape for block in self._shape(shape, 0)]
        blocks += self._notes() + self._comments()
        blocks = [block for block in blocks if block.text]
        return [heading(2, self._section), *blocks] if title or blocks else []

    def _ordered(self, tree: Element) -> list[Element]:
        placed = ((self._box(shape), shape) for shape in _shapes(tree) if _placeholder(shape)[0] not in _ON_EVERY_SLIDE)
        return in_reading_order(placed)

    def _box(self, shape: Element) -> Box:
        for candidate in (shape, *self._above(shape)):
            for frame in candidate.iter(DRAWING + "xfrm", PRESENTATION + "xfrm"):
                offset, size = frame.find(DRAWING + "off"), frame.find(DRAWING + "ext")
                if offset is not None:
                    width, height = ("", "") if size is None else (size.get("cx"), size.get("cy"))
                    return Box(_length(offset.get("y")), _length(offset.get("x")), _length(height), _length(width))
                break
        return Box(0, 0, 0, 0)

    def _above(self, shape: Element) -> list[Element]:
        key = _placeholder(shape)
        return self._template.above(key) if key != ("", "") else []

    def _said(self, shape: Element) -> str:
        body = shape.find(PRESENTATION + "txBody")
        return "" if body is None else plain_text(body, self._address)

    def _large_line(self, shapes: list[Element], height: int) -> Element | None:
        """The one short line near the top of the slide whose letters are larger than all others."""
        sizes = [
            (_letter_size(body), shape)
            for shape in shapes
            if (body := shape.find(PRESENTATION + "txBody")) is not None and self._said(shape)
        ]
        if not sizes:
            return None
        largest, shape = max(sizes, key=lambda found: found[0])
        is_alone = sum(size == largest for size, _ in sizes) == 1 and largest >= _TITLE_SIZE
        text = self._said(shape)
        is_line = "\n" not in text and len(text) <= _TITLE_LENGTH
        return shape if is_alone and is_line and self._box(shape).top <= _TITLE_PART * height else None

    def _shape(self, shape: Element, depth: int) -> list[Block]:
        if shape.tag == PRESENTATION + "grpSp":
            return [block for inner in self._ordered(shape) for block in self._shape(inner, depth + 1)] if depth < NESTING else []
        if shape.tag == PRESENTATION + "graphicFrame":
            return self._frame(shape)
        blocks = self._pictures(shape)
        if any(next(shape.iter(tag), None) is not None for tag in _MEDIA):
            self._met.media.append(self._number)
        body = shape.find(PRESENTATION + "txBody")
        if body is not None:
            blocks.append(shape_block(body, self._styles(shape, body), self._address))
            self._before = one_line(self._said(shape)) or self._before
        return blocks

    def _frame(self, frame: Element) -> list[Block]:
        """A table, chart, diagram or embedded object."""
        table = next(frame.iter(DRAWING + "tbl"), None)
        if table is not None:
            return [self._table(table)]
        blocks: list[Block] = []
        for element in frame.iter(CHART + "chart", _CHARTS_2016 + "chart"):
            blocks += self._chart(element)
        for element in frame.iter(DIAGRAM + "relIds"):
            blocks += self._diagram(element)
        if next(frame.iter(PRESENTATION + "oleObj"), None) is not None:
            self._met.objects.append(self._number)
        return blocks + self._pictures(frame)

    def _pictures(self, shape: Element) -> list[Block]:
        alt = description(next((p.get("descr") for p in shape.iter(PRESENTATION + "cNvPr") if p.get("descr")), ""))
        relations = [blip.get(RELATION + "embed") or blip.get(RELATION + "link") or "" for blip in shape.iter(DRAWING + "blip")]
        return [Block(self._gallery.show(self._part, one, alt, self._before, self._section)) for one in relations if one]

    def _table(self, table: Element) -> Block:
        rows: list[list[Cell]] = []
        for row in table.findall(DRAWING + "tr"):
            cells = [cell for cell in row.findall(DRAWING + "tc") if not (_is_on(cell.get("hMerge")) or _is_on(cell.get("vMerge")))]
            rows.append([self._cell(cell) for cell in cells])
        return Block(pipe_table(spread(rows)))

    def _cell(self, cell: Element) -> Cell:
        body = cell.find(DRAWING + "txBody")
        text = "" if body is None else plain_text(body, self._address)
        return Cell(text, max(1, _length(cell.get("rowSpan"))), max(1, _length(cell.get("gridSpan"))))

    def _chart(self, element: Element) -> list[Block]:
        root = self._related_xml(element.get(RELATION + "id"))
        blocks = [] if root is None else chart_blocks(root)
        if not blocks and root is not None:
            blocks = [paragraph(one_line(" ".join(t.text or "" for t in root.iter(DRAWING + "t"))))]
        self._met.charts += not any(block.text.startswith("|") for block in blocks)
        return blocks

    def _diagram(self, element: Element) -> list[Block]:
        root = self._related_xml(element.get(RELATION + "dm"))
        block = Block("") if root is None else diagram_block(root)
        self._met.diagrams += not block.text
        return [block]

    def _notes(self) -> list[Block]:
        part = self._package.related(self._part, "notesSlide")
        root = self._package.xml(part) if part else None
        bodies = (
            ()
            if root is None
            else (s.find(PRESENTATION + "txBody") for s in root.iter(PRESENTATION + "sp") if _placeholder(s)[0] == "body")
        )
        text = "\n".join(said for body in bodies if body is not None and (said := plain_text(body, lambda _: "")))
        return [_marked("备注" if _CJK.search(text) else "Notes", text)]

    def _comments(self) -> list[Block]:
        part = self._package.related(self._part, "comments")
        root = self._package.xml(part) if part else None
        texts: list[str] = []
        for element in () if root is None else root.iter():
            name = str(element.tag).rpartition("}")[2]
            if name == "text":
                texts.append(one_line(element.text or ""))
            elif name == "p":
                texts.append(one_line("".join(element.itertext(DRAWING + "t"))))
        text = "\n".join(filter(None, texts))
        return [_marked("批注" if _CJK.search(text) else "Comments", text)]

    def _styles(self, shape: Element, body: Element) -> list[Element]:
        """The lists of levels that the text of a shape inherits, the nearest first."""
        kind, index = _placeholder(shape)
        bodies = [body, *(found for above in self._above(shape) if (found := above.find(PRESENTATION + "txBody")) is not None)]
        named = "otherStyle" if (kind, index) == ("", "") else "titleStyle" if kind in _TITLES else "bodyStyle"
        lists = [found for one in bodies if (found := one.find(DRAWING + "lstStyle")) is not None]
        return lists + [self._template.styles[name] for name in (named, "defaultTextStyle") if name in self._template.styles]

    def _related_xml(self, relation: str | None) -> Element | None:
        found = self._package.relationships(self._part).get(relation or "")
        return None if found is None or found.is_external else self._package.xml(found.target)

    def _address(self, relation: str) -> str:
        found = self._package.relationships(self._part).get(relation)
        return found.target if found is not None and found.is_external else ""


def placeholders(root: Element) -> dict[Placeholder, Element]:
    """The placeholders of a layout or master by type and index; the first of equals."""
    found: dict[Placeholder, Element] = {}
    for shape in root.iter(PRESENTATION + "sp", PRESENTATION + "pic", PRESENTATION + "graphicFrame"):
        key = _placeholder(shape)
        if key != ("", ""):
            found.setdefault(key, shape)
    return found


def _shapes(tree: Element) -> Iterator[Element]:
    """The shapes of a tree or group, one side of every alternative."""
    wanted = {PRESENTATION + name for name in ("sp", "pic", "graphicFrame", "grpSp", "cxnSp")}
    for child in tree:
        if child.tag in wanted:
            yield child
        elif child.tag == _COMPATIBLE + "AlternateContent":
            side = _side(child)
            yield from (inner for inner in (() if side is None else side) if inner.tag in wanted)


def _side(alternate: Element) -> Element | None:
    """The Choice, unless it is what only a newer program draws, or an object whose picture stands in the Fallback."""
    choice, fallback = alternate.find(_COMPATIBLE + "Choice"), alternate.find(_COMPATIBLE + "Fallback")
    if choice is None or fallback is None:
        return choice if choice is not None else fallback
    is_object = (choice.get("Requires") or "") in ("v",) or next(choice.iter(PRESENTATION + "contentPart"), None) is not None
    return fallback if is_object else choice


def _of_kind(found: Mapping[Placeholder, Element], kind: str) -> Element | None:
    wanted = _TITLES if kind in _TITLES else (kind,)
    exact = next((shape for (one, _), shape in found.items() if one in wanted), None)
    if exact is not None or kind in _TITLES or kind in _ON_EVERY_SLIDE:
        return exact
    return next((shape for (one, _), shape in found.items() if one == "body"), None)


def _placeholder(shape: Element) -> Placeholder:
    """Type and index of a placeholder; a plain shape has neither. A placeholder without type is one for any content."""
    for properties in shape:
        name = str(properties.tag).rpartition("}")[2]
        if name.startswith("nv"):
            found = properties.find(f"{PRESENTATION}nvPr/{PRESENTATION}ph")
            return ("", "") if found is None else (found.get("type") or "obj", found.get("idx") or "")
    return "", ""


def _letter_size(body: Element) -> int:
    sizes = [_length(run.get("sz")) for run in body.iter(DRAWING + "rPr") if run.get("sz")]
    return max(sizes, default=_TEXT_SIZE)


def _marked(word: str, text: str) -> Block:
    colon = "：" if _CJK.search(word) else ":"
    return quote(f"**{word}{colon}** {text}") if text else Block("")


def _is_on(text: str | None) -> bool:
    return text in ("1", "true")


def _length(text: str | None) -> int:
    return int(text) if text and text.lstrip("-").isdecimal() and len(text) < 12 else 0
