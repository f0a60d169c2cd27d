"""Finds the inline tokens of a paragraph: images, links, code spans and ``$…$``, which must never be cut.

Linear in the length of the text, whatever brackets and backticks it holds. Knows nothing about blocks.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Span:
    """A range of the text. ``target`` is the address of an image. An ``is_soft`` span (``<https://…>``, ``[text][name]``)
    is kept whole only where that is possible."""

    start: int
    end: int
    target: str = ""
    is_soft: bool = False


@dataclass(slots=True)
class Inline:
    """What one paragraph holds. ``tokens`` are the outermost ones; ``images`` and ``codes`` also those inside links."""

    tokens: list[Span] = field(default_factory=list[Span])
    images: list[Span] = field(default_factory=list[Span])
    codes: list[Span] = field(default_factory=list[Span])


def inline(text: str, start: int, end: int) -> Inline:
    """The tokens of ``text[start:end]``, in order. List items and blank lines end a token's reach."""
    found = Inline()
    at = start
    for match in _LEAF_EDGE.finditer(text, start, end):
        _Reader(text, at, match.start(), found).run()
        at = match.start()
        if match[1]:  # a heading inside a list or quote is a leaf of its own
            _Reader(text, at, match.end(), found).run()
            at = match.end()
    _Reader(text, at, end, found).run()
    return found


class _Reader:
    """Reads one leaf (a paragraph, the text of a list item) from left to right."""

    def __init__(self, text: str, start: int, end: int, found: Inline) -> None:
        self.text = text
        self.start = start
        self.end = end
        self.found = found
        self.openers: list[tuple[int, bool]] = []
        self.dead_links_before = -1
        self.runs: dict[int, list[int]] | None = None

    def run(self) -> None:
        at = self.start
        while match := _SPECIAL.search(self.text, at, self.end):
            at = self._special(match)

    def _special(self, match: re.Match[str]) -> int:
        mark = match[0]
        if mark[0] == "`":
            return self._code(match)
        if mark[0] == "$":
            return self._math(match)
        if mark[0] == "<":
            self._add(Span(match.start(), match.end(), is_soft=True))
        elif mark == "[" or mark == "![":
            self.openers.append((match.start(), mark == "!["))
        elif mark == "]":
            return self._bracket(match)
        return match.end()

    def _code(self, opening: re.Match[str]) -> int:
        width = len(opening[0])
        runs = self._runs().get(width, [])
        closing = bisect_right(runs, opening.start())
        if closing == len(runs):
            return opening.end()
        span = Span(opening.start(), runs[closing] + width)
        self.found.codes.append(span)
        self._add(span)
        return span.end

    def _runs(self) -> dict[int, list[int]]:
        if self.runs is None:
            self.runs = {}
            for match in _BACKTICKS.finditer(self.text, self.start, self.end):
                self.runs.setdefault(len(match[0]), []).append(match.start())
        return self.runs

    def _math(self, opening: re.Match[str]) -> int:
        pattern = {1: _DOLLAR, 2: _DOUBLE_DOLLAR}.get(len(opening[0]))
        match = pattern.match(self.text, opening.start(), self.end) if pattern else None
        if match is None:
            return opening.end()
        self._add(Span(match.start(), match.end()))
        return match.end()

    def _bracket(self, closing: re.Match[str]) -> int:
        if not self.openers:
            return closing.end()
        start, is_image = self.openers.pop()
        if not is_image and start < self.dead_links_before:
            return closing.end()
        match = _TARGET.match(self.text, closing.end(), self.end)
        if match is None and is_image:
            match = _LOOSE_TARGET.match(self.text, closing.end(), self.end)
        if match is None:
            return self._reference(start, closing)
        span = Span(start, match.end(), match[1] or "")
        if is_image:
            _drop_inner(self.found.images, start)
            self.found.images.append(span)
        else:
            self.dead_links_before = start  # no link inside a link; an image around one is fine
        self._add(span)
        return span.end

    def _reference(self, start: int, closing: re.Match[str]) -> int:
        match = _REFERENCE.match(self.text, closing.end(), self.end)
        if match is None:
            return closing.end()
        self._add(Span(start, match.end(), is_soft=True))
        return match.end()

    def _add(self, span: Span) -> None:
        if span.is_soft and any(not inner.is_soft for inner in self.found.tokens[-1:] if inner.start >= span.start):
            return  # a soft span must not hide a hard one
        _drop_inner(self.found.tokens, span.start)
        self.found.tokens.append(span)


def _drop_inner(spans: list[Span], start: int) -> None:
    while spans and spans[-1].start >= start:
        spans.pop()


_ITEM = r"(?:[-+*]|[0-9]{1,9}[.)])[ \t]"
_LEAF_EDGE = re.compile(rf"^[ \t>]*+(?:{_ITEM}[ \t]*+)*+(#{{1,6}}[ \t][^\n]*)|\n(?=[ \t>]*+(?:\n|{_ITEM}))", re.MULTILINE)
_SPECIAL = re.compile(r"\\[!-/:-@\[-`{-~]|`+|\$+|!?\[|\]|<[A-Za-z][A-Za-z0-9+.\-]{1,31}:[^\s<>]*>")
_BACKTICKS = re.compile(r"`+")
_DOLLAR = re.compile(r"\$(?![\s$])(?:\\.|[^\\$\n`])*+(?<!\s)\$(?![0-9$])")
_DOUBLE_DOLLAR = re.compile(r"\$\$(?!\$)(?:\\.|[^\\$\n`]|\$(?!\$))++\$\$(?!\$)")

_PARENS = r"\((?:[^\s()\\]|\\.|\((?:[^\s()\\]|\\.|\([^\s()\\]*+\))*+\))*+\)"
_ADDRESS = rf"<[^<>\n]*+>|(?!<)(?:[^\s()\\]|\\.|{_PARENS})*+"
_TITLE = r"\"(?:[^\"\\]|\\.)*+\"|'(?:[^'\\]|\\.)*+'|\((?:[^()\\]|\\.)*+\)"
_TARGET = re.compile(rf"\(\s*+({_ADDRESS})(?:\s++(?:{_TITLE}))?\s*+\)", re.DOTALL)
# Blanks in an address are not Markdown, but pictures in real documents are called "my picture (1).png".
_LOOSE_TARGET = re.compile(rf"\([ \t]*+((?:[^()\n\"']|\([^()\n\"']{{0,500}}\)){{1,1000}}?)(?:[ \t]++(?:{_TITLE}))?[ \t]*+\)")
_REFERENCE = re.compile(r"\[[^\[\]\n]{1,200}\]")
