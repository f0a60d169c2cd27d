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
from tests.engine.conftest import CHAT_MODEL, EMBED_MODEL, RERANK_MODEL, TINY_MODELS, Servers

pytestmark = pytest.mark.engine

FACTS = "Context:\n[1] price: 42 yuan\n\n[2] city: Paris\n\nQuestion: what is price?"
MESSAGES: Any = [{"role": "system", "content": "Answer from the numbered passages."}, {"role": "user", "content": FACTS}]


@pytest.fixture(scope="module")
def door(vllm_servers: Servers) -> Iterator[Client]:
    chat, embed, rerank = (
        Replica(url, kind="vllm", model=model)
        for url, model in (
            (vllm_servers.chat_url, CHAT_MODEL),
            (vllm_servers.embed_url, EMBED_MODEL),
            (vllm_servers.rerank_url, RERANK_MODEL),
        )
    )
    entries = (
        ModelEntry("facts", (chat,), aliases=("gpt-4",)),
        ModelEntry("raw", (chat,), tool_parsing="gateway", template=str(TINY_MODELS / "trained" / "tiny-qwen3")),
        ModelEntry("own", (chat,), native=("responses", "messages")),
        ModelEntry("vectors", (embed,), task="embed"),
        ModelEntry("cut", (embed,), task="embed", defaults={"truncate_prompt_tokens": -1}),
        ModelEntry("ranks", (rerank,), task="rerank"),
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


DOCUMENTS = ["weather in Paris", "the price of paper", "paper"]


@pytest.mark.parametrize("model", ["ranks", "vectors"])
def test_documents_are_ranked_and_scored_by_a_reranker_and_by_an_embedder(door: Client, model: str) -> None:
    asked = {"model": model, "query": "price of paper", "documents": DOCUMENTS}
    for path in ("/v1/rerank", "/rerank", "/v2/rerank"):
        ranked = door.post(path, {**asked, "top_n": None}).json()["results"]
        scores = [row["relevance_score"] for row in ranked]

        assert [row["index"] for row in ranked] == [1, 2, 0], ranked
        assert all(0 <= score <= 1 for score in scores) and scores == sorted(scores, reverse=True)
    first = door.post("/v1/rerank", {**asked, "top_n": 1, "return_documents": True}).json()["results"]
    scored = door.post("/v1/score", {"model": model, "text_1": "price of paper", "text_2": DOCUMENTS}).json()["data"]

    assert [row["document"]["text"] for row in first] == [DOCUMENTS[1]]
    assert max(scored, key=lambda row: row["score"])["index"] == 1


def test_a_text_too_long_for_the_embedder_is_cut_when_asked_and_refused_otherwise(door: Client) -> None:
    asked = {"model": "vectors", "input": ["price " * 2000]}
    refused = door.post("/v1/embeddings", asked)
    cut = door.post("/v1/embeddings", {**asked, "truncate_prompt_tokens": 64})

    always = door.post("/v1/embeddings", {**asked, "model": "cut"})

    assert refused.status == 400 and "length" in refused.error["message"]
    assert cut.status == 200 and cut.json()["usage"]["prompt_tokens"] == 64
    assert always.status == 200 and always.json()["usage"]["prompt_tokens"] > 64
    assert cut.headers["x-moorage-truncated"] == always.headers["x-moorage-truncated"] == "0"


def test_texts_become_tokens_and_back(door: Client) -> None:
    tokens = door.post("/v1/tokenize", {"model": "facts", "prompt": "price: 42 yuan 价格"}).json()["tokens"]
    text = door.post("/v1/detokenize", {"model": "facts", "tokens": tokens}).json()["prompt"]
    counted = door.post("/v1/messages/count_tokens", {"model": "facts", "messages": [MESSAGES[1]], "system": "Answer."}).json()

    assert text == "price: 42 yuan 价格"
    assert counted["input_tokens"] > len(tokens)


FIND: Any = {
    "type": "function",
    "function": {
        "name": "find",
        "description": "Find something.",
        "parameters": {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]},
    },
}
ASK_TO_FIND: Any = [{"role": "user", "content": 'please find "Paris"'}]
THINKING = {"chat_template_kwargs": {"enable_thinking": True}}


@pytest.mark.parametrize("model", ["facts", "raw"])
def test_a_tool_is_called_whole_and_streamed_read_by_the_engine_and_by_the_gateway(sdk: openai.OpenAI, model: str) -> None:
    ask: Any = {"model": model, "messages": ASK_TO_FIND, "tools": [FIND], "max_tokens": 200, "temperature": 0}
    whole = sdk.chat.completions.create(**ask).choices[0]
    with sdk.chat.completions.stream(**ask) as stream:
        streamed = stream.get_final_completion().choices[0]

    for choice in (whole, streamed):
        assert choice.finish_reason == "tool_calls", choice
        (call,) = choice.message.tool_calls or []
        assert (call.function.name, json.loads(call.function.arguments)) == ("find", {"query": "Paris"}) and call.id
        assert not (choice.message.content or "").strip()


