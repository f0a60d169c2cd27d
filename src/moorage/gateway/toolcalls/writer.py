"""Turns what readers find into events: counts calls, gives them ids, and keeps the white space between text and markup out of the text."""

from __future__ import annotations

import re
from collections.abc import Callable

from moorage.gateway.toolcalls.events import Aside, CallArguments, CallEnd, CallStart, Content, Event, Reasoning
from moorage.gateway.toolcalls.source import BLANKS
from moorage.gateway.toolcalls.tools import Tools

_NAME = re.compile(r"(?=.*\w)[^\s\"'`<>{}()\[\],=;|]{1,256}")


class TextChannel:
    """A run of text whose edges towards markup lose their blanks; blanks inside, and around text without any markup, stay."""

    def __init__(self, emit: Callable[[str], object]) -> None:
        self._emit = emit
        self._blanks: list[str] = []
        self._at_edge = False
        self._saw_markup = False
        self.has_text = False

    @property
    def is_at_edge(self) -> bool:
        """Whether nothing but blanks came since the last markup, or since the start."""
        return self._at_edge or not self.has_text

    def write(self, text: str) -> None:
        """More text; trailing blanks wait for what follows."""
        body = text.rstrip(BLANKS)
        if not body:
            self._blanks.append(text)
            return
        before = "".join(self._blanks)
        if not self.has_text and self._saw_markup:
            before, body = "", body.lstrip(BLANKS)
        self._blanks = [text[len(text.rstrip(BLANKS)) :]]
        self._at_edge = False
        self.has_text = True
        self._emit(before + body)

    def edge(self) -> None:
        """Markup stands here."""
        self._at_edge = True
        self._saw_markup = True

    def close(self) -> None:
        """The text is over: blanks at its end are part of it, unless markup followed them."""
        rest = "".join(self._blanks)
        self._blanks = []
        if rest and not self._at_edge:
            self._emit(rest)


class Writer:
    """Collects the events of one message.

    ``strict``: a call of an unknown tool is refused, so that its text becomes content; without ``takes_calls`` every call is. ``new_id`` makes an id where the model
    wrote none.
    """

    def __init__(self, tools: Tools, new_id: Callable[[], str], *, strict: bool = False, takes_calls: bool = True) -> None:
        self.tools = tools
        self._new_id = new_id
        self._strict = strict
        self._takes_calls = takes_calls
        self._events: list[Event] = []
        self._ids: set[str] = set()
        self._blanks: list[str] = []
        self._content = TextChannel(lambda text: self._events.append(Content(text)))
        self._reasoning = TextChannel(lambda text: self._events.append(Reasoning(text)))
        self.text_is_reasoning = False
        """While set, text outside calls counts as reasoning: a call was found in reasoning that was never closed."""
        self.calls_begun = 0
        self.calls_complete = 0
        self.name = ""

    def drain(self) -> list[Event]:
        """The events since the last time."""
        events, self._events = self._events, []
        return events

    def close(self) -> None:
        """No more text will come."""
        self._reasoning.close()
        self._content.close()

    @property
    def is_at_edge(self) -> bool:
        """Whether no text came since the last markup."""
        return self._content.is_at_edge

    @property
    def has_content(self) -> bool:
        """Whether any text but blanks was written as content."""
        return self._content.has_text

    def content(self, text: str) -> None:
        """More of the answer."""
        (self._reasoning if self.text_is_reasoning else self._content).write(text)

    def reasoning(self, text: str) -> None:
        """More of the thoughts."""
        self._reasoning.write(text)

    def edge(self) -> None:
        """Markup stands here: blanks beside it are no text."""
        self._content.edge()
        self._reasoning.edge()

    def aside(self, recipient: str, text: str) -> None:
        """More text for a tool of the model's own."""
        self.edge()
        self._events.append(Aside(recipient, text))

    def start(self, name: str, native_id: str | None = None, *, is_bare: bool = False) -> bool:
        """A call begins. False, and nothing is written, where it cannot be one.

        ``is_bare``: no tag announced it, so that an unknown name counts only where nothing was said before.
        """
        is_known = name in self.tools
        if not self._takes_calls:
            return False
        if not is_known and (self._strict or not _NAME.fullmatch(name) or (is_bare and self._content.has_text)):
            return False
        is_native = bool(native_id) and native_id not in self._ids
        id = native_id if native_id and is_native else self._new_id()
        self._ids.add(id)
        self.edge()
        self.name = name
        self._blanks = []
        self._events.append(CallStart(self.calls_begun, id, name, is_native))
        self.calls_begun += 1
        return True

    def arguments(self, text: str) -> None:
        """More of the current call's arguments; trailing blanks wait for what follows."""
        body = text.rstrip(BLANKS)
        if not body:
            self._blanks.append(text)
            return
        before = "".join(self._blanks)
        self._blanks = [text[len(body) :]]
        self._events.append(CallArguments(self.calls_begun - 1, before + body))

    def end(self, *, is_complete: bool) -> None:
        """The current call ends."""
        self.edge()
        self.calls_complete += is_complete
        self._events.append(CallEnd(self.calls_begun - 1, is_complete))

    def one_call(self, name: str, native_id: str | None, arguments: str, *, is_bare: bool = False) -> bool:
        """A whole call at once. False where it cannot be one."""
        if not self.start(name, native_id, is_bare=is_bare):
            return False
        self.arguments(arguments)
        self.end(is_complete=True)
        return True
