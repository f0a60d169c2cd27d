"""Where the pages of a document begin in its cleaned text."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence

from moorage.kb.parse.base import PageStart

_ANCHOR = 40
_WORDS = re.compile(r"[^\W_]+")


def locate_pages(markdown: str, pages: Sequence[PageStart], cleaned: str) -> tuple[PageStart, ...]:
    """Page starts in the cleaned text, in order. Cleaning moves text, so each page is looked for by the first words of its first lines, after
    the page before it; a page without words of its own begins where the next one does, and is left out."""
    located: list[PageStart] = []
    position = 0
    for i, page in enumerate(pages):
        end = pages[i + 1].offset if i + 1 < len(pages) else len(markdown)
        found = _find(markdown[page.offset : end], cleaned, position)
        if found is not None:
            start, position = found
            located.append(PageStart(page.page, start))
    return tuple(located)


def page_at(pages: Sequence[PageStart], offset: int) -> int | None:
    """The page that holds an offset; None where there are no pages."""
    i = bisect_right(pages, offset, key=lambda p: p.offset)
    return pages[max(i - 1, 0)].page if pages else None


def _find(page: str, cleaned: str, position: int) -> tuple[int, int] | None:
    """Where a page begins, and where to look for the next one. A line that occurs again nearby is no sure sign alone: the words at the page's
    end must come after it."""
    lines = [line.strip().strip("#|>-*").strip()[:_ANCHOR] for line in page.splitlines()]
    lines = [line for line in lines if _WORDS.search(line)]
    for line in lines[:5]:
        found = cleaned.find(line, position)
        if found >= 0:
            last = cleaned.find(lines[-1], found)
            size = len(page)
            past = last if 0 <= last <= found + 2 * size + 200 else found + len(line)
            return cleaned.rfind("\n", 0, found) + 1 if found else 0, past
    return None
