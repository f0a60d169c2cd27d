"""The pages on the real server: real documents, real search, a model server that streams."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import moorage
from moorage.testing.model_server import TROUBLES, ModelServer, model_server
from moorage.web.app import build_app
from moorage.wiring import Home
from tests.builders import texts
from tests.builders.serving import served

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.faces.conftest import Visit

pytestmark = pytest.mark.browser


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    with moorage.open_home(tmp_path / "data") as home:
        yield from _serving(home)


@pytest.fixture
def model() -> Iterator[ModelServer]:
    with model_server() as server:
        yield server


@pytest.fixture
def written_address(tmp_path: Path, model: ModelServer) -> Iterator[str]:
    with moorage.open_home(tmp_path / "written", llm=model.url, llm_model=model.chat_model) as home:
        yield from _serving(home)


def _serving(home: Home) -> Iterator[str]:
    home.kb.create("handbook")
    home.kb.add_bytes("handbook", "handbook.md", texts.HANDBOOK.encode())
    home.kb.add_bytes("handbook", "员工手册.md", texts.HANDBOOK_ZH.encode())
    home.kb.add_bytes("handbook", "report.md", texts.HOSTILE.encode())
    with served(build_app(home)) as url:
        yield url


def wait_for_documents(page: Page, count: int) -> None:
    page.wait_for_selector(f"tr:nth-child({count}) .state.ready")


@pytest.mark.parametrize(
    ("locale", "question", "answer", "title"),
    [
        ("en-US", "How much is reimbursed for a hotel night?", "120 euros", "Staff handbook"),
        ("zh-CN", "住宿费每晚最高报销多少元？", "450 元", "员工手册"),
    ],
)
def test_a_question_is_answered_from_the_documents_and_its_citation_opens_them(
    visit: Visit, locale: str, question: str, answer: str, title: str
) -> None:
    page = visit("/kb/handbook/documents", locale=locale)
    wait_for_documents(page, 3)

    page.goto("/")
    page.fill("#question", question)
    page.keyboard.press("Enter")
    page.wait_for_selector("#copy")
    assert answer in page.inner_text("#text")
    page.click(".cite >> nth=0")

    page.wait_for_selector("#document")
    assert page.inner_text("h1").strip() == title
    assert answer in "".join(page.locator("mark.sentence").all_inner_texts())
    page.check("#chunks")
    page.wait_for_selector(".chunk-border")


def test_uploads_are_read_and_broken_ones_say_why(visit: Visit) -> None:
    page = visit("/kb/handbook/documents", console="422")
    wait_for_documents(page, 3)

    page.set_input_files(
        "#files",
        [
            {"name": "rules.md", "mimeType": "text/markdown", "buffer": b"# Mooring rules\n\nBoats leave by noon."},
            {"name": "broken.docx", "mimeType": "application/octet-stream", "buffer": b"PK\x03\x04 not a zip"},
        ],
    )

    page.wait_for_selector("tr a:has-text('Mooring rules')")
    page.wait_for_selector(".job.failed:has-text('broken.docx')")
    assert len(page.inner_text(".job-reason")) > 20
    page.click("[data-retry]")
    page.wait_for_selector(".job.failed:has-text('broken.docx')")


def test_script_in_a_real_document_is_only_text(visit: Visit) -> None:
    page = visit("/kb/handbook/documents", console="404")  # the picture it names is not there
    wait_for_documents(page, 3)

    page.click("tr:has-text('report.md') th a")

    page.wait_for_selector("#document")
    assert page.evaluate("window.hacked") is None
    assert page.locator("#document :is(script, iframe, svg)").count() == 0


def test_a_model_writes_the_answer_with_markers(visit: Visit, written_address: str) -> None:
    page = visit("/kb/handbook/documents", base=written_address)
    wait_for_documents(page, 3)

    page.goto("/")
    assert "writes the answers" in page.inner_text("#engine")
    page.fill("#question", "How much is reimbursed for a hotel night?")
    page.keyboard.press("Enter")
    page.wait_for_selector("#copy")

    assert page.locator("#text .cite").count() >= 1


def test_a_model_server_that_does_not_do_its_part_is_a_sentence_with_a_retry(
    visit: Visit, written_address: str, model: ModelServer
) -> None:
    page = visit("/kb/handbook/documents", base=written_address)
    wait_for_documents(page, 3)
    model.trouble = TROUBLES["html"]
    page.goto("/")
    page.fill("#question", "How much is reimbursed for a hotel night?")
    page.keyboard.press("Enter")
    page.wait_for_selector("#retry")
    assert "does not speak the OpenAI protocol" in page.inner_text("#trouble")

    model.trouble = TROUBLES["half_closed"]
    page.click("#retry")
    page.wait_for_selector("#again")
    assert "The first words" in page.inner_text("#text") and "cut short" in page.inner_text("#notices")

    model.trouble = None
    page.click("#again")
    page.wait_for_selector("#copy")
    assert page.inner_text("#notices") == ""


def test_an_address_of_this_machine_is_refused_beside_the_field(visit: Visit) -> None:
    page = visit("/kb/handbook/documents", console="403")

    page.fill("#url", "http://127.0.0.1:9/secret")
    page.press("#url", "Enter")

    page.wait_for_selector("#from-web .trouble:not(:empty)")
    assert "127.0.0.1" in page.inner_text("#from-web .trouble")
