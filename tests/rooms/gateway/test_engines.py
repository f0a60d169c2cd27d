"""Each engine behind a real gateway, answering in its own shape: clients see one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import openai
import pytest

from moorage.gateway.admission import CallRecord
from moorage.gateway.backends import BUILT_IN
from moorage.gateway.config import ModelEntry, Replica
from moorage.testing.backend import Backend, backend, block, chat_stream, stream
from moorage.testing.engine_answers import ENGINES, EngineAnswers
from tests.builders.gateways import MESSAGES, Client, gateway


class Notes(list[CallRecord]):
    def note(self, record: CallRecord) -> None:
        self.append(record)


@contextmanager
def behind(engine: EngineAnswers) -> Iterator[tuple[Client, Backend, Notes]]:
    notes = Notes()
    with backend(engine.play) as server:
        entry = ModelEntry("m", (Replica(server.url, kind=engine.kind, version=engine.version),))
        with gateway(entry, meter=notes) as client:
            yield client, server, notes


def with_answers(field: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("name", [name for name in ENGINES if getattr(ENGINES[name], field) is not None])


def test_every_engine_has_its_answers_here() -> None:
    assert {engine.kind for engine in ENGINES.values()} == set(BUILT_IN)


@with_answers("chat")
def test_a_chat_is_whole_its_tokens_counted_and_its_reasoning_under_both_names(name: str) -> None:
    with behind(ENGINES[name]) as (client, _, notes):
        message = client.chat().json()["choices"][0]["message"]

    assert message["content"] == "Hello"
    if ENGINES[name].has_reasoning:
        assert message["reasoning"] == message["reasoning_content"] == "So."
    assert [(note.prompt_tokens, note.completion_tokens) for note in notes] == [(3, 2)]


@with_answers("blocks")
@pytest.mark.parametrize("wants_usage", [False, True])
def test_a_stream_reads_alike_for_the_strictest_client(name: str, wants_usage: bool) -> None:
    options = {"stream_options": {"include_usage": True}} if wants_usage else {}
    with behind(ENGINES[name]) as (client, _, notes):
        got = client.chat(stream=True, **options).body

    lines = [part for part in got.decode().split("\n\n") if part]
    assert all(line.startswith(("data: ", ":")) for line in lines) and "\r" not in got.decode()
    assert lines[-1] == "data: [DONE]"
    chunks = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    assert "".join(delta.get("content") or "" for delta in deltas) == "Hello"
    if ENGINES[name].has_reasoning:
        for each in ("reasoning", "reasoning_content"):
            assert "".join(delta.get(each) or "" for delta in deltas) == "So."
    assert [c["choices"][0]["finish_reason"] for c in chunks if c["choices"]][-1] == "stop"
    counted = name != "fastchat"
    assert [chunk["usage"]["total_tokens"] for chunk in chunks if not chunk["choices"]] == ([5] if wants_usage and counted else [])
    assert [(n.prompt_tokens, n.completion_tokens) for n in notes if counted] == ([(3, 2)] if counted else [])


@with_answers("vectors")
def test_vectors_come_in_order_as_floats_and_as_base64(name: str) -> None:
    with behind(ENGINES[name]) as (client, server, _), openai.OpenAI(base_url=f"{client.url}/v1", api_key="x", max_retries=0) as sdk:
        plain = client.post("/v1/embeddings", {"model": "m", "input": ["a", "b"]}).json()
        coded = sdk.embeddings.create(model="m", input=["a", "b"])

    assert [row["embedding"] for row in plain["data"]] == [row.embedding for row in coded.data] == [[1.0, 2.0], [3.0, 4.0]]
    assert {asked.path for asked in server.requests} == {"/embed" if name == "tei" else "/v1/embeddings"}


@with_answers("ranks")
def test_documents_are_ranked_best_first_with_scores_from_0_to_1(name: str) -> None:
    with behind(ENGINES[name]) as (client, server, _):
        got = client.post("/v1/rerank", {"model": "m", "query": "q", "documents": ["a", "b"], "top_n": None}).json()
        scored = client.post("/v1/score", {"model": "m", "text_1": "q", "text_2": ["a", "b"]}).json()

    assert [row["index"] for row in got["results"]] == [1, 0]
    first, second = (row["relevance_score"] for row in got["results"])
    assert 0 <= second < 0.2 < 0.8 < first <= 1
    assert [row["index"] for row in scored["data"]] == [0, 1] and scored["data"][0]["score"] < scored["data"][1]["score"]
    assert {asked.path for asked in server.requests} <= {"/rerank", "/v1/rerank", "/v1/score"}


@with_answers("tokens")
def test_a_text_is_counted_and_tokens_are_read(name: str) -> None:
    with behind(ENGINES[name]) as (client, _, _notes):
        counted = client.post("/v1/tokenize", {"model": "m", "prompt": "Hello"}).json()
        read = client.post("/detokenize", {"model": "m", "tokens": [9]})

    assert (counted["tokens"], counted["count"]) == ([9], 1)
    if ENGINES[name].text is not None:
        assert read.json() == {"prompt": "Hello"}
    else:
        assert read.status == 400 and ENGINES[name].kind in read.error["message"]


@pytest.mark.parametrize("name", ["ollama", "fastchat", "xinference"])
def test_an_engine_that_counts_no_tokens_is_named(name: str) -> None:
    with behind(ENGINES[name]) as (client, server, _):
        got = client.post("/v1/tokenize", {"model": "m", "prompt": "Hello"})

    assert got.status == 400 and name in got.error["message"] and server.requests == []


@with_answers("chat")
def test_what_the_engine_refuses_is_told_in_openais_shape_and_its_words(name: str) -> None:
    with behind(ENGINES[name]) as (client, _, notes):
        got = client.post("/v1/chat/completions", {"model": "m", "messages": [*MESSAGES, {"role": "user", "content": "too long"}]})

    assert got.status == ENGINES[name].error[0] and got.error["message"] == "too long" and got.error["type"]
    assert [note.status for note in notes] == [got.status]


def test_the_old_errors_of_fastchat_within_a_stream_are_errors() -> None:
    bad = stream([block({"text": "**NETWORK ERROR DUE TO HIGH TRAFFIC.**", "error_code": 50002})])
    with backend(bad) as first, backend(chat_stream("fine")) as second:
        entry = ModelEntry("m", (Replica(first.url, kind="fastchat"), Replica(second.url, kind="fastchat")))
        with gateway(entry) as client:
            while not first.requests:
                assert b"fine" in client.chat(stream=True).body
