"""What an edit by hand does to the chunks of a document. Pure: a sheet and an edit give another sheet.

The document's Markdown is one text and chunks are ranges of it, also after an edit: new words replace that range, and what stands behind moves
along. So citations, pages and the reader stay right whatever is edited.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from moorage.core.errors import BadInput
from moorage.kb.chunk import clean

EditKind = Literal["text", "border", "merge", "split", "merge_parents", "split_parent", "off", "on"]
LONGEST_TEXT = 100_000
T = TypeVar("T")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit. ``chunk`` is the id of a child (``c12``), for ``merge_parents``, ``off`` and ``on`` also of a parent (``p3``).

    ``text``: the child's new ``text``. ``border``: the border to the next child is moved to the document offset ``at``. ``merge``: with the next
    child of its parent. ``split``: in two, ``at`` characters into the child. ``split_parent``: the child begins a new parent.
    ``merge_parents``: its parent with the next one. ``off``, ``on``: whether it is found and shown.
    """

    kind: EditKind
    chunk: str
    at: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True)
class Piece:
    """A child: a range of the text. ``id`` is None for one that an edit has made or changed."""

    start: int
    end: int
    headings: tuple[str, ...]
    page: int | None
    id: int | None
    is_off: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """A parent."""

    id: int | None
    headings: tuple[str, ...]
    page: int | None
    children: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A document's text and its chunks, in order."""

    text: str
    groups: tuple[Group, ...]


class EditImpossible(BadInput):
    """{reason}"""

    zh = "{reason}"


def edited(sheet: Sheet, edit: Edit) -> Sheet:
    """The sheet after the edit. Raises EditImpossible, which says why and what to do instead."""
    if edit.kind in ("off", "on") and edit.chunk.startswith("p"):
        at = _parent(sheet, edit.chunk)
        group = sheet.groups[at]
        changed = replace(group, children=tuple(replace(c, is_off=edit.kind == "off") for c in group.children))
        return replace(sheet, groups=_with(sheet.groups, at, at + 1, [changed]))
    if edit.kind == "merge_parents":
        return _merged_parents(sheet, _parent(sheet, edit.chunk) if edit.chunk.startswith("p") else _child(sheet, edit.chunk)[0])
    parent, child = _child(sheet, edit.chunk)
    group = sheet.groups[parent]
    piece = group.children[child]
    if edit.kind in ("off", "on"):
        return _replaced(sheet, parent, child, child + 1, [replace(piece, is_off=edit.kind == "off")])
    if edit.kind == "text":
        return _rewritten(sheet, parent, child, edit.text)
    if edit.kind == "merge":
        if child + 1 == len(group.children):
            raise _impossible("It is the last child of its parent. Merge the parents first.", "它是父块中的最后一个子块，请先合并父块。")
        after = group.children[child + 1]
        both = Piece(piece.start, after.end, piece.headings, piece.page, None, piece.is_off and after.is_off)
        return _replaced(sheet, parent, child, child + 2, [both])
    if edit.kind == "split":
        halves = _halves(sheet.text, piece.start, piece.start + edit.at, piece.end)
        if halves is None:
            raise _impossible(
                "Nothing would be left on one side. Put the cursor between words of the chunk.", "拆分后有一侧为空，请将光标置于文字之间。"
            )
        return _replaced(sheet, parent, child, child + 1, [replace(piece, start=s, end=e, id=None) for s, e in halves])
    if edit.kind == "split_parent":
        if child == 0:
            raise _impossible("It is the first child of its parent already.", "它已经是父块中的第一个子块。")
        rest = group.children[child:]
        parts = [replace(group, children=group.children[:child], id=None), Group(None, rest[0].headings, rest[0].page, rest)]
        return replace(sheet, groups=_with(sheet.groups, parent, parent + 1, parts))
    return _moved(sheet, parent, child, edit.at)


