"""The model server for tests speaks the protocol that the official SDK speaks."""

from __future__ import annotations

import numpy as np
import openai
import pytest

from moorage.testing.model_server import ModelServer, answer_from_passages, embed_by_letters, model_server

ASK = [
    {"role": "user", "content": "Context:\n[1] # Leave\n\nFifteen days of leave.\n\n[2] 差旅须提前三天申请。\n\nQuestion: 差旅要提前几天？"}
]


def sdk(server: ModelServer, key: str = "k") -> openai.OpenAI:
    return openai.OpenAI(base_url=server.url, api_key=key, max_retries=0)


def test_the_official_sdk_chats_streamed_and_not() -> None:
    with model_server() as server:
        whole = sdk(server).chat.completions.create(model="echo-chat", messages=ASK)  # pyright: ignore[reportArgumentType]
        stream = sdk(server).chat.completions.create(model="echo-chat", messages=ASK, stream=True)  # pyright: ignore[reportArgumentType]
        streamed = "".join(chunk.choices[0].delta.content or "" for chunk in stream)

    assert whole.choices[0].message.content == streamed == "差旅须提前三天申请。 [2]"


def test_the_official_sdk_embeds_and_lists_models() -> None:
    with model_server(dimension=16) as server:
        answer = sdk(server).embeddings.create(model="echo-embed", input=["a", "保修期"])
        names = [model.id for model in sdk(server).models.list()]

    assert np.allclose(answer.data[1].embedding, embed_by_letters("保修期", 16), atol=1e-6)
    assert names == ["echo-chat", "echo-embed"]


def test_a_wrong_key_is_refused() -> None:
    with model_server(key="right") as server, pytest.raises(openai.AuthenticationError):
        sdk(server, "wrong").models.list()


def test_a_script_is_followed_and_its_last_line_repeated() -> None:
    with model_server(["one", "two"]) as server:
        said = [sdk(server).chat.completions.create(model="m", messages=ASK).choices[0].message.content for _ in range(3)]  # pyright: ignore[reportArgumentType]

    assert said == ["one", "two", "two"]


def test_the_sentence_that_shares_most_with_the_question_is_quoted() -> None:
    prompt = "[1] Title\nFirst here. The office opens at nine.\n\n[2] Other things.\n\nQuestion: When does the office open?"

    assert answer_from_passages([{"role": "user", "content": prompt}]) == "The office opens at nine. [1]"
