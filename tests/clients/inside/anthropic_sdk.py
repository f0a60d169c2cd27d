"""The official ``anthropic`` package, over chat models."""

from __future__ import annotations

import json
from typing import Any

import anthropic
from talk import Door

HELLO: Any = [{"role": "user", "content": "Hello?"}]
WORDS = "Hello, 世界! 👋 Bye."
WEATHER: Any = {
    "name": "weather",
    "description": "The weather of a city.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}, "required": ["city"]},
}
BOTH: Any = [{"role": "user", "content": "how is it in Paris and Rome?"}]


def client(door: Door, **more: Any) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=door.root, **{"api_key": door.key, "timeout": 20, "max_retries": 0, **more})


def a_message_is_answered_whole(door: Door) -> None:
    answer = client(door).messages.create(model="claude-sonnet", max_tokens=100, messages=HELLO)

    block: Any = answer.content[0]
    assert block.type == "text" and block.text == WORDS and answer.stop_reason == "end_turn" and answer.role == "assistant"
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (11, 7) and answer.id.startswith("msg_")
    assert answer._request_id


def a_message_is_streamed(door: Door) -> None:
    with client(door).messages.stream(model="words", max_tokens=100, messages=HELLO) as stream:
        said = "".join(stream.text_stream)
        whole: Any = stream.get_final_message()
    kinds = [event.type for event in client(door).messages.create(model="words", max_tokens=100, messages=HELLO, stream=True)]

    assert said == whole.content[0].text == WORDS and whole.stop_reason == "end_turn"
    assert (whole.usage.input_tokens, whole.usage.output_tokens) == (11, 7)
    assert kinds[:2] == ["message_start", "content_block_start"] and kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]


def tools_are_called_and_their_results_told(door: Door) -> None:
    first: Any = client(door).messages.create(model="caller", max_tokens=100, messages=BOTH, tools=[WEATHER])
    results: Any = [
        {"type": "tool_result", "tool_use_id": call.id, "content": text} for call, text in zip(first.content, ("dry", "wet"), strict=True)
    ]
    turns: Any = [*BOTH, {"role": "assistant", "content": first.content}, {"role": "user", "content": results}]
    second: Any = client(door).messages.create(model="caller", max_tokens=100, messages=turns, tools=[WEATHER])

    assert first.stop_reason == "tool_use" and [call.type for call in first.content] == ["tool_use", "tool_use"]
    assert [call.input for call in first.content] == [{"city": "Paris", "days": 2}, {"city": "Rome", "days": 2}]
    assert second.content[0].text == "It is dry and wet."


def calls_are_streamed_however_the_server_mixes_them(door: Door) -> None:
    for model in ("caller", "scatterer", "tags"):
        opened: list[int] = []
        with client(door).messages.stream(model=model, max_tokens=100, messages=BOTH, tools=[WEATHER]) as stream:
            for event in stream:
                if event.type == "content_block_start":
                    opened.append(event.index)
                elif event.type == "content_block_delta":
                    assert event.index == opened[-1], f"{model}: a piece of a block that is closed"
            whole: Any = stream.get_final_message()

        calls = [block for block in whole.content if block.type == "tool_use"]
        assert [call.input["city"] for call in calls] == ["Paris", "Rome"] and whole.stop_reason == "tool_use", model


def the_choice_of_tools_reaches_the_server(door: Door) -> None:
    wanted: Any = {"any": "required", "none": "none", "auto": "auto"}
    for choice, expected in wanted.items():
        kind: Any = {"type": choice}
        assert _arrived(door, tools=[WEATHER], tool_choice=kind)["tool_choice"] == expected
    named: Any = {"type": "tool", "name": "weather", "disable_parallel_tool_use": True}
    asked = _arrived(door, tools=[WEATHER], tool_choice=named)
    assert asked["tool_choice"] == {"type": "function", "function": {"name": "weather"}} and asked["parallel_tool_calls"] is False
    assert asked["tools"][0]["function"]["parameters"] == WEATHER["input_schema"]


def thoughts_are_a_block_of_their_own(door: Door) -> None:
    answer: Any = client(door).messages.create(model="thinker", max_tokens=100, messages=HELLO, thinking={"type": "disabled"})
    with client(door).messages.stream(model="muser", max_tokens=100, messages=HELLO) as stream:
        thought = "".join(event.thinking for event in stream if event.type == "thinking")
    turns: Any = [*HELLO, {"role": "assistant", "content": answer.content}, {"role": "user", "content": "And now?"}]
    again: Any = client(door).messages.create(model="words", max_tokens=100, messages=turns)

    assert [block.type for block in answer.content] == ["thinking", "text"] and answer.content[0].thinking == thought == "Six times seven…"
    assert answer.content[1].text == "It is 42." and again.content[0].text == WORDS


def systems_pictures_and_parameters_reach_the_server(door: Door) -> None:
    picture: Any = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}
    system: Any = [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]
    asked = _arrived(
        door,
        [{"role": "user", "content": [picture, {"type": "text", "text": "看"}]}],
        system=system,
        stop_sequences=["END"],
        extra_body={"temperature": 0.5, "top_k": 3},
    )

    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}
    assert asked["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [image, {"type": "text", "text": "看"}]},
    ]
    assert (asked["temperature"], asked["top_k"], asked["stop"], asked["max_tokens"]) == (0.5, 3, ["END"], 100)


def tokens_are_counted_before_asking(door: Door) -> None:
    system: Any = "Be brief."
    counted = client(door).messages.count_tokens(model="words", messages=HELLO, system=system, tools=[WEATHER])

    assert counted.input_tokens > 0


def models_are_listed(door: Door) -> None:
    assert "words" in [model.id for model in client(door).models.list()]


def errors_are_of_anthropics_kinds(door: Door) -> None:
    def ask(model: str = "words", **more: Any) -> Any:
        return client(door, **more).messages.create(model=model, max_tokens=100, messages=HELLO)

    assert _refused(anthropic.AuthenticationError, lambda: ask(api_key="wrong")) == "authentication_error"
    assert _refused(anthropic.NotFoundError, lambda: ask("nobody")) == "not_found_error"
    assert _refused(anthropic.BadRequestError, lambda: ask("full")) == "invalid_request_error"
    assert _refused(anthropic.RateLimitError, lambda: ask("busy")) == "rate_limit_error"
    assert _refused(anthropic.InternalServerError, lambda: ask("down")) == "overloaded_error"


def a_token_instead_of_a_key_will_do(door: Door) -> None:
    by_token = anthropic.Anthropic(base_url=door.root, auth_token=door.key, api_key=None)

    assert by_token.messages.create(model="words", max_tokens=100, messages=HELLO).stop_reason == "end_turn"


def an_answer_that_breaks_off_is_an_error(door: Door) -> None:
    try:
        with client(door).messages.stream(model="breaking", max_tokens=100, messages=HELLO) as stream:
            stream.until_done()
    except anthropic.APIError as error:
        assert "cut off" in str(error)
    else:
        raise AssertionError("half an answer looks whole")


def _arrived(door: Door, messages: Any = None, **more: Any) -> dict[str, Any]:
    answer: Any = client(door).messages.create(model="mirror", max_tokens=100, messages=messages or HELLO, **more)
    return json.loads(answer.content[0].text)


def _refused(kind: Any, ask: Any) -> str:
    try:
        ask()
    except kind as error:
        return error.body["error"]["type"]
    raise AssertionError(f"no {kind.__name__}")
