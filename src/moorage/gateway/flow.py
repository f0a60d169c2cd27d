"""A stream's pieces sent to the client from where they arrive: no task is woken for a piece unless the client reads too slowly."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, MutableMapping
from typing import Any, cast

from moorage.gateway.downstream.outgoing import Outgoing
from moorage.gateway.relay import SseRelay
from moorage.gateway.upstream.base import UpstreamFailure

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]  # as ASGI has it
_Steps = Generator[Any, Any, None]  # what an awaitable is made of


class Flow:
    """``take`` sends what the relay makes of a piece, until the client reads too slowly: the flow is stuck then until ``unstick``.

    Our own server's ``send`` can be written to directly; another's that would wait is kept, half done.
    """

    __slots__ = ("_outgoing", "_relay", "_send", "_stuck", "failure", "is_stuck", "rest")

    def __init__(self, relay: SseRelay, send: Send) -> None:
        self._relay, self._send = relay, send
        self._outgoing = send if isinstance(send, Outgoing) else None
        self._stuck: tuple[_Steps, object] | None = None
        self.is_stuck = False
        self.failure: UpstreamFailure | None = None
        self.rest = b""
        """What the client gets last, once the relay is done."""

    def take(self, data: bytes) -> bool:
        """Whether more may come. Never raises."""
        try:
            out = self._relay.feed(data)
        except UpstreamFailure as failure:
            self.failure = failure
            return False
        if self._relay.is_done:
            self.rest = out
            return False
        if not out:
            return True
        if self._outgoing is not None:
            self.is_stuck = not self._outgoing.write(out)
            return not self.is_stuck
        # A task would run `send` until it waits for something; nearly always it only writes, and that can be done right here.
        steps = cast(_Steps, self._send({"type": "http.response.body", "body": out, "more_body": True}).__await__())
        try:
            self._stuck = (steps, next(steps))
        except StopIteration:
            return True
        self.is_stuck = True
        return False

    async def unstick(self) -> None:
        """Waits until the client has read enough."""
        self.is_stuck = False
        if self._outgoing is not None:
            await self._outgoing.drain()
        stuck, self._stuck = self._stuck, None
        if stuck is not None:
            await _Rest(*stuck)


class _Rest:
    """An awaitable that was begun outside a task, to be ended inside one."""

    def __init__(self, steps: _Steps, waits_for: object) -> None:
        self._steps, self._waits_for = steps, waits_for

    def __await__(self) -> Generator[Any, Any, None]:
        yield self._waits_for
        yield from self._steps
