"""Splits the own content of a section, its heading and blocks without sub-sections, into pieces that fit a child.

Blocks first; a paragraph that is too long goes down the ladder: lines, sentences, then hard cuts. An atom or an inline token
is never cut, and a heading stays with what follows it.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from moorage.kb.chunk.inline import inline
from moorage.kb.chunk.pack import pack
from moorage.kb.chunk.ruler import CHARACTERS, Ruler
from moorage.kb.chunk.scan import Block

Spans = list[tuple[int, int]]


def split_content(text: str, blocks: Sequence[Block], limit: int, ruler: Ruler = CHARACTERS) -> Spans:
    """The children, as (start, end) offsets, of a heading and the blocks that follow it up to the next heading."""
    spans: Spans = []
    for piece in _packed(_pieces(blocks, limit, ruler), limit, ruler):
        if ruler.length(piece.start, piece.end) <= limit:
            spans.append((piece.start, piece.end))
        elif piece.is_atom:
            spans.append((_fence_start(text, piece), piece.end))
        else:
            spans += _Paragraph(text, piece, limit, ruler).spans()
    return spans


@dataclass(frozen=True, slots=True)
class _Piece:
    """A range that goes into one child. ``body`` is where its text begins after a heading that must not be parted from it."""

    start: int
    end: int
    body: int
    is_atom: bool = False


def _pieces(blocks: Sequence[Block], limit: int, ruler: Ruler) -> list[_Piece]:
    """The blocks, a heading glued to what follows it."""
    pieces = [_Piece(block.start, block.end, block.start, block.is_atom) for block in blocks]
    if len(blocks) < 2 or blocks[0].heading is None:
        return pieces
    heading, first = pieces[0], pieces[1]
    if first.is_atom and ruler.length(heading.start, first.end) > limit >= ruler.length(first.start, first.end):
        return pieces
    return [_Piece(heading.start, first.end, first.start, first.is_atom), *pieces[2:]]


def _packed(pieces: Sequence[_Piece], limit: int, ruler: Ruler) -> Iterator[_Piece]:
    """The pieces grouped to fit; a group is one piece again."""
    lengths = [ruler.length(piece.start, piece.end) for piece in pieces]
    joins = [ruler.length(before.end, after.start) for before, after in pairwise(pieces)]
    for first, past in pack(lengths, joins, limit):
        if past - first == 1:
            yield pieces[first]
        else:
            yield _Piece(pieces[first].start, pieces[past - 1].end, pieces[first].body)


class _Paragraph:
    """A paragraph longer than a child, perhaps with its heading, on its way down the ladder."""

    def __init__(self, text: str, piece: _Piece, limit: int, ruler: Ruler) -> None:
        self.text = text
        self.piece = piece
        self.limit = limit
        self.ruler = ruler
        self.tokens = _tokens(text, piece, limit, ruler)
        self.token_starts = [start for start, _ in self.tokens]

    def spans(self) -> Spans:
        spans: Spans = []
        for line in _packed(list(self._lines(self.piece)), self.limit, self.ruler):
            if self.ruler.length(line.start, line.end) <= self.limit:
                spans.append((line.start, line.end))
                continue
            for sentence in _packed(list(self._sentences(line)), self.limit, self.ruler):
                if self.ruler.length(sentence.start, sentence.end) <= self.limit:
                    spans.append((sentence.start, sentence.end))
                else:
                    spans += self._hard(sentence)
        return spans

    def _lines(self, piece: _Piece) -> Iterator[_Piece]:
        return self._cut(piece, _LINE_END, keep_indent=True)

    def _sentences(self, piece: _Piece) -> Iterator[_Piece]:
        return self._cut(piece, _SENTENCE_END, keep_indent=False)

    def _cut(self, piece: _Piece, pattern: re.Pattern[str], *, keep_indent: bool) -> Iterator[_Piece]:
        """The piece cut after each match outside tokens and after its heading; blanks between the parts belong to none."""
        start, body = piece.start, piece.body
        for match in pattern.finditer(self.text, piece.body, piece.end):
            cut = match.end()
            if cut >= piece.end or self._token_around(cut) is not None:
                continue
            end = _rstrip(self.text, start, cut)
            if end <= body and end < piece.end and not self.text[body:end].strip():
                continue
            yield _Piece(start, end, body)
            start = body = self._next(cut, piece.end, keep_indent=keep_indent)
        if start < piece.end:
            yield _Piece(start, piece.end, body)

    def _hard(self, piece: _Piece) -> Spans:
        """Cut at the limit, or after the last blank or comma in the last quarter of the window; before a token in the way."""
        spans: Spans = []
        start = self._next(piece.start, piece.end, keep_indent=False)
        while self.ruler.length(start, piece.end) > self.limit:
            cut = self._hard_cut(start)
            spans.append((start, _rstrip(self.text, start, cut)))
            start = self._next(cut, piece.end, keep_indent=False)
        if start < piece.end:
            spans.append((start, piece.end))
        return spans

    def _hard_cut(self, start: int) -> int:
        end = self.ruler.reach(start, self.limit)
        last_quarter = self.ruler.reach(start, self.limit - self.limit // 4)
        for match in _SOFT_CUT.finditer(self.text[last_quarter:end][::-1]):
            cut = end - match.start()
            if self._token_around(cut) is None and self.text[start:cut].strip():
                return cut
        token = self._token_around(end)
        if token is None:
            return end
        return token[0] if token[0] > start else token[1]

    def _next(self, cut: int, end: int, *, keep_indent: bool) -> int:
        """Where the text goes on after a cut: behind blanks, or at the first line that is not blank."""
        match = (_BLANK_LINES if keep_indent else _BLANKS).match(self.text, cut, end)
        return match.end() if match else cut

    def _token_around(self, offset: int) -> tuple[int, int] | None:
        """The token that a cut here would part."""
        at = bisect_left(self.token_starts, offset) - 1
        return self.tokens[at] if at >= 0 and offset < self.tokens[at][1] else None


def _tokens(text: str, piece: _Piece, limit: int, ruler: Ruler) -> Spans:
    found = [*inline(text, piece.start, piece.body).tokens, *inline(text, piece.body, piece.end).tokens]
    return [(token.start, token.end) for token in found if not token.is_soft or ruler.length(token.start, token.end) <= limit]


def _fence_start(text: str, piece: _Piece) -> int:
    """Where a long atom begins: a fence set deeper in a list than its own lines is read as a fence, and not as indented code,
    only without its indentation."""
    match = _DEEP_FENCE.match(text, piece.start, piece.end)
    return match.end() if match and _SHALLOW_LINE.search(text, match.end(), piece.end) else piece.start


def _rstrip(text: str, start: int, end: int) -> int:
    while end > start and text[end - 1].isspace():
        end -= 1
    return end


_LINE_END = re.compile(r"\n")
_CLOSING = r"”’\"'」』）)】》〉］\]}〕｝»"
_SENTENCE_END = re.compile(rf"[。！？；…!?;]+[{_CLOSING}]*|\.(?=\s)")
_SOFT_CUT = re.compile(r"[ \t\u3000，、,：:]")
_BLANKS = re.compile(r"\s*")
_BLANK_LINES = re.compile(r"(?:[^\S\n]*\n)*")
_DEEP_FENCE = re.compile(r" {4,}(?=```|~~~)")
_SHALLOW_LINE = re.compile(r"\n {0,3}[^ \t\n]")
