"""The questions that the example handbook suggests get the answers that it promises, without any model."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

import moorage
from moorage.wiring import Home
from tests.docs.pages import ROOT, table

QUESTIONS = table(ROOT / "examples" / "README.md", "Questions to try")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with moorage.open_home(data=tmp_path_factory.mktemp("data")) as home:
        home.kb.create("handbook")
        home.kb.sync("handbook", ROOT / "examples" / "handbook")
        asyncio.run(home.kb.work("handbook"))
        yield home


def test_every_file_of_the_handbook_is_read_without_a_warning(home: Home) -> None:
    assert {document.name: [notice.say() for notice in document.warnings] for document in home.kb.documents("handbook")} == {
        file.name: [] for file in (ROOT / "examples" / "handbook").iterdir()
    }


@pytest.mark.parametrize(("question", "fact", "source"), QUESTIONS)
def test_a_suggested_question_is_answered_from_its_source(home: Home, question: str, fact: str, source: str) -> None:
    answer = asyncio.run(home.kb.answer("handbook", question))

    assert answer.found
    assert source in {citation.hit.document.name for citation in answer.citations}
    assert fact.replace(" ", "") in answer.text.replace(" ", "")
