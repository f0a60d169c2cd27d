"""Which part of a page is its content, and what the page says about itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from moorage.core.nouns import Scalar
from moorage.kb.parse.html.marks import Marks, mark_frame, mark_named_frame
from moorage.kb.parse.markdown import one_line

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser, LexborNode

_EXPORTED_BY = re.compile(
    r"word|office|wps|pandoc|writer|excel|onenote|evernote|pdf|google docs|notion|typora|docutils|asciidoctor", re.IGNORECASE
)
_SHARE = 0.3  # of the text of a page that its one article must hold to be its content
_NAMES = {
    "author": "author", "description": "description", "og:description": "description", "keywords": "keywords", "date": "created",
    "article:published_time": "created", "article:modified_time": "modified", "dc.creator": "author", "dc.date": "created",
}  # fmt: skip
_LONGEST = 500


def find_content(tree: LexborHTMLParser, marks: Marks) -> LexborNode | None:
    """The element to read. Of a web page: the one ``main`` or ``article``, else the body without what frames it; of an export: the whole body."""
    body = tree.body
    if body is None or _is_export(tree):
        return body
    for selector in ("main, [role=main]", "article"):
        found = _outermost([node for node in tree.css(selector) if node.mem_id not in marks.unseen])
        found = [(node, size) for node in found if (size := _size(node, marks))]
        if len(found) == 1 and (selector[0] == "m" or found[0][1] >= _SHARE * _size(body, marks)):
            mark_frame(tree, marks)
            return found[0][0]
    unframed = marks.unseen.copy()
    mark_frame(tree, marks)
    mark_named_frame(tree, marks)
    if not _size(body, marks):
        marks.unseen = unframed
    return body


def title_of(tree: LexborHTMLParser) -> str:
    """What the page calls itself, or its first heading."""
    for selector in ("head title", "h1"):
        node = tree.css_first(selector)
        title = one_line(node.text()) if node is not None else ""
        if title:
            return title
    return ""


def metadata_of(tree: LexborHTMLParser) -> dict[str, Scalar]:
    """Author, description, keywords and dates."""
    found: dict[str, Scalar] = {}
    for node in tree.css("head meta[content]"):
        attributes = node.attributes
        name = _NAMES.get((attributes.get("name") or attributes.get("property") or "").lower())
        content = one_line(attributes.get("content") or "")
        if name and content:
            found.setdefault(name, content[:_LONGEST])
    return found


def link_base(tree: LexborHTMLParser) -> tuple[str, str]:
    """The addresses that links and pictures are relative to; empty where the page does not say. A page saved by a browser has
    its links still, but its pictures beside it."""
    base = tree.css_first("base[href]")
    address = (base.attributes.get("href") or "").strip() if base is not None else ""
    if address.lower().startswith(("http://", "https://")):
        return address, address
    canonical = tree.css_first('link[rel="canonical"][href]')
    address = (canonical.attributes.get("href") or "").strip() if canonical is not None else ""
    return (address if address.lower().startswith(("http://", "https://")) else ""), ""


def _is_export(tree: LexborHTMLParser) -> bool:
    if tree.css_first('meta[name="ProgId" i], meta[name="Originator" i]') is not None:
        return True
    return any(_EXPORTED_BY.search(node.attributes.get("content") or "") for node in tree.css('meta[name="generator" i]'))


def _outermost(nodes: list[LexborNode]) -> list[LexborNode]:
    """Comments below an article are articles in it."""
    ids = {node.mem_id for node in nodes}
    return [node for node in nodes if not _is_below(node, ids)]


def _is_below(node: LexborNode, ids: set[int]) -> bool:
    above = node.parent
    while above is not None:
        if above.mem_id in ids:
            return True
        above = above.parent
    return False


def _size(node: LexborNode, marks: Marks) -> int:
    return sum(len(text.strip()) for text in marks.texts(node)) + (1 if node.css_first("img") is not None else 0)
