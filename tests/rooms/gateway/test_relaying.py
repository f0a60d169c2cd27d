"""Requests and answers on their way through a real gateway over real sockets."""

from __future__ import annotations

import json
import time
from contextlib import closing

import openai
import pytest

from moorage.gateway.config import ModelEntry, Replica
from moorage.testing.backend import DONE, Play, backend, chat_reply, chat_stream, delta, finish, json_reply, reply, stream, usage
from tests.builders.gateways import MESSAGES, entry, gateway


def test_the_models_are_listed_with_their_other_names() -> None:
    with backend() as server, gateway(entry(server, name="qwen", aliases=("gpt-4",))) as client:
        listed = client.get("/v1/models").json()
        one = client.get("/v1/models/gpt-4").json()

    assert [(m["id"], m["object"], m["owned_by"]) for m in listed["data"]] == [("qwen", "model", "moorage"), ("gpt-4", "model", "moorage")]
    assert (one["id"], one["root"], type(one["created"])) == ("gpt-4", "qwen", int)


def test_a_chat_is_relayed_byte_for_byte_both_ways() -> None:
    body = b'{ "messages":[{"role":"user","content":"\\u4f60\xe5\xa5\xbd"}],"model" : "m", "x_unknown": {"a":[1,2.50]} }'
    answer = b'{"id": "c",  "choices":[{"message":{"content":"ok"}}], "vendor": {"k": 1.0}}'
    with backend(reply(answer, headers={"content-type": "application/json"})) as server, gateway(entry(server)) as client:
        got = client.post("/v1/chat/completions", body)

    assert (got.status, got.body) == (200, answer)
    assert server.requests[0].body == body
    assert server.requests[0].path == "/v1/chat/completions"


def test_the_server_is_asked_by_the_name_and_the_key_it_knows() -> None:
    with backend() as server:
        replica = Replica(server.url, key="server-secret", model="Qwen/你")
        with gateway(ModelEntry("m", (replica,), aliases=("gpt-4",))) as client:
            client.chat("gpt-4", {"authorization": "Bearer client-secret", "x-request-id": "r1", "traceparent": "00-1-2-03"})

    asked = server.requests[0]
    assert asked.json() == {"messages": MESSAGES, "model": "Qwen/你"}
    assert asked.headers["authorization"] == "Bearer server-secret"
    assert (asked.headers["x-request-id"], asked.headers["traceparent"]) == ("r1", "00-1-2-03")
    assert "client-secret" not in str(asked)


def test_an_answer_says_its_number_and_how_long_it_took() -> None:
    with backend() as server, gateway(entry(server)) as client:
        given = client.chat(headers={"x-request-id": "mine"})
        made = client.chat()

    assert given.headers["x-request-id"] == "mine"
    assert made.headers["x-request-id"].startswith("req-")
    assert {part.split(";")[0].strip() for part in made.headers["server-timing"].split(",")} == {"queue", "gateway", "server"}


def test_a_stream_is_relayed_as_it_comes() -> None:
    parts = [delta("Hel"), delta("lo"), finish(), DONE]
    with backend(stream(parts, between_s=0.02)) as server, gateway(entry(server)) as client:
        got = client.chat(stream=True)

    assert (got.status, got.headers["content-type"], got.body) == (200, "text/event-stream; charset=utf-8", b"".join(parts))


@pytest.mark.parametrize("size", [1, 2, 7, 50])
def test_a_stream_in_odd_pieces_arrives_the_same(size: int) -> None:
    data = delta("你好") + delta("x", reasoning="r").replace(b"\n", b"\r\n") + finish() + DONE
    pieces = [data[i : i + size] for i in range(0, len(data), size)]
    with backend(stream(pieces)) as server, gateway(entry(server)) as client:
        got = client.chat(stream=True)

    assert got.body == delta("你好") + delta("x", reasoning="r", reasoning_content="r") + finish() + DONE


