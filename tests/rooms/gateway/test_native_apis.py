"""Servers that speak Responses and Messages themselves, through a real gateway; and what both APIs get of answers that stayed in the reasoning."""

from __future__ import annotations

import json
from typing import Any

import pytest

from moorage.gateway.admission import CallRecord
from moorage.gateway.config import ModelEntry, Replica
from moorage.testing.backend import DONE, Backend, backend, chat_reply, chat_stream, delta, finish, json_reply, stream
from tests.builders.gateways import MESSAGES, gateway

CREATED = b'event: response.created\ndata: {"type":"response.created"}\n\n'
COMPLETED = b'event: response.completed\ndata: {"type":"response.completed","response":{"usage":{"input_tokens":7,"output_tokens":3}}}\n\n'
ASKS = {"responses": {"model": "m", "input": "hi"}, "messages": {"model": "m", "max_tokens": 5, "messages": MESSAGES}}


def native(*servers: Backend, **more: Any) -> ModelEntry:
    return ModelEntry("m", tuple(Replica(server.url, kind="vllm") for server in servers), native=("responses", "messages"), **more)


class Notes:
    def __init__(self) -> None:
        self.records: list[CallRecord] = []

    def note(self, record: CallRecord) -> None:
        self.records.append(record)


@pytest.mark.parametrize("api", ASKS)
def test_a_server_that_speaks_the_api_is_asked_as_it_is_and_its_tokens_are_counted(api: str) -> None:
    answer, notes = {"id": "x", "odd": [1.50], "usage": {"input_tokens": 7, "output_tokens": 3}}, Notes()
    with backend(json_reply(answer)) as server, gateway(native(server), meter=notes) as client:
        got = client.post(f"/v1/{api}", ASKS[api])

    assert server.requests[0].path == f"/v1/{api}" and server.requests[0].json() == ASKS[api]
    assert got.json() == answer
    assert [(r.prompt_tokens, r.completion_tokens, r.status) for r in notes.records] == [(7, 3, 200)]


def test_typed_events_pass_and_are_counted() -> None:
    notes = Notes()
    data = CREATED + b": ping\n\n" + COMPLETED
    with (
        backend(stream([data[at : at + 11] for at in range(0, len(data), 11)])) as server,
        gateway(native(server), meter=notes) as client,
    ):
        got = client.post("/v1/responses", {**ASKS["responses"], "stream": True})

    assert got.body == data
    assert [(r.prompt_tokens, r.completion_tokens) for r in notes.records] == [(7, 3)]


@pytest.mark.parametrize(
    "bad",
    [
        stream([]),
        stream([b": ping\n\n"]),
        stream([b'event: error\ndata: {"type":"error","error":{"message":"dead"}}\n\n']),
        json_reply({}, 500),
    ],
)
def test_a_stream_that_does_not_begin_is_begun_elsewhere(bad: Any) -> None:
    with backend(bad) as first, backend(stream([CREATED, COMPLETED])) as second, gateway(native(first, second)) as client:
        while not first.requests:
            got = client.post("/v1/responses", {**ASKS["responses"], "stream": True})
            assert got.body == CREATED + COMPLETED


@pytest.mark.parametrize("ends", [True, False])
def test_a_stream_that_breaks_off_says_so(ends: bool) -> None:
    with backend(stream([CREATED, COMPLETED[:20]], is_ended=ends, ending="close")) as server, gateway(native(server)) as client:
        got = client.post("/v1/responses", {**ASKS["responses"], "stream": True})

    assert got.body.startswith(CREATED + b"event: error\ndata: {") and b"stream_interrupted" in got.body and got.body.endswith(b"\n\n")


@pytest.mark.parametrize("is_native", [True, False])
@pytest.mark.parametrize(("api", "limit"), [("responses", "max_output_tokens"), ("messages", "max_tokens")])
def test_bounds_hold_for_every_api(is_native: bool, api: str, limit: str) -> None:
    bounds = {"max_tokens": (1, 10)}
    with backend(chat_reply()) as server:
        entry = native(server, bounds=bounds) if is_native else ModelEntry("m", (Replica(server.url),), bounds=bounds)
        with gateway(entry) as client:
            got = client.post(f"/v1/{api}", {**ASKS[api], limit: 11})

    assert got.status == 400 and server.requests == []


def test_defaults_are_added_for_every_api() -> None:
    with backend(chat_reply()) as server, gateway(ModelEntry("m", (Replica(server.url),), defaults={"temperature": 0.5})) as client:
        client.post("/v1/responses", ASKS["responses"])

    assert server.requests[0].json()["temperature"] == 0.5


def thought(text: str) -> bytes:
    return delta("", reasoning=text)


def test_a_chat_without_an_answer_gets_its_reasoning_with_a_warning() -> None:
    with backend(stream([thought("It is"), thought(" noon."), finish(), DONE])) as server:
        server.answer_once(chat_reply("", reasoning_content="It is noon."))
        with gateway(ModelEntry("m", (Replica(server.url),))) as client:
            whole, streamed = client.chat(), client.chat(stream=True)

    assert whole.json()["choices"][0]["message"]["content"] == "It is noon."
    assert whole.headers["x-moorage-warning"] == "answer_in_reasoning"
    chunks = [json.loads(line[6:]) for line in streamed.body.decode().split("\n") if line.startswith("data: {")]
    assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks) == "It is noon."


def test_the_other_apis_give_it_as_text() -> None:
    with backend(stream([thought("It is noon."), finish(), DONE])) as server:
        server.answer_once(chat_reply("", reasoning_content="It is noon."))
        with gateway(ModelEntry("m", (Replica(server.url),))) as client:
            whole = client.post("/v1/messages", ASKS["messages"])
            streamed = client.post("/v1/messages", {**ASKS["messages"], "stream": True}).body.decode()

    assert [(b["type"], b.get("text")) for b in whole.json()["content"]] == [("text", "It is noon.")]
    assert whole.headers["x-moorage-warning"] == "answer_in_reasoning"
    assert '"type": "text_delta", "text": "It is noon."' in streamed


def test_it_is_left_where_the_file_says_so_and_where_there_is_an_answer() -> None:
    said = chat_reply("", reasoning_content="It is noon.")
    with backend(said) as server, gateway(ModelEntry("m", (Replica(server.url),), answer_in_reasoning="keep")) as client:
        kept = client.chat()
    with backend(chat_stream("Noon.")) as server, gateway(ModelEntry("m", (Replica(server.url),))) as client:
        plain = client.chat(stream=True)

    assert kept.json()["choices"][0]["message"]["content"] == "" and "x-moorage-warning" not in kept.headers
    assert plain.body == delta("Noon.") + finish() + DONE
