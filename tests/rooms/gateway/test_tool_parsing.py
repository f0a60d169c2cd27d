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
from tests.builders.model_files import gguf

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
    with backend(completion(' "tide", "arguments": {}}\n</tool_call>')) as server, gateway(entry(server, template, "sglang")) as client:
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


SEVERAL: Any = [TOOL, {"type": "function", "function": {"name": "moon", "parameters": {"type": "object"}}}]


@pytest.mark.parametrize(
    ("fields", "must_call"),
    [
        ({"tool_choice": "required"}, True),
        ({"tool_choice": {"type": "function", "function": {"name": "tide"}}}, True),
        ({"tools": [{"type": "function", "function": {**TOOL["function"], "strict": True}}]}, False),
    ],
)
def test_an_engine_that_takes_structural_tags_is_held_to_the_tools(template: str, fields: dict[str, object], must_call: bool) -> None:
    with backend(completion(SAID)) as server, gateway(entry(server, template)) as client:
        got = client.post("/v1/chat/completions", {**ASKS, "tools": SEVERAL, **fields}).json()

    asked = server.requests[0].json()
    tag = json.loads(asked["structured_outputs"]["structural_tag"])  # type: ignore[index]
    assert (tag["type"], tag["format"]["at_least_one"]) == ("structural_tag", must_call)
    assert str(asked["prompt"]).endswith("<|im_start|>assistant\n")  # the tag makes it call; nothing is written for it
    assert len(got["choices"][0]["message"]["tool_calls"]) == 2


@pytest.mark.parametrize(("kind", "version", "fields"), [("vllm", "0.9.2", {}), ("llamacpp", "", {}), ("vllm", "", {"guided_regex": "a"})])
def test_for_other_engines_the_call_is_begun(template: str, kind: str, version: str, fields: dict[str, object]) -> None:
    with backend(completion(' "tide", "arguments": {}}\n</tool_call>')) as server:
        model = ModelEntry("m", (Replica(server.url, kind=kind, version=version),), tool_parsing="gateway", template=template)
        with gateway(model) as client:
            got = client.post("/v1/chat/completions", {**ASKS, "tool_choice": "required", **fields}).json()

    assert "<tool_call>" in str(server.requests[0].json()["prompt"]).rsplit("assistant", 1)[1]
    assert "structural_tag" not in str(server.requests[0].json().get("structured_outputs"))
    assert [c["function"]["name"] for c in got["choices"][0]["message"]["tool_calls"]] == ["tide"]


def test_a_model_that_may_call_is_not_constrained(template: str) -> None:
    with backend(completion("No.")) as server, gateway(entry(server, template)) as client:
        client.post("/v1/chat/completions", ASKS)

    assert "structured_outputs" not in server.requests[0].json()


def test_the_template_inside_a_gguf_file_is_found(tmp_path: Path) -> None:
    file = gguf(tmp_path / "model-Q4_K_M.gguf", {"general.architecture": "qwen3", "tokenizer.chat_template": TEMPLATE})
    with backend(completion(SAID)) as server:
        for place in (str(file), str(tmp_path)):
            with gateway(entry(server, place, kind="llamacpp")) as client:
                got = sdk(client).chat.completions.create(**ASKS)
            assert len(got.choices[0].message.tool_calls or []) == 2

    assert "<|im_start|>user\nWhen?" in str(server.requests[0].json()["prompt"])


QWEN_XML = "<tool_call>\n<function=tide>\n<parameter=at>\n六点\n</parameter>\n</function>\n</tool_call>"


def test_a_model_without_a_template_at_hand_is_told_and_read_in_the_format_that_is_named() -> None:
    call = {"id": "a", "type": "function", "function": {"name": "tide", "arguments": '{"at": "noon"}'}}
    turns = [
        *ASKS["messages"],
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "a", "content": "5"},
    ]
    with backend(chat_reply(QWEN_XML)) as server:
        model = ModelEntry("m", (Replica(server.url, kind="ollama"),), tool_parsing="gateway", tool_format="qwen3_xml")
        with gateway(model) as client:
            got = sdk(client).chat.completions.create(**{**ASKS, "messages": turns})

    system, _, earlier, result = server.requests[0].json()["messages"]  # type: ignore[misc]
    assert "<function=sound_the_depth>" in system["content"] and "<parameter=at>\nnoon\n</parameter>" in earlier["content"]
    assert (result["role"], "5" in result["content"]) == ("user", True)
    (made,) = got.choices[0].message.tool_calls or []
    assert json.loads(made.function.arguments) == {"at": "六点"}  # type: ignore[union-attr]


