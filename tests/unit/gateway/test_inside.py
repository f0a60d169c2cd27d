"""An answer made in this process is read, bounded and ended like one that comes over a connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from moorage.gateway.inside import InsideModel, InsidePools, Nothing
from moorage.gateway.upstream.base import Upstream, UpstreamFailure
from moorage.gateway.upstream.inside import InsideAnswer


class Pieces:
    """A generator that remembers whether it was ended."""

    def __init__(self, *pieces: bytes, hangs: bool = False) -> None:
        self._pieces, self._hangs = pieces, hangs
        self.is_ended = False

    async def run(self) -> AsyncGenerator[bytes]:
        try:
            for piece in self._pieces:
                yield piece
            if self._hangs:
                await asyncio.get_running_loop().create_future()
        finally:
            self.is_ended = True

    async def answer(self) -> InsideAnswer:
        """Begun, as the gateway gets it."""
        running = self.run()
        return InsideAnswer(b"text/event-stream", await anext(running), running)


def test_pieces_come_in_order_and_then_nothing() -> None:
    async def go() -> list[bytes]:
        answer = await Pieces(b"a", b"b", b"c").answer()
        return [await answer.read() for _ in range(5)]

    assert asyncio.run(go()) == [b"a", b"b", b"c", b"", b""]


def test_what_a_taker_leaves_can_still_be_read() -> None:
    async def go() -> tuple[list[bytes], bytes]:
        answer, taken = await Pieces(b"a", b"b", b"c", b"d").answer(), []

        def take(piece: bytes) -> bool:
            taken.append(piece)
            return len(taken) < 2

        await answer.pump(take)
        return taken, await answer.whole(100)

    assert asyncio.run(go()) == ([b"a", b"b"], b"cd")


def test_an_answer_past_its_limit_is_refused() -> None:
    async def go() -> None:
        await (await Pieces(b"x" * 60, b"x" * 60).answer()).whole(100)

    with pytest.raises(UpstreamFailure) as caught:
        asyncio.run(go())
    assert caught.value.kind == "too_large"


@pytest.mark.parametrize("patience", ["allow", "allow_pauses"])
def test_silence_ends_by_the_patience_that_was_set(patience: str) -> None:
    async def go() -> bool:
        pieces = Pieces(b"a", hangs=True)
        answer = await pieces.answer()
        await answer.read()
        getattr(answer, patience)(0.01)
        with pytest.raises(UpstreamFailure) as caught:
            await answer.read()
        assert caught.value.kind == "timeout"
        return pieces.is_ended

    assert asyncio.run(go())


def test_closing_ends_what_makes_the_answer() -> None:
    async def go() -> bool:
        pieces = Pieces(b"a", b"b", hangs=True)
        answer = await pieces.answer()
        answer.close()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return pieces.is_ended

    assert asyncio.run(go())


def test_a_model_that_went_is_forgotten_and_one_that_stays_keeps_its_pool() -> None:
    there = {"kb"}

    class Shelf(Nothing):
        async def find(self, name: str) -> InsideModel | None:
            return InsideModel(name, 0) if name in there else None

        def open(self, name: str) -> Upstream:
            return None  # type: ignore[return-value]

    async def go() -> None:
        pools = InsidePools(Shelf())
        first = await pools.find("kb")
        assert first is not None and first is await pools.find("kb")
        there.clear()
        assert await pools.find("kb") is None
        there.add("kb")
        assert await pools.find("kb") is not first

    asyncio.run(go())
