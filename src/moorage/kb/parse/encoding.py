"""From bytes to text: byte-order marks, then strict attempts, then an honest guess."""

from __future__ import annotations

import codecs
import re
from functools import cache

from moorage.core.nouns import Notice
from moorage.kb.parse.notices import characters_replaced, encoding_guessed

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"\x84\x31\x95\x33", "gb18030"),
)
# What documents call an encoding, and the wider one that is meant (as browsers read it). Nothing else that Python can decode is asked for by a name.
_LABELS = {
    "gb18030": "gb2312 gbk gb18030 x-gbk gb_2312-80 chinese hz-gb-2312 cp936 ms936 windows-936 936 euc-cn",
    "big5hkscs": "big5 big5-hkscs cn-big5 x-x-big5 cp950 windows-950",
    "cp932": "shift_jis shift-jis sjis x-sjis ms932 windows-31j cp932",
    "euc_jp": "euc-jp x-euc-jp",
    "iso2022_jp": "iso-2022-jp",
    "cp949": "euc-kr ks_c_5601-1987 ks_c_5601-1989 korean cp949 windows-949",
    "cp1252": "iso-8859-1 latin1 iso8859-1 windows-1252 cp1252 us-ascii ascii iso_8859-1",
    "koi8_r": "koi8-r koi8",
    "utf-8": "utf-8 utf8 unicode-1-1-utf-8",
}
_CODECS = {label: codec for codec, labels in _LABELS.items() for label in labels.split()}
_FAMILIES = re.compile(r"(?:windows-?|cp)(125[0-8]|874)|(iso-?8859-(?:[2-9]|1[0-6]))")
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_CONTROLS_ALLOWED = 0.001
# Chinese text in GB 2312 has both bytes of a character above 0xA0. Accented Latin letters before a plain one do not.
_GB_PAIRS = re.compile(rb"[\xa1-\xfe][\xa1-\xfe]")
_PRINTABLE = re.compile(rb"[ -~]")
_HIGH = re.compile(rb"[\x80-\xff]")
_PROBE_BYTES = 200_000
_PROBE_CHARACTERS = 20_000
_READABLE_UTF_16 = 0.85  # share of usual characters; bytes of another kind give characters from all over
# Without a zero byte there is nothing but Chinese in it, whose bytes are half printable; any two ASCII letters make a Chinese character.
_UTF_16_FROM_BYTES = 16
_UTF_16_ASCII = 0.75
_USUAL_CHINESE = 0.7
_TRADITIONAL_MARGIN = 0.1


def decode(data: bytes, hint: str = "") -> tuple[str, tuple[Notice, ...]] | None:
    """The text and what is doubtful about it; None for what is no text. ``hint`` is an encoding the document names itself."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            text = data[len(mark) :].decode(encoding, "replace")
            return (text, _replaced(text)) if _is_plain(text) else None
    for encoding in filter(None, ("utf-8", codec_of(hint))):
        text = _strictly(data, encoding)
        if text is not None and "\x00" not in text:
            return (text, ()) if _is_plain(text) else None
    zeros = data.count(b"\x00")
    if zeros:
        found = _guess_utf_16(data)
        if found is not None or zeros > _CONTROLS_ALLOWED * len(data) + 1:
            return found
        data = data.replace(b"\x00", "\ufffd".encode())  # as CommonMark says; some old programs leave one behind
        text = _strictly(data, "utf-8")
        if text is not None:
            return (text, _replaced(text)) if _is_plain(text) else None
    return _guess(data)


def codec_of(label: str) -> str | None:
    """Python's codec for the name of an encoding in a page or mail; None for one that is unknown, or no encoding of plain bytes."""
    name = label.strip().strip("\"'").lower()
    family = _FAMILIES.fullmatch(name)
    if family:
        return f"cp{family[1]}" if family[1] else family[2].replace("iso8859", "iso-8859")
    return _CODECS.get(name)


