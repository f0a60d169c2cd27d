"""Rewrites every picture of a Markdown text as ``![image](URL)``, or with its alternative text. Code is left alone."""

from __future__ import annotations

import base64
import binascii
import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote, unquote_to_bytes

from moorage.kb.chunk.inline import inline
from moorage.kb.chunk.scan import BLANK, CODE, HEADING, MATH, TABLE, Scan, scan

NO_PICTURE = "data:,"  # the empty data URI: what is left of a picture that was not stored or cannot be read

StoreImage = Callable[[bytes, str], str]
Resolve = Callable[[str], str | None]
Alt = Literal["image", "keep"]
PLAIN_ALT = "image"
LONGEST_ALT = 300
_MOST_PASSES = 4


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where pictures are: those that ``resolve`` knows at its address, other relative sources below ``base_url``, embedded ones wherever
    ``store`` puts them. ``alt`` keeps alternative texts, or says ``image`` for all."""

    base_url: str = ""
    store: StoreImage | None = None
    resolve: Resolve | None = None
    alt: Alt = "image"

    def of(self, source: str) -> str:
        """The URL for one source as it stands in a document."""
        if source[:5].lower() == "data:":
            return self._stored(source)
        if not source or _SCHEME.match(source):
            return source
        if self.resolve is not None and (known := self.resolve(unquote(source))) is not None:
            return url_text(known)
        if not self.base_url:
            return source
        base = self.base_url.rstrip("/") + "/"
        return source if source.startswith(base) else base + _LEADING.sub("", source)

    def _stored(self, uri: str) -> str:
        if self.store is None or (decoded := decode_data_uri(uri)) is None:
            return NO_PICTURE
        return url_text(self.store(*decoded))


def with_plain_alt(text: str) -> str:
    """The text with ``image`` as the alternative text of every picture."""
    return rewrite_images(text, Addresses())


def rewrite_images(text: str, addresses: Addresses) -> str:
    """The text with its pictures as ``![image](URL)``; linear in its length."""
    return rewritten(text, addresses)[0]


def rewritten(text: str, addresses: Addresses) -> tuple[str, Scan | None]:
    """The text with its pictures rewritten, and what its lines are where that was found out on the way. A rewritten picture may free one that
    stood in its way (a ``$`` in an alternative text, say), so it is done until nothing changes."""
    for _ in range(_MOST_PASSES):
        if "![" not in text and not _IMG.search(text):
            return text, None
        found = scan(text)
        before, text = text, _rewritten(text, found, addresses)
        if text == before:
            return text, found
    return text, None


def _rewritten(text: str, lines: Scan, addresses: Addresses) -> str:
    written: list[str] = []
    at = 0
    for start, end in _regions(text, lines):
        for first, last, source, alt in _pictures(text, start, end):
            if first < at:
                continue  # a picture inside the alternative text of another
            written += (text[at:first], image(addresses.of(source), alt if addresses.alt == "keep" else PLAIN_ALT))
            at = last
    return "".join((*written, text[at:]))


def image(url: str, alt: str = PLAIN_ALT) -> str:
    """A picture in the one form that all later steps know."""
    return f"![{alt_text(alt)}]({url})"


def alt_text(text: str) -> str:
    """An alternative text as it can stand in a picture: one line without the signs that Markdown reads, ``image`` where nothing is left."""
    return " ".join(_ALT_UNSAFE.sub(" ", text).split())[:LONGEST_ALT].strip() or PLAIN_ALT


def url_text(source: str) -> str:
    """A source as it can stand in a Markdown address: blanks, pipes and unbalanced brackets percent-encoded."""
    source = _UNSAFE.sub(_percent, source.strip())
    return source if _BALANCED.fullmatch(source) else _BRACKETS.sub(_percent, source)


def _percent(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode())


def decode_data_uri(uri: str) -> tuple[bytes, str] | None:
    """The bytes and the media type of a data URI, or None where it is damaged or empty."""
    head, comma, body = uri[5:].partition(",")
    if not comma or not body:
        return None
    media_type, *parameters = (part.strip() for part in head.split(";"))
    data = unquote_to_bytes(body)
    if "base64" in (parameter.lower() for parameter in parameters):
        try:
            data = base64.b64decode(b"".join(data.split()) + b"==", altchars=None, validate=False)
        except (binascii.Error, ValueError):
            return None
    return (data, media_type or "text/plain") if data else None


def _regions(text: str, found: Scan) -> Iterator[tuple[int, int]]:
    """The stretches of text that are no code and hold no blank line. A row of a table stands alone."""
    start = end = 0
    for kind, line in zip(found.kinds, found.lines, strict=True):
        after = end + len(line) + 1
        if kind in (BLANK, CODE, MATH, TABLE, HEADING):
            if start < end:
                yield start, end
            if kind in (TABLE, HEADING):
                yield end, after - 1
            start = after
        end = after
    if start < end:
        yield start, min(end, len(text))


def _pictures(text: str, start: int, end: int) -> list[tuple[int, int, str, str]]:
    """(start, end, source, alternative text) of each picture, in order."""
    has_markdown = text.find("![", start, end) >= 0
    has_html = _IMG.search(text, start, end) is not None
    if not has_markdown and not has_html:
        return []
    found = inline(text, start, end)
    pictures = [(s.start, s.end, url_text(_bare(s.target)), _alt_before(text[s.start : s.end], s.target)) for s in found.images if s.target]
    if has_html:
        codes = iter(found.codes)
        code = next(codes, None)
        for match in _IMG.finditer(text, start, end):
            while code is not None and code.end <= match.start():
                code = next(codes, None)
            if (code is None or match.start() < code.start) and (tag := _image_tag(text, match.end(), end)):
                pictures.append((match.start(), *tag))
    return sorted(pictures)


def _alt_before(picture: str, target: str) -> str:
    """What stands in the brackets of ``![alt](target "title")``."""
    at = picture.find("](")
    while at >= 0 and not picture[at + 2 :].lstrip().startswith(target):
        at = picture.find("](", at + 2)
    return picture[2:at] if at >= 0 else ""


def _bare(target: str) -> str:
    return target[1:-1] if target.startswith("<") and target.endswith(">") else target


def _image_tag(text: str, at: int, end: int) -> tuple[int, str, str] | None:
    """Where an ``<img`` tag ends, its source and its alternative text; None where it has no source or no end."""
    values: dict[str, str] = {}
    while match := _ATTRIBUTE.match(text, at, end):
        name, value = match[1].lower(), match[2] or ""
        if name in ("src", "alt") and not values.get(name):
            values[name] = html.unescape(value[1:-1] if value[:1] in ("'", '"') else value)
        at = match.end()
    closing = _TAG_END.match(text, at, end)
    source = values.get("src", "")
    return (closing.end(), url_text(source), values.get("alt", "")) if closing and source.strip() else None


_IMG = re.compile(r"<img(?=[\s/])", re.IGNORECASE)
_ATTRIBUTE = re.compile(
    r"[\s/]*+([^\s\"'<>/=]++)(?:\s*+=\s*+(\"[^\"<]*+\"|'[^'<]*+'|\"data:[^\"]*+\"|'data:[^']*+'|(?:(?!/>)[^\s\"'=<>`])++))?"
)
_TAG_END = re.compile(r"\s*/?\s*>(?:</img>)?")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:|//")
_ALT_UNSAFE = re.compile(r"[\[\]\\`<>|$!\x00-\x1f\x7f]+")
_LEADING = re.compile(r"\A(?:\./|/)+")
_UNSAFE = re.compile(r"[\s|<>]+")
_BRACKETS = re.compile(r"[()]")
_BALANCED = re.compile(r"(?:[^()]|\([^()]*+\))*+")
