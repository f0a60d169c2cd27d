"""HTTP/1.1 to one model server: httptools parses, one future wakes the reader, kept connections are used again.

A general client spends several times the CPU of the rest of the gateway; this one does what a relay needs and no more.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

import httptools

from moorage.gateway.upstream.base import UpstreamFailure
from moorage.gateway.upstream.inflate import Inflater

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from moorage.gateway.upstream.base import Answer

KEPT_S = 4.0
"""How long a kept connection is trusted. uvicorn, under most model servers, closes at 5 s; a request sent at that moment would be lost."""
_KEPT_MOST = 256
_HEAD_LIMIT = 64 * 1024
_MOST_HEADERS = 1000
_READ_AHEAD = 256 * 1024
_NEVER = float("inf")


class HttpUpstream:
    """An ``Upstream`` over plain HTTP or TLS. ``url`` is the base address; paths are added to it, or to its root when they begin with ``//``."""

    def __init__(self, url: str, key: str = "", connect_timeout_s: float = 5.0) -> None:
        parts = urlsplit(url)
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._is_tls = parts.scheme == "https"
        self._base = parts.path.rstrip("/")
        self._connect_timeout_s = connect_timeout_s
        authorization = f"authorization: Bearer {key}\r\n" if key else ""
        self._common = f"host: {parts.netloc}\r\n{authorization}accept: */*\r\nuser-agent: moorage\r\n"
        self._heads: dict[tuple[str, bool], bytes] = {}
        self._idle: list[_Connection] = []
        self._unsent: list[tuple[_Connection, bytes]] = []
        self._is_closed = False
        self._tls: ssl.SSLContext | None = None

    async def ask(self, path: str, headers: bytes, body: bytes | None, seconds: float) -> Answer:
        head = self._heads.get((path, body is None)) or self._head(path, body is None)
        request = (
            b"".join((head, headers, b"\r\n")) if body is None else b"%b%bcontent-length: %d\r\n\r\n%b" % (head, headers, len(body), body)
        )
        loop = asyncio.get_running_loop()
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_alive or loop.time() - connection.kept_at > KEPT_S:
                connection.close()
                continue
            try:
                await connection.exchange(request, seconds)
            except UpstreamFailure as failure:
                if failure.kind != "closed" or connection.has_begun:
                    raise
                continue  # It closed the kept connection; nobody has seen the request.
            return connection
        connection = await self._connect(loop)
        await connection.exchange(request, seconds)
        return connection

    def send(self, connection: _Connection, request: bytes) -> None:
        """Sends a request together with the others of this round of the event loop: writing them in a row, not one between the reading of two
        others, takes a tenth off what a request costs, and a single one waits for no more than the round to end."""
        if not self._unsent:
            asyncio.get_running_loop().call_soon(self._send_all)
        self._unsent.append((connection, request))

    def _send_all(self) -> None:
        unsent, self._unsent = self._unsent, []
        for connection, request in unsent:
            connection.write(request)

    def keep(self, connection: _Connection) -> None:
        """Takes a connection back whose answer was read to the end."""
        if len(self._idle) < _KEPT_MOST and not self._is_closed:
            self._idle.append(connection)
        else:
            connection.end()

    def forget(self, connection: _Connection) -> None:
        """A kept connection was closed by the server."""
        if connection in self._idle:
            self._idle.remove(connection)

    def close(self) -> None:
        self._is_closed = True
        idle, self._idle = self._idle, []
        for connection in idle:
            connection.end()

    async def _connect(self, loop: asyncio.AbstractEventLoop) -> _Connection:
        try:
            async with asyncio.timeout(self._connect_timeout_s):
                _, connection = await loop.create_connection(
                    lambda: _Connection(self, loop), self._host, self._port, ssl=self._tls_context() if self._is_tls else None
                )
        except TimeoutError as e:
            seconds = f"{self._connect_timeout_s:g}"
            raise UpstreamFailure("unreachable", f"did not accept a connection within {seconds} s", f"{seconds} 秒内未接受连接") from e
        except OSError as e:
            raise UpstreamFailure("unreachable", f"cannot be reached ({e.strerror or e})", f"无法连接（{e.strerror or e}）") from e
        return connection

    def _tls_context(self) -> ssl.SSLContext:
        import ssl

        if self._tls is None:
            self._tls = ssl.create_default_context()
        return self._tls

    def _head(self, path: str, is_get: bool) -> bytes:
        """The part of a request's head that is the same each time."""
        target = self._base.removesuffix("/v1") + path[1:] if path.startswith("//") else self._base + path
        made = f"{'GET' if is_get else 'POST'} {target} HTTP/1.1\r\n{self._common}".encode()
        self._heads[path, is_get] = made
        return made


