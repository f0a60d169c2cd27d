"""Calls written as a name, a separator and JSON arguments: DeepSeek, Kimi, Mistral, PLaMo, Functionary, ReAct."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from moorage.gateway.toolcalls.json_text import read_arguments
from moorage.gateway.toolcalls.source import Source, Steps, Tags
from moorage.gateway.toolcalls.writer import Writer

_HEAD_CHARACTERS = 400
_KIMI_ID = re.compile(r"(?:functions\.)?(?P<name>\S+?):(?P<number>\d+)")
_INPUT_CHARACTERS = 4000
_LINE_BREAK = Tags(("\n",))
_FENCE = Tags(("```json", "```"))


def _read_arguments(source: Source, calls: Writer, fillers: Tags, closers: Tags) -> Steps[None]:
    """The arguments of a call that has started, and the tags behind them; none at all are ``{}``."""
    yield from source.blanks()
    closer = yield from source.takes(closers)
    if closer is not None or not (yield from source.more()):
        if closer is not None:
            calls.arguments("{}")
        calls.end(is_complete=closer is not None)
        return
    is_whole = yield from read_arguments(source, calls.arguments)
    calls.end(is_complete=is_whole)
    yield from source.blanks()
    while (yield from source.takes(fillers)) is not None:
        yield from source.blanks()
    yield from source.takes(closers)


@dataclass(frozen=True)
class NamedCalls:
    """``OPENER name SEPARATOR {…} CLOSER``.

    ``id_marks`` stand between the name and an id of the model's own. ``has_numbered_name``: what stands before the separator is the id,
    and the name in it (``functions.get_time:0``). ``brace_separates``: the arguments may follow the name without a separator.
    ``excluded``: words in the name's place that are no name.
    """

    openers: tuple[str, ...] = ()
    separators: tuple[str, ...] = ()
    closers: tuple[str, ...] = ()
    id_marks: tuple[str, ...] = ()
    fillers: tuple[str, ...] = ()
    has_numbered_name: bool = False
    brace_separates: bool = False
    excluded: tuple[str, ...] = ()

    def read(self, opener: str, source: Source, calls: Writer, *, is_bare: bool) -> Steps[bool]:
        """The name, perhaps an id, the arguments."""
        head, mark = yield from self._head(source)
        native_id: str | None = None
        if mark is not None and mark in self.id_marks:
            native_id, mark = yield from self._head(source)
        name = head.strip()
        if mark is None:
            return False
        if name in self.excluded:
            return True
        native_id = native_id.strip() if native_id else None
        if self.has_numbered_name:
            numbered = _KIMI_ID.fullmatch(name)
            if numbered is None and name not in calls.tools:
                return False
            name, native_id = (numbered["name"], name) if numbered else (name, None)
        if not calls.start(name, native_id, is_bare=is_bare):
            return False
        source.forget()
        yield from source.blanks()
        yield from source.takes(self._filler_tags)
        yield from _read_arguments(source, calls, self._filler_tags, self._closer_tags)
        return True

    def _head(self, source: Source) -> Steps[tuple[str, str | None]]:
        """The text before a separator; a brace that separates is not taken."""
        head, mark = yield from source.short(self._head_tags, _HEAD_CHARACTERS, "{" if self.brace_separates else "")
        if mark is None and self.brace_separates and source.text[source.at : source.at + 1] == "{":
            return head, "{"
        return head, mark

    @cached_property
    def _head_tags(self) -> Tags:
        return Tags((*self.separators, *self.id_marks))

    @cached_property
    def _closer_tags(self) -> Tags:
        return Tags(self.closers)

    @cached_property
    def _filler_tags(self) -> Tags:
        return Tags(self.fillers)


@dataclass(frozen=True)
class TypedCalls:
    """DeepSeek's two ways: ``OPENER type SEPARATOR name``, a line break and fenced JSON; or ``OPENER name SEPARATOR {…}``."""

    openers: tuple[str, ...]
    separators: tuple[str, ...]
    closers: tuple[str, ...]

    def read(self, opener: str, source: Source, calls: Writer, *, is_bare: bool) -> Steps[bool]:
        """Which of the two it is shows behind the separator."""
        head, mark = yield from source.short(self._separator_tags, _HEAD_CHARACTERS)
        if mark is None:
            return False
        yield from source.blanks()
        name = head.strip()
        if (yield from source.peek()) != "{":
            name, mark = yield from source.short(self._line_tags, _HEAD_CHARACTERS, "{")
            if mark is None and source.text[source.at : source.at + 1] != "{":
                return False
            if mark in self.closers:
                return calls.one_call(name.strip(), None, "{}")
        if not calls.start(name.strip()):
            return False
        source.forget()
        yield from source.blanks()
        yield from source.takes(_FENCE)
        yield from _read_arguments(source, calls, _FENCE, self._closer_tags)
        return True

    @cached_property
    def _separator_tags(self) -> Tags:
        return Tags(self.separators)

    @cached_property
    def _closer_tags(self) -> Tags:
        return Tags(self.closers)

    @cached_property
    def _line_tags(self) -> Tags:
        return Tags(("\n", "```", *self.closers))


@dataclass(frozen=True)
class ReactCalls:
    """``Action: name``, then ``Action Input: {…}``. The name must be a tool's, or the arguments an object: it could be prose."""

    openers: tuple[str, ...] = ("Action:",)
    separators: tuple[str, ...] = ("Action Input:", "ActionInput:", "Action input:")

    def read(self, opener: str, source: Source, calls: Writer, *, is_bare: bool) -> Steps[bool]:
        """The name up to the end of its line, then the input."""
        line, mark = yield from source.short(Tags(("\n", *self.separators)), _HEAD_CHARACTERS)
        if mark == "\n":
            yield from source.blanks()
            mark = yield from source.takes(Tags(self.separators))
        name = line.strip().strip("`*\"'[]() ")
        if mark is None:
            return source.is_over and name in calls.tools and calls.one_call(name, None, "{}")
        yield from source.blanks()
        yield from source.takes(_FENCE)
        yield from source.blanks()
        if (yield from source.peek()) == "{":
            return (yield from self._object(name, source, calls))
        return (yield from self._plain(name, source, calls))

    def _object(self, name: str, source: Source, calls: Writer) -> Steps[bool]:
        if not calls.start(name):
            return False
        source.forget()
        yield from _read_arguments(source, calls, _FENCE, Tags(()))
        return True

    def _plain(self, name: str, source: Source, calls: Writer) -> Steps[bool]:
        """One line of text is the value of the tool's only parameter; without that, it is no call."""
        text, mark = yield from source.short(_LINE_BREAK, _INPUT_CHARACTERS)
        if name not in calls.tools or (mark is None and source.was_cut):
            return False
        arguments = calls.tools.only_argument(name, text.strip())
        return arguments is not None and calls.one_call(name, None, arguments)
