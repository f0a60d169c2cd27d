"""HTTP as clients speak it, over real sockets, to small applications: what reaches them, what goes back, and who is not waited for."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from moorage.gateway.downstream.connection import ClientConnection
from tests.builders.gateways import served

Ask = Callable[..., Awaitable[Any]]
CLOSED = b""


async def echo(scope: dict[str, Any], receive: Ask, send: Ask) -> None:
    """Says what it was asked: path, query, body."""
    body = await read(receive)
    if body is None:
        return
    said = {
        "method": scope["method"],
        "path": scope["path"],
        "query": scope["query_string"].decode(),
        "headers": sorted(name.decode() for name, _ in scope["headers"]),
        "body": body.decode("latin-1") if len(body) < 1000 else len(body),
    }
    await answer(send, json.dumps(said).encode())


async def read(receive: Ask) -> bytes | None:
    """The body; None where the client left before its end."""
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message["body"]
        if not message["more_body"]:
            return body


async def answer(send: Ask, body: bytes, status: int = 200, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@contextmanager
def line(app: object, http_class: type[ClientConnection] = ClientConnection) -> Iterator[socket.socket]:
    """A connection to an application."""
    with served(app, http_class, lifespan="off") as port, socket.create_connection(("127.0.0.1", port), timeout=10) as made:
        yield made


def one(made: socket.socket) -> tuple[bytes, bytes]:
    """Head and body of the next answer; the body by its length."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = made.recv(1)
        assert byte, head
        head += byte
    length = next((int(row.split(b":")[1]) for row in head.split(b"\r\n") if row.startswith(b"content-length")), 0)
    body = b""
    while len(body) < length:
        body += made.recv(length - len(body))
    return head, body


def rest(made: socket.socket) -> bytes:
    """Everything up to the end of the connection."""
    got = b""
    while piece := made.recv(65536):
        got += piece
    return got


def said(made: socket.socket) -> dict[str, Any]:
    return json.loads(one(made)[1])


# What reaches the application


def test_a_request_is_read_the_same_however_it_is_cut() -> None:
    request = b"POST /a%20b?c=d&e HTTP/1.1\r\nHost: x\r\nX-One: 1\r\ncontent-length: 5\r\n\r\nhello"
    with line(echo) as made:
        made.sendall(request)
        whole = said(made)
        for byte in request:
            made.sendall(bytes([byte]))
        assert said(made) == whole

    assert whole == {"method": "POST", "path": "/a b", "query": "c=d&e", "headers": ["content-length", "host", "x-one"], "body": "hello"}


