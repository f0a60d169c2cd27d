from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.builders import texts
from tests.builders.fake_app import FakeHome
from tests.builders.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.faces.conftest import Visit

pytestmark = pytest.mark.browser

QUESTION = "How many euros for a hotel night, and which keys?"


def test_an_answer_streams_in_and_shows_its_sources(home: FakeHome, visit: Visit) -> None:
    home.pause_s = 0.1
    page = visit("/")

    page.fill("#question", QUESTION)
    page.click("#ask")

    until(page, "document.querySelector('#text').textContent.length > 5")
    assert page.is_visible("#stop") and page.locator("#copy").count() == 0  # still writing, and can be stopped
    page.wait_for_selector("#copy")
    assert "120 euros" in page.inner_text("#text")
    assert page.inner_text("#asked") == QUESTION
    card = page.locator(".card").first
    assert card.locator(".card-title").inner_text() == "Staff handbook"
    assert "120 euros" in card.locator("mark").inner_text()
    assert home.questions == [QUESTION]


def test_pointing_at_a_marker_lights_its_card(visit: Visit) -> None:
    page = answered(visit)

    page.hover(".cite >> nth=0")

    assert page.locator(".card.lit .card-number").all_inner_texts() == ["1"]
    page.focus("#question")
    page.hover("h1", force=True)
    page.focus(".cite >> nth=1")
    assert page.locator(".card.lit .card-number").all_inner_texts() == ["2"]


def test_a_citation_opens_its_passage_marked_in_the_document_and_back_shows_the_answer(home: FakeHome, visit: Visit) -> None:
    page = answered(visit)

    page.click(".cite >> nth=0")

    page.wait_for_selector("div.cited")
    assert page.inner_text("h1") == "Staff handbook"
    assert "Travel and hotels" in page.inner_text("div.cited")
    assert page.locator("mark.sentence").all_inner_texts() == [
        "A hotel night is reimbursed up to ",
        "120 euros",
        ", in the capital up to 160 euros.",
    ]
    assert page.evaluate("(r => r.top > 0 && r.bottom < innerHeight)(document.querySelector('#sentence').getBoundingClientRect())")
    page.click("#back")
    page.wait_for_selector("#copy")
    assert "120 euros" in page.inner_text("#text")
    assert len(home.questions) == 1  # remembered, not asked again


def test_an_address_with_a_question_asks_it_once(home: FakeHome, visit: Visit) -> None:
    page = visit("/?kb=handbook&q=hotel+night")
    page.wait_for_selector("#copy")

    page.reload()

    page.wait_for_selector("#copy")
    assert home.questions == ["hotel night"]


def test_everything_can_be_done_with_the_keyboard(home: FakeHome, visit: Visit) -> None:
    page = visit("/")
    page.locator("#theme").focus()

    page.keyboard.press("/")
    page.keyboard.type("How many euros")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("for a hotel night?")
    page.keyboard.press("Enter")
    page.wait_for_selector("#copy")
    page.wait_for_selector("#ask:visible")

    assert home.questions == ["How many euros\nfor a hotel night?"]
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.outerHTML").startswith('<a class="cite')
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    page.wait_for_selector("#document")


def test_enter_that_chooses_a_chinese_word_does_not_ask(home: FakeHome, visit: Visit) -> None:
    page = visit("/")
    page.fill("#question", "住宿")

    page.evaluate("""document.querySelector('#question').dispatchEvent(
        new KeyboardEvent('keydown', {key: 'Enter', isComposing: true, bubbles: true, cancelable: true}))""")

    page.wait_for_timeout(200)
    assert home.questions == []


def test_escape_stops_the_answer_and_keeps_what_came(home: FakeHome, visit: Visit) -> None:
    home.pause_s = 0.3
    page = visit("/")
    page.fill("#question", QUESTION)
    page.keyboard.press("Enter")
    until(page, "document.querySelector('#text').textContent.length > 5")

    page.keyboard.press("Escape")

    page.wait_for_selector("#retry")
    assert "Stopped" in page.inner_text("#trouble")
    assert len(page.inner_text("#text")) > 5
    assert page.is_visible("#ask")


def test_a_broken_stream_says_so_keeps_the_text_and_can_be_tried_again(home: FakeHome, visit: Visit) -> None:
    home.breaks_after = 2
    page = visit("/")
    page.fill("#question", QUESTION)
    page.keyboard.press("Enter")
    page.wait_for_selector("#retry")
    assert "cut off" in page.inner_text("#trouble") and page.inner_text("#text")

    home.breaks_after = None
    page.click("#retry")

    page.wait_for_selector("#copy")
    assert page.inner_text("#trouble") == ""


