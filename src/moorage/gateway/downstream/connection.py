"""A client's connection: HTTP/1.1 is read with httptools, and each request becomes one call of the application.

It takes the place of uvicorn's protocol under uvicorn's server (``Config(http=ClientConnection)``) with the same promises to an ASGI application, as
that one takes a fifth of what the gateway spends on a request. Requests that come together are answered one after another, and nobody who is slow
with a head, a body or with reading is waited for without end.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote

import httptools

from moorage.gateway.downstream.incoming import READ_AHEAD, Incoming
from moorage.gateway.downstream.outgoing import Outgoing
from moorage.gateway.errors import GatewayRefusal, head_too_large, head_too_slow, no_http, unexpected

if TYPE_CHECKING:
    from uvicorn import Config
    from uvicorn.server import ServerState

_HEAD_LIMIT = 64 * 1024
_ASGI = {"version": "3.0", "spec_version": "2.3"}
_VERSIONS = ("1.1", "1.0")
_ABOUT_THE_LINE = (b"connection", b"upgrade", b"http2-settings")
log = logging.getLogger("moorage.gateway")


class _Begun:
    """A request with its answer. ``scope`` is ASGI's."""

    __slots__ = ("incoming", "outgoing", "scope", "task")

    def __init__(self, scope: dict[str, Any], incoming: Incoming, outgoing: Outgoing) -> None:
        self.scope, self.incoming, self.outgoing = scope, incoming, outgoing
        self.task: asyncio.Task[None] | None = None


