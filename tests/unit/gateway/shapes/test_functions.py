from __future__ import annotations

import json
from typing import Any

import pytest

from moorage.gateway.errors import GatewayRefusal
from moorage.gateway.shapes import functions
from moorage.testing.backend import DONE

WEATHER = {"name": "weather", "parameters": {"type": "object"}}
HELLO = {"role": "user", "content": "hi"}


def asked(**fields: Any) -> dict[str, Any]:
    return functions.with_tools({"model": "m", "messages": [HELLO], **fields})


def chunk(**choice: Any) -> bytes:
    return json.dumps({"id": "c", "choices": [{"index": 0, "finish_reason": None, "delta": {}, **choice}]}).encode()


def streamed(*payloads: bytes, wants_usage: bool = False) -> list[Any]:
    stream = functions.FirstCall(is_old=True, wants_usage=wants_usage)
    blocks = [stream.data(payload) for payload in payloads]
    return [json.loads(block.removeprefix(b"data: ")) for block in blocks if block]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [("auto", "auto"), ("none", "none"), ({"name": "weather"}, {"type": "function", "function": {"name": "weather"}})],
)
def test_functions_become_tools_of_which_one_is_called(choice: Any, expected: Any) -> None:
    body = asked(functions=[WEATHER], function_call=choice)

    assert body["tools"] == [{"type": "function", "function": WEATHER}] and body["tool_choice"] == expected
    assert "functions" not in body and "function_call" not in body


def test_tools_beside_functions_win() -> None:
    tools = [{"type": "function", "function": {"name": "other"}}]

    assert asked(functions=[WEATHER], tools=tools)["tools"] == tools
    assert functions.wants_function_call({"functions": [WEATHER]}) and not functions.wants_function_call(
        {"functions": [WEATHER], "tools": tools}
    )


def test_no_functions_are_no_tools() -> None:
    assert asked(functions=[]) == {"model": "m", "messages": [HELLO]}


@pytest.mark.parametrize("wrong", ["weather", {"name": "f"}, ["weather"], [None]])
def test_functions_of_a_wrong_kind_are_refused_by_name(wrong: object) -> None:
    with pytest.raises(GatewayRefusal) as refused:
        asked(functions=wrong)
    assert refused.value.param == "functions"


def test_each_result_is_joined_to_the_call_before_it() -> None:
    call, result = {"name": "weather", "arguments": "{}"}, {"role": "function", "name": "weather", "content": "dry"}
    spoken = {"role": "assistant", "content": None, "function_call": call}
    messages = asked(messages=[HELLO, spoken, result, {**spoken, "function_call": {**call, "arguments": "[]"}}, result])["messages"]

    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "assistant", "tool"]
    for said, told in ((messages[1], messages[2]), (messages[3], messages[4])):
        assert said["tool_calls"][0]["id"] == told["tool_call_id"] and told["content"] == "dry" and "function_call" not in said
    assert messages[1]["tool_calls"][0]["function"] == call


def test_whether_a_request_speaks_of_functions() -> None:
    assert functions.is_old({"functions": []}) and functions.is_old({"messages": [{"role": "function", "content": "x"}]})
    assert functions.is_old({"messages": [{"role": "assistant", "function_call": None}]})
    assert not functions.is_old({"messages": [HELLO, "odd"], "tools": []}) and not functions.is_old({"messages": "odd"})


def test_a_whole_answer_holds_one_call_under_the_old_name() -> None:
    calls = [{"id": "c1", "type": "function", "function": {"name": name, "arguments": "{}"}} for name in ("a", "b")]
    choices = [{"index": 0, "message": {"role": "assistant", "content": None, "tool_calls": calls}, "finish_reason": "tool_calls"}]

    whole = functions.first_call(json.dumps({"id": "x", "choices": choices, "usage": {"a": 1}}).encode(), is_old=True)
    (choice,) = json.loads(whole)["choices"]

    assert choice["message"] == {"role": "assistant", "content": None, "function_call": {"name": "a", "arguments": "{}"}}
    assert choice["finish_reason"] == "function_call"


def test_a_stream_holds_one_call_under_the_old_name() -> None:
    first, second = ({"tool_calls": [{"index": at, "id": "c", "function": {"name": "f", "arguments": ""}}]} for at in range(2))
    more = {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}], "content": None}
    events = streamed(
        chunk(delta={"content": "Hm. "}), chunk(delta=first), chunk(delta=more), chunk(delta=second), chunk(finish_reason="tool_calls")
    )

    deltas = [event["choices"][0]["delta"] for event in events]
    assert deltas == [
        {"content": "Hm. "},
        {"function_call": {"name": "f", "arguments": ""}},
        {"function_call": {"arguments": "{}"}, "content": None},
        {},
        {},
    ]


def test_the_reason_of_a_stream_is_told_under_the_old_name_also_alone() -> None:
    (event,) = streamed(chunk(finish_reason="tool_calls"))

    assert event["choices"][0]["finish_reason"] == "function_call"


@pytest.mark.parametrize("wants_usage", [False, True])
def test_tokens_are_told_to_who_asked(wants_usage: bool) -> None:
    alone, beside = b'{"choices":[],"usage":{"prompt_tokens":1}}', chunk(finish_reason="stop")[:-1] + b',"usage":{"prompt_tokens":1}}'
    told = [event["usage"] for event in streamed(alone, beside, wants_usage=wants_usage)]

    assert told == ([{"prompt_tokens": 1}] * 2 if wants_usage else [None])


def test_the_end_and_a_failure_are_said() -> None:
    stream = functions.FirstCall(is_old=True, wants_usage=False)

    assert stream.end() == DONE
    assert b'"stream_interrupted"' in stream.fail("cut off") and stream.fail("cut off").endswith(DONE)
    assert stream.data(b"odd") == b"data: odd\n\n"
