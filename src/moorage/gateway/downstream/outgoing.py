"""An answer on its way out: its head goes with the first bytes of its body, in one write."""

from __future__ import annotations

import http
from collections.abc import Iterable, MutableMapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from moorage.gateway.downstream.connection import ClientConnection
    from moorage.gateway.downstream.incoming import Incoming

_LENGTH, _CODING, _CONNECTION = b"content-length", b"transfer-encoding", b"connection"
_FRAMING = frozenset({_LENGTH, _CODING, _CONNECTION})
_WITHOUT_BODY = frozenset({204, 304})


def _status_line(status: int) -> bytes:
    try:
        phrase = http.HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return f"HTTP/1.1 {status} {phrase}\r\n".encode()


_STATUS_LINES = {status: _status_line(status) for status in range(200, 600)}


class Outgoing:
    """What ASGI calls ``send``. ``write`` is its short form for a stream that has begun."""

    __slots__ = (
        "_connection", "_head", "_incoming", "_is_chunked", "_is_old", "_is_silent", "_left", "is_begun", "is_over", "keeps_alive",
    )  # fmt: skip

    def __init__(self, connection: ClientConnection, incoming: Incoming, *, is_head: bool, is_old: bool, keeps_alive: bool) -> None:
        self._connection, self._incoming = connection, incoming
        self._is_silent, self._is_old = is_head, is_old
        self._head: bytes | None = None
        self._is_chunked = False
        self._left: int | None = None  # bytes of the body that are promised and not sent
        self.keeps_alive = keeps_alive
        self.is_begun = self.is_over = False
        """``is_begun``: the client has a byte of it."""

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        connection = self._connection
        if connection.is_full:
            await connection.drain()
        if connection.is_gone:
            return
        kind = message["type"]
        if kind == "http.response.body":
            self._body(message.get("body", b""), message.get("more_body", False))
        elif kind == "http.response.start":
            self.begin(message["status"], message.get("headers", ()))
        else:
            raise RuntimeError(f"{kind} is no part of an answer")

    def begin(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """The answer's head; it waits for the first bytes of the body."""
        if self._head is not None or self.is_begun:
            raise RuntimeError("an answer began twice")
        lines = [_STATUS_LINES.get(status) or _status_line(status)]
        for name, value in headers:
            if name in _FRAMING and not self._frame(name, value):
                continue
            lines += (name, b": ", value, b"\r\n")
        head = b"".join(lines)
        count = len(lines) // 4 + 1
        if head.count(b"\n") != count or head.count(b"\r") != count:
            raise RuntimeError("a header holds a line break")  # it would be another header, or another answer
        self._is_silent = self._is_silent or status in _WITHOUT_BODY
        self._head = head

    def _frame(self, name: bytes, value: bytes) -> bool:
        """Notes what a header says of the body's length; whether it is to be sent."""
        if name == _LENGTH:
            self._left = int(value)
            return True
        if name == _CONNECTION and b"close" in value.lower():
            self.keeps_alive = False
        return False  # ours to say

    def write(self, data: bytes) -> bool:
        """Sends a piece of a stream whose beginning is out; whether the client can take more. Where not, await ``drain``."""
        connection = self._connection
        if self._is_chunked and data:
            connection.write(b"%x\r\n%b\r\n" % (len(data), data))
        else:
            self._body(data, True)
        return not connection.is_full

    async def drain(self) -> None:
        """Waits until the client can take more, or is gone."""
        await self._connection.drain()

    def _body(self, data: bytes, more: bool) -> None:
        if self.is_over:
            raise RuntimeError("an answer went on after its end")
        head = b"" if self.is_begun else self._whole_head(data, more)
        if self._is_silent:
            data = b""
        elif self._left is not None:
            self._left -= len(data)
            if self._left < 0 or (self._left and not more):
                raise RuntimeError("an answer has another length than its head says")
        if self._is_chunked:
            data = b"%b%b" % (b"%x\r\n%b\r\n" % (len(data), data) if data else b"", b"" if more else b"0\r\n\r\n")
        self.is_begun = True
        if head or data:
            self._connection.write(head + data)
        if not more:
            self.is_over = True
            self._connection.answered()

    def _whole_head(self, data: bytes, more: bool) -> bytes:
        """The head with what says where the body ends."""
        if self._head is None:
            raise RuntimeError("an answer without a head")
        framing = b""
        if self._left is None and not self._is_silent:
            if not more:
                self._left, framing = len(data), b"content-length: %d\r\n" % len(data)
            elif self._is_old:  # HTTP/1.0 knows no chunks: the end of the connection is the end of the body
                self.keeps_alive = False
            else:
                self._is_chunked, framing = True, b"transfer-encoding: chunked\r\n"
        if not more and not self._incoming.is_whole:
            self.keeps_alive = False  # the rest of the request is not waited for
        return b"%b%b%b\r\n" % (self._head, framing, b"" if self.keeps_alive else b"connection: close\r\n")
