"""A knowledge base as a model, through the official SDK."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from moorage.testing.model_server import model_server
from tests.builders.homes import filled_home
from tests.builders.serving import served_home


@pytest.fixture
def client(tmp_path: Path) -> Iterator[openai.OpenAI]:
    with filled_home(tmp_path) as home, served_home(home) as url:
        yield openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)


QUESTION = {"role": "user", "content": "年假须提前几天申请？"}


def test_knowledge_bases_are_listed_as_models(client: openai.OpenAI) -> None:
    assert [m.id for m in client.models.list()] == ["kb"]
    assert client.models.retrieve("kb").owned_by == "moorage"


def test_an_answer_carries_its_citations(client: openai.OpenAI) -> None:
    done = client.chat.completions.create(model="kb", messages=[{"role": "system", "content": "Be brief."}, QUESTION])
    message = done.choices[0].message
    assert "年假须提前三天申请。" in (message.content or "") and "未配置语言模型" in (message.content or "")
    assert message.citations[0]["document"]["name"] == "leave.md"  # type: ignore[attr-defined]
    assert (
        done.choices[0].finish_reason == "stop"
        and done.usage
        and done.usage.total_tokens == done.usage.prompt_tokens + done.usage.completion_tokens
    )


def test_a_streamed_answer_ends_with_citations_and_usage(client: openai.OpenAI) -> None:
    chunks = list(client.chat.completions.create(model="kb", messages=[QUESTION], stream=True, stream_options={"include_usage": True}))
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert "年假须提前三天申请。" in text
    last = [c for c in chunks if c.choices][-1]
    assert last.choices[0].finish_reason == "stop" and last.citations[0]["number"] == 1  # type: ignore[attr-defined]
    assert chunks[-1].choices == [] and chunks[-1].usage


def test_content_parts_of_text_are_read(client: openai.OpenAI) -> None:
    parts = [{"type": "text", "text": "年假须提前"}, {"type": "text", "text": "几天申请？"}]
    done = client.chat.completions.create(model="kb", messages=[{"role": "user", "content": parts}])
    assert "三天" in (done.choices[0].message.content or "")


def test_an_unknown_model_names_the_known_ones(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="Known models: kb") as caught:
        client.chat.completions.create(model="gpt-4", messages=[QUESTION])
    assert caught.value.code == "model_not_found" and caught.value.param == "model"


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [{"role": "system", "content": "x"}],
        [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://x"}}]}],
        ["x"],
    ],
)
def test_messages_that_cannot_be_answered_are_refused(client: openai.OpenAI, messages: list[object]) -> None:
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model="kb", messages=messages)  # type: ignore[arg-type]


def test_what_other_clients_send_besides_is_ignored(client: openai.OpenAI) -> None:
    extra = {"enable_thinking": False, "web_search": True, "chat_template_kwargs": {"thinking": True}, "reasoning_effort": "low"}
    done = client.chat.completions.create(
        model="kb", messages=[{"role": "user", "content": "ping"}], max_tokens=5, user="u", extra_body=extra
    )
    assert done.object == "chat.completion"


def test_a_model_writes_the_answer_with_markers_that_hold(tmp_path: Path) -> None:
    with (
        model_server() as model,
        filled_home(tmp_path, llm=model.url, llm_model="writer") as home,
        served_home(home) as url,
    ):
        client = openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)
        stream = client.chat.completions.create(model="kb", messages=[QUESTION], stream=True)
        chunks = list(stream)
        text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        assert "[1]" in text and "未配置" not in text
        assert chunks[-1].citations[0]["number"] == 1  # type: ignore[attr-defined]


def test_a_dead_model_is_an_http_error_that_names_it(tmp_path: Path) -> None:
    with filled_home(tmp_path, llm="http://127.0.0.1:9/v1", llm_model="gone") as home, served_home(home) as url:
        client = openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)
        for stream in (False, True):
            with pytest.raises(openai.APIStatusError, match=r"127\.0\.0\.1:9") as caught:
                client.chat.completions.create(model="kb", messages=[QUESTION], stream=stream)
            assert caught.value.status_code == 502


def test_an_answer_that_was_cut_off_does_not_look_whole(tmp_path: Path) -> None:
    with (
        model_server(trouble="half_closed") as model,
        filled_home(tmp_path, llm=model.url, llm_model="m", model_timeout=3) as home,
        served_home(home) as url,
    ):
        client = openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)
        assert client.chat.completions.create(model="kb", messages=[QUESTION]).choices[0].finish_reason == "length"
        assert list(client.chat.completions.create(model="kb", messages=[QUESTION], stream=True))[-1].choices[0].finish_reason == "length"
