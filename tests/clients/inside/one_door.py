"""A knowledge base is a model to every client: ``docs`` holds the handbook, ``words`` is a model behind the same address."""

from __future__ import annotations

import time
from typing import Any

import openai
from dify_models import Chat, credentials
from dify_plugin.entities.model.message import UserPromptMessage
from langchain_openai import ChatOpenAI
from llama_index.core.llms import ChatMessage
from llama_index.llms.openai_like import OpenAILike
from openai_sdk import WORDS, client
from talk import Door

QUESTION = "How much is refunded for hotels per night?"
ASKED: Any = [{"role": "user", "content": QUESTION}]
ANSWER = "120 euros"


def the_official_client_lists_both_and_gets_sources(door: Door) -> None:
    _wait_for_documents(door)
    whole: Any = client(door).chat.completions.create(model="docs", messages=ASKED)
    chunks: Any = list(client(door).chat.completions.create(model="docs", messages=ASKED, stream=True))
    cited = [
        choice
        for chunk in chunks
        for choice in [chunk, *chunk.choices, *(each.delta for each in chunk.choices)]
        if getattr(choice, "citations", None)
    ]

    assert {"docs", "words"} <= {model.id for model in client(door).models.list()}
    assert ANSWER in whole.choices[0].message.content and whole.choices[0].message.citations
    assert ANSWER in "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert cited and chunks[-1].choices[-1].finish_reason == "stop"
    assert client(door).chat.completions.create(model="words", messages=ASKED).choices[0].message.content == WORDS


def responses_carry_sources_as_annotations(door: Door) -> None:
    _wait_for_documents(door)
    whole: Any = client(door).responses.create(model="docs", input=QUESTION)
    with client(door).responses.stream(model="docs", input=QUESTION) as stream:
        streamed: Any = stream.get_final_response()

    for answer in (whole, streamed):
        (message,) = [item for item in answer.output if item.type == "message"]
        assert ANSWER in answer.output_text
        assert [note.type for note in message.content[0].annotations][:1] == ["file_citation"]
        assert message.content[0].annotations[0].filename.endswith(".md")


def langchain_and_llama_index_ask_documents(door: Door) -> None:
    _wait_for_documents(door)
    chat = ChatOpenAI(model="docs", base_url=door.url, api_key=door.key, max_tokens=500, temperature=0.1)
    llm = OpenAILike(model="docs", api_base=door.url, api_key=door.key, is_chat_model=True)
    *_, last = llm.stream_chat([ChatMessage(role="user", content=QUESTION)])

    assert ANSWER in chat.invoke(QUESTION).text and ANSWER in "".join(chunk.text for chunk in chat.stream(QUESTION))
    assert ANSWER in (last.message.content or "")


def dify_takes_documents_for_a_model(door: Door) -> None:
    _wait_for_documents(door)
    Chat([]).validate_credentials("docs", credentials(door))
    Chat([]).validate_credentials("docs", credentials(door, stream_mode_auth="use"))
    parameters = {"stream_options": {"include_usage": True}, "temperature": 0.5}
    chunks = list(Chat([])._invoke("docs", credentials(door), [UserPromptMessage(content=QUESTION)], parameters, stream=True, user="abc"))

    assert ANSWER in "".join(str(chunk.delta.message.content) for chunk in chunks)
    assert chunks[-1].delta.finish_reason == "stop"


def errors_are_the_same_for_both(door: Door) -> None:
    for model, key, kind in (("doc", door.key, openai.NotFoundError), ("docs", "wrong", openai.AuthenticationError)):
        try:
            client(door, api_key=key).chat.completions.create(model=model, messages=ASKED)
        except kind as error:
            assert error.code in ("model_not_found", "invalid_api_key")
        else:
            raise AssertionError(f"no {kind.__name__}")


def _wait_for_documents(door: Door) -> None:
    """They are read after the start."""
    ends = time.monotonic() + 60
    while ANSWER not in (client(door).chat.completions.create(model="docs", messages=ASKED).choices[0].message.content or ""):
        assert time.monotonic() < ends, "the documents were never read"
        time.sleep(0.2)