def test_a_body_in_chunks_is_put_together_and_what_follows_it_is_no_header() -> None:
    with line(echo) as made:
        made.sendall(b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nauthorization: Bearer x\r\n\r\n")
        got = said(made)

    assert (got["body"], got["headers"]) == ("abcde", ["transfer-encoding"])


def test_requests_that_come_together_are_answered_in_their_order() -> None:
    async def slow_first(scope: dict[str, Any], receive: Ask, send: Ask) -> None:
        if scope["path"] == "/0":
            await asyncio.sleep(0.1)
        await echo(scope, receive, send)

    with line(slow_first) as made:
        made.sendall(b"".join(b"POST /%d HTTP/1.1\r\ncontent-length: 1\r\n\r\n%d" % (i, i) for i in range(5)))
        assert [(got["path"], got["body"]) for got in (said(made) for _ in range(5))] == [(f"/{i}", str(i)) for i in range(5)]


def test_a_large_body_is_read_no_faster_than_it_is_taken() -> None:
    async def idle(scope: dict[str, Any], receive: Ask, send: Ask) -> None:
        await asyncio.sleep(0.5)
        await answer(send, b"%d" % len(await read(receive) or b""))

    size = 30_000_000
    with line(idle) as made:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        made.sendall(b"POST / HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % size)
        made.settimeout(0.2)
        with pytest.raises(TimeoutError):
            made.sendall(b"x" * size)


def test_who_waits_for_a_word_before_the_body_gets_it_when_the_body_is_wanted() -> None:
    with line(echo) as made:
        made.sendall(b"POST / HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n")
        assert one(made)[0] == b"HTTP/1.1 100 Continue\r\n\r\n"
        made.sendall(b"ok")
        assert said(made)["body"] == "ok"


def test_who_waits_for_a_word_and_is_refused_cannot_smuggle_a_request() -> None:
    async def refuse(scope: dict[str, Any], receive: Ask, send: Ask) -> None:
        await answer(send, b"no", 413)

    with line(refuse) as made:
        made.sendall(b"POST / HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 50\r\n\r\n")
        head, body = one(made)
        made.sendall(b"GET /next HTTP/1.1\r\n\r\n")
        assert rest(made) == CLOSED

    assert (head.split(b"\r\n")[0], body) == (b"HTTP/1.1 413 Request Entity Too Large", b"no")
    assert b"connection: close" in head


def test_javas_wish_for_http_2_is_passed_over_and_its_body_is_not_lost() -> None:
    with line(echo) as made:
        wish = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAB\r\n"
        made.sendall(b"POST /v1 HTTP/1.1\r\n" + wish + b"content-length: 4\r\n\r\nbody" + b"GET /next HTTP/1.1\r\n\r\n")
        first, second = said(made), said(made)

    assert (first["path"], first["body"], first["headers"]) == ("/v1", "body", ["content-length"])
    assert second["path"] == "/next"


def test_addresses_in_every_form_are_understood() -> None:
    with line(echo) as made:
        found: list[tuple[str, str]] = []
        for target in (b"/", b"http://host:1/a?b", b"*", b"/%E4%BD%A0", b"/a%2Fb"):
            made.sendall(b"OPTIONS %b HTTP/1.1\r\n\r\n" % target)
            got = said(made)
            found.append((got["path"], got["query"]))

    assert found == [("/", ""), ("/a", "b"), ("*", ""), ("/你", ""), ("/a/b", "")]


# What goes back


def test_an_answer_in_one_piece_gets_its_length_and_goes_out_in_one() -> None:
    with line(echo) as made:
        made.sendall(b"GET / HTTP/1.1\r\n\r\n")
        head, body = one(made)

    assert b"content-length: %d\r\n" % len(body) in head
    assert b"chunked" not in head


def test_a_stream_is_sent_in_chunks_and_to_http_1_0_until_the_end_of_the_connection() -> None:
    async def stream(scope: dict[str, Any], receive: Ask, send: Ask) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for piece in (b"a", b"", b"bc"):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"d"})

    with line(stream) as made:
        made.sendall(b"GET / HTTP/1.1\r\nconnection: close\r\n\r\n")
        assert rest(made) == (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n1\r\na\r\n2\r\nbc\r\n1\r\nd\r\n0\r\n\r\n"
        )
    with line(stream) as made:
        made.sendall(b"GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n")
        assert rest(made) == b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nabcd"


@pytest.mark.parametrize(("method", "status"), [(b"HEAD", 200), (b"GET", 204), (b"GET", 304)])
def test_an_answer_that_has_no_body_sends_none(method: bytes, status: int) -> None:
    async def app(scope: dict[str, Any], receive: Ask, send: Ask) -> None:
        await answer(send, b"body", status)

    with line(app) as made:
        made.sendall(b"%b / HTTP/1.1\r\n\r\n%b / HTTP/1.1\r\nconnection: close\r\n\r\n" % (method, method))
        heads = rest(made).split(b"\r\n\r\n")

    assert len(heads) == 3
    assert heads[2] == b""


@pytest.mark.parametrize("headers", [((b"a", b"b\r\nset-cookie: x"),), ((b"a\n", b"b"),), ((b"content-length", b"9"),)])
def test_an_answer_that_would_not_be_one_is_not_sent(headers: tuple[tuple[bytes, bytes], ...]) -> None:
    async def app(scope: dict[str, Any], receive: Ask, send: Ask) -> None:
        await answer(send, b"body", 200, headers)

    with line(app) as made:
        made.sendall(b"GET / HTTP/1.1\r\n\r\n")
        got = rest(made)

    assert got.startswith(b"HTTP/1.1 500 ")
    assert b"set-cookie" not in got


def test_an_application_that_fails_says_so_and_one_that_fails_in_the_middle_is_cut_off() -> None:
    async def app(scope: dict[str, Any], receive: Ask, send: Ask) -> None:
        if scope["path"] == "/late":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"half", "more_body": True})
        if scope["path"] != "/nothing":
            raise ValueError("told to")

    for path, starts, ends in (
        (b"/", b"HTTP/1.1 500", b"}"),
        (b"/nothing", b"HTTP/1.1 500", b"}"),
        (b"/late", b"HTTP/1.1 200", b"half\r\n"),
    ):
        with line(app) as made:
            made.sendall(b"GET %b HTTP/1.1\r\n\r\n" % path)
            got = b""
            try:
                while piece := made.recv(65536):
                    got += piece
            except ConnectionResetError:
                pass
            assert got.startswith(starts)
            assert got.endswith(ends)


