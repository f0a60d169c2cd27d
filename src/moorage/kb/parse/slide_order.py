"""Which slides a presentation shows, in which order and sections; and in which order a slide is read. Knows nothing of text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from moorage.kb.parse.opc import Package
from moorage.kb.parse.slide_text import RELATION
from moorage.kb.parse.xml import Element

PRESENTATION = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_SECTIONS = "{http://schemas.microsoft.com/office/powerpoint/2010/main}"
_BY_NAME = re.compile(r"ppt/slides/[^/]*?(\d+)\.xml$", re.IGNORECASE)
_UNNAMED_SECTIONS = ("default section", "untitled section", "默认节", "无标题节")

Shape = TypeVar("Shape")
Box = tuple[int, int, int]
"""Top, left and height of a shape."""


@dataclass(frozen=True, slots=True)
class SlideList:
    """The parts of the slides in order (None: one that is listed and not there), sections by the index of their first slide, the height
    of a slide, and whether the order had to be told by the names of the parts."""

    parts: tuple[str | None, ...]
    sections: dict[int, str]
    height: int
    is_by_name: bool
    defaults: Element | None


def slide_list(package: Package) -> SlideList | None:
    """The slides of a presentation; None where it has neither a list nor slides."""
    main = package.related("", "officeDocument") or "ppt/presentation.xml"
    root = package.xml(main)
    listed = [] if root is None else root.findall(f"{PRESENTATION}sldIdLst/{PRESENTATION}sldId")
    relations = package.relationships(main) if listed else {}
    targets = [relations.get(element.get(RELATION + "id") or "") for element in listed]
    parts = tuple(found.target if found is not None and package.has(found.target) else None for found in targets)
    size = None if root is None else root.find(PRESENTATION + "sldSz")
    height = _size(None if size is None else size.get("cy")) or 6_858_000
    defaults = None if root is None else root.find(PRESENTATION + "defaultTextStyle")
    if root is not None and (not listed or any(parts)):
        return SlideList(parts, _sections(root, [element.get("id") or "" for element in listed]), height, False, defaults)
    named = sorted((int(match[1][:9]), name) for name in package.names if (match := _BY_NAME.match(name.replace("\\", "/").lstrip("/"))))
    return SlideList(tuple(name for _, name in named), {}, height, True, defaults) if named else None


def in_reading_order(shapes: Iterable[tuple[Box, Shape]]) -> Iterator[Shape]:
    """From top to bottom; shapes that stand side by side (half of the lower one is beside the other) from left to right."""
    waiting = sorted(shapes, key=lambda placed: placed[0][:2])
    while waiting:
        (top, _, height), _ = waiting[0]
        end = 1
        while end < len(waiting) and waiting[end][0][0] < top + min(height, waiting[end][0][2]) / 2:
            end += 1
        yield from (shape for _, shape in sorted(waiting[:end], key=_left))
        del waiting[:end]


def _left(placed: tuple[Box, object]) -> int:
    return placed[0][1]


def _sections(root: Element, ids: list[str]) -> dict[int, str]:
    places = {slide: index for index, slide in enumerate(ids)}
    found: dict[int, str] = {}
    for section in root.iter(_SECTIONS + "section"):
        first = next((places[slide.get("id") or ""] for slide in section.iter(_SECTIONS + "sldId") if slide.get("id") in places), None)
        name = (section.get("name") or "").strip()
        if first is not None and name and name.lower() not in _UNNAMED_SECTIONS:
            found[first] = name
    return found


def _size(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 12 else 0
