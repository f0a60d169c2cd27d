"""A client that leaves ends its request at once, wherever that stands: in line, before the first word, in the middle."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]  # as ASGI has it
LOOKS_AFTER_S = 0.03
"""Most short answers are over by then and never pay for a task of their own."""


class LeaveWatch:
    """Cancels the task it was made in once the client is gone; ``has_left`` says that this was why. ``stop`` it when the answer is sent."""

    __slots__ = ("_loop", "_receive", "_request", "_timer", "_watch", "has_left")

    def __init__(self, receive: Receive) -> None:
        request = asyncio.current_task()
        assert request is not None
        self._receive, self._request = receive, request
        self._loop = asyncio.get_running_loop()
        self._watch: asyncio.Task[None] | None = None
        self._timer = self._loop.call_later(LOOKS_AFTER_S, self._begin)
        self.has_left = False

    def stop(self) -> None:
        self._timer.cancel()
        if self._watch is not None:
            self._watch.cancel()

    def _begin(self) -> None:
        self._watch = self._loop.create_task(self._until_left())

    async def _until_left(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.has_left = True
        self._request.cancel()
