"""Model servers at their worst, over real sockets: whatever one sends, the client gets a clean end, another server is asked in time, memory stays small."""

from __future__ import annotations

import gzip
import json
import zlib
from itertools import pairwise
from typing import Any

import pytest

from moorage.gateway.config import ModelEntry, Replica
from moorage.testing.backend import (
    DONE,
    Backend,
    Play,
    backend,
    block,
    chat_reply,
    chat_stream,
    delta,
    finish,
    json_reply,
    reply,
    stream,
    usage,
)
from tests.builders.gateways import Client, entry, gateway

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
EVENTS = (
    delta("你好") + b": note\n\n" + delta("x").replace(b"\n", b"\r\n") + b'data: {"choices":\ndata: []}\n\n' + finish() + usage() + DONE
)
IMPATIENT = {"first_token_timeout_s": 0.4, "answer_timeout_s": 0.4, "pause_timeout_s": 0.4}


def alive(client: Client, server: Backend) -> bool:
    server.answer(chat_reply("fine"))
    return client.chat().status == 200


def chunked(data: bytes, *cuts: int) -> list[bytes]:
    ends = sorted({0, len(data), *cuts})
    return [b"%x\r\n%b\r\n" % (end - start, data[start:end]) for start, end in pairwise(ends)]


def test_a_stream_cut_at_any_byte_is_the_same_for_the_client() -> None:
    plain = stream([EVENTS])
    with backend(plain) as server, gateway(entry(server)) as client:
        whole = client.chat(stream=True).body
        for cut in range(1, len(EVENTS), 7):
            server.answer_once(Play((HEAD + b"transfer-encoding: chunked\r\n\r\n", *chunked(EVENTS, cut), b"0\r\n\r\n"), between_s=0.0005))
            assert client.chat(stream=True).body == whole

    assert whole.endswith(DONE) and b"\r" not in whole


def test_a_stream_that_ends_at_any_byte_ends_cleanly() -> None:
    """Closed by the server, without a last chunk: before the first word that is a failure, afterwards an error in the stream."""
    data = delta("你好") + delta("x") + finish()
    with backend() as server, gateway(entry(server)) as client:
        for end in range(0, len(data), 5):
            pieces = (HEAD + b"transfer-encoding: chunked\r\n\r\n", *(chunked(data[:end]) if end else ()))
            server.answer_once(Play(pieces, ending="close"))
            got = client.chat(stream=True)
            if end < len(delta("你好")):
                assert got.status == 502 and got.error["code"] == "model_broke_off"
            else:
                assert got.body.startswith(delta("你好")) and b"stream_interrupted" in got.body and got.body.endswith(DONE)
                assert all(part.startswith(b"data: ") for part in got.body.split(b"\n\n") if part)
        assert alive(client, server)


