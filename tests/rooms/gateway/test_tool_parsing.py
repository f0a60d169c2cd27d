"""Tools and reasoning for an engine that knows neither, through a real gateway: the prompt it gets, and what the client sees of its text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import openai
import pytest

from moorage.gateway.config import ModelEntry, Replica
from moorage.testing.backend import DONE, Backend, backend, block, chat_reply, json_reply, stream
from tests.builders.gateways import Client, gateway

TEMPLATE = """{%- if tools %}<|im_start|>system
# Tools
{%- for tool in tools %}
{{ tool | tojson }}
{%- endfor %}
For each call return <tool_call>{"name": <name>, "arguments": <arguments>}</tool_call><|im_end|>
{% endif %}
{%- for message in messages %}<|im_start|>{{ message.role }}
{{ message.content or '' }}
{%- for call in message.tool_calls or [] %}
<tool_call>
{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}
</tool_call>
{%- endfor %}<|im_end|>
{% endfor %}
{%- if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""
TOOL: Any = {"type": "function", "function": {"name": "tide", "parameters": {"type": "object", "properties": {"at": {"type": "string"}}}}}
SAID = '<think>\nTwo calls.\n</think>\n\nLooking.\n<tool_call>\n{"name": "tide", "arguments": {"at": "六点"}}\n</tool_call>\n<tool_call>\n{"name": "tide", "arguments": {"at": "noon"}}\n</tool_call>'
USAGE = {"prompt_tokens": 5, "completion_tokens": 9, "total_tokens": 14}
ASKS: Any = {"model": "m", "messages": [{"role": "user", "content": "When?"}], "tools": [TOOL], "max_tokens": 99}


@pytest.fixture
def template(tmp_path: Path) -> str:
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"chat_template": TEMPLATE, "eos_token": "<|im_end|>"}))
    return str(tmp_path)


def entry(server: Backend, template: str = "", kind: str = "vllm") -> ModelEntry:
    return ModelEntry("m", (Replica(server.url, kind=kind),), tool_parsing="gateway", template=template)


def completion(text: str, reason: str = "stop") -> Any:
    return json_reply(
        {"id": "c", "object": "text_completion", "choices": [{"index": 0, "text": text, "finish_reason": reason}], "usage": USAGE}
    )


def pieces(text: str, size: int) -> Any:
    cuts = [text[at : at + size] for at in range(0, len(text), size)]
    chunks = [{"choices": [{"index": 0, "text": cut, "finish_reason": None}]} for cut in cuts]
    ends = [{"choices": [{"index": 0, "text": "", "finish_reason": "stop"}]}, {"choices": [], "usage": USAGE}]
    return stream([*(block(chunk) for chunk in [*chunks, *ends]), DONE])


def sdk(client: Client) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{client.url}/v1", api_key="x", max_retries=0)


def test_the_prompt_is_the_models_own_and_the_answer_is_openais(template: str) -> None:
    with backend(completion(SAID)) as server, gateway(entry(server, template)) as client:
        got = sdk(client).chat.completions.create(**ASKS)

    asked = server.requests[0]
    prompt = str(asked.json()["prompt"])
    assert asked.path == "/v1/completions" and prompt.endswith("<|im_start|>assistant\n") and '"name": "tide"' in prompt
    assert asked.json()["skip_special_tokens"] is False and asked.json()["max_tokens"] == 99 and "tools" not in asked.json()
    message = got.choices[0].message
    assert [(c.function.name, json.loads(c.function.arguments)) for c in message.tool_calls or []] == [
        ("tide", {"at": "六点"}),
        ("tide", {"at": "noon"}),
    ]  # type: ignore[union-attr]
    assert message.content == "Looking." and getattr(message, "reasoning_content") == "Two calls."  # noqa: B009
    assert got.choices[0].finish_reason == "tool_calls" and got.usage is not None and got.usage.total_tokens == 14


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_a_stream_makes_the_same_message_however_it_is_cut(template: str, size: int) -> None:
    with backend(pieces(SAID, size)) as server, gateway(entry(server, template)) as client:
        chunks = list(sdk(client).chat.completions.create(**ASKS, stream=True, stream_options={"include_usage": True}))

    deltas = [c.choices[0].delta for c in chunks if c.choices]
    calls: dict[int, list[str]] = {}
    for delta in deltas:
        for call in delta.tool_calls or []:
            calls.setdefault(call.index, ["", ""])
            calls[call.index][0] += (call.function and call.function.name) or ""
            calls[call.index][1] += (call.function and call.function.arguments) or ""
    assert {index: (name, json.loads(text)) for index, (name, text) in calls.items()} == {
        0: ("tide", {"at": "六点"}),
        1: ("tide", {"at": "noon"}),
    }
    assert "".join(d.content or "" for d in deltas) == "Looking."
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "tool_calls"
    assert chunks[-1].usage is not None and chunks[-1].usage.total_tokens == 14


