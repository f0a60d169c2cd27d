"""Bad input over real sockets: ``moorage up`` and ``moorage gateway`` say the same, in OpenAI's shape, and go on."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from moorage.gateway.visitors import Visitors
from moorage.testing.backend import Backend, backend
from moorage.web.gateway_pages import gateway_page
from moorage.wiring import load, open_gateway, open_home
from tests.builders.serving import served, served_home

LIMIT = 1_000_000
HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
GOOD = b'{"model": "m", "messages": [{"role": "user", "content": "hi"}]}'


@dataclass(frozen=True)
class Said:
    """What came back: the status, the headers, the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def error(self) -> tuple[object, ...]:
        """Its parts; fails where it is not of OpenAI's shape. What differs from request to request is left out."""
        error = json.loads(self.body)["error"]
        assert set(error) == {"message", "type", "param", "code"}
        return (self.status, re.sub(r"Known models: .*", "", error["message"]), error["type"], error["param"], error["code"])


@dataclass(frozen=True)
class Both:
    """The same models behind both doors."""

    up: str
    alone: str
    server: Backend

    def send(self, request: bytes) -> Said:
        """Asks both, checks that they agree, and that both still answer."""
        answers = [send(url, request) for url in (self.up, self.alone)]
        assert answers[0].status == answers[1].status, answers
        if answers[0].status >= 400 and answers[0].body:
            assert answers[0].error == answers[1].error
        for url in (self.up, self.alone):
            assert send(url, post(GOOD)).status == 200
        return answers[0]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    folder = tmp_path_factory.mktemp("doors")
    file = folder / "moorage.yaml"
    with backend() as server:
        settings = {"health_interval": 0, "max_request_bytes": LIMIT}
        file.write_text(json.dumps({"models": {"m": server.url}, "gateway": settings}), encoding="utf-8")
        resolved, stack = load({}, file)
        with (
            open_home(folder / "data", config=file) as home,
            served_home(home, stack, is_loopback=True) as up,
            open_gateway(resolved, stack, needs_key=False, visitors=Visitors(is_loopback=True), pages=gateway_page) as (gateway, _),
            served(gateway) as alone,
        ):
            yield Both(up, alone, server)


def post(body: bytes, path: str = "/v1/chat/completions") -> bytes:
    return HEAD.replace(b"/v1/chat/completions", path.encode()) + b"content-length: %d\r\n\r\n%b" % (len(body), body)


def bare(method: str, path: str) -> bytes:
    return f"{method} {path} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode()


def send(url: str, request: bytes) -> Said:
    parts = urlsplit(url)
    with socket.create_connection((str(parts.hostname), int(parts.port or 0)), timeout=30) as line:
        with suppress(BrokenPipeError, ConnectionResetError):  # the answer may be there before the last byte of the question
            line.sendall(request)
        return _read(line, is_head=request.startswith(b"HEAD"))


def _read(line: socket.socket, is_head: bool) -> Said:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = line.recv(65536)
        assert piece, "the connection was closed without an answer"
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    first, *rows = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (row.partition(":") for row in rows)}
    while not is_head and len(body) < int(headers.get("content-length", 0)):
        body += line.recv(65536)
    return Said(int(first.split()[1]), headers, body)


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        (b"", 400, None),
        (b"{", 400, None),
        (b"[]", 400, None),
        (b"null", 400, None),
        (b"\xff\xfe", 400, None),
        (b'{"messages": []}', 400, "model"),
        (b'{"model": null, "messages": [1]}', 400, "model"),
        (b'{"model": ["m"], "messages": [1]}', 400, "model"),
        (b'{"model": "m", "messages": []}', 400, "messages"),
        (b'{"model": "m", "messages": {}}', 400, "messages"),
        (b'{"model": "m", "messages": [1], "stream": 1}', 400, "stream"),
        (b'{"model": "m", "messages": [1], "max_tokens": "many"}', 400, "max_tokens"),
        (b'{"model": "nothing", "messages": [1]}', 404, "model"),
        (b'{"model": "' + "模型".encode() * 5000 + b'", "messages": [1]}', 404, "model"),
        (b'{"model": "\\ud800", "messages": [1]}', 400, None),
        (b"[" * 500_000, 400, None),
        (b'{"a":' * 150_000, 400, None),
        (b'{"model": "m", "messages": [1], "x": ' + b"9" * 400_000 + b"}", 200, None),
    ],
)
def test_a_wrong_body(both: Both, body: bytes, status: int, param: str | None) -> None:
    said = both.send(post(body))

    assert said.status == status
    if status >= 400:
        assert said.error[3] == param


def test_a_body_that_is_too_large_told_and_untold(both: Both) -> None:
    told = both.send(HEAD + b"content-length: 52428800\r\n\r\n")  # not a byte of it is waited for
    untold = both.send(
        HEAD
        + b"transfer-encoding: chunked\r\n\r\n"
        + b"10000\r\n"
        + b"x" * 0x10000
        + b"\r\n"
        + (b"40000\r\n" + b"x" * 0x40000 + b"\r\n") * 4
    )

    assert told.error[0] == untold.error[0] == 413
    assert told.error[4] == untold.error[4] == "request_too_large"


def test_a_body_in_chunks_without_a_length(both: Both) -> None:
    chunks = b"".join(b"1\r\n%c\r\n" % letter for letter in GOOD)

    assert both.send(HEAD + b"transfer-encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n").status == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/nothing", 404),
        ("POST", "/v1/nothing/at/all", 404),
        ("GET", "/v1", 404),
        ("GET", "/v1/", 404),
        ("GET", "/v1/models/none", 404),
        ("GET", "/v1/models/%2e%2e%2fetc", 404),
        ("GET", "/v1/chat/completions", 405),
        ("DELETE", "/v1/models", 405),
        ("PUT", "/rerank", 405),
        ("OPTIONS", "/v1/chat/completions", 405),
        ("GET", "//v1//models/", 200),
        ("GET", "/v1/models", 200),
        ("GET", "/v1/models/m", 200),
        ("GET", "/health", 200),
        ("GET", "/metrics", 200),
        ("GET", "/docs", 200),
        ("GET", "/openapi.json", 200),
    ],
)
def test_addresses_and_methods(both: Both, method: str, path: str, status: int) -> None:
    said = both.send(bare(method, path))

    assert said.status == status
    assert status != 405 or said.headers["allow"]
    if method == "GET":
        head = both.send(bare("HEAD", path))
        assert (head.status, head.body, head.headers["content-type"]) == (status, b"", said.headers["content-type"])


@pytest.mark.parametrize(
    "headers", ["host: evil.example", "host: localhost\r\norigin: http://evil.example", "host: localhost\r\norigin: http://["]
)
def test_web_pages_of_others_are_refused_where_no_key_is_needed(both: Both, headers: str) -> None:
    said = both.send(f"POST /v1/chat/completions HTTP/1.1\r\n{headers}\r\ncontent-length: {len(GOOD)}\r\n\r\n".encode() + GOOD)

    assert said.error[4] in ("host_refused", "origin_refused")
    assert said.status == 403


def test_a_page_of_the_server_itself_may_ask(both: Both) -> None:
    own = b"origin: http://localhost\r\n"

    assert both.send(HEAD + own + b"content-length: %d\r\n\r\n%b" % (len(GOOD), GOOD)).status == 200


def test_the_other_apis_read_no_endless_body_either(tmp_path: Path, both: Both) -> None:
    piece = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
    said = send(both.up, b"POST /api/kb HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n" + piece * 6)

    assert said.status == 413 and b"body_too_large" in said.body
    assert send(both.up, bare("GET", "/api/kb")).status == 200
