"""Citation markers in a streamed answer: brought to the form ``[n]``, checked against the passages that were sent, added where a sentence has none.

Text in, text out, at any cut: only what may still become a marker is held back.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from moorage.kb.tokens import query_tokens, tokens

SUPPORTED_AT = 0.6
"""Share of a sentence's tokens that a passage must hold for the sentence to be credited to it."""

_LONGEST_MARKER = 40
_MARKER = re.compile(
    r"\[\^?\s*((?:(?:passage|source|来源|段落)\s*)?\d{1,4}(?:\s*[,，、;；\-–]\s*\d{1,4})*)\s*\]|【\s*((?:来源|段落)?\s*\d{1,4}(?:\s*[,，、;；\-–]\s*\d{1,4})*)[^】\n]{0,20}】",
    re.IGNORECASE,
)
_OPEN = re.compile(r"(?:\[[^\]\n]*|【[^】\n]*)$")
_SENTENCE_END = re.compile(r"[。！？!?](?=[^。！？!?\"”’)）」』\]]|$)[\"”’)）」』]*|(?<!\d)\.(?=\s)|\.(?=\s)|\n")
_MIN_CLAIM_TOKENS = 3
"""A shorter one shares its words with some passage by chance."""


class Citer:
    """Feeds an answer through, piece by piece.

    ``cited`` holds the passage numbers that the text so far cites; ``uncited`` counts the sentences that no passage supports;
    ``dropped`` counts markers that pointed nowhere.
    """

    def __init__(self, passages: Sequence[str]) -> None:
        self.cited: list[int] = []
        self.uncited = 0
        self.dropped = 0
        self._passages = [set(tokens(p)) for p in passages]
        self._held = ""
        self._sentence = ""
        self._has_marker = False
        self._ended = False
        self._blank = ""
        self._in_code = False

    def feed(self, delta: str) -> str:
        """What may be shown now."""
        self._held += delta
        open_at = _OPEN.search(self._held, max(0, len(self._held) - _LONGEST_MARKER))
        cut = open_at.start() if open_at else len(self._held)
        while cut and self._held[cut - 1] == "`":  # a run of backticks decides only when it is whole
            cut -= 1
        ready, self._held = self._held[:cut], self._held[cut:]
        return self._pass(ready)

    def finish(self, *, is_complete: bool = True) -> str:
        """The rest, with the marker of the last sentence; a sentence that was cut off gets none."""
        out = self._pass(self._held)
        self._held = ""
        if self._sentence.strip() and (is_complete or self._ended):
            out += self._close()
        return out + self._blank

    def _pass(self, text: str) -> str:
        out: list[str] = []
        position = 0
        while position < len(text):
            if text[position] == "`":
                run = re.compile(r"`+").match(text, position)
                if run:
                    self._in_code = not self._in_code
                    out.append(self._say(run[0]))
                    position = run.end()
                    continue
            marker = None if self._in_code else _MARKER.match(text, position)
            if marker and len(marker[0]) <= _LONGEST_MARKER:
                out.append(self._mark(marker[1] or marker[2]))
                position = marker.end()
            else:
                out.append(self._say(text[position]))
                position += 1
        return "".join(out)

    def _mark(self, body: str) -> str:
        """The valid numbers of a marker, each once, as ``[a][b]``. It belongs to the sentence before it, also when it stands behind the full stop."""
        numbers = _numbers(body)
        valid = [n for n in dict.fromkeys(numbers) if 1 <= n <= len(self._passages)]
        self.dropped += len(numbers) - len(valid)
        if not valid:
            return ""
        self.cited += [n for n in valid if n not in self.cited]
        self._has_marker = True
        blank, self._blank = ("", "") if self._ended else (self._blank, "")
        return blank + "".join(f"[{n}]" for n in valid)

    def _say(self, char: str) -> str:
        if self._ended:
            if char.isspace():
                self._blank += char
                return ""
            if char in '"”’)）」』。！？!?':
                return char
            credit = self._close()
            blank, self._blank = self._blank, ""
            self._sentence = char
            return credit + blank + char
        self._sentence += char
        if not self._in_code and self._is_end(char):
            self._ended = True
            if char == "\n":
                self._sentence, self._blank = self._sentence[:-1], self._blank + char
                return ""
            if char.isspace():
                self._blank += char
                return ""
        return char

    def _is_end(self, char: str) -> bool:
        if char in "。！？!?\n":
            return True
        return char.isspace() and self._sentence.rstrip().endswith(".") and not re.search(r"(?:^|\s)\d+\.\s$", self._sentence)

    def _close(self) -> str:
        """Ends the sentence: the marker it lacks, or ''."""
        sentence, had = self._sentence, self._has_marker
        self._sentence, self._has_marker, self._ended = "", False, False
        claim = set(query_tokens(sentence))
        if had or len(claim) < _MIN_CLAIM_TOKENS or sentence.lstrip().startswith("#") or sentence.rstrip().endswith((":", "：", "?", "？")):
            return ""
        best = max(range(len(self._passages)), key=lambda i: len(claim & self._passages[i]), default=None)
        if best is None or len(claim & self._passages[best]) < SUPPORTED_AT * len(claim):
            self.uncited += 1
            return ""
        if best + 1 not in self.cited:
            self.cited.append(best + 1)
        return f"[{best + 1}]"


def _numbers(body: str) -> list[int]:
    """``1, 3-5`` -> 1, 3, 4, 5; a range over more than ten is taken as its two ends."""
    found: list[int] = []
    for part in re.split(r"[,，、;；]", body):
        ends = [int(n) for n in re.findall(r"\d+", part)]
        if len(ends) == 2 and 0 < ends[1] - ends[0] <= 10:
            found += range(ends[0], ends[1] + 1)
        else:
            found += ends
    return found
