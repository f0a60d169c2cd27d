"""Which sentences of the passages answer a question: the answer without a model.

Two measures. *Coverage* is the share of the question's words that the best passage holds: it says whether the documents speak of this at all.
*Score* ranks sentences: the share of the question a sentence covers, each word weighing more the rarer it is among the sentences at hand.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from moorage.kb.sentences import sentences
from moorage.kb.tokens import fold, query_tokens, tokens

FOUND_AT = 0.45
"""The share of the question that the best passage must cover before its sentences count as an answer. Of 150 sampled questions that long documents
answer .98 (squad2) and .91 (drcd_dev) reach it; of questions on other matters .21 (medquad against squad2), .16 and .21 (dureader, cmrc2018 against drcd)."""

# Measured on 250 long-document questions each of squad2 and drcd_dev: the first sentence holds a gold answer for .71 and .84 of them (.69 and .82 without
# the passages' scores), one of the 2.1 and 1.6 sentences that are near the best for .83 and .89.
_NEAR_THE_BEST = 0.6
_HEADING_SHARE = 0.4
_QUESTION_SHARE = 0.4
_LONG_SENTENCE = 320
# What makes a sentence a question and says nothing of what is asked about.
_ASKING = re.compile(
    r"请问|多少|什么|怎么|怎样|如何|为何|为什么|哪些|哪个|哪里|哪种|哪|几(?=[个天年月日次种位人条元层楼])|是否|吗|呢|谁|多久|多长|多大"
)
_TABLE = re.compile(r"^\|[^\n]*\n\|[ :|-]+(?:\n\|[^\n]*)*", re.MULTILINE)
_SOLID = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{1,2}")
_HAN = re.compile(r"[\u3400-\u9fff]")


@dataclass(frozen=True, slots=True)
class PassageText:
    """A passage as the extractor sees it: its text, what stands above it, and the score that the search gave it (any scale)."""

    text: str
    headings: tuple[str, ...] = ()
    title: str = ""
    score: float = 1.0


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of passage ``passage`` (index), as a character range of its text, and its score (0..1)."""

    passage: int
    start: int
    end: int
    score: float
    header: str = ""
    """The header row, where the sentence is a row of a table."""


@dataclass(frozen=True, slots=True)
class Extract:
    """The sentences that answer, best first, and ``coverage``, the share of the question that the best passage covers (0..1)."""

    sentences: tuple[Sentence, ...]
    coverage: float

    @property
    def found(self) -> bool:
        return self.coverage >= FOUND_AT and bool(self.sentences)


def extract(question: str, passages: Sequence[PassageText], limit: int = 4) -> Extract:
    """The sentences of ``passages`` that answer ``question``. Linear in the passages' length."""
    wanted = asked_for(question)
    if not wanted or not passages:
        return Extract((), 0.0)
    held_in = _Held(wanted)
    above = [held_in(f"{p.title} {' '.join(p.headings)}") for p in passages]
    found = [(i, part, held_in(part.text)) for i, p in enumerate(passages) for part in _parts(p.text)]
    found = [(i, part, hit) for i, part, hit in found if hit]
    weights = _weights(wanted, [hit for _, _, hit in found])
    held = list(above)
    best = max(p.score for p in passages) or 1.0
    scored: list[Sentence] = []
    for i, part, hit in found:
        over = above[i] | held_in(part.header) if part.header else above[i]
        held[i] = held[i] | hit | over
        score = (_share(hit, weights) + _HEADING_SHARE * _share(over - hit, weights)) * _form(part.text) * passages[i].score / best
        scored.append(Sentence(i, part.start, part.end, min(score, 1.0), part.header))
    scored.sort(key=lambda s: (-s.score, s.passage, s.start))
    plain = {t: _plain_weight(t) for t in wanted}
    return Extract(tuple(_distinct(scored, passages, limit)), max(_share(h, plain) for h in held))