class ClientConnection(asyncio.Protocol):
    """One connection. The server calls ``shutdown`` when nobody new shall be served."""

    HEAD_S = 60.0
    """How long a request's head may take from its first byte."""
    BODY_PAUSE_S = 60.0
    """The longest pause in a body."""
    READ_PAUSE_S = 120.0
    """How long a client may take nothing of its answer."""
    LINGER_S = 15.0
    """How long is read what nobody wants, so that its sender sees the answer to it."""
    LOOKS_EVERY_S = 5.0
    """How exact these are: a timer that is seldom set costs less than one for each request."""

    def __init__(
        self, config: Config, server_state: ServerState, app_state: dict[str, Any], _loop: asyncio.AbstractEventLoop | None = None
    ) -> None:
        if not config.loaded:
            config.load()
        self._app, self._keep_alive_s = config.loaded_app, config.timeout_keep_alive
        self._server, self._state = server_state, app_state
        self._loop = _loop or asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._addresses: dict[str, Any] = {}
        self._url, self._headers, self._head_bytes = b"", list[tuple[bytes, bytes]](), 0
        self._is_in_head = self._is_head_timed = self._expects_continue = False
        self._reading: Incoming | None = None  # whose body is being read
        self._current: _Begun | None = None  # what is being answered
        self._queue: deque[_Begun] = deque()
        self._refusal: GatewayRefusal | None = None
        self._is_deaf = self._is_paused = self._is_stopping = False
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._drained: asyncio.Event | None = None
        self.is_full = self.is_gone = False
        """``is_full``: the client does not read as fast as it is written to."""

    # What the event loop and the server call

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one without saying so
        self._addresses = {
            "server": _address(transport.get_extra_info("sockname")),
            "client": _address(transport.get_extra_info("peername")),
            "scheme": "https" if transport.get_extra_info("sslcontext") else "http",
        }
        self._server.connections.add(self)  # pyright: ignore[reportArgumentType] - it lists uvicorn's own
        self._be_patient()
        self._timer = self._loop.call_later(self.LOOKS_EVERY_S, self._look)

    def data_received(self, data: bytes) -> None:
        if self._is_deaf:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as e:
            self._stay(data[cast(int, e.args[0]) :])
        except httptools.HttpParserError as e:
            self._give_up(self._refusal or no_http(str(e)))
        if self._is_in_head:
            if not self._is_head_timed:  # more bytes of the same head get no more time
                self._is_head_timed = True
                self._be_patient()
        elif self._reading is not None:
            self._be_patient()
        elif self._current is not None:
            self._due = 0.0

    def eof_received(self) -> None:
        """Ends the connection: who says no more is taken for gone, as nearly everybody is who does that."""

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_gone = self._is_deaf = True
        self._server.connections.discard(self)  # pyright: ignore[reportArgumentType]
        if self._timer is not None:
            self._timer.cancel()
        self._queue.clear()
        if self._current is not None:
            self._current.incoming.left()
        if self._drained is not None:
            self._drained.set()
        del self._parser  # it holds us

    def pause_writing(self) -> None:
        self.is_full = True
        self._be_patient()

    def resume_writing(self) -> None:
        self.is_full = False
        self._be_patient()
        if self._drained is not None:
            self._drained.set()

    def shutdown(self) -> None:
        """The request that is being answered is the last one."""
        self._is_stopping = True
        if self._current is not None and not self._is_deaf:
            self._current.outgoing.keeps_alive = False
        elif self._transport is not None:
            self._transport.close()

    # What a request and its answer call

    def write(self, data: bytes) -> None:
        if not self.is_gone and self._transport is not None:
            self._transport.write(data)

    async def drain(self) -> None:
        """Waits until the client has read enough, or is gone."""
        while self.is_full and not self.is_gone:
            if self._drained is None:
                self._drained = asyncio.Event()
            self._drained.clear()
            await self._drained.wait()

    def read_on(self) -> None:
        """More is wanted of what the client sends."""
        if self._is_paused and self._transport is not None and not self._queue:
            self._is_paused = False
            self._transport.resume_reading()
            self._be_patient()

    def answered(self) -> None:
        """The answer is out. The next request's turn, when this one is whole, too."""
        done, self._current = self._current, None
        assert done is not None
        self._server.total_requests += 1
        done.incoming.answered()
        if not done.incoming.is_whole:
            self._linger()
        elif not done.outgoing.keeps_alive:
            self._close()
        elif self._queue:
            self._start(self._queue.popleft())
            self.read_on()
        elif self._refusal is not None:
            self._say(self._refusal)
        else:
            self._due = self._loop.time() + (self.READ_PAUSE_S if self.is_full else self._keep_alive_s)
            if self._is_paused:
                self.read_on()

    # From bytes to calls

    def on_message_begin(self) -> None:
        self._url, self._headers, self._head_bytes = b"", [], 0
        self._is_in_head, self._is_head_timed, self._expects_continue = True, False, False

    def on_url(self, url: bytes) -> None:
        self._url += url
        self._head_bytes += len(url)
        if self._head_bytes > _HEAD_LIMIT:
            self._refuse_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_bytes += len(name) + len(value) + 4
        if self._head_bytes > _HEAD_LIMIT:
            self._refuse_head()
        if not self._is_in_head:
            return  # behind the body: who has decided by the head must not find other headers now
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self._expects_continue = True
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        parser = self._parser
        if parser.should_upgrade():
            return
        version = parser.get_http_version()
        if version not in _VERSIONS:
            self._refusal = no_http(f"HTTP {version}")
            raise ValueError(version)
        self._is_in_head = False
        method = parser.get_method().decode()
        self._reading = incoming = Incoming(self, self._expects_continue)
        # A client that waits for a word before it sends the body may, after a refusal, send it or not: nobody could tell it from the next request.
        keeps_alive = version == "1.1" and parser.should_keep_alive() and not self._is_stopping and not self._expects_continue
        outgoing = Outgoing(self, incoming, is_head=method == "HEAD", is_old=version == "1.0", keeps_alive=keeps_alive)
        begun = _Begun(self._scope(method, version), incoming, outgoing)
        if self._current is None:
            self._start(begun)
        else:
            self._queue.append(begun)
            self._pause()

    def on_body(self, body: bytes) -> None:
        reading = self._reading
        if reading is not None:
            reading.add(body)
            if reading.size > READ_AHEAD:
                self._pause()

    def on_message_complete(self) -> None:
        if self._reading is not None:
            self._reading.end()
            self._reading = None

    def _refuse_head(self) -> None:
        self._refusal = head_too_large(_HEAD_LIMIT)
        raise ValueError("endless head")

    def _scope(self, method: str, version: str) -> dict[str, Any]:
        target, query = self._url, b""
        if b"?" in target or not target.startswith(b"/"):
            target, query = _parts(target)
        path = target.decode()
        return {
            "type": "http", "asgi": _ASGI, "http_version": version, "method": method, "path": unquote(path) if "%" in path else path,
            "raw_path": target, "query_string": query, "root_path": "", "headers": self._headers, "state": self._state.copy(), **self._addresses,
        }  # fmt: skip

    def _stay(self, rest: bytes) -> None:
        """A client would rather speak another protocol, as Java's does with its first request. It is answered in this one: the head is read again
        without that wish, for the parser leaves the body to the other protocol."""
        method = self._parser.get_method()
        if method == b"CONNECT":
            self._give_up(no_http("CONNECT"))
            return
        kept = [b"%b: %b\r\n" % header for header in self._headers if header[0] not in _ABOUT_THE_LINE]
        self._parser = httptools.HttpRequestParser(self)
        self.data_received(b"%b %b HTTP/1.1\r\n%b\r\n%b" % (method, self._url, b"".join(kept), rest))

    # One request after another

    def _start(self, begun: _Begun) -> None:
        self._current = begun
        begun.task = task = self._loop.create_task(self._run(begun))
        self._server.tasks.add(task)

    async def _run(self, begun: _Begun) -> None:
        outgoing = begun.outgoing
        try:
            await self._app(begun.scope, begun.incoming, outgoing)  # pyright: ignore[reportArgumentType]
        except Exception as e:  # one request must not take the others down
            log.exception("%s %s failed", begun.scope["method"], begun.scope["path"], exc_info=e)
        finally:
            if begun.task is not None:
                self._server.tasks.discard(begun.task)
            if not (outgoing.is_over or self.is_gone):
                self._end() if outgoing.is_begun else self._say(self._refusal or unexpected())

    def _give_up(self, refused: GatewayRefusal) -> None:
        """What came is no request; those before it are answered first."""
        self._refusal, self._is_deaf = refused, True
        if self._reading is not None:
            self._reading.left()  # its body will never be whole
        elif self._current is None:
            self._say(refused)
        self._reading, self._is_in_head = None, False

    def _say(self, refused: GatewayRefusal) -> None:
        """The last words on this connection."""
        body = refused.body()
        head = b"HTTP/1.1 %d Refused\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
        self.write(head % (refused.status, len(body)) + body)
        self._linger()

    # Ends

    def _linger(self) -> None:
        """Says that nothing more comes, and reads on for a while: a client that is cut off while it sends does not see its answer."""
        self._is_deaf = True
        transport = self._transport
        if transport is None or self.is_gone or self._is_stopping or not transport.can_write_eof():
            self._close()
            return
        transport.write_eof()
        self._queue.clear()
        self.read_on()
        self._be_patient()

    def _close(self) -> None:
        """Ends the connection when what was written is on its way."""
        self._is_deaf = True
        self._be_patient()
        if self._transport is not None:
            self._transport.close()

    def _end(self) -> None:
        """Ends the connection at once: half an answer must not look whole."""
        self._is_deaf = True
        if self._transport is not None:
            self._transport.abort()

    def _pause(self) -> None:
        if not self._is_paused and self._transport is not None:
            self._is_paused = True
            self._transport.pause_reading()

    # Patience

    def _be_patient(self) -> None:
        """Sets when it ends, by what is waited for."""
        seconds = self._patience_s()
        self._due = self._loop.time() + seconds if seconds else 0.0

    def _patience_s(self) -> float:
        if self._is_deaf:
            return self.LINGER_S
        if self.is_full:
            return self.READ_PAUSE_S
        if self._reading is not None:
            return 0.0 if self._is_paused else self.BODY_PAUSE_S
        if self._current is not None:
            return 0.0
        return self.HEAD_S if self._is_in_head else self._keep_alive_s

    def _look(self) -> None:
        if self._due and self._loop.time() >= self._due:
            self._lose_patience()
        if not self.is_gone:
            self._timer = self._loop.call_later(self.LOOKS_EVERY_S, self._look)

    def _lose_patience(self) -> None:
        if self._is_deaf or self.is_full or self._reading is not None:
            self._end()
        elif self._is_in_head:
            self._give_up(head_too_slow(self.HEAD_S))
        else:
            self._close()


def _parts(url: bytes) -> tuple[bytes, bytes]:
    """Path and query of a request's target; ``*`` stays."""
    if url == b"*":
        return url, b""
    parsed = httptools.parse_url(url)
    return parsed.path or b"/", parsed.query or b""


def _address(name: object) -> tuple[str, int] | None:
    """As ASGI has it; None for a socket in the file system."""
    if not isinstance(name, (list, tuple)):
        return None
    host, port = cast("tuple[object, ...]", name)[:2]
    return str(host), cast(int, port)
