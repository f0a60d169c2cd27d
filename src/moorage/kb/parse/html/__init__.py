"""HTML by selectolax: the main content, with our own writer because no converter keeps spans, nested tables and pictures in cells."""

from __future__ import annotations

from moorage.kb.parse import sniff as kinds
from moorage.kb.parse.base import Parsed, Source
from moorage.kb.parse.html.read import Reading, read_html
from moorage.kb.parse.html.source import html_text

__all__ = ["HtmlParser", "Reading", "read_html"]


class HtmlParser:
    """Reads ``.html`` pages and exports."""

    name = "html"
    media_types = (kinds.HTML,)
    suffixes = (".html", ".htm", ".xhtml")

    def parse(self, source: Source) -> Parsed:
        text, notices = html_text(source)
        found = read_html(text, Reading())
        return Parsed(
            found.markdown,
            found.title or source.stem,
            metadata=found.metadata,
            notices=(*notices, *found.notices),
            pictures=found.pictures,
        )
