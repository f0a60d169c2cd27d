"""A stream of typed events, OpenAI's Responses or Anthropic's Messages, that its server speaks itself. Pure.

Events pass byte for byte. Half an event is never let out, so that an error can follow at any moment; the tokens are found by their names, and an end that is
none is told from one that is.
"""

from __future__ import annotations

import re

import msgspec

from moorage.gateway.errors import SERVER, error_body
from moorage.gateway.relay import BLOCK_LIMIT, Tokens
from moorage.gateway.upstream.base import UpstreamFailure

_LAST = re.compile(rb'"type"[ \t]*:[ \t]*"(?:response\.(?:completed|failed|incomplete)|message_stop|error)"|^data: ?\[DONE\]', re.MULTILINE)
_ERROR = re.compile(rb'^(?:event: ?error\b.*)?\r?\n?data: ?\{[ \t]*"(?:error"|type"[ \t]*:[ \t]*"error")', re.MULTILINE)
_COUNTS = re.compile(rb'"(input|output|prompt|completion)_tokens"[ \t]*:[ \t]*(\d{1,15})')
_IS_PROMPT = {b"input": True, b"prompt": True, b"output": False, b"completion": False}


class EventRelay:
    """One stream. ``feed`` what comes; what it returns may be sent at once. Then ``finish`` or ``fail``.

    ``must_end``: a stream without one of the events that end an answer was cut off.
    """

    __slots__ = ("_held", "_must_end", "has_error", "has_events", "is_cut_off", "is_finished", "tokens")

    def __init__(self, *, must_end: bool) -> None:
        self._must_end = must_end
        self._held = b""
        self.has_events = self.has_error = self.is_finished = self.is_cut_off = False
        """Whether there was an event; whether the first was an error; whether the answer came to an end; whether that is one of ours."""
        self.tokens: Tokens | None = None

    def feed(self, data: bytes) -> bytes:
        """Bytes as they came, to whole events. Raises UpstreamFailure for one past BLOCK_LIMIT."""
        looked = max(len(self._held) - 3, 0)
        held = self._held + data if self._held else data
        end = max((at + len(blank) for blank in (b"\n\n", b"\r\n\r\n", b"\r\r") if (at := held.rfind(blank, looked)) >= 0), default=0)
        self._held = held[end:]
        if len(self._held) > BLOCK_LIMIT:
            raise UpstreamFailure("too_large", f"sent an event of more than {BLOCK_LIMIT} bytes", f"发送了超过 {BLOCK_LIMIT} 字节的事件")
        return self._note(held[:end])

    def finish(self) -> bytes:
        """What is sent after the server's last byte: an error for an answer that was cut off."""
        rest, self._held = self._held, b""
        if rest.strip() and _is_whole(rest):  # a server that saves the last blank line
            return self._note(rest.rstrip(b"\r\n") + b"\n\n") + self.finish()
        if rest.strip() or (self._must_end and not self.is_finished):
            return self.fail("ended the stream before the answer was finished")
        return b""

    def fail(self, reason: str) -> bytes:
        """A clean end for a stream that cannot go on, which both SDKs understand."""
        if self.is_finished:
            return b""
        self._held, self.is_finished, self.is_cut_off = b"", True, True
        body = error_body(f"The answer was cut off: the model server {reason}. Ask again.", SERVER, "stream_interrupted")
        return b'event: error\ndata: {"type":"error",%b\n\n' % body[1:]

    def _note(self, events: bytes) -> bytes:
        if b"data:" in events:
            if not self.has_events:
                self.has_events, self.has_error = True, _ERROR.match(events.lstrip()) is not None
            if not self.is_finished:
                self.is_finished = _LAST.search(events) is not None
            if b'_tokens"' in events:
                self._count(events)
        return events

    def _count(self, events: bytes) -> None:
        tokens = self.tokens or Tokens()
        for name, digits in _COUNTS.findall(events):
            if _IS_PROMPT[name]:
                tokens.prompt_tokens = int(digits)
            else:
                tokens.completion_tokens = int(digits)
        self.tokens = tokens


def _is_whole(rest: bytes) -> bool:
    """Whether an event without its blank line holds a whole JSON object."""
    last = rest.rstrip(b"\r\n").rsplit(b"\n", 1)[-1]
    if not last.startswith(b"data:"):
        return False
    try:
        msgspec.json.decode(last[5:])
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return last[5:].strip() == b"[DONE]"
    return True
