"""From bytes to text: byte-order marks, then strict attempts, then an honest guess."""

from __future__ import annotations

import codecs
import re

from moorage.core.nouns import Notice
from moorage.kb.parse.notices import characters_replaced, encoding_guessed

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_CONTROLS_ALLOWED = 0.001
# Chinese text in GB 2312 has both bytes of a character above 0xA0. Accented Latin letters before a plain one do not.
_GB_PAIRS = re.compile(rb"[\xa1-\xfe][\xa1-\xfe]")
_HIGH = re.compile(rb"[\x80-\xff]")
_PROBE_BYTES = 200_000


def decode(data: bytes, hint: str = "") -> tuple[str, tuple[Notice, ...]] | None:
    """The text and what is doubtful about it; None for what is no text. ``hint`` is an encoding the document names itself."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            text = data[len(mark) :].decode(encoding, "replace")
            return (text, _replaced(text)) if _is_plain(text) else None
    for encoding in filter(None, ("utf-8", hint)):
        text = _strictly(data, encoding)
        if text is not None:
            return (text, ()) if _is_plain(text) else None
    if b"\x00" in data:
        return None
    return _guess(data)


def _guess(data: bytes) -> tuple[str, tuple[Notice, ...]] | None:
    text = data.decode("utf-8", "replace")
    lost, kept = text.count("\ufffd"), sum(1 for c in text[:_PROBE_BYTES] if c > "\x7f") or 1
    if lost * 20 <= kept:
        return (text, _replaced(text)) if _is_plain(text) else None
    if _gb_share(data) >= 0.6:
        text = data.decode("gb18030", "replace")
        lost = text.count("\ufffd")
        if lost * 20 <= len(text):
            return (text, _replaced(text)) if _is_plain(text) else None
    text = data.decode("cp1252", "replace")
    # A text in a Western encoding is mostly ASCII; something else is no text that can be told.
    if _is_plain(text) and len(_HIGH.findall(data[:_PROBE_BYTES])) * 3 <= len(data[:_PROBE_BYTES]):
        return text, (encoding_guessed("Windows-1252"),)
    return None


def _gb_share(data: bytes) -> float:
    probe = data[:_PROBE_BYTES]
    high = len(_HIGH.findall(probe))
    return 2 * len(_GB_PAIRS.findall(probe)) / high if high else 0.0


def _strictly(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        return None


def _replaced(text: str) -> tuple[Notice, ...]:
    lost = text.count("\ufffd")
    return (characters_replaced(lost),) if lost else ()


def _is_plain(text: str) -> bool:
    if "\x00" in text:
        return False
    probe = text[:_PROBE_BYTES]
    return len(_CONTROLS.findall(probe)) <= _CONTROLS_ALLOWED * len(probe) + 1
