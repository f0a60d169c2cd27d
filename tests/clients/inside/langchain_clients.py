"""LangChain: ``langchain-openai``, ``langchain-anthropic`` and ``langchain-cohere``."""

from __future__ import annotations

import json
from typing import Any

import openai
import tiktoken
from langchain_anthropic import ChatAnthropic
from langchain_cohere import CohereRerank
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAI, OpenAIEmbeddings
from openai_sdk import City
from talk import Door

WORDS = "Hello, 世界! 👋 Bye."


@tool
def weather(city: str, days: int = 1) -> str:
    """The weather of a city."""
    return f"{city}: dry"


def chat(door: Door, model: str, **more: Any) -> ChatOpenAI:
    return ChatOpenAI(model=model, base_url=door.url, api_key=door.key, max_retries=0, **more)


def a_chat_is_answered_whole_and_streamed(door: Door) -> None:
    answer = chat(door, "words").invoke("Hello?")
    chunks = list(chat(door, "words").stream("Hello?"))

    assert answer.content == "".join(str(chunk.content) for chunk in chunks) == WORDS
    assert answer.usage_metadata is not None and answer.usage_metadata["total_tokens"] == 18
    assert answer.response_metadata["finish_reason"] == "stop"


def a_stream_tells_its_tokens_when_asked(door: Door) -> None:
    *_, last = chat(door, "words", stream_usage=True).stream("Hello?")
    without = [chunk.usage_metadata for chunk in chat(door, "words").stream("Hello?")]
    whole = None
    for chunk in chat(door, "words", stream_usage=True).stream("Hello?"):
        whole = chunk if whole is None else whole + chunk

    assert whole is not None and whole.usage_metadata is not None and whole.usage_metadata["total_tokens"] == 18 and last is not None
    assert not any(without)


def the_longest_answer_and_the_system_reach_the_server(door: Door) -> None:
    asked = json.loads(str(chat(door, "mirror", max_tokens=5).invoke([SystemMessage("Be brief."), HumanMessage("Hello?")]).content))

    assert asked["max_completion_tokens"] == 5 and asked["stream"] is False
    assert [message["role"] for message in asked["messages"]] == ["system", "user"]


def tools_are_bound_called_and_told(door: Door) -> None:
    for model in ("caller", "scatterer", "tags"):
        bound = chat(door, model).bind_tools([weather])
        question = HumanMessage("how is it in Paris and Rome?")
        first: Any = bound.invoke([question])
        streamed: Any = None
        for chunk in bound.stream([question]):
            streamed = chunk if streamed is None else streamed + chunk

        assert [call["args"]["city"] for call in first.tool_calls] == ["Paris", "Rome"], model
        assert [call["args"] for call in streamed.tool_calls] == [call["args"] for call in first.tool_calls]
        if model == "caller":
            results = [ToolMessage(text, tool_call_id=call["id"]) for call, text in zip(first.tool_calls, ("dry", "wet"), strict=True)]
            assert bound.invoke([question, first, *results]).content == "It is dry and wet."


def any_tool_means_one_is_required(door: Door) -> None:
    asked = json.loads(str(chat(door, "mirror").bind_tools([weather], tool_choice="any").invoke("Hello?").content))

    assert asked["tool_choice"] == "required"


def answers_are_structured_in_every_way(door: Door) -> None:
    by_schema = chat(door, "facts").with_structured_output(City).invoke("Hello?")
    by_mode = chat(door, "facts").with_structured_output(City, method="json_mode").invoke("Hello?")
    by_call: Any = (
        chat(door, "caller").with_structured_output(weather.args_schema, method="function_calling").invoke("how is it in Paris and Rome?")
    )

    assert by_schema == by_mode == City(city="巴黎", people=2)
    assert by_call.city == "Paris"


def pictures_reach_the_server(door: Door) -> None:
    message = HumanMessage([{"type": "text", "text": "看"}, {"type": "image", "base64": "aGk=", "mime_type": "image/png"}])

    asked = json.loads(str(chat(door, "mirror").invoke([message]).content))

    assert asked["messages"][0]["content"][1]["image_url"]["url"] == "data:image/png;base64,aGk="


