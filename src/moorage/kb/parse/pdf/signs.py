"""The signs of a PDF as text: what is not seen, bullets from fonts of signs, and lines that were typed letter by letter."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from moorage.kb.parse.markdown import raised

_LONGEST_GAP = 80
_CHINESE = re.compile(r"[\u2e80-\uffef]")
_BLANK_BETWEEN = re.compile(r"(?<=[\u2e80-\uffef]) (?=[\u2e80-\uffef])")
_BLANK_BEFORE_STOP = re.compile(r"(?<=[\u4e00-\u9fff]) (?=[，。、；：！？）》])")
_LEAST_ALONE = 6
_MOST_ALONE = 0.8

SIGNS: dict[int, str | None] = {
    **dict.fromkeys(map(ord, "\u00ad\u200b\ufeff\uffff"), None),
    # Bullets and boxes that Word and others take from a font of signs.
    0xF0B7: "•", 0xF0A7: "▪", 0xF06C: "●", 0xF06E: "■", 0xF06F: "☐", 0xF071: "❑", 0xF075: "◆", 0xF076: "❖", 0xF0A8: "☐", 0xF0D8: "➢",
    0xF0E0: "→", 0xF0FB: "✗", 0xF0FC: "✓", 0xF0FD: "☒", 0xF0FE: "☑",
}  # fmt: skip
"""What becomes of single characters, for ``str.translate``."""


def typed(signs: Sequence[str], places: Sequence[float]) -> tuple[str, float]:
    """A line of letters of one width as it was typed, and that width. ``signs`` are without blanks, ``places`` are where they begin."""
    steps = [after - before for before, after in pairwise(places)]
    near = sorted(step for step in steps if step > 0.5)
    width = near[len(near) // 4] if near else 0.0
    if not width:
        return "".join(signs), 0.0
    blanks = (" " * min(max(0, round(step / width) - 1), _LONGEST_GAP) for step in steps)
    return signs[0] + "".join(f"{blank}{sign}" for blank, sign in zip(blanks, signs[1:], strict=True)), width


def unspaced(text: str) -> str:
    """A line of Chinese that is justified, without the blanks that its gaps are taken for: before a stop, and between all signs where most stand
    alone."""
    if " " not in text:
        return text
    words = [word for word in text.split(" ") if _CHINESE.match(word)]
    if len(words) >= _LEAST_ALONE and sum(len(word) == 1 for word in words) >= _MOST_ALONE * len(words):
        return closed(text)
    return _BLANK_BEFORE_STOP.sub("", text)


def closed(text: str) -> str:
    """The text without the blanks between Chinese signs."""
    return _BLANK_BETWEEN.sub("", text)


def with_raised(characters: Sequence[str], positions: Sequence[int]) -> list[str]:
    """The characters of a line, raised figures as such; ``positions`` of raised letters rise."""
    written = list(characters)
    start = 0
    for at, position in enumerate(positions, 1):
        if at == len(positions) or positions[at] != position + 1:
            run = slice(positions[start], position + 1)
            written[run] = raised("".join(written[run]))
            start = at
    return written
