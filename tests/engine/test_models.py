"""The clients of moorage.models against the real vLLM."""

from __future__ import annotations

import asyncio
import logging
import re

import numpy as np
import pytest

from moorage.core.errors import ModelRefused
from moorage.core.nouns import ModelSpec, Plan, Service
from moorage.kb.chunking import Chunked
from moorage.kb.relate import SCHEMA
from moorage.models.base import Message
from moorage.models.openai import OpenAIChat, OpenAIEmbedder
from moorage.wiring import open_documents

pytestmark = pytest.mark.engine

FACTS = "Context:\n[1] price: 42 yuan\n\n[2] city: Paris\n\nQuestion: what is price?"


def chat_at(url: str, model: str = "") -> OpenAIChat:
    return OpenAIChat(Service("chat", Plan(ModelSpec(model, "chat"), url)), 120)


def embedder_at(url: str, model: str = "", batch: int = 32) -> OpenAIEmbedder:
    return OpenAIEmbedder(Service("embed", Plan(ModelSpec(model, "embed"), url)), 120, batch)


async def pieces(chat: OpenAIChat, prompt: str) -> list[str]:
    messages = [Message("system", "Answer from the numbered passages."), Message("user", prompt)]
    return [piece async for piece in chat.stream(messages, max_tokens=300)]


def test_an_answer_is_streamed_from_the_facts(vllm_chat_url: str) -> None:
    got = asyncio.run(pieces(chat_at(vllm_chat_url), FACTS))

    assert "42 yuan" in "".join(got)
    assert "think" not in "".join(got)
    assert len(got) > 1


def test_more_tokens_than_the_context_holds_may_be_asked_for(vllm_chat_url: str) -> None:
    async def long_answer() -> str:
        return "".join([piece async for piece in chat_at(vllm_chat_url).stream([Message("user", FACTS)], max_tokens=1_000_000)])

    assert "42 yuan" in asyncio.run(long_answer())


def test_the_model_is_asked_for_its_name(vllm_chat_url: str) -> None:
    assert asyncio.run(chat_at(vllm_chat_url.removesuffix("/v1")).resolve()) == "tiny-chat"


def test_a_wrong_model_name_and_a_prompt_that_is_too_long_are_refused_with_the_reason(vllm_chat_url: str) -> None:
    with pytest.raises(ModelRefused, match=r"answered 404: .*other"):
        asyncio.run(pieces(chat_at(vllm_chat_url, "other"), FACTS))
    with pytest.raises(ModelRefused, match=r"answered 400: .*maximum context length"):
        asyncio.run(pieces(chat_at(vllm_chat_url), "word " * 5000))


def test_vectors_come_in_order_and_follow_shared_words(vllm_embed_url: str) -> None:
    texts = ["the warranty lasts two years", "the office is in Paris", "设备的保修期限为两年", "how long is the warranty"]
    embedder = embedder_at(vllm_embed_url, batch=2)

    matrix = asyncio.run(embedder.embed(texts, kind="document"))
    alone = asyncio.run(embedder.embed(texts[2:3], kind="document"))

    assert matrix.shape == (4, alone.shape[1])
    assert np.allclose(matrix[2], alone[0], atol=1e-3)
    assert matrix[3] @ matrix[0] > max(matrix[3] @ matrix[1], matrix[3] @ matrix[2])


def test_the_identity_holds_the_real_dimension(vllm_embed_url: str) -> None:
    embedder = embedder_at(vllm_embed_url)
    dimension = asyncio.run(embedder.embed(["a"], kind="query")).shape[1]

    assert asyncio.run(embedder.identity()) == f"tiny-embed|{dimension}|"


def test_a_text_longer_than_the_model_reads_is_cut_and_not_refused(vllm_embed_url: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)

    matrix = asyncio.run(embedder_at(vllm_embed_url).embed(["short", "warranty " * 2000, "also short"], kind="document"))

    assert matrix.shape[0] == 3
    assert "of a text's 18000 characters" in caplog.text


def test_an_answer_to_a_schema_takes_its_shape(vllm_chat_url: str) -> None:
    async def verdict() -> str:
        asked = chat_at(vllm_chat_url).stream([Message("user", FACTS)], max_tokens=300, json_schema=SCHEMA)
        return "".join([piece async for piece in asked])

    # So small a model may fill what is left with blanks, which the schema allows.
    assert re.match(r'\s*\{\s*"relation"\s*:\s*"(related|independent)"', asyncio.run(verdict()))


def test_a_real_model_decides_where_parents_end_and_changes_nothing_else(vllm_chat_url: str) -> None:
    text = "# FAQ\n\n" + "\n\n".join(f"Question {n}: how is it done? It is done like this, step by step, {n} times." for n in range(12))

    async def chunked(*, ask_model: bool) -> Chunked:
        with open_documents(llm=vllm_chat_url) as documents:
            return await documents.chunk_bytes("faq.md", text.encode(), child_max=120, parent_max=500, ask_model=ask_model)

    alone, asked = asyncio.run(chunked(ask_model=False)), asyncio.run(chunked(ask_model=True))

    assert [c.text for p in asked.parents for c in p.children] == [c.text for p in alone.parents for c in p.children]
    assert len(asked.parents) >= len(alone.parents)
    assert "verdicts_failed" not in [notice.code for notice in asked.notices]