def test_react_is_stopped_before_it_makes_up_a_result() -> None:
    with backend(chat_reply('Thought: hm\nAction: tide\nAction Input: {"at": "x"}')) as server:
        model = ModelEntry("m", (Replica(server.url),), tool_parsing="gateway", tool_format="react")
        with gateway(model) as client:
            got = client.post("/v1/chat/completions", {**ASKS, "stop": "END"}).json()

    assert server.requests[0].json()["stop"] == ["END", "\nObservation:", "Observation:"]
    assert got["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == "tide"


def thinking(*parts: tuple[str, str], whole: bool) -> Any:
    """An engine's own chat whose reasoning it took apart: (field, text) in turn."""
    if whole:
        fields = {name: "".join(text for key, text in parts if key == name) or None for name in ("content", "reasoning")}
        return json_reply({"choices": [{"index": 0, "message": {"role": "assistant", **fields}, "finish_reason": "stop"}], "usage": USAGE})
    chunks = [{"choices": [{"index": 0, "delta": {name: text}, "finish_reason": None}]} for name, text in parts]
    return stream([*map(block, chunks), block({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}), DONE])


def seen(client: Client, *, whole: bool) -> tuple[str, str, list[str], str]:
    """(content, reasoning, calls, warning) as a client that adds deltas up sees them."""
    got = client.post("/v1/chat/completions", {**ASKS, "stream": not whole})
    if whole:
        message = got.json()["choices"][0]["message"]
        calls = [call["function"]["name"] for call in message.get("tool_calls", [])]
        return message["content"] or "", message.get("reasoning", ""), calls, got.headers.get("x-moorage-warning", "")
    chunks = [json.loads(line[6:]) for line in got.body.decode().split("\n") if line.startswith("data: {")]
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks if chunk["choices"]]
    calls = [call["function"]["name"] for delta in deltas for call in delta.get("tool_calls", []) if "name" in call["function"]]
    warning = next((chunk["x_moorage_warning"] for chunk in chunks if "x_moorage_warning" in chunk), "")
    return "".join(d.get("content") or "" for d in deltas), "".join(d.get("reasoning") or "" for d in deltas), calls, warning


@pytest.mark.parametrize("whole", [True, False])
def test_reasoning_that_the_engine_took_apart_stays_reasoning(whole: bool) -> None:
    said = thinking(("reasoning", "So."), ("reasoning", " Yes."), ("content", "Noon."), whole=whole)
    with backend(said) as server, gateway(entry(server)) as client:
        assert seen(client, whole=whole) == ("Noon.", "So. Yes.", [], "")


@pytest.mark.parametrize("whole", [True, False])
def test_an_answer_that_the_engine_took_for_reasoning_is_the_answer_with_a_warning(whole: bool) -> None:
    with backend(thinking(("reasoning", "It is"), ("reasoning", " noon."), whole=whole)) as server, gateway(entry(server)) as client:
        assert seen(client, whole=whole) == ("It is noon.", "" if whole else "It is noon.", [], "answer_in_reasoning")


@pytest.mark.parametrize("whole", [True, False])
def test_a_call_that_the_engine_took_for_reasoning_is_a_call(whole: bool) -> None:
    said = 'Hm.\n<tool_call>\n{"name": "tide", "arguments": {}}\n</tool_call>'
    with backend(thinking(("reasoning", said), whole=whole)) as server, gateway(entry(server)) as client:
        content, reasoning, calls, _ = seen(client, whole=whole)

    assert (content, reasoning.strip(), calls) == ("", "Hm.", ["tide"])


def test_reasoning_without_an_answer_may_be_left_as_it_is() -> None:
    with backend(thinking(("reasoning", "It is noon."), whole=True)) as server:
        model = ModelEntry("m", (Replica(server.url),), tool_parsing="gateway", answer_in_reasoning="keep")
        with gateway(model) as client:
            assert seen(client, whole=True) == ("", "It is noon.", [], "")
