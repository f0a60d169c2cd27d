"""Presentations through python-pptx: a heading per slide, shapes from top to bottom, tables, charts, notes and pictures."""

# python-pptx ships types for half of what we use.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportAttributeAccessIssue=false, reportPrivateUsage=false

from __future__ import annotations

import io
import zlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

from moorage.core.nouns import Notice, Scalar
from moorage.kb.parse import notices
from moorage.kb.parse.base import PageStart, Parsed, Picture, Source
from moorage.kb.parse.limits import NESTING
from moorage.kb.parse.markdown import Block, heading, image, item, join_blocks, one_line, paragraph, quote
from moorage.kb.parse.notices import unreadable
from moorage.kb.parse.opc import Package, without_dangling_relationships
from moorage.kb.parse.pictures import as_picture, unshown_kind
from moorage.kb.parse.properties import core_properties
from moorage.kb.parse.sniff import PPTX
from moorage.kb.parse.tables import Cell, pipe_table, spread

if TYPE_CHECKING:
    from pptx.shapes.base import BaseShape
    from pptx.slide import Slide
    from pptx.table import Table
    from pptx.text.text import TextFrame

_DRAWING = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_DIAGRAM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}"
# What python-pptx raises for damaged files: it follows the XML without asking.
_DAMAGE = (
    KeyError,
    ValueError,
    AttributeError,
    IndexError,
    TypeError,
    AssertionError,
    NotImplementedError,
    BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    SyntaxError,
)


class SlidesParser:
    """Reads ``.pptx``. A page is a slide."""

    name = "slides"
    media_types = (PPTX,)
    suffixes = (".pptx", ".pptm", ".ppsx", ".potx")

    def parse(self, source: Source) -> Parsed:
        from pptx import Presentation
        from pptx.exc import PythonPptxError

        with Package(source) as package:
            metadata: dict[str, Scalar] = core_properties(package)
        try:
            slides = list(Presentation(io.BytesIO(without_dangling_relationships(source))).slides)
        except (PythonPptxError, *_DAMAGE) as error:
            raise unreadable(source.name, "slides_damaged") from error
        deck = _Deck()
        parts: list[str] = []
        starts: list[PageStart] = []
        length = 0
        for number, slide in enumerate(slides, start=1):
            try:
                text = join_blocks(deck.slide(slide, number))
            except (PythonPptxError, *_DAMAGE):
                deck.notices.append(notices.page_damaged(number))
                text = ""
            if text and parts:
                parts.append("\n\n")
                length += 2
            starts.append(PageStart(number, length))
            if text:
                parts.append(text)
            length += len(text)
        title = str(metadata.pop("title", "")) or source.stem
        title = source.stem if title.lower() in ("powerpoint presentation", "powerpoint 演示文稿") else title
        return Parsed("".join(parts), title, metadata, tuple(deck.notices), tuple(starts), tuple(deck.pictures.values()))


