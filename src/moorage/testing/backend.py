"""A model server that does exactly what a test tells it to, over real sockets: any bytes, any cut, silence, a reset; and it notices who leaves.

with backend() as server:
    server.answer(json_reply({"choices": []}))            # from now on
    server.answer_once(stream([delta("Hel"), delta("lo"), DONE]))
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal

Ending = Literal["keep", "close", "reset", "hang"]
DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True, slots=True)
class Play:
    """What is sent for one request: ``pieces`` byte for byte with ``between_s`` in between, after ``delay_s``; then ``ending``: the connection
    is kept, closed, reset, or left open in silence. ``endless`` repeats the last piece until the client leaves."""

    pieces: Sequence[bytes]
    ending: Ending = "keep"
    delay_s: float = 0.0
    between_s: float = 0.0
    endless: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that came in."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    connection: int

    def json(self) -> dict[str, object]:
        return json.loads(self.body)


def delta(text: str = "", **more: object) -> bytes:
    """One block of a streamed chat; ``more`` are fields of the delta."""
    return block(
        {
            "id": "c1",
            "object": "chat.completion.chunk",
            "choices": [{"index": 0, "delta": {"content": text, **more}, "finish_reason": None}],
        }
    )


def finish(reason: str = "stop") -> bytes:
    return block({"id": "c1", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})


def usage(prompt: int = 3, completion: int = 2, **more: object) -> bytes:
    """The chunk that holds the tokens and nothing else."""
    tokens = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    return block({"id": "c1", "object": "chat.completion.chunk", "choices": [], "usage": tokens, **more})


def block(body: object) -> bytes:
    """An event as model servers write it."""
    return b"data: " + json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"


def json_reply(body: object, status: int = 200, headers: Mapping[str, str] | None = None, **more: object) -> Play:
    """An answer in one piece; ``more`` are fields of Play."""
    return reply(json.dumps(body, ensure_ascii=False).encode(), status, {"content-type": "application/json", **(headers or {})}, **more)


def reply(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None, **more: object) -> Play:
    head = _head(status, {"content-length": str(len(body)), **(headers or {})})
    return Play((head + body,), **more)  # pyright: ignore[reportArgumentType]


def stream(pieces: Sequence[bytes], *, is_ended: bool = True, headers: Mapping[str, str] | None = None, **more: object) -> Play:
    """A chunked event stream, one HTTP chunk a piece. Without ``is_ended`` the last chunk of HTTP is left out."""
    head = _head(200, {"content-type": "text/event-stream", "transfer-encoding": "chunked", **(headers or {})})
    chunks = [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces]
    return Play((head, *chunks, *((b"0\r\n\r\n",) if is_ended else ())), **more)  # pyright: ignore[reportArgumentType]


def chat_reply(text: str = "Hello", **more: object) -> Play:
    """A right answer to a chat that is not streamed."""
    message = {"role": "assistant", "content": text, **more}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    tokens = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    return json_reply({"id": "c1", "object": "chat.completion", "choices": choices, "usage": tokens})


def chat_stream(*texts: str) -> Play:
    """A right streamed answer, with its usage."""
    return stream([*(delta(text) for text in texts or ("Hel", "lo")), finish(), usage(), DONE])


def _head(status: int, headers: Mapping[str, str]) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} Told\r\n{lines}\r\n".encode()


@dataclass
class Backend:
    """The running server. ``asked``: requests so far. ``left``: when clients closed a connection on which an answer was due or running
    (``time.monotonic``). ``connections``: how many were opened."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list[Asked])
    left: list[float] = field(default_factory=list[float])
    connections: int = 0
    _always: Play | Callable[[Asked], Play] = field(default_factory=chat_reply)
    _once: list[Play] = field(default_factory=list[Play])

    def answer(self, play: Play | Callable[[Asked], Play]) -> None:
        """From now on, when nothing else was told; a function is asked with each request."""
        self._always = play

    def answer_once(self, *plays: Play) -> None:
        """For the next requests, one after another."""
        self._once.extend(plays)

    def take(self, asked: Asked) -> Play:
        if asked.path.endswith("/models"):  # how a gateway looks whether somebody is there
            return json_reply({"object": "list", "data": []})
        play = self._once.pop(0) if self._once else self._always
        return play(asked) if callable(play) else play

    @property
    def requests(self) -> list[Asked]:
        """Those that wanted an answer of a model."""
        return [asked for asked in self.asked if not asked.path.endswith("/models")]

    def wait_until_left(self, count: int = 1, seconds: float = 5.0) -> float:
        """When the client that left as number ``count`` did so. Raises AssertionError when none does."""
        ends = time.monotonic() + seconds
        while len(self.left) < count:
            assert time.monotonic() < ends, "nobody left"
            time.sleep(0.002)
        return self.left[count - 1]

    def wait_until_asked(self, count: int = 1, seconds: float = 5.0) -> None:
        ends = time.monotonic() + seconds
        while len(self.requests) < count:
            assert time.monotonic() < ends, f"asked {len(self.requests)} times, not {count}"
            time.sleep(0.002)


@contextmanager
def backend(play: Play | Callable[[Asked], Play] | None = None, port: int = 0) -> Iterator[Backend]:
    """Runs the server in a thread until the block ends."""
    server = Backend()
    if play is not None:
        server.answer(play)
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    server.url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    thread = threading.Thread(target=_run, args=(loop, listener, server, ready), name="backend", daemon=True)
    thread.start()
    ready.wait()
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def _run(loop: asyncio.AbstractEventLoop, listener: socket.socket, server: Backend, ready: threading.Event) -> None:
    asyncio.set_event_loop(loop)
    accepting = loop.run_until_complete(asyncio.start_server(lambda r, w: _Talk(server, r, w).run(), sock=listener, limit=1 << 20))
    loop.call_soon(ready.set)
    loop.run_forever()
    accepting.close()
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    loop.close()


class _Talk:
    """One connection: request, play, request, play."""

    def __init__(self, server: Backend, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._server, self._reader, self._writer = server, reader, writer
        server.connections += 1
        self._number = server.connections

    async def run(self) -> None:
        try:
            while await self._one():
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client is gone, or the test over
        finally:
            with suppress(OSError):
                self._writer.transport.abort()

    async def _one(self) -> bool:
        request = await self._read()
        if request is None:
            return False
        self._server.asked.append(request)
        play = self._server.take(request)
        playing = asyncio.ensure_future(self._play(play))
        leaving = asyncio.ensure_future(self._reader.read(1))
        await asyncio.wait({playing, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if playing.done() and playing.exception() is None:
            leaving.cancel()
            await asyncio.gather(leaving, return_exceptions=True)
            return playing.result()
        self._server.left.append(time.monotonic())
        playing.cancel()
        await asyncio.gather(playing, leaving, return_exceptions=True)
        return False

    async def _read(self) -> Asked | None:
        head = await self._reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, path, _ = first.split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
        body = await self._reader.readexactly(int(headers.get("content-length", "0")))
        return Asked(method, path, headers, body, self._number)

    async def _play(self, play: Play) -> bool:
        """Whether the connection may be used again."""
        await asyncio.sleep(play.delay_s)
        for piece in play.pieces:
            await self._send(piece, play.between_s)
        while play.endless:
            await self._send(play.pieces[-1], play.between_s)
        if play.ending == "hang":
            await asyncio.get_running_loop().create_future()
        if play.ending == "reset":  # a linger time of zero makes close() send RST
            self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return play.ending == "keep"

    async def _send(self, piece: bytes, pause_s: float) -> None:
        self._writer.write(piece)
        await self._writer.drain()
        await asyncio.sleep(pause_s)
