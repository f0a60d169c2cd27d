"""The language of signs: words beside each other, gaps, alternatives, and what must not be there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.engines.doctor.signs import GAP_WORDS, SignIndex, parse_sign, words_of


def matches(sign: str, text: str) -> bool:
    return parse_sign(sign).matches(words_of(text)) > 0


@pytest.mark.parametrize(
    ("sign", "text"),
    [
        ("free memory .. less+than|below .. utilization", "Free memory (1.5/22 GiB) is BELOW the wanted utilization"),
        ("max model len # .. @lack", "max_model_len (131072) is larger than anything"),
        ("undefined symbol*", "undefined symbols: _ZN3c10"),
        ("显存不足", "错误：显存 不足，退出"),
        ("cannot+open|couldnt+open library", "couldn't open library"),
        ("world size & @lack & gpus", "2 GPUs are not enough for world_size=4"),
        ("no shared? memory", "no memory"),
        ("out of memory & !host", "CUDA out of memory"),
    ],
)
def test_a_sign_bears_with_other_punctuation_case_and_order(sign: str, text: str) -> None:
    assert matches(sign, text)


@pytest.mark.parametrize(
    ("sign", "text"),
    [
        ("free memory", "memory free"),
        ("port in use", "port is in use"),
        ("out of memory & !host", "host out of memory"),
        ("glibc", "glibcxx"),
        ("no shared memory", "no memory"),
    ],
)
def test_a_sign_does_not_match_what_it_does_not_say(sign: str, text: str) -> None:
    assert not matches(sign, text)


def test_a_gap_has_an_end() -> None:
    assert matches("engine .. failed", "engine " + "x " * GAP_WORDS + "failed")
    assert not matches("engine .. failed", "engine " + "x " * (GAP_WORDS + 1) + "failed")


def test_words_in_a_gap_explain_nothing() -> None:
    assert parse_sign("engine .. failed").matches(words_of("engine has most certainly failed")) == len("engine failed ")


@pytest.mark.parametrize("sign", ["", "..", "#", "ab*", "!word", "word?"])
def test_a_sign_that_could_match_anything_is_refused(sign: str) -> None:
    with pytest.raises(ValueError, match="has no word that must be there"):
        parse_sign(sign)


@given(st.text(max_size=200))
def test_the_index_finds_what_the_signs_find_one_by_one(text: str) -> None:
    signs = [("a", parse_sign("error .. memory")), ("b", parse_sign("显存 .. @lack")), ("c", parse_sign("port* & used|taken"))]
    words = words_of(f"{text} error in memory, 端口 port 8000 taken")
    assert {owner for owner, _, _ in SignIndex(signs).find(words)} == {owner for owner, sign in signs if sign.matches(words)}
