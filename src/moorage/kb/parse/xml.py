"""XML from strangers: no entities, no network, no DTD, no huge trees. The one file that knows lxml."""

# lxml ships no types; Element below is what we use of it.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportAttributeAccessIssue=false

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from html.entities import html5
from typing import Protocol, cast
from xml.sax.saxutils import escape


class Element(Protocol):
    """What is used of an lxml element."""

    @property
    def tag(self) -> str: ...
    @property
    def text(self) -> str | None: ...
    @property
    def tail(self) -> str | None: ...
    def __iter__(self) -> Iterator[Element]: ...
    def __len__(self) -> int: ...
    def get(self, key: str, default: str | None = None) -> str | None: ...
    def find(self, path: str) -> Element | None: ...
    def findall(self, path: str) -> list[Element]: ...
    def iterchildren(self, *tags: str) -> Iterator[Element]: ...
    def iter(self, *tags: str) -> Iterator[Element]: ...
    def itertext(self, *tags: str) -> Iterator[str]: ...


def child_of(parent: Element | None, tag: str) -> Element | None:
    """The first child of this name. Twice as fast as ``find``, which reads a path."""
    return None if parent is None else next(parent.iterchildren(tag), None)


def children_by_tag(parent: Element | None) -> dict[str, Element]:
    """The first child of each name, for those who want several: one walk costs as much as two searches."""
    found: dict[str, Element] = {}
    for child in () if parent is None else parent:
        found.setdefault(child.tag, child)
    return found


class XmlDamaged(Exception):
    """The XML is so damaged that nothing is left of it."""


class XmlForbidden(Exception):
    """The XML declares a DTD, which no office document does and entity attacks need."""


# Strict OOXML names the same things by other namespaces.
_STRICT = (
    (b"http://purl.oclc.org/ooxml/wordprocessingml/main", b"http://schemas.openxmlformats.org/wordprocessingml/2006/main"),
    (b"http://purl.oclc.org/ooxml/officeDocument/relationships", b"http://schemas.openxmlformats.org/officeDocument/2006/relationships"),
    (b"http://purl.oclc.org/ooxml/officeDocument/math", b"http://schemas.openxmlformats.org/officeDocument/2006/math"),
    (b"http://purl.oclc.org/ooxml/presentationml/main", b"http://schemas.openxmlformats.org/presentationml/2006/main"),
    (b"http://purl.oclc.org/ooxml/spreadsheetml/main", b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"),
    (b"http://purl.oclc.org/ooxml/drawingml/diagram", b"http://schemas.openxmlformats.org/drawingml/2006/diagram"),
    (b"http://purl.oclc.org/ooxml/drawingml/spreadsheetDrawing", b"http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing"),
    (b"http://purl.oclc.org/ooxml/drawingml/main", b"http://schemas.openxmlformats.org/drawingml/2006/main"),
    (b"http://purl.oclc.org/ooxml/drawingml/chart", b"http://schemas.openxmlformats.org/drawingml/2006/chart"),
    (
        b"http://purl.oclc.org/ooxml/drawingml/wordprocessingDrawing",
        b"http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing",
    ),
)


def read_xml(data: bytes) -> tuple[Element, bool]:
    """The root, and whether it was read whole. Damaged XML gives what stands before the damage (and often after it); signs that XML does not
    allow, which careless programs write, are no damage."""
    from lxml import etree

    if b"<!DOCTYPE" in data or "<!DOCTYPE".encode("utf-16-le") in data or "<!DOCTYPE".encode("utf-16-be") in data:
        raise XmlForbidden
    if b"http://purl.oclc.org/ooxml/" in data:
        for strict, usual in _STRICT:
            data = data.replace(strict, usual)
    for is_mended, recover in ((False, False), (True, False), (True, True)):
        if is_mended and not recover:
            data = _mended(data)
        parser = etree.XMLParser(
            resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False,
            remove_comments=True, remove_pis=True, recover=recover,
        )  # fmt: skip
        try:
            root = cast("Element | None", etree.fromstring(data, parser))
        except (etree.XMLSyntaxError, ValueError):
            continue
        if root is not None:
            return root, not recover
    raise XmlDamaged


def _mended(data: bytes) -> bytes:
    """The XML without signs that it must not hold: control characters, half a pair of a sign beyond 16 bits, names that only HTML knows."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or data[1:2] == b"\x00":  # 16 bits a sign: these bytes mean something else there
        return data
    return _REFERENCE.sub(_allowed, _PAIR.sub(_joined, _FORBIDDEN.sub(b"", data)))


def _joined(pair: re.Match[bytes]) -> bytes:
    high, low = (_code(pair[at]) for at in (1, 2))
    if not (0xD800 <= high < 0xDC00 <= low < 0xE000):
        return pair[0]
    return chr(0x10000 + (high - 0xD800) * 0x400 + low - 0xDC00).encode()


def _allowed(reference: re.Match[bytes]) -> bytes:
    if reference[1] is not None:
        code = _code(reference[1])
        is_allowed = code in (9, 10, 13) or 0x20 <= code < 0xD800 or 0xE000 <= code < 0xFFFE or 0x10000 <= code < 0x110000
        return reference[0] if is_allowed else b""
    name = (reference[2] or b"").decode()
    if name in ("amp;", "lt;", "gt;", "quot;", "apos;"):
        return reference[0]
    return escape(html5[name]).encode() if name in html5 else b"&amp;" + reference[0][1:]


def _code(digits: bytes) -> int:
    return int(digits[1:], 16) if digits[:1] == b"x" else int(digits)


_FORBIDDEN = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]|\xef\xbf[\xbe\xbf]|\xed[\xa0-\xbf][\x80-\xbf]")
_NUMBER = rb"&#(x[0-9A-Fa-f]{1,8}|[0-9]{1,10});"
_PAIR = re.compile(_NUMBER * 2)
_HALF_PAIR = re.compile(rb"&#(?:x[Dd][89A-Fa-f]|5[5-7])")
_REFERENCE = re.compile(_NUMBER + rb"|&([A-Za-z][A-Za-z0-9]{0,30};)?")


def stream_xml(data: bytes, *tags: str) -> Iterator[tuple[bool, Element]]:
    """The elements with these names, one by one, for XML too large for a tree: (True, element) where one begins, with its attributes, and
    (False, element) where it ends, with all that is in it; then it is forgotten. Damaged XML gives what can be read of it."""
    from lxml import etree

    if b"<!DOCTYPE" in data:
        raise XmlForbidden
    if b"http://purl.oclc.org/ooxml/" in data:
        for strict, usual in _STRICT:
            data = data.replace(strict, usual)
    if _HALF_PAIR.search(data):  # a text with one cannot be read at all
        data = _mended(data)
    events = etree.iterparse(
        io.BytesIO(data), events=("start", "end"), tag=tags, resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False,
        remove_comments=True, remove_pis=True, recover=True,
    )  # fmt: skip
    try:
        for event, element in events:
            yield event == "start", cast("Element", element)
            if event == "end":
                element.clear()
                while element.getprevious() is not None:
                    del element.getparent()[0]
    except etree.XMLSyntaxError:
        return


def written(root: Element) -> bytes:
    """An element and all that is in it as a part of its own."""
    from lxml import etree

    data: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True)
    return data