def _moved(sheet: Sheet, parent: int, child: int, at: int) -> Sheet:
    """The border between a child and the next one of the document, which may be another parent's."""
    group = sheet.groups[parent]
    piece = group.children[child]
    is_last = child + 1 == len(group.children)
    if is_last and parent + 1 == len(sheet.groups):
        raise _impossible("It is the last chunk of the document: there is no border behind it.", "它是文档的最后一块，其后没有边界。")
    after = sheet.groups[parent + 1].children[0] if is_last else group.children[child + 1]
    halves = _halves(sheet.text, piece.start, at, after.end)
    if halves is None:
        raise _impossible("Nothing would be left on one side. Merge the two instead.", "移动后有一侧为空，请改用合并。")
    first, second = halves
    before = replace(piece, start=first[0], end=first[1], id=piece.id if first == (piece.start, piece.end) else None)
    behind = replace(after, start=second[0], end=second[1], id=after.id if second == (after.start, after.end) else None)
    if not is_last:
        return _replaced(sheet, parent, child, child + 2, [before, behind])
    moved = _replaced(sheet, parent, child, child + 1, [before])
    return _replaced(moved, parent + 1, 0, 1, [behind])


def _rewritten(sheet: Sheet, parent: int, child: int, text: str) -> Sheet:
    """New words for a child; everything behind it moves along."""
    piece = sheet.groups[parent].children[child]
    if len(text) > LONGEST_TEXT:
        raise _impossible(
            f"A chunk may have {LONGEST_TEXT} characters; this one has {len(text)}.",
            f"一块最多 {LONGEST_TEXT} 个字符，现有 {len(text)} 个。",
        )
    words = clean(_CONTROLS.sub("", text), alt="keep").text.strip("\n")
    if not words.strip():
        raise _impossible("A chunk cannot be empty. Switch it off instead.", "块不能为空，可改为停用。")
    if words == sheet.text[piece.start : piece.end]:
        return sheet
    shift = len(words) - (piece.end - piece.start)
    changed = replace(piece, end=piece.start + len(words), id=None)

    def along(c: Piece) -> Piece:
        return replace(c, start=c.start + shift, end=c.end + shift) if c.start > piece.start else c

    groups = [replace(g, children=tuple(changed if c is piece else along(c) for c in g.children)) for g in sheet.groups]
    return Sheet(sheet.text[: piece.start] + words + sheet.text[piece.end :], tuple(groups))


def _merged_parents(sheet: Sheet, at: int) -> Sheet:
    if at + 1 == len(sheet.groups):
        raise _impossible("It is the last parent of the document.", "它是文档的最后一个父块。")
    first, second = sheet.groups[at : at + 2]
    both = Group(None, first.headings, first.page, (*first.children, *second.children))
    return replace(sheet, groups=_with(sheet.groups, at, at + 2, [both]))


def _replaced(sheet: Sheet, parent: int, first: int, past: int, pieces: Sequence[Piece]) -> Sheet:
    group = sheet.groups[parent]
    changed = replace(group, children=_with(group.children, first, past, pieces))
    return replace(sheet, groups=_with(sheet.groups, parent, parent + 1, [changed]))


def _with(items: tuple[T, ...], first: int, past: int, new: Sequence[T]) -> tuple[T, ...]:
    return (*items[:first], *new, *items[past:])


def _child(sheet: Sheet, chunk: str) -> tuple[int, int]:
    for parent, group in enumerate(sheet.groups):
        for child, piece in enumerate(group.children):
            if f"c{piece.id}" == chunk:
                return parent, child
    raise _unknown(chunk)


def _parent(sheet: Sheet, chunk: str) -> int:
    found = next((n for n, group in enumerate(sheet.groups) if f"p{group.id}" == chunk), None)
    if found is None:
        raise _unknown(chunk)
    return found


def _halves(text: str, start: int, at: int, end: int) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """The two ranges that a cut makes; None where one would be empty."""
    if not start < at < end:
        return None
    first, second = _trimmed(text, start, at), _trimmed(text, at, end)
    return (first, second) if first and second else None


def _trimmed(text: str, start: int, end: int) -> tuple[int, int] | None:
    """The range without line breaks before and blanks behind; None where nothing is left. Indentation stays."""
    while start < end and (text[start] == "\n" or (text[start] in " \t" and start > 0 and text[start - 1] != "\n")):
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return (start, end) if text[start:end].strip() else None


def _unknown(chunk: str) -> EditImpossible:
    return _impossible(f"There is no chunk {chunk!r} in this document. Load the chunks again.", f"该文档中没有块 {chunk!r}，请重新加载。")


def _impossible(en: str, zh: str) -> EditImpossible:
    return EditImpossible(reason=en, reason_zh=zh)
