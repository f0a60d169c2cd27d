from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.builders import texts
from tests.builders.fake_app import FakeHome

if TYPE_CHECKING:
    from tests.faces.conftest import Visit

pytestmark = pytest.mark.browser

PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
BACKGROUND = "getComputedStyle(document.documentElement).backgroundColor"
LIGHT, DARK = "rgb(250, 251, 251)", "rgb(15, 23, 27)"


def test_the_language_follows_the_browser_and_the_switch_is_remembered(visit: Visit) -> None:
    page = visit("/", locale="zh-CN")
    assert page.inner_text("h1") == "向您的文档提问" and page.get_attribute("html", "lang") == "zh-Hans"

    page.click("#language")

    assert page.inner_text("h1") == "Ask your documents"
    page.goto("/kb/handbook/documents")
    assert page.inner_text("h1") == "Documents"


def test_switching_the_language_keeps_the_place(home: FakeHome, visit: Visit) -> None:
    document = home.documents("handbook")[0]
    page = visit(f"/kb/handbook/documents/{document.id}?start=5&end=90")

    page.click("#language")

    assert page.url.endswith(f"/kb/handbook/documents/{document.id}?start=5&end=90")
    assert "引用的段落已标出" in page.inner_text(".passage-note")


def test_a_chinese_question_is_asked_and_answered_in_chinese(visit: Visit) -> None:
    page = visit("/", locale="zh-CN")

    page.fill("#question", "住宿费每晚最高报销多少？")
    page.keyboard.press("Enter")

    page.wait_for_selector("#copy")
    assert "450 元" in page.inner_text("#text")
    assert page.inner_text("#sources-title") == "出处"


@pytest.mark.parametrize(("scheme", "colour"), [("light", LIGHT), ("dark", DARK)])
def test_colours_follow_the_system(visit: Visit, scheme: str, colour: str) -> None:
    assert visit("/", color_scheme=scheme).evaluate(BACKGROUND) == colour


def test_the_colour_switch_overrules_the_system_and_is_remembered(visit: Visit) -> None:
    page = visit("/", color_scheme="light")

    page.click("#theme")
    page.click("#theme")

    assert page.evaluate(BACKGROUND) == DARK
    page.goto("/docs")
    assert page.evaluate(BACKGROUND) == DARK


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_nothing_is_wider_than_a_phone(home: FakeHome, visit: Visit, locale: str) -> None:
    wide = "| " + " | ".join(f"column {n}" for n in range(12)) + " |\n|" + "---|" * 12 + "\n| " + " | ".join(["value"] * 12) + " |"
    home.get("handbook").add(
        f"{'very-long-name' * 8}.md", f"# {'Unbroken' * 12}\n\n## Hotel night\n\n{wide}\n\n`{'code' * 60}` {'词' * 90}"
    )
    document = home.documents("handbook")[-1]
    page = visit("/?kb=handbook&q=hotel+night+%2Fa%2Fvery%2Flong%2Fpath" + "x" * 80, locale=locale, **PHONE)
    page.wait_for_selector("#copy")

    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    for path in ("/", "/kb/handbook/documents", f"/kb/handbook/documents/{document.id}?start=0&end=50", "/docs", "/login"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path


def test_every_page_has_one_title_named_fields_and_named_buttons(home: FakeHome, visit: Visit) -> None:
    page = visit("/?kb=handbook&q=hotel+night")
    page.wait_for_selector("#copy")
    paths = ["/kb/handbook/documents", f"/kb/handbook/documents/{home.documents('handbook')[0].id}", "/docs", "/login"]
    for path in ["", *paths]:
        if path:
            page.goto(path)
        assert page.evaluate("""[...document.querySelectorAll('h1')].filter(h => !h.closest('#document')).length""") == 1, path
        nameless = page.evaluate("""[...document.querySelectorAll('button, a, input:not([type=hidden]), select, textarea')].filter(e =>
            !(e.textContent.trim() || e.getAttribute('aria-label') || e.labels?.length)).map(e => e.outerHTML)""")
        assert nameless == [], path


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_background(home: FakeHome, visit: Visit, scheme: str) -> None:
    home.get("handbook").add("x.md", texts.HOSTILE)
    page = visit("/?kb=handbook&q=hotel+night", color_scheme=scheme)
    page.wait_for_selector("#copy")

    assert page.evaluate(CONTRASTS) >= 4.5


def test_the_api_is_described_without_help_from_outside(visit: Visit) -> None:
    page = visit("/docs", permissions=["clipboard-read", "clipboard-write"])

    assert page.locator(".operation h3").count() >= 5
    page.click("[data-copy] >> nth=0")
    assert page.evaluate("navigator.clipboard.readText()").startswith("curl ")


def test_an_unknown_address_is_a_page_in_the_visitor_s_language(visit: Visit) -> None:
    assert visit("/nowhere", console="404", locale="zh-CN").inner_text("h1") == "没有这个页面"


# The lowest contrast (WCAG) between a text and the nearest background behind it.
CONTRASTS = """() => {
  const context = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgba = (colour) => { context.clearRect(0, 0, 1, 1); context.fillStyle = colour; context.fillRect(0, 0, 1, 1);
    return context.getImageData(0, 0, 1, 1).data; };
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (e) => { for (; e; e = e.parentElement) { const c = rgba(getComputedStyle(e).backgroundColor); if (c[3] > 250) return c; } return [255, 255, 255]; };
  const texts = [...document.querySelectorAll('body *')].filter((e) => e.checkVisibility() &&
    [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()));
  return Math.min(...texts.map((e) => { const [a, b] = [light(rgba(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05); }));
}"""
