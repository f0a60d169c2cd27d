"""The rules of splitting written down a second time, as plainly as they read and without regard to speed: an oracle for the splitter.

It shares the line scanner, the headings and the inline tokens with it, which have oracles of their own, and nothing of nesting, packing and cutting.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from moorage.kb.chunk.inline import inline
from moorage.kb.chunk.scan import Block, blocks

Range = tuple[int, int]
JOIN = 8
_SENTENCE = re.compile(r"[。！？；…!?;]+[”’\"'」』）)】》〉］\]}〕｝»]*|\.(?=\s)")
_BLANK_LINES = re.compile(r"(?:[^\S\n]*\n)*")
_SOFT = " \t\u3000，、,：:"


@dataclass
class Part:
    """A heading with its own content and what is below it. ``depth`` may come from the sibling before."""

    marks: int
    depth: float | None
    own: list[Block]
    below: list[Part] = field(default_factory=list["Part"])

    @property
    def range(self) -> Range:
        return self.own[0].start, self.below[-1].range[1] if self.below else self.own[-1].end


def plainly_split(text: str, child_max: int, parent_max: int) -> list[list[str]]:
    """The children of each parent."""
    splitter = _Plain(text, child_max, parent_max)
    return [[text[start:end] for start, end in parent] for part in parts_of(blocks(text)) for parent in splitter.parents(part)]


def parts_of(found: Iterable[Block]) -> list[Part]:
    top: list[Part] = []
    is_open: list[Part] = []
    for block in found:
        if block.heading is None:
            if not is_open and not top:
                top.append(Part(0, None, []))
            (is_open[-1] if is_open else top[0]).own.append(block)
            continue
        part = Part(block.heading.marks, block.heading.depth, [block])
        while is_open and (relation := relation_of(is_open[-1], part)) != "deeper":
            closed = is_open.pop()
            if relation == "sibling":
                part.depth = closed.depth if part.depth is None else part.depth
                break
        (is_open[-1].below if is_open else top).append(part)
        is_open.append(part)
    return top


def relation_of(above: Part, part: Part) -> str:
    numbers = None if above.depth is None or part.depth is None else (part.depth > above.depth) - (part.depth < above.depth)
    by_number = {1: "deeper", 0: "sibling", -1: "shallower"}
    if above.marks and part.marks:
        if above.marks != part.marks:
            return "deeper" if part.marks > above.marks else "shallower"
        return "sibling" if numbers is None else by_number[numbers]
    if numbers is not None:
        return by_number[numbers]
    return "shallower" if part.marks else "deeper"


def plainly_packed(lengths: Sequence[int], joins: Sequence[int], limit: int) -> list[Range]:
    """Tries every length that a group may have, the shortest first."""
    groups: list[Range] = []
    first = 0
    for at in [*(at for at, length in enumerate(lengths) if length > limit), len(lengths)]:
        if first < at:
            groups += _packed_run(lengths, joins, first, at, limit)
        groups += [(at, at + 1)] if at < len(lengths) else []
        first = at + 1
    return groups


def _packed_run(lengths: Sequence[int], joins: Sequence[int], first: int, last: int, limit: int) -> list[Range]:
    def size(a: int, b: int) -> int:
        return sum(lengths[a:b]) + sum(joins[a : b - 1])

    def filled(most: int) -> list[Range]:
        groups: list[Range] = []
        at = first
        while at < last:
            end = at + 1
            while end < last and size(at, end + 1) <= most:
                end += 1
            groups.append((at, end))
            at = end
        return groups

    fewest = len(filled(limit))
    sizes = sorted(
        {size(a, b) for a in range(first, last) for b in range(a + 1, last + 1) if max(lengths[first:last]) <= size(a, b) <= limit}
    )
    return next(groups for most in sizes if len(groups := filled(most)) <= fewest)


def _joined(children: Sequence[Range]) -> int:
    return sum(end - start for start, end in children) + JOIN * (len(children) - 1)


class _Plain:
    def __init__(self, text: str, child_max: int, parent_max: int) -> None:
        self.text = text
        self.child_max = child_max
        self.parent_max = parent_max

    def parents(self, part: Part) -> list[list[Range]]:
        if self._fits(part.range):
            return [[part.range]]
        own, units = self._own(part), [self.children(below) for below in part.below]
        everything = [child for unit in (own, *units) for child in unit]
        if _joined(everything) <= self.parent_max:
            return [everything]
        found: list[list[Range]] = []
        waiting = [own] if _joined(own) <= self.parent_max else [[child] for child in own]
        for below, unit in zip(part.below, units, strict=True):
            if _joined(unit) <= self.parent_max:
                waiting.append(unit)
            else:
                found += [*self._parents_of(waiting), *self.parents(below)]
                waiting = []
        return found + self._parents_of(waiting)

    def children(self, part: Part) -> list[Range]:
        if self._fits(part.range):
            return [part.range]
        return [*self._own(part), *(child for below in part.below for child in self.children(below))]

    def _parents_of(self, units: list[list[Range]]) -> list[list[Range]]:
        groups = plainly_packed([_joined(unit) for unit in units], [JOIN] * len(units), self.parent_max)
        return [[child for unit in units[first:past] for child in unit] for first, past in groups]

    def _fits(self, piece: Range) -> bool:
        return piece[1] - piece[0] <= self.child_max

    def _own(self, part: Part) -> list[Range]:
        whole = part.own[0].start, part.own[-1].end
        if self._fits(whole):
            return [whole]
        pieces = [(block.start, block.end) for block in part.own]
        bodies, atoms = [block.start for block in part.own], [block.is_atom for block in part.own]
        if part.own[0].heading is not None and len(pieces) > 1:
            glued = pieces[0][0], pieces[1][1]
            if not atoms[1] or self._fits(glued) or not self._fits(pieces[1]):
                pieces, bodies, atoms = [glued, *pieces[2:]], bodies[1:], atoms[1:]
        found: list[Range] = []
        for first, past in self._groups(pieces):
            group = pieces[first][0], pieces[past - 1][1]
            found += [group] if self._fits(group) or atoms[first] else self._down_the_ladder(group, bodies[first])
        return found

    def _groups(self, pieces: Sequence[Range]) -> list[Range]:
        lengths, joins = [end - start for start, end in pieces], [after[0] - before[1] for before, after in pairwise(pieces)]
        return plainly_packed(lengths, joins, self.child_max)

    def _down_the_ladder(self, piece: Range, body: int) -> list[Range]:
        tokens = [(t.start, t.end) for a, b in ((piece[0], body), (body, piece[1])) for t in inline(self.text, a, b).tokens]
        soft = [(t.start, t.end) for t in inline(self.text, *piece).tokens if t.is_soft]
        tokens = [token for token in tokens if token not in soft or self._fits(token)]
        found: list[Range] = []
        lines = self._cut(piece, body, [at + 1 for at in range(*piece) if self.text[at] == "\n"], tokens, keeps_indent=True)
        for first, past in self._groups(lines):
            line = lines[first][0], lines[past - 1][1]
            if self._fits(line):
                found.append(line)
                continue
            start = body if line[0] == piece[0] else line[0]
            ends = [match.end() for match in _SENTENCE.finditer(self.text, start, line[1])]
            sentences = self._cut(line, start, ends, tokens, keeps_indent=False)
            for a, b in self._groups(sentences):
                sentence = sentences[a][0], sentences[b - 1][1]
                found += [sentence] if self._fits(sentence) else self._hard(sentence, tokens)
        return found

    def _cut(self, piece: Range, body: int, cuts: Iterable[int], tokens: Sequence[Range], *, keeps_indent: bool) -> list[Range]:
        found: list[Range] = []
        start = piece[0]
        for cut in cuts:
            is_in_heading = start == piece[0] and not self.text[body:cut].strip()
            if not max(body, start) < cut < piece[1] or is_in_heading or any(a < cut < b for a, b in tokens):
                continue
            found.append((start, self._stripped(start, cut)))
            start = self._next(cut, piece[1], keeps_indent=keeps_indent)
        return [*found, (start, piece[1])] if start < piece[1] else found

    def _hard(self, piece: Range, tokens: Sequence[Range]) -> list[Range]:
        found: list[Range] = []
        start = self._next(*piece, keeps_indent=False)
        while piece[1] - start > self.child_max:
            cut = self._hard_cut(start, tokens)
            found.append((start, self._stripped(start, cut)))
            start = self._next(cut, piece[1], keeps_indent=False)
        return [*found, (start, piece[1])] if start < piece[1] else found

    def _hard_cut(self, start: int, tokens: Sequence[Range]) -> int:
        end = start + self.child_max
        for cut in range(end, end - self.child_max // 4, -1):
            is_free = not any(a < cut < b for a, b in tokens)
            if self.text[cut - 1] in _SOFT and is_free and self.text[start:cut].strip():
                return cut
        inside = next(((a, b) for a, b in tokens if a < end < b), None)
        return end if inside is None else inside[0] if inside[0] > start else inside[1]

    def _stripped(self, start: int, end: int) -> int:
        return start + len(self.text[start:end].rstrip())

    def _next(self, at: int, end: int, *, keeps_indent: bool) -> int:
        if keeps_indent:
            match = _BLANK_LINES.match(self.text, at, end)
            return match.end() if match else at
        while at < end and self.text[at].isspace():
            at += 1
        return at
