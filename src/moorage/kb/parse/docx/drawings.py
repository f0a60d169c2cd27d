"""Pictures, charts, diagrams and text boxes of a Word file as they are met. A picture that is not there is a notice that says where."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from moorage.core.nouns import Notice
from moorage.kb.parse import notices
from moorage.kb.parse.charts import CHART, chart_blocks
from moorage.kb.parse.diagrams import DIAGRAM, diagram_block
from moorage.kb.parse.docx.names import COMPATIBLE, DRAWING, OFFICE, PLACED, RELATION, VML, WORD
from moorage.kb.parse.gallery import Gallery, description
from moorage.kb.parse.markdown import one_line, paragraph
from moorage.kb.parse.opc import Package
from moorage.kb.parse.xml import Element, child_of

_BOX = WORD + "txbxContent"
_ALTERNATE = COMPATIBLE + "AlternateContent"
_CHARTS_2016 = "{http://schemas.microsoft.com/office/drawing/2014/chartex}"
_FLOATS = re.compile(r"position\s*:\s*absolute", re.IGNORECASE)
_EQUATION = re.compile(r"equation|mathtype", re.IGNORECASE)


@dataclass(slots=True)
class Place:
    """Where the reader stands: the last text it wrote and the heading above."""

    before: str = ""
    section: str = ""


@dataclass(slots=True)
class Drawn:
    """What a drawing holds: pictures, blocks for after the line, and text boxes still to be read. Pictures that float beside the text
    are no part of a sentence."""

    pictures: list[str] = field(default_factory=list[str])
    tables: list[str] = field(default_factory=list[str])
    boxes: list[Element] = field(default_factory=list[Element])
    is_floating: bool = False


@dataclass(slots=True)
class Met:
    """What was met in all parts of a document and is to be told at the end."""

    charts: int = 0
    diagrams: int = 0
    objects: int = 0
    first_object: tuple[str, str] = ("", "")

    def notices(self) -> tuple[Notice, ...]:
        """One sentence for each kind."""
        words = (("chart(s)", "图表", self.charts), ("diagram(s)", "示意图", self.diagrams))
        unread = [notices.drawings_not_read(en, zh, count) for en, zh, count in words if count]
        return (*unread, *([notices.embedded_left_out(self.objects, *self.first_object)] if self.objects else []))


class Drawings:
    """Reads the drawings of one part."""

    def __init__(self, package: Package, part: str, gallery: Gallery, place: Place, met: Met) -> None:
        self._package = package
        self._part = part
        self._gallery = gallery
        self._place = place
        self._met = met

    def read(self, drawing: Element, before: str) -> Drawn:
        """Everything in a drawing, VML picture or embedded object. ``before`` is the text of the line so far."""
        drawn = Drawn()
        alt = _alt(drawing)
        for element in _visible(drawing):
            if element.tag == DRAWING + "blip":
                drawn.pictures.append(self._picture(element.get(RELATION + "embed"), element.get(RELATION + "link"), alt, before))
            elif element.tag == VML + "imagedata":
                embed = element.get(RELATION + "id") or element.get(OFFICE + "relid")
                link = element.get(RELATION + "href")
                if embed or link:  # Word leaves an empty one in plain shapes
                    drawn.pictures.append(self._picture(embed, link, alt or description(element.get(OFFICE + "title")), before))
            elif element.tag == _BOX:
                drawn.boxes.append(element)
            elif element.tag == VML + "textpath":  # words drawn as a picture, as the heads of official letters are
                drawn.tables.append(paragraph(element.get("string") or "").text)
            elif element.tag in (CHART + "chart", _CHARTS_2016 + "chart") and element.get(RELATION + "id"):
                drawn.tables += self._chart(element.get(RELATION + "id") or "")
            elif element.tag == DIAGRAM + "relIds":
                drawn.tables += self._diagram(element.get(RELATION + "dm") or "")
            elif element.tag == OFFICE + "OLEObject":
                self._object(element, before)
            elif element.tag == PLACED + "anchor" or (element.tag == VML + "shape" and _FLOATS.search(element.get("style") or "")):
                drawn.is_floating = True
        drawn.pictures = [text for text in drawn.pictures if text]
        drawn.tables = [text for text in drawn.tables if text]
        return drawn

    def _picture(self, embed: str | None, link: str | None, alt: str, before: str) -> str:
        known = self._package.relationships(self._part)
        relation = embed if embed in known or link not in known else link
        return self._gallery.show(self._part, relation, alt, self._last(before), self._place.section)

    def _chart(self, relation: str) -> list[str]:
        root = self._related(relation)
        texts = [] if root is None else [block.text for block in chart_blocks(root) if block.text]
        self._met.charts += not any(text.startswith("|") for text in texts)
        if not texts and root is not None:
            texts = [one_line(" ".join(t.text or "" for t in root.iter(DRAWING + "t")))]
        return [text for text in texts if text]

    def _diagram(self, relation: str) -> list[str]:
        root = self._related(relation)
        text = "" if root is None else diagram_block(root).text
        self._met.diagrams += not text
        return [text] if text else []

    def _object(self, element: Element, before: str) -> None:
        """A file inside the file: its picture stands in the text, what it holds is not read. The picture of an equation says all."""
        if not _EQUATION.search(element.get("ProgID") or ""):
            self._met.objects += 1
            if self._met.objects == 1:
                self._met.first_object = (self._last(before), self._place.section)

    def _last(self, before: str) -> str:
        return before if before.strip() else self._place.before

    def _related(self, relation: str) -> Element | None:
        found = self._package.relationships(self._part).get(relation)
        return None if found is None or found.is_external else self._package.xml(found.target)


def _visible(element: Element) -> Iterator[Element]:
    """The elements of a drawing: one side of every alternative, nothing from inside a text box, never recursive."""
    waiting = [element]
    while waiting:
        here = waiting.pop()
        yield here
        if here.tag == _BOX:
            continue
        inside = alternative(here) if here.tag == _ALTERNATE else here
        waiting.extend(reversed(list(inside)) if inside is not None else ())


def alternative(element: Element) -> Element | None:
    """The side of an AlternateContent to read: the first Choice, else the Fallback. Both show the same thing."""
    choice = child_of(element, COMPATIBLE + "Choice")
    return choice if choice is not None and len(choice) else child_of(element, COMPATIBLE + "Fallback")


def _alt(drawing: Element) -> str:
    """The description a person wrote."""
    for tag, name in ((PLACED + "docPr", "descr"), (VML + "shape", "alt")):
        for element in drawing.iter(tag):
            if text := description(element.get(name)):
                return text
    return ""
