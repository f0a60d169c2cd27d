"""The ways a cleaned document can be split, behind one entry, in characters or in tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from moorage.kb.chunk.blocks import CHILD_DELIMITER, Child, Parent
from moorage.kb.chunk.ruler import CHARACTERS, Ruler, Tokens
from moorage.kb.chunk.split import check_limits, split, split_children

Mode = Literal["parent_child", "flat", "full_document", "delimiter"]
TRIES = 4


class Tokenizer(Protocol):
    """Counts as an embedding model does."""

    def starts(self, text: str) -> Sequence[int]:
        """The character offsets where the tokens of a text begin, rising, without special tokens."""
        ...

    def counts(self, texts: Sequence[str]) -> Sequence[int]:
        """How many tokens each text has when it is sent on its own, special tokens included."""
        ...


@dataclass(frozen=True, slots=True)
class ChunkOptions:
    """How to split. ``child_max`` and ``parent_max`` are characters, or tokens where there is a ``tokenizer``."""

    child_max: int
    parent_max: int
    mode: Mode = "parent_child"
    tokenizer: Tokenizer | None = None


def chunk(cleaned_text: str, options: ChunkOptions) -> tuple[Parent, ...]:
    """The parents of a cleaned document, in order.

    ``parent_child`` follows the structure, with both limits. ``flat`` gives parents of one child each, at most ``child_max`` long: neighbouring
    sections and pieces are packed as parents are. ``full_document`` gives one parent with all children, however long. A text with
    delimiters of its own is split by ``split_delimited`` before it is cleaned; here it is split like ``parent_child``.

    With a tokenizer no child has more than ``child_max`` tokens when it is embedded on its own, special tokens included, unless it is
    one table, code block, formula or inline token. Raises ChunkLimitsInvalid.
    """
    check_limits(options.child_max, options.parent_max)
    if options.tokenizer is None:
        return _split(cleaned_text, options.mode, options.child_max, options.parent_max, CHARACTERS)
    return _split_by_tokens(cleaned_text, options, options.tokenizer)


def _split(text: str, mode: Mode, child_max: int, parent_max: int, ruler: Ruler) -> tuple[Parent, ...]:
    if mode == "flat":
        parents = split(text, child_max=child_max, parent_max=child_max, ruler=ruler)
        return tuple(Parent((_joined(text, parent),), parent.headings) for parent in parents)
    if mode == "full_document":
        children = split_children(text, child_max=child_max, ruler=ruler)
        return (Parent(children, ()),) if children else ()
    return split(text, child_max=child_max, parent_max=parent_max, ruler=ruler)


def _joined(text: str, parent: Parent) -> Child:
    return Child(text[parent.start : parent.end], parent.start, parent.end, parent.headings)


def _split_by_tokens(text: str, options: ChunkOptions, tokenizer: Tokenizer) -> tuple[Parent, ...]:
    """Split with a limit lower by the special tokens; once more, lower still, while a child cut at a token's inside has become too long."""
    special, delimiter = tokenizer.counts(["", CHILD_DELIMITER])
    ruler = Tokens(tokenizer.starts(text), len(text), max(1, delimiter - special))
    limit = max(1, options.child_max - special)
    parents = _split(text, options.mode, limit, max(options.parent_max, limit), ruler)
    for _ in range(TRIES):
        over = _longest_over(parents, options.child_max, limit, ruler, tokenizer)
        if over <= 0 or limit == 1:
            break
        limit = max(1, limit - over)
        parents = _split(text, options.mode, limit, max(options.parent_max, limit), ruler)
    return parents


def _longest_over(parents: Sequence[Parent], child_max: int, limit: int, ruler: Ruler, tokenizer: Tokenizer) -> int:
    """By how many tokens the worst child is over, of those that were cut to fit (an atom cannot be)."""
    children = [c for p in parents for c in p.children if ruler.length(c.start, c.end) <= limit]
    return max((count - child_max for count in tokenizer.counts([c.text for c in children])), default=0)
