"""Where sentences begin and end in Markdown, and which language a text is in."""

from __future__ import annotations

import re

from moorage.core.errors import Language

# A sentence ends after Chinese or Latin end marks (with closing quotes or brackets), after a full stop before a blank, or with the line.
_END = re.compile(r"[。！？!?；;…]+[”’\"'）)】》」』\]]*|\.(?=[\s”\"')\]]|$)[”\"')\]]*|\n")
_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]+")
_ABBREVIATION = re.compile(r"(?:\b(?:e\.g|i\.e|etc|vs|cf|Dr|Mr|Mrs|Ms|Prof|No|Fig|Inc|Ltd|Co|St)|\b[A-Z])\.$")


def language_of(text: str) -> Language:
    """Chinese when Han characters outnumber Latin words."""
    return "zh" if len(_HAN.findall(text)) > len(_LATIN.findall(text)) else "en"


def sentences(text: str) -> list[tuple[int, int]]:
    """(start, end) of each sentence, blanks at both ends left out. A table row, a code line and a heading each count as one."""
    found: list[tuple[int, int]] = []
    start = 0
    for match in _END.finditer(text):
        if match[0].startswith(".") and _ABBREVIATION.search(text, max(start, match.start() - 6), match.start() + 1):
            continue
        _add(text, start, match.end(), found)
        start = match.end()
    _add(text, start, len(text), found)
    return found


def _add(text: str, start: int, end: int, found: list[tuple[int, int]]) -> None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if end > start:
        found.append((start, end))
