"""Every client once with a real model behind the gateway: a chat model, one whose text the gateway reads, an embedder and a reranker."""

from __future__ import annotations

import json
from typing import Any

import anthropic
import cohere
from dify_models import Chat, Embedder, credentials
from dify_plugin import OAICompatRerankModel
from dify_plugin.entities.model.message import PromptMessageTool, SystemPromptMessage, UserPromptMessage
from langchain_core.messages import HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from llama_index.core.llms import ChatMessage
from llama_index.embeddings.openai_like import OpenAILikeEmbedding
from llama_index.llms.openai_like import OpenAILike
from talk import Door

SYSTEM = "Answer from the numbered passages."
FACTS = "Context:\n[1] price: 42 yuan\n\n[2] city: Paris\n\nQuestion: what is price?"
TO_FIND = 'please find "Paris"'
DOCUMENTS = ["weather in Paris", "the price of paper", "paper"]
PARAMETERS = {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]}
BOTH = ("facts", "raw")
FIND = {"type": "function", "function": {"name": "find", "description": "Find something.", "parameters": PARAMETERS}}


def anthropics_client_answers_and_calls(door: Door) -> None:
    client = anthropic.Anthropic(base_url=door.root, api_key=door.key or "x", max_retries=0)
    tools: Any = [{"name": "find", "description": "Find something.", "input_schema": PARAMETERS}]
    for model in BOTH:
        ask: Any = {"model": model, "max_tokens": 300, "extra_body": {"temperature": 0}}
        answer: Any = client.messages.create(**ask, system=SYSTEM, messages=[{"role": "user", "content": FACTS}])
        with client.messages.stream(**ask, system=SYSTEM, messages=[{"role": "user", "content": FACTS}]) as stream:
            streamed: Any = stream.get_final_message()
        with client.messages.stream(**ask, tools=tools, messages=[{"role": "user", "content": TO_FIND}]) as stream:
            called: Any = stream.get_final_message()

        for message in (answer, streamed):
            assert "42 yuan" in "".join(block.text for block in message.content if block.type == "text"), model
            assert message.usage.input_tokens > 20 and message.usage.output_tokens > 3
        assert [block.input for block in called.content if block.type == "tool_use"] == [{"query": "Paris"}], (model, called)
        assert called.stop_reason == "tool_use"


def langchain_answers_calls_and_embeds(door: Door) -> None:
    for model in BOTH:
        chat = ChatOpenAI(model=model, base_url=door.url, api_key=door.key or "x", temperature=0, max_tokens=300)
        answer = chat.invoke([SystemMessage(SYSTEM), HumanMessage(FACTS)])
        streamed = "".join(chunk.text for chunk in chat.stream([SystemMessage(SYSTEM), HumanMessage(FACTS)]))
        called: Any = None
        for chunk in chat.bind_tools([FIND]).stream(TO_FIND):
            called = chunk if called is None else called + chunk

        assert "42 yuan" in answer.text and "42 yuan" in streamed, model
        assert [call["args"] for call in called.tool_calls] == [{"query": "Paris"}], (model, called)
    embedder = OpenAIEmbeddings(model="vectors", base_url=door.url, api_key=door.key or "x", check_embedding_ctx_length=False)
    assert _closest(embedder.embed_documents(DOCUMENTS), embedder.embed_query("price of paper")) == 1


def llama_index_answers_and_embeds(door: Door) -> None:
    for model in BOTH:
        llm = OpenAILike(model=model, api_base=door.url, api_key=door.key or "x", is_chat_model=True, temperature=0, max_tokens=300)
        turns = [ChatMessage(role="system", content=SYSTEM), ChatMessage(role="user", content=FACTS)]
        *_, last = llm.stream_chat(turns)

        assert "42 yuan" in (llm.chat(turns).message.content or "") and "42 yuan" in (last.message.content or ""), model
    embedder = OpenAILikeEmbedding(model_name="vectors", api_base=door.url, api_key=door.key or "x")
    assert _closest(embedder.get_text_embedding_batch(DOCUMENTS), embedder.get_query_embedding("price of paper")) == 1


def dify_answers_calls_embeds_and_ranks(door: Door) -> None:
    chat, known = Chat([]), credentials(door, context_size="512")
    turns = [SystemPromptMessage(content=SYSTEM), UserPromptMessage(content=FACTS)]
    find_tool = PromptMessageTool(name="find", description="Find something.", parameters=PARAMETERS)
    for model in BOTH:
        chat.validate_credentials(model, known)
        chunks = list(chat._invoke(model, known, turns, {"temperature": 0, "max_tokens": 300}, stream=True))
        calls = [
            call
            for kind in ("tool_call", "function_call")
            for chunk in chat._invoke(
                model,
                {**known, "function_calling_type": kind},
                [UserPromptMessage(content=TO_FIND)],
                {"temperature": 0, "max_tokens": 200},
                tools=[find_tool],
                stream=True,
            )
            for call in chunk.delta.message.tool_calls
        ]

        assert "42 yuan" in "".join(str(chunk.delta.message.content) for chunk in chunks) and chunks[-1].delta.finish_reason == "stop", (
            model
        )
        assert [json.loads(call.function.arguments) for call in calls] == [{"query": "Paris"}] * 2, model
    embedder = Embedder([])
    embedder.validate_credentials("vectors", known)
    with embedder.timing_context():
        vectors = embedder._invoke("vectors", known, [*DOCUMENTS, "price of paper"]).embeddings
    assert _closest(vectors[:3], vectors[3]) == 1
    OAICompatRerankModel([]).validate_credentials("ranks", known)
    ranked = OAICompatRerankModel([])._invoke("ranks", known, "price of paper", DOCUMENTS, top_n=None).docs
    assert [doc.index for doc in ranked] == [1, 2, 0]


def cohere_ranks(door: Door) -> None:
    answer = cohere.ClientV2(door.key or "x", base_url=door.root).rerank(
        model="ranks", query="price of paper", documents=DOCUMENTS, top_n=2
    )

    assert [result.index for result in answer.results] == [1, 2] and all(0 <= result.relevance_score <= 1 for result in answer.results)


def _closest(vectors: list[list[float]], query: list[float]) -> int:
    """Which vector is nearest."""
    return max(range(len(vectors)), key=lambda at: sum(a * b for a, b in zip(vectors[at], query, strict=True)))
