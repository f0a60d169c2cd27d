"""Mails (``.eml``): who wrote what to whom, the text with its pictures, and the attachments as sections."""

from __future__ import annotations

import re
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime
from itertools import count
from typing import TypeGuard, cast

from moorage.core.nouns import Scalar
from moorage.kb.parse import sniff as kinds
from moorage.kb.parse.base import Parsed, Source
from moorage.kb.parse.html.read import Reading, read_html
from moorage.kb.parse.html.source import html_text
from moorage.kb.parse.markdown import heading, one_line
from moorage.kb.parse.mhtml import Related
from moorage.kb.parse.mime import Part, body_bytes, charset_of, file_name, header, leaves, read_message, text_of
from moorage.kb.parse.notices import attachments_left_out
from moorage.kb.parse.pictures import as_picture
from moorage.kb.parse.sections import Sections, joined, lower_headings

_CJK = re.compile(r"[\u3400-\u9fff]")
_HEADERS = (("From", "发件人", "author"), ("To", "收件人", "to"), ("Cc", "抄送", "cc"), ("Date", "日期", "created"))
_ATTACHMENTS = 200
_LONGEST = 500
_SIGNATURES = frozenset(
    ("application/pkcs7-signature", "application/x-pkcs7-signature", "application/pgp-signature", "application/ms-tnef", "text/x-amp-html")
)


class MailParser:
    """Reads ``.eml``."""

    name = "mail"
    media_types = (kinds.EML,)
    suffixes = (".eml",)

    def parse(self, source: Source) -> Parsed:
        message = read_message(source.name, source.data)
        mail = _Mail(source, message)
        mail.read_body()
        metadata = _metadata(message)
        subject = str(metadata.get("subject") or source.stem)
        is_chinese = bool(_CJK.search(subject + joined(mail.texts)[:2000]))
        mail.read_attachments("附件：" if is_chinese else "Attachment: ")
        head = _head(metadata, is_chinese)
        sections = mail.sections
        markdown = joined([heading(1, subject).text, head, *mail.texts, *sections.parts])
        pictures = {picture.name: picture for picture in sections.pictures.values()}
        return Parsed(markdown, subject, metadata, notices=sections.finish(), pictures=tuple(pictures.values()))


class _Mail:
    """The parts of one mail: its texts, and everything else in the order it came."""

    def __init__(self, source: Source, message: Part) -> None:
        self.sections = Sections(source)
        self.texts: list[str] = []
        self._source = source
        self._parts = list(leaves(message))
        self._related = Related(self._parts)
        self._bodies = _bodies(message)
        self._attachments = [part for part in self._parts if id(part) not in {id(body) for body in self._bodies}]

    def read_body(self) -> None:
        for part in self._bodies:
            if part.get_content_type() != "text/html":
                self.texts.append(_flowed(part, text_of(part) or "").strip())
                continue
            text, found_notices = html_text(Source(self._source.name, body_bytes(part) or b" "), charset_of(part))
            page = read_html(text, Reading(is_page=False, picture=self._related.picture))
            self.sections.notices += [*found_notices, *page.notices]
            self.sections.pictures |= {picture.name: picture for picture in page.pictures}
            self.texts.append(lower_headings(page.markdown, 1))

    def read_attachments(self, called: str) -> None:
        waiting = [part for part in self._attachments if id(part) not in self._related.used and not _is_beside_the_point(part)]
        for number, part in zip(count(1), waiting[:_ATTACHMENTS], strict=False):
            data = body_bytes(part)
            name = _name_of(part, number)
            if data.strip() and not (not file_name(part) and _is_tiny_picture(data)):
                self.sections.add(name, data, f"{called}{name}", 2)
        if len(waiting) > _ATTACHMENTS:
            self.sections.notices.append(attachments_left_out(len(waiting) - _ATTACHMENTS))


