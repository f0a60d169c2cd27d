"""gpt-oss's way: messages with headers, where the channel says what a text is and the recipient whom it is for."""

from __future__ import annotations

import re

from moorage.gateway.toolcalls.json_text import read_value
from moorage.gateway.toolcalls.source import Source, Steps, Tags
from moorage.gateway.toolcalls.writer import Writer

_START, _CHANNEL, _MESSAGE, _CONSTRAIN = "<|start|>", "<|channel|>", "<|message|>", "<|constrain|>"
_ENDS = ("<|end|>", "<|call|>", "<|return|>", "<|endoftext|>")
_ALL = Tags((_START, _CHANNEL, _MESSAGE, _CONSTRAIN, *_ENDS))
_BODY_ENDS = Tags((*_ENDS, _START))
_RECIPIENT = re.compile(r"\bto=([^\s<]+)")
_EMPTY_HEADER = re.compile(r"\s*(?:assistant)?\s*(?:<\|channel\|>)?\s*(?:analysis|commentary|final)?\s*(?:<\|\w+\|>)?\s*")
_PEOPLE = ("assistant", "user", "all", "system", "developer", "none")
_HEADER_CHARACTERS = 600


def read_harmony(prefill: str, source: Source, calls: Writer) -> Steps[None]:
    """All messages. The prefill is the beginning of the first one's header."""
    opening = prefill[prefill.rfind(_START) :] if _START in prefill else ""
    if _MESSAGE in opening:
        yield from _body(opening, source, calls)
    elif opening:
        yield from _message(opening, source, calls)
    while (tag := (yield from source.until(_ALL, calls.content))) is not None:
        calls.edge()
        if tag == _MESSAGE:
            yield from _body("", source, calls)
        elif tag not in _ENDS:
            yield from _message(tag, source, calls)


def _message(header: str, source: Source, calls: Writer) -> Steps[None]:
    """One message whose header has begun. A header that never ends is text."""
    source.keep()
    while len(header) < _HEADER_CHARACTERS:
        text, tag = yield from source.short(_ALL, _HEADER_CHARACTERS)
        header += text + (tag or "")
        if tag == _MESSAGE:
            source.forget()
            yield from _body(header, source, calls)
            return
        if tag is None:
            break
        if tag in _ENDS:
            break
    text = source.kept()
    if not _EMPTY_HEADER.fullmatch(text):
        calls.content(text)


def _body(header: str, source: Source, calls: Writer) -> Steps[None]:
    """What the header announced."""
    channel = header.rpartition(_CHANNEL)[2].partition("<")[0].split() if _CHANNEL in header else []
    found = _RECIPIENT.findall(header)
    recipient = found[-1] if found else ""
    calls.edge()
    if recipient.startswith("functions.") or recipient in calls.tools:
        yield from _call(recipient.removeprefix("functions."), source, calls)
    elif recipient and recipient not in _PEOPLE:
        yield from source.up_to(_BODY_ENDS, lambda text: calls.aside(recipient, text))
    elif channel[:1] == ["analysis"]:
        yield from source.up_to(_BODY_ENDS, calls.reasoning)
    else:
        yield from source.up_to(_BODY_ENDS, calls.content)
    calls.edge()


def _call(name: str, source: Source, calls: Writer) -> Steps[None]:
    """A call's arguments: JSON, in whose strings tags mean nothing; or any text, up to the next tag."""
    if not calls.start(name):
        yield from source.up_to(_BODY_ENDS, calls.content)
        return
    yield from source.blanks()
    if (yield from source.peek()) not in ("{", "["):
        ended = yield from source.up_to(_BODY_ENDS, calls.arguments, is_value=True)
        calls.end(is_complete=ended is not None or source.is_over)
        return
    is_whole = yield from read_value(source, calls.arguments)
    calls.end(is_complete=is_whole)
    if not is_whole:
        return
    yield from source.up_to(_BODY_ENDS, calls.content)
