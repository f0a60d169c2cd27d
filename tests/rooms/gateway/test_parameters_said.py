"""What becomes of a request's parameters, through a real gateway: in the engine's words, refused by name, or named in a header. Never lost without a word."""

from __future__ import annotations

from typing import Any

import pytest

from moorage.gateway.config import ModelEntry, Replica
from moorage.testing.backend import Backend, backend, chat_reply, chat_stream, json_reply
from tests.builders.gateways import MESSAGES, gateway


def of(server: Backend, kind: str, **more: Any) -> ModelEntry:
    return ModelEntry("m", (Replica(server.url, kind=kind),), **more)


@pytest.mark.parametrize("stream", [False, True])
def test_parameters_that_an_engine_passes_over_are_named_in_the_answer(stream: bool) -> None:
    with backend(chat_stream() if stream else chat_reply()) as server, gateway(of(server, "ollama")) as client:
        got = client.chat(top_k=5, min_p=0.1, temperature=0.5, stream=stream)
        plain = client.chat(temperature=0.5, stream=stream)

    assert (got.status, got.headers["x-moorage-ignored"]) == (200, "min_p, top_k")
    assert "x-moorage-ignored" not in plain.headers
    asked = server.requests[0].json()
    assert "top_k" not in asked and "min_p" not in asked and asked["temperature"] == 0.5


def test_they_are_named_for_the_other_apis_too() -> None:
    with backend(chat_reply()) as server, gateway(of(server, "ollama")) as client:
        anthropic = client.post("/v1/messages", {"model": "m", "max_tokens": 5, "messages": MESSAGES, "top_k": 5})
        responses = client.post("/v1/responses", {"model": "m", "input": "hi", "top_k": 5})

    assert anthropic.headers["x-moorage-ignored"] == responses.headers["x-moorage-ignored"] == "top_k"


def test_the_header_is_about_the_engine_that_answered() -> None:
    with backend(json_reply({"error": {"message": "oops"}}, 500)) as bad, backend(chat_reply()) as good:
        entry = ModelEntry("m", (Replica(bad.url, kind="ollama", weight=1000), Replica(good.url, kind="sglang")))
        with gateway(entry) as client:
            got = client.chat(top_k=5)

    assert got.status == 200 and "x-moorage-ignored" not in got.headers
    assert good.requests[0].json()["top_k"] == 5


def test_a_plain_completion_is_said_in_the_engines_words_as_well() -> None:
    with backend(json_reply({"choices": []})) as server, gateway(of(server, "sglang")) as client:
        client.post("/v1/completions", {"model": "m", "prompt": "x", "guided_regex": "a+"})
        refused = client.post("/v1/completions", {"model": "m", "prompt": "x", "use_beam_search": True})

    asked = server.requests[0]
    assert asked.path == "/v1/completions" and asked.json()["regex"] == "a+" and "guided_regex" not in asked.json()
    assert refused.status == 400 and refused.error["param"] == "use_beam_search" and "sglang" in refused.error["message"]


def test_a_plain_completion_without_such_words_is_relayed_byte_for_byte() -> None:
    body = b'{ "model":"m", "prompt" : "guided n top_k","temperature":1.0 }'
    with backend(json_reply({"choices": []})) as server, gateway(of(server, "ollama")) as client:
        client.post("/v1/completions", body)

    assert server.requests[0].body == body