def test_a_call_that_is_required_is_begun_for_the_model(template: str) -> None:
    with backend(completion(' "tide", "arguments": {}}\n</tool_call>')) as server, gateway(entry(server, template)) as client:
        got = sdk(client).chat.completions.create(**ASKS, tool_choice="required")

    assert "<tool_call>" in str(server.requests[0].json()["prompt"]).rsplit("assistant", 1)[1]
    assert [c.function.name for c in got.choices[0].message.tool_calls or []] == ["tide"]  # type: ignore[union-attr]


def test_earlier_calls_and_results_are_in_the_prompt(template: str) -> None:
    call = {"id": "a", "type": "function", "function": {"name": "tide", "arguments": '{"at": "noon"}'}}
    turns = [
        *ASKS["messages"],
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "a", "content": "high"},
    ]
    with backend(completion("It is high.")) as server, gateway(entry(server, template)) as client:
        got = sdk(client).chat.completions.create(**{**ASKS, "messages": turns})

    prompt = str(server.requests[0].json()["prompt"])
    assert '{"name": "tide", "arguments": {"at": "noon"}}' in prompt and "high" in prompt
    assert got.choices[0].message.content == "It is high." and got.choices[0].finish_reason == "stop"


def test_without_a_template_the_tools_are_explained_in_a_chat() -> None:
    with backend(chat_reply(SAID)) as server, gateway(entry(server, kind="ollama")) as client:
        got = sdk(client).chat.completions.create(**ASKS)

    asked = server.requests[0]
    assert asked.path == "/v1/chat/completions" and "tools" not in asked.json()
    assert "tide" in str(asked.json()["messages"])
    assert len(got.choices[0].message.tool_calls or []) == 2


def test_the_old_functions_get_a_function_call_back(template: str) -> None:
    legacy = {"model": "m", "messages": ASKS["messages"], "functions": [TOOL["function"]]}
    with backend(completion(SAID)) as server, gateway(entry(server, template)) as client:
        message = client.post("/v1/chat/completions", legacy).json()["choices"][0]

    assert message["message"]["function_call"]["name"] == "tide" and message["finish_reason"] == "function_call"


def test_anthropics_tools_work_with_such_a_model_too(template: str) -> None:
    body = {
        "model": "m",
        "max_tokens": 99,
        "messages": ASKS["messages"],
        "tools": [{"name": "tide", "input_schema": {"type": "object"}}],
        "stream": True,
    }
    with backend(pieces(SAID, 5)) as server, gateway(entry(server, template)) as client:
        streamed = client.post("/v1/messages", body).body.decode()

    events = [json.loads(line[6:]) for line in streamed.split("\n") if line.startswith("data: ")]
    begun = [e["content_block"]["type"] for e in events if e["type"] == "content_block_start"]
    assert begun == ["thinking", "text", "tool_use", "tool_use"]
    assert next(e["delta"]["stop_reason"] for e in events if e["type"] == "message_delta") == "tool_use"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": "x"}, "tools"),
        ({"tool_choice": {"type": "function", "function": {"name": "moon"}}}, "tool_choice"),
        ({"logprobs": True}, "logprobs"),
    ],
)
def test_what_cannot_be_served_is_refused_by_name(template: str, fields: dict[str, object], param: str) -> None:
    with backend() as server, gateway(entry(server, template)) as client:
        got = client.post("/v1/chat/completions", {**ASKS, **fields})

    assert got.status == 400 and str(got.error["param"]).startswith(param) and server.requests == []


def test_an_engine_that_breaks_off_is_an_error_in_the_stream(template: str) -> None:
    with (
        backend(stream([block({"choices": [{"index": 0, "text": "Hel", "finish_reason": None}]})])) as server,
        gateway(entry(server, template)) as client,
    ):
        got = client.post("/v1/chat/completions", {**ASKS, "stream": True}).body.decode()

    assert '"content":"Hel"' in got and "stream_interrupted" in got and got.endswith("data: [DONE]\n\n")
