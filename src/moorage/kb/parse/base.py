"""What a parser is: bytes in, Markdown out. Knows no format and no library."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from moorage.core.nouns import Notice, Scalar


def _no_progress(done: int, total: int) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Source:
    """A document as it came: its name (used for its suffix and in messages, never opened) and its bytes.

    ``page_texts`` is Markdown by page number (from 1) that optical character recognition found on pages without text; a
    parser puts it where the page stands. A picture is a document of one page. ``nesting`` counts the files that a document was
    taken out of: a mail in an archive is one deep, its attachments two. ``on_page(done, total)`` may be called as the pages of a
    long document are read.
    """

    name: str
    data: bytes = field(repr=False)
    page_texts: Mapping[int, str] = field(default_factory=dict[int, str], repr=False)
    nesting: int = 0
    on_page: Callable[[int, int], None] = field(default=_no_progress, repr=False, compare=False)

    @property
    def suffix(self) -> str:
        """The suffix in lower case with its dot, or an empty string."""
        last = self.name.replace("\\", "/").rsplit("/", 1)[-1]
        return f".{last.rsplit('.', 1)[1].lower()}" if "." in last.lstrip(".") else ""

    @property
    def stem(self) -> str:
        """The last part of the name without its suffix: the title of a document that names none."""
        last = self.name.replace("\\", "/").rsplit("/", 1)[-1]
        return last[: -len(self.suffix)] if self.suffix else last


@dataclass(frozen=True, slots=True)
class PageStart:
    """Where a page (or slide) begins: ``page`` counts from 1, ``offset`` is a character offset into the Markdown."""

    page: int
    offset: int


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of a document. ``name`` is made of its content, so that the same picture has the same name everywhere."""

    name: str
    media_type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Parsed:
    """A document as Markdown. Pictures are referred to as ``![alt](picture-name)``; ``pages`` are in rising order and
    empty where the format has no pages; ``notices`` tell what could not be read. ``scanned_pages`` are the numbers of pages
    that show a picture of text and have no text: character recognition can read them, and none was given."""

    markdown: str
    title: str
    metadata: Mapping[str, Scalar] = field(default_factory=dict[str, Scalar])
    notices: tuple[Notice, ...] = ()
    pages: tuple[PageStart, ...] = ()
    pictures: tuple[Picture, ...] = ()
    scanned_pages: tuple[int, ...] = ()


@runtime_checkable
class Parser(Protocol):
    """Reads one kind of document.

    ``parse`` is pure: it opens no file, fetches nothing, runs nothing that is inside the document, and the same source gives
    the same result. It raises ``DocumentUnreadable`` or one of its subclasses when nothing useful can be read; what is
    lost beside that is a ``Notice`` of the result, never silence. One parser is used by several threads at once.

    ``name`` is one word; ``media_types`` are what it reads; ``suffixes`` (lower case, with dot) are how such files are named.
    A module of a parser imports its heavy library inside ``parse``, so that listing the parsers costs nothing.
    """

    @property
    def name(self) -> str: ...

    @property
    def media_types(self) -> tuple[str, ...]: ...

    @property
    def suffixes(self) -> tuple[str, ...]: ...

    def parse(self, source: Source) -> Parsed:
        """The document as Markdown, with its pictures, page starts and notices."""
        ...
