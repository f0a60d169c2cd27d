"""Who gets the next request."""

from __future__ import annotations

import asyncio

import pytest

from moorage.gateway.config import ModelEntry, Replica
from moorage.gateway.errors import GatewayRefusal
from moorage.gateway.pool import FAILURES_BEFORE_REST, LONGEST_REST_S, Pool, Seat
from moorage.gateway.upstream.http import HttpUpstream


def pool(*replicas: Replica, **more: object) -> Pool:
    servers = replicas or (Replica("http://a/v1"), Replica("http://b/v1"))
    return Pool(ModelEntry("m", servers, **more), lambda replica: HttpUpstream(replica.url))  # type: ignore[arg-type]


async def taken(from_pool: Pool, count: int, **more: object) -> list[str]:
    seats = [await from_pool.take(**more) for _ in range(count)]  # type: ignore[arg-type]
    return [seat.replica.url for seat in seats if seat]


def test_the_least_busy_for_its_weight_is_next() -> None:
    one = pool(Replica("http://a/v1"), Replica("http://b/v1", weight=2))

    assert sorted(asyncio.run(taken(one, 6))) == ["http://a/v1"] * 2 + ["http://b/v1"] * 4


def test_a_server_rests_after_failures_in_a_row_and_longer_each_time() -> None:
    seat = pool().seats[0]
    for _ in range(FAILURES_BEFORE_REST - 1):
        seat.note_failure(100.0)
    assert seat.is_fit(100.0)
    seat.note_failure(100.0)
    assert (seat.is_fit(100.9), seat.is_fit(101.1)) == (False, True)
    seat.note_failure(200.0)
    assert (seat.is_fit(201.9), seat.is_fit(202.1)) == (False, True)
    for _ in range(50):
        seat.note_failure(300.0)
    assert seat.is_fit(300.1 + LONGEST_REST_S)
    seat.note_success()
    assert seat.is_fit(0.0)


def test_one_that_cannot_be_reached_rests_at_once() -> None:
    seat = pool().seats[0]
    seat.note_failure(0.0, is_unreachable=True)

    assert not seat.is_fit(0.5)


def test_when_all_rest_the_one_that_rests_shortest_is_tried() -> None:
    async def story() -> str | None:
        both = pool()
        both.seats[0].note_busy(1e9, 20)
        both.seats[1].note_busy(1e9, 10)
        seat = await both.take()
        return seat and seat.replica.url

    assert asyncio.run(story()) == "http://b/v1"


def test_nobody_is_left_when_all_were_tried() -> None:
    async def story() -> Seat | None:
        both = pool()
        return await both.take(both.seats)

    assert asyncio.run(story()) is None


def test_while_a_server_is_on_trial_the_others_get_the_requests() -> None:
    async def story() -> list[str]:
        both = pool()
        for _ in range(FAILURES_BEFORE_REST):
            both.seats[0].note_failure(-100.0)
        return await taken(both, 4)

    assert asyncio.run(story()).count("http://a/v1") == 1


def test_a_conversation_leaves_its_server_when_that_is_much_busier() -> None:
    async def story() -> set[str]:
        return set(await taken(pool(), 8, prefix=7))

    assert asyncio.run(story()) == {"http://a/v1", "http://b/v1"}


def full() -> Pool:
    return pool(Replica("http://a/v1", parallel=1), queue=2, queue_timeout_s=0.05)


def test_a_seat_that_is_given_to_somebody_who_left_is_not_lost() -> None:
    async def story() -> int:
        one = full()
        first = await one.take()
        assert first is not None
        waiting = asyncio.ensure_future(one.take())
        await asyncio.sleep(0)
        one.release(first)
        waiting.cancel()  # seated and gone at the same moment
        await asyncio.gather(waiting, return_exceptions=True)
        return one.in_flight

    assert asyncio.run(story()) == 0


def test_a_line_empties_in_order_and_forgets_who_waited_too_long() -> None:
    async def story() -> tuple[int, int]:
        one = full()
        first = await one.take()
        assert first is not None
        late = await asyncio.gather(one.take(), one.take(), one.take(), return_exceptions=True)
        assert [e.status for e in late if isinstance(e, GatewayRefusal)] == [503, 503, 429]
        one.release(first)
        return one.waiting, one.in_flight

    assert asyncio.run(story()) == (0, 0)


@pytest.mark.parametrize("count", [1, 5])
def test_a_server_that_came_back_seats_those_in_line(count: int) -> None:
    async def story() -> int:
        one = pool(Replica("http://a/v1", parallel=count), queue_timeout_s=5)
        first = [await one.take() for _ in range(count)]
        waiting = [asyncio.ensure_future(one.take()) for _ in range(count)]
        await asyncio.sleep(0)
        for seat in first:
            assert seat is not None
            one.release(seat)
        return len(await asyncio.gather(*waiting))

    assert asyncio.run(story()) == count
