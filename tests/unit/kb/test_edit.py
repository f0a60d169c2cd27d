from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.kb.edit import LONGEST_TEXT, Edit, EditImpossible, EditKind, Group, Piece, Sheet, edited

TEXT = "One two.\n\nThree four.\n\nFive six."


def sheet(*groups: tuple[str, ...], text: str = TEXT) -> Sheet:
    """A sheet whose children are these pieces of the text, in order; ids count from 1."""
    at, identity, made = 0, 0, list[Group]()
    for number, pieces in enumerate(groups, 1):
        children: list[Piece] = []
        for words in pieces:
            start, identity = text.index(words, at), identity + 1
            at = start + len(words)
            children.append(Piece(start, at, ("Head",), None, identity))
        made.append(Group(number, ("Head",), None, tuple(children)))
    return Sheet(text, tuple(made))


def texts(of: Sheet) -> list[list[str]]:
    return [[of.text[c.start : c.end] for c in g.children] for g in of.groups]


def ids(of: Sheet) -> list[int | None]:
    return [c.id for g in of.groups for c in g.children]


THREE = sheet(("One two.", "Three four."), ("Five six.",))


def test_new_words_replace_the_range_and_what_stands_behind_moves_along() -> None:
    after = edited(THREE, Edit("text", "c1", text="One, two and more."))

    assert after.text == "One, two and more.\n\nThree four.\n\nFive six."
    assert texts(after) == [["One, two and more.", "Three four."], ["Five six."]]
    assert ids(after) == [None, 2, 3]


def test_the_same_words_change_nothing() -> None:
    assert edited(THREE, Edit("text", "c2", text="Three four.")) == THREE


def test_controls_are_left_out_of_new_words() -> None:
    assert texts(edited(THREE, Edit("text", "c2", text="Three\x00 \x1bfour!\r\n"))) == [["One two.", "Three four!"], ["Five six."]]


def test_a_border_moves_within_a_parent() -> None:
    after = edited(THREE, Edit("border", "c1", at=TEXT.index("four")))

    assert texts(after) == [["One two.\n\nThree", "four."], ["Five six."]]
    assert ids(after) == [None, None, 3]


def test_a_border_moves_between_parents() -> None:
    after = edited(THREE, Edit("border", "c2", at=TEXT.index("six")))

    assert texts(after) == [["One two.", "Three four.\n\nFive"], ["six."]]


def test_two_children_are_merged_with_what_is_between_them() -> None:
    after = edited(THREE, Edit("merge", "c1"))

    assert texts(after) == [["One two.\n\nThree four."], ["Five six."]]
    assert ids(after) == [None, 3]


def test_a_child_is_split_where_the_cursor_is() -> None:
    assert texts(edited(THREE, Edit("split", "c2", at=6))) == [["One two.", "Three", "four."], ["Five six."]]


def test_the_indentation_of_code_stays() -> None:
    code = sheet(("def a():\n    return 1",), text="def a():\n    return 1")

    assert texts(edited(code, Edit("split", "c1", at=9))) == [["def a():", "    return 1"]]


def test_a_child_begins_a_new_parent() -> None:
    after = edited(THREE, Edit("split_parent", "c2"))

    assert texts(after) == [["One two."], ["Three four."], ["Five six."]]
    assert ids(after) == [1, 2, 3]


@pytest.mark.parametrize("chunk", ["c1", "c2", "p1"])
def test_a_parent_is_merged_with_the_next(chunk: str) -> None:
    assert texts(edited(THREE, Edit("merge_parents", chunk))) == [["One two.", "Three four.", "Five six."]]


def test_a_chunk_is_switched_off_and_on() -> None:
    off = edited(THREE, Edit("off", "c2"))

    assert [c.is_off for g in off.groups for c in g.children] == [False, True, False]
    assert edited(off, Edit("on", "c2")) == THREE


def test_a_parent_is_switched_off_with_its_children() -> None:
    assert [c.is_off for g in edited(THREE, Edit("off", "p1")).groups for c in g.children] == [True, True, False]


def test_two_merged_are_off_only_where_both_were() -> None:
    off = edited(edited(THREE, Edit("off", "c1")), Edit("merge", "c1"))

    assert not off.groups[0].children[0].is_off


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (Edit("text", "c9", text="x"), "no chunk 'c9'"),
        (Edit("off", "p9"), "no chunk 'p9'"),
        (Edit("split", "p1", at=1), "no chunk 'p1'"),
        (Edit("text", "c1", text=" \n\x00"), "cannot be empty"),
        (Edit("text", "c1", text="x" * (LONGEST_TEXT + 1)), f"{LONGEST_TEXT} characters"),
        (Edit("merge", "c2"), "last child of its parent"),
        (Edit("merge_parents", "c3"), "last parent"),
        (Edit("split", "c1", at=0), "on one side"),
        (Edit("split", "c1", at=8), "on one side"),
        (Edit("split", "c1", at=900), "on one side"),
        (Edit("split_parent", "c1"), "first child"),
        (Edit("border", "c3", at=3), "last chunk of the document"),
        (Edit("border", "c1", at=0), "on one side"),
        (Edit("border", "c2", at=len(TEXT)), "on one side"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_reason(edit: Edit, reason: str) -> None:
    with pytest.raises(EditImpossible, match=reason):
        edited(THREE, edit)


KINDS: list[EditKind] = ["text", "border", "merge", "split", "merge_parents", "split_parent", "off", "on"]


@given(st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 12), st.integers(0, 60), st.text(max_size=12)), max_size=12))
def test_whatever_is_edited_chunks_stay_ranges_in_order_and_no_word_is_lost(steps: list[tuple[EditKind, int, int, str]]) -> None:
    now = THREE
    for kind, chunk, at, words in steps:
        before, everything = now, "".join(now.text.split())
        try:
            now = edited(now, Edit(kind, f"c{chunk}", at, words))
        except EditImpossible:
            assert now == before
            continue
        pieces = [c for g in now.groups for c in g.children]
        assert all(g.children for g in now.groups)
        assert all(0 <= c.start < c.end <= len(now.text) for c in pieces)
        assert all(a.end <= b.start for a, b in pairwise(pieces))
        assert all(now.text[c.start : c.end].strip() for c in pieces)
        if kind != "text":
            assert now.text == before.text
            covered = "".join("".join(now.text[c.start : c.end] for c in pieces).split())
            assert covered == everything
        # What an edit changed has a new id, which the store gives; here the pieces are numbered again.
        now = numbered(now)


def numbered(of: Sheet) -> Sheet:
    number, groups = 0, list[Group]()
    for group in of.groups:
        children: list[Piece] = []
        for c in group.children:
            number += 1
            children.append(Piece(c.start, c.end, c.headings, c.page, number, c.is_off))
        groups.append(Group(len(groups) + 1, group.headings, group.page, tuple(children)))
    return Sheet(of.text, tuple(groups))
