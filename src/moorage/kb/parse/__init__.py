"""Documents to Markdown: ``parse(Source(name, data))`` reads docx, pdf, sheets, slides, HTML and text, and says what it could not read."""

from __future__ import annotations

from moorage.kb.parse.base import PageStart, Parsed, Parser, Picture, Source
from moorage.kb.parse.registry import known_suffixes, media_type_of, parse, parser_for

__all__ = ["PageStart", "Parsed", "Parser", "Picture", "Source", "known_suffixes", "media_type_of", "parse", "parser_for"]
