from __future__ import annotations

import json
from typing import Any

import pytest

from moorage.gateway.errors import GatewayRefusal
from moorage.gateway.shapes.messages import MessageStream, counted, error_body, from_chat, sse, to_chat, to_count
from tests.unit.gateway.shapes.test_responses import CALLS, TALK, USAGE, delta, end


def events(chunks: list[dict[str, object]]) -> list[Any]:
    stream = MessageStream("msg_1", "m")
    return [*stream.start(), *(event for chunk in chunks for event in stream.feed(chunk)), *stream.finish()]


def rebuilt(got: list[Any]) -> list[Any]:
    """The content as Anthropic's SDK puts it together from the events."""
    blocks: list[Any] = []
    for event in got:
        if event["type"] == "content_block_start":
            assert event["index"] == len(blocks)
            blocks.append({**event["content_block"], "json": ""})
        elif event["type"] == "content_block_delta":
            change = event["delta"]
            if change["type"] == "input_json_delta":
                blocks[event["index"]]["json"] += change["partial_json"]
            else:
                name = change["type"].removesuffix("_delta")
                blocks[event["index"]][name] += change[name]
    return [{**b, "input": json.loads(b["json"] or "{}")} if b["type"] == "tool_use" else b for b in blocks]


def test_the_events_make_the_message() -> None:
    got = events(TALK)

    assert got[0]["type"] == "message_start" and [event["type"] for event in got][-2:] == [
        "message_delta",
        "message_stop",
    ]
    assert [(b["type"], b.get("text") or b.get("thinking")) for b in rebuilt(got)] == [("thinking", "Let me see."), ("text", "Hello")]
    assert got[-2]["delta"]["stop_reason"] == "end_turn" and got[-2]["usage"]["output_tokens"] == 6


def test_calls_are_blocks_whose_input_comes_in_pieces() -> None:
    got = events(CALLS)

    assert [(b["name"], b["input"]) for b in rebuilt(got)] == [("weather", {"city": "Rome"}), ("clock", {})]
    assert got[-2]["delta"]["stop_reason"] == "tool_use"


def test_every_block_that_is_started_is_stopped_before_the_next() -> None:
    open_block = None
    for event in events([*TALK[:-2], *CALLS]):
        if event["type"] == "content_block_start":
            assert open_block is None
            open_block = event["index"]
        elif event["type"] == "content_block_stop":
            assert event["index"] == open_block
            open_block = None
    assert open_block is None


@pytest.mark.parametrize(
    ("reason", "stop"), [("stop", "end_turn"), ("length", "max_tokens"), ("tool_calls", "tool_use"), ("content_filter", "refusal")]
)
def test_the_reason_to_stop_is_said_in_anthropics_words(reason: str, stop: str) -> None:
    assert events([delta(content="x"), end(reason)])[-2]["delta"]["stop_reason"] == stop


def test_a_whole_answer_is_a_message_of_blocks() -> None:
    calls = [{"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}]
    answer = {"choices": [{"message": {"content": "Well.", "tool_calls": calls}, "finish_reason": "tool_calls"}], "usage": USAGE["usage"]}

    got = from_chat(answer, "m", "msg_1")

    assert got["content"] == [{"type": "text", "text": "Well."}, {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}}]
    assert got["stop_reason"] == "tool_use" and got["usage"] == {"input_tokens": 4, "output_tokens": 6, "cache_read_input_tokens": 0}


def test_a_conversation_becomes_chat_messages() -> None:
    messages = [
        {"role": "user", "content": "What?"},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "Look:"}, {"type": "tool_use", "id": "a", "name": "f", "input": {"城": "上海"}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": "1"}]}, {"type": "text", "text": "And?"},
                                     {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "QQ=="}}]},
    ]  # fmt: skip
    tools = [{"name": "f", "input_schema": {"type": "object"}}]
    body = {"model": "m", "max_tokens": 9, "system": [{"type": "text", "text": "Be short."}], "messages": messages, "tools": tools,
            "tool_choice": {"type": "any", "disable_parallel_tool_use": True}, "stop_sequences": ["x"]}  # fmt: skip
    chat = to_chat(body)

    got: Any = chat["messages"]
    assert [m["role"] for m in got] == ["system", "user", "assistant", "tool", "user"]
    assert json.loads(got[2]["tool_calls"][0]["function"]["arguments"]) == {"城": "上海"}
    assert got[4]["content"][1]["image_url"]["url"] == "data:image/png;base64,QQ=="
    assert chat["tool_choice"] == "required" and chat["parallel_tool_calls"] is False and chat["stop"] == ["x"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"max_tokens": None}, "max_tokens"),
        ({"messages": "x"}, "messages"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 3}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"type": "document"}]}]}, "messages[0].content"),
        ({"tools": [{"type": "bash_20250124", "name": "bash"}]}, "tools[0].type"),
        ({"model": None}, "model"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(fields: dict[str, object], param: str) -> None:
    with pytest.raises(GatewayRefusal) as refused:
        to_chat({"model": "m", "max_tokens": 5, "messages": [], **fields})
    assert refused.value.param == param
    assert json.loads(error_body(refused.value))["error"]["type"] == "invalid_request_error"


def test_an_event_is_written_with_its_name() -> None:
    assert sse({"type": "ping", "text": "城"}) == 'event: ping\ndata: {"type": "ping", "text": "城"}\n\n'.encode()


def test_a_count_asks_for_the_prompt_with_its_tools_and_no_more() -> None:
    tools = [{"name": "find", "input_schema": {"type": "object"}}]
    asked = to_count({"model": "m", "messages": [{"role": "user", "content": "hi"}], "system": "Be brief.", "tools": tools})

    assert [message["role"] for message in asked["messages"]] == ["system", "user"]
    assert asked["add_generation_prompt"] is True and len(asked["tools"]) == 1 and "max_tokens" not in asked
    assert counted({"count": 7, "tokens": []}) == 7


def test_an_engine_that_counts_nothing_is_said() -> None:
    with pytest.raises(GatewayRefusal) as refused:
        counted({"tokens": [1]})
    assert refused.value.status == 502
