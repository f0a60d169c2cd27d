"""Clients that take one call at a time, before engines that parse calls themselves: the old ``functions``, and ``parallel_tool_calls: false``."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest

from moorage.gateway.config import ModelEntry, Replica
from moorage.testing.backend import DONE, Backend, backend, block, chat_reply, finish, stream, usage
from tests.builders.gateways import MESSAGES, Client, gateway

TOOL: Any = {"type": "function", "function": {"name": "tide", "parameters": {"type": "object"}}}
CALLS = [
    {"index": i, "id": f"c{i}", "type": "function", "function": {"name": name, "arguments": "{}"}}
    for i, name in enumerate(["tide", "moon"])
]


def on(server: Backend, kind: str) -> ModelEntry:
    return ModelEntry("m", (Replica(server.url, kind=kind),))


def piece(*calls: object) -> bytes:
    return block({"id": "c", "choices": [{"index": 0, "delta": {"tool_calls": list(calls)}, "finish_reason": None}]})


def calls_in_pieces() -> Any:
    more = {"index": 0, "function": {"arguments": '"x"}'}}
    first = {**CALLS[0], "function": {"name": "tide", "arguments": '{"at": '}}
    return stream([piece(first), piece(more), piece(CALLS[1]), piece({**more, "index": 1}), finish("tool_calls"), usage(), DONE])


def chunks(client: Client, body: object) -> list[dict[str, Any]]:
    got = client.post("/v1/chat/completions", body).body.decode()
    assert got.endswith("data: [DONE]\n\n")
    return [json.loads(line[6:]) for line in got.split("\n") if line.startswith("data: {")]


@pytest.mark.parametrize("kind", ["vllm", "ollama", "llamacpp"])
def test_functions_become_tools_and_the_call_becomes_a_function_call(kind: str) -> None:
    turns = [
        *MESSAGES,
        {"role": "assistant", "content": None, "function_call": {"name": "tide", "arguments": "{}"}},
        {"role": "function", "name": "tide", "content": "high"},
    ]
    with backend(chat_reply("", tool_calls=CALLS)) as server, gateway(on(server, kind)) as client:
        got = client.post("/v1/chat/completions", {"model": "m", "messages": turns, "functions": [TOOL["function"]]}).json()

    asked = server.requests[0].json()
    assert asked["tools"] == [TOOL] and "functions" not in asked
    _, call, result = asked["messages"]  # type: ignore[misc]
    assert call["tool_calls"][0]["id"] == result["tool_call_id"] and result["role"] == "tool" and "function_call" not in call
    message = got["choices"][0]["message"]
    assert message["function_call"] == {"name": "tide", "arguments": "{}"} and "tool_calls" not in message


def test_a_streamed_function_call_holds_the_first_call_only() -> None:
    body = {"model": "m", "messages": MESSAGES, "functions": [TOOL["function"]], "function_call": {"name": "tide"}, "stream": True}
    with backend(calls_in_pieces()) as server, gateway(on(server, "vllm")) as client:
        got = chunks(client, body)

    assert server.requests[0].json()["tool_choice"] == {"type": "function", "function": {"name": "tide"}}
    made = [choice["delta"]["function_call"] for chunk in got for choice in chunk["choices"] if "function_call" in choice["delta"]]
    assert ("".join(m.get("name", "") for m in made), "".join(m["arguments"] for m in made)) == ("tide", '{"at": "x"}')
    assert got[-1]["choices"][0]["finish_reason"] == "function_call"


@pytest.mark.parametrize("asked", [True, False])
def test_an_engine_that_cannot_stop_after_one_call_is_cut_to_it(asked: bool) -> None:
    with backend(calls_in_pieces()) as server:
        server.answer_once(chat_reply("", tool_calls=CALLS))
        with gateway(on(server, "ollama")) as client, openai.OpenAI(base_url=f"{client.url}/v1", api_key="x", max_retries=0) as sdk:
            more: Any = {"model": "m", "messages": MESSAGES, "tools": [TOOL], "parallel_tool_calls": not asked}
            whole = sdk.chat.completions.create(**more)
            streamed = list(sdk.chat.completions.create(**more, stream=True, stream_options={"include_usage": True}))

    indexes = {call.index for chunk in streamed if chunk.choices for call in chunk.choices[0].delta.tool_calls or []}
    assert (len(whole.choices[0].message.tool_calls or []), len(indexes)) == ((1, 1) if asked else (2, 2))
    assert streamed[-1].usage is not None and streamed[-1].choices == []


def test_any_compatible_server_gets_functions_as_they_are() -> None:
    body = json.dumps({"model": "m", "messages": MESSAGES, "functions": [TOOL["function"]]}).encode()
    with backend() as server, gateway(on(server, "openai")) as client:
        client.post("/v1/chat/completions", body)

    assert server.requests[0].body == body


@pytest.mark.parametrize("fields", [{"functions": "x"}, {"functions": [TOOL["function"]], "function_call": 7}])
def test_functions_that_are_none_are_refused_by_name(fields: dict[str, Any]) -> None:
    with backend() as server, gateway(on(server, "vllm")) as client:
        got = client.chat(**fields)

    assert got.status == 400 and got.error["param"] in fields and server.requests == []


@pytest.mark.parametrize(("kind", "fields", "param"), [
    ("ollama", {"tools": [TOOL], "tool_choice": "required"}, "tool_choice"),
    ("fastchat", {"tools": [TOOL]}, "tools"),
])  # fmt: skip
def test_a_choice_of_tools_that_an_engine_passes_over_is_refused(kind: str, fields: dict[str, Any], param: str) -> None:
    with backend() as server, gateway(on(server, kind)) as client:
        got = client.chat(**fields)
        none = client.chat(**{**fields, "tool_choice": "none"})

    assert got.status == 400 and got.error["param"] == param and "tool_parsing: gateway" in got.error["message"]
    assert none.status == 200 and "tools" not in server.requests[0].json()
