"""An answer that is made in this process: what an async generator gives, as an ``Answer`` that the gateway relays like any server's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping

from moorage.gateway.upstream.base import UpstreamFailure

_closing: set[asyncio.Task[None]] = set()  # the loop itself keeps tasks only weakly


class InsideAnswer:
    """``first`` is there already, ``rest`` follows. Closing ends the generator, wherever it stands: it must have been begun."""

    status = 200

    def __init__(self, content_type: bytes, first: bytes, rest: AsyncGenerator[bytes] | None = None) -> None:
        self.headers: Mapping[bytes, bytes] = {b"content-type": content_type}
        self._first, self._rest = first, rest
        self._ends_at: float | None = None
        self._pause_s: float | None = None

    async def read(self) -> bytes:
        if self._first:
            first, self._first = self._first, b""
            return first
        if self._rest is None:
            return b""
        now = asyncio.get_running_loop().time()
        ends = [at for at in (self._ends_at, None if self._pause_s is None else now + self._pause_s) if at is not None]
        try:
            async with asyncio.timeout_at(min(ends, default=None)):
                return await anext(self._rest, b"")
        except TimeoutError as e:
            raise UpstreamFailure("timeout", "said nothing for too long", "长时间没有输出") from e

    async def pump(self, take: Callable[[bytes], bool]) -> None:
        while piece := await self.read():
            if not take(piece):
                return

    async def whole(self, limit: int) -> bytes:
        parts: list[bytes] = []
        size = 0
        while piece := await self.read():
            size += len(piece)
            if size > limit:
                raise UpstreamFailure("too_large", f"sent more than {limit} bytes", f"返回超过 {limit} 字节")
            parts.append(piece)
        return b"".join(parts)

    def allow(self, seconds: float) -> None:
        self._pause_s = None
        self._ends_at = asyncio.get_running_loop().time() + seconds if seconds else None

    def allow_pauses(self, seconds: float) -> None:
        self._ends_at, self._pause_s = None, seconds or None

    def close(self) -> None:
        rest, self._rest, self._first = self._rest, None, b""
        if rest is not None:
            ending = asyncio.get_running_loop().create_task(_end(rest))
            _closing.add(ending)
            ending.add_done_callback(_closing.discard)


async def _end(pieces: AsyncGenerator[bytes]) -> None:
    await pieces.aclose()
