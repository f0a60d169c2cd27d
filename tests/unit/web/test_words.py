from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

import moorage.web
from moorage.engines.doctor import catalogue
from moorage.engines.doctor.progress import _MARKS, BEFORE
from moorage.plan import explain, laws
from moorage.web.words import PHRASES, choose_language, fill, words

WEB = Path(moorage.web.__file__).parent
SOURCES = {path.name: path.read_text(encoding="utf-8") for folder in ("templates", "static") for path in (WEB / folder).iterdir()}


@pytest.mark.parametrize(
    ("asked", "cookie", "accept", "language"),
    [
        (None, None, None, "en"),
        ("zh", "en", "en", "zh"),
        (None, "zh", "en-US,en", "zh"),
        ("tlh", "xx", "zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        (None, None, "de;q=1, en;q=0.5, zh;q=0.7", "zh"),
        (None, None, "zh;q=0, en;q=0.1", "en"),
        (None, None, "fr", "en"),
        (None, None, "zh;q=nonsense", "en"),
    ],
)
def test_the_address_beats_the_cookie_beats_the_browser(asked: str | None, cookie: str | None, accept: str | None, language: str) -> None:
    assert choose_language(asked, cookie, accept) == language


def test_both_languages_fill_in_the_same_names() -> None:
    def names(text: str) -> set[str | None]:
        return {name for part in text.split("|") for _, name, _, _ in string.Formatter().parse(part) if name}

    assert {name: (names(p.en), names(p.zh)) for name, p in PHRASES.items() if names(p.en) != names(p.zh)} == {}


def test_no_phrase_is_left_untranslated() -> None:
    same = {name for name, phrase in PHRASES.items() if phrase.en == phrase.zh}

    assert same == set()


def test_one_and_several_have_their_own_form() -> None:
    assert fill(words("en")["documents_count"], 1) == "1 document"
    assert fill(words("en")["documents_count"], 1200) == "1,200 documents"
    assert fill(words("zh")["documents_count"], 1) == "1 篇文档"


def test_every_phrase_the_page_asks_for_exists() -> None:
    text = "\n".join(SOURCES.values())
    asked = {name for pair in re.findall(r"\bw\.(\w+)|\bw\['(\w+)'\]|\bsay\(\"(\w+)\"", text) for name in pair if name}

    assert asked - set(PHRASES) == set()
    assert set(re.findall(r"\bw\.(\w+)", text)) & set(dir(dict)) == set()  # a template would get the method, not the phrase


MADE_BY_SCRIPTS = ("part_", "stage_", "came_", "weight_", "doctor_cause_")


def test_what_the_doctor_and_a_plan_name_has_words() -> None:
    stages = {f"stage_{cause.stage}" for cause in catalogue().causes.values()}
    steps = {f"came_{step}" for step in (BEFORE, *(step for step, _ in _MARKS))}
    terms = {f"part_{name}" for name in re.findall(r"Term\(\s*\"(\w+)\"", Path(laws.__file__).read_text(encoding="utf-8"))}
    lines = {f"part_{name}" for name in re.findall(r"Line\(\s*\"(\w+)\"", Path(explain.__file__).read_text(encoding="utf-8"))}

    assert len(terms) > 5 and len(lines) > 5
    assert (stages | steps | terms | lines) - set(PHRASES) == set()


def test_every_phrase_is_used() -> None:
    text = "\n".join(SOURCES.values()) + (WEB / "pages.py").read_text(encoding="utf-8")
    made = {name for name in PHRASES if name.startswith(("state_", "step_", "theme_", "error_", *MADE_BY_SCRIPTS))}

    assert {name for name in set(PHRASES) - made if not re.search(rf"\b{name}\b", text)} == set()


def test_no_file_of_the_page_asks_another_server() -> None:
    named = {url for text in SOURCES.values() for url in re.findall(r"(?:https?:)?//[a-z0-9-]+\.[a-z0-9.]+", text)}

    assert named == {"http://www.w3.org"}  # the name of SVG, not an address


def test_templates_hold_no_inline_script_and_no_inline_style() -> None:
    for name, text in SOURCES.items():
        if name.endswith(".html"):
            assert not re.search(r"\sstyle=|<style|\son\w+=|javascript:", text), name
            assert all('type="application/json"' in tag or "src=" in tag for tag in re.findall(r"<script[^>]*>", text)), name
        if name.endswith(".js"):
            assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text), name