def asked_for(question: str) -> set[str]:
    """The tokens of what a question asks about, without the words that only ask."""
    bare = set(query_tokens(_ASKING.sub(" ", question)))
    return bare or set(query_tokens(question))


class _Held:
    """Which of the wanted tokens a text holds. A run of Han characters, kana or Hangul is a token exactly where it stands in the folded text, so it
    is looked for there; only words need the text's own tokens. Six times as fast as those for Chinese."""

    def __init__(self, wanted: set[str]) -> None:
        self._runs = [t for t in wanted if _SOLID.fullmatch(t)]
        self._words = wanted.difference(self._runs)

    def __call__(self, text: str) -> set[str]:
        folded = fold(text)
        held = {t for t in self._runs if t in folded}
        return held | (self._words & set(tokens(text))) if self._words else held


def _plain_weight(token: str) -> float:
    """Single Han characters are everywhere; pairs and words tell."""
    return 0.25 if len(token) == 1 and _HAN.match(token) else 1.0


@dataclass(frozen=True, slots=True)
class _Part:
    """A sentence or a table row with the header above it."""

    start: int
    end: int
    text: str
    header: str


def _parts(text: str) -> list[_Part]:
    """The sentences that could answer: no headings, no header or delimiter rows. A row is whole, whatever its cells hold."""
    found: list[_Part] = []
    for start, end in sentences(text):
        sentence = text[start:end]
        if "|" not in text[text.rfind("\n", 0, start) + 1 : start + 1] and not sentence.startswith("#"):
            found.append(_Part(start, end, sentence, ""))
    for table in _TABLE.finditer(text):
        header, _, body = table[0].partition("\n")
        at = table.start() + len(table[0]) - len(body.partition("\n")[2])
        for row in body.split("\n")[1:]:
            found.append(_Part(at, at + len(row), row, header))
            at += len(row) + 1
    return found


def _weights(wanted: set[str], sentence_hits: Sequence[set[str]]) -> Mapping[str, float]:
    """BM25's inverse document frequency, a sentence being a document."""
    counts = Counter(t for h in sentence_hits for t in h)
    n = len(sentence_hits)
    return {t: _plain_weight(t) * math.log(1 + (n - counts[t] + 0.5) / (counts[t] + 0.5)) for t in wanted}


def _share(hit: set[str], weights: Mapping[str, float]) -> float:
    total = sum(weights.values())
    return sum(weights[t] for t in hit) / total if total else 0.0


def _form(text: str) -> float:
    """A question seldom answers one, and a very long sentence covers much by chance."""
    asks = _QUESTION_SHARE if text.rstrip('|”"』」)） ').endswith(("?", "？")) else 1.0
    return asks / (1 + max(0, len(text) - _LONG_SENTENCE) / _LONG_SENTENCE)


def _distinct(scored: Sequence[Sentence], passages: Sequence[PassageText], limit: int) -> list[Sentence]:
    """The best sentences, each text once, none far below the best one."""
    chosen: list[Sentence] = []
    seen: set[str] = set()
    for s in scored:
        if len(chosen) == limit or (chosen and s.score < chosen[0].score * _NEAR_THE_BEST):
            break
        text = passages[s.passage].text[s.start : s.end]
        if text not in seen:
            seen.add(text)
            chosen.append(s)
    return chosen


def as_quoted(text: str, header: str = "") -> str:
    """A sentence as it is quoted: a table row as `name: value` of its cells, a list item without its mark, blanks folded."""
    row = text.strip()
    if row.startswith("|"):
        names = _cells(header) or [""]
        cells = ((names[i] if i < len(names) else "", cell) for i, cell in enumerate(_cells(row)))
        row = " · ".join(f"{name}: {cell}" if name and name != cell else cell for name, cell in cells if cell)
    return " ".join(re.sub(r"^(?:[-*+]|\d{1,3}[.)])\s+", "", row).split())


def _cells(row: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", row.strip().strip("|"))]
