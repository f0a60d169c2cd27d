"""Many small embedding requests become few large ones. Dify sends one text a request from dozens of threads, and an engine takes a batch almost as
fast as one text.

A request waits at most ``window_s`` for others while the engine is idle; while it is busy, requests gather anyway and go together when it is free.
Nobody is refused for coming fast: requests wait in line, up to a bound that is stated.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass, field

from moorage.gateway.errors import GatewayRefusal, refusal

Vectors = tuple[Sequence[bytes], int | None]
Send = Callable[[Sequence[str]], Awaitable[Vectors]]


@dataclass(slots=True, eq=False)
class _Waiting:
    texts: Sequence[str]
    result: asyncio.Future[tuple[list[bytes], int]]
    batch: _Batch | None = None


@dataclass(slots=True, eq=False)
class _Batch:
    """Requests that are at the engine together, and the task that waits for it."""

    requests: Sequence[_Waiting]
    task: asyncio.Task[None] | None = None

    def end_if_left(self) -> None:
        """Ends the engine's work once nobody waits for it any more."""
        if self.task is not None and all(one.result.done() for one in self.requests):
            self.task.cancel()


@dataclass(slots=True)
class _Line:
    """The requests that may share a batch, first come first served."""

    send: Send
    waiting: deque[_Waiting] = field(default_factory=deque[_Waiting])
    texts: int = 0
    in_flight: int = 0
    timer: asyncio.TimerHandle | None = None


class MicroBatcher:
    """Puts requests with the same key together. To be used from one event loop.

    ``most_texts`` is the largest batch (a single larger request goes alone, as it is), ``in_flight`` how many batches of a key are at the engine at once, and
    ``bound`` how many texts may wait in all; beyond it a request is refused with 503.
    """

    def __init__(self, *, window_s: float = 0.003, most_texts: int = 64, in_flight: int = 2, bound: int = 20_000) -> None:
        self._window_s = window_s
        self._most_texts = most_texts
        self._most_in_flight = in_flight
        self._bound = bound
        self._lines: dict[Hashable, _Line] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._texts = 0

    @property
    def texts_waiting(self) -> int:
        """Texts in line, not counting those at the engine."""
        return self._texts

    async def embed(self, key: Hashable, texts: Sequence[str], send: Send) -> tuple[list[bytes], int]:
        """The vectors of these texts, in order, and the tokens counted for them. ``send`` is called with the texts of several requests of this key.

        Raises what ``send`` raises; where a batch of several requests is refused, each is tried alone, so that one request never fails for another's text.
        A caller that is cancelled leaves the line; once all callers of a batch have left, ``send`` is cancelled.
        """
        if self._texts + len(texts) > self._bound:
            raise refusal(
                503,
                f"{self._texts} texts wait to be embedded already. Try again in a moment.",
                f"已有 {self._texts} 段文本等待向量化，请稍后重试。",
                code="queue_full",
                retry_after_s=1,
            )
        line = self._lines.setdefault(key, _Line(send))
        line.send = send
        one = _Waiting(texts, asyncio.get_running_loop().create_future())
        line.waiting.append(one)
        self._count(line, len(texts))
        self._arrange(key, line)
        try:
            return await one.result
        except asyncio.CancelledError:
            if one.batch is not None:
                one.batch.end_if_left()
            raise
        finally:
            if one in line.waiting:
                line.waiting.remove(one)
                self._count(line, -len(texts))
                self._forget_if_empty(key, line)

    def _count(self, line: _Line, texts: int) -> None:
        line.texts += texts
        self._texts += texts

    def _arrange(self, key: Hashable, line: _Line) -> None:
        """Sends what is to go now, and sets the clock for the rest."""
        while line.waiting and line.in_flight < self._most_in_flight and line.texts >= self._most_texts:
            self._dispatch(key, line)
        if line.waiting and line.in_flight < self._most_in_flight and line.timer is None:
            line.timer = asyncio.get_running_loop().call_later(self._window_s, self._due, key, line)

    def _due(self, key: Hashable, line: _Line) -> None:
        line.timer = None
        if line.waiting and line.in_flight < self._most_in_flight:
            self._dispatch(key, line)
            self._arrange(key, line)
        self._forget_if_empty(key, line)

    def _dispatch(self, key: Hashable, line: _Line) -> None:
        batch: list[_Waiting] = []
        size = 0
        while line.waiting and (not batch or size + len(line.waiting[0].texts) <= self._most_texts):
            one = line.waiting.popleft()
            self._count(line, -len(one.texts))
            if not one.result.done():
                batch.append(one)
                size += len(one.texts)
        if not batch:
            return
        line.in_flight += 1
        together = _Batch(batch)
        for one in batch:
            one.batch = together
        task = together.task = asyncio.create_task(self._sent(key, line, batch))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _sent(self, key: Hashable, line: _Line, batch: Sequence[_Waiting]) -> None:
        try:
            await self._answer(line.send, batch)
        finally:
            line.in_flight -= 1
            # What gathered while the engine was busy has waited long enough.
            if line.waiting and line.in_flight < self._most_in_flight:
                self._dispatch(key, line)
            self._arrange(key, line)
            self._forget_if_empty(key, line)

    async def _answer(self, send: Send, batch: Sequence[_Waiting]) -> None:
        texts = [text for one in batch for text in one.texts]
        try:
            vectors, tokens = await send(texts)
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to those who wait for it, not to this task
            if len(batch) == 1 or not _is_about_the_request(error):
                for one in batch:
                    _fail(one, error)
                return
            for one in batch:
                await self._answer(send, [one])
            return
        shares = _shared(tokens if tokens is not None else 0, [sum(map(len, one.texts)) for one in batch])
        at = 0
        for one, share in zip(batch, shares, strict=True):
            if not one.result.done():
                one.result.set_result((list(vectors[at : at + len(one.texts)]), share))
            at += len(one.texts)

    def _forget_if_empty(self, key: Hashable, line: _Line) -> None:
        if not line.waiting and not line.in_flight and self._lines.get(key) is line:
            if line.timer is not None:
                line.timer.cancel()
                line.timer = None
            del self._lines[key]


def _is_about_the_request(error: Exception) -> bool:
    """An engine that is down fails for all; a text that is too long only for its own request."""
    return isinstance(error, GatewayRefusal) and 400 <= error.status < 500 and error.status != 429


def _fail(one: _Waiting, error: Exception) -> None:
    if not one.result.done():
        one.result.set_exception(error)


def _shared(tokens: int, sizes: Sequence[int]) -> list[int]:
    """The batch's tokens among its requests by their lengths; the parts make the whole."""
    total = sum(sizes) or 1
    shares: list[int] = []
    given = so_far = 0
    for size in sizes:
        so_far += size
        until = tokens * so_far // total if size or so_far else 0
        shares.append(until - given)
        given = until
    if shares:
        shares[-1] += tokens - given
    return shares
