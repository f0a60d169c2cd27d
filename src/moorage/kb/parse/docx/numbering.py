"""The numbers that Word writes before headings and list items, computed from numbering.xml (第一章, 1.2.5).

Word stores no number in a paragraph: a paragraph names a list (``numId``) and a level, the list's definition holds the pattern,
and the count is made while reading from top to bottom.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from moorage.kb.parse.docx.names import WORD, is_set, number, value, value_of
from moorage.kb.parse.docx.numerals import numeral
from moorage.kb.parse.docx.styles import Style, Styles
from moorage.kb.parse.xml import Element, child_of, children_by_tag

LEVELS = 9
_PLACE = re.compile(r"%([1-9])")


@dataclass(frozen=True, slots=True)
class Level:
    """One level of a list definition."""

    start: int = 1
    style: str = "decimal"
    pattern: str = ""
    is_legal: bool = False
    restart: int | None = None
    paragraph_style: str | None = None


@dataclass(frozen=True, slots=True)
class Label:
    """The number of a paragraph as text, empty for a bullet."""

    text: str
    level: int
    is_bullet: bool


@dataclass(frozen=True, slots=True)
class _List:
    definition: str
    levels: dict[int, Level]
    start_overrides: dict[int, int]


class Numbering:
    """Counts the numbered paragraphs of one document. ``label`` must see every one of them, in order."""

    def __init__(self, root: Element | None, styles: Styles) -> None:
        self._styles = styles
        self._definitions = (
            {} if root is None else {e.get(WORD + "abstractNumId") or "": e for e in root.iterchildren(WORD + "abstractNum")}
        )
        self._numbers = {} if root is None else {e.get(WORD + "numId") or "": e for e in root.iterchildren(WORD + "num")}
        self._lists: dict[str, _List] = {}  # those in use: programs define dozens that no paragraph names
        self._counts: dict[str, dict[int, int]] = {}
        self._overridden: set[tuple[str, int]] = set()

    def label(self, paragraph_numbering: Element | None, style: Style) -> Label | None:
        """The label of the next paragraph; None where it has no number. Counting happens here."""
        number_id = value(paragraph_numbering, "numId") or style.number_id
        found = None if number_id in (None, "", "0") else self._named(number_id)
        if found is None:
            return None
        level_index = self._level(paragraph_numbering, style, found)
        level = found.levels.get(level_index)
        if level is None:
            return None
        counts = self._count(found, number_id or "", level_index, level)
        if level.style == "bullet":
            return Label("", level_index, is_bullet=True)
        return Label(_written(found.levels, counts, level), level_index, is_bullet=False)

    def _level(self, paragraph_numbering: Element | None, style: Style, found: _List) -> int:
        direct = number(value(paragraph_numbering, "ilvl"))
        if direct is not None:
            return min(max(direct, 0), LEVELS - 1)
        # A level may name the style it belongs to; that is stronger than the level written in the style.
        for style_id in style.chain:
            for index, level in found.levels.items():
                if level.paragraph_style == style_id:
                    return index
        return style.number_level or 0

    def _count(self, found: _List, number_id: str, index: int, level: Level) -> dict[int, int]:
        counts = self._counts.setdefault(found.definition, {})
        override = found.start_overrides.get(index)
        if override is not None and (number_id, index) not in self._overridden:
            self._overridden.add((number_id, index))
            counts[index] = override
        else:
            counts[index] = counts[index] + 1 if index in counts else level.start
        # 2.1.1 straight after 2 uses up 2.1: the next one on that level is 2.2.
        for upper in range(index):
            if upper in found.levels and f"%{upper + 1}" in level.pattern:
                counts.setdefault(upper, found.levels[upper].start)
        for deeper in range(index + 1, LEVELS):
            restart = found.levels[deeper].restart if deeper in found.levels else None
            if restart is None or (restart != 0 and index < restart):
                counts.pop(deeper, None)
        return counts

    def _named(self, number_id: str) -> _List | None:
        element = self._numbers.get(number_id)
        if number_id not in self._lists and element is not None:
            self._lists[number_id] = self._list(element)
        return self._lists.get(number_id)

    def _list(self, element: Element) -> _List:
        definition_id = self._follow_style_link(value(element, "abstractNumId") or "")
        definition = self._definitions.get(definition_id)
        levels = {} if definition is None else dict(_level(e) for e in definition.iterchildren(WORD + "lvl"))
        overrides: dict[int, int] = {}
        for change in element.iterchildren(WORD + "lvlOverride"):
            index = number(change.get(WORD + "ilvl")) or 0
            start = number(value(change, "startOverride"))
            whole = child_of(change, WORD + "lvl")
            if whole is not None:
                levels[index] = _level(whole)[1]
            if start is not None:
                overrides[index] = start
                levels[index] = replace(levels.get(index, Level()), start=start)
        return _List(definition_id, levels, overrides)

    def _follow_style_link(self, definition_id: str) -> str:
        """A definition may only say "as in that numbering style"."""
        seen: set[str] = set()
        while definition_id in self._definitions and definition_id not in seen:
            seen.add(definition_id)
            link = value(self._definitions[definition_id], "numStyleLink")
            target = None if link is None else self._numbers.get(self._styles[link].number_id or "")
            if target is None:
                break
            definition_id = value(target, "abstractNumId") or ""
        return definition_id


def _level(element: Element) -> tuple[int, Level]:
    formats = list(element.iter(WORD + "numFmt"))
    look = children_by_tag(element).get
    return number(element.get(WORD + "ilvl")) or 0, Level(
        start=number(value_of(look(WORD + "start"))) or 0,
        style=(formats[-1].get(WORD + "val") if formats else None) or "decimal",
        pattern=value_of(look(WORD + "lvlText")) or "",
        is_legal=is_set(look(WORD + "isLgl")),
        restart=number(value_of(look(WORD + "lvlRestart"))),
        paragraph_style=value_of(look(WORD + "pStyle")),
    )


def _written(levels: dict[int, Level], counts: dict[int, int], level: Level) -> str:
    def place(match: re.Match[str]) -> str:
        index = int(match[1]) - 1
        named = levels.get(index, Level())
        style = "decimal" if level.is_legal and named.style != "none" else named.style
        return numeral(counts.get(index, named.start), style)

    return _PLACE.sub(place, level.pattern).strip()