def _guess(data: bytes) -> tuple[str, tuple[Notice, ...]] | None:
    text = data.decode("utf-8", "replace")
    lost, kept = text.count("\ufffd"), sum(1 for c in text[:_PROBE_BYTES] if c > "\x7f") or 1
    if lost * 20 <= kept:
        return (text, _replaced(text)) if _is_plain(text) else None
    simplified, traditional = _usual_share(data, "gb18030"), _usual_share(data, "big5hkscs")
    if traditional >= _USUAL_CHINESE and traditional > simplified + _TRADITIONAL_MARGIN:
        text = data.decode("big5hkscs", "replace")
        return (text, _replaced(text)) if _is_plain(text) else None
    if simplified >= _USUAL_CHINESE or _gb_share(data) >= 0.6:
        text = data.decode("gb18030", "replace")
        lost = text.count("\ufffd")
        if lost * 20 <= len(text):
            return (text, _replaced(text)) if _is_plain(text) else None
    if len(data) >= _UTF_16_FROM_BYTES and len(_PRINTABLE.findall(data[:_PROBE_BYTES])) < _UTF_16_ASCII * len(data[:_PROBE_BYTES]):
        utf_16 = _guess_utf_16(data)
        if utf_16 is not None:
            return utf_16
    text = data.decode("cp1252", "replace")
    # A text in a Western encoding is mostly ASCII; something else is no text that can be told.
    if _is_plain(text) and len(_HIGH.findall(data[:_PROBE_BYTES])) * 3 <= len(data[:_PROBE_BYTES]):
        return text, (encoding_guessed("Windows-1252"),)
    return None


def _guess_utf_16(data: bytes) -> tuple[str, tuple[Notice, ...]] | None:
    """UTF-16 without its mark: read the one way it is made of usual characters, read the other of characters from all over."""
    even = data if len(data) % 2 == 0 else data[:-1]
    best, most = None, _READABLE_UTF_16
    for encoding in ("utf-16-le", "utf-16-be"):
        probe = even[: 2 * _PROBE_CHARACTERS].decode(encoding, "replace")
        share = sum(map(_is_usual, probe)) / len(probe) if probe else 0.0
        if share > most:
            best, most = encoding, share
    if best is None:
        return None
    text = even.decode(best, "replace")
    return (text, _replaced(text)) if _is_plain(text) else None


def _is_usual(character: str) -> bool:
    return " " <= character <= "~" or character in "\t\r\n" or character in _usual_characters()


def _usual_share(data: bytes, encoding: str) -> float:
    """How many of the characters beyond ASCII are usual in Chinese and stand together, were the bytes in this encoding."""
    text = data[:_PROBE_BYTES].decode(encoding, "replace")[:_PROBE_CHARACTERS]
    usual = _usual_characters()
    beyond = [at for at, character in enumerate(text) if character > "\x7f"]
    if not beyond:
        return 0.0
    alone = sum(1 for at in beyond if not ((at and text[at - 1] > "\x7f") or text[at + 1 : at + 2] > "\x7f"))
    if alone * 2 > len(beyond):
        return 0.0
    return sum(1 for at in beyond if text[at] in usual) / len(beyond)


@cache
def _usual_characters() -> frozenset[str]:
    """The characters of the first levels of GB 2312 and Big5, which hold what is used most, and the signs between them."""
    simplified = bytes(byte for lead in range(0xB0, 0xD8) for trail in range(0xA1, 0xFF) for byte in (lead, trail)).decode(
        "gb2312", "ignore"
    )
    trails = (*range(0x40, 0x7F), *range(0xA1, 0xFF))
    traditional = bytes(byte for lead in range(0xA4, 0xC7) for trail in trails for byte in (lead, trail)).decode("big5", "ignore")
    signs = "　、。，．·：；？！…—～‘’“”〈〉《》「」『』【】（）〔〕％＋－＝＜＞￥×÷°±→①②③④⑤⑥⑦⑧⑨⑩"
    wide = "".join(chr(code) for code in range(0xFF10, 0xFF5B))
    return frozenset(simplified + traditional + signs + wide)


def _gb_share(data: bytes) -> float:
    probe = data[:_PROBE_BYTES]
    high = len(_HIGH.findall(probe))
    return 2 * len(_GB_PAIRS.findall(probe)) / high if high else 0.0


def _strictly(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except (UnicodeError, LookupError):
        return None


def _replaced(text: str) -> tuple[Notice, ...]:
    lost = text.count("\ufffd")
    return (characters_replaced(lost),) if lost else ()


def _is_plain(text: str) -> bool:
    if "\x00" in text:
        return False
    probe = text[:_PROBE_BYTES]
    return len(_CONTROLS.findall(probe)) <= _CONTROLS_ALLOWED * len(probe) + 1
