"""Which slides a presentation shows, in which order and sections; and in which order a slide is read. Knows nothing of text."""

from __future__ import annotations

import re
from collections.abc import Iterable
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
_OVERLAP = 0.2
"""How much of the narrower of two shapes may reach into the other when they stand side by side."""
_MANY_SHAPES = 300


@dataclass(frozen=True, slots=True)
class Box:
    """Where a shape stands on its slide."""

    top: int
    left: int
    height: int
    width: int


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


def in_reading_order(shapes: Iterable[tuple[Box, Shape]]) -> list[Shape]:
    """From top to bottom; of what stands side by side, column after column from left to right."""
    waiting = sorted(shapes, key=lambda placed: (placed[0].top, placed[0].left))
    if len(waiting) > _MANY_SHAPES:
        return [shape for _, shape in waiting]
    ordered: list[Shape] = []
    while waiting:
        band, waiting = _band(waiting)
        columns = _columns(band)
        for column in columns:
            ordered += in_reading_order(column) if len(columns) > 1 and len(column) > 1 else [shape for _, shape in column]
    return ordered


def _band(placed: list[tuple[Box, Shape]]) -> tuple[list[tuple[Box, Shape]], list[tuple[Box, Shape]]]:
    """The first shape with those beside it, and those beside them; and the rest."""
    band, rest, newest = placed[:1], placed[1:], placed[:1]
    while newest:
        is_new = [any(_is_beside(box, member) for member, _ in newest) for box, _ in rest]
        newest = [one for one, new in zip(rest, is_new, strict=True) if new]
        rest = [one for one, new in zip(rest, is_new, strict=True) if not new]
        band += newest
    return band, rest


def _is_beside(one: Box, other: Box) -> bool:
    is_level = (
        one.top <= other.top + other.height / 2 <= one.top + one.height or other.top <= one.top + one.height / 2 <= other.top + other.height
    )
    return is_level and (_ends_before(one, other) or _ends_before(other, one))


def _ends_before(one: Box, other: Box) -> bool:
    return one.left + one.width <= other.left + min(one.width, other.width) * _OVERLAP


def _columns(band: list[tuple[Box, Shape]]) -> list[list[tuple[Box, Shape]]]:
    columns: list[list[tuple[Box, Shape]]] = []
    right = 0.0
    for box, shape in sorted(band, key=lambda placed: (placed[0].left, placed[0].top)):
        if not columns or box.left + box.width * _OVERLAP >= right:
            columns.append([])
            right = box.left + box.width
        columns[-1].append((box, shape))
        right = max(right, box.left + box.width)
    return columns


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
