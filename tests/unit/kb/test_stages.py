"""The small stages: fusing, naming, filtering, prompting."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.core.errors import FilterInvalid, NameInvalid
from moorage.core.nouns import Document
from moorage.kb.fuse import fuse, lexical_score
from moorage.kb.metadata import OPERATORS, parse_filter
from moorage.kb.names import checked_name, document_name, name_for_folder
from moorage.kb.prompt import answer_messages, says_nothing


def scored(low: float, high: float) -> st.SearchStrategy[list[tuple[str, float]]]:
    return st.lists(st.tuples(st.text("abcdef", min_size=1, max_size=1), st.floats(low, high)), max_size=6, unique_by=lambda p: p[0])


@given(scored(0, 300), scored(-1, 1), st.floats(0, 1))
def test_fused_scores_lie_between_0_and_1_and_fall(lexical: list[tuple[str, float]], dense: list[tuple[str, float]], weight: float) -> None:
    scores = [s for _, s in fuse(lexical, dense, weight, 8)]
    assert all(0 <= s <= 1 for s in scores) and scores == sorted(scores, reverse=True)


def test_what_both_legs_find_comes_first() -> None:
    assert fuse([("a", 50.0), ("b", 60.0)], [("a", 0.9), ("c", 0.9)], 0.5, 8)[0][0] == "a"


def test_one_leg_alone_keeps_its_scale() -> None:
    assert fuse([("a", 24.0)], [], 0.9, 8) == [("a", lexical_score(24.0, 8))]
    assert fuse([], [("a", 0.7), ("b", 0.35)], 0.1, 8) == [("a", 0.7), ("b", 0.35)]


def test_nothing_found_is_nothing() -> None:
    assert fuse([], [], 0.5, 0) == []


def test_a_lexical_score_keeps_the_order_of_bm25() -> None:
    scores = [lexical_score(b, 12) for b in (0.0, 1.0, 10.0, 100.0)]
    assert scores == sorted(scores) and scores[0] == 0 and scores[-1] < 1


@pytest.mark.parametrize("name", ["handbook", "手册", "a.b-c_d", "2024", "x" * 64])
def test_a_good_name_is_kept(name: str) -> None:
    assert checked_name(name) == name


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "a b", "-a", "_a", "x" * 65, "a\n", "<b>"])
def test_a_bad_name_is_refused(name: str) -> None:
    with pytest.raises(NameInvalid):
        checked_name(name)


@given(st.text(max_size=100))
def test_a_strangers_file_name_leads_nowhere(path: str) -> None:
    name = document_name(path)
    assert name and not name.startswith("/") and ".." not in name.split("/") and "\n" not in name
    name.encode()


@pytest.mark.parametrize(
    ("path", "name"),
    [("../../x.md", "x.md"), ("C:\\docs\\x.md", "C:/docs/x.md"), ("a\nb.md", "a b.md"), ("", "document"), ("/etc/passwd", "etc/passwd")],
)
def test_file_names_are_made_safe(path: str, name: str) -> None:
    assert document_name(path) == name


@given(st.text(max_size=60))
def test_a_folder_always_gives_a_usable_name(folder: str) -> None:
    checked_name(name_for_folder(Path("/") / folder.replace("\0", "")))


DOCUMENT = Document(
    "d1", "kb", "政策/leave.md", "Leave", "text/markdown", "h", 10, "ready",
    metadata={"author": "Li Wei", "year": 2024, "tag": "hr"}, added_at=1_700_000_000,
)  # fmt: skip


@pytest.mark.parametrize(
    ("field", "operator", "value", "holds"),
    [
        ("author", "contains", "wei", True),
        ("author", "not contains", "wei", False),
        ("author", "start with", "li", True),
        ("author", "end with", "Wei", True),
        ("tag", "is", "HR", True),
        ("tag", "is not", "hr", False),
        ("missing", "empty", None, True),
        ("tag", "empty", None, False),
        ("tag", "not empty", None, True),
        ("tag", "in", ["it", "hr"], True),
        ("tag", "in", "it, hr", True),
        ("tag", "not in", ["it"], True),
        ("year", "=", "2024", True),
        ("year", "≠", 2024, False),
        ("year", ">", 2023, True),
        ("year", "<", 2024, False),
        ("year", "≥", 2024, True),
        ("year", "≤", 2023.5, False),
        ("upload_date", "before", "2024-01-01", True),
        ("upload_date", "after", 1_600_000_000, True),
        ("upload_date", "after", "nonsense", False),
        ("missing", "is", "x", False),
        ("missing", "is not", "x", True),
        ("missing", ">", 1, False),
        ("author", ">", 1, False),
        ("document_name", "contains", "政策", True),
    ],
)
def test_a_condition_holds_as_dify_means_it(field: str, operator: str, value: object, holds: bool) -> None:
    made = parse_filter({"logical_operator": None, "conditions": [{"name": field, "comparison_operator": operator, "value": value}]})
    assert made.admits(DOCUMENT) is holds


def test_there_are_eighteen_operators() -> None:
    assert len(OPERATORS) == 18


def test_conditions_are_joined_by_and_or_or() -> None:
    conditions = [{"name": "tag", "comparison_operator": "is", "value": v} for v in ("hr", "it")]
    assert not parse_filter({"logical_operator": "and", "conditions": conditions}).admits(DOCUMENT)
    assert parse_filter({"logical_operator": "or", "conditions": conditions}).admits(DOCUMENT)


@pytest.mark.parametrize("raw", [None, {}, {"conditions": None}, {"conditions": []}])
def test_no_conditions_admit_everything(raw: object) -> None:
    assert parse_filter(raw).admits(DOCUMENT)


@pytest.mark.parametrize(
    "raw",
    [
        5,
        {"logical_operator": "xor"},
        {"conditions": 5},
        {"conditions": [5]},
        {"conditions": [{"name": "a", "comparison_operator": "~"}]},
        {"conditions": [{}]},
    ],
)
def test_a_filter_that_is_none_is_refused(raw: object) -> None:
    with pytest.raises(FilterInvalid):
        parse_filter(raw)


@pytest.mark.parametrize(
    "answer", ["The documents do not say.", "the documents do not say", "文档中没有说明。", "**文档中没有说明** [1]", "", "  "]
)
def test_a_model_that_found_nothing_is_understood(answer: str) -> None:
    assert says_nothing(answer)


def test_an_answer_is_not_taken_for_nothing() -> None:
    assert not says_nothing("The documents do not say who, but they name the date: 3 May.")


def test_passages_are_numbered_in_their_order() -> None:
    user = answer_messages("Q?", ["first", "second"], "en")[-1].content
    assert user == "Context:\n[1] first\n\n[2] second\n\nQuestion: Q?"
