"""A document beside its chunks, on the real server: what is edited in the browser is what a search finds."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2
import pytest

from moorage.web.app import build_app
from moorage.wiring import Home
from tests.builders.homes import filled_home
from tests.builders.serving import served
from tests.builders.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.faces.conftest import Visit

pytestmark = pytest.mark.browser

TEXT = """# Harbour rules

## Mooring

Boats are moored at the east pier. Lines are doubled in a storm.

Every boat shows a light at night 🚤. The light is white.

## Fees

A night costs ten euros. Winter is free.

The fee is paid at the office.
"""


@pytest.fixture
def rules(tmp_path: Path) -> Iterator[Home]:
    with _filled(tmp_path, TEXT, child_max=60, parent_max=120) as home:
        yield home


@pytest.fixture
def address(rules: Home) -> Iterator[str]:
    with served(build_app(rules)) as url:
        yield url


@pytest.fixture
def path(rules: Home) -> str:
    return f"/kb/kb/documents/{rules.kb.documents('kb')[0].id}/chunks"


def _filled(data: Path, text: str, **flags: object) -> Home:
    # In a thread of its own: while the browser is open this one has an event loop running.
    with ThreadPoolExecutor(1) as aside:
        return aside.submit(filled_home, data, {"rules.md": text}, **flags).result()


def texts(home: Home) -> list[list[str]]:
    return [[c.text for c in p.children] for p in home.kb.chunks("kb", "rules.md")]


def saved(page: Page) -> None:
    until(page, "document.querySelector('#said').textContent.startsWith('Saved') && !document.querySelector('#editor[aria-busy]')")


def found(address: str, query: str) -> list[str]:
    hits = httpx2.post(f"{address}/api/kb/kb/search", json={"query": query}).json()["hits"]
    return [c["text"] for h in hits for c in h["children"]]


def test_the_page_shows_every_chunk_as_it_is_kept(rules: Home, visit: Visit, path: str) -> None:
    page = visit(path)

    assert page.locator(".child .words").all_text_contents() == [c for p in texts(rules) for c in p]
    assert page.locator(".parent").count() == len(texts(rules))


def test_pointing_at_a_chunk_marks_its_place_in_the_document_and_back(visit: Visit, path: str) -> None:
    page = visit(path)

    page.hover(".child:has-text('A night costs')")
    until(page, "document.querySelectorAll('.side-text .lit').length > 0")
    assert "A night costs ten euros" in "".join(page.locator(".side-text .lit").all_inner_texts())
    page.click(".side-text p:has-text('east pier')")
    until(page, "document.querySelector('.child.lit')?.textContent.includes('east pier')")


def test_new_words_are_found_and_the_old_ones_are_not(rules: Home, visit: Visit, path: str, address: str) -> None:
    page = visit(path)
    child = page.locator(".child:has-text('A night costs')")

    child.locator("[data-action=edit]").click()
    page.fill("textarea.words", "A night costs twelve guilders 🚤.")
    page.keyboard.press("Control+Enter")
    saved(page)

    until(page, "document.querySelector('#document').textContent.includes('twelve guilders')")
    assert "ten euros" not in rules.kb.markdown("kb", "rules.md")
    for _ in range(100):
        if found(address, "guilders"):
            break
        page.wait_for_timeout(50)
    assert any("twelve guilders" in text for text in found(address, "guilders"))
    assert not any("ten euros" in text for text in found(address, "ten euros night"))


def test_a_border_is_moved_by_a_sentence_and_back(rules: Home, visit: Visit, path: str) -> None:
    page = visit(path)
    before = texts(rules)

    page.locator(".border [data-action=up] >> nth=1").click()
    saved(page)
    moved = texts(rules)
    assert moved != before
    assert "".join("".join(p) for p in moved).replace("\n", "").replace(" ", "") == "".join("".join(p) for p in before).replace(
        "\n", ""
    ).replace(" ", "")
    page.evaluate("document.querySelector('#said').textContent = ''")
    page.locator(".border [data-action=down] >> nth=1").click()
    saved(page)
    assert texts(rules) == before


def test_a_chunk_is_split_at_the_cursor_after_a_wide_character_and_merged_again(rules: Home, visit: Visit, path: str) -> None:
    page = visit(path)
    before = texts(rules)

    page.locator(".child:has-text('🚤') [data-action=edit]").click()
    page.evaluate(
        "(() => { const f = document.querySelector('textarea.words'); const at = f.value.indexOf(' The light'); f.setSelectionRange(at, at); })()"
    )
    page.click("text=Split at the cursor")
    saved(page)
    assert any(c == "The light is white." or c.endswith("🚤.") for p in texts(rules) for c in p)
    until(page, "[...document.querySelectorAll('.child .words')].some(w => w.textContent.endsWith('🚤.'))")
    page.evaluate("document.querySelector('#said').textContent = ''")
    page.locator(".child:has-text('🚤') + .border [data-action=merge]").click()
    saved(page)
    assert texts(rules) == before


def test_a_chunk_that_is_switched_off_is_not_found_until_it_is_on(visit: Visit, path: str, address: str) -> None:
    page = visit(path)
    assert any("ten euros" in text for text in found(address, "ten euros"))

    page.locator(".child:has-text('A night costs') [data-action=off]").click()
    page.wait_for_selector(".child.off:has-text('A night costs')")
    assert not any("ten euros" in text for text in found(address, "ten euros"))
    page.locator(".child.off [data-action=on]").click()
    until(page, "!document.querySelector('.child.off')")
    for _ in range(100):
        if any("ten euros" in text for text in found(address, "ten euros")):
            break
        page.wait_for_timeout(50)
    assert any("ten euros" in text for text in found(address, "ten euros"))


def test_what_was_typed_stays_when_somebody_else_was_faster(rules: Home, visit: Visit, path: str, address: str) -> None:
    page = visit(path, console="409")
    page.locator(".child:has-text('A night costs') [data-action=edit]").click()
    page.fill("textarea.words", "Typed by me.")
    chunk = rules.kb.chunks("kb", "rules.md")[0].children[0].id
    httpx2.post(f"{address}/api/kb/kb/edit", json={"document": "rules.md", "kind": "off", "chunk": chunk}).raise_for_status()

    page.click("text=Save")

    until(page, "document.querySelector('#said').classList.contains('bad')")
    assert "have changed since you loaded them" in page.inner_text("#said")
    assert page.input_value("textarea.words") == "Typed by me."


def test_all_edits_can_be_given_up(rules: Home, visit: Visit, path: str) -> None:
    page = visit(path)
    before = texts(rules)
    page.locator("[data-action=merge_parents] >> nth=0").click()
    saved(page)
    assert texts(rules) != before

    page.click("#reset")
    page.click("#reset-dialog [value=reset]")

    until(page, "document.querySelector('#said').textContent === 'Done'")
    assert texts(rules) == before


def test_the_keyboard_is_enough(rules: Home, visit: Visit, path: str) -> None:
    page = visit(path)

    page.focus(".child [data-action=off] >> nth=0")
    page.keyboard.press("Enter")

    until(page, "document.activeElement.dataset.action === 'on'")
    assert rules.kb.chunks("kb", "rules.md")[0].children[0].is_off


def test_a_long_document_is_edited_part_by_part(tmp_path: Path, visit: Visit) -> None:
    text = "# Long\n\n" + "\n\n".join(f"Paragraph {number} of many." for number in range(9_000))
    with _filled(tmp_path / "long", text) as home, served(build_app(home)) as url:
        page = visit(f"/kb/kb/documents/{home.kb.documents('kb')[0].id}/chunks", base=url)

        page.click("a[rel=next] >> nth=0")

        page.wait_for_selector(".child >> nth=3")
        shown = page.locator(".child .words").all_text_contents()
        assert all(int(c.split("Paragraph ")[1].split()[0]) > 3000 for c in shown[1:])
        page.locator(".child [data-action=off] >> nth=2").click()
        page.wait_for_selector(".child.off")
        assert "fragment" not in page.get_attribute("a[rel=prev] >> nth=0", "href")
