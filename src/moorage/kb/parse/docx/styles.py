"""Paragraph styles and what follows from them: heading level, numbering, code, contents."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from moorage.kb.parse.docx.names import WORD, number, value
from moorage.kb.parse.xml import Element, child_of

BODY_LEVEL = 9
_ASCII, _HIGH_ANSI = WORD + "ascii", WORD + "hAnsi"
_HEADING = re.compile(r"^(?:heading|标题|標題)\s*([1-9])$", re.IGNORECASE)
_CONTENTS = re.compile(r"^(?:toc\s*(?:\d|heading|标题)|contents\s*\d|目录\s*\d|table of figures)", re.IGNORECASE)
_CODE = re.compile(
    r"^(?:html preformatted|html 预设格式|preformatted text|source ?code|code( ?(block|listing|text))?|listing|macro text|代码.*|源代码.*|程序.*代码)$",
    re.IGNORECASE,
)
_MONOSPACED = re.compile(
    r"courier|consolas|monaco|menlo|lucida console|mono\b|fira code|source code|jetbrains|cascadia|inconsolata|andale|fixedsys|terminal|等宽",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Style:
    """A style with everything it inherits. ``chain`` holds its own id and those it is based on."""

    name: str
    outline: int | None
    number_id: str | None
    number_level: int | None
    is_monospaced: bool
    chain: tuple[str, ...]
    is_contents: bool
    is_code: bool
    is_title: bool


NO_STYLE = Style("", None, None, None, False, (), False, False, False)


class Styles:
    """The styles of one document, by id."""

    def __init__(self, root: Element | None) -> None:
        self._elements: dict[str, Element] = {}
        self._known: dict[str, Style] = {}
        self.default_id = ""
        for element in () if root is None else root.findall(WORD + "style"):
            style_id = element.get(WORD + "styleId") or ""
            self._elements[style_id] = element
            if element.get(WORD + "type") == "paragraph" and element.get(WORD + "default") in ("1", "true", "on"):
                self.default_id = style_id

    def __getitem__(self, style_id: str | None) -> Style:
        """The style of this id, the default style for None."""
        wanted = self.default_id if style_id is None else style_id
        if wanted not in self._known:
            self._known[wanted] = self._resolve(wanted)
        return self._known[wanted]

    def monospaced_ids(self) -> frozenset[str]:
        """The character styles in a font for code."""
        return frozenset(
            i for i, e in self._elements.items() if e.get(WORD + "type") == "character" and is_monospaced_font(child_of(e, WORD + "rPr"))
        )

    def _resolve(self, style_id: str) -> Style:
        chain: list[str] = []
        step: str | None = style_id
        while step in self._elements and step not in chain:
            chain.append(step)
            step = value(self._elements[step], "basedOn")
        if not chain:
            return NO_STYLE
        elements = [self._elements[step] for step in chain]
        number_id, number_level = _numbering(elements)
        name = value(elements[0], "name") or style_id
        return Style(
            name=name,
            outline=_outline(elements),
            number_id=number_id,
            number_level=number_level,
            is_monospaced=next((is_monospaced_font(child_of(e, WORD + "rPr")) for e in elements if _has_font(e)), False),
            chain=tuple(chain),
            is_contents=bool(_CONTENTS.match(name)),
            is_code=any(_CODE.match((value(e, "name") or "").strip()) for e in elements),
            is_title=name.lower() in ("title", "标题", "文档标题"),
        )


def is_monospaced_font(run_properties: Element | None) -> bool:
    """Whether run properties name a font for code."""
    return is_monospaced(child_of(run_properties, WORD + "rFonts"))


def is_monospaced(fonts: Element | None) -> bool:
    """Whether this ``w:rFonts`` names a font for code."""
    return fonts is not None and _is_for_code(fonts.get(_ASCII) or fonts.get(_HIGH_ANSI) or "")


@lru_cache(1024)
def _is_for_code(font: str) -> bool:
    return _MONOSPACED.search(font) is not None


def _has_font(style: Element) -> bool:
    properties = child_of(style, WORD + "rPr")
    return properties is not None and child_of(properties, WORD + "rFonts") is not None


def _outline(elements: list[Element]) -> int | None:
    """The nearest outline level, or the level in the name of a built-in heading style."""
    for element in elements:
        level = number(value(child_of(element, WORD + "pPr"), "outlineLvl"))
        if level is not None:
            return level
        named = _HEADING.match((value(element, "name") or "").strip())
        if named:
            return int(named[1]) - 1
    return None


def _numbering(elements: list[Element]) -> tuple[str | None, int | None]:
    """The nearest numbering id and level; each may come from another style of the chain."""
    number_id: str | None = None
    level: int | None = None
    for element in elements:
        properties = child_of(element, WORD + "pPr")
        numbering = child_of(properties, WORD + "numPr")
        if numbering is None:
            continue
        level = number(value(numbering, "ilvl")) if level is None else level
        number_id = value(numbering, "numId")
        if number_id is not None:
            break
    return number_id, level
