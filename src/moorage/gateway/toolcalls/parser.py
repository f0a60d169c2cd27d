"""Text in, events out: a model's raw output becomes answer, reasoning and calls, however it is cut.

The parser is told the format, the tools and what the template already wrote of the assistant's turn; it knows no template and no HTTP.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from moorage.gateway.toolcalls.events import AnswerInReasoning, CallEnd, Event, Finished, FinishReason, Reasoning
from moorage.gateway.toolcalls.format import Format
from moorage.gateway.toolcalls.reasoning import Marks, opened_by
from moorage.gateway.toolcalls.source import Source, Steps, Tags, run
from moorage.gateway.toolcalls.tools import Tools
from moorage.gateway.toolcalls.writer import Writer

_STRIKE = "</s>"
_CUTS = ("length", "max_tokens", "max_length", "content_filter", "abort", "cancelled", "error", "timeout")


def new_call_id() -> str:
    """An id for a call whose model wrote none."""
    return f"call_{secrets.token_hex(12)}"


@dataclass(frozen=True)
class Reading:
    """How one answer is to be read.

    ``prefill``: what the template (or the gateway) already wrote of the assistant's turn; reasoning begins open if it says so.
    ``reads_calls``: off, calls are text like any other. ``is_parallel``: off, the message is over after its first call.
    ``strict_tools``: a call of an unknown tool is text. ``keeps_open_reasoning``: reasoning that the template opened and nobody closed
    stays reasoning even though the model was done; otherwise it is taken for the answer.
    """

    format: Format
    tools: Tools = field(default_factory=Tools)
    prefill: str = ""
    reads_calls: bool = True
    reads_reasoning: bool = True
    is_parallel: bool = True
    strict_tools: bool = False
    keeps_open_reasoning: bool = False
    new_id: Callable[[], str] | None = None


class Parser:
    """Reads one message. ``feed`` it text as it comes, then ``finish``; both return the events that are certain by then."""

    def __init__(self, reading: Reading) -> None:
        self._source = Source()
        new_id = reading.new_id or reading.format.new_id or new_call_id
        self._writer = Writer(reading.tools, new_id, strict=reading.strict_tools, takes_calls=reading.reads_calls)
        self._document = _Document(reading, self._source, self._writer)
        self._steps: Steps[None] | None = self._document.read()
        self._is_parallel = reading.is_parallel
        self._keeps = reading.keeps_open_reasoning
        self._is_finished = False
        self._thoughts: list[str] = []
        self.is_done = False
        """True when the first call is complete and no second is wanted: the engine can be stopped."""

    def feed(self, text: str) -> list[Event]:
        """More of the model's text."""
        if self.is_done or not text:
            return []
        self._source.add(text)
        return self._advance()

    def finish(self, reason: str | None = "stop") -> list[Event]:
        """The text is over, for the reason the engine gave. Calling it again gives nothing."""
        if self._is_finished:
            return []
        self._is_finished = True
        was_cut = (reason or "stop") in _CUTS
        events: list[Event] = []
        if not self.is_done:
            self._source.end(was_cut=was_cut)
            events = self._advance()
        if not self.is_done:
            self._writer.close()
            events += self._note(self._writer.drain())
        if self._document.is_reasoning_open and not was_cut and not self._keeps and not self._writer.calls_begun and self._thoughts:
            events.append(AnswerInReasoning("".join(self._thoughts)))
        return [*events, Finished(self._reason(reason, was_cut))]

    def _advance(self) -> list[Event]:
        if self._steps is not None:
            try:
                next(self._steps)
            except StopIteration:
                self._steps = None
        events = self._note(self._writer.drain())
        return self._first_call_only(events) if not self._is_parallel else events

    def _note(self, events: list[Event]) -> list[Event]:
        if self._document.is_reasoning_open or self._thoughts:
            self._thoughts += [event.text for event in events if isinstance(event, Reasoning)]
        return events

    def _first_call_only(self, events: list[Event]) -> list[Event]:
        for position, event in enumerate(events):
            if isinstance(event, CallEnd) and event.is_complete:
                self.is_done = True
                return events[: position + 1]
        return events

    def _reason(self, reason: str | None, was_cut: bool) -> FinishReason:
        if self.is_done or (not was_cut and self._writer.calls_complete):
            return "tool_calls"
        if reason == "content_filter":
            return "content_filter"
        return "length" if was_cut else "stop"


