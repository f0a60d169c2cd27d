"""Answers: extractive, written, cut off, refused."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from moorage.core.errors import ModelError, ModelUnreachable, QuestionTooLong
from moorage.kb.results import AnswerDone, HitsFound, TextDelta
from moorage.testing.model_server import Trouble, delta, model_server
from moorage.wiring import Home, open_home
from tests.builders.homes import filled_home

QUESTION = "How much of a hotel night is refunded?"


async def events(home: Home, question: str) -> list[object]:
    return [e async for e in home.kb.ask("kb", question)]


def test_without_a_model_the_best_sentences_are_quoted(tmp_path: Path) -> None:
    with filled_home(tmp_path) as home:
        answer = asyncio.run(home.kb.answer("kb", QUESTION))
        assert answer.found and answer.model is None and "> Hotels up to 120 euros per night are refunded. [1]" in answer.text
        assert answer.citations[0].hit.document.name == "travel.md" and [n.code for n in answer.notices] == ["extractive"]


def test_events_come_in_order_and_join_to_the_answer(tmp_path: Path) -> None:
    with model_server() as model, filled_home(tmp_path, llm=model.url, llm_model="m") as home:
        got = asyncio.run(events(home, QUESTION))
        assert isinstance(got[0], HitsFound) and isinstance(got[-1], AnswerDone)
        assert "".join(e.text for e in got if isinstance(e, TextDelta)) == got[-1].answer.text
        assert got[-1].answer.model == "m" and got[-1].answer.citations


def test_a_written_answer_keeps_only_true_markers(tmp_path: Path) -> None:
    with (
        model_server(["Refunded up to 120 euros [1]. Also dragons fly over mountains [99]."]) as model,
        filled_home(tmp_path, llm=model.url, llm_model="m") as home,
    ):
        answer = asyncio.run(home.kb.answer("kb", QUESTION))
        assert "[99]" not in answer.text and [c.number for c in answer.citations] == [1]
        assert {n.code for n in answer.notices} == {"dropped_markers", "unsupported"}


def test_a_model_that_finds_nothing_is_believed(tmp_path: Path) -> None:
    with model_server(["The documents do not say."]) as model, filled_home(tmp_path, llm=model.url, llm_model="m") as home:
        answer = asyncio.run(home.kb.answer("kb", QUESTION))
        assert not answer.found and answer.citations == ()


def test_where_nothing_is_found_no_model_is_asked(tmp_path: Path) -> None:
    with model_server() as model, open_home(tmp_path, llm=model.url, llm_model="m") as home:
        home.kb.create("kb")
        answer = asyncio.run(home.kb.answer("kb", "有年假吗"))
        assert (answer.found, answer.text, model.requests) == (False, "文档中没有说明。", [])


def test_the_model_reads_rules_numbered_passages_and_the_question(tmp_path: Path) -> None:
    with model_server() as model, filled_home(tmp_path, llm=model.url, llm_model="m") as home:
        asyncio.run(home.kb.answer("kb", QUESTION))
        sent = model.requests[-1].body["messages"]
        assert sent[0]["role"] == "system" and "[1]" in sent[-1]["content"] and sent[-1]["content"].endswith(f"Question: {QUESTION}")


def test_a_model_that_breaks_off_leaves_what_it_said_and_a_notice(tmp_path: Path) -> None:
    with model_server(trouble="half_closed") as model, filled_home(tmp_path, llm=model.url, llm_model="m", model_timeout=3) as home:
        answer = asyncio.run(home.kb.answer("kb", QUESTION))
        assert answer.text == "The first words" and answer.citations == () and "cut_short" in [n.code for n in answer.notices]


@pytest.mark.parametrize(
    "trouble", ["silent", "closed", "html", "html_as_stream", "empty_stream", "error_as_200", "not_http", "busy", "redirect", "bad_gzip"]
)
def test_a_model_that_fails_before_its_first_word_is_one_clear_error(tmp_path: Path, trouble: str) -> None:
    with (
        model_server(trouble=trouble) as model,
        filled_home(tmp_path, llm=model.url, llm_model="m", llm_key="sk-secret", model_timeout=2) as home,
    ):
        with pytest.raises(ModelError) as caught:
            asyncio.run(home.kb.answer("kb", QUESTION))
        assert "127.0.0.1" in caught.value.say("en") and "127.0.0.1" in caught.value.say("zh") and "sk-secret" not in caught.value.say("en")


def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    with filled_home(tmp_path, llm="http://127.0.0.1:9/v1", llm_model="m") as home, pytest.raises(ModelUnreachable, match="Is it running"):
        asyncio.run(home.kb.answer("kb", QUESTION))


def test_whoever_stops_listening_stops_the_model(tmp_path: Path) -> None:
    async def first_two(home: Home) -> None:
        stream = home.kb.ask("kb", QUESTION)
        await anext(stream)
        await anext(stream)
        await stream.aclose()  # type: ignore[attr-defined]

    endless = Trouble(pieces=(delta("word "),), endless=True, between_s=0.01)
    with model_server(trouble=endless) as model, filled_home(tmp_path, llm=model.url, llm_model="m") as home:
        asyncio.run(first_two(home))
        assert len(model.asked("/chat/completions")) == 1


def test_a_question_that_is_too_long_is_refused(tmp_path: Path) -> None:
    with filled_home(tmp_path) as home, pytest.raises(QuestionTooLong, match="100000 characters"):
        asyncio.run(home.kb.answer("kb", "长" * 100_000))


def test_an_answer_given_while_documents_are_read_says_so(tmp_path: Path) -> None:
    with filled_home(tmp_path) as home:
        home.kb.add_bytes("kb", "late.md", b"late")
        assert "still_reading" in [n.code for n in asyncio.run(home.kb.answer("kb", QUESTION)).notices]
