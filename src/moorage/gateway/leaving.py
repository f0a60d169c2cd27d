"""A client that leaves ends its request at once, wherever that stands: in line, before the first word, in the middle."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from moorage.gateway.downstream.incoming import Incoming

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]  # as ASGI has it
LOOKS_AFTER_S = 0.03
"""Most short answers are over by then and never pay for a task of their own."""


class LeaveWatch:
    """Cancels the task it was made in once the client is gone; ``has_left`` says that this was why. ``stop`` it when the answer is sent.

    Our own server tells it; of another one it asks, in a task of its own.
    """

    __slots__ = ("_is_over", "_loop", "_receive", "_request", "_timer", "_watch", "has_left")

    def __init__(self, receive: Receive) -> None:
        request = asyncio.current_task()
        assert request is not None
        self._receive, self._request = receive, request
        self._loop = asyncio.get_running_loop()
        self._watch: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.has_left = self._is_over = False
        if isinstance(receive, Incoming):
            receive.on_left(self._left)
        else:
            self._timer = self._loop.call_later(LOOKS_AFTER_S, self._begin)

    def stop(self) -> None:
        self._is_over = True
        if self._timer is not None:
            self._timer.cancel()
        if self._watch is not None:
            self._watch.cancel()

    def _begin(self) -> None:
        self._watch = self._loop.create_task(self._until_left())

    async def _until_left(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._left()

    def _left(self) -> None:
        if not self._is_over:
            self.has_left = True
            self._request.cancel()