def the_responses_api_may_be_used_instead(door: Door) -> None:
    answer = chat(door, "words", use_responses_api=True).invoke("Hello?")
    streamed = "".join(chunk.text for chunk in chat(door, "words", use_responses_api=True).stream("Hello?"))

    assert answer.text == streamed == WORDS


def a_text_is_gone_on_with(door: Door) -> None:
    assert OpenAI(model="words", base_url=door.url, api_key=door.key).invoke("Once") == "Once and so on"


def vectors_come_from_texts(door: Door) -> None:
    embedder = OpenAIEmbeddings(model="vectors", base_url=door.url, api_key=door.key, check_embedding_ctx_length=False)
    short = OpenAIEmbeddings(model="vectors", base_url=door.url, api_key=door.key, check_embedding_ctx_length=False, dimensions=3)

    both = embedder.embed_documents(["price of paper", "城市"])
    assert len(both) == 2 and len(both[0]) == 8 and embedder.embed_query("城市") == both[1]
    assert len(short.embed_query("城市")) == 3


def vectors_from_token_ids_are_refused_unless_their_tokenizer_is_known(door: Door) -> None:
    bytes_alone = tiktoken.Encoding("bytes", pat_str=r"[\s\S]", mergeable_ranks={bytes([n]): n for n in range(256)}, special_tokens={})
    really = tiktoken.get_encoding, tiktoken.encoding_for_model
    tiktoken.get_encoding = tiktoken.encoding_for_model = lambda name: bytes_alone  # the real one would be fetched from the web
    try:
        known = OpenAIEmbeddings(model="numbers", base_url=door.url, api_key=door.key, max_retries=0)
        both = known.embed_documents(["price of paper", "城市"])
        OpenAIEmbeddings(model="vectors", base_url=door.url, api_key=door.key, max_retries=0).embed_query("城市")
    except openai.BadRequestError as error:
        assert "check_embedding_ctx_length=False" in error.message
    else:
        raise AssertionError("ids of another tokenizer were embedded")
    finally:
        tiktoken.get_encoding, tiktoken.encoding_for_model = really
    plain = OpenAIEmbeddings(model="vectors", base_url=door.url, api_key=door.key, check_embedding_ctx_length=False)
    same = plain.embed_documents(["price of paper", "城市"])
    assert [[round(x, 5) for x in vector] for vector in both] == [[round(x, 5) for x in vector] for vector in same]


def documents_are_ranked(door: Door) -> None:
    documents = [Document("weather in Paris"), Document("the price of paper")]
    ranker = CohereRerank(model="ranker", base_url=door.root, cohere_api_key=door.key, top_n=1)

    found = ranker.compress_documents(documents, "price of paper")

    assert [document.page_content for document in found] == ["the price of paper"] and found[0].metadata["relevance_score"] == 1.0


def claude_s_client_answers_streams_and_calls(door: Door) -> None:
    claude = ChatAnthropic(model_name="words", base_url=door.root, api_key=door.key, max_retries=0, timeout=20, stop=None)
    caller = ChatAnthropic(model_name="caller", base_url=door.root, api_key=door.key, max_retries=0, timeout=20, stop=None).bind_tools(
        [weather]
    )
    question = HumanMessage("how is it in Paris and Rome?")
    answer, first = claude.invoke("Hello?"), caller.invoke([question])
    results = [ToolMessage(text, tool_call_id=str(call["id"])) for call, text in zip(first.tool_calls, ("dry", "wet"), strict=True)]

    assert answer.text == "".join(chunk.text for chunk in claude.stream("Hello?")) == WORDS
    assert answer.usage_metadata is not None and answer.usage_metadata["input_tokens"] == 11
    assert [call["args"]["city"] for call in first.tool_calls] == ["Paris", "Rome"]
    assert caller.invoke([question, AIMessage(first.content, tool_calls=first.tool_calls), *results]).text == "It is dry and wet."


def a_wrong_key_is_said(door: Door) -> None:
    try:
        ChatOpenAI(model="words", base_url=door.url, api_key="wrong", max_retries=0).invoke("Hello?")
    except openai.AuthenticationError as error:
        assert error.code == "invalid_api_key"
    else:
        raise AssertionError("a wrong key was good")
