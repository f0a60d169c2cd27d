"""The nouns of Moorage: frozen, small, without I/O. Two chains run through the house:
``ModelSpec → Plan → Service`` and ``Document → Chunk → Hit → Answer``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from moorage.core.errors import Language
from moorage.core.modelspec import ModelSpec

Scalar = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Plan:
    """Where and how a model is to run. For a server that already runs somewhere, the address is the whole plan."""

    model: ModelSpec
    url: str


@dataclass(frozen=True, slots=True)
class Service:
    """A model that answers at an address.

    ``url`` is the OpenAI base address (usually ending in ``/v1``). ``key`` is a secret and stays out of ``repr``.
    The prefixes are put before a text before it is embedded, as E5- and Qwen3-like embedders want.
    """

    name: str
    plan: Plan
    key: str = field(default="", repr=False)
    query_prefix: str = ""
    document_prefix: str = ""

    @property
    def url(self) -> str:
        return self.plan.url

    @property
    def model(self) -> str:
        return self.plan.model.name


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a person should know about a document that was read all the same, e.g. a missing picture.

    ``say`` gives the sentence in English or Chinese; ``code`` is stable.
    """

    code: str
    en: str
    zh: str

    def say(self, language: Language = "en") -> str:
        return self.zh if language == "zh" else self.en


DocumentState = Literal["waiting", "ready", "failed"]


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a knowledge base.

    ``name`` is its path below the folder it came from (``/`` between parts) and is unique in its knowledge base.
    ``content_hash`` is the SHA-256 of its bytes. ``characters`` and ``chunks`` count the visible version: its
    cleaned Markdown and its child chunks.
    """

    id: str
    knowledge: str
    name: str
    title: str
    media_type: str
    content_hash: str
    bytes: int
    state: DocumentState
    characters: int = 0
    chunks: int = 0
    pages: int | None = None
    metadata: Mapping[str, Scalar] = field(default_factory=dict[str, Scalar])
    warnings: tuple[Notice, ...] = ()
    added_at: float = 0.0
    updated_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a document: a parent (what is shown and sent to a model) or a child (what the index finds).

    ``start`` and ``end`` are character offsets into the document's cleaned Markdown; ``page`` counts from 1 and is None
    where the format has no pages. ``headings`` are the titles above it, outermost first. One that ``is_off`` is neither found nor shown.
    """

    id: str
    document_id: str
    text: str
    start: int
    end: int
    position: int
    page: int | None = None
    headings: tuple[str, ...] = ()
    parent_id: str | None = None
    is_off: bool = False


@dataclass(frozen=True, slots=True)
class ChildHit:
    """A child that matched, inside the parent of a Hit. ``score`` is 0..1 after fusion."""

    chunk: Chunk
    score: float


@dataclass(frozen=True, slots=True)
class Hit:
    """A parent found for a question, with the children that matched, best first. ``score`` is 0..1, the best child's.

    ``highlights`` are (start, end) character ranges inside ``chunk.text`` of the sentences that answer.
    """

    chunk: Chunk
    document: Document
    score: float
    children: tuple[ChildHit, ...] = ()
    highlights: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Citation:
    """What a marker ``[number]`` of an answer points to."""

    number: int
    hit: Hit


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with its sources.

    ``model`` is None when no model wrote it (extractive). ``found`` is False when the documents do not say.
    ``citations`` holds the sources the text cites, in the order of their numbers.
    """

    question: str
    text: str
    citations: tuple[Citation, ...]
    hits: tuple[Hit, ...]
    found: bool
    model: str | None = None
    notices: tuple[Notice, ...] = ()
    seconds: float = 0.0
