"""The sentences that answer, and whether anything answers at all."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from moorage.kb.extract import PassageText, _Held, as_quoted, extract
from moorage.kb.sentences import language_of, sentences
from moorage.kb.tokens import query_tokens, tokens

LEAVE = PassageText("# 年假\n\n员工每年享有十天年假。年假须提前三天申请。\n未休年假可顺延至次年三月。", ("年假",), "员工手册")
TRAVEL = PassageText(
    "Economy class is booked for flights under six hours. Hotels up to 120 euros per night are refunded.", ("Travel",), "Policy"
)


def best(question: str, *passages: PassageText) -> str:
    found = extract(question, passages)
    s = found.sentences[0]
    return passages[s.passage].text[s.start : s.end]


def test_the_sentence_that_answers_comes_first() -> None:
    assert best("年假要提前几天申请？", LEAVE, TRAVEL) == "年假须提前三天申请。"
    assert best("How much is refunded for a hotel per night?", LEAVE, TRAVEL) == "Hotels up to 120 euros per night are refunded."


def test_a_question_about_something_else_is_not_answered() -> None:
    assert not extract("火星上的大气主要由什么组成？", [LEAVE, TRAVEL]).found
    assert not extract("Which dragon guards the northern mountain pass?", [LEAVE, TRAVEL]).found
    assert not extract("ping", [LEAVE, TRAVEL]).found


def test_nothing_asked_or_nothing_found_is_not_answered() -> None:
    assert not extract("", [LEAVE]).found
    assert not extract("年假", []).found


def test_headings_are_never_quoted() -> None:
    assert all(not LEAVE.text[s.start : s.end].startswith("#") for s in extract("年假", [LEAVE]).sentences)


def test_the_same_sentence_is_quoted_once() -> None:
    assert len(extract("员工每年享有几天年假", [LEAVE, LEAVE]).sentences) == len(
        {LEAVE.text[s.start : s.end] for s in extract("员工每年享有几天年假", [LEAVE]).sentences}
    )


def test_sentences_end_where_people_end_them() -> None:
    text = "Dr. Wu paid 3.50 euros. She left!\n第一句。“第二句？”第三句"
    assert [text[a:b] for a, b in sentences(text)] == ["Dr. Wu paid 3.50 euros.", "She left!", "第一句。", "“第二句？”", "第三句"]


def test_the_language_is_that_of_most_words() -> None:
    assert [language_of(t) for t in ("什么是 vLLM？", "What is 年假?", "", "GPU 显存不够怎么办")] == ["zh", "en", "en", "zh"]


TABLE = PassageText(
    "## Hotels\n\n| Region | Limit per night | Breakfast |\n| --- | --- | --- |\n| China | 520 CNY | included |\n| Europe | 165 EUR | not included |\n\nAfter it.",
    ("Hotels",),
)


def test_a_table_answers_with_its_row_under_its_header() -> None:
    found = extract("What is the hotel limit per night in Europe?", [TABLE])
    best = found.sentences[0]
    assert found.found and TABLE.text[best.start : best.end] == "| Europe | 165 EUR | not included |"
    assert (
        as_quoted(TABLE.text[best.start : best.end], best.header) == "Region: Europe · Limit per night: 165 EUR · Breakfast: not included"
    )


def test_header_and_delimiter_rows_are_never_quoted() -> None:
    quoted = [TABLE.text[s.start : s.end] for s in extract("Region limit breakfast", [TABLE]).sentences]
    assert not any("Region" in q or "---" in q for q in quoted)


def test_a_list_item_is_quoted_without_its_mark() -> None:
    assert [as_quoted(t) for t in ("- an item", "12. step", "* x  y", "plain")] == ["an item", "step", "x y", "plain"]


@given(st.text("年假天休 ，。a1tea", max_size=30), st.text("年假天休 ，。a1tea", max_size=40))
def test_what_a_text_holds_is_what_its_tokens_say(question: str, text: str) -> None:
    wanted = set(query_tokens(question))
    assert _Held(wanted)(text) == wanted & set(tokens(text))