@pytest.mark.parametrize("model", ["facts", "raw"])
@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "find"}}])
def test_a_tool_that_must_be_called_is_called_and_one_that_must_not_is_not(sdk: openai.OpenAI, model: str, choice: Any) -> None:
    ask: Any = {"model": model, "messages": ASK_TO_FIND, "tools": [FIND], "max_tokens": 200, "temperature": 0}
    must = sdk.chat.completions.create(**ask, tool_choice=choice).choices[0].message
    must_not = sdk.chat.completions.create(**ask, tool_choice="none").choices[0].message

    assert must.tool_calls and json.loads(must.tool_calls[0].function.arguments) == {"query": "Paris"}
    assert not must_not.tool_calls


@pytest.mark.parametrize("model", ["facts", "raw"])
def test_the_result_of_a_tool_is_understood(sdk: openai.OpenAI, model: str) -> None:
    ask: Any = {"model": model, "tools": [FIND], "max_tokens": 200, "temperature": 0}
    first = sdk.chat.completions.create(**ask, messages=ASK_TO_FIND).choices[0].message
    result: Any = {"role": "tool", "tool_call_id": (first.tool_calls or [])[0].id, "content": "42 yuan"}

    answer = sdk.chat.completions.create(**ask, messages=[*ASK_TO_FIND, first, result]).choices[0].message

    assert "Result" in (answer.content or "") and not answer.tool_calls


@pytest.mark.parametrize("model", ["facts", "raw"])
def test_old_functions_are_called_on_an_engine_that_does_not_know_them(sdk: openai.OpenAI, model: str) -> None:
    ask: Any = {"model": model, "messages": ASK_TO_FIND, "functions": [FIND["function"]], "max_tokens": 200, "temperature": 0}
    call = sdk.chat.completions.create(**ask).choices[0].message.function_call
    deltas = [chunk.choices[0].delta.function_call for chunk in sdk.chat.completions.create(**ask, stream=True) if chunk.choices]

    assert call is not None and (call.name, json.loads(call.arguments)) == ("find", {"query": "Paris"})
    assert json.loads("".join(each.arguments or "" for each in deltas if each)) == {"query": "Paris"}


@pytest.mark.parametrize("model", ["facts", "raw"])
def test_reasoning_comes_apart_from_the_answer_under_both_names(sdk: openai.OpenAI, model: str) -> None:
    ask: Any = {"model": model, "messages": MESSAGES, "max_tokens": 300, "temperature": 0, "extra_body": THINKING}
    message: Any = sdk.chat.completions.create(**ask).choices[0].message
    deltas: Any = [chunk.choices[0].delta for chunk in sdk.chat.completions.create(**ask, stream=True) if chunk.choices]

    assert message.reasoning_content and message.reasoning == message.reasoning_content
    assert "42 yuan" in message.content and "<think>" not in message.content + message.reasoning
    for name in ("reasoning", "reasoning_content"):
        assert "".join(getattr(delta, name, None) or "" for delta in deltas).strip() == message.reasoning.strip()
    assert "".join(delta.content or "" for delta in deltas).strip() == message.content.strip()


def test_the_tokens_that_are_written_down_are_the_engines(sdk: openai.OpenAI, door: Client) -> None:
    told: list[tuple[int, int]] = []
    ask: Any = {"model": "facts", "messages": MESSAGES, "max_tokens": 50, "temperature": 0}
    usage = sdk.chat.completions.create(**ask).usage
    options: Any = {"include_usage": True}
    *_, last = sdk.chat.completions.create(**ask, stream=True, stream_options=options)
    response = sdk.responses.create(model="facts", instructions=MESSAGES[0]["content"], input=FACTS, max_output_tokens=50, temperature=0)
    for each in (usage, last.usage):
        assert each is not None
        told.append((each.prompt_tokens, each.completion_tokens))
    assert response.usage is not None
    told.append((response.usage.input_tokens, response.usage.output_tokens))

    assert len(set(told)) == 1 and told[0][0] > 20, told


def test_a_regular_expression_holds_the_model_in_the_words_of_this_version(door: Client) -> None:
    got = door.post("/v1/chat/completions", {"model": "facts", "messages": MESSAGES, "guided_regex": "(yes|no)", "max_tokens": 300})

    assert got.status == 200, got.body
    message = got.json()["choices"][0]["message"]
    assert (message["content"] or "").strip() in ("yes", "no", "")


def test_what_the_engine_refuses_is_told_in_its_own_words(door: Client) -> None:
    got = door.post("/v1/chat/completions", {"model": "facts", "messages": [{"role": "user", "content": "word " * 5000}]})

    assert got.status == 400 and "maximum context length" in got.error["message"]
