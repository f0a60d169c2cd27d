"""The Responses API, checked with the models of OpenAI's own SDK."""

from __future__ import annotations

from typing import Any

import pytest
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from moorage.gateway.errors import GatewayRefusal
from moorage.gateway.shapes.responses import ResponseStream, from_chat, to_chat

EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


def delta(**fields: object) -> dict[str, object]:
    return {"model": "m", "choices": [{"index": 0, "delta": fields, "finish_reason": None}]}


def end(reason: str = "stop") -> dict[str, object]:
    return {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}


def call(index: int, arguments: str, name: str = "", identity: str = "") -> dict[str, object]:
    return delta(
        tool_calls=[
            {
                "index": index,
                **({"id": identity} if identity else {}),
                "function": {"arguments": arguments, **({"name": name} if name else {})},
            }
        ]
    )


USAGE = {"choices": [], "usage": {"prompt_tokens": 4, "completion_tokens": 6, "total_tokens": 10}}
TALK = [
    delta(role="assistant", content=""),
    delta(reasoning_content="Let me "),
    delta(reasoning="see."),
    delta(content="Hel"),
    delta(content="lo"),
    end(),
    USAGE,
]
CALLS = [
    call(0, "", "weather", "call_a"),
    call(0, '{"city":'),
    call(0, ' "Rome"}'),
    call(1, "{}", "clock", "call_b"),
    end("tool_calls"),
    USAGE,
]


def events(chunks: list[dict[str, object]], body: dict[str, object] | None = None) -> list[Any]:
    stream = ResponseStream("resp_1", body or {"model": "m", "input": "hi"}, created=1)
    written = [*stream.start(), *(event for chunk in chunks for event in stream.feed(chunk)), *stream.finish()]
    return [EVENT.validate_python(event) for event in written]


@pytest.mark.parametrize("chunks", [TALK, CALLS, [end()], []], ids=["talk", "calls", "empty", "nothing"])
def test_every_event_is_one_that_the_sdk_knows_and_numbers_follow_each_other(chunks: list[dict[str, object]]) -> None:
    got = events(chunks)

    assert [event.sequence_number for event in got] == list(range(len(got)))
    assert got[0].type == "response.created" and got[-1].type == "response.completed"


def test_text_is_written_in_deltas_that_make_the_whole() -> None:
    got = events(TALK)

    assert "".join(event.delta for event in got if event.type == "response.output_text.delta") == "Hello"
    assert got[-1].response.output_text == "Hello"
    assert [item.type for item in got[-1].response.output] == ["reasoning", "message"]
    assert got[-1].response.output[0].content[0].text == "Let me see."
    assert got[-1].response.usage.total_tokens == 10


def test_what_is_added_is_done_in_the_same_order() -> None:
    got = events([*TALK[:-2], *CALLS])
    added = [event.output_index for event in got if event.type == "response.output_item.added"]
    done = [event.output_index for event in got if event.type == "response.output_item.done"]

    assert added == done == [0, 1, 2, 3]


def test_calls_come_one_after_the_other_with_their_arguments() -> None:
    response = events(CALLS)[-1].response

    assert [(item.name, item.call_id, item.arguments) for item in response.output] == [
        ("weather", "call_a", '{"city": "Rome"}'),
        ("clock", "call_b", "{}"),
    ]


def test_an_answer_that_was_cut_is_incomplete() -> None:
    last = events([delta(content="Hel"), end("length")])[-1]

    assert last.type == "response.incomplete" and last.response.incomplete_details.reason == "max_output_tokens"


def test_an_engine_that_stops_in_the_middle_is_a_failed_response() -> None:
    stream = ResponseStream("resp_1", {"model": "m", "input": "hi"})
    stream.start()
    stream.feed(delta(content="Hel"))

    last = EVENT.validate_python(stream.fail("The engine closed the connection.")[-1])

    assert last.type == "response.failed" and last.response.error.message == "The engine closed the connection."


def test_a_whole_answer_is_the_same_as_a_streamed_one() -> None:
    message = {"role": "assistant", "content": "Hello", "reasoning_content": "Let me see.", "tool_calls": None}
    answer = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": USAGE["usage"]}

    got = Response.model_validate(from_chat(answer, {"model": "m", "input": "hi"}, "resp_1"))

    assert got.output_text == "Hello" and got.usage is not None and got.usage.output_tokens == 6
    assert got.model_dump()["output"] == events(TALK)[-1].response.model_dump()["output"]


