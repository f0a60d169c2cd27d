"""The splitter beside the rules written down a second time: the same children in the same parents."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings

from moorage.kb.chunk import clean, split
from tests.unit.kb.chunk.documents import documents, limits
from tests.unit.kb.chunk.plain import plainly_split

_CORPUS = Path(__file__).resolve().parents[4].parent / "shared" / "corpus"
_FILES = sorted([*_CORPUS.glob("md/*.md"), *_CORPUS.glob("expected/*.md")])
_SHOWN = 40_000


def texts(text: str, child_max: int, parent_max: int) -> list[list[str]]:
    return [[child.text for child in parent.children] for parent in split(text, child_max=child_max, parent_max=parent_max)]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents, limits)
def test_nasty_documents_are_split_as_the_rules_say(source: str, child_and_parent: tuple[int, int]) -> None:
    text = clean(source).text
    expected = plainly_split(text, *child_and_parent)
    # A child must be the same when it is split again. What would not be, as a line reads as a heading only there, is parted beyond the rules.
    assume(all(texts(child, *child_and_parent) == [[child]] for parent in expected for child in parent))

    assert texts(text, *child_and_parent) == expected


@pytest.mark.skipif(not _FILES, reason="the shared corpus is not beside this checkout")
@pytest.mark.parametrize("path", _FILES, ids=[path.stem for path in _FILES])
@pytest.mark.parametrize("child_and_parent", [(60, 150), (300, 500)])
def test_real_documents_are_split_as_the_rules_say(path: Path, child_and_parent: tuple[int, int]) -> None:
    text = clean(path.read_text(encoding="utf-8")[:_SHOWN]).text

    assert texts(text, *child_and_parent) == plainly_split(text, *child_and_parent)