def test_the_server_is_always_asked_for_the_tokens_and_the_client_gets_them_when_it_asked() -> None:
    with backend(chat_stream("a")) as server, gateway(entry(server)) as client:
        plain = client.chat(stream=True)
        asked = client.chat(stream=True, stream_options={"include_usage": True})

    assert [r.json()["stream_options"] for r in server.requests] == [{"include_usage": True}] * 2
    assert plain.body == delta("a") + finish() + DONE
    assert asked.body == delta("a") + finish() + usage() + DONE


def test_the_official_client_works() -> None:
    with backend(chat_stream("Hel", "lo")) as server, gateway(entry(server)) as client:
        server.answer_once(chat_reply("Hello", reasoning_content="why"))
        with openai.OpenAI(base_url=f"{client.url}/v1", api_key="k", max_retries=0) as sdk:
            whole = sdk.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}])
            parts = [*sdk.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}], stream=True)]
            models = [model.id for model in sdk.models.list()]

    assert whole.choices[0].message.content == "Hello"
    assert whole.choices[0].message.model_extra == {"reasoning_content": "why", "reasoning": "why"}
    assert "".join(p.choices[0].delta.content or "" for p in parts) == "Hello"
    assert models == ["m"]


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/v1/completions", "/v1/completions"),
        ("/v1/score", "/v1/score"),
        ("/v1/tokenize", "/tokenize"),
        ("/detokenize", "/detokenize"),
        ("/v1/images/generations", "/v1/images/generations"),
        ("//v1/score/", "/v1/score"),
        ("/score", "/v1/score"),
    ],
)
def test_every_endpoint_with_a_json_body_is_relayed(path: str, asked: str) -> None:
    with backend(json_reply({"ok": [1]})) as server, gateway(entry(server)) as client:
        got = client.post(path, {"model": "m", "prompt": "x", "input": "x"})

    assert (got.status, got.json()) == (200, {"ok": [1]})
    assert server.requests[0].path == asked


def form(model: str = "alias", boundary: str = "xyz") -> bytes:
    file = b"RIFF\r\n--xy not the end\r\n\x00\xff"
    return (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.mp3"\r\nContent-Type: audio/mpeg\r\n\r\n'.encode()
        + file
        + f'\r\n--{boundary}\r\nContent-Disposition: form-data; name="model"\r\n\r\n{model}\r\n--{boundary}--\r\n'.encode()
    )


@pytest.mark.parametrize("path", ["/v1/audio/transcriptions", "/v1/audio/translations", "/v1/images/edits"])
def test_a_form_with_a_file_is_relayed_with_the_name_the_server_knows(path: str) -> None:
    with backend(json_reply({"text": "hi"})) as server, gateway(entry(server, aliases=("alias",))) as client:
        got = client.post(path, form(), {"content-type": "multipart/form-data; boundary=xyz"})

    assert got.json() == {"text": "hi"}
    assert server.requests[0].body == form("m")
    assert server.requests[0].headers["content-type"] == "multipart/form-data; boundary=xyz"


def test_speech_comes_back_as_the_server_made_it() -> None:
    sound = bytes(range(256)) * 500
    with backend(reply(sound, headers={"content-type": "audio/mpeg"})) as server, gateway(entry(server)) as client:
        got = client.post("/v1/audio/speech", {"model": "m", "input": "Test."})

    assert (got.headers["content-type"], got.body) == ("audio/mpeg", sound)


def test_typed_events_of_other_apis_pass_untouched() -> None:
    data = b'event: response.created\r\ndata: {}\r\n\r\nevent: x\ndata: {"type": "response.completed"}\n\n'
    with backend(stream([data])) as server, gateway(entry(server), conversions={}) as client:
        got = client.post("/v1/responses", {"model": "m", "input": "x", "stream": True})

    assert got.body == data


