from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.builders import texts
from tests.builders.fake_app import FakeHome
from tests.builders.waiting import until

if TYPE_CHECKING:
    from tests.faces.conftest import Visit

pytestmark = pytest.mark.browser


def path_of(home: FakeHome, name: str) -> str:
    document = next(each for each in home.documents("handbook") if each.name == name)
    return f"/kb/handbook/documents/{document.id}"


def test_chunk_borders_can_be_shown_and_hidden(home: FakeHome, visit: Visit) -> None:
    page = visit(path_of(home, "handbook.md"))

    page.check("#chunks")

    until(page, "document.querySelectorAll('.chunk-border').length === 4")
    before = page.evaluate("[...document.querySelectorAll('.chunk-border')].map(b => b.nextElementSibling.textContent)")
    assert before == ["Staff handbook", "Travel and hotels", "Holidays", "Keys and doors"]
    page.uncheck("#chunks")
    assert page.locator(".chunk-border").count() == 0


def test_a_document_is_readable_without_scripts(home: FakeHome, visit: Visit) -> None:
    start = texts.HANDBOOK.index("## Holidays")
    page = visit(f"{path_of(home, 'handbook.md')}?start={start}&end={start + 40}", java_script_enabled=False)

    assert "28 days of leave" in page.inner_text("#document")
    assert page.locator("#passage").count() == 1


def test_the_contents_lead_to_the_headings(home: FakeHome, visit: Visit) -> None:
    page = visit(path_of(home, "handbook.md"))

    page.click(".outline a:has-text('Keys and doors')")

    assert page.evaluate("document.querySelector(':target').textContent") == "Keys and doors"


def test_a_passage_far_into_a_long_document_opens_the_part_that_holds_it(home: FakeHome, visit: Visit) -> None:
    text = "# Long\n\n" + "\n\n".join(f"Paragraph {number} of many." for number in range(20_000))
    home.get("handbook").add("long.md", text)
    start = text.index("Paragraph 10000 ")
    page = visit(f"{path_of(home, 'long.md')}?start={start}&end={start + 24}")

    page.wait_for_selector("div.cited")
    assert page.inner_text("div.cited").strip() == "Paragraph 10000 of many."
    page.click("a[rel=next] >> nth=0")
    assert page.locator("div.cited").count() == 0 and "Paragraph 15000 " in page.inner_text("#document")


@pytest.mark.parametrize(
    "query", ["start=5", "start=9&end=2", "start=-1&end=x", "start=99999999&end=999999999", "mark=,,-&part=99999999999", "start=²&end=³"]
)
def test_a_broken_address_still_shows_the_document(home: FakeHome, visit: Visit, query: str) -> None:
    page = visit(f"{path_of(home, 'handbook.md')}?{query}")

    assert "28 days of leave" in page.inner_text("#document")


def test_a_missing_document_is_a_page_with_a_way_out(visit: Visit) -> None:
    page = visit("/kb/handbook/documents/none", console="404")

    assert "There is no document 'none'" in page.inner_text("main")
    page.click("text=Back to the start")
    page.wait_for_selector("#question")