def test_who_is_refused_early_sees_why_although_the_body_is_still_on_its_way() -> None:
    async def refuse(scope: dict[str, Any], receive: Ask, send: Ask) -> None:
        await answer(send, b"no", 401)

    with line(refuse) as made:
        size = 5_000_000
        made.sendall(b"POST / HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % size)
        made.sendall(b"x" * size)
        head, body = one(made)

    assert (head.split(b" ")[1], body) == (b"401", b"no")


# Who is not waited for, and who speaks no HTTP


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),  # a browser that was told https://
        (b"GET / HTTP/3.0\r\n\r\n", 400),
        (b"CONNECT a:80 HTTP/1.1\r\n\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nnot a length\r\n", 400),
        (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 30_000 + b"\r\n", 431),
        (b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n" + b"a: b\r\n" * 30_000, 431),
    ],
)
def test_what_is_no_request_is_answered_with_openais_error(sent: bytes, status: int) -> None:
    with line(echo) as made:
        made.sendall(sent)
        head, _, body = rest(made).partition(b"\r\n\r\n")

    assert head.split(b" ")[1] == b"%d" % status
    assert json.loads(body)["error"]["type"] == "invalid_request_error"


def test_nonsense_behind_a_request_does_not_spoil_its_answer() -> None:
    async def slow(scope: dict[str, Any], receive: Ask, send: Ask) -> None:
        await asyncio.sleep(0.1)
        await echo(scope, receive, send)

    with line(slow) as made:
        made.sendall(b"GET /good HTTP/1.1\r\n\r\nnonsense\r\n\r\n")
        first = said(made)
        head, body = one(made)
        assert rest(made) == CLOSED

    assert first["path"] == "/good"
    assert head.split(b" ")[1] == b"400"
    assert b"HTTP/1.1" in body


class Hasty(ClientConnection):
    HEAD_S = BODY_PAUSE_S = READ_PAUSE_S = LINGER_S = 0.15
    LOOKS_EVERY_S = 0.02


def test_a_head_that_never_ends_is_given_up_however_its_bytes_drip() -> None:
    with line(echo, Hasty) as made:
        made.sendall(b"GET / HTTP/1.1\r\n")
        began = time.monotonic()
        made.settimeout(0.03)
        got = b""
        while not got and time.monotonic() - began < 5:
            made.sendall(b"a: b\r\n")
            try:
                got = made.recv(65536)
            except TimeoutError:
                continue

    assert got.startswith(b"HTTP/1.1 408 ")


def test_a_body_that_stops_is_given_up_and_one_that_goes_on_is_not() -> None:
    with line(echo, Hasty) as made:
        made.sendall(b"POST / HTTP/1.1\r\ncontent-length: 20\r\n\r\n")
        for _ in range(10):
            time.sleep(0.05)
            made.sendall(b"ab")
        assert said(made)["body"] == "ab" * 10

        made.sendall(b"POST / HTTP/1.1\r\ncontent-length: 20\r\n\r\nab")
        with pytest.raises(ConnectionError):
            if made.recv(1) == CLOSED:
                raise ConnectionError


def test_who_takes_nothing_of_an_answer_is_left_and_the_application_hears_it() -> None:
    left: list[str] = []

    async def flood(scope: dict[str, Any], receive: Ask, send: Ask) -> None:
        await read(receive)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(2000):
            await send({"type": "http.response.body", "body": b"x" * 100_000, "more_body": True})
        left.append((await receive())["type"])

    with line(flood, Hasty) as made:
        made.sendall(b"GET / HTTP/1.1\r\n\r\n")
        ends = time.monotonic() + 5
        while not left and time.monotonic() < ends:
            time.sleep(0.01)

    assert left == ["http.disconnect"]


def test_a_connection_is_kept_while_an_answer_takes_its_time() -> None:
    async def slow(scope: dict[str, Any], receive: Ask, send: Ask) -> None:
        await asyncio.sleep(0.5)
        await echo(scope, receive, send)

    with line(slow, Hasty) as made:
        for _ in range(2):
            made.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert said(made)["path"] == "/"


def test_an_application_that_waits_for_the_end_hears_when_the_client_leaves() -> None:
    heard: list[str] = []

    async def wait(scope: dict[str, Any], receive: Ask, send: Ask) -> None:
        await read(receive)
        heard.append((await receive())["type"])

    with line(wait) as made:
        made.sendall(b"GET / HTTP/1.1\r\n\r\n")
        time.sleep(0.05)
        assert heard == []
        made.close()
        ends = time.monotonic() + 5
        while not heard and time.monotonic() < ends:
            time.sleep(0.01)

    assert heard == ["http.disconnect"]
