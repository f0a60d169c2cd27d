"""Lines of code in a PDF: how they were typed, told by where their letters stand. Knows no PDF library."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from moorage.kb.parse.markdown import Block, fence
from moorage.kb.parse.pdf.lines import TextLine

# A page set in typewriter letters is prose all the same: a capital, words, a full stop, and none of the signs of code.
_PROSE = re.compile(r"^[A-Z][^={}\[\]<>|\\$#;_/()]*\s[^={}\[\]<>|\\$#;_/()]*[.!?:,]?$")
_ADDRESS = re.compile(r"^[{<(]?[\w.,+ -]*\}?@[\w.-]+[>)]?[,;]?$|^(?:https?://|www\.)\S+$")
_MOST_CODE = 0.6  # of a document's lines: beyond this its typewriter letters mean nothing
_BLANK_LINE = 1.6
_DEEPEST = 80
_LETTER = 0.6  # times the type size
_FENCE = "```"


def means_code(lines: Sequence[TextLine]) -> bool:
    """Whether letters of one width mean code in a document of these lines."""
    return sum(bool(line.code) for line in lines) <= _MOST_CODE * sum(bool(line.cells) for line in lines)


def code_block(lines: Sequence[TextLine]) -> Block | None:
    """Lines that follow each other as a fence, with their indents and blank lines; None for sentences, addresses and single words."""
    if all(_PROSE.match(line.code) or _ADDRESS.match(line.code) for line in lines) or (len(lines) == 1 and " " not in lines[0].code):
        return None
    left = min(line.left for line in lines)
    width = median([line.letter for line in lines if line.letter] or [_LETTER * lines[0].size])
    steps = [above.base - below.base for above, below in pairwise(lines)]
    usual = min(steps, default=0.0)
    typed: list[str] = []
    for at, line in enumerate(lines):
        if at and steps[at - 1] > _BLANK_LINE * usual:
            typed.append("")
        typed.append(" " * min(max(0, round((line.left - left) / width)), _DEEPEST) + line.code)
    return fence("\n".join(typed))


def joined_code(above: str, below: str) -> str:
    """Code that ends a page and code that begins the next one, as one; empty where they are not code."""
    if not (above.startswith(_FENCE) and below.startswith(_FENCE)):
        return ""
    first, second = above.split("\n"), below.split("\n")
    ticks = max(first[0], second[0], key=len)
    return "\n".join([ticks, *first[1:-1], *second[1:-1], ticks])
