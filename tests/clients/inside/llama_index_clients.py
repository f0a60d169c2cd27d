"""LlamaIndex: ``OpenAILike``, ``OpenAILikeEmbedding``, ``JinaRerank``."""

from __future__ import annotations

import json
from typing import Any

import openai
from llama_index.core.llms import ChatMessage
from llama_index.core.schema import NodeWithScore, TextNode
from llama_index.core.tools import FunctionTool
from llama_index.embeddings.openai_like import OpenAILikeEmbedding
from llama_index.llms.openai_like import OpenAILike
from llama_index.postprocessor.jinaai_rerank import JinaRerank
from openai_sdk import City
from talk import Door

WORDS = "Hello, 世界! 👋 Bye."
HELLO = [ChatMessage(role="user", content="Hello?")]


def weather(city: str, days: int = 1) -> str:
    """The weather of a city."""
    return f"{city}: dry"


def chat(door: Door, model: str, **more: Any) -> OpenAILike:
    return OpenAILike(model=model, api_base=door.url, api_key=door.key, is_chat_model=True, max_retries=0, **more)


def a_chat_is_answered_whole_and_streamed(door: Door) -> None:
    answer = chat(door, "words").chat(HELLO)
    *_, last = chat(door, "words").stream_chat(HELLO)

    assert answer.message.content == last.message.content == WORDS


def a_text_is_gone_on_with_as_the_default_does(door: Door) -> None:
    default = OpenAILike(model="words", api_base=door.url, api_key=door.key, max_retries=0)
    *_, last = default.stream_complete("Once")

    assert default.complete("Once").text == "Once and so on" and last.text == " and so on"


def parameters_reach_the_server(door: Door) -> None:
    asked = json.loads(chat(door, "mirror", max_tokens=9).chat(HELLO).message.content or "")

    assert asked["temperature"] == 0.1 and 9 in (asked.get("max_tokens"), asked.get("max_completion_tokens"))


def tools_are_called(door: Door) -> None:
    for model in ("caller", "tags"):
        llm = chat(door, model, is_function_calling_model=True)
        tools = [FunctionTool.from_defaults(fn=weather)]
        question = ChatMessage(role="user", content="how is it in Paris and Rome?")
        answer = llm.chat_with_tools(tools, user_msg=question, allow_parallel_tool_calls=True)
        *_, last = llm.stream_chat_with_tools(tools, user_msg=question, allow_parallel_tool_calls=True)

        for response in (answer, last):
            calls = llm.get_tool_calls_from_response(response, error_on_no_tool_call=True)
            assert [call.tool_kwargs["city"] for call in calls] == ["Paris", "Rome"], model


def an_answer_is_structured(door: Door) -> None:
    llm = chat(door, "facts", should_use_structured_outputs=True)

    assert llm.as_structured_llm(City).chat(HELLO).raw == City(city="巴黎", people=2)


def vectors_come_from_texts(door: Door) -> None:
    embedder = OpenAILikeEmbedding(model_name="vectors", api_base=door.url, api_key=door.key)
    both = embedder.get_text_embedding_batch(["price of\npaper", "城市"])

    assert len(both) == 2 and len(both[0]) == 8 and embedder.get_query_embedding("城市") == both[1]
    assert both[0] == embedder.get_text_embedding("price of paper")


def nodes_are_ranked_by_jinas_client(door: Door) -> None:
    nodes = [NodeWithScore(node=TextNode(text=text)) for text in ("weather in Paris", "the price of paper")]
    ranker = JinaRerank(model="ranker", api_key=door.key, base_url=door.url, top_n=1)

    found = ranker.postprocess_nodes(nodes, query_str="price of paper")

    assert [node.text for node in found] == ["the price of paper"] and found[0].score == 1.0


def a_wrong_key_is_said(door: Door) -> None:
    try:
        OpenAILike(model="words", api_base=door.url, api_key="wrong", is_chat_model=True, max_retries=0).chat(HELLO)
    except openai.AuthenticationError as error:
        assert error.code == "invalid_api_key"
    else:
        raise AssertionError("a wrong key was good")
