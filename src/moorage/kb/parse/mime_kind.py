"""Whether bytes are a message, and which kind: a mail, or a web archive. Looks at the headers only."""

from __future__ import annotations

import re
from typing import Literal

_WITHIN = 32_768
_HEADER = re.compile(rb"\A(?:[\x21-\x39\x3b-\x7e]+:[^\n]*(?:\n[ \t][^\n]*)*\n)+", re.MULTILINE)
_NAME = re.compile(rb"^([\x21-\x39\x3b-\x7e]+):", re.MULTILINE)
_RELATED = re.compile(rb"^content-type:\s*multipart/related\b", re.IGNORECASE | re.MULTILINE)
_PAGE = re.compile(rb"^content-type:\s*text/html\b", re.IGNORECASE | re.MULTILINE)
_SAVED = re.compile(rb"^(?:snapshot-content-location:|from:\s*\W?saved by|subject:\s*exported from)", re.IGNORECASE | re.MULTILINE)
_OF_MAIL = frozenset(
    (
        b"received",
        b"delivered-to",
        b"return-path",
        b"to",
        b"message-id",
        b"from",
        b"date",
        b"subject",
        b"mime-version",
        b"content-type",
        b"cc",
        b"reply-to",
        b"x-mailer",
    )
)
_SURE = 4  # such headers in a file of any name; notes and logs begin with one or two lines of the kind


def message_kind(data: bytes, suffix: str) -> Literal["mail", "archive"] | None:
    """What kind of message this is, or None."""
    head = data[:_WITHIN].lstrip(b"\xef\xbb\xbf\r\n\t ").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    found = _HEADER.match(head)
    if found is None:
        return None
    names = {name.lower() for name in _NAME.findall(found[0])}
    is_named = suffix in (".eml", ".mht", ".mhtml")
    if len(names & _OF_MAIL) < (1 if is_named else _SURE) and not (b"mime-version" in names and b"content-type" in names):
        return None
    is_page = bool(_PAGE.search(found[0])) and suffix in (".mht", ".mhtml")
    is_box = bool(_RELATED.search(found[0])) and not names & {b"to", b"received", b"delivered-to"}
    return "archive" if is_page or is_box or _SAVED.search(found[0]) else "mail"
