"""Which server of a model gets the next request: least busy by weight, resting ones left out, the rest waits in line.

A pool is used from one event loop only, so that its numbers are exact without locks.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from moorage.gateway.config import ModelEntry, Replica
from moorage.gateway.errors import queue_full, queue_timeout
from moorage.gateway.upstream.base import Upstream

FAILURES_BEFORE_REST = 3
FIRST_REST_S, LONGEST_REST_S = 1.0, 30.0
_AFFINITY_SLACK = 2.0
"""A conversation returns to the server that holds its prefix while that one has at most so many more requests per weight than the least busy."""

UpstreamFactory = Callable[[Replica], Upstream]


class Seat:
    """One server in its pool: how busy it is, and whether it rests after failures."""

    __slots__ = ("failures", "in_flight", "is_up", "replica", "resting_until", "served", "upstream")

    def __init__(self, replica: Replica, upstream: Upstream) -> None:
        self.replica, self.upstream = replica, upstream
        self.in_flight = self.served = self.failures = 0
        self.resting_until = 0.0
        self.is_up = True

    def is_free(self) -> bool:
        """Whether it may take one more request."""
        return not self.replica.parallel or self.in_flight < self.replica.parallel

    def is_fit(self, now: float) -> bool:
        """Whether it is expected to answer."""
        return self.is_up and now >= self.resting_until

    def note_success(self) -> None:
        self.failures, self.resting_until, self.is_up = 0, 0.0, True

    def note_failure(self, now: float, *, is_unreachable: bool = False) -> None:
        """After some failures in a row (after one, where nobody is there) it rests, twice as long each time, and is tried again after that."""
        self.failures = max(self.failures + 1, FAILURES_BEFORE_REST if is_unreachable else 0)
        if self.failures >= FAILURES_BEFORE_REST:
            self.resting_until = now + min(LONGEST_REST_S, FIRST_REST_S * 2 ** min(self.failures - FAILURES_BEFORE_REST, 10))

    def note_busy(self, now: float, seconds: float) -> None:
        """It said itself that it has too much to do."""
        self.resting_until = max(self.resting_until, now + min(seconds, LONGEST_REST_S))


@dataclass(eq=False, slots=True)
class _Waiter:
    future: asyncio.Future[Seat]
    tried: Collection[Seat]
    prefix: int | None


@dataclass(slots=True)
class _Line:
    """Those who wait: people before batches."""

    interactive: deque[_Waiter] = field(default_factory=deque[_Waiter])
    batch: deque[_Waiter] = field(default_factory=deque[_Waiter])

    def __len__(self) -> int:
        return len(self.interactive) + len(self.batch)


class Pool:
    """The servers of one model. ``take`` a seat, use it, ``release`` it."""

    def __init__(self, entry: ModelEntry, connect: UpstreamFactory) -> None:
        self.entry = entry
        self.seats = tuple(Seat(replica, connect(replica)) for replica in entry.replicas)
        self._line = _Line()

    @property
    def waiting(self) -> int:
        return len(self._line)

    @property
    def in_flight(self) -> int:
        return sum(seat.in_flight for seat in self.seats)

    async def take(self, tried: Collection[Seat] = (), prefix: int | None = None, is_batch: bool = False) -> Seat | None:
        """A server that was not tried yet, counted as busy with one more; None when all were tried. Waits in line where all are full.
        Raises GatewayRefusal when the line is full or the wait too long."""
        seat = self._choose(tried, prefix)
        if seat is not None:
            self._sit(seat)
            return seat
        if len(tried) >= len(self.seats):
            return None
        if len(self._line) >= self.entry.queue:
            raise queue_full(self.entry.name, len(self._line))
        return await self._wait(_Waiter(asyncio.get_running_loop().create_future(), tried, prefix), is_batch)

    def release(self, seat: Seat) -> None:
        """Gives a seat back; the next in line gets it."""
        seat.in_flight -= 1
        if self._line.interactive or self._line.batch:
            self.wake()

    def wake(self) -> None:
        """Seats whoever in line can be seated: after a release, or when a server came back."""
        for line in (self._line.interactive, self._line.batch):
            kept: deque[_Waiter] = deque()
            while line:
                waiter = line.popleft()
                if waiter.future.done():
                    continue
                seat = self._choose(waiter.tried, waiter.prefix)
                if seat is not None:
                    self._sit(seat)
                    waiter.future.set_result(seat)
                    continue
                kept.append(waiter)
                if not any(each.is_free() for each in self.seats):
                    break
            line.extendleft(reversed(kept))

    def close(self) -> None:
        for seat in self.seats:
            seat.upstream.close()

    def _sit(self, seat: Seat) -> None:
        seat.in_flight += 1
        seat.served += 1
        if seat.failures >= FAILURES_BEFORE_REST:  # one request tries whether it is well again; the others keep away meanwhile
            seat.resting_until = time.monotonic() + FIRST_REST_S

    def _choose(self, tried: Collection[Seat], prefix: int | None) -> Seat | None:
        """The best free server: a fit one; the one that has rested longest where none is fit, so that the answer is never a guess."""
        if len(self.seats) == 1:
            only = self.seats[0]
            return only if only.is_free() and only not in tried else None
        now = time.monotonic()
        left = [seat for seat in self.seats if seat not in tried]
        fit = [seat for seat in left if seat.is_fit(now)]
        free = [seat for seat in fit if seat.is_free()]
        if not free:
            resting = [seat for seat in left if seat.is_free()] if not fit else []
            return min(resting, key=lambda seat: (not seat.is_up, seat.resting_until), default=None)
        least = min(free, key=_load)
        if prefix is not None and len(free) > 1:
            home = max(free, key=lambda seat: hash((prefix, seat.replica.url)))
            if home.in_flight / home.replica.weight <= least.in_flight / least.replica.weight + _AFFINITY_SLACK:
                return home
        return least

    async def _wait(self, waiter: _Waiter, is_batch: bool) -> Seat:
        line = self._line.batch if is_batch else self._line.interactive
        line.append(waiter)
        try:
            async with asyncio.timeout(self.entry.queue_timeout_s):
                return await waiter.future
        except TimeoutError as e:
            if waiter.future.done() and not waiter.future.cancelled():  # seated in the last moment
                return waiter.future.result()
            raise queue_timeout(self.entry.name, self.entry.queue_timeout_s) from e
        except asyncio.CancelledError:
            if waiter.future.done() and not waiter.future.cancelled():  # seated and gone at the same moment
                self.release(waiter.future.result())
            raise
        finally:
            with contextlib.suppress(ValueError):
                line.remove(waiter)


def _load(seat: Seat) -> tuple[float, float]:
    """How busy a server is for its weight; among equals, how many it had so far."""
    weight = seat.replica.weight
    return seat.in_flight / weight, seat.served / weight
