"""The table of contents of a book: the nested list of EPUB 3, or the ``navMap`` of EPUB 2."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from moorage.kb.parse.encoding import decode
from moorage.kb.parse.html.source import parseable
from moorage.kb.parse.markdown import one_line

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

_LEVELS = 6


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the table of contents. ``level`` counts from 1; ``target`` is an address, or what is after its ``#``."""

    level: int
    title: str
    target: str


def read_contents(data: bytes) -> list[Entry]:
    """The entries in order; none for what is no table of contents."""
    from selectolax.lexbor import LexborHTMLParser

    decoded = decode(data, "utf-8")
    if decoded is None:
        return []
    text = decoded[0]
    tree = LexborHTMLParser(parseable(text if text.lstrip().startswith("<?xml") else f'<?xml version="1.0"?>{text}'))
    if tree.css_first("navmap") is not None:
        return list(_points(tree.css("navpoint")))
    lists = [
        node for node in tree.css("nav") if (node.attributes.get("epub:type") or node.attributes.get("role") or "toc") in ("toc", "doc-toc")
    ]
    return [entry for node in lists[:1] for entry in _links(node.css("a[href]"))]


def _points(points: list[LexborNode]) -> Iterator[Entry]:
    for point in points:
        label, content = point.css_first("navlabel"), point.css_first("content")
        title = one_line(label.text()) if label is not None else ""
        source = (content.attributes.get("src") or "") if content is not None else ""
        if title and source:
            yield Entry(_depth(point, "navpoint"), title, source)


def _links(links: list[LexborNode]) -> Iterator[Entry]:
    for link in links:
        title = one_line(link.text())
        if title:
            yield Entry(_depth(link, "ol"), title, link.attributes.get("href") or "")


def _depth(node: LexborNode, tag: str) -> int:
    depth = 1 if node.tag == tag else 0
    above = node.parent
    while above is not None and depth < _LEVELS:
        depth += above.tag == tag
        above = above.parent
    return max(depth, 1)
