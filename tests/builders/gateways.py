"""A gateway on a loopback port over given servers, and the shortest way to ask it."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, cast
from urllib.parse import urlsplit

import uvicorn

from moorage.gateway.app import Gateway
from moorage.gateway.config import GatewayConfig, ModelEntry, Replica
from moorage.gateway.downstream.connection import ClientConnection
from moorage.testing.backend import Backend

MESSAGES = [{"role": "user", "content": "hi"}]


def entry(*servers: Backend, name: str = "m", **more: Any) -> ModelEntry:
    """A model on these servers; ``more`` are fields of the entry."""
    return ModelEntry(name, tuple(Replica(server.url) for server in servers), **more)


def config(*entries: ModelEntry, **more: Any) -> GatewayConfig:
    """Short patience, no looks at the servers' health: a test asks for what it needs."""
    return GatewayConfig(entries, **{"health_interval_s": 0, "connect_timeout_s": 1.0, "drain_timeout_s": 1.0, **more})


@dataclass(slots=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> Mapping[str, Any]:
        """The error object; fails where there is none of OpenAI's shape."""
        error = self.json()["error"]
        assert set(error) == {"message", "type", "param", "code"}, error
        return cast("Mapping[str, Any]", error)


@dataclass(slots=True)
class Client:
    """Asks a gateway over a connection of its own each time."""

    url: str
    gateway: Gateway
    headers: dict[str, str] = field(default_factory=dict)

    def open(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.url)
        return http.client.HTTPConnection(cast(str, parts.hostname), parts.port, timeout=10)

    def request(self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Reply:
        connection = self.open()
        try:
            connection.request(method, path, body, {**self.headers, **(headers or {})})
            answer = connection.getresponse()
            return Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def get(self, path: str) -> Reply:
        return self.request("GET", path)

    def post(self, path: str, body: object, headers: Mapping[str, str] | None = None) -> Reply:
        content = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        return self.request("POST", path, content, {"content-type": "application/json", **(headers or {})})

    def chat(self, model: str = "m", headers: Mapping[str, str] | None = None, **more: object) -> Reply:
        return self.post("/v1/chat/completions", {"messages": MESSAGES, "model": model, **more}, headers)

    def begin(self, path: str = "/v1/chat/completions", headers: Mapping[str, str] | None = None, **more: object) -> socket.socket:
        """Sends a request and returns the socket, unread."""
        body = json.dumps({"messages": MESSAGES, "model": "m", **more}).encode()
        parts = urlsplit(self.url)
        line = socket.create_connection((cast(str, parts.hostname), cast(int, parts.port)), timeout=10)
        extra = "".join(f"{k}: {v}\r\n" for k, v in {**self.headers, **(headers or {})}.items())
        line.sendall(f"POST {path} HTTP/1.1\r\nhost: x\r\n{extra}content-length: {len(body)}\r\n\r\n".encode() + body)
        return line


@contextmanager
def gateway(*entries: ModelEntry, settings: Mapping[str, Any] | None = None, **more: Any) -> Iterator[Client]:
    """A running gateway; ``settings`` are fields of its config, ``more`` of the Gateway."""
    with served_gateway(Gateway(config(*entries, **(settings or {})), **more)) as client:
        yield client


class _Quick(uvicorn.Server):
    """Looks for its end a hundred times a second, for tests by the hundred."""

    async def main_loop(self) -> None:
        while not self.should_exit:  # noqa: ASYNC110 - another thread says so
            await asyncio.sleep(0.01)


@contextmanager
def served_gateway(app: Gateway, http_class: type[asyncio.Protocol] = ClientConnection) -> Iterator[Client]:
    with served(app, http_class) as port:
        yield Client(f"http://127.0.0.1:{port}", app)


@contextmanager
def served(app: Any, http_class: type[asyncio.Protocol] = ClientConnection, lifespan: Literal["on", "off"] = "on") -> Iterator[int]:
    """Any ASGI callable behind the gateway's own server; gives its port."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = _Quick(
        uvicorn.Config(
            app, http=http_class, interface="asgi3", log_level="critical", lifespan=lifespan, ws="none", timeout_graceful_shutdown=1
        )
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        time.sleep(0.005)
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        listener.close()
