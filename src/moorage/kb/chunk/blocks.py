"""The two kinds of block a document is split into. A parent is what is shown; its children are what an index finds."""

from __future__ import annotations

from dataclasses import dataclass

CHILD_DELIMITER = "\n------\n"


@dataclass(frozen=True, slots=True)
class Child:
    """A piece of the cleaned text: ``text`` is exactly ``cleaned[start:end]``.

    ``headings`` are the titles above it, outermost first, its own included.
    """

    text: str
    start: int
    end: int
    headings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Parent:
    """One or more neighbouring children. ``headings`` are those of the section where the parent begins."""

    children: tuple[Child, ...]
    headings: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The children with the delimiter between them."""
        return CHILD_DELIMITER.join(child.text for child in self.children)

    @property
    def length(self) -> int:
        """Characters of ``text``, delimiters included."""
        return joined_length([len(child.text) for child in self.children])

    @property
    def start(self) -> int:
        return self.children[0].start

    @property
    def end(self) -> int:
        return self.children[-1].end


def joined_length(lengths: list[int]) -> int:
    """How long children of these lengths are with the delimiters between them."""
    return sum(lengths) + len(CHILD_DELIMITER) * (len(lengths) - 1)
