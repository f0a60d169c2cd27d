"""The passages that go with a question under a budget of characters: the best children whole, the next as their best sentences."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from moorage.kb.sentences import sentences
from moorage.kb.tokens import query_tokens, tokens

# Share of squad2's questions whose answer is within 2,000 characters (children of 1,000): all whole .917, .75 of the budget whole .927,
# .6 whole and then excerpts of 300 .931, of 200 .929, only the first whole .929.
_WHOLE_SHARE = 0.6
_EXCERPT_CHARACTERS = 300
_LEAST_CHARACTERS = 40


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document: ``text`` is ``[start:end]`` of its cleaned Markdown. ``above`` are its title and headings."""

    document_id: str
    start: int
    end: int
    text: str
    above: str = ""


def assemble(question: str, children: Sequence[Passage], budget: int) -> list[Passage]:
    """Passages of at most ``budget`` characters together, in the order of ``children``, which come best first and never overlap.

    The first is whole where it fits; so are the next while they leave two fifths of the budget. The others, and what fits no more, give
    their sentences that hold most of the question, the rarer a word among the children the more it counts. Tables and code stay whole or
    stay out, if anything else was found.
    """
    weights = _weights(question, children)
    found: list[Passage] = []
    room = budget
    for child in children:
        if room < _LEAST_CHARACTERS:
            break
        piece = _fitting(child, weights, room, whole=not found or budget - room + len(child.text) <= budget * _WHOLE_SHARE)
        if piece is not None and (len(piece.text) <= room or not found):
            found.append(_cut(piece, room))
            room -= len(found[-1].text)
    return found


def _fitting(child: Passage, weights: dict[str, float], room: int, whole: bool) -> Passage | None:
    if len(child.text) <= (room if whole else min(room, _EXCERPT_CHARACTERS)):
        return child
    if _is_block(child.text):
        return child if len(child.text) <= room else None if not whole else _excerpt(child, weights, room)
    return _excerpt(child, weights, room if whole else min(room, _EXCERPT_CHARACTERS))


def _excerpt(child: Passage, weights: dict[str, float], width: int) -> Passage:
    """The neighbouring sentences of at most ``width`` characters that hold most of the question; one sentence at least."""
    spans = sentences(child.text) or [(0, len(child.text))]
    held = [set(tokens(child.text[start:end])) & weights.keys() for start, end in spans]
    best, best_weight = spans[0], -1.0
    for first, (start, _) in enumerate(spans):
        last = first
        while last + 1 < len(spans) and spans[last + 1][1] - start <= width:
            last += 1
        weight = sum(weights[token] for token in set[str]().union(*held[first : last + 1]))
        if weight > best_weight:
            best, best_weight = (start, spans[last][1]), weight
    return _part(child, *best)


def _weights(question: str, children: Sequence[Passage]) -> dict[str, float]:
    """BM25's inverse document frequency, over the children."""
    held = [set(tokens(f"{child.above} {child.text}")) for child in children]
    counts = {token: sum(token in each for each in held) for token in query_tokens(question)}
    return {token: math.log(1 + (len(held) - count + 0.5) / (count + 0.5)) for token, count in counts.items()}


def _is_block(text: str) -> bool:
    return any(line.lstrip().startswith(("|", "```", "~~~", "$$")) for line in text.split("\n"))


def _cut(passage: Passage, room: int) -> Passage:
    return passage if len(passage.text) <= room else _part(passage, 0, room)


def _part(passage: Passage, start: int, end: int) -> Passage:
    return Passage(passage.document_id, passage.start + start, passage.start + end, passage.text[start:end], passage.above)


def characters(passages: Iterable[Passage]) -> int:
    """How much of a budget they use."""
    return sum(len(passage.text) for passage in passages)
