"""Passages under a budget of characters."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from moorage.kb.context import Passage, assemble, characters


def _passage(text: str, document: str = "d", start: int = 100) -> Passage:
    return Passage(document, start, start + len(text), text)


def _filler(sentences: int) -> str:
    return " ".join(f"Nothing to see in sentence number {n} of this text." for n in range(sentences))


def test_the_best_child_is_whole() -> None:
    best = _passage(_filler(10))
    assert assemble("what is there to see", [best, _passage(_filler(30), "e")], 2000)[0] == best


def test_later_children_give_the_sentences_that_hold_the_question() -> None:
    long = _passage(f"{_filler(15)} The treasure lies under the old oak. {_filler(15)}", "e")
    found = assemble("Where is the treasure?", [_passage(_filler(20)), long], 2000)
    assert "treasure" in found[1].text
    assert len(found[1].text) <= 300
    assert found[1].text == long.text[found[1].start - long.start : found[1].end - long.start]


def test_a_first_child_over_the_budget_gives_the_part_that_answers() -> None:
    long = _passage(f"{_filler(60)} The treasure lies under the old oak. {_filler(60)}")
    found = assemble("Where is the treasure?", [long], 500)
    assert "treasure" in found[0].text
    assert characters(found) <= 500


def test_a_table_stays_whole_or_stays_out() -> None:
    table = _passage("| a | b |\n| --- | --- |\n" + "| treasure | oak |\n" * 30, "t")
    small = assemble("treasure", [_passage(_filler(20)), table], 1400)
    large = assemble("treasure", [_passage(_filler(20)), table], 3000)
    assert table not in small and all(passage.document_id != "t" for passage in small)
    assert table in large


def test_chinese_sentences_are_chosen_too() -> None:
    long = _passage("这里没有什么内容。" * 60 + "宝藏埋在老橡树下面。" + "这里没有什么内容。" * 60, "e")
    assert "老橡树" in assemble("宝藏在哪里？", [_passage("第一段。" * 50), long], 1000)[1].text


def test_nothing_found_gives_nothing() -> None:
    assert assemble("anything", [], 2000) == []


def test_a_question_without_words_still_gets_passages() -> None:
    assert assemble("???", [_passage("Some text.")], 2000) == [_passage("Some text.")]


@given(st.lists(st.text(alphabet="ab c.。\n|数据", min_size=1, max_size=900), max_size=8), st.integers(min_value=1, max_value=3000))
def test_the_budget_holds_and_every_passage_is_a_piece_of_its_child(texts: list[str], budget: int) -> None:
    children = [_passage(text, str(n)) for n, text in enumerate(texts)]
    found = assemble("a b 数据", children, budget)
    assert characters(found) <= budget
    assert [passage.document_id for passage in found] == sorted({passage.document_id for passage in found})
    for passage in found:
        child = children[int(passage.document_id)]
        assert passage.text == child.text[passage.start - child.start : passage.end - child.start]
