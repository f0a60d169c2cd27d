"""What always holds, over generated documents and over real ones."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from moorage.kb.chunk import clean, split
from moorage.kb.chunk.scan import MATH, scan
from tests.unit.kb.chunk.documents import documents, limits
from tests.unit.kb.chunk.laws import assert_laws, atoms

_CORPUS = Path(__file__).resolve().parents[4].parent / "shared" / "corpus"
_FILES = sorted([*_CORPUS.glob("md/*.md"), *_CORPUS.glob("expected/*.md")])
_REAL_LIMITS = [(60, 150), (300, 500), (300, 1000), (500, 2000)]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents, limits)
def test_the_laws_hold_for_nasty_documents(source: str, child_and_parent: tuple[int, int]) -> None:
    assert_laws(source, *child_and_parent)


@pytest.mark.skipif(not _FILES, reason="the shared corpus is not beside this checkout")
@pytest.mark.parametrize("path", _FILES, ids=[path.stem for path in _FILES])
def test_the_laws_hold_for_real_documents(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    for child_max, parent_max in _REAL_LIMITS:
        assert_laws(source, child_max, parent_max)


@pytest.mark.skipif(not _FILES, reason="the shared corpus is not beside this checkout")
@pytest.mark.parametrize("path", _FILES, ids=[path.stem for path in _FILES])
def test_code_and_tables_of_real_documents_are_those_that_markdown_it_finds(path: Path) -> None:
    text = clean(path.read_text(encoding="utf-8")).text
    found = scan(text)
    ours = ["\n".join(found.lines[first : last + 1]).strip() for first, last in found.atoms if found.kinds[first] != MATH]
    assert ours == atoms(text)


_HOSTILE = {
    "one line": "字" * 100_000,
    "brackets": "[" * 50_000,
    "openers": "![](" * 20_000,
    "backticks": "".join("`" * width + " " for width in range(400)),
    "dollars": "$a\\$" * 20_000,
    "headings": "# a\n" * 10_000,
    "sub-headings": "# t\n" + "## a\n\nb\n\n" * 10_000,
    "table rows": "| a | b |\n|---|---|\n" + "| 1 | 2 |\n" * 10_000,
    "nested tables": "<table><tr><td>" * 5_000,
    "closed nested tables": "<table><tr><td>" * 5_000 + "</td></tr></table>" * 5_000,
    "many tables": "<table><tr><td>x</td></tr></table> " * 1_000,
    "open tags": '<img src="' * 20_000,
    "quotes": ">" * 50_000,
    "deep lists": "\n".join("  " * (at % 300) + "- a" for at in range(1_000)),
    "open formulas": "$$ a\n" * 10_000,
    "lists with headings": "- a\n" + "  1.1 目的\n" * 10_000,
    "front matter": "---\n" + "[" * 15_000 + "\n---\n",
}


@pytest.mark.parametrize("source", _HOSTILE.values(), ids=_HOSTILE.keys())
def test_a_hostile_text_is_split_in_linear_time(source: str) -> None:
    begun = time.process_time()
    split(clean(source, base_url="http://h").text, child_max=300, parent_max=1000)
    assert time.process_time() - begun < 5  # far above what is needed; anything quadratic takes minutes
