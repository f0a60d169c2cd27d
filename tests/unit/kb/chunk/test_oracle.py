"""Our line scanner beside markdown-it on real documents: they agree on what is code, a table, and a heading with ``#``."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from moorage.kb.chunk.scan import CODE, HEADING, TABLE, scan
from moorage.kb.parse import Source, parse

CORPUS = Path(__file__).resolve().parents[4].parent / "shared" / "corpus"
FILES = sorted((CORPUS / "md").glob("*.md")) + sorted((CORPUS / "html").glob("*.html"))
FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)


def text_of(path: Path) -> str:
    return FRONT_MATTER.sub("", parse(Source(path.name, path.read_bytes())).markdown)


def atoms(text: str, kind: int) -> list[tuple[int, int]]:
    found = scan(text)
    return [(first, last + 1) for first, last in found.atoms if found.kinds[first] == kind]


def spans(text: str, *kinds: str) -> list[tuple[int, int]]:
    """The line ranges that markdown-it gives to blocks of these kinds, without the blank lines at their ends."""
    lines = text.split("\n")
    found: list[tuple[int, int]] = []
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        if token.type in kinds and token.map:
            first, end = token.map
            while end > first and not lines[end - 1].strip():
                end -= 1
            found.append((first, end))
    return found


pytestmark = pytest.mark.skipif(not FILES, reason="the corpus lies beside the repository, where it is given")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_code_is_where_markdown_it_finds_it(path: Path) -> None:
    text = text_of(path)

    assert atoms(text, CODE) == spans(text, "fence", "code_block")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_tables_are_where_markdown_it_finds_them(path: Path) -> None:
    text = text_of(path)

    assert atoms(text, TABLE) == spans(text, "table_open")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_heading_of_markdown_it_is_one_of_ours_with_the_same_level(path: Path) -> None:
    text = text_of(path)
    found = scan(text)
    ours = {at: heading.marks for at, heading in found.headings.items() if heading.marks and found.kinds[at] == HEADING}
    theirs = {
        token.map[0]: int(token.tag[1])
        for token in MarkdownIt("commonmark").enable("table").parse(text)
        if token.type == "heading_open" and token.map and token.markup.startswith("#") and token.level == 0
    }

    assert {at: ours.get(at) for at in theirs} == theirs
    further = [found.lines[at] for at in ours if at not in theirs]
    assert all(re.match(r"[ \u3000]{0,3}#{1,6}[^#\s]", line) for line in further)


@pytest.mark.skipif(not (CORPUS / "md/law_cybersecurity_plain_zh.md").exists(), reason="not in the corpus")
def test_chapters_of_a_law_are_found_with_and_without_their_marks() -> None:
    plain = scan(text_of(CORPUS / "md/law_cybersecurity_plain_zh.md"))
    marked = scan(text_of(CORPUS / "md/law_cybersecurity_zh.md"))
    chapters = re.compile(r"^第[一二三四五六七八九十]+[章节]")

    def titles(found: object) -> list[str]:
        lines = [found.lines[at].strip("# ") for at in sorted(found.headings)]  # type: ignore[attr-defined]
        return [line for line in lines if chapters.match(line)]

    assert titles(plain) == titles(marked)
    assert len(titles(plain)) >= 7