class _Connection(asyncio.Protocol):
    """One connection, and the answer that is being read from it."""

    __slots__ = (
        "_due", "_failure", "_head_bytes", "_inflater", "_is_done", "_is_interim", "_is_paused", "_is_pausing", "_loop", "_owner", "_parser",
        "_patience_s", "_pieces", "_reads", "_reads_seen", "_size", "_taker", "_timer", "_transport", "_until_closed", "_waiter", "_wakes_at",
        "has_begun", "headers", "is_alive", "kept_at", "status",
    )  # fmt: skip

    def __init__(self, owner: HttpUpstream, loop: asyncio.AbstractEventLoop) -> None:
        self._owner, self._loop = owner, loop
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._taker: Callable[[bytes], bool] | None = None
        self._wakes_at = _NEVER
        self._due = self._patience_s = 0.0
        self._is_pausing = False
        self._reads = self._reads_seen = 0
        self.is_alive, self.kept_at = False, 0.0
        self._reset()

    def _reset(self) -> None:
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.has_begun = self._is_done = self._is_paused = self._until_closed = self._is_interim = False
        self._head_bytes = self._size = 0
        self._inflater: Inflater | None = None
        self._pieces: list[bytes] = []
        self._failure: UpstreamFailure | None = None

    # What the gateway calls

    async def exchange(self, request: bytes, seconds: float) -> None:
        """Sends a request and waits for the head of its answer. The connection is closed when that fails."""
        self._reset()
        self.allow(seconds)
        self._owner.send(self, request)
        try:
            if not self.status and self._failure is None:  # woken once the head is there, and no sooner
                self._waiter = self._loop.create_future()
                await self._waiter
                self._waiter = None
            if not self.status and self._failure is not None:
                raise self._failure
        except BaseException:
            self.close()
            raise

    def write(self, data: bytes) -> None:
        """Nothing where it ended meanwhile."""
        if self.is_alive and self._transport is not None:
            self._transport.write(data)

    async def read(self) -> bytes:
        while True:
            if self._pieces:
                pieces, self._pieces, self._size = self._pieces, [], 0
                if self._is_paused:
                    self._is_paused = False
                    if self._transport is not None and self.is_alive:
                        self._transport.resume_reading()
                return pieces[0] if len(pieces) == 1 else b"".join(pieces)
            if self._is_done:
                return b""
            if self._failure is not None:
                raise self._failure
            await self._wait()

    async def pump(self, take: Callable[[bytes], bool]) -> None:
        while self._pieces:
            if not take(await self.read()):
                return
        self._taker = take
        try:
            while not self._is_done and self._failure is None and self._taker is not None:
                await self._wait()
        finally:
            self._taker = None
        if self._failure is not None and not self._is_done and not self._pieces:
            raise self._failure

    async def whole(self, limit: int) -> bytes:
        if self._is_done and len(self._pieces) == 1 and self._size <= limit:  # it came with the head, as most do
            return self._pieces.pop()
        parts: list[bytes] = []
        size = 0
        while piece := await self.read():
            size += len(piece)
            if size > limit:
                raise UpstreamFailure("too_large", f"sent more than {limit} bytes", f"返回超过 {limit} 字节")
            parts.append(piece)
        return b"".join(parts)

    def allow(self, seconds: float) -> None:
        # The timer of an earlier request stays where it wakes early enough: setting one for each costs more than looking in vain now and then.
        self._patience_s, self._is_pausing = seconds, False
        self._due = self._loop.time() + seconds if seconds else 0.0
        if seconds and self._due < self._wakes_at:
            self._wake_up_at(self._due)

    def allow_pauses(self, seconds: float) -> None:
        self.allow(seconds)
        self._is_pausing, self._reads_seen = True, self._reads

    def close(self) -> None:
        self.allow(0)
        if self._is_done and self.is_alive and not self._pieces:
            self.kept_at = self._loop.time()
            self._owner.keep(self)
        else:
            self.end()

    def end(self) -> None:
        """Ends the connection at once; what the server still sends is not read."""
        self.is_alive, self._due = False, 0.0
        if self._timer is not None:
            self._timer.cancel()
            self._timer, self._wakes_at = None, _NEVER
        if self._transport is not None:
            self._transport.abort()

    async def _wait(self) -> None:
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _fail(self, failure: UpstreamFailure) -> None:
        if self._failure is None and not self._is_done:
            self._failure = failure
        self.end()
        self._wake()

    def _wake_up_at(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._wakes_at = self._loop.call_at(at, self._look), at

    def _look(self) -> None:
        """Whether patience is over."""
        self._timer, self._wakes_at = None, _NEVER
        now, seconds = self._loop.time(), self._patience_s
        if not self._due:
            return
        if now < self._due:
            self._wake_up_at(self._due)
        elif not self._is_pausing:
            self._fail(UpstreamFailure("timeout", f"gave no answer within {seconds:g} s", f"{seconds:g} 秒内未回答"))
        elif self._reads == self._reads_seen and not self._pieces and not self._is_paused:
            self._fail(UpstreamFailure("timeout", f"was silent for {seconds:g} s", f"静默了 {seconds:g} 秒"))
        else:
            self.allow_pauses(seconds)

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport, self.is_alive = cast(asyncio.Transport, transport), True  # uvloop's is one without saying so

    def data_received(self, data: bytes) -> None:
        self._reads += 1
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as e:
            reason = e.__context__ or e  # what one of the callbacks below raised
            self._fail(UpstreamFailure("invalid", f"does not speak HTTP here ({reason})", f"返回的不是 HTTP（{reason}）"))
            return
        # Heads, trailers and the like are kept by the parser until their line ends, which may be never.
        self._head_bytes = 0 if self._pieces else self._head_bytes + len(data)
        if self._head_bytes > _HEAD_LIMIT and not self._is_done:
            self._fail(UpstreamFailure("invalid", "sends endless headers", "返回了无穷的响应头"))
            return
        if self._taker is not None and self._pieces:
            pieces, self._pieces, self._size = self._pieces, [], 0
            if self._taker(pieces[0] if len(pieces) == 1 else b"".join(pieces)) and not self._is_done:
                return
            self._taker = None
        if self._size > _READ_AHEAD and not self._is_paused and not self._is_done and self._transport is not None:
            self._is_paused = True
            self._transport.pause_reading()
        waiter = self._waiter
        if waiter is not None and self.status and not waiter.done():
            waiter.set_result(None)

    def eof_received(self) -> None:
        return None

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_alive = False
        if self._is_done:
            self._owner.forget(self)
        elif self._until_closed and exc is None:
            self._is_done = True
        elif self._failure is None:
            self._failure = UpstreamFailure("closed", "closed the connection in the middle of an answer", "在回答中途断开了连接")
        self._wake()

    # What the parser calls

    def on_message_begin(self) -> None:
        if self._is_done:
            raise ValueError("an answer that nobody asked for")
        self.has_begun = True

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.status:
            return  # a trailer
        if len(self.headers) > _MOST_HEADERS:
            raise ValueError("endless headers")
        self.headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        self._is_interim = 100 <= status < 200
        if self._is_interim:
            self.headers = {}
            return
        self.status = status
        headers = self.headers
        self._until_closed = b"content-length" not in headers and b"transfer-encoding" not in headers and status not in (204, 304)
        coding = headers.get(b"content-encoding")
        if coding is not None and coding.lower() != b"identity":
            headers.pop(b"content-length", None)
            self._inflater = Inflater(coding.lower())

    def on_body(self, body: bytes) -> None:
        if self._inflater is not None:
            body = self._inflater.feed(body)
            if not body:
                return
        self._pieces.append(body)
        self._size += len(body)

    def on_message_complete(self) -> None:
        if self._is_interim:
            self._is_interim = False
            return
        if self._inflater is not None:
            self._inflater.end()
        self._is_done = True
        if not self._parser.should_keep_alive():
            self.is_alive = False
