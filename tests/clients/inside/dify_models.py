"""Dify's provider for OpenAI-compatible servers: the client classes of ``dify_plugin``, and what Dify's own plugin sends beside them."""

from __future__ import annotations

import io
import json
from typing import Any

import requests
from dify_plugin import (
    OAICompatEmbeddingModel,
    OAICompatLargeLanguageModel,
    OAICompatRerankModel,
    OAICompatSpeech2TextModel,
    OAICompatText2SpeechModel,
)
from dify_plugin.entities.model.message import (
    AssistantPromptMessage,
    ImagePromptMessageContent,
    PromptMessageTool,
    SystemPromptMessage,
    TextPromptMessageContent,
    ToolPromptMessage,
    UserPromptMessage,
)
from dify_plugin.errors.model import CredentialsValidateFailedError, InvokeError
from talk import Door

WORDS = "Hello, 世界! 👋 Bye."
HELLO = [UserPromptMessage(content="Hello?")]
WEATHER = PromptMessageTool(
    name="weather",
    description="The weather of a city.",
    parameters={"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}, "required": ["city"]},
)
DOCUMENTS = ["weather in Paris", "the price of paper", "paper"]


class Counting:
    """Dify counts with GPT-2's words, which its package would fetch from the web."""

    def _get_num_tokens_by_gpt2(self, text: str) -> int:
        return len(text) // 4


class Chat(Counting, OAICompatLargeLanguageModel): ...


class Embedder(Counting, OAICompatEmbeddingModel): ...


def credentials(door: Door, **more: object) -> dict[str, Any]:
    return {"endpoint_url": door.url, "api_key": door.key, "mode": "chat", "function_calling_type": "tool_call", **more}


def ask(door: Door, model: str, messages: Any = HELLO, tools: Any = None, parameters: Any = None, **more: object) -> str:
    """The text of a streamed answer, as Dify puts it together."""
    return "".join(str(chunk.delta.message.content or "") for chunk in _chunks(door, model, messages, tools, parameters, **more))


def _chunks(door: Door, model: str, messages: Any = HELLO, tools: Any = None, parameters: Any = None, **more: object) -> list[Any]:
    return list(Chat([])._invoke(model, credentials(door, **more), messages, parameters or {}, tools=tools, stream=True, user="abc"))


def _whole(door: Door, model: str, messages: Any = HELLO, tools: Any = None, **more: object) -> Any:
    return Chat([])._invoke(model, credentials(door, **more), messages, {}, tools=tools, stream=False)


# Chats


def a_model_is_accepted_when_it_is_added(door: Door) -> None:
    for model in ("words", "thinker", "caller"):
        Chat([]).validate_credentials(model, credentials(door))
        Chat([]).validate_credentials(model, credentials(door, stream_mode_auth="use"))
    Chat([]).validate_credentials("words", credentials(door, mode="completion"))
    Chat([]).validate_credentials("my name for it", credentials(door, endpoint_model_name="words", endpoint_url=door.url + "/"))


def a_wrong_key_or_model_is_refused_when_it_is_added(door: Door) -> None:
    for wrong in ({"api_key": "wrong"}, {"endpoint_model_name": "nobody"}, {"api_key": ""}):
        try:
            Chat([]).validate_credentials("words", credentials(door, **wrong))
        except CredentialsValidateFailedError as error:
            assert "401" in str(error) or "404" in str(error)
        else:
            raise AssertionError(f"{wrong} was good")


def a_chat_is_answered_whole_and_streamed(door: Door) -> None:
    whole = _whole(door, "words")

    assert whole.message.content == ask(door, "words") == WORDS
    assert (whole.usage.prompt_tokens, whole.usage.completion_tokens, whole.model) == (11, 7, "words")


def every_stream_ends_as_it_should(door: Door) -> None:
    for model in ("words", "crlf", "thinker"):
        *chunks, last = _chunks(door, model, parameters={"stream_options": {"include_usage": True}})
        assert last.delta.finish_reason == "stop", last.delta.finish_reason  # and not "Non-JSON encountered."
        assert (last.delta.usage.prompt_tokens, last.delta.usage.completion_tokens) == (11, 7) and chunks


def a_server_with_crlf_and_comments_is_understood(door: Door) -> None:
    assert ask(door, "crlf") == WORDS


def thoughts_are_shown_as_thoughts(door: Door) -> None:
    for model in ("thinker", "muser"):
        assert ask(door, model) == "<think>\nSix times seven…\n</think>It is 42."


def an_answer_that_breaks_off_is_an_error(door: Door) -> None:
    try:
        ask(door, "breaking")
    except ValueError as error:
        assert "cut off" in str(error)
    else:
        raise AssertionError("half an answer looks whole")


def an_error_before_the_first_word_is_shown(door: Door) -> None:
    try:
        ask(door, "full")
    except InvokeError as error:
        assert "400" in str(error) and "maximum context length" in str(error)
    else:
        raise AssertionError("no error")


def pictures_and_parameters_reach_the_server(door: Door) -> None:
    picture = ImagePromptMessageContent(
        format="png", base64_data="aGk=", mime_type="image/png", detail=ImagePromptMessageContent.DETAIL.LOW
    )
    messages = [SystemPromptMessage(content="简短"), UserPromptMessage(content=[TextPromptMessageContent(data="看"), picture])]
    # the last line is what Dify's plugin adds in its extended mode
    parameters = {
        "temperature": 0.5, "top_p": 0.9, "max_tokens": 9, "presence_penalty": 0.1, "frequency_penalty": 0.2,
        "chat_template_kwargs": {"enable_thinking": False}, "thinking": {"type": "disabled"}, "enable_thinking": False, "reasoning_format": "none",
    }  # fmt: skip

    asked = json.loads(ask(door, "mirror", messages, parameters=dict(parameters)))

    assert {name: asked[name] for name in parameters} == parameters and asked["user"] == "abc"
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk=", "detail": "low"}}
    assert asked["messages"][1]["content"] == [{"type": "text", "text": "看"}, image]


def schemas_may_be_bare_or_wrapped(door: Door) -> None:
    bare = {"type": "object", "title": "City", "properties": {"city": {"type": "string"}}}
    wrapped = {"name": "llm_response", "schema": bare}
    sent = [
        json.loads(ask(door, "mirror", parameters={"response_format": "json_schema", "json_schema": json.dumps(schema)}))["response_format"]
        for schema in (bare, wrapped)
    ]

    assert [each["json_schema"]["schema"] for each in sent] == [bare, bare] and sent[1]["json_schema"]["name"] == "llm_response"
    assert json.loads(ask(door, "mirror", parameters={"response_format": "json_object"}))["response_format"] == {"type": "json_object"}


# Tools


def tools_are_called_however_the_server_mixes_them(door: Door) -> None:
    question = [UserPromptMessage(content="how is it in Paris and Rome?")]
    for model in ("caller", "scatterer", "tags"):
        streamed = [call for chunk in _chunks(door, model, question, [WEATHER]) for call in chunk.delta.message.tool_calls]
        whole = _whole(door, model, question, [WEATHER]).message.tool_calls

        for calls in (streamed, whole):
            assert [json.loads(call.function.arguments)["city"] for call in calls] == ["Paris", "Rome"], (model, calls)
            assert [call.function.name for call in calls] == ["weather", "weather"]


def results_of_tools_are_told(door: Door) -> None:
    question = UserPromptMessage(content="how is it in Paris and Rome?")
    calls = _whole(door, "caller", [question], [WEATHER]).message.tool_calls
    results = [ToolPromptMessage(content=text, tool_call_id=call.id) for call, text in zip(calls, ("dry", "wet"), strict=True)]

    assert (
        ask(door, "caller", [question, AssistantPromptMessage(content="", tool_calls=calls), *results], [WEATHER]) == "It is dry and wet."
    )


def old_functions_are_called_and_told(door: Door) -> None:
    question = UserPromptMessage(content="how is it in Paris?")
    for model in ("caller", "tags"):
        legacy = {"function_calling_type": "function_call"}
        streamed = [call for chunk in _chunks(door, model, [question], [WEATHER], **legacy) for call in chunk.delta.message.tool_calls]
        whole = _whole(door, model, [question], [WEATHER], **legacy).message.tool_calls

        for calls in (streamed, whole):
            assert [(call.function.name, json.loads(call.function.arguments)["city"]) for call in calls] == [("weather", "Paris")], model
    turns = [question, AssistantPromptMessage(content="", tool_calls=whole), ToolPromptMessage(content="dry", tool_call_id="weather")]
    assert ask(door, "caller", turns, [WEATHER], **legacy) == "It is dry."


# Vectors, ranks, sound


def an_embedder_is_accepted_and_embeds(door: Door) -> None:
    model = Embedder([])
    model.validate_credentials("vectors", credentials(door))
    with model.timing_context():
        result = model._invoke("vectors", credentials(door, context_size="64"), ["price of paper", "城市", "x" * 1000], user="abc")

    assert len(result.embeddings) == 3 and {len(vector) for vector in result.embeddings} == {8} and result.usage.total_tokens == 9


def an_embedder_of_an_open_gateway_sends_an_empty_key(door: Door) -> None:
    answer = requests.post(door.url + "/embeddings", json={"input": "ping", "model": "vectors"}, headers={"Authorization": ""}, timeout=20)

    assert answer.status_code == 401 and answer.json()["error"]["code"] == "invalid_api_key"  # here a key is asked for


def a_text_without_an_encoding_gives_numbers(door: Door) -> None:
    for more in ({}, {"encoding_format": None}):
        answer = _post(door, "/embeddings", {"input": ["ping"], "model": "vectors", **more})
        assert isinstance(answer["data"][0]["embedding"], list) and answer["model"] == "vectors"


def pictures_are_embedded_as_a_chat(door: Door) -> None:
    parts = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}, {"type": "text", "text": "看"}]
    messages = [{"role": "user", "content": parts}]
    answer = _post(
        door,
        "/embeddings",
        {"model": "vectors", "messages": messages, "continue_final_message": True, "add_special_tokens": True, "encoding_format": "float"},
    )

    assert len(answer["data"]) == 1 and len(answer["data"][0]["embedding"]) == 8


