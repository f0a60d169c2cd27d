"""From the bytes of a page to text that a parser takes in linear time: its encoding, closed tags, bounded depth."""

from __future__ import annotations

import re

from moorage.core.errors import FormatUnknown
from moorage.core.nouns import Notice
from moorage.kb.parse import sniff as kinds
from moorage.kb.parse.base import Source
from moorage.kb.parse.encoding import decode
from moorage.kb.parse.limits import HTML_OPEN_ELEMENTS

_CHARSET = re.compile(rb"<meta[^>]+charset\s*=\s*[\"']?\s*([\w.:-]+)|<\?xml[^>]+encoding\s*=\s*[\"']\s*([\w.:-]+)", re.IGNORECASE)
_CHARSET_WITHIN = 4096
_TAG = re.compile(r"<(/?)([A-Za-z][^\s/<>]*)[^<>]*>?")
_CLOSED_IN_ONE = re.compile(r"<([A-Za-z][\w:.-]*)((?:\s[^<>]*?)?)/>")
_IS_XML = re.compile(r"\s*<\?xml\b|[^<]*<html[^>]+xmlns", re.IGNORECASE)
_VOID = frozenset("area base br col embed hr img input link meta param source track wbr".split())
# Elements that another one of their kind, or the end of their parent, closes: leaving them open makes no depth.
_CLOSED_BY_OTHERS = _VOID | frozenset(
    "p li dt dd tr td th tbody thead tfoot colgroup caption option optgroup rt rp html head body a nobr".split()
)


def html_text(source: Source, charset: str = "") -> tuple[str, tuple[Notice, ...]]:
    """The text of a page and what is doubtful about it; ``charset`` is what a mail or a server said of it. Raises FormatUnknown for what is no text."""
    named = _CHARSET.search(source.data[:_CHARSET_WITHIN])
    hint = (named[1] or named[2]).decode("ascii", "replace") if named else charset
    decoded = decode(source.data, hint)
    if decoded is None:
        raise FormatUnknown(name=source.name, reason="it holds no text", reason_zh="内容不是文本", known=kinds.KNOWN)
    return decoded


def parseable(text: str) -> str:
    """The same page with XHTML's ``<a/>`` written as HTML, and without the tags that would nest it too deeply."""
    if _IS_XML.match(text[:1000]):
        text = _CLOSED_IN_ONE.sub(_open_and_close, text)
    return _without_depth(text) if text.count("<") > HTML_OPEN_ELEMENTS else text


def _open_and_close(match: re.Match[str]) -> str:
    return match[0] if match[1].lower() in _VOID else f"<{match[1]}{match[2]}></{match[1]}>"


def _without_depth(text: str) -> str:
    """A parser's time grows with the square of the depth, and browsers stop at 512 as well: tags further down are left out, their text stays."""
    kept: list[str] = []
    open_tags: list[str] = []
    counts: dict[str, int] = {}
    at = 0
    for tag in _TAG.finditer(text):
        name = tag[2].lower()
        if name in _CLOSED_BY_OTHERS:
            continue
        if not tag[1]:
            open_tags.append(name)
            counts[name] = counts.get(name, 0) + 1
            is_dropped = len(open_tags) > HTML_OPEN_ELEMENTS
        else:
            is_dropped = len(open_tags) > HTML_OPEN_ELEMENTS
            if counts.get(name):
                while (closed := open_tags.pop()) != name:
                    counts[closed] -= 1
                counts[name] -= 1
        if is_dropped:
            kept.append(text[at : tag.start()])
            at = tag.end()
    return "".join((*kept, text[at:])) if kept else text