def test_a_refusal_is_shown_in_the_server_s_words(home: FakeHome, visit: Visit) -> None:
    page = visit("/", console="404")
    home.shelves["gone"] = home.shelves.pop("handbook")

    page.fill("#question", QUESTION)
    page.keyboard.press("Enter")

    page.wait_for_selector("#retry")
    assert "There is no knowledge base named 'handbook'" in page.inner_text("#trouble")


def test_when_the_documents_do_not_say_the_page_says_that(visit: Visit) -> None:
    page = visit("/")

    page.fill("#question", "zzz qqq")
    page.keyboard.press("Enter")

    page.wait_for_selector(".not-found")
    assert "The documents do not say" in page.inner_text("#text")


def test_the_page_says_who_writes(home: FakeHome, visit: Visit) -> None:
    assert "No model writes prose here" in visit("/").inner_text("#engine")
    home.chat_model = "Qwen3-8B"
    assert "Qwen3-8B writes the answers" in visit("/").inner_text("#engine")


def test_example_questions_come_from_the_documents(home: FakeHome, visit: Visit) -> None:
    page = visit("/")

    page.click("text=What does “Staff handbook” say?")

    page.wait_for_selector("#copy")
    assert home.questions == ["What does “Staff handbook” say?"]


def test_earlier_questions_can_be_looked_at_again_and_forgotten(home: FakeHome, visit: Visit) -> None:
    page = answered(visit)
    page.fill("#question", "When is leave lost?")
    page.keyboard.press("Enter")
    until(page, "document.querySelectorAll('#earlier a').length === 2")

    page.click(f"#earlier a:has-text('{QUESTION}')")

    assert page.inner_text("#asked") == QUESTION
    assert len(home.questions) == 2
    page.go_back()
    until(page, "document.querySelector('#asked').textContent === 'When is leave lost?'")
    page.click("#forget")
    assert page.is_hidden("#earlier")


def test_script_in_documents_answers_and_questions_is_only_text(home: FakeHome, visit: Visit) -> None:
    home.get("handbook").add("report.html", texts.HOSTILE)
    home.answer_text = (
        "Wages <img src=x onerror='hacked=7'> [x](javascript:hacked=8) ![p](https://e.example/p.png) <script>hacked=9</script> [1] [99]"
    )
    question = "<script>window.hacked = 10</script> wages"
    page = visit("/")

    page.fill("#question", question)
    page.keyboard.press("Enter")
    page.wait_for_selector("#copy")

    assert page.inner_text("#asked") == question
    assert "<img src=x" in page.inner_text("#text") and "[99]" in page.inner_text("#text")
    assert page.locator("#text a").count() == 1  # the marker of the one source that exists
    page.click(".cite")
    page.wait_for_selector("#document")
    assert page.locator("#document :is(script, iframe, svg, img)").count() == 0
    assert page.eval_on_selector_all("#document a", "links => links.map(a => a.href)") == ["https://elsewhere.example/pixel.png"]
    page.reload()
    assert page.evaluate("window.hacked") is None


def test_an_answer_can_be_copied_with_its_sources(visit: Visit) -> None:
    page = answered(visit, permissions=["clipboard-read", "clipboard-write"])

    page.click("#copy")

    page.wait_for_selector("#copy:has-text('Copied')")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert "120 euros**" in copied and re.search(r"^\[1\] Staff handbook", copied, re.MULTILINE)


def test_a_first_visitor_can_make_a_knowledge_base(home: FakeHome, visit: Visit) -> None:
    home.shelves.clear()
    page = visit("/")

    page.fill("#knowledge-name", "产品")
    page.keyboard.press("Enter")

    page.wait_for_url("**/kb/*/documents")
    assert list(home.shelves) == ["产品"]


def test_two_knowledge_bases_can_be_chosen_from(home: FakeHome, visit: Visit) -> None:
    home.create("产品 & more").add("product.md", "# Product\n\nThe port is 8443.")
    page = visit("/")

    page.select_option("#kb", "产品 & more")

    page.wait_for_url("**/?kb=*")
    page.fill("#question", "Which port is it?")
    page.keyboard.press("Enter")
    page.wait_for_selector("#copy")
    assert "8443" in page.inner_text("#text")


def answered(visit: Visit, **options: Any) -> Page:
    page = visit("/", **options)
    page.fill("#question", QUESTION)
    page.keyboard.press("Enter")
    page.wait_for_selector("#copy")
    return page
