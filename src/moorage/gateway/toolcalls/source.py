"""The text that has arrived and is not used yet, and the tags looked for in it.

A reader is a generator over a ``Source``: it takes text from the front and yields when it needs more. It decides nothing before
the text that decides it is there, so that the same text gives the same events however it was cut.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable
from typing import TypeVar

T = TypeVar("T")
Steps = Generator[None, None, T]
"""A reading that yields whenever it needs more text, and in the end returns what it found."""

BLANKS = " \t\r\n"
_BLANK_RUN = re.compile(r"[ \t\r\n]*")


class Tags:
    """A set of literal tags to find: the leftmost, and of two at one place the longer."""

    def __init__(self, tags: Iterable[str]) -> None:
        self.tags = tuple(sorted({tag for tag in tags if tag}, key=lambda tag: (-len(tag), tag)))
        self._pattern = re.compile("|".join(map(re.escape, self.tags)) or r"(?!)")
        self._beginnings = frozenset(tag[:n] for tag in self.tags for n in range(1, len(tag)))
        self._firsts = frozenset(tag[0] for tag in self.tags)
        self.longest = max(map(len, self.tags), default=0)

    def find(self, text: str, at: int, is_ended: bool) -> tuple[int, str | None]:
        """Where the text that is no tag ends, and the tag that stands there.

        None for the tag: the rest is held back because it may still become one (or there is no rest).
        """
        found = self._pattern.search(text, at)
        where = found.start() if found else len(text)
        if not is_ended:
            for place in range(max(at, len(text) - self.longest + 1), len(text)):
                if place > where:
                    break
                if text[place] in self._firsts and text[place:] in self._beginnings:
                    return place, None
        return where, found.group() if found else None

    def here(self, text: str, at: int, is_ended: bool) -> tuple[bool, str | None]:
        """Whether that can be told yet, and which tag stands at exactly this place."""
        if not is_ended and len(text) - at < self.longest and (at == len(text) or text[at:] in self._beginnings):
            return False, None
        found = self._pattern.match(text, at)
        return True, found.group() if found else None


class Source:
    """Text from the front. ``keep`` remembers what is taken from then on, for the case that it turns out to be no call."""

    def __init__(self, text: str = "", *, is_ended: bool = False) -> None:
        self.text = text
        self.at = 0
        self.is_ended = is_ended
        self.was_cut = False
        """True when the text ended because a limit was reached, not because the model was done."""
        self._kept: list[str] | None = None

    def add(self, text: str) -> None:
        """More text has arrived."""
        self.text = self.text[self.at :] + text
        self.at = 0

    def end(self, *, was_cut: bool) -> None:
        """No more will arrive."""
        self.is_ended = True
        self.was_cut = was_cut

    def take(self, count: int) -> str:
        """The next ``count`` characters."""
        piece = self.text[self.at : self.at + count]
        self.at += count
        if self._kept is not None:
            self._kept.append(piece)
        return piece

    def keep(self, first: str = "") -> None:
        """Remembers from here on; ``first`` was taken just before."""
        self._kept = [first]

    def forget(self) -> None:
        """What was taken is a call: it need not be remembered."""
        self._kept = None

    def kept(self) -> str:
        """What was taken since ``keep``; it is no longer remembered."""
        text = "".join(self._kept or ())
        self._kept = None
        return text

    @property
    def is_over(self) -> bool:
        """Whether all text was taken and the model was done by itself."""
        return self.is_ended and not self.was_cut and self.at >= len(self.text)

    @property
    def is_cut_off(self) -> bool:
        """Whether all text was taken and a limit ended it."""
        return self.is_ended and self.was_cut and self.at >= len(self.text)

    def more(self) -> Steps[bool]:
        """Waits for a character; False at the end of the text."""
        while self.at >= len(self.text):
            if self.is_ended:
                return False
            yield
        return True

    def blanks(self) -> Steps[str]:
        """White space, taken; often empty."""
        taken: list[str] = []
        while (yield from self.more()):
            found = _BLANK_RUN.match(self.text, self.at)
            taken.append(self.take(found.end() - self.at if found else 0))
            if self.at < len(self.text):
                break
        return "".join(taken)

    def peek(self) -> Steps[str]:
        """The next character, not taken; empty at the end."""
        return self.text[self.at] if (yield from self.more()) else ""

    def sees(self, tags: Tags) -> Steps[str | None]:
        """The tag that stands here, not taken."""
        while True:
            is_known, tag = tags.here(self.text, self.at, self.is_ended)
            if is_known:
                return tag
            yield

    def follows(self, tags: Tags) -> Steps[bool]:
        """Whether one of the tags stands here, or the text ends; the beginning of a tag counts where a limit cut the text."""
        if (yield from self.sees(tags)) is not None or not (yield from self.more()):
            return True
        return self.was_cut and self.is_ended and not tags.here(self.text, self.at, False)[0]

    def takes(self, tags: Tags) -> Steps[str | None]:
        """The tag that stands here, taken."""
        tag = yield from self.sees(tags)
        if tag is not None:
            self.take(len(tag))
        return tag

    def up_to(self, tags: Tags, give: Callable[[str], object], *, is_value: bool = False) -> Steps[str | None]:
        """Gives away the text before the next tag, as it arrives. Returns the tag, not taken; None at the end of the text.

        ``is_value``: where a limit cut the text inside what may be a tag, that beginning is left out; a value must stay an honest prefix.
        """
        while True:
            end, tag = tags.find(self.text, self.at, self.is_ended and not (is_value and self.was_cut))
            if end > self.at:
                give(self.take(end - self.at))
            if tag is not None:
                return tag
            if self.is_ended:
                self.take(len(self.text) - self.at)
                return None
            yield

    def until(self, tags: Tags, give: Callable[[str], object], *, is_value: bool = False) -> Steps[str | None]:
        """The same, and the tag is taken."""
        tag = yield from self.up_to(tags, give, is_value=is_value)
        if tag is not None:
            self.take(len(tag))
        return tag

    def short(self, tags: Tags, limit: int, not_in: str = "") -> Steps[tuple[str, str | None]]:
        """The text before the next tag, and that tag, both taken: a name or a tag's attributes.

        The tag is None where the text ends, grows past ``limit`` or meets a character of ``not_in`` before a tag comes;
        that character is not taken.
        """
        taken = ""
        while True:
            # Only so far as a tag counts: looking to the end of the text each time would make many failures quadratic.
            reach = limit - len(taken) + tags.longest
            window = self.text[self.at : self.at + reach]
            end, tag = tags.find(window, 0, self.is_ended or len(window) == reach)
            piece = window[:end]
            stop = min((i for c in not_in if (i := piece.find(c)) >= 0), default=-1)
            over = limit - len(taken)
            if stop >= 0 or len(piece) > over:
                return taken + self.take(min(over, stop if stop >= 0 else over)), None
            taken += self.take(len(piece))
            if tag is not None:
                self.take(len(tag))
                return taken, tag
            if self.is_ended:
                return taken, None
            yield


def run(steps: Steps[T]) -> T:
    """The result of a reading whose source has ended, so that it never waits."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value
