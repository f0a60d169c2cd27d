"""What to type into Dify so that it takes our text form as it is: Dify never merges pieces, it only cuts those over its limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from moorage.core.nouns import Notice
from moorage.kb.chunk import Parent

LINE_BREAKS = 2
"""With bare delimiters every piece keeps the line break before and after it (langgenius/dify, ``fixed_text_splitter.py``)."""
LEAST, CEILING = 50, 4000
"""Dify refuses less than 50, and more than ``INDEXING_MAX_SEGMENTATION_TOKENS_LENGTH``, 4000 as it is shipped."""
VARIABLE = "INDEXING_MAX_SEGMENTATION_TOKENS_LENGTH"


@dataclass(frozen=True, slots=True)
class DifyImport:
    """The fields of Dify's *Parent-child* chunk settings (mode *Paragraph*), in characters."""

    parent_delimiter: str
    parent_length: int
    child_delimiter: str
    child_length: int
    replace_consecutive_spaces: bool = False
    remove_urls_and_emails: bool = False
    notices: tuple[Notice, ...] = ()


def dify_import(parents: Sequence[Parent], child_max: int = 0, parent_max: int = 0) -> DifyImport:
    """The limits of the split, or its longest piece where one is longer, plus the line breaks; a notice where Dify's own ceiling must be raised."""
    parent = max([parent_max, *(p.length for p in parents)]) + LINE_BREAKS
    child = max([child_max, *(len(c.text) for p in parents for c in p.children)]) + LINE_BREAKS
    longest = max((p.length for p in parents), default=0) + LINE_BREAKS
    notices = (_ceiling(longest),) if longest > CEILING else ()
    return DifyImport("======", max(LEAST, parent), "------", max(LEAST, child), notices=notices)


def _ceiling(length: int) -> Notice:
    return Notice(
        "dify_ceiling",
        f"One piece has {length} characters, more than the {CEILING} Dify allows as it is shipped: start Dify with {VARIABLE}={length}, or it cuts there.",
        f"有一块长 {length} 个字符，超过 Dify 默认上限 {CEILING}：请以 {VARIABLE}={length} 启动 Dify，否则会在该处被切断。",
    )
