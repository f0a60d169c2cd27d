"""What a benchmark of gateways needs on both sides of them: a model server that costs little, a client that counts, and CPU and memory from /proc.

    python benchmarks/wire.py PORT        the server alone

The server answers chats: ``max_tokens`` is the number of words of a stream, ``user`` the milliseconds between two. Each word is the clock's
time, so that the client sees how long it was on its way (one machine, one clock).
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httptools

_REPLY = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Harbour " * 25}, "logprobs": None, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 20, "completion_tokens": 50, "total_tokens": 70},
    }
).encode()
_WORD = '{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"%d "},"logprobs":null,"finish_reason":null}]}'
_END = (
    b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[],"usage":{"prompt_tokens":20,"completion_tokens":50,"total_tokens":70}}\n\n'
    b"data: [DONE]\n\n"
)
_MODELS = b'{"object":"list","data":[{"id":"m","object":"model"}]}'


# The model server


class ModelProtocol(asyncio.Protocol):
    """One connection to the model server."""

    def __init__(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._body = b""
        self._path = b""
        self._transport: asyncio.Transport | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # pyright: ignore[reportAttributeAccessIssue]

    def connection_lost(self, exc: Exception | None) -> None:
        for task in self._tasks:
            task.cancel()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._body = self._path = b""

    def on_url(self, url: bytes) -> None:
        self._path += url

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        if not self._body:
            self._send(_MODELS)
            return
        if b'"stream":true' not in self._body and b'"stream": true' not in self._body:
            self._send(_REPLY)
            return
        asked = json.loads(self._body)
        task = asyncio.get_running_loop().create_task(self._stream(int(asked.get("max_tokens") or 10), int(asked.get("user") or 0) / 1e3))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _send(self, body: bytes) -> None:
        assert self._transport is not None
        self._transport.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))

    async def _stream(self, words: int, pause_s: float) -> None:
        transport = self._transport
        assert transport is not None
        transport.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        due = time.monotonic()
        for _ in range(words):
            word = b"data: %b\n\n" % (_WORD % time.monotonic_ns()).encode()
            transport.write(b"%x\r\n%b\r\n" % (len(word), word))
            due += pause_s
            await asyncio.sleep(max(0.0, due - time.monotonic()))
        transport.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(_END), _END))


async def serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(ModelProtocol, "127.0.0.1", port, backlog=4096)
    print("ready", flush=True)
    await server.serve_forever()


# The client


@dataclass
class Seen:
    """What came back. Latencies and lags in seconds."""

    latencies: list[float] = field(default_factory=list)
    lags: list[float] = field(default_factory=list)
    words: int = 0
    ended: int = 0
    errors: list[str] = field(default_factory=list)


class _Line(asyncio.Protocol):
    """One connection that asks again and again, ``times`` requests in all."""

    def __init__(self, request: bytes, times: int, seen: Seen) -> None:
        self._request, self._left, self._seen = request, times, seen
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._began = 0.0
        self._tail = b""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # pyright: ignore[reportAttributeAccessIssue]
        self._ask()

    def _ask(self) -> None:
        assert self._transport is not None
        self._left -= 1
        self._tail = b""
        self._began = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        now = time.monotonic_ns()
        self._tail = (self._tail + body)[-200:] if not body.startswith(b"data: {") else body[-200:]
        at = body.find(b'"content":"')
        while at >= 0:
            end = body.find(b" ", at)
            word = body[at + 11 : end]
            if word.isdigit():
                self._seen.words += 1
                self._seen.lags.append((now - int(word)) / 1e9)
            at = body.find(b'"content":"', end)

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if status != 200:
            self._seen.errors.append(f"status {status}: {self._tail[:100]!r}")
        self._seen.ended += b"[DONE]" in self._tail
        self._seen.latencies.append(time.perf_counter() - self._began)
        if self._left > 0:
            asyncio.get_running_loop().call_soon(self._ask)
        elif not self.done.done():
            self.done.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self._seen.errors.append(f"connection lost ({exc})")
            self.done.set_result(None)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


async def load(port: int, request: bytes, lines: int, times: int) -> Seen:
    """``lines`` connections with ``times`` requests each, one after another on each."""
    seen, loop = Seen(), asyncio.get_running_loop()
    made: list[_Line] = []
    for _ in range(lines):
        _, line = await loop.create_connection(lambda: _Line(request, times, seen), "127.0.0.1", port)
        made.append(line)
    await asyncio.gather(*(line.done for line in made))
    for line in made:
        line.close()
    return seen


def chat_request(port: int, key: str, **more: object) -> bytes:
    """A chat as the OpenAI SDK would send it."""
    body = {"messages": [{"role": "user", "content": "How deep is the harbour? " * 20}], "model": "m", "temperature": 0.3, **more}
    content = json.dumps(body, separators=(",", ":")).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\naccept: application/json\r\nuser-agent: OpenAI/Python 2.0\r\n"
        f"authorization: Bearer {key}\r\ncontent-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


# What a process costs


def cpu_s(pids: Sequence[int]) -> float:
    """CPU seconds of processes so far, to the nanosecond."""
    return sum(int(f.read_text().split()[0]) for pid in pids for f in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


def rss_mb(pids: Sequence[int]) -> float:
    kib = sum(
        int(line.split()[1]) for pid in pids for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS")
    )
    return round(kib * 1024 / 1e6, 1)


def family(pid: int) -> list[int]:
    """A process and its children."""
    found = [pid]
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, children.read_text().split()):
            found += family(child)
    return found


if __name__ == "__main__":
    import uvloop

    uvloop.run(serve(int(sys.argv[1])))