class _Deck:
    """Reads slide after slide and keeps the pictures and notices of all."""

    def __init__(self) -> None:
        self.pictures: dict[str, Picture] = {}
        self.notices: list[Notice] = []
        self._section = ""
        self._before = ""

    def slide(self, slide: Slide, number: int) -> list[Block]:
        title_shape = slide.shapes.title
        title = one_line(title_shape.text_frame.text) if title_shape is not None else ""
        self._section, self._before = title or f"Slide {number}", title
        blocks: list[Block] = []
        for shape in _in_reading_order(slide.shapes):
            if title_shape is None or shape.shape_id != title_shape.shape_id:
                blocks += self._shape(shape, 0)
        notes = slide.notes_slide.notes_text_frame if slide.has_notes_slide else None
        if notes is not None and notes.text.strip():
            blocks.append(quote(notes.text.replace("\v", "\n")))
        return [heading(2, self._section), *blocks] if title or blocks else []

    def _shape(self, shape: BaseShape, depth: int) -> list[Block]:
        shapes: Any = getattr(shape, "shapes", None)
        if shapes is not None and depth < NESTING:
            return [block for inner in _in_reading_order(shapes) for block in self._shape(inner, depth + 1)]
        if getattr(shape, "has_table", False):
            return [Block(_table(shape.table))]
        if getattr(shape, "has_chart", False):
            return self._chart(shape)
        blocks: list[Block] = []
        for blip in shape._element.iter(_DRAWING + "blip"):
            blocks.append(Block(self._picture(shape, blip)))
        for diagram in shape._element.iter(_DIAGRAM + "relIds"):
            blocks += _diagram(shape, diagram.get(_RELATION + "dm") or "")
        if shape.has_text_frame:
            frame: TextFrame = shape.text_frame
            blocks += _text(frame, is_list=shape.is_placeholder)
            self._before = one_line(frame.text) or self._before
        return blocks

    def _picture(self, shape: BaseShape, blip: Any) -> str:
        """The picture of a shape; ``shape.image`` of python-pptx raises for linked, missing and odd ones."""
        alt = _alt(shape)
        relation = shape.part.rels.get(blip.get(_RELATION + "embed") or blip.get(_RELATION + "link") or "")
        if relation is None:
            self.notices.append(notices.picture_missing(self._before, self._section))
            return notices.missing_mark(alt, self._before)
        if relation.is_external:
            self.notices.append(notices.picture_external(self._before, self._section, relation.target_ref))
            is_web = relation.target_ref.lower().startswith(("http://", "https://"))
            return image(alt, relation.target_ref) if is_web else notices.missing_mark(alt, self._before)
        part = relation.target_part
        picture = as_picture(part.blob)
        if picture is None:
            kind = unshown_kind(part.blob, str(part.partname))
            self.notices.append(notices.pictures_not_shown(kind, 1, self._before, self._section))
            return f"[{alt}]" if alt else ""
        self.pictures[picture.name] = picture
        return image(alt, picture.name)

    def _chart(self, shape: BaseShape) -> list[Block]:
        chart: Any = shape.chart
        try:
            title = chart.chart_title.text_frame.text if chart.has_title and chart.chart_title.has_text_frame else ""
            plot = chart.plots[0]
            series = [(str(one.name), list(one.values)) for one in plot.series]
            categories = [" / ".join(labels) for labels in plot.categories.flattened_labels] or [str(c) for c in plot.categories]
        except _DAMAGE:
            self.notices.append(notices.drawings_not_read("chart(s)", "图表", 1))
            return []
        count = max((len(values) for _, values in series), default=0)
        rows = [[categories[i] if i < len(categories) else "", *(_number(values, i) for _, values in series)] for i in range(count)]
        return [paragraph(title), Block(pipe_table([["", *(name for name, _ in series)], *rows]) if rows else "")]


def _in_reading_order(shapes: Iterable[BaseShape]) -> list[BaseShape]:
    """From top to bottom, then from left to right; tops less than a quarter inch apart are one line."""
    quarter_inch = 228_600
    return sorted(_placed(shapes), key=lambda shape: ((shape.top or 0) // quarter_inch, shape.left or 0))


def _placed(shapes: Iterable[BaseShape]) -> Iterator[BaseShape]:
    for shape in shapes:
        if shape.is_placeholder and shape.placeholder_format.idx in (10, 11, 12) and not getattr(shape, "has_table", False):
            continue  # date, footer, slide number
        yield shape


def _text(frame: TextFrame, *, is_list: bool) -> list[Block]:
    """Paragraphs; those of a body placeholder are list items, as slides show them."""
    texts = [(one.text.replace("\v", "\n").strip(), one.level) for one in frame.paragraphs]
    texts = [(text, level) for text, level in texts if text]
    if is_list and len(texts) > 1:
        return [item(text, "-", 2 * level) for text, level in texts]
    return [item(text, "-", 2 * level) if level else paragraph(text) for text, level in texts]


def _table(table: Table) -> str:
    rows: list[list[Cell]] = []
    for row in table.rows:
        cells = [cell for cell in row.cells if not cell.is_spanned]
        rows.append([Cell(cell.text.replace("\v", "\n"), cell.span_height, cell.span_width) for cell in cells])
    return pipe_table(spread(rows))


def _diagram(shape: BaseShape, relation: str) -> list[Block]:
    found = shape.part.rels.get(relation)
    if found is None or found.is_external:
        return []
    from moorage.kb.parse.xml import XmlDamaged, XmlForbidden, read_xml

    try:
        root, _ = read_xml(found.target_part.blob)
    except (XmlDamaged, XmlForbidden):
        return []
    texts = ["".join(p.itertext(_DRAWING + "t")).strip() for p in root.iter(_DRAWING + "p")]
    return [item(text) for text in texts if text]


def _alt(shape: BaseShape) -> str:
    properties = next(shape._element.iter("{*}cNvPr"), None)
    text = (properties.get("descr") or "").strip() if properties is not None else ""
    return text[:200] if "\\" not in text and "/" not in text else ""


def _number(values: list[Any], index: int) -> str:
    value = values[index] if index < len(values) else None
    return "" if value is None else f"{value:.12g}"