def _bodies(message: Part) -> list[Part]:
    """The texts of a mail: of alternatives the richest one, of a sequence each that is not attached."""
    found: list[Part] = []
    stack = [message]
    while stack:
        part = stack.pop()
        inner: object = part.get_payload()
        parts: list[Part] = list(filter(_is_part, cast("list[object]", inner))) if isinstance(inner, list) else []
        kind = part.get_content_type()
        if kind == "multipart/alternative":
            stack += _richest(parts)
        elif part.get_content_maintype() == "multipart" and parts:
            stack += reversed(parts[:1] if kind == "multipart/related" else parts)
        elif (kind in ("text/plain", "text/html") and not _is_attached(part)) or part.get_content_maintype() == "multipart":
            found.append(part)
    return found


def _is_part(one: object) -> TypeGuard[Part]:
    return isinstance(one, Message)


def _richest(parts: list[Part]) -> list[Part]:
    for wanted in ("text/html", "multipart/related", "multipart/mixed", "text/plain"):
        chosen = [part for part in parts if part.get_content_type() == wanted]
        if chosen and (wanted != "text/html" or body_bytes(chosen[-1]).strip()):
            return chosen[-1:]
    return parts[:1]


def _is_attached(part: Part) -> bool:
    return header(part, "Content-Disposition").lower().startswith("attachment") or bool(file_name(part))


def _is_beside_the_point(part: Part) -> bool:
    """Signatures, calendar copies, and the text that an HTML text stands for."""
    kind = part.get_content_type()
    return kind in _SIGNATURES or (kind.startswith("text/") and not _is_attached(part)) or part.get_content_maintype() == "multipart"


def _is_tiny_picture(data: bytes) -> bool:
    return len(data) < 1024 and as_picture(data) is not None


def _name_of(part: Part, number: int) -> str:
    name = file_name(part)
    if name:
        return name
    kind = part.get_content_type()
    suffix = ".eml" if kind == "message/rfc822" else {"text/html": ".html", "text/plain": ".txt"}.get(kind, "")
    return f"{number}{suffix or '.' + part.get_content_subtype()[:10]}"


def _flowed(part: Part, text: str) -> str:
    """RFC 3676: a line that ends in a blank goes on with the next one, unless it is the line before a signature."""
    if str(part.get_param("format", "")).lower() != "flowed":
        return text
    glue = "" if str(part.get_param("delsp", "")).lower() == "yes" else " "
    written: list[str] = []
    is_open = False
    for line in text.split("\n"):
        line = line[1:] if line.startswith(" ") else line
        if is_open and not line.startswith(">"):
            written[-1] += glue + line.rstrip(" ")
        else:
            written.append(line.rstrip(" ") if line != "-- " else line)
        is_open = line.endswith(" ") and line != "-- " and not line.startswith(">")
    return "\n".join(written)


def _metadata(message: Part) -> dict[str, Scalar]:
    found: dict[str, Scalar] = {}
    subject = header(message, "Subject")
    if subject:
        found["subject"] = subject[:_LONGEST]
    for name, _, key in _HEADERS[:3]:
        people = _people(message, name)
        if people:
            found[key] = people[:_LONGEST]
    date = header(message, "Date")
    if date:
        try:
            found["created"] = parsedate_to_datetime(date).isoformat()
        except (ValueError, TypeError, IndexError, OverflowError):
            found["created"] = date[:60]
    return found


def _people(message: Part, name: str) -> str:
    """Names with their addresses, taken apart before the names are decoded: an encoded comma parts nothing."""
    from moorage.kb.parse.mime import decoded_words

    raw = [str(value)[:20_000] for value in message.get_all(name, [])]
    people = [(decoded_words(person), address) for person, address in getaddresses(raw)]
    shown = [f"{person} <{address}>" if person and person != address else address for person, address in people if person or address]
    return one_line(", ".join(shown)) or header(message, name)


def _head(metadata: dict[str, Scalar], is_chinese: bool) -> str:
    lines = [
        f"{chinese if is_chinese else english}{'：' if is_chinese else ': '}{metadata[key]}"
        for english, chinese, key in _HEADERS
        if metadata.get(key)
    ]
    return "\n".join(lines)
