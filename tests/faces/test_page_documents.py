from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from moorage.core.nouns import Notice
from tests.builders.fake_app import FakeHome
from tests.builders.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Route

    from tests.faces.conftest import Visit

pytestmark = pytest.mark.browser

LIST = "/kb/handbook/documents"


def file(name: str, data: bytes) -> dict[str, object]:
    return {"name": name, "mimeType": "application/octet-stream", "buffer": data}


def test_an_upload_shows_its_steps_and_then_the_document(visit: Visit) -> None:
    page = visit(LIST)

    page.set_input_files("#files", [file("Holiday rules.md", b"# Holiday rules\n\nNew Year.")])

    page.wait_for_selector("#job-list .job:has-text('Holiday rules.md') >> text=/[1-4]\\/4/")
    assert "1 to go" in page.inner_text("#jobs-counts")
    page.wait_for_selector("tr a:has-text('Holiday rules')")
    assert page.is_hidden("#jobs")
    assert "3 documents" in page.inner_text("#counts")
    page.click("tr a:has-text('Holiday rules')")
    assert "New Year." in page.inner_text("#document")


def test_a_document_that_fails_says_why_and_can_be_tried_again(visit: Visit) -> None:
    page = visit(LIST)
    page.set_input_files("#files", [file("scan <b>.pdf", b"\0\0")])
    page.wait_for_selector(".job.failed")
    assert "scan <b>.pdf could not be read: it holds no text." in page.inner_text(".job-reason")
    assert "1 failed" in page.inner_text("#jobs-counts")

    page.click("[data-retry]")

    page.wait_for_selector("tr a:has-text('Mended')")


def test_an_upload_that_the_server_refuses_stays_listed_with_the_reason(home: FakeHome, visit: Visit) -> None:
    page = visit(LIST, console="404")
    home.shelves["gone"] = home.shelves.pop("handbook")

    page.set_input_files("#files", [file("a.md", b"x")])

    page.wait_for_selector(".upload.failed")
    assert "There is no knowledge base" in page.inner_text(".upload .job-reason")


def test_files_can_be_dropped_on_the_page(visit: Visit) -> None:
    page = visit(LIST)
    transfer = page.evaluate_handle("""() => { const data = new DataTransfer();
        data.items.add(new File(['# Dropped\\n\\nText.'], 'dropped.md')); return data; }""")

    page.dispatch_event("#drop", "drop", {"dataTransfer": transfer})

    page.wait_for_selector("tr a:has-text('Dropped')")


def test_deleting_asks_first(home: FakeHome, visit: Visit) -> None:
    page = visit(LIST)
    page.click("[aria-label='Delete: handbook.md']")
    assert "“handbook.md”" in page.inner_text("#delete-dialog")
    page.keyboard.press("Escape")
    assert page.is_hidden("#delete-dialog") and home.get("handbook").documents == 2

    page.click("[aria-label='Delete: handbook.md']")
    page.click("#delete-dialog button.danger")

    until(page, "document.querySelector('#counts').textContent.includes('1 document ')")
    assert [document.name for document in home.documents("handbook")] == ["政策/员工手册.docx"]
    assert page.locator("#listing tbody tr").count() == 1


def test_remarks_of_a_document_can_be_unfolded(home: FakeHome, visit: Visit) -> None:
    home.get("handbook").add("slides.pptx", "# Slides", (Notice("picture", "Slide 3 holds only a picture.", "第 3 页只有图片。"),))
    page = visit(LIST)

    page.click("text=1 remark")

    assert page.is_visible("text=Slide 3 holds only a picture.")


def test_an_empty_knowledge_base_says_what_to_do(home: FakeHome, visit: Visit) -> None:
    home.create("empty")

    assert "No documents yet" in visit("/kb/empty/documents").inner_text("#listing")
    assert "Add documents" in visit("/?kb=empty").inner_text("#start")


def test_a_long_list_comes_in_pages_and_can_be_searched(home: FakeHome, visit: Visit) -> None:
    for number in range(450):
        home.get("handbook").add(f"note-{number}.md", f"# Note {number}")
    page = visit(LIST)
    assert page.locator("#listing tbody tr").count() == 200

    page.click("a[rel=next]")
    assert "2 of 3" in page.inner_text(".pager")
    page.fill("#find", "note 44")
    page.keyboard.press("Enter")

    page.wait_for_url("**find=note+44")
    assert page.locator("#listing tbody tr").count() == 11


def test_a_search_without_a_match_says_so(visit: Visit) -> None:
    page = visit(f"{LIST}?find=%3Cscript%3E")

    assert "“<script>”" in page.inner_text("#listing")


def test_a_document_that_was_ready_before_the_first_look_is_shown_as_ready(home: FakeHome, visit: Visit) -> None:
    shelf = home.get("handbook")
    document = next(iter(shelf.listed.values()))
    shelf.listed[document.id] = replace(document, state="waiting")
    page = visit("/kb/handbook/documents")

    def ready_meanwhile(route: Route) -> None:
        shelf.listed[document.id] = document
        route.continue_()

    shelf.listed[document.id] = replace(document, state="waiting")
    page.route("**/api/kb/handbook/jobs", ready_meanwhile)
    page.reload()

    until(page, "document.querySelectorAll('.state.ready').length === 2 && !document.querySelector('.state.waiting')")