def test_a_conversation_with_calls_and_pictures_becomes_messages() -> None:
    items = [
        {"role": "developer", "content": "Be short."},
        {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": "What?"}, {"type": "input_image", "image_url": "data:x"}],
        },
        {"type": "reasoning", "summary": []},
        {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"},
        {"type": "function_call", "call_id": "b", "name": "g", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "a", "output": "1"},
        {"type": "function_call_output", "call_id": "b", "output": [{"type": "input_text", "text": "2"}]},
        {"role": "assistant", "content": [{"type": "output_text", "text": "Done.", "annotations": []}]},
    ]
    tools = [{"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": True}]
    chat = to_chat(
        {
            "model": "m",
            "instructions": "Hi.",
            "input": items,
            "tools": tools,
            "tool_choice": {"type": "function", "name": "f"},
            "max_output_tokens": 9,
        }
    )

    messages: Any = chat["messages"]
    assert [m["role"] for m in messages] == ["system", "system", "user", "assistant", "tool", "tool", "assistant"]
    assert [c["id"] for c in messages[3]["tool_calls"]] == ["a", "b"] and messages[5]["content"] == "2"
    assert messages[2]["content"][1] == {"type": "image_url", "image_url": {"url": "data:x", "detail": "auto"}}
    assert chat["tools"] == [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}, "strict": True}}]
    assert chat["tool_choice"] == {"type": "function", "function": {"name": "f"}} and chat["max_completion_tokens"] == 9


def test_a_schema_and_a_stream_are_asked_for_in_chats_words() -> None:
    form = {"type": "json_schema", "name": "a", "schema": {"type": "object"}, "strict": True}
    chat = to_chat({"model": "m", "input": "x", "text": {"format": form}, "stream": True, "reasoning": {"effort": "low"}})

    assert chat["response_format"] == {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}, "strict": True}}
    assert chat["stream_options"] == {"include_usage": True} and chat["reasoning_effort"] == "low"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"previous_response_id": "resp_0"}, "previous_response_id"),
        ({"background": True}, "background"),
        ({"input": 3}, "input"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"input": [{"type": "computer_call"}]}, "input[0].type"),
        ({"input": [{"role": "user", "content": [{"type": "hologram"}]}]}, "input[0].content"),
        ({"max_output_tokens": "9"}, "max_output_tokens"),
        ({"model": 1}, "model"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(fields: dict[str, object], param: str) -> None:
    with pytest.raises(GatewayRefusal) as refused:
        to_chat({"model": "m", "input": "x", **fields})
    assert refused.value.param == param


def told(*items: object) -> Any:
    return to_chat({"model": "m", "input": list(items)})["messages"]


def test_words_and_calls_of_one_turn_stay_one_turn() -> None:
    said = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look."}]}
    calls = [{"type": "function_call", "call_id": f"c{n}", "name": "f", "arguments": "{}"} for n in range(2)]
    (turn,) = told(said, *calls)

    assert turn["content"] == "I look." and [call["id"] for call in turn["tool_calls"]] == ["c0", "c1"]


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("dry", "dry"),
        ([{"type": "input_text", "text": "dry"}], "dry"),
        ([{"type": "input_image", "image_url": "data:,"}], [{"type": "image_url", "image_url": {"url": "data:,", "detail": "auto"}}]),
        (None, ""),
    ],
)
def test_what_a_function_gave_keeps_its_pictures(output: object, expected: object) -> None:
    assert told({"type": "function_call_output", "call_id": "c", "output": output}) == [
        {"role": "tool", "tool_call_id": "c", "content": expected}
    ]


def test_files_are_told_as_chats_carry_them_and_refused_by_number() -> None:
    part = {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,aGk="}
    (message,) = told({"role": "user", "content": [part]})

    assert message["content"] == [{"type": "file", "file": {"filename": "a.pdf", "file_data": part["file_data"]}}]
    for kind in ("input_file", "input_image"):
        with pytest.raises(GatewayRefusal, match="file_id"):
            told({"role": "user", "content": [{"type": kind, "file_id": "file-1"}]})


NAMED = [{"type": "function", "name": name, "parameters": {}} for name in ("a", "b", "c")]


@pytest.mark.parametrize(
    ("choice", "names", "wanted"),
    [
        (None, "abc", "auto"),
        ("required", "abc", "required"),
        ({"type": "function", "name": "b"}, "abc", {"type": "function", "function": {"name": "b"}}),
        ({"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "c"}]}, "c", "required"),
    ],
)
def test_the_choice_of_tools_is_a_chats(choice: object, names: str, wanted: object) -> None:
    chat = to_chat({"model": "m", "input": "hi", "tools": NAMED, "tool_choice": choice})

    assert [tool["function"]["name"] for tool in chat["tools"]] == [*names]  # type: ignore[attr-defined, index]
    assert chat["tool_choice"] == wanted


def test_a_choice_of_openais_own_tools_is_refused() -> None:
    with pytest.raises(GatewayRefusal, match="tool_choice"):
        to_chat({"model": "m", "input": "hi", "tools": NAMED, "tool_choice": {"type": "web_search"}})
