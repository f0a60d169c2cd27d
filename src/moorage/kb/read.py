"""One document, from bytes to the version that is stored. Pure but for the pictures it hands out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from moorage.kb.chunk import Parent
from moorage.kb.chunking import Chunked, Recipe, split_converted
from moorage.kb.convert import Conversion, convert
from moorage.kb.parse import Picture, Source
from moorage.store.documents import ChildDraft, ParentDraft, VersionDraft

PICTURES_URL = "/images/"
_HOW = Conversion(ocr=False, pictures_url=PICTURES_URL, alt="keep", guard=True)

__all__ = ["PICTURES_URL", "Recipe", "Surroundings", "read_document"]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What reading a document may use beside its bytes: where its pictures are put, the bytes of a file beside it by its relative
    address (None: there is none, or it lies outside the folder), the texts that character recognition found on its pages, and who hears
    of each step."""

    keep_pictures: Callable[[Sequence[Picture]], None]
    beside: Callable[[str], bytes | None] = lambda _: None
    page_texts: Mapping[int, str] = field(default_factory=dict[int, str])
    on_step: Callable[[str, int, int], None] = lambda step, done, total: None


def read_document(name: str, data: bytes, recipe: Recipe, surroundings: Surroundings) -> VersionDraft:
    """The version of a document.

    Raises DocumentUnreadable or a subclass of it. What could not be read of a readable document is in ``warnings``.
    """
    source = Source(name, data, surroundings.page_texts, on_page=lambda done, total: surroundings.on_step("reading", done, total))
    converted = convert(source, recipe.applied_to(_HOW), surroundings.beside)
    surroundings.keep_pictures(converted.pictures)
    surroundings.on_step("splitting", 0, 0)
    chunked = split_converted(converted, recipe)
    return VersionDraft(
        name=name,
        content_hash=hashlib.sha256(data).hexdigest(),
        bytes=len(data),
        media_type=converted.media_type,
        title=converted.title,
        markdown=chunked.markdown,
        pages=converted.pages,
        metadata=converted.metadata,
        warnings=tuple(n for n in chunked.notices if n not in chunked.dify.notices),
        recipe=recipe.identity,
        parents=tuple(_parent_draft(p, chunked) for p in chunked.parents),
        scanned_pages=converted.scanned_pages,
    )


def _parent_draft(parent: Parent, chunked: Chunked) -> ParentDraft:
    children = tuple(ChildDraft(c.start, c.end, chunked.page_of(c), c.headings) for c in parent.children)
    text = chunked.markdown[parent.start : parent.end]
    return ParentDraft(text, parent.start, parent.end, chunked.page_of(parent), parent.headings, children)
