"""A text that carries its own borders: ``======`` lines between parents, ``------`` lines between children. Those are kept, whatever the limits."""

from __future__ import annotations

import re
from dataclasses import dataclass

from moorage.kb.chunk.blocks import Child, Parent
from moorage.kb.chunk.headings import match_heading

_PARENTS = re.compile(r"^={6}[ \t]*$", re.MULTILINE)
_CHILDREN = re.compile(r"^-{6}[ \t]*$", re.MULTILINE)
_BETWEEN = "\n\n"


@dataclass(frozen=True, slots=True)
class Delimited:
    """The text without its delimiter lines, and the blocks that were between them."""

    text: str
    parents: tuple[Parent, ...]


def split_delimited(text: str) -> Delimited | None:
    """The blocks of a text form, their text as it stands there; None for a text without a delimiter line. Empty blocks are dropped."""
    text = text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if not _PARENTS.search(text) and not _CHILDREN.search(text):
        return None
    written: list[str] = []
    parents: list[Parent] = []
    at = 0
    for block in _PARENTS.split(text):
        children: list[Child] = []
        for piece in _CHILDREN.split(block):
            piece = piece.strip("\n").rstrip()
            if not piece.strip():
                continue
            if written:
                written.append(_BETWEEN)
                at += len(_BETWEEN)
            children.append(Child(piece, at, at + len(piece), _title(piece)))
            written.append(piece)
            at += len(piece)
        if children:
            parents.append(Parent(tuple(children), children[0].headings))
    return Delimited("".join(written), tuple(parents))


def _title(piece: str) -> tuple[str, ...]:
    found = match_heading(piece.split("\n", 1)[0])
    return (found.title,) if found else ()
