"""Pictures, charts and diagrams of a Word file, in place. A picture that is not there is a notice that says where."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from moorage.core.nouns import Notice
from moorage.kb.parse import notices
from moorage.kb.parse.base import Picture
from moorage.kb.parse.docx.names import CHART, COMPATIBLE, DIAGRAM, DRAWING, OFFICE, PLACED, RELATION, VML, WORD
from moorage.kb.parse.markdown import image
from moorage.kb.parse.opc import Package
from moorage.kb.parse.pictures import as_picture, unshown_kind
from moorage.kb.parse.tables import pipe_table
from moorage.kb.parse.xml import Element

_MISSING_LISTED = 100
_LONG_FRACTION = re.compile(r"-?\d{1,15}\.\d{10,}")
_BOX = WORD + "txbxContent"
_ALTERNATE = COMPATIBLE + "AlternateContent"


@dataclass(slots=True)
class Place:
    """Where the reader stands: the last text it wrote and the heading above."""

    before: str = ""
    section: str = ""


@dataclass(slots=True)
class Drawn:
    """What a drawing holds: Markdown that goes into the line, blocks for after it, and text boxes still to be read."""

    inline: list[str] = field(default_factory=list[str])
    tables: list[str] = field(default_factory=list[str])
    boxes: list[Element] = field(default_factory=list[Element])

    def __bool__(self) -> bool:
        return bool(self.inline or self.tables or self.boxes)


class Drawings:
    """Reads the drawings of one part and keeps its pictures and what it has to report."""

    def __init__(self, package: Package, part: str, place: Place) -> None:
        self._package = package
        self._part = part
        self._place = place
        self.pictures: dict[str, Picture] = {}
        self._notices: list[Notice] = []
        self._missing = 0
        self._unshown: dict[str, tuple[int, str, str]] = {}
        self._unread = {"chart": 0, "diagram": 0}

    def notices(self) -> tuple[Notice, ...]:
        """What has been met so far."""
        unshown = [notices.pictures_not_shown(kind, *found) for kind, found in self._unshown.items()]
        more = [notices.pictures_missing_more(self._missing - _MISSING_LISTED)] if self._missing > _MISSING_LISTED else []
        words = (("chart", "chart(s)", "图表"), ("diagram", "diagram(s)", "示意图"))
        unread = [notices.drawings_not_read(en, zh, self._unread[kind]) for kind, en, zh in words if self._unread[kind]]
        return (*self._notices, *more, *unshown, *unread)

    def read(self, drawing: Element, before: str) -> Drawn:
        """Everything in a drawing, VML picture or embedded object. ``before`` is the text of the line so far."""
        drawn = Drawn()
        alt = _alt(drawing)
        for element in _visible(drawing):
            if element.tag == DRAWING + "blip":
                drawn.inline.append(self._picture(element.get(RELATION + "embed"), element.get(RELATION + "link"), alt, before))
            elif element.tag == VML + "imagedata":
                embed = element.get(RELATION + "id") or element.get(OFFICE + "relid")
                link = element.get(RELATION + "href")
                if embed or link:  # Word leaves an empty one in plain shapes
                    drawn.inline.append(self._picture(embed, link, alt or element.get(OFFICE + "title") or "", before))
            elif element.tag == _BOX:
                drawn.boxes.append(element)
            elif element.tag == CHART + "chart" and element.get(RELATION + "id"):
                drawn.tables.append(self._chart(element.get(RELATION + "id") or ""))
            elif element.tag == DIAGRAM + "relIds":
                drawn.tables.append(self._diagram(element.get(RELATION + "dm") or ""))
        drawn.inline = [text for text in drawn.inline if text]
        drawn.tables = [text for text in drawn.tables if text]
        return drawn

    def _picture(self, embed: str | None, link: str | None, alt: str, before: str) -> str:
        last = before if before.strip() else self._place.before
        relationships = self._package.relationships(self._part)
        found = relationships.get(embed or "") or relationships.get(link or "")
        if found is not None and found.is_external:
            self._notices.append(notices.picture_external(last, self._place.section, found.target))
            is_web = found.target.lower().startswith(("http://", "https://"))
            return image(alt, found.target) if is_web else notices.missing_mark(alt, last)
        data = self._package.read(found.target) if found is not None else None
        if found is None or data is None:
            self._missing += 1
            if self._missing <= _MISSING_LISTED:
                self._notices.append(notices.picture_missing(last, self._place.section))
            return notices.missing_mark(alt, last)
        picture = as_picture(data)
        if picture is None:
            kind = unshown_kind(data, found.target)
            count, first, section = self._unshown.get(kind, (0, last, self._place.section))
            self._unshown[kind] = (count + 1, first, section)
            return f"[{alt}]" if alt else ""
        self.pictures[picture.name] = picture
        return image(alt, picture.name)

    def _chart(self, relation: str) -> str:
        root = self._related(relation)
        table = "" if root is None else _chart_table(root)
        self._unread["chart"] += not table
        return table

    def _diagram(self, relation: str) -> str:
        root = self._related(relation)
        texts = [] if root is None else ["".join(p.itertext(DRAWING + "t")).strip() for p in root.iter(DRAWING + "p")]
        self._unread["diagram"] += not any(texts)
        return "\n".join(f"- {text}" for text in texts if text)

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
    choice = element.find(COMPATIBLE + "Choice")
    return choice if choice is not None and len(choice) else element.find(COMPATIBLE + "Fallback")


def _alt(drawing: Element) -> str:
    """The description a person wrote; Word's own file paths are none."""
    for tag, name in ((PLACED + "docPr", "descr"), (VML + "shape", "alt")):
        for element in drawing.iter(tag):
            text = (element.get(name) or "").strip()
            if text and "\\" not in text and "/" not in text:
                return text[:200]
    return ""


def _chart_table(root: Element) -> str:
    """The values a chart was last drawn with, a row per category."""
    names: list[str] = []
    columns: list[dict[int, str]] = []
    categories: dict[int, str] = {}
    for series in root.iter(CHART + "ser"):
        title = series.find(CHART + "tx")
        names.append("" if title is None else "".join(title.itertext(CHART + "v")).strip())
        categories = categories or _points(series.find(CHART + "cat")) or _points(series.find(CHART + "xVal"))
        columns.append(_points(series.find(CHART + "val")) or _points(series.find(CHART + "yVal")))
    rows = sorted({index for column in columns for index in column})
    if not rows:
        return ""
    return pipe_table([["", *names], *([categories.get(i, ""), *(column.get(i, "") for column in columns)] for i in rows)])


def _points(element: Element | None) -> dict[int, str]:
    points = [] if element is None else list(element.iter(CHART + "pt"))
    return {int(p.get("idx") or 0): _tidy("".join(p.itertext(CHART + "v")).strip()) for p in points if (p.get("idx") or "0").isdigit()}


def _tidy(value: str) -> str:
    """A number without the dust of binary fractions: 4.4000000000000004 is 4.4."""
    return f"{float(value):.12g}" if _LONG_FRACTION.fullmatch(value) else value
