"""EPUB books: the chapters in reading order, with the headings of the table of contents where a chapter has none."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import unquote

from moorage.core.nouns import Notice, Scalar
from moorage.kb.parse import sniff as kinds
from moorage.kb.parse.base import Parsed, Picture, Source
from moorage.kb.parse.epub_contents import Entry, read_contents
from moorage.kb.parse.html.read import Page, Reading, read_html
from moorage.kb.parse.html.source import html_text
from moorage.kb.parse.markdown import heading, one_line
from moorage.kb.parse.notices import chapter_missing, inside, unreadable
from moorage.kb.parse.opc import Package
from moorage.kb.parse.sections import joined, lower_headings
from moorage.kb.parse.xml import Element, XmlDamaged, XmlForbidden, read_xml

_DOCTYPE = re.compile(rb"<!DOCTYPE[^\[>]*>")
_FONTS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")  # hides fonts, not text
_ALGORITHM = re.compile(rb"EncryptionMethod[^>]+Algorithm\s*=\s*[\"']([^\"']+)")
_PAGES = ("application/xhtml+xml", "text/html", "application/x-dtbook+xml")
_NAMES = {
    "creator": "author",
    "subject": "subject",
    "date": "created",
    "publisher": "publisher",
    "language": "language",
    "description": "description",
}
_LONGEST = 500


class EpubParser:
    """Reads ``.epub``."""

    name = "epub"
    media_types = (kinds.EPUB,)
    suffixes = (".epub",)

    def parse(self, source: Source) -> Parsed:
        with Package(source) as package:
            if _is_protected(package):
                raise unreadable(source.name, "drm")
            book = _read_book(package)
            if book is None:
                raise unreadable(source.name, "no_body")
            reader = _Reader(package, book)
            chapters = [reader.chapter(part) for part in book.spine]
            if book.spine and reader.missing == len(book.spine):
                raise unreadable(source.name, "no_body")
            return Parsed(
                joined(chapters),
                book.title or source.stem,
                book.metadata,
                notices=tuple(dict.fromkeys((*package.notices, *reader.notices))),
                pictures=tuple(reader.pictures.values()),
            )


@dataclass(frozen=True, slots=True)
class _Book:
    title: str
    metadata: dict[str, Scalar]
    spine: list[str]
    contents: dict[str, list[Entry]]


@dataclass(slots=True)
class _Reader:
    """Reads the chapters of a book one after the other."""

    package: Package
    book: _Book
    pictures: dict[str, Picture] = field(default_factory=dict[str, Picture])
    notices: list[Notice] = field(default_factory=list[Notice])
    missing: int = 0

    def chapter(self, part: str) -> str:
        data = self.package.read(part)
        if not data or not data.strip():
            self.missing += 1
            self.notices.append(chapter_missing(part))
            return ""
        text, notices = html_text(Source(part, data), "utf-8")
        entries = self.book.contents.get(part, [])
        page = read_html(text, Reading(is_page=False, picture=self._pictures_of(part), headings=_by_id(entries)))
        self.pictures |= {picture.name: picture for picture in page.pictures}
        self.notices += [inside(part, notice) for notice in (*notices, *page.notices)]
        return _with_heading(page, entries)

    def _pictures_of(self, part: str) -> Callable[[str], bytes | None]:
        def picture(address: str) -> bytes | None:
            return self.package.read(_resolved(part, address)[0])

        return picture


def _read_book(package: Package) -> _Book | None:
    container = _xml(package, "META-INF/container.xml")
    paths = [] if container is None else [e.get("full-path") or "" for e in container.iter() if _name(e) == "rootfile"]
    root = next((path for path in (*paths, *(n for n in package.names if n.lower().endswith(".opf"))) if path and package.has(path)), None)
    opf = _xml(package, root) if root is not None else None
    if opf is None or root is None:
        return None
    items: dict[str, Element] = {e.get("id") or "": e for e in opf.iter() if _name(e) == "item"}
    spine = [items[e.get("idref") or ""] for e in opf.iter() if _name(e) == "itemref" and e.get("idref") in items]
    if not spine:
        spine = [e for e in items.values() if e.get("media-type") in _PAGES]
    read = [e for e in spine if "nav" not in (e.get("properties") or "").split() and not (e.get("media-type") or "").startswith("image/")]
    nav = next((e for e in items.values() if "nav" in (e.get("properties") or "").split()), None)
    ncx = next((e for e in items.values() if e.get("media-type") == "application/x-dtbncx+xml"), None)
    listed = [_resolved(root, e.get("href") or "")[0] for e in (nav, ncx) if e is not None]
    metadata = _metadata(opf)
    return _Book(
        str(metadata.pop("title", "")),
        metadata,
        list(dict.fromkeys(_resolved(root, e.get("href") or "")[0] for e in read)),
        _contents(package, listed),
    )


def _contents(package: Package, parts: list[str]) -> dict[str, list[Entry]]:
    """The entries of the first table of contents that says anything, by the chapter they point to."""
    for part in parts:
        data = package.read(part)
        if not data:
            continue
        found: dict[str, list[Entry]] = {}
        for entry in read_contents(data):
            target, fragment = _resolved(part, entry.target)
            found.setdefault(target, []).append(Entry(entry.level, entry.title, fragment))
        if found:
            return found
    return {}


def _metadata(opf: Element) -> dict[str, Scalar]:
    found: dict[str, Scalar] = {}
    for element in opf.iter():
        name, text = _name(element), one_line(element.text or "")[:_LONGEST]
        if text and "purl.org/dc/elements" in str(element.tag):
            if name == "title":
                found.setdefault("title", text)
            elif name in _NAMES:
                found[_NAMES[name]] = (
                    f"{found[_NAMES[name]]}, {text}" if name == "creator" and "author" in found else found.get(_NAMES[name], text)
                )
    return found


def _with_heading(page: Page, entries: list[Entry]) -> str:
    """The chapter below its heading: its own, as deep as the table of contents has it, or the one that stands there."""
    first = next((entry for entry in entries if not entry.target), None)
    if first is None or not page.markdown:
        return page.markdown
    own = re.search(r"^(#{1,6}) +(.+)$", page.markdown, re.MULTILINE)
    further = {entry.title for entry in entries if entry.target}
    if own is None or (one_line(own[2]) != first.title and (one_line(own[2]) in further or own.start() > _LONGEST)):
        before, _, rest = page.markdown.partition("\n")
        body = rest.strip("\n") if one_line(before) == first.title else page.markdown
        return joined([heading(first.level, first.title).text, body])
    return lower_headings(page.markdown, max(0, first.level - len(own[1])))


def _by_id(entries: list[Entry]) -> dict[str, tuple[int, str]]:
    return {entry.target: (entry.level, entry.title) for entry in reversed(entries) if entry.target}


def _is_protected(package: Package) -> bool:
    data = package.read("META-INF/encryption.xml") or b""
    methods = [found.decode("ascii", "replace") for found in _ALGORITHM.findall(data)]
    return any(method not in _FONTS for method in methods) or (package.has("META-INF/sinf.xml") and bool(methods))


def _xml(package: Package, part: str) -> Element | None:
    data = package.read(part)
    if data is None:
        return None
    try:
        # Old books name a DTD, which is never asked for; one that declares entities is refused.
        return read_xml(_DOCTYPE.sub(b"", data, count=1))[0]
    except XmlForbidden as error:
        raise unreadable(package.name, "dtd") from error
    except XmlDamaged:
        return None


def _name(element: Element) -> str:
    tag = cast("object", element.tag)  # a comment's is a function
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def _resolved(part: str, address: str) -> tuple[str, str]:
    """(part, fragment) of an address in a part."""
    path, _, fragment = address.partition("#")
    path = unquote(path.partition("?")[0])
    full = posixpath.normpath(posixpath.join("/", posixpath.dirname(part), path)).lstrip("/") if path else part
    return full, unquote(fragment)
