"""Citation markers: one form, only true ones, one for each claim, the same at every cut."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moorage.kb.cite import Citer

PASSAGES = [
    "Annual leave is ten days per year for all staff.",
    "Tea is served at four in the afternoon.",
    "年假为每年十天，须提前三天申请。",
]


def run(text: str, size: int = 10_000) -> tuple[str, Citer]:
    citer = Citer(PASSAGES)
    return "".join(citer.feed(text[i : i + size]) for i in range(0, len(text), size)) + citer.finish(), citer


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("Annual leave is ten days [1].", "Annual leave is ten days [1]."),
        ("Annual leave is ten days.[1] ", "Annual leave is ten days.[1] "),
        ("Both hold [1, 2].", "Both hold [1][2]."),
        ("Both hold [1-3].", "Both hold [1][2][3]."),
        ("Both hold【1】。", "Both hold[1]。"),
        ("Both hold [^2].", "Both hold [2]."),
        ("年假十天[来源 3]。", "年假十天[3]。"),
        ("It is so [9].", "It is so ."),
        ("It is so [1][9].", "It is so [1]."),
        ("Run `a[1]` and [2].", "Run `a[1]` and [2]."),
        ("A [link](http://x) and [note].", "A [link](http://x) and [note]."),
    ],
)
def test_a_marker_is_brought_to_one_form_and_checked(given_text: str, shown: str) -> None:
    assert run(given_text)[0] == shown


def test_a_claim_without_a_marker_is_credited_to_the_passage_that_holds_it() -> None:
    text, citer = run("Annual leave is ten days per year. Tea is served at four.")
    assert text == "Annual leave is ten days per year.[1] Tea is served at four.[2]"
    assert citer.cited == [1, 2] and citer.uncited == 0


def test_a_claim_no_passage_holds_is_counted_not_credited() -> None:
    text, citer = run("Dragons breathe fire over the mountains.")
    assert text == "Dragons breathe fire over the mountains." and citer.uncited == 1 and citer.cited == []


def test_a_chinese_claim_is_credited() -> None:
    assert run("年假为每年十天。")[0] == "年假为每年十天。[3]"


def test_markers_that_point_nowhere_are_counted() -> None:
    assert run("So [7] and [8].")[1].dropped == 2


def test_an_item_and_a_heading_are_not_torn() -> None:
    assert (
        run("# Leave\n1. Annual leave is ten days [1]\n2. Tea is served at four\n")[0]
        == "# Leave\n1. Annual leave is ten days [1]\n2. Tea is served at four[2]\n"
    )


@settings(max_examples=300)
@given(st.text(alphabet="ab 1.[]【】`,-。？\n年^", max_size=60), st.integers(1, 7))
def test_any_cut_gives_the_same_text_and_citations(text: str, size: int) -> None:
    whole, one = run(text)
    cut, other = run(text, size)
    assert (whole, one.cited, one.uncited, one.dropped) == (cut, other.cited, other.uncited, other.dropped)


@settings(max_examples=200)
@given(st.text(max_size=80))
def test_every_marker_that_is_shown_outside_code_is_true(text: str) -> None:
    shown, citer = run(text.replace("`", ""))
    import re

    assert {int(n) for n in re.findall(r"\[(\d{1,4})\]", shown)} == set(citer.cited)
