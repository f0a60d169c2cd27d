"""Splits a cleaned document into parents and their children, by its headings first and by its limits then."""

from __future__ import annotations

import re

from moorage.core.errors import ChunkLimitsInvalid
from moorage.kb.chunk.blocks import Child, Parent
from moorage.kb.chunk.content import split_content
from moorage.kb.chunk.headings import match_heading
from moorage.kb.chunk.pack import pack
from moorage.kb.chunk.ruler import CHARACTERS, Ruler
from moorage.kb.chunk.scan import Block, blocks
from moorage.kb.chunk.sections import Section, is_one_section, nest


def split(cleaned_text: str, *, child_max: int, parent_max: int, ruler: Ruler = CHARACTERS) -> tuple[Parent, ...]:
    """The parents of a document, in order; expects a text that ``clean`` has made. Linear in its length.

    Limits are characters, or what ``ruler`` counts. A child above ``child_max`` is one table, code block or formula (with its heading) or one inline
    token; a parent above ``parent_max`` has one child. Raises ChunkLimitsInvalid.
    """
    check_limits(child_max, parent_max)
    splitter = _Splitter(cleaned_text, child_max, parent_max, ruler)
    return tuple(parent for section in nest(blocks(cleaned_text)) for parent in splitter.parents(section))


def split_children(cleaned_text: str, *, child_max: int, ruler: Ruler = CHARACTERS) -> tuple[Child, ...]:
    """The children of a document, in order, as if it had one parent without a limit."""
    check_limits(child_max, child_max)
    splitter = _Splitter(cleaned_text, child_max, child_max, ruler)
    return tuple(child for section in nest(blocks(cleaned_text)) for child in splitter.children(section))


def check_limits(child_max: int, parent_max: int) -> None:
    """Raises ChunkLimitsInvalid."""
    if not 1 <= child_max <= parent_max:
        raise ChunkLimitsInvalid(child_max=child_max, parent_max=parent_max)


class _Splitter:
    def __init__(self, text: str, child_max: int, parent_max: int, ruler: Ruler) -> None:
        self.text = text
        self.child_max = child_max
        self.parent_max = parent_max
        self.ruler = ruler

    def parents(self, section: Section) -> list[Parent]:
        """The parents of one section: itself if it fits, else its own content and sub-sections packed, large ones on their own."""
        if self._fits(section):
            return [Parent((self._whole(section),), section.titles)]
        own = self._own(section)
        units = [own, *(self.children(part) for part in section.sections)]
        if self._length([child for unit in units for child in unit]) <= self.parent_max:
            return [Parent(tuple(child for unit in units for child in unit), section.titles)]
        parents: list[Parent] = []
        waiting = [own] if self._length(own) <= self.parent_max else [[child] for child in own]
        for part, unit in zip(section.sections, units[1:], strict=True):
            if self._length(unit) <= self.parent_max:
                waiting.append(unit)
                continue
            parents += self._packed(waiting) + self.parents(part)
            waiting = []
        return parents + self._packed(waiting)

    def children(self, section: Section) -> list[Child]:
        """A section as child blocks: one if it fits, else its own content split and the children of each sub-section."""
        if self._fits(section):
            return [self._whole(section)]
        return [*self._own(section), *(child for part in section.sections for child in self.children(part))]

    def _packed(self, units: list[list[Child]]) -> list[Parent]:
        joins = [self.ruler.delimiter] * len(units)
        groups = pack([self._length(unit) for unit in units], joins, self.parent_max)
        grouped = (tuple(child for unit in units[first:past] for child in unit) for first, past in groups)
        return [Parent(children, children[0].headings) for children in grouped]

    def _fits(self, section: Section) -> bool:
        if self.ruler.length(section.start, section.end) > self.child_max:
            return False
        return not section.sections or is_one_section(block.heading for block in _own_headings(section) if block.heading)

    def _whole(self, section: Section) -> Child:
        return self._child(section.start, section.end, section)

    def _own(self, section: Section) -> list[Child]:
        start, end = section.start, section.own[-1].end
        if self.ruler.length(start, end) <= self.child_max:
            return [self._child(start, end, section)]
        return [
            self._child(first, last, section)
            for span in split_content(self.text, section.own, self.child_max, self.ruler)
            for first, last in self._settled(*span)
        ]

    def _settled(self, start: int, end: int) -> list[tuple[int, int]]:
        """A piece as it would be read on its own. Cut out of a list or a quote, a line inside it may look like a heading; the
        piece is parted there, so that splitting a child again always gives that child."""
        piece = self.text[start:end]
        if not _may_hold_heading(piece) or not any(block.heading for block in blocks(piece)[1:]):
            return [(start, end)]
        inner = split(piece, child_max=self.child_max, parent_max=self.parent_max, ruler=self.ruler.part(start, end))
        return [(start + child.start, start + child.end) for parent in inner for child in parent.children]

    def _length(self, children: list[Child]) -> int:
        """Of children with the delimiters between them."""
        return sum(self.ruler.length(child.start, child.end) for child in children) + self.ruler.delimiter * (len(children) - 1)

    def _child(self, start: int, end: int, section: Section) -> Child:
        return Child(self.text[start:end], start, end, section.titles)


def _own_headings(section: Section) -> list[Block]:
    found: list[Block] = []
    waiting = [section]
    while waiting:
        current = waiting.pop()
        found.append(current.own[0])
        waiting += reversed(current.sections)
    return found


def _may_hold_heading(piece: str) -> bool:
    """Whether a line below the first would be a heading if it stood in no list, quote or code."""
    return any(match_heading(match[1]) for match in _HEADING_LIKE.finditer(piece))


_HEADING_LIKE = re.compile(r"\n([ \u3000]{0,3}[#第1-9][^\n]*)")
