"""A request's body on its way in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, MutableMapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from moorage.gateway.downstream.connection import ClientConnection

READ_AHEAD = 256 * 1024
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Incoming:
    """What ASGI calls ``receive``. ``on_left`` is for who wants to know at once that the client is gone, without a task that waits for it."""

    __slots__ = (
        "_connection", "_is_told", "_listener", "_news", "_pieces", "_waits_for_continue", "has_left", "is_answered", "is_whole", "size",
    )  # fmt: skip

    def __init__(self, connection: ClientConnection, waits_for_continue: bool) -> None:
        self._connection, self._waits_for_continue = connection, waits_for_continue
        self._pieces: list[bytes] = []
        self._news: asyncio.Event | None = None
        self._listener: Callable[[], None] | None = None
        self._is_told = False  # the application has the body's end
        self.size = 0
        """Bytes that came and were not taken yet."""
        self.is_whole = self.is_answered = self.has_left = False

    async def __call__(self) -> MutableMapping[str, Any]:
        if self._waits_for_continue and not self.is_answered:
            self._waits_for_continue = False
            self._connection.write(_CONTINUE)
        while not (self.has_left or self.is_answered):
            if self._pieces or (self.is_whole and not self._is_told):
                return self._take()
            self._connection.read_on()
            if self._news is None:
                self._news = asyncio.Event()
            await self._news.wait()
            self._news.clear()
        return {"type": "http.disconnect"}

    def on_left(self, listener: Callable[[], None]) -> None:
        """Calls ``listener`` once, when the client leaves before it has its answer; at once where it is gone already."""
        if self.has_left:
            listener()
        else:
            self._listener = listener

    def add(self, piece: bytes) -> None:
        """More of the body. What comes after the answer nobody wants."""
        if self.is_answered:
            return
        self._pieces.append(piece)
        self.size += len(piece)
        if self._news is not None:
            self._news.set()

    def end(self) -> None:
        """The body is complete."""
        self.is_whole = True
        if self._news is not None:
            self._news.set()

    def answered(self) -> None:
        """The answer is out: there is nothing more to wait for."""
        self.is_answered, self._listener = True, None
        self._pieces.clear()
        if self._news is not None:
            self._news.set()

    def left(self) -> None:
        """The client is gone."""
        self.has_left = True
        listener, self._listener = self._listener, None
        if listener is not None:
            listener()
        if self._news is not None:
            self._news.set()

    def _take(self) -> MutableMapping[str, Any]:
        pieces = self._pieces
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self._pieces, self.size, self._is_told = [], 0, self.is_whole
        return {"type": "http.request", "body": body, "more_body": not self.is_whole}
