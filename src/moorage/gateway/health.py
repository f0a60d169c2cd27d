"""Looks at every server now and then, so that one that is down is left out before a request meets it, and comes back by itself."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from typing import Protocol

from moorage.gateway.config import GatewayConfig
from moorage.gateway.pool import Pool, Seat
from moorage.gateway.upstream.base import UpstreamFailure

_PATIENCE_S = 5.0
_OFF_S = 1.0  # between two looks at whether looking was switched on
_READ_MOST = 1 << 20
log = logging.getLogger("moorage.gateway")


class Watched(Protocol):
    """What has servers to look at. Its configuration may change meanwhile."""

    @property
    def config(self) -> GatewayConfig: ...

    @property
    def pools(self) -> Collection[Pool]: ...


async def watch_health(gateway: Watched) -> None:
    """Looks at all servers again and again until cancelled."""
    while True:
        await asyncio.sleep(gateway.config.health_interval_s or _OFF_S)
        if gateway.config.health_interval_s:
            await asyncio.gather(*(look(pool, seat) for pool in gateway.pools for seat in pool.seats))


async def look(pool: Pool, seat: Seat) -> None:
    """Asks a server for its models. Any answer but a server error shows that somebody is there; whoever waits is seated then."""
    was_up, was_resting = seat.is_up, seat.resting_until
    is_up = await _answers(seat)
    if is_up != was_up:
        log.warning("%s %s", seat.replica.url, "answers again" if is_up else "does not answer")
    seat.is_up = is_up
    if is_up and not was_up:
        seat.failures, seat.resting_until = 0, 0.0
    if is_up and (not was_up or was_resting):
        pool.wake()


async def _answers(seat: Seat) -> bool:
    try:
        answer = await seat.upstream.ask("/models", b"", None, _PATIENCE_S)
    except UpstreamFailure:
        return False
    try:
        await answer.whole(_READ_MOST)
        return answer.status < 500
    except UpstreamFailure:
        return False
    finally:
        answer.close()
