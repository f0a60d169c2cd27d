"""Which heading is above which: nests the blocks of a document into sections."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from moorage.kb.chunk.headings import Heading
from moorage.kb.chunk.scan import Block

Relation = Literal["deeper", "sibling", "shallower"]


@dataclass(slots=True)
class Section:
    """A heading with its own content and its sub-sections. ``own`` begins with the heading, where there is one."""

    heading: Heading | None
    depth: float | None
    titles: tuple[str, ...]
    own: list[Block] = field(default_factory=list[Block])
    sections: list[Section] = field(default_factory=list["Section"])

    @property
    def start(self) -> int:
        return self.own[0].start

    @property
    def end(self) -> int:
        last = self
        while last.sections:
            last = last.sections[-1]
        return last.own[-1].end


def nest(blocks: Sequence[Block]) -> list[Section]:
    """The top sections, in order; text before the first heading is one without heading."""
    top: list[Section] = []
    stack: list[Section] = []
    for block in blocks:
        if block.heading is not None:
            depth = _close(stack, block.heading)
            above = stack[-1] if stack else None
            titles = (*(above.titles if above else ()), block.heading.title)
            section = Section(block.heading, depth, titles, [block])
            (above.sections if above else top).append(section)
            stack.append(section)
        elif stack:
            stack[-1].own.append(block)
        elif top:
            top[-1].own.append(block)
        else:
            top.append(Section(None, None, (), [block]))
    return top


def is_one_section(headings: Iterable[Heading]) -> bool:
    """Whether these headings, read on their own, are one section: all below the first."""
    stack: list[Section] = []
    for heading in headings:
        is_first = not stack
        depth = _close(stack, heading)
        if not stack and not is_first:
            return False
        stack.append(Section(heading, depth, ()))
    return True


def _close(stack: list[Section], heading: Heading) -> float | None:
    """Close the sections that end at this heading; what is left on the stack is above it. Returns the depth it counts with."""
    while stack:
        relation = _relation(stack[-1], heading)
        if relation == "deeper":
            return heading.depth
        closed = stack.pop()
        if relation == "sibling":
            return closed.depth if heading.depth is None else heading.depth
    return heading.depth


def _relation(above: Section, heading: Heading) -> Relation:
    """How a new heading stands to the one that is open."""
    marks = above.heading.marks if above.heading else 0
    both_marked = marks > 0 and heading.marks > 0
    if both_marked and marks != heading.marks:
        return "deeper" if heading.marks > marks else "shallower"
    if above.depth is not None and heading.depth is not None:
        return "sibling" if heading.depth == above.depth else "deeper" if heading.depth > above.depth else "shallower"
    if both_marked:
        return "sibling"
    return "shallower" if heading.marks else "deeper"
