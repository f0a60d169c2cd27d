"""Takes inline reasoning, ``<think>...</think>``, out of a streamed answer, however the tags are cut. Pure."""

from __future__ import annotations

OPEN, CLOSE = "<think>", "</think>"


class ThinkFilter:
    """Feed it text, take the text that is answer.

    Blank space before the answer's first character goes too. A block that is never closed is reasoning cut short when the
    answer begins with it, and a mere mention of the tag when it stands inside the answer: then ``finish`` gives it back.
    """

    def __init__(self) -> None:
        self._pending = ""
        self._thought: list[str] | None = None
        self._has_begun = False

    @property
    def is_thinking(self) -> bool:
        return self._thought is not None

    def feed(self, text: str) -> str:
        self._pending += text
        said: list[str] = []
        while True:
            tag = CLOSE if self.is_thinking else OPEN
            before, found, after = self._pending.partition(tag)
            if not found:
                break
            self._pending = after
            said.append(self._take(before))
            self._thought = None if self.is_thinking else []
        sure = len(self._pending) - _overlap(self._pending, tag)
        said.append(self._take(self._pending[:sure]))
        self._pending = self._pending[sure:]
        return "".join(said)

    def finish(self) -> str:
        """What was held back and is answer after all."""
        rest, self._pending = self._pending, ""
        if self._thought is None:
            return self._take(rest)
        mention = OPEN + "".join(self._thought) + rest
        self._thought = None
        return mention if self._has_begun else ""

    def _take(self, text: str) -> str:
        if self._thought is not None:
            self._thought.append(text)
            return ""
        if not self._has_begun:
            text = text.lstrip()
            self._has_begun = bool(text)
        return text


def _overlap(text: str, tag: str) -> int:
    """How many characters at the end of ``text`` may be the beginning of ``tag``."""
    return next((n for n in range(min(len(tag) - 1, len(text)), 0, -1) if text.endswith(tag[:n])), 0)