NO_ANSWERS = {
    "a web page": reply(b"<html><body>Sign in</body></html>", headers={"content-type": "text/html"}),
    "a web page that says it is JSON": reply(b"<html>", headers={"content-type": "application/json"}),
    "half a JSON": reply(b'{"choices": [{"mess', headers={"content-type": "application/json"}),
    "JSON that is no object": reply(b'"hello"', headers={"content-type": "application/json"}),
    "a JSON too deep": reply(b'{"a":' * 100_000, headers={"content-type": "application/json"}),
    "bytes": reply(b"\xff\xfe\x00" * 100, headers={"content-type": "application/json"}),
    "nothing": reply(b""),
    "no content": Play((b"HTTP/1.1 204 No Content\r\n\r\n",)),
    "headers only, then closed": Play((b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n",), ending="close"),
    "headers only, then silence": Play((b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n",), ending="hang"),
    "half a head, then silence": Play((b"HTTP/1.1 200 OK\r\ncont",), ending="hang"),
    "closed in the middle of a chunk": Play((b'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n20\r\n{"choices":',), ending="close"),
    "a chunk that is none": Play((b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",), ending="hang"),
    "an upgrade": Play((b"HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n",), ending="hang"),
    "another protocol": Play((b"SSH-2.0-OpenSSH_9.6\r\n",), ending="hang"),
    "a redirect": Play((b"HTTP/1.1 302 Found\r\nlocation: /login\r\ncontent-length: 0\r\n\r\n",)),
    "a compression that nobody knows": reply(b"xx", headers={"content-type": "application/json", "content-encoding": "br"}),
    "a compression that breaks off": reply(gzip.compress(b'{"choices":[]}')[:-9], headers={"content-encoding": "gzip"}),
    "a compression that is broken": reply(b"\x1f\x8bxxxxxxxxxx", headers={"content-encoding": "gzip"}),
}


@pytest.mark.parametrize("name", NO_ANSWERS)
@pytest.mark.parametrize("streamed", [False, True])
def test_an_answer_that_is_none_is_an_error_of_openais_shape_and_not_seen_while_another_server_lives(name: str, streamed: bool) -> None:
    with backend(NO_ANSWERS[name]) as bad, backend(chat_stream("fine") if streamed else chat_reply("fine")) as good:
        with gateway(entry(bad), settings=IMPATIENT) as client:
            alone = client.chat(stream=streamed)
            assert alone.status in (502, 504) and alone.error["type"] == "server_error" and alone.error["code"]
            assert alive(client, bad)
        bad.answer(NO_ANSWERS[name])
        with gateway(entry(bad, good), settings=IMPATIENT) as client:
            assert {client.chat(stream=streamed).status for _ in range(2)} == {200}


RIGHT = {
    "trailers": Play((
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n", *chunked(b'{"ok":1}'),
        b"0\r\nx-sum: 1\r\ncontent-type: text/html\r\n\r\n",
    )),
    "early hints": Play((b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" * 3 + b'HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n{"ok":1}',)),
    "chunks with extensions": Play((b'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n8;a="b"\r\n{"ok":1}\r\n0\r\n\r\n',)),
    "gzip": reply(gzip.compress(b'{"ok":1}'), headers={"content-type": "application/json", "content-encoding": "gzip"}),
    "gzip byte by byte": Play((
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n",
        *(b"1\r\n%c\r\n" % byte for byte in gzip.compress(b'{"ok":1}')), b"0\r\n\r\n",
    )),
    "deflate": reply(zlib.compress(b'{"ok":1}'), headers={"content-encoding": "deflate"}),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_right_answers_in_odd_clothes_are_understood(name: str) -> None:
    with backend(RIGHT[name]) as server, gateway(entry(server)) as client:
        for _ in range(2):
            got = client.chat()
            assert (got.status, got.json()) == (200, {"ok": 1})
            assert "content-encoding" not in got.headers

    assert server.connections == 1


def test_a_compressed_stream_is_relayed_as_plain_events() -> None:
    squeeze = zlib.compressobj(wbits=31)
    pieces = [squeeze.compress(each) + squeeze.flush(zlib.Z_SYNC_FLUSH) for each in (delta("a"), delta("b"), finish(), DONE)]
    with backend(stream([*pieces, squeeze.flush()], headers={"content-encoding": "gzip"})) as server, gateway(entry(server)) as client:
        assert client.chat(stream=True).body == delta("a") + delta("b") + finish() + DONE


def grown_by(client: Client, **more: Any) -> int:
    def resident() -> int:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * 4096

    before = resident()
    client.chat(**more)
    return resident() - before


ENDLESS = {
    "a head that never ends": Play((b"HTTP/1.1 200 OK\r\nx: ", b"a" * 65536), endless=True),
    "many headers": Play((b"HTTP/1.1 200 OK\r\n", b"x: y\r\n" * 5000), endless=True),
    "interim answers": Play((b"HTTP/1.1 100 Continue\r\n\r\n" * 1000,), endless=True),
    "trailers": Play((b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx: ", b"a" * 65536), endless=True),
    "the extension of a chunk": Play((b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5;", b"a" * 65536), endless=True),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_what_never_ends_is_given_up_in_little_memory(name: str) -> None:
    with backend(ENDLESS[name]) as server, gateway(entry(server), settings={"answer_timeout_s": 20.0}) as client:
        got = client.chat()
        assert got.status == 502 and got.error["code"] == "model_answer_invalid"
        assert grown_by(client) < 30_000_000
        assert alive(client, server)


@pytest.mark.parametrize("begun", [b"", delta("a")])
def test_an_endless_line_of_a_stream_is_given_up_in_little_memory(begun: bytes) -> None:
    line = b"10000\r\n%b\r\n" % (b"x" * 65536)
    play = Play((HEAD + b"transfer-encoding: chunked\r\n\r\n", *(chunked(begun) if begun else ()), b"6\r\ndata: \r\n", line), endless=True)
    with backend(play) as server, gateway(entry(server)) as client:
        got = client.chat(stream=True)
        assert (got.status, b"stream_interrupted" in got.body) == ((200, True) if begun else (502, False))
        assert grown_by(client, stream=True) < 80_000_000
        assert alive(client, server)


def test_a_bomb_is_given_up() -> None:
    bomb = zlib.compressobj(wbits=31)
    data = b"".join([bomb.compress(b" " * 2**20) for _ in range(70)]) + bomb.flush()
    with backend(reply(data, headers={"content-encoding": "gzip"})) as server, gateway(entry(server)) as client:
        assert client.chat().status == 502


def test_comments_without_a_word_are_silence() -> None:
    ping = Play((HEAD + b"transfer-encoding: chunked\r\n\r\n", b"8\r\n: ping\n\n\r\n"), endless=True, between_s=0.01)
    with backend(ping) as bad, backend(chat_stream("fine")) as good, gateway(entry(bad, good), settings=IMPATIENT) as client:
        while not bad.requests:
            assert client.chat(stream=True).body.startswith(delta("fine"))


def test_a_mark_of_the_byte_order_does_not_swallow_the_first_word() -> None:
    with backend(stream([b"\xef\xbb\xbf" + delta("a"), finish(), DONE])) as server, gateway(entry(server)) as client:
        assert client.chat(stream=True).body == delta("a") + finish() + DONE


def test_a_kept_connection_that_was_closed_in_idleness_is_replaced_unseen() -> None:
    with backend() as server, gateway(entry(server)) as client:
        for ending in ("close", "reset", "close"):
            server.answer_once(Play(chat_reply().pieces, ending=ending))
            assert client.chat().status == 200
            assert client.chat().status == 200


def test_large_bodies_reach_the_server_whole() -> None:
    text = "图" * 16_000_000  # 48 MB
    with backend() as server, gateway(entry(server)) as client:
        got = client.chat(note=text)

    assert got.status == 200
    assert len(server.requests[0].body) > 48_000_000 and json.loads(server.requests[0].body)["note"] == text


def test_a_server_that_refuses_a_large_body_before_it_is_read_is_believed() -> None:
    refusal = json_reply({"error": {"message": "too large", "type": "invalid_request_error", "param": None, "code": None}}, 413)
    with backend(refusal) as server, gateway(entry(server)) as client:
        got = client.chat(note="x" * 5_000_000)

    assert got.status == 413 and got.error["message"] == "too large"


def test_two_calls_of_different_models_on_one_server_do_not_mix() -> None:
    def told(asked: object) -> Play:
        return json_reply({"choices": [], "said": asked.json()["model"]})  # type: ignore[attr-defined]

    with backend(told) as server:
        entries = [ModelEntry(name, (Replica(server.url, model=f"{name}!"),)) for name in ("a", "b")]
        with gateway(*entries) as client:
            assert [client.chat(name).json()["said"] for name in ("a", "b", "a")] == ["a!", "b!", "a!"]


def test_a_chunk_without_choices_reaches_the_client_with_an_empty_list_of_them() -> None:
    odd = {"id": "x", "prompt_filter_results": []}
    with backend(stream([block(odd), delta("a"), finish(), DONE])) as server, gateway(entry(server)) as client:
        first, rest = client.chat(stream=True).body.split(b"\n\n", 1)

    assert json.loads(first.removeprefix(b"data: ")) == {**odd, "choices": []}
    assert rest == delta("a") + finish() + DONE
