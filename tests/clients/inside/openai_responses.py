"""The official ``openai`` package's Responses API, over chat models."""

from __future__ import annotations

import json
from typing import Any

import openai
from openai_sdk import WORDS, City, client
from talk import Door

WEATHER: Any = {
    "type": "function",
    "name": "weather",
    "description": "The weather of a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}, "required": ["city"]},
    "strict": False,
}


def a_response_is_made(door: Door) -> None:
    answer = client(door).responses.create(model="words", input="Hello?", instructions="Be brief.")

    assert answer.output_text == WORDS and answer.status == "completed" and answer.id.startswith("resp_")
    assert answer.usage is not None and (answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.total_tokens) == (11, 7, 18)
    assert answer.model == "words" and answer.error is None


def a_response_is_streamed_in_typed_events(door: Door) -> None:
    events = list(client(door).responses.create(model="words", input="Hello?", stream=True))
    kinds = [event.type for event in events]

    assert kinds[:2] == ["response.created", "response.in_progress"] and kinds[-1] == "response.completed"
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == WORDS
    assert events[-1].response.output_text == WORDS and events[-1].response.usage.total_tokens == 18


def the_stream_helper_puts_a_response_together(door: Door) -> None:
    with client(door).responses.stream(model="words", input="Hello?") as stream:
        said = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
        whole = stream.get_final_response()

    assert said == whole.output_text == WORDS


def tools_are_called_and_their_results_told(door: Door) -> None:
    question: Any = [{"role": "user", "content": [{"type": "input_text", "text": "how is it in Paris and Rome?"}]}]
    first = client(door).responses.create(model="caller", input=question, tools=[WEATHER])
    calls = [item for item in first.output if item.type == "function_call"]
    results: Any = [
        {"type": "function_call_output", "call_id": call.call_id, "output": text} for call, text in zip(calls, ("dry", "wet"), strict=True)
    ]

    assert [(call.name, json.loads(call.arguments)["city"]) for call in calls] == [("weather", "Paris"), ("weather", "Rome")]
    second = client(door).responses.create(model="caller", input=[*question, *first.output, *results], tools=[WEATHER])
    assert second.output_text == "It is dry and wet."


def calls_are_streamed_however_the_server_mixes_them(door: Door) -> None:
    for model in ("caller", "scatterer", "tags"):
        events = list(client(door).responses.create(model=model, input="how is it in Paris and Rome?", tools=[WEATHER], stream=True))
        done = [event for event in events if event.type == "response.function_call_arguments.done"]
        pieces: dict[str, str] = {}
        open_items: set[str] = set()
        for event in events:
            if event.type == "response.output_item.added":
                open_items.add(event.item.id or "")
            elif event.type == "response.output_item.done":
                open_items.discard(event.item.id or "")
            elif event.type == "response.function_call_arguments.delta":
                assert event.item_id in open_items, f"{model}: a piece of a call that is closed"
                pieces[event.item_id] = pieces.get(event.item_id, "") + event.delta

        assert [json.loads(event.arguments)["city"] for event in done] == ["Paris", "Rome"], model
        assert [pieces[event.item_id] for event in done] == [event.arguments for event in done]


def reasoning_is_an_item_of_its_own(door: Door) -> None:
    answer = client(door).responses.create(model="thinker", input="Hello?", reasoning={"effort": "low"})
    events: Any = list(client(door).responses.create(model="thinker", input="Hello?", stream=True))
    again = client(door).responses.create(model="words", input=[*answer.output, {"role": "user", "content": "And now?"}])

    thought: Any = answer.output[0]
    assert [item.type for item in answer.output] == ["reasoning", "message"] and thought.content[0].text == "Six times seven…"
    assert "".join(event.delta for event in events if event.type == "response.reasoning_text.delta") == "Six times seven…"
    assert again.output_text == WORDS


def an_answer_is_parsed_into_a_class(door: Door) -> None:
    answer = client(door).responses.parse(model="facts", input="Hello?", text_format=City)

    assert answer.output_parsed == City(city="巴黎", people=2)


def pictures_and_parameters_reach_the_server(door: Door) -> None:
    picture: Any = [
        {"type": "input_text", "text": "看"},
        {"type": "input_image", "image_url": "data:image/png;base64,aGk=", "detail": "low"},
    ]
    asked = json.loads(
        client(door)
        .responses.create(
            model="mirror",
            input=[{"role": "user", "content": picture}],
            temperature=0.5,
            max_output_tokens=9,
            tool_choice="required",
            tools=[WEATHER],
        )
        .output_text
    )

    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk=", "detail": "low"}}
    assert asked["messages"][-1]["content"] == [{"type": "text", "text": "看"}, image]
    assert (asked["temperature"], asked["max_completion_tokens"], asked["tool_choice"]) == (0.5, 9, "required")
    assert asked["tools"][0]["function"]["name"] == "weather"


def what_needs_openais_own_storage_is_refused(door: Door) -> None:
    for field in ({"previous_response_id": "resp_1"}, {"background": True}):
        more: Any = field
        try:
            client(door).responses.create(model="words", input="Hello?", **more)
        except openai.BadRequestError as error:
            assert error.param == next(iter(field)), error.body
        else:
            raise AssertionError(f"{field} was passed over")


def an_answer_that_breaks_off_is_a_failed_response(door: Door) -> None:
    events: Any = list(client(door).responses.create(model="breaking", input="Hello?", stream=True))

    assert events[-1].type == "response.failed" and "cut off" in events[-1].response.error.message
