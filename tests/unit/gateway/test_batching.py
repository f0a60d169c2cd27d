"""Requests are put together, answered each with its own, and none fails for another's fault."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moorage.gateway.batching import MicroBatcher
from moorage.gateway.errors import GatewayRefusal, refusal


class Engine:
    """Counts its calls; a vector is its text's bytes. Refuses "bad" texts, and everything while it is down."""

    def __init__(self, pause_s: float = 0.0) -> None:
        self.calls: list[list[str]] = []
        self.pause_s = pause_s
        self.is_down = False
        self.busy = self.busiest = 0

    async def send(self, texts: Sequence[str]) -> tuple[list[bytes], int]:
        self.calls.append(list(texts))
        self.busy += 1
        self.busiest = max(self.busy, self.busiest)
        try:
            await asyncio.sleep(self.pause_s)
        finally:
            self.busy -= 1
        if self.is_down:
            raise refusal(503, "down", "停机")
        if any(text.startswith("bad") for text in texts):
            raise refusal(400, "too long", "过长", param="input")
        return [text.encode() for text in texts], sum(map(len, texts))


def run(requests: Sequence[Sequence[str]], engine: Engine, batcher: MicroBatcher) -> list[object]:
    async def all_at_once() -> list[object]:
        return list(await asyncio.gather(*(batcher.embed("m", r, engine.send) for r in requests), return_exceptions=True))

    return asyncio.run(all_at_once())


def test_requests_that_come_together_go_together() -> None:
    engine = Engine()

    got = run([[f"t{n}"] for n in range(40)], engine, MicroBatcher())

    assert got == [([f"t{n}".encode()], len(f"t{n}")) for n in range(40)]
    assert len(engine.calls) == 1


def test_a_batch_never_holds_more_than_its_bound_but_one_large_request_goes_as_it_is() -> None:
    engine = Engine()

    run([["x"]] * 20 + [["y"] * 50] + [["z"]] * 20, engine, MicroBatcher(most_texts=16))

    assert sorted(len(call) for call in engine.calls)[-1] == 50
    assert all(len(call) <= 16 or set(call) == {"y"} for call in engine.calls)


def test_while_the_engine_is_busy_requests_gather() -> None:
    engine = Engine(0.02)

    async def trickle() -> None:
        batcher = MicroBatcher(window_s=0.0, in_flight=1)
        asks: list[asyncio.Task[object]] = []
        for n in range(60):
            asks.append(asyncio.create_task(batcher.embed("m", [str(n)], engine.send)))
            await asyncio.sleep(0.001)
        await asyncio.gather(*asks)

    asyncio.run(trickle())

    assert engine.busiest == 1
    assert len(engine.calls) < 15 and sum(map(len, engine.calls)) == 60


def test_one_bad_text_fails_its_own_request_alone() -> None:
    engine = Engine()

    got = run([["a"], ["bad"], ["b", "c"]], engine, MicroBatcher())

    assert got[0] == ([b"a"], 1) and got[2] == ([b"b", b"c"], 2)
    assert isinstance(got[1], GatewayRefusal) and got[1].status == 400


def test_an_engine_that_is_down_is_asked_once_and_not_for_each() -> None:
    engine = Engine()
    engine.is_down = True

    got = run([["a"], ["b"], ["c"]], engine, MicroBatcher())

    assert all(isinstance(one, GatewayRefusal) and one.status == 503 for one in got)
    assert len(engine.calls) == 1


def test_who_comes_fast_waits_and_only_beyond_the_bound_is_refused() -> None:
    engine = Engine(0.005)

    got = run([["x"]] * 300, engine, MicroBatcher(most_texts=4, in_flight=1, bound=200))

    refused = [one for one in got if isinstance(one, GatewayRefusal)]
    assert all(one.status == 503 and one.retry_after_s for one in refused)
    assert 0 < len(refused) <= 100 and len(got) - len(refused) >= 200


def test_who_leaves_the_line_is_not_sent() -> None:
    engine = Engine(0.02)

    async def leave() -> int:
        batcher = MicroBatcher(window_s=0.0, in_flight=1)
        first = asyncio.create_task(batcher.embed("m", ["first"], engine.send))
        await asyncio.sleep(0.005)
        second = asyncio.create_task(batcher.embed("m", ["second"], engine.send))
        third = asyncio.create_task(batcher.embed("m", ["third"], engine.send))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.gather(first, third)
        return batcher.texts_waiting

    assert asyncio.run(leave()) == 0
    assert engine.calls == [["first"], ["third"]]


def test_other_keys_are_other_batches() -> None:
    engine = Engine()

    async def two() -> None:
        batcher = MicroBatcher()
        await asyncio.gather(batcher.embed("a", ["1"], engine.send), batcher.embed("b", ["2"], engine.send))

    asyncio.run(two())

    assert sorted(engine.calls) == [["1"], ["2"]]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from(("a", "bb", "bad", "城市")), min_size=1, max_size=5), max_size=25),
    st.integers(1, 8),
    st.integers(1, 3),
)
def test_whatever_comes_everyone_gets_his_own_in_order(requests: list[list[str]], most: int, in_flight: int) -> None:
    engine = Engine()
    batcher = MicroBatcher(window_s=0.0, most_texts=most, in_flight=in_flight)

    got = run(requests, engine, batcher)

    for asked, one in zip(requests, got, strict=True):
        if "bad" in asked:
            assert isinstance(one, GatewayRefusal)
        else:
            assert isinstance(one, tuple) and one[0] == [text.encode() for text in asked]
    assert engine.busiest <= in_flight and batcher.texts_waiting == 0


def test_an_empty_batch_of_tokens_is_shared_without_loss() -> None:
    engine = Engine()

    got = run([["aaa"], ["b"], ["cc"]], engine, MicroBatcher())

    assert sum(int(str(one[1])) for one in got if isinstance(one, tuple)) == 6


@pytest.mark.parametrize("count", [1, 7])
def test_an_unexpected_error_reaches_all_who_wait(count: int) -> None:
    async def send(texts: Sequence[str]) -> tuple[list[bytes], int]:
        raise ConnectionResetError("gone")

    async def ask() -> list[object]:
        batcher = MicroBatcher()
        return list(await asyncio.gather(*(batcher.embed("m", ["x"], send) for _ in range(count)), return_exceptions=True))

    assert all(isinstance(one, ConnectionResetError) for one in asyncio.run(ask()))


def test_a_batch_that_nobody_waits_for_any_more_is_cancelled() -> None:
    ended: list[bool] = []

    async def send(texts: Sequence[str]) -> tuple[list[bytes], int]:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)
        raise AssertionError

    async def leave() -> tuple[bool, bool]:
        batcher = MicroBatcher(window_s=0.0)
        asking = [asyncio.ensure_future(batcher.embed("m", [text], send)) for text in "ab"]
        await asyncio.sleep(0.01)
        asking[0].cancel()
        await asyncio.sleep(0.01)
        before = bool(ended)
        asking[1].cancel()
        await asyncio.sleep(0.01)
        return before, bool(ended)

    assert asyncio.run(leave()) == (False, True)
