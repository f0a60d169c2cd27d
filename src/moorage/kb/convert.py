"""A document as clean Markdown with its pictures and pages: what is read, before anything is split or kept."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from urllib.parse import unquote

from moorage.core.nouns import Notice, Scalar
from moorage.kb.chunk import clean
from moorage.kb.chunk.images import Addresses, Alt, rewrite_images
from moorage.kb.chunk.scan import HEADING, TABLE, scan
from moorage.kb.pages import locate_pages
from moorage.kb.parse import PageStart, Parsed, Picture, Source, media_type_of, parse
from moorage.kb.parse.notices import pictures_not_beside
from moorage.kb.parse.pictures import as_picture


def _nothing_beside(address: str) -> bytes | None:
    return None


def _no_progress(done: int, total: int) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Conversion:
    """How to convert. ``pictures_url`` stands before the name of each picture that is kept, ``base_url`` before other relative sources.

    ``alt`` keeps alternative texts or says ``image`` for all. ``guard`` parts long runs of dashes and equals signs, so that none can be
    mistaken for a delimiter. ``verbatim`` changes nothing but the addresses of pictures.
    """

    reader: str = ""
    ocr: bool = True
    pictures_url: str = ""
    base_url: str = ""
    alt: Alt = "keep"
    guard: bool = False
    verbatim: bool = False


@dataclass(frozen=True, slots=True)
class Converted:
    """A document as Markdown. ``pictures`` are those that the Markdown shows, each once; ``page_starts`` are offsets into it."""

    name: str
    title: str
    media_type: str
    markdown: str
    pictures: tuple[Picture, ...] = ()
    pages: int | None = None
    page_starts: tuple[PageStart, ...] = ()
    metadata: Mapping[str, Scalar] = field(default_factory=dict[str, Scalar])
    notices: tuple[Notice, ...] = ()
    scanned_pages: tuple[int, ...] = ()

    @property
    def headings(self) -> int:
        return sum(kind == HEADING for kind in scan(self.markdown).kinds)

    @property
    def tables(self) -> int:
        kinds = scan(self.markdown).kinds
        return sum(kind == TABLE and (i == 0 or kinds[i - 1] != TABLE) for i, kind in enumerate(kinds))


PLAIN = Conversion()


def convert(
    source: Source,
    how: Conversion = PLAIN,
    beside: Callable[[str], bytes | None] = _nothing_beside,
    on_page: Callable[[int, int], None] = _no_progress,
) -> Converted:
    """The document as Markdown. ``beside`` gives the bytes of a file by its address relative to the document, or None; ``on_page(done, total)``
    is called while scanned pages are recognised, which takes seconds each.

    Raises DocumentUnreadable or a subclass; what is lost beside that is a notice.
    """
    parsed = _with_scanned_pages(source, how, on_page)
    gallery = _Gallery(parsed, how, beside)
    front: Mapping[str, object] = {}
    if how.verbatim:
        text = rewrite_images(parsed.markdown, Addresses(how.base_url, gallery.keep, gallery.resolve, how.alt))
    else:
        cleaned = clean(
            parsed.markdown, base_url=how.base_url, guard=how.guard, store_image=gallery.keep, resolve=gallery.resolve, alt=how.alt
        )
        text, front = cleaned.text, cleaned.metadata
    lost = (pictures_not_beside(gallery.lost),) if gallery.lost and not how.base_url else ()
    return Converted(
        name=source.name,
        title=str(front.get("title") or parsed.title or source.stem)[:300],
        media_type=media_type_of(source),
        markdown=text,
        pictures=tuple(p for p in gallery.pictures.values() if p.name in text),
        pages=parsed.pages[-1].page if parsed.pages else None,
        page_starts=locate_pages(parsed.markdown, parsed.pages, text),
        metadata={**parsed.metadata, **_scalars(front)},
        notices=(*parsed.notices, *lost),
        scanned_pages=parsed.scanned_pages,
    )


def _with_scanned_pages(source: Source, how: Conversion, on_page: Callable[[int, int], None]) -> Parsed:
    """The document read, and read again with the texts of its scanned pages where character recognition is wanted and installed."""
    parsed = parse(source, how.reader)
    if not parsed.scanned_pages or not how.ocr:
        return parsed
    from moorage.kb.parse import ocr

    if not ocr.is_available():
        return parsed
    texts, total = dict(source.page_texts), len(parsed.scanned_pages)
    for done, (number, text) in enumerate(ocr.recognise(source, parsed.scanned_pages), start=1):
        texts[number] = text
        on_page(done, total)
    return parse(Source(source.name, source.data, texts), how.reader)


class _Gallery:
    """The pictures of one document: those of the parser, embedded ones, and those that lie beside it."""

    def __init__(self, parsed: Parsed, how: Conversion, beside: Callable[[str], bytes | None]) -> None:
        self.pictures = {p.name: p for p in parsed.pictures}
        self.lost: list[str] = []
        self._url = how.pictures_url
        self._beside = beside

    def keep(self, data: bytes, media_type: str) -> str:
        kind = "".join(c for c in media_type.rpartition("/")[2].partition("+")[0] if c.isalnum()) or "bin"
        picture = as_picture(data) or Picture(f"{hashlib.sha256(data).hexdigest()[:32]}.{kind}", media_type, data)
        self.pictures[picture.name] = picture
        return self._url + picture.name

    def resolve(self, address: str) -> str | None:
        if address in self.pictures:
            return self._url + address
        if self._url and address.startswith(unquote(self._url)):
            return None  # it has its address already
        data = self._beside(address)
        picture = as_picture(data) if data else None
        if picture is None:
            self.lost += [address] if address not in self.lost else []
            return None
        return self.keep(picture.data, picture.media_type)


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
