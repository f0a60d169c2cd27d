"""What the knowledge base gives back beside the nouns of core."""

from __future__ import annotations

from dataclasses import dataclass

from moorage.core.nouns import Answer, Chunk, Hit, Notice


@dataclass(frozen=True, slots=True)
class Knowledge:
    """A knowledge base at a glance. ``waiting`` and ``failed`` count jobs; ``embedder`` is None where words alone are searched."""

    name: str
    documents: int
    chunks: int
    waiting: int
    failed: int
    embedder: str | None
    folder: str | None
    created_at: float


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Parents found, best first, and what the searcher should know (say, that the embedding model did not answer)."""

    hits: tuple[Hit, ...]
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True)
class ParentChunk:
    """A parent chunk and its children, in document order."""

    parent: Chunk
    children: tuple[Chunk, ...]


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a sync did with each file name: ``skipped`` are formats that are not read, ``unread`` folders that could not be listed, below which
    nothing was removed."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: tuple[str, ...]
    skipped: tuple[str, ...]
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HitsFound:
    """First event of an answer: the passages it will be based on, in the order of their numbers."""

    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class TextDelta:
    """The next piece of the answer's text."""

    text: str


@dataclass(frozen=True, slots=True)
class AnswerDone:
    """Last event: the whole answer."""

    answer: Answer


AnswerEvent = HitsFound | TextDelta | AnswerDone
