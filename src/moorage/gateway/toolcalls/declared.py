"""A format that a checkpoint declares itself: its ``response_template``, read by transformers' own parser. Needs the extra ``declared``.

Calls come whole, when their region ends: that parser knows their arguments no sooner.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Protocol, cast

from moorage.core.errors import ChatTemplateInvalid, ExtraMissing
from moorage.gateway.toolcalls.body import Grammar
from moorage.gateway.toolcalls.format import Format
from moorage.gateway.toolcalls.objects import Json, entries, mapping
from moorage.gateway.toolcalls.source import Source, Steps
from moorage.gateway.toolcalls.writer import Writer

# The parser decides by what it was fed at once, so it is fed alike however the text was cut: word by word.
_LONGEST_WORD = 64
_WORD = re.compile(r"[^\s<>|\[\]{}]{1,64}|[\s<>|\[\]{}]")
_BOUNDARY = re.compile(r"[\s<>|\[\]{}]")
_FAULTS = (ValueError, LookupError, TypeError, AttributeError, RecursionError)
_REASONING = ("thinking", "reasoning", "reasoning_content")


class _ResponseParser(Protocol):
    """What is used of transformers' parser."""

    initial_events: list[dict[str, object]]

    def feed(self, text: str) -> list[dict[str, object]]: ...
    def finalize(self) -> tuple[dict[str, object], list[dict[str, object]]]: ...


def declared_format(template: Json) -> Format:
    """The format of a checkpoint's ``response_template``.

    The parser's ``prefill`` must be the end of the prompt from the assistant's turn on, as ``Prompt.prefill`` is. Raises ExtraMissing
    without transformers, ChatTemplateInvalid where the declaration cannot be used. Text that it cannot read becomes content.
    """
    make = _loaded()
    _made(make, template, "")

    def read(prefill: str, source: Source, calls: Writer) -> Steps[None]:
        yield from _Reader(_made(make, template, prefill), source, calls).read()

    return Format("declared", Grammar((), ()), (), (), read)


def _loaded() -> Callable[..., _ResponseParser]:
    try:
        from transformers.utils.chat_parsing import ResponseParser  # pyright: ignore[reportMissingImports, reportUnknownVariableType]
    except ImportError as error:
        raise ExtraMissing(
            feature="Reading a checkpoint's response_template", feature_zh="读取模型自带的 response_template", extra="declared"
        ) from error
    return cast("Callable[..., _ResponseParser]", ResponseParser)


def _made(make: Callable[..., _ResponseParser], template: Json, prefill: str) -> _ResponseParser:
    try:
        return make(dict(template), prefix=prefill)
    except _FAULTS as error:
        raise ChatTemplateInvalid(reason=f"response_template: {error}") from error


class _Reader:
    """Feeds the parser word by word and writes what it reports."""

    def __init__(self, parser: _ResponseParser, source: Source, calls: Writer) -> None:
        self._parser = parser
        self._source = source
        self._calls = calls
        self._region: list[str] = []
        self._has_failed = False

    def read(self) -> Steps[None]:
        """The whole text."""
        for event in self._parser.initial_events:
            self._follow({**event, "text": ""})
        while (yield from self._source.more()):
            for word in self._words():
                self._feed(word)
            if not self._source.is_ended:
                yield
        self._end()

    def _words(self) -> Iterator[str]:
        """The words that are whole; the last one may go on."""
        text = self._source.text
        while self._source.at < len(text):
            found = _WORD.match(text, self._source.at)
            word = found.group() if found else text[self._source.at :]
            may_grow = self._source.at + len(word) == len(text) and len(word) < _LONGEST_WORD and not _BOUNDARY.match(word)
            if may_grow and not self._source.is_ended:
                return
            yield self._source.take(len(word))

    def _feed(self, word: str) -> None:
        if self._has_failed:
            self._calls.content(word)
            return
        self._region.append(word)
        try:
            events = self._parser.feed(word)
        except _FAULTS:
            self._fail()
            return
        for event in events:
            self._follow(event)

    def _end(self) -> None:
        if self._has_failed:
            return
        try:
            _, events = self._parser.finalize()
        except _FAULTS:
            self._fail()
            return
        for event in events:
            self._follow(event)

    def _fail(self) -> None:
        """What the parser could not read is content, and so is all that follows."""
        self._has_failed = True
        self._calls.content("".join(self._region))

    def _follow(self, event: dict[str, object]) -> None:
        field, kind = event.get("field"), event.get("type")
        if kind == "region_open":
            self._calls.edge()
        elif kind == "region_chunk" and field == "content":
            self._calls.content(str(event.get("text", "")))
            self._region = []
        elif kind == "region_chunk" and field in _REASONING:
            self._calls.reasoning(str(event.get("text", "")))
            self._region = []
        elif kind == "region_close":
            self._calls.edge()
            if field == "tool_calls":
                self._call(event.get("value"))
            self._region = []

    def _call(self, value: object) -> None:
        for entry in entries(value) or [value]:
            call = mapping(entry)
            function = mapping(call.get("function")) or call
            arguments = function.get("arguments", function.get("parameters"))
            text = arguments if isinstance(arguments, str) else json.dumps(arguments if arguments is not None else {}, ensure_ascii=False)
            native_id = call.get("id")
            if not self._calls.one_call(str(function.get("name") or ""), native_id if isinstance(native_id, str) else None, text or "{}"):
                self._calls.content("".join(self._region))
