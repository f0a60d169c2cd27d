"""One document, from bytes to the version that is stored: parse, clean, split, find its pages again. Pure but for the pictures it hands out."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from moorage.core.nouns import Scalar
from moorage.kb.chunk import Parent, clean, split
from moorage.kb.parse import PageStart, Source, media_type_of, parse
from moorage.store.documents import ChildDraft, ParentDraft, VersionDraft

PICTURES_URL = "/images"
_FORMAT = 2
"""Goes up when reading the same bytes gives other text or chunks, so that a sync reads old documents again."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How documents are read and split: the longest child and parent in ``unit``s, and the names of mode, tokenizer file and preferred reader."""

    child_max: int
    parent_max: int
    mode: str = "parent_child"
    unit: str = "characters"
    tokenizer: str = ""
    reader: str = ""

    @property
    def identity(self) -> str:
        """Stored with every version; a document is read again when it differs."""
        beside = (self.mode, self.unit, self.tokenizer, self.reader)
        named = "" if beside == ("parent_child", "characters", "", "") else ":" + ":".join(beside)
        return f"{_FORMAT}:{self.child_max}:{self.parent_max}{named}"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What reading a document may use beside its bytes: where pictures are put (name, bytes), the bytes of a file beside it by its relative
    address (None: there is none, or it lies outside the folder), and the texts that character recognition found on its pages."""

    keep_picture: Callable[[str, bytes], None]
    beside: Callable[[str], bytes | None] = lambda _: None
    page_texts: Mapping[int, str] = field(default_factory=dict[int, str])


def read_document(name: str, data: bytes, recipe: Recipe, surroundings: Surroundings) -> VersionDraft:
    """The version of a document.

    Raises DocumentUnreadable or a subclass of it. What could not be read of a readable document is in ``warnings``.
    """
    source = Source(name, data, surroundings.page_texts)
    parsed = parse(source)
    for picture in parsed.pictures:
        surroundings.keep_picture(picture.name, picture.data)

    def store_inline(content: bytes, media_type: str) -> str:
        picture = f"{hashlib.sha256(content).hexdigest()[:16]}.{media_type.rpartition('/')[2].partition('+')[0]}"
        surroundings.keep_picture(picture, content)
        return f"{PICTURES_URL}/{picture}"

    cleaned = clean(parsed.markdown, base_url=PICTURES_URL, store_image=store_inline)
    pages = locate_pages(parsed.markdown, parsed.pages, cleaned.text)
    parents = split(cleaned.text, child_max=recipe.child_max, parent_max=recipe.parent_max)
    return VersionDraft(
        name=name,
        content_hash=hashlib.sha256(data).hexdigest(),
        bytes=len(data),
        media_type=media_type_of(source),
        title=str(cleaned.metadata.get("title") or parsed.title or source.stem)[:300],
        markdown=cleaned.text,
        pages=parsed.pages[-1].page if parsed.pages else None,
        metadata={**parsed.metadata, **_scalars(cleaned.metadata)},
        warnings=parsed.notices,
        recipe=recipe.identity,
        parents=tuple(_parent_draft(p, cleaned.text, pages) for p in parents),
        scanned_pages=parsed.scanned_pages,
    )


def locate_pages(markdown: str, pages: Sequence[PageStart], cleaned: str) -> list[PageStart]:
    """Page starts in the cleaned text. Cleaning moves text, so each page is looked for by its first words, after the page before it;
    a page without words of its own begins where the next one does."""
    located: list[PageStart] = []
    position = 0
    for i, page in enumerate(pages):
        end = pages[i + 1].offset if i + 1 < len(pages) else len(markdown)
        for line in markdown[page.offset : end].splitlines():
            anchor = line.strip().strip("#|").strip()[:40]
            found = cleaned.find(anchor, position) if len(anchor) >= 2 else -1
            if found >= 0:
                position = found
                located.append(PageStart(page.page, found))
                break
    return located


def _page_at(pages: Sequence[PageStart], offset: int) -> int | None:
    i = bisect_right(pages, offset, key=lambda p: p.offset)
    return pages[max(i - 1, 0)].page if pages else None


def _parent_draft(parent: Parent, text: str, pages: Sequence[PageStart]) -> ParentDraft:
    children = tuple(ChildDraft(c.start, c.end, _page_at(pages, c.start), c.headings) for c in parent.children)
    return ParentDraft(text[parent.start : parent.end], parent.start, parent.end, _page_at(pages, parent.start), parent.headings, children)


def _scalars(metadata: Mapping[str, object]) -> dict[str, Scalar]:
    """Front matter as flat values: lists joined by commas, dates as ISO text, the rest as text."""
    flat: dict[str, Scalar] = {}
    for key, value in metadata.items():
        if isinstance(value, (str, int, float, bool)):
            flat[str(key)] = value
        elif isinstance(value, date):
            flat[str(key)] = value.isoformat()
        elif isinstance(value, (list, tuple)):
            flat[str(key)] = ", ".join(map(str, value))  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        elif value is not None:
            flat[str(key)] = str(value)
    return flat
