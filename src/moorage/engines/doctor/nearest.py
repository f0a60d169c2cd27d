"""The cause whose words are nearest to an error that no sign and no hint knows: cosine of the weights of words, of neighbours and of families."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import pairwise

from moorage.engines.doctor.cause import Catalogue, Cause
from moorage.engines.doctor.signs import FAMILIES, family_pattern, words_of

# Tried on 1,300 known lines without their own signs, and on 600 errors of vLLM 0.32 that are mostly no known failure: words alone named 61 % of the
# first and 181 of the second; with pairs and families 63 % and 199. A least cosine of 0.14 names half a percent and 84 more.
LEAST_COSINE, LEAST_LEAD = 0.16, 1.05
UNSURE_COSINE, UNSURE_LEAD = 0.26, 1.4
_PAIR_WEIGHT, _FAMILY_WEIGHT = 0.7, 0.5
_SIGN_WEIGHT, _PROSE_WEIGHT = 2.0, 1.0
_WORD = re.compile(r"[a-z][a-z0-9]+|[\u3400-\u9fff]+|\d{3}")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")  # OutOfMemoryError: three words and an ending
_FAMILY = re.compile(r"@(\w+)")
_NOT_THERE = re.compile(r"!\S+(?: (?!&)\S+)*")


class Nearest:
    """Every cause as a vector of words."""

    def __init__(self, causes: Iterable[Cause]) -> None:
        words = {cause.id: _words_of_cause(cause) for cause in causes if cause.severity == "error"}
        spread = Counter(word for counts in words.values() for word in counts)
        self._rarity = {word: math.log(1 + len(words) / count) for word, count in spread.items()}
        self._vectors = {id: _unit({word: count * self._rarity[word] for word, count in counts.items()}) for id, counts in words.items()}

    def of(self, text: str, is_error: bool = True) -> str | None:
        """The nearest cause's identifier; None when none is near, or two are about as near. More is asked of what may be no error."""
        cosine, lead = (LEAST_COSINE, LEAST_LEAD) if is_error else (UNSURE_COSINE, UNSURE_LEAD)
        line = _unit({word: weight * self._rarity[word] for word, weight in _of_line(text).items() if word in self._rarity})
        ranked = sorted(
            ((sum(w * vector.get(word, 0) for word, w in line.items()), id) for id, vector in self._vectors.items()), reverse=True
        )
        (first, id), (second, _) = ranked[:2]
        return id if first >= cosine and first >= second * lead else None


@cache
def nearest_in(known: Catalogue) -> Nearest:
    """The vectors of a catalogue, made once."""
    return Nearest(known.causes.values())


def _words_of_cause(cause: Cause) -> Mapping[str, float]:
    counts: dict[str, float] = {}
    for sign in (*cause.signs, *cause.hints):
        for word, weight in _of_sign(sign.source).items():
            counts[word] = counts.get(word, 0) + weight
    weights = {word: _SIGN_WEIGHT * min(count, 1) * (1 + math.log(max(count, 1))) for word, count in counts.items()}
    for word in {*_terms(cause.en), *_terms(cause.zh)}:
        weights[word] = weights.get(word, 0) + _PROSE_WEIGHT
    return weights


def _of_line(text: str) -> dict[str, float]:
    """The words of a line, each two neighbours, and the families of words that are in it."""
    words = list(_terms(text))
    flat = words_of(text)
    families = {f"@{name}": _FAMILY_WEIGHT for name, pattern in _families().items() if pattern.search(flat)}
    return families | {f"{one} {next}": _PAIR_WEIGHT for one, next in pairwise(words)} | dict.fromkeys(words, 1.0)


def _of_sign(source: str) -> dict[str, float]:
    """The same of a wording: neighbours are the words of one alternative, and the last and first words of elements side by side."""
    said = _NOT_THERE.sub(" ", source)
    found = {f"@{name}": _FAMILY_WEIGHT for name in _FAMILY.findall(said)}
    for part in re.split(r"\.\.|&", said):
        elements = [
            [list(_terms(choice.replace("+", " "))) for choice in element.split("|")] for element in part.split() if element[0] != "@"
        ]
        found |= {f"{one} {next}": _PAIR_WEIGHT for element in elements for words in element for one, next in pairwise(words)}
        for left, right in pairwise(elements):
            found |= {f"{one[-1]} {next[0]}": _PAIR_WEIGHT for one in left[:4] for next in right[:4] if one and next}
        found |= {word: 1.0 for element in elements for words in element for word in words}
    return found


@cache
def _families() -> Mapping[str, re.Pattern[str]]:
    return {name: family_pattern(name) for name in FAMILIES}


def _terms(text: str) -> Iterator[str]:
    """Words without their endings; of Chinese every pair of neighbours."""
    for word in _WORD.findall(_HUMP.sub(" ", text).lower().replace("_", " ")):
        if word[0] >= "\u3400":
            yield from (word[i : i + 2] for i in range(len(word) - 1))
        else:
            yield re.sub(r"(?<=\w{3})(?:ing|ed|es|s|error)$", "", word)


def _unit(vector: Mapping[str, float]) -> dict[str, float]:
    length = math.sqrt(sum(value * value for value in vector.values())) or 1.0
    return {word: value / length for word, value in vector.items()}
