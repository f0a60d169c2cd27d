"""The official ``openai`` package: chats, tools, embeddings, sound, pictures, errors."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import struct
import time
from typing import Any

import openai
from pydantic import BaseModel
from talk import Door

HELLO: Any = [{"role": "user", "content": "Hello?"}]
WORDS = "Hello, 世界! 👋 Bye."
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}, "required": ["city"]},
    },
}


def client(door: Door, **more: Any) -> openai.OpenAI:
    return openai.OpenAI(base_url=door.url, **{"api_key": door.key, "timeout": 20, "max_retries": 0, **more})


def arrived(completion: Any) -> dict[str, Any]:
    """What the server was asked, as the model ``mirror`` says it."""
    return json.loads(completion.choices[0].message.content)


# Chats


def a_chat_is_answered_whole(door: Door) -> None:
    answer = client(door).chat.completions.create(model="words", messages=HELLO)

    assert answer.choices[0].message.content == WORDS
    assert answer.choices[0].finish_reason == "stop" and answer.object == "chat.completion"
    assert answer.usage is not None and (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (
        11,
        7,
        18,
    )
    assert answer._request_id


def a_chat_is_streamed(door: Door) -> None:
    chunks = list(client(door).chat.completions.create(model="words", messages=HELLO, stream=True))

    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == WORDS
    assert [chunk.choices[0].finish_reason for chunk in chunks][-1] == "stop"
    assert all(chunk.usage is None for chunk in chunks)


def a_stream_tells_its_tokens_when_asked(door: Door) -> None:
    options: Any = {"include_usage": True}
    *chunks, last = client(door).chat.completions.create(model="words", messages=HELLO, stream=True, stream_options=options)

    assert last.choices == [] and last.usage is not None and last.usage.total_tokens == 18
    assert all(chunk.choices and chunk.usage is None for chunk in chunks)


def the_stream_helper_puts_a_message_together(door: Door) -> None:
    with client(door).chat.completions.stream(model="words", messages=HELLO, stream_options={"include_usage": True}) as stream:
        said = "".join(event.delta for event in stream if event.type == "content.delta")
        whole = stream.get_final_completion()

    assert said == whole.choices[0].message.content == WORDS
    assert whole.usage is not None and whole.usage.total_tokens == 18


def a_server_with_crlf_and_comments_is_understood(door: Door) -> None:
    chunks = client(door).chat.completions.create(model="crlf", messages=HELLO, stream=True)

    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == WORDS


def an_async_client_runs_many_at_once(door: Door) -> None:
    async def ask() -> list[str | None]:
        async with openai.AsyncOpenAI(base_url=door.url, api_key=door.key, max_retries=0) as many:
            answers = await asyncio.gather(*(many.chat.completions.create(model="words", messages=HELLO) for _ in range(20)))
            return [answer.choices[0].message.content for answer in answers]

    assert asyncio.run(ask()) == [WORDS] * 20


def a_model_is_known_by_its_other_name(door: Door) -> None:
    assert client(door).chat.completions.create(model="gpt-4o", messages=HELLO).choices[0].message.content == WORDS


def several_choices_come_back(door: Door) -> None:
    assert [each.index for each in client(door).chat.completions.create(model="words", messages=HELLO, n=3).choices] == [0, 1, 2]


def parameters_reach_the_server(door: Door) -> None:
    given: Any = {
        "temperature": 0.5, "top_p": 0.9, "max_completion_tokens": 50, "seed": 7, "stop": ["END"], "logit_bias": {"5": 1}, "user": "u",
        "parallel_tool_calls": False, "metadata": {"a": "b"}, "store": False, "service_tier": "auto", "safety_identifier": "s",
        "prompt_cache_key": "k", "verbosity": "low", "reasoning_effort": "low", "logprobs": True, "top_logprobs": 2,
    }  # fmt: skip
    extra = {"top_k": 5, "repetition_penalty": 1.1, "chat_template_kwargs": {"enable_thinking": False}, "unheard_of": {"deep": [1, None]}}

    asked = arrived(client(door).chat.completions.create(model="mirror", messages=HELLO, extra_body=extra, **given))

    assert {name: asked[name] for name in given} == given
    assert {name: asked[name] for name in extra} == extra


def both_names_of_the_longest_answer_reach_the_server(door: Door) -> None:
    old = arrived(client(door).chat.completions.create(model="mirror", messages=HELLO, max_tokens=5))
    new = arrived(client(door).chat.completions.create(model="mirror", messages=HELLO, max_completion_tokens=6))

    assert (old["max_tokens"], new["max_completion_tokens"]) == (5, 6)


def developers_are_systems(door: Door) -> None:
    messages: Any = [{"role": "developer", "content": "Be brief."}, *HELLO]

    asked = arrived(client(door).chat.completions.create(model="mirror", messages=messages))

    assert asked["messages"] == [{"role": "system", "content": "Be brief."}, *HELLO]


def messages_of_every_form_reach_the_server(door: Door) -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk=", "detail": "low"}}
    sound = {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}}
    messages: Any = [
        {"role": "user", "content": [{"type": "text", "text": "看 👀"}, picture, sound]},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "done"}]},
        {"role": "user", "name": "Li", "content": ""},
    ]

    assert arrived(client(door).chat.completions.create(model="mirror", messages=messages))["messages"] == messages


def reasoning_is_there_under_both_names(door: Door) -> None:
    for model in ("thinker", "muser"):
        message: Any = client(door).chat.completions.create(model=model, messages=HELLO).choices[0].message
        chunks: Any = list(client(door).chat.completions.create(model=model, messages=HELLO, stream=True))
        deltas = [chunk.choices[0].delta for chunk in chunks]

        assert message.reasoning == message.reasoning_content == "Six times seven…"
        assert message.content == "".join(delta.content or "" for delta in deltas) == "It is 42."
        for name in ("reasoning", "reasoning_content"):
            assert "".join(getattr(delta, name, None) or "" for delta in deltas) == "Six times seven…"


# Structured answers


class City(BaseModel):
    city: str
    people: int


def an_answer_is_parsed_into_a_class(door: Door) -> None:
    answer = client(door).chat.completions.parse(model="facts", messages=HELLO, response_format=City)
    asked = client(door).chat.completions.parse  # the same shape reaches the server:
    schema = arrived(client(door).chat.completions.create(model="mirror", messages=HELLO, response_format=_format()))["response_format"]

    assert asked and answer.choices[0].message.parsed == City(city="巴黎", people=2)
    assert schema["json_schema"]["strict"] is True and schema["json_schema"]["schema"]["required"] == ["city", "people"]


def _format() -> Any:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city", "people"], "additionalProperties": False}
    return {"type": "json_schema", "json_schema": {"name": "City", "schema": schema, "strict": True}}


# Tools


def a_tool_is_called(door: Door) -> None:
    choice = client(door).chat.completions.create(model="caller", messages=_about("in Paris"), tools=[WEATHER]).choices[0]

    assert choice.finish_reason == "tool_calls" and choice.message.content is None
    assert _calls(choice.message.tool_calls) == [("weather", {"city": "Paris", "days": 2})]


def several_tools_are_called_and_streamed(door: Door) -> None:
    for model in ("caller", "scatterer"):
        chunks = list(client(door).chat.completions.create(model=model, messages=_about("in Paris and Rome"), tools=[WEATHER], stream=True))
        with client(door).chat.completions.stream(model=model, messages=_about("in Paris and Rome"), tools=[WEATHER]) as stream:
            whole = stream.get_final_completion().choices[0]

        assert chunks[-1].choices[0].finish_reason == "tool_calls"
        assert [call["city"] for _, call in _calls(whole.message.tool_calls)] == ["Paris", "Rome"]


def parallel_calls_may_be_forbidden(door: Door) -> None:
    answer = client(door).chat.completions.create(
        model="caller", messages=_about("in Paris and Rome"), tools=[WEATHER], parallel_tool_calls=False
    )

    assert len(answer.choices[0].message.tool_calls or []) == 1


def the_choice_of_tools_reaches_the_server(door: Door) -> None:
    named: Any = {"type": "function", "function": {"name": "weather"}}
    for choice in ("none", "auto", "required", named):
        asked = arrived(client(door).chat.completions.create(model="mirror", messages=HELLO, tools=[WEATHER], tool_choice=choice))
        assert asked["tool_choice"] == choice and asked["tools"] == [WEATHER]


def results_of_tools_are_told(door: Door) -> None:
    messages = _about("in Paris and Rome")
    first = client(door).chat.completions.create(model="caller", messages=messages, tools=[WEATHER]).choices[0].message
    results: Any = [
        {"role": "tool", "tool_call_id": call.id, "content": text}
        for call, text in zip(first.tool_calls or [], ("dry", "wet"), strict=True)
    ]

    answer = client(door).chat.completions.create(model="caller", messages=[*messages, first, *results], tools=[WEATHER])

    assert answer.choices[0].message.content == "It is dry and wet."


def calls_in_plain_text_become_calls(door: Door) -> None:
    ask = client(door).chat.completions
    message: Any = ask.create(model="tags", messages=_about("in Paris and Rome"), tools=[WEATHER]).choices[0].message
    with ask.stream(model="tags", messages=_about("in Paris and Rome"), tools=[WEATHER]) as stream:
        streamed: Any = stream.get_final_completion().choices[0]

    assert _calls(message.tool_calls) == _calls(streamed.message.tool_calls)
    assert [call["city"] for _, call in _calls(message.tool_calls)] == ["Paris", "Rome"]
    assert message.reasoning_content.strip() == "What is asked?" and streamed.finish_reason == "tool_calls"


def functions_of_old_clients_are_called(door: Door) -> None:
    for model in ("caller", "tags"):
        ask: Any = {"model": model, "messages": _about("in Paris"), "functions": [WEATHER["function"]], "function_call": "auto"}
        whole = client(door).chat.completions.create(**ask).choices[0]
        chunks = list(client(door).chat.completions.create(**ask, stream=True))
        pieces = [chunk.choices[0].delta.function_call for chunk in chunks if chunk.choices[0].delta.function_call]

        assert whole.finish_reason == chunks[-1].choices[0].finish_reason == "function_call", model
        assert whole.message.function_call and whole.message.function_call.name == "weather" and not whole.message.tool_calls
        assert json.loads(whole.message.function_call.arguments) == {"city": "Paris", "days": 2}
        assert "".join(piece.arguments or "" for piece in pieces) == whole.message.function_call.arguments
        assert [piece.name for piece in pieces if piece.name] == ["weather"]


def the_result_of_an_old_function_is_told(door: Door) -> None:
    turns: Any = [
        *_about("in Paris"),
        {"role": "assistant", "content": None, "function_call": {"name": "weather", "arguments": '{"city": "Paris"}'}},
        {"role": "function", "name": "weather", "content": "dry"},
    ]

    answer = client(door).chat.completions.create(model="caller", messages=turns, functions=[WEATHER["function"]])

    assert answer.choices[0].message.content == "It is dry."


def _about(text: str) -> Any:
    return [{"role": "user", "content": f"how is it {text}?"}]


def _calls(calls: Any) -> list[tuple[str, Any]]:
    assert len({call.id for call in calls}) == len(calls) and all(call.type == "function" for call in calls)
    return [(call.function.name, json.loads(call.function.arguments)) for call in calls]


# Texts, vectors, models


def a_text_is_gone_on_with(door: Door) -> None:
    whole = client(door).completions.create(model="words", prompt="Once")
    streamed = client(door).completions.create(model="words", prompt="Once", stream=True)

    assert whole.choices[0].text == "Once and so on" and whole.usage is not None and whole.usage.total_tokens == 18
    assert "".join(chunk.choices[0].text for chunk in streamed) == " and so on"


def vectors_are_the_same_in_both_codings(door: Door) -> None:
    default = client(door).embeddings.create(model="vectors", input=["price of paper", "城市"])
    plain = client(door).embeddings.create(model="vectors", input=["price of paper", "城市"], encoding_format="float")
    coded = (
        client(door)
        .embeddings.with_raw_response.create(model="vectors", input="price of paper", encoding_format="base64")
        .http_response.json()
    )
    numbers = struct.unpack("<8f", base64.b64decode(coded["data"][0]["embedding"]))

    assert [row.index for row in default.data] == [0, 1] and default.usage.total_tokens == 6 and default.model == "vectors"
    assert _near(default.data[0].embedding, plain.data[0].embedding) and _near(default.data[1].embedding, plain.data[1].embedding)
    assert _near(list(numbers), plain.data[0].embedding)


def one_text_gives_one_vector(door: Door) -> None:
    assert len(client(door).embeddings.create(model="vectors", input="paper").data) == 1


def a_vector_may_be_shorter(door: Door) -> None:
    short = client(door).embeddings.create(model="vectors", input="paper", dimensions=3).data[0].embedding

    assert len(short) == 3 and abs(sum(x * x for x in short) - 1) < 1e-5
    _refused(openai.BadRequestError, lambda: client(door).embeddings.create(model="vectors", input="paper", dimensions=9), "dimensions")


def token_ids_of_nobody_knows_what_are_refused(door: Door) -> None:
    for ids in ([15339, 1917], [[15339, 1917], [65]]):
        error = _refused(openai.BadRequestError, lambda ids=ids: client(door).embeddings.create(model="vectors", input=ids), "input")
        assert "check_embedding_ctx_length=False" in error.message


def models_are_listed(door: Door) -> None:
    found = {model.id: model for model in client(door).models.list()}

    assert {"words", "gpt-4o", "vectors"} <= found.keys()
    assert found["words"].object == "model" and found["words"].created > 0 and found["words"].owned_by
    assert client(door).models.retrieve("words").id == "words"
    _refused(openai.NotFoundError, lambda: client(door).models.retrieve("nobody"))


# Sound, pictures, files


def speech_is_written_down(door: Door) -> None:
    sound = ("会议.mp3", io.BytesIO(bytes(range(256)) * 300), "audio/mpeg")
    said = client(door).audio.transcriptions.create(model="ear", file=sound, language="zh")
    plain = client(door).audio.transcriptions.create(model="ear", file=("a.wav", b"x" * 10), response_format="text")

    assert said.text == "会议.mp3: 76800 bytes, zh" and plain.strip() == "a.wav: 10 bytes, ?"
    assert client(door).audio.translations.create(model="ear", file=("a.wav", b"x" * 11)).text == "a.wav: 11 bytes, ?"


def a_text_is_spoken(door: Door) -> None:
    whole = client(door).audio.speech.create(model="mouth", voice="alloy", input="Hi")
    with client(door).audio.speech.with_streaming_response.create(model="mouth", voice="alloy", input="Hi") as response:
        streamed = b"".join(response.iter_bytes())

    assert whole.content == streamed and len(streamed) == 10244 and streamed.startswith(b"ID3")
    assert whole.response.headers["content-type"] == "audio/mpeg"


def pictures_are_painted_and_changed(door: Door) -> None:
    painted = client(door).images.generate(model="painter", prompt="a house", n=2, size="256x256")
    changed = client(door).images.edit(model="painter", image=("p.png", b"\x89PNG picture", "image/png"), prompt="bluer")

    assert painted.data is not None and len(painted.data) == 2 and base64.b64decode(painted.data[0].b64_json or "").startswith(b"\x89PNG")
    assert changed.data is not None and base64.b64decode(changed.data[0].b64_json or "") == b"\x89PNG picture"


def an_address_that_is_not_served_is_named(door: Door) -> None:
    error = _refused(openai.NotFoundError, lambda: client(door).moderations.create(input="x", model="words"))

    assert "/v1/moderations" in error.message and error.code == "unknown_url"


# Errors


def a_wrong_key_is_an_authentication_error(door: Door) -> None:
    for key in ("mk-wrong", "x" * 500):
        wrong = client(door, api_key=key)
        assert _refused(openai.AuthenticationError, lambda wrong=wrong: wrong.models.list()).code == "invalid_api_key"
        _refused(openai.AuthenticationError, lambda wrong=wrong: wrong.chat.completions.create(model="words", messages=HELLO, stream=True))


def an_unknown_model_is_not_found_and_the_known_are_named(door: Door) -> None:
    error = _refused(openai.NotFoundError, lambda: client(door).chat.completions.create(model="word", messages=HELLO), "model")

    assert error.code == "model_not_found" and "'words'" in error.message


def a_wrong_field_is_a_bad_request_that_names_it(door: Door) -> None:
    wrong: Any = "hot"
    _refused(
        openai.BadRequestError,
        lambda: client(door).chat.completions.create(model="words", messages=HELLO, temperature=wrong),
        "temperature",
    )
    _refused(openai.BadRequestError, lambda: client(door).chat.completions.create(model="words", messages=wrong), "messages")


def what_the_server_refuses_keeps_its_words(door: Door) -> None:
    error = _refused(openai.BadRequestError, lambda: client(door).chat.completions.create(model="full", messages=HELLO))

    assert "maximum context length" in error.message


def too_many_requests_are_tried_again_when_told(door: Door) -> None:
    begun = time.monotonic()
    error = _refused(openai.RateLimitError, lambda: client(door).chat.completions.create(model="busy", messages=HELLO, user="no retries"))
    answer = client(door, max_retries=2).chat.completions.create(model="busy", messages=HELLO, user="two retries")

    assert error.response.headers["retry-after"] == "1"
    assert answer.choices[0].message.content == WORDS and time.monotonic() - begun >= 1


def a_server_that_is_not_there_is_an_internal_error(door: Door) -> None:
    error = _refused(openai.InternalServerError, lambda: client(door).chat.completions.create(model="down", messages=HELLO))

    assert error.status_code == 503 and error.code == "model_unreachable"


def an_answer_that_breaks_off_is_an_error(door: Door) -> None:
    said: list[str] = []

    def read() -> None:
        for chunk in client(door).chat.completions.create(model="breaking", messages=HELLO, stream=True):
            said.append(chunk.choices[0].delta.content or "")

    error = _refused(openai.APIError, read)

    assert "".join(said) == WORDS[:8] and "cut off" in error.message


def a_client_that_leaves_a_stream_can_ask_again(door: Door) -> None:
    one = client(door)
    stream = one.chat.completions.create(model="slow", messages=HELLO, stream=True)
    next(iter(stream))
    stream.close()

    assert one.chat.completions.create(model="words", messages=HELLO).choices[0].message.content == WORDS


def _refused(kind: Any, ask: Any, param: str | None = None) -> Any:
    """The error that asking raises."""
    try:
        ask()
    except kind as error:
        assert param is None or error.param == param, error.body
        return error
    raise AssertionError(f"no {kind.__name__}")


def _near(one: list[float], other: list[float]) -> bool:
    return len(one) == len(other) and all(abs(a - b) < 1e-6 for a, b in zip(one, other, strict=True))