def a_ranker_is_accepted_and_ranks(door: Door) -> None:
    model = OAICompatRerankModel([])
    model.validate_credentials("ranker", credentials(door))
    result = model._invoke("ranker", credentials(door), "price of paper", DOCUMENTS, top_n=None)
    some = model._invoke("ranker", credentials(door), "price of paper", DOCUMENTS, top_n=9)

    assert [(doc.index, doc.text, round(doc.score, 3)) for doc in result.docs] == [
        (1, DOCUMENTS[1], 1.0),
        (2, DOCUMENTS[2], 0.333),
        (0, DOCUMENTS[0], 0),
    ]
    assert len(some.docs) == 3


def the_plugin_compares_scores_as_they_are(door: Door) -> None:
    answer = _post(door, "/rerank", {"model": "ranker", "query": "price of paper", "documents": DOCUMENTS, "top_n": 3})

    assert [(row["index"], row["relevance_score"]) for row in answer["results"]] == [(1, 1.0), (2, 0.333), (0, 0.0)]


def documents_with_pictures_are_ranked_with_their_pictures(door: Door) -> None:
    parts = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,paper"}}, {"type": "text", "text": "weather"}]
    answer = _post(door, "/rerank", {"model": "ranker", "query": "paper", "documents": [{"content": parts}, "weather"], "top_n": 2})

    assert [(row["index"], row["relevance_score"]) for row in answer["results"]] == [(0, 1.0), (1, 0.0)]


def speech_is_heard_and_spoken(door: Door) -> None:
    sound = io.BytesIO(b"x" * 216_000)
    sound.name = "audio.mp3"
    ear, mouth = OAICompatSpeech2TextModel([]), OAICompatText2SpeechModel([])
    ear.validate_credentials("ear", credentials(door))
    mouth.validate_credentials("mouth", credentials(door))

    assert ear._invoke("ear", credentials(door), sound) == "audio.mp3: 216000 bytes, ?"
    assert len(b"".join(mouth._invoke("mouth", "tenant", credentials(door), "你好。", "alloy"))) == 10244


def _post(door: Door, path: str, body: object) -> Any:
    answer = requests.post(door.url + path, json=body, headers={"Authorization": f"Bearer {door.key}"}, timeout=20)
    assert answer.status_code == 200, answer.text
    return answer.json()
