from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.models.think import ThinkFilter


def filtered(*pieces: str) -> str:
    thoughts = ThinkFilter()
    return "".join([*map(thoughts.feed, pieces), thoughts.finish()])


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("<think>let me see</think>\n\nForty-two.", "Forty-two."),
        ("\n<think>\n</think>\n<think>more</think>Yes", "Yes"),
        ("One<think>hm</think> two", "One two"),
        ("no tags", "no tags"),
        ("a < b, <thin, </think", "a < b, <thin, </think"),
        ("<think>cut short by the token lim", ""),
        ("The tag `<think>` begins it.", "The tag `<think>` begins it."),
        ("", ""),
    ],
)
def test_reasoning_is_taken_out_and_the_answer_stays(text: str, answer: str) -> None:
    assert filtered(text) == answer


@given(st.lists(st.sampled_from(["<think>", "</think>", "<", "th", ">", "答", " ", "\n"]), max_size=30), st.lists(st.integers(0, 200)))
def test_tags_cut_anywhere_give_the_same_answer(parts: list[str], places: list[int]) -> None:
    text = "".join(parts)
    edges = [0, *sorted(place % (len(text) + 1) for place in places), len(text)]
    pieces = [text[a:b] for a, b in itertools.pairwise(edges)]

    assert filtered(*pieces) == filtered(text)


def test_text_that_cannot_be_a_tag_is_given_at_once() -> None:
    assert ThinkFilter().feed("a <b> c") == "a <b> c"
