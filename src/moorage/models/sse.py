"""Server-sent events: bytes in, events out, however the bytes are cut. Pure; knows nothing of HTTP or models.

Follows the WHATWG rules (CR, LF and CRLF; comments; several data lines; a byte-order mark) with one leniency: an event that the
stream ends in is given too, since servers leave out the last blank line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_LINE_END = re.compile(rb"\r\n|\r|\n")
MAX_EVENT_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Event:
    data: str
    kind: str = "message"


class EventTooLong(ValueError):
    """An event grew past the limit, as an endless line does."""


class SseDecoder:
    """Feed it bytes, take events; exhaust each ``feed`` before the next. Raises EventTooLong, after the events before it."""

    def __init__(self, limit_bytes: int = MAX_EVENT_BYTES) -> None:
        self._limit = limit_bytes
        self._line = bytearray()
        self._data: list[str] = []
        self._data_bytes = 0
        self._kind = ""
        self._is_after_cr = False
        self._is_first_line = True

    def feed(self, chunk: bytes) -> Iterator[Event]:
        if not chunk:
            return
        start = 1 if self._is_after_cr and chunk.startswith(b"\n") else 0
        self._is_after_cr = chunk.endswith(b"\r")
        for end in _LINE_END.finditer(chunk, start):
            self._grow(chunk[start : end.start()])
            start = end.end()
            yield from self._end_line()
        self._grow(chunk[start:])

    def finish(self) -> Iterator[Event]:
        """The event the stream ended in, if any."""
        if self._line:
            yield from self._end_line()
        yield from self._dispatch()

    def _grow(self, part: bytes) -> None:
        self._line += part
        if len(self._line) + self._data_bytes > self._limit:
            raise EventTooLong(f"an event of more than {self._limit} bytes")

    def _end_line(self) -> Iterator[Event]:
        # Whole lines only are decoded, so a character cut between two chunks is whole again here.
        line = self._line.decode("utf-8", errors="replace")
        size = len(self._line)
        self._line.clear()
        if self._is_first_line:
            line = line.removeprefix("\ufeff")
            self._is_first_line = False
        if not line:
            yield from self._dispatch()
            return
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
            self._data_bytes += size
        elif name == "event":
            self._kind = value

    def _dispatch(self) -> Iterator[Event]:
        data, kind = self._data, self._kind
        self._data, self._data_bytes, self._kind = [], 0, ""
        if data:
            yield Event("\n".join(data), kind or "message")
