"""What is a heading, line by line."""

from __future__ import annotations

from pathlib import Path

import pytest

from moorage.kb.chunk import match_heading

_LINES = (Path(__file__).parent / "fixtures" / "headings.txt").read_text(encoding="utf-8").split("\n")
_CASES = [tuple(line.split("\t", 1)) for line in _LINES if "\t" in line and not line.startswith("# <") and not line.startswith("# One")]


def _shown(line: str) -> str:
    heading = match_heading(line)
    if heading is None:
        return "-"
    return f"{heading.marks}/{'n' if heading.depth is None else f'{heading.depth:g}'}/{heading.title}"


@pytest.mark.parametrize(("expected", "line"), _CASES)
def test_a_line_is_the_heading_it_should_be(expected: str, line: str) -> None:
    assert _shown(line.replace("<TAB>", "\t").replace("<3000>", "\u3000")) == expected


def test_the_table_of_headings_is_not_empty() -> None:
    assert len(_CASES) > 90
