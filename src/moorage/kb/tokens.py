"""Texts and questions as search tokens: character uni- and bigrams for scripts without blanks, stemmed words for the others.

Engines get a whitespace field of these tokens, so every engine ranks alike. This module knows nothing about indexes or documents.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Callable
from functools import cache, lru_cache
from itertools import chain
from operator import add
from typing import Protocol, cast

# Longer runs are hashes, base64 or broken files. They are cut, not dropped, so that a pasted start still finds them.
_LONGEST = 64
# A pasted page of 2,000 characters has 1,500 tokens and takes .4 s on 200,000 rows; a third of it finds the same.
_MOST_ASKED = 512

# Scripts written without blanks: Han, kana, Hangul (its particles are glued to words), Thai, Lao, Myanmar, Khmer.
_SOLID = "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\u0e01-\u0eff\u1000-\u109f\u1780-\u17d3\U00020000-\U0003ffff"
# Indic vowel signs are not \w for Python, but stand inside words.
_WORD = rf"(?:(?![{_SOLID}_])[\w\u0900-\u0dff])"
_RUNS = re.compile(
    rf"(?P<solid>[{_SOLID}]+)"
    r"|(?P<sign>\b[a-z](?:\+\+|#))(?!\w)"
    rf"|(?P<plain>[a-z]+(?:'[a-z]+)*(?!{_WORD}|[-._'+&@]{_WORD}))"
    rf"|(?P<compound>{_WORD}+(?:[-._'+&@]{_WORD}+)*)"
)
_PARTS = re.compile(r"\d+|(?:(?![\d_])[\w\u0900-\u0dff])+")
_DIGIT = re.compile(r"\d")

_HAN = ((0x3400, 0x4DC0), (0x4E00, 0xA000), (0x20000, 0x2FA20))

# Marks that people type for one another.
_ALIKE = {"’": "'", "‘": "'", "‐": "-", "‑": "-", "–": "-", "ё": "е", "й": "и", "ø": "o", "ł": "l", "đ": "d", "ı": "i"}

# Words of questions, not of answers. English only: with character bigrams, dropping 什么, 哪 or 的 did not raise nDCG on any Chinese set.
_STOP = frozenset(
    """a about am an and any are as at be been being but by can could did do does doing for from had has have having he her here hers him his how i if in
    into is it its it's me my of on or our ours s she should so t than that the their theirs them then there these they this those to too us was we were
    what what's when where which who who's whom whose why will with would you your yours""".split()
)


def tokens(text: str) -> list[str]:
    """The tokens of a document's text, with repetitions; their order carries no meaning."""
    found: list[str] = []
    for match in _RUNS.finditer(fold(text)):
        run, kind = match.group(), match.lastgroup
        if kind == "solid":
            found += run
            found += map(add, run, run[1:])
        elif kind == "compound":
            found += _of_compound(run)
        else:
            found.append(_stem(run) if kind == "plain" else run)
    return found


def query_tokens(question: str) -> list[str]:
    """The tokens to search for, each once, at most 512. English question words are left out unless nothing else is there."""
    found = dict.fromkeys(tokens(question))
    return ([token for token in found if token not in _stop_tokens()] or list(found))[:_MOST_ASKED]


def field(text: str) -> str:
    """The tokens of a text as a whitespace-separated index field."""
    return " ".join(tokens(text))


def fold(text: str) -> str:
    """The text with width, case, accents and Traditional/Simplified characters made equal. Lengths and offsets may change."""
    return text.lower() if text.isascii() else unicodedata.normalize("NFC", text.translate(_folding()))


@lru_cache(maxsize=20_000)
def _of_compound(run: str) -> tuple[str, ...]:
    """``gpt-4`` as gpt, 4 and gpt4; ``v1.2`` as v, 1, 2 and v1.2. The whole drops hyphens, as people do."""
    parts = [part[:_LONGEST] for part in _PARTS.findall(run)]
    if len(parts) == 1:
        return (_stem(parts[0]),)
    whole = re.sub(r"[-_'&]", "", run)[:_LONGEST]
    return (*map(_stem, parts), whole if _DIGIT.search(whole) else _stem(whole))


@lru_cache(maxsize=50_000)
def _stem(word: str) -> str:
    return sys.intern(_stemmer().stemWord(word[:_LONGEST]))


class _Stemmer(Protocol):
    def stemWord(self, string: str) -> str: ...


@cache
def _stemmer() -> _Stemmer:
    import snowballstemmer  # pyright: ignore[reportMissingTypeStubs]

    return cast(_Stemmer, snowballstemmer.stemmer("english"))  # pyright: ignore[reportUnknownMemberType]


@cache
def _stop_tokens() -> frozenset[str]:
    return frozenset(token for word in _STOP for token in tokens(word))


@cache
def _folding() -> dict[int, str | None]:
    """One table for all of it: three times as fast as normalising each text, whose full-width punctuation takes the slow path."""
    table = {
        code: folded
        for code in chain(range(0x3400), range(0xF900, 0x10000), range(0x1F100, 0x1F200))
        if (folded := _folded(chr(code))) != chr(code)
    }
    # Loose accents, Arabic vowel points, soft hyphens and zero-width characters go.
    gone = dict.fromkeys(chain(range(0x300, 0x370), range(0x64B, 0x660), (0xAD, 0x200B, 0x200C, 0x200D, 0xFEFF)))
    return table | _simplified() | gone


def _folded(character: str) -> str:
    return "".join(_ALIKE.get(each) or _base(each) for each in unicodedata.normalize("NFKC", character).casefold())


def _base(letter: str) -> str:
    """A Latin or Greek letter without its accent."""
    base = unicodedata.normalize("NFD", letter)[0]
    return base if "a" <= base < "\u0400" and base.isalpha() else letter


def _simplified() -> dict[int, str]:
    """One conversion of all Han characters, one a line, costs 40 ms; per text it would cost more than the tokens. In blocks, as all at once left
    10 MB of memory behind."""
    from opencc import OpenCC

    convert = cast(Callable[[str], str], OpenCC("t2s").convert)  # pyright: ignore[reportUnknownMemberType]
    table: dict[int, str] = {}
    for block in (range(start, min(start + 2048, end)) for first, end in _HAN for start in range(first, end, 2048)):
        lines = convert("\n".join(map(chr, block))).split("\n")
        table.update((code, new) for code, new in zip(block, lines, strict=True) if new != chr(code))
    return table
