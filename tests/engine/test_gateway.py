"""The gateway before the real vLLM, asked by OpenAI's own client."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from moorage.gateway.config import ModelEntry, Replica
from tests.builders.gateways import Client, gateway
from tests.engine.conftest import CHAT_MODEL, EMBED_MODEL, TINY_MODELS, Servers

pytestmark = pytest.mark.engine

FACTS = "Context:\n[1] price: 42 yuan\n\n[2] city: Paris\n\nQuestion: what is price?"
MESSAGES: Any = [{"role": "system", "content": "Answer from the numbered passages."}, {"role": "user", "content": FACTS}]


@pytest.fixture(scope="module")
def door(vllm_servers: Servers) -> Iterator[Client]:
    chat, embed = (
        Replica(vllm_servers.chat_url, kind="vllm", model=CHAT_MODEL),
        Replica(vllm_servers.embed_url, kind="vllm", model=EMBED_MODEL),
    )
    entries = (
        ModelEntry("facts", (chat,), aliases=("gpt-4",)),
        ModelEntry("raw", (chat,), tool_parsing="gateway", template=str(TINY_MODELS / "trained" / "tiny-qwen3")),
        ModelEntry("own", (chat,), native=("responses", "messages")),
        ModelEntry("vectors", (embed,), task="embed"),
    )
    with gateway(*entries, settings={"connect_timeout_s": 5.0}) as client:
        yield client


@pytest.fixture(scope="module")
def sdk(door: Client) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{door.url}/v1", api_key="x", max_retries=0, timeout=120)


def test_a_chat_is_answered_whole_and_streamed_by_an_alias(sdk: openai.OpenAI) -> None:
    whole = sdk.chat.completions.create(model="gpt-4", messages=MESSAGES, max_tokens=300, temperature=0)
    chunks = list(
        sdk.chat.completions.create(
            model="facts", messages=MESSAGES, max_tokens=300, temperature=0, stream=True, stream_options={"include_usage": True}
        )
    )

    assert "42 yuan" in (whole.choices[0].message.content or "")
    assert "42 yuan" in "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert chunks[-1].choices == [] and chunks[-1].usage is not None and chunks[-1].usage.completion_tokens > 0


def test_the_raw_text_of_a_model_is_read_as_the_engine_reads_it(sdk: openai.OpenAI) -> None:
    native = sdk.chat.completions.create(model="facts", messages=MESSAGES, max_tokens=300, temperature=0)
    ours = sdk.chat.completions.create(model="raw", messages=MESSAGES, max_tokens=300, temperature=0)
    streamed = sdk.chat.completions.create(model="raw", messages=MESSAGES, max_tokens=300, temperature=0, stream=True)

    assert (ours.choices[0].message.content or "").strip() == (native.choices[0].message.content or "").strip()
    assert (
        "".join(c.choices[0].delta.content or "" for c in streamed if c.choices).strip() == (ours.choices[0].message.content or "").strip()
    )


def test_the_responses_api_is_served(sdk: openai.OpenAI) -> None:
    answer = sdk.responses.create(model="facts", instructions=MESSAGES[0]["content"], input=FACTS, max_output_tokens=300, temperature=0)

    assert "42 yuan" in answer.output_text


def test_messages_in_anthropics_shape_are_served(door: Client) -> None:
    body = {"model": "facts", "max_tokens": 300, "temperature": 0, "system": MESSAGES[0]["content"], "messages": [MESSAGES[1]]}

    answer = door.post("/v1/messages", body).json()

    assert "42 yuan" in "".join(block.get("text", "") for block in answer["content"])


def test_the_apis_that_vllm_speaks_itself_pass_through(sdk: openai.OpenAI, door: Client) -> None:
    answer = sdk.responses.create(model="own", instructions=MESSAGES[0]["content"], input=FACTS, max_output_tokens=300, temperature=0)
    with sdk.responses.stream(
        model="own", instructions=MESSAGES[0]["content"], input=FACTS, max_output_tokens=300, temperature=0
    ) as stream:
        streamed = stream.get_final_response()
    body = {"model": "own", "max_tokens": 300, "temperature": 0, "system": MESSAGES[0]["content"], "messages": [MESSAGES[1]]}
    message = door.post("/v1/messages", body)
    events = door.post("/v1/messages", {**body, "stream": True}).body

    assert "42 yuan" in answer.output_text and "42 yuan" in streamed.output_text
    assert "42 yuan" in "".join(block.get("text", "") for block in message.json()["content"])
    assert b"message_stop" in events and b"stream_interrupted" not in events


TOOLS: Any = [
    {"type": "function", "function": {"name": name, "parameters": {
        "type": "object", "properties": {"city": {"enum": ["Paris", "北京"]}}, "required": ["city"], "additionalProperties": False,
    }}}
    for name in ("weather", "tide")
]  # fmt: skip


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "tide"}}])
def test_a_model_that_never_learned_to_call_is_held_to_a_call(sdk: openai.OpenAI, choice: Any) -> None:
    asked: Any = {"model": "raw", "messages": MESSAGES, "tools": TOOLS, "tool_choice": choice, "max_tokens": 600, "temperature": 0}
    whole = sdk.chat.completions.create(**asked, parallel_tool_calls=False)
    streamed = list(sdk.chat.completions.create(**asked, parallel_tool_calls=False, stream=True))

    (call,) = whole.choices[0].message.tool_calls or []
    assert call.function.name in (["tide"] if isinstance(choice, dict) else ["tide", "weather"])
    assert json.loads(call.function.arguments)["city"] in ("Paris", "北京")
    assert whole.choices[0].finish_reason == "tool_calls"
    pieces = [made for chunk in streamed if chunk.choices for made in chunk.choices[0].delta.tool_calls or []]
    assert "".join((piece.function and piece.function.arguments) or "" for piece in pieces) == call.function.arguments


def test_vectors_are_the_same_in_every_form(sdk: openai.OpenAI, door: Client) -> None:
    coded = [row.embedding for row in sdk.embeddings.create(model="vectors", input=["price of paper", "城市"]).data]
    plain = door.post("/v1/embeddings", {"model": "vectors", "input": ["price of paper", "城市"]}).json()["data"]

    assert [one == pytest.approx(row["embedding"]) for one, row in zip(coded, plain, strict=True)] == [True, True]
    assert math.isclose(sum(x * x for x in coded[0]), 1.0, rel_tol=1e-3)


def test_documents_are_ranked_and_scored(door: Client) -> None:
    documents = ["price of paper", "weather in Paris"]
    ranked = door.post("/v1/rerank", {"model": "vectors", "query": "price of paper", "documents": documents, "top_n": None}).json()
    scored = door.post("/v1/score", {"model": "vectors", "text_1": "price of paper", "text_2": documents}).json()

    assert (
        ranked["results"][0]["index"] == 0 and 0 <= ranked["results"][1]["relevance_score"] <= ranked["results"][0]["relevance_score"] <= 1
    )
    assert len(scored["data"]) == 2


def test_a_regular_expression_holds_the_model_in_the_words_of_this_version(door: Client) -> None:
    got = door.post("/v1/chat/completions", {"model": "facts", "messages": MESSAGES, "guided_regex": "(yes|no)", "max_tokens": 300})

    assert got.status == 200, got.body
    message = got.json()["choices"][0]["message"]
    assert (message["content"] or "").strip() in ("yes", "no", "")


def test_what_the_engine_refuses_is_told_in_its_own_words(door: Client) -> None:
    got = door.post("/v1/chat/completions", {"model": "facts", "messages": [{"role": "user", "content": "word " * 5000}]})

    assert got.status == 400 and "maximum context length" in got.error["message"]
