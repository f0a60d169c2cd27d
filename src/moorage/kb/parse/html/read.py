"""A page of HTML as Markdown: the story of reading one, for files, mails, books and web archives alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from moorage.core.nouns import Notice, Scalar
from moorage.kb.parse.base import Picture
from moorage.kb.parse.html.content import find_content, link_base, metadata_of, title_of
from moorage.kb.parse.html.inline import Inline, Pictures
from moorage.kb.parse.html.marks import mark
from moorage.kb.parse.html.source import parseable
from moorage.kb.parse.html.word import find_word_items
from moorage.kb.parse.html.writer import Writer
from moorage.kb.parse.markdown import join_blocks


@dataclass(frozen=True, slots=True)
class Reading:
    """How to read a page. ``is_page`` leaves out what frames the content of a web page. ``base`` is the address of the page; ``picture``
    gives the bytes of a picture by its address as it is written, where page and pictures came in one box: what it does not give is missing.
    ``headings`` are (level, text) by the id of an element, for pages whose headings stand in a table of contents elsewhere."""

    is_page: bool = True
    base: str = ""
    picture: Callable[[str], bytes | None] | None = None
    headings: Mapping[str, tuple[int, str]] = field(default_factory=dict[str, tuple[int, str]])


@dataclass(frozen=True, slots=True)
class Page:
    """A page as Markdown with its pictures, and what it says of itself. ``title`` is empty where it has none."""

    markdown: str
    title: str
    metadata: Mapping[str, Scalar]
    pictures: tuple[Picture, ...]
    notices: tuple[Notice, ...]


def read_html(text: str, how: Reading) -> Page:
    """The page as Markdown."""
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(parseable(text))
    marks = mark(tree, how.headings)
    content = find_content(tree, marks) if how.is_page else tree.body
    links, pictures_base = link_base(tree)
    pictures = Pictures(how.picture, pictures_base or how.base)
    items, markers = find_word_items(tree)
    marks.unseen |= markers
    writer = Writer(marks, Inline(marks, pictures, links or how.base), items)
    markdown = join_blocks(writer.blocks(content)) if content is not None else ""
    return Page(markdown, title_of(tree), metadata_of(tree), tuple(pictures.kept.values()), pictures.notices())
