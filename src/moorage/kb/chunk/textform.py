"""Parents and children as one text: ``======`` between parents, ``------`` between children."""

from __future__ import annotations

from collections.abc import Iterable

from moorage.kb.chunk.blocks import CHILD_DELIMITER, Parent

PARENT_DELIMITER = "\n======\n"


def render(parents: Iterable[Parent]) -> str:
    """The text form, as it can be stored in a ``.txt`` file or imported elsewhere."""
    return PARENT_DELIMITER.join(parent.text for parent in parents)


def parse(text: str) -> tuple[tuple[str, ...], ...]:
    """The children of each parent of a text form; an empty text has none."""
    if not text:
        return ()
    return tuple(tuple(parent.split(CHILD_DELIMITER)) for parent in text.split(PARENT_DELIMITER))
