"""Presentations on zip and XML: a heading per slide, shapes from top to bottom, tables, charts, diagrams, notes and pictures.

Not on python-pptx, which opens no file with a broken part: here a part is read when a slide uses it, and what is missing is told.
"""

from __future__ import annotations

from moorage.core.nouns import Notice
from moorage.kb.parse import notices
from moorage.kb.parse.base import PageStart, Parsed, Source
from moorage.kb.parse.gallery import Gallery
from moorage.kb.parse.markdown import Block, heading, join_blocks
from moorage.kb.parse.opc import Package
from moorage.kb.parse.properties import core_properties
from moorage.kb.parse.slide import Met, SlideReader, Template, placeholders
from moorage.kb.parse.slide_order import PRESENTATION, SlideList, slide_list
from moorage.kb.parse.sniff import PPTX
from moorage.kb.parse.xml import Element

_UNTITLED = ("powerpoint presentation", "powerpoint 演示文稿", "演示文稿")


class SlidesParser:
    """Reads ``.pptx`` and its kin. A page is a slide; hidden slides are read too, and told."""

    name = "slides"
    media_types = (PPTX,)
    suffixes = (".pptx", ".pptm", ".ppsx", ".ppsm", ".potx", ".potm")

    def parse(self, source: Source) -> Parsed:
        with Package(source) as package:
            metadata = core_properties(package)
            slides = slide_list(package)
            if slides is None:
                raise notices.unreadable(source.name, "slides_damaged")
            deck = _Deck(package, slides)
            markdown, starts = deck.read()
            told = (*package.notices, *deck.notices())
        title = str(metadata.pop("title", ""))
        title = title if title and title.lower() not in _UNTITLED else source.stem
        return Parsed(markdown, title, metadata, told, starts, tuple(deck.gallery.pictures.values()))


class _Deck:
    """Reads slide after slide and keeps the pictures and notices of all."""

    def __init__(self, package: Package, slides: SlideList) -> None:
        self.gallery = Gallery(package, [part for part in slides.parts if part])
        self._package = package
        self._slides = slides
        self._met = Met()
        self._templates: dict[str, Template] = {}

    def read(self) -> tuple[str, tuple[PageStart, ...]]:
        """The slides as Markdown, and where each begins. One without text begins where the next one does."""
        parts: list[str] = []
        starts: list[PageStart] = []
        length = 0
        for number, part in enumerate(self._slides.parts, start=1):
            section = self._slides.sections.get(number - 1, "")
            text = join_blocks([heading(1, section), *self._slide(part, number)])
            if text and parts:
                parts.append("\n\n")
                length += 2
            starts.append(PageStart(number, length))
            if text:
                parts.append(text)
                length += len(text)
        return "".join(parts), tuple(starts)

    def notices(self) -> tuple[Notice, ...]:
        """What was lost or is worth knowing."""
        met = self._met
        told = [notices.slides_by_name()] if self._slides.is_by_name else []
        told += [notices.page_damaged(number) for number in met.damaged]
        told += self.gallery.notices()
        told += [notices.slides_hidden(met.hidden)] if met.hidden else []
        told += [notices.media_left_out(met.media)] if met.media else []
        told += [notices.objects_left_out(met.objects)] if met.objects else []
        words = (("chart(s)", "图表", met.charts), ("diagram(s)", "示意图", met.diagrams))
        return (*told, *(notices.drawings_not_read(en, zh, count) for en, zh, count in words if count))

    def _slide(self, part: str | None, number: int) -> list[Block]:
        root = self._package.xml(part) if part else None
        tree = None if root is None else root.find(f"{PRESENTATION}cSld/{PRESENTATION}spTree")
        if part is None or root is None or tree is None:
            self._met.damaged.append(number)
            return []
        if root.get("show") in ("0", "false"):
            self._met.hidden.append(number)
        reader = SlideReader(self._package, part, number, self._template(part), self.gallery, self._met)
        return reader.blocks(tree, self._slides.height)

    def _template(self, part: str) -> Template:
        layout = self._package.related(part, "slideLayout") or ""
        if layout not in self._templates:
            self._templates[layout] = self._read_template(layout)
        return self._templates[layout]

    def _read_template(self, layout: str) -> Template:
        master = self._package.related(layout, "slideMaster") if layout else None
        above = [None if not part else self._package.xml(part) for part in (layout, master)]
        found = [{} if root is None else placeholders(root) for root in above]
        texts = None if above[1] is None else above[1].find(PRESENTATION + "txStyles")
        styles: dict[str, Element] = {} if texts is None else {str(style.tag).rpartition("}")[2]: style for style in texts}
        if self._slides.defaults is not None:
            styles["defaultTextStyle"] = self._slides.defaults
        return Template(found[0], found[1], styles)