class _Document:
    """The reader of a whole message: reasoning, answer, calls."""

    def __init__(self, reading: Reading, source: Source, writer: Writer) -> None:
        self._format = reading.format
        self._source = source
        self._writer = writer
        self._marks: tuple[Marks, ...] = reading.format.reasoning if reading.reads_reasoning else ()
        self._reading = reading
        grammar = reading.format.grammar
        self._openers = grammar.openers if reading.reads_calls else ()
        self._sure_openers = grammar.tagged if reading.reads_calls else ()
        self._closers = frozenset(grammar.closers if reading.reads_calls else ())
        self._mark_of = {opener: marks for marks in self._marks for opener in marks.openers}
        self._mark_ends = frozenset(closer for marks in self._marks for closer in marks.closers)
        self._noise = frozenset(reading.format.noise)
        self._all = Tags((*self._openers, *self._closers, *self._mark_of, *self._mark_ends, *self._noise))
        self.is_reasoning_open = False
        """The template opened the reasoning and nothing closed it yet."""

    def read(self) -> Steps[None]:
        """The whole message."""
        if self._format.document is not None:
            yield from self._format.document(self._reading.prefill, self._source, self._writer)
            return
        if self._format.header_end and self._reading.prefill.endswith("assistant"):
            yield from self._source.short(Tags((self._format.header_end,)), 200)
        opened = opened_by(self._reading.prefill, self._marks)
        if opened is not None:
            self.is_reasoning_open = True
            if opened.is_text:
                self._writer.reasoning(self._reading.prefill[self._reading.prefill.rfind(opened.openers[0]) :])
            yield from self._reasoning(opened)
        elif self._reading.prefill.endswith(self._sure_openers or "\0"):
            opener = next(o for o in self._sure_openers if self._reading.prefill.endswith(o))
            yield from self._call(opener, is_written=False)
        yield from self.answer()

    def answer(self) -> Steps[None]:
        """Content and calls, up to the end of the text."""
        while (tag := (yield from self._source.until(self._all, self._writer.content))) is not None:
            if tag == _STRIKE:
                yield from self._strike()
            elif tag in self._noise and not (tag in self._closers or tag in self._openers):
                self._writer.edge()
            elif tag in self._mark_of and (self._mark_of[tag].reopens or not (self._writer.has_content or self._writer.calls_begun)):
                self._writer.edge()
                yield from self._reasoning(self._mark_of[tag], tag)
            elif tag in self._openers:
                yield from self._call(tag)
            elif self._is_stray(tag):
                self._writer.edge()
            else:
                self._writer.content(tag)

    def _strike(self) -> Steps[None]:
        """The token that ends a turn for some models closes struck-out text in HTML: it is a token only at the text's end."""
        blanks = yield from self._source.blanks()
        if (yield from self._source.more()):
            self._writer.content(_STRIKE + blanks)
        else:
            self._writer.edge()

    def _is_stray(self, tag: str) -> bool:
        """A closing tag with nothing between it and other markup means nothing; in the middle of text it is text."""
        if tag in self._noise:
            return True
        if tag in self._mark_ends:
            return self._writer.is_at_edge or any(tag in marks.closers and marks.reopens for marks in self._marks)
        return tag in self._closers and self._writer.calls_begun > 0 and self._writer.is_at_edge

    def _call(self, opener: str, *, is_written: bool = True) -> Steps[None]:
        """A call behind its opener; one that is none is text, with the opener if the model wrote it."""
        self._source.keep(opener if is_written else "")
        is_call = yield from self._format.grammar.read(opener, self._source, self._writer)
        kept = self._source.kept()
        if is_call:
            self._writer.edge()
        else:
            self._writer.content(kept)

    def _reasoning(self, marks: Marks, opener: str = "") -> Steps[None]:
        """Thoughts up to their closing mark.

        Calls in them are held back: if the mark still comes they were thoughts, and if the text ends without it they are real.
        """
        if opener and marks.is_text:
            self._writer.reasoning(opener)
        yield from self._source.blanks()
        while (yield from self._source.takes(Tags(marks.openers))) is not None:
            yield from self._source.blanks()
        self._writer.edge()
        closers = Tags(marks.closers)
        tag = yield from self._source.until(Tags((*marks.closers, *self._sure_openers)), self._writer.reasoning)
        if tag is not None and tag not in marks.closers:
            held = [tag]
            tag = yield from self._source.until(closers, held.append)
            if tag is None:
                self._resolve("".join(held))
                return
            self._writer.reasoning("".join(held))
        if tag is not None:
            self.is_reasoning_open = False
            self._writer.edge()

    def _resolve(self, held: str) -> None:
        """The text ended inside reasoning with what looks like a call: it is one if it is complete and the model was done."""
        if self._source.was_cut or not self._complete_calls(held, Writer(self._writer.tools, new_call_id)):
            self._writer.reasoning(held)
            return
        self._complete_calls(held, self._writer)
        self.is_reasoning_open = False

    def _complete_calls(self, held: str, writer: Writer) -> int:
        """Reads the held text with this writer; the number of complete calls in it."""
        source = Source(held, is_ended=True)
        writer.text_is_reasoning = True
        run(_Document(replace(self._reading, reads_reasoning=False, prefill=""), source, writer).answer())
        return writer.calls_complete


def parse(reading: Reading, pieces: Iterable[str], reason: str | None = "stop") -> list[Event]:
    """All events of a text that is given in pieces."""
    parser = Parser(reading)
    events = [event for piece in pieces for event in parser.feed(piece)]
    return events + parser.finish(reason)