def test_defaults_are_added_and_bounds_are_kept() -> None:
    limits = {"bounds": {"max_tokens": (1, 100)}, "defaults": {"temperature": 0.5, "max_tokens": 64}}
    with backend() as server, gateway(entry(server, **limits)) as client:
        client.chat()
        client.chat(temperature=1, max_completion_tokens=10)
        over = client.chat(max_tokens=101)

    first, second = (asked.json() for asked in server.requests)
    assert (first["temperature"], first["max_tokens"]) == (0.5, 64)
    assert (second["temperature"], second["max_completion_tokens"], "max_tokens" in second) == (1, 10, False)
    assert (over.status, over.error["param"]) == (400, "max_tokens")


def test_connections_to_a_server_are_kept_and_replaced_unseen_when_it_closed_them() -> None:
    with backend() as server, gateway(entry(server)) as client:
        for _ in range(3):
            assert client.chat().status == 200
        assert server.connections == 1
        server.answer_once(chat_reply(), json_reply({"choices": []}, ending="close"))
        client.chat()
        client.chat()
        assert client.chat().status == 200

    assert len(server.requests) == 6


def test_a_stream_leaves_its_connection_fit_for_the_next_request() -> None:
    with backend(chat_stream("a")) as server, gateway(entry(server)) as client:
        for _ in range(3):
            client.chat(stream=True)
            time.sleep(0.05)  # the end of HTTP's own follows the answer's

    assert server.connections == 1


def test_the_state_of_the_models_is_shown() -> None:
    with backend() as server, gateway(entry(server)) as client:
        state = client.get("/health").json()

    assert state == {"status": "ok", "models": {"m": {"servers": 1, "ready": 1, "running": 0, "waiting": 0}}}


ODD_BUT_RIGHT = {
    "no length, until it closes": Play((b'HTTP/1.0 200 OK\r\n\r\n{"ok":', b"1}"), ending="close"),
    "an interim answer first": Play((b'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n{"ok":1}',)),
    "more than it announced": Play((b'HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n{"ok":1}and something else',)),
    "byte by byte": Play([bytes([b]) for b in b'HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n{"ok":1}']),
    "it wants to close": json_reply({"ok": 1}, headers={"connection": "close"}, ending="close"),
}


@pytest.mark.parametrize("name", ODD_BUT_RIGHT)
def test_servers_that_speak_http_in_their_own_way_are_understood(name: str) -> None:
    with backend(ODD_BUT_RIGHT[name]) as server, gateway(entry(server)) as client:
        for _ in range(3):
            got = client.chat()
            assert (got.status, got.json()) == (200, {"ok": 1})


@pytest.mark.parametrize("kind", ["text/event-stream", "Text/Event-Stream; charset=UTF-8"])
def test_a_stream_is_told_by_its_type_in_any_writing(kind: str) -> None:
    with backend(stream([delta("a"), finish(), DONE], headers={"content-type": kind})) as server, gateway(entry(server)) as client:
        assert client.chat(stream=True).body == delta("a") + finish() + DONE


@pytest.mark.parametrize("head", [b"HTTP/1.0\r\n", b"HTTP/1.1\r\nhost: x\r\nconnection: close\r\n"])
def test_clients_of_any_age_are_served(head: bytes) -> None:
    body = json.dumps({"model": "m", "messages": MESSAGES}).encode()
    with backend() as server, gateway(entry(server)) as client, closing(client.open()) as line:
        line.connect()
        line.sock.sendall(b"POST /v1/chat/completions %bcontent-length: %d\r\n\r\n%b" % (head, len(body), body))
        got = b""
        while piece := line.sock.recv(65536):
            got += piece

    assert got.startswith(b"HTTP/1.1 200 OK")
    assert json.loads(got.split(b"\r\n\r\n", 1)[1])["choices"]


def test_a_large_answer_arrives_whole_at_a_slow_reader() -> None:
    big = json.dumps({"data": "x" * 5_000_000}).encode()
    with backend(reply(big, headers={"content-type": "application/json"})) as server, gateway(entry(server)) as client:
        assert client.post("/v1/score", {"model": "m", "text_1": "x", "text_2": "y"}).body == big
