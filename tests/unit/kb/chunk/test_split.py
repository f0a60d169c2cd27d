"""Splitting: the examples, the rules case by case, and what the blocks say about themselves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from moorage.core.errors import ChunkLimitsInvalid
from moorage.kb.chunk import Child, Parent, apply_verdicts, clean, parse, render, split
from tests.unit.kb.chunk.cases import read_cases

_CASES = read_cases("split.txt")
_EXAMPLES = Path(__file__).resolve().parents[4].parent / "shared" / "chunking" / "examples"


@pytest.mark.parametrize(("limits", "source", "becomes"), [case[1:] for case in _CASES], ids=[case[0] for case in _CASES])
def test_a_text_is_split(limits: dict[str, int], source: str, becomes: str) -> None:
    assert render(split(clean(source).text, **limits)) == becomes


@pytest.mark.skipif(not _EXAMPLES.is_dir(), reason="the shared examples are not beside this checkout")
def test_the_shared_examples_are_met_byte_for_byte() -> None:
    for source in sorted(_EXAMPLES.glob("*.in.md")):
        name = source.name.removesuffix(".in.md")
        options = json.loads(source.with_name(f"{name}.json").read_text(encoding="utf-8"))
        cleaned = clean(source.read_text(encoding="utf-8"), base_url=options.get("base_url", ""))
        parents = split(cleaned.text, child_max=options["child_max"], parent_max=options["parent_max"])
        if "llm" in options:
            parents = apply_verdicts(parents, lambda parent: options["llm"][parent.text.split("\n")[0]])  # noqa: B023
        assert render(parents).encode() == source.with_name(f"{name}.out.md").read_bytes(), name


@pytest.mark.parametrize(("child_max", "parent_max"), [(0, 10), (-1, -1), (11, 10)])
def test_limits_that_cannot_be_kept_are_refused(child_max: int, parent_max: int) -> None:
    with pytest.raises(ChunkLimitsInvalid):
        split("text", child_max=child_max, parent_max=parent_max)


def test_a_child_is_a_slice_of_the_cleaned_text() -> None:
    text = clean("# 一\n\n甲。\n\n## 二\n\n乙。").text
    children = [child for parent in split(text, child_max=8, parent_max=40) for child in parent.children]
    assert [child.text for child in children] == [text[child.start : child.end] for child in children] == ["# 一\n\n甲。", "## 二\n\n乙。"]


def test_blocks_know_the_headings_above_them() -> None:
    parents = split("# 一\n\n甲。\n\n## 1.2 二\n\n乙乙乙乙乙乙乙。\n\n丙丙丙丙丙丙丙。", child_max=20, parent_max=20)
    assert [parent.headings for parent in parents] == [("一",), ("一", "1.2 二"), ("一", "1.2 二")]
    assert [child.headings for parent in parents for child in parent.children] == [parent.headings for parent in parents]


def test_the_length_of_a_parent_counts_its_delimiters() -> None:
    parent = Parent((Child("abc", 0, 3), Child("de", 5, 7)))
    assert (parent.length, parent.start, parent.end) == (len("abc\n------\nde"), 0, 7)
    assert parse(render([parent, parent])) == (("abc", "de"), ("abc", "de"))


def _parents() -> tuple[Parent, ...]:
    return split("# 一\n\n## 甲\n\n字字字。\n\n## 乙\n\n字字字。\n\n# 二", child_max=10, parent_max=100)


def test_independent_children_become_parents_with_their_own_headings() -> None:
    judged = apply_verdicts(_parents(), lambda parent: "independent")
    assert [len(parent.children) for parent in judged] == [1, 1, 1, 1]
    assert [parent.headings for parent in judged] == [("一",), ("一", "甲"), ("一", "乙"), ("二",)]


@pytest.mark.parametrize("answer", ["related", "", "perhaps independent", "独立"])
def test_any_other_answer_leaves_a_parent_as_it_is(answer: str) -> None:
    assert apply_verdicts(_parents(), lambda parent: answer) == _parents()


def test_an_error_while_asking_leaves_a_parent_as_it_is() -> None:
    def fail(parent: Parent) -> str:
        raise TimeoutError(parent.text)

    assert apply_verdicts(_parents(), fail) == _parents()


def test_only_parents_with_several_children_are_asked_about() -> None:
    asked: list[str] = []

    def ask(parent: Parent) -> str:
        asked.append(parent.text.split("\n")[0])
        return "related"

    apply_verdicts(_parents(), ask)
    assert asked == ["# 一"]


def test_a_whole_section_that_would_fall_apart_on_its_own_is_parted_at_once() -> None:
    # 小结 counts as depth 2 only because it follows 1.1; alone it would be a sibling of 1.1.1.
    text = "# 1.1 甲\n\n字字字字。\n\n# 小结\n\n字。\n\n# 1.1.1 乙\n\n字。"
    children = [child.text for parent in split(text, child_max=30, parent_max=60) for child in parent.children]
    assert all(
        [[part.text for part in parent.children] for parent in split(child, child_max=30, parent_max=60)] == [[child]] for child in children
    )
