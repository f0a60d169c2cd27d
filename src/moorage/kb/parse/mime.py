"""Messages as mail programs and browsers write them, leniently: headers in any charset, texts, names of files. Knows no parser."""

from __future__ import annotations

import binascii
import quopri
import re
from base64 import b64decode
from collections.abc import Iterator
from email.errors import MessageError
from email.message import Message
from email.parser import BytesParser
from email.policy import Compat32
from email.utils import collapse_rfc2231_value

from moorage.core.errors import DocumentUnreadable
from moorage.kb.parse.encoding import codec_of, decode
from moorage.kb.parse.notices import unreadable

Part = Message

_WORD = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?]*)\?=")
_BETWEEN_WORDS = re.compile(r"(\?=)\s+(=\?[^?\s]{1,60}\?[bBqQ]\?)")
# Every multipart costs each line below it a comparison, and a level of recursion.
_MULTIPARTS = 200
_BOUNDARY = re.compile(rb"boundary\s*=", re.IGNORECASE)
_HEADER_LONGEST = 100_000


class _Lenient(Compat32):
    """Headers with bytes of no declared charset, as Chinese programs write them, are read in the one they are in."""

    def header_fetch_parse(self, name: str, value: str) -> str:
        return _plain(value)


def read_message(name: str, data: bytes) -> Part:
    """The message. Raises DocumentUnreadable for one whose parts are nested like no mail."""
    if len(_BOUNDARY.findall(data)) > _MULTIPARTS:
        raise unreadable(name, "mail_deep")
    try:
        return BytesParser(policy=_Lenient()).parsebytes(data.lstrip(b"\r\n\t \xef\xbb\xbf"))
    except RecursionError as error:
        raise unreadable(name, "mail_deep") from error
    except (MessageError, ValueError, LookupError) as error:
        raise DocumentUnreadable(name=name, reason=f"the message is damaged: {error}", reason_zh=f"邮件已损坏：{error}") from error


def header(part: Part, name: str) -> str:
    """A header on one line, its encoded words decoded; empty where it is missing."""
    value = part.get(name)
    return decoded_words(str(value)[:_HEADER_LONGEST]) if value is not None else ""


def decoded_words(text: str) -> str:
    """RFC 2047. Neighbouring words of one charset are one: mailers cut between the bytes of a character."""
    text = _BETWEEN_WORDS.sub(r"\1\2", " ".join(_plain(text).split()))
    written: list[str] = []
    waiting, charset, at = b"", "", 0
    for word in _WORD.finditer(text):
        between, at_word = text[at : word.start()], word[1].lower().partition("*")[0]
        if waiting and (between or at_word != charset):
            written.append(_text(waiting, charset))
            waiting = b""
        written.append(between)
        waiting, charset, at = waiting + _word_bytes(word[2], word[3]), at_word, word.end()
    if waiting:
        written.append(_text(waiting, charset))
    return " ".join("".join((*written, text[at:])).replace("\x00", "").split())


def body_bytes(part: Part) -> bytes:
    """What a part holds, decoded; damaged base64 as far as it goes. A message in a message, as its bytes."""
    try:
        payload: object = part.get_payload(decode=True)
        if payload is None and part.get_content_type() == "message/rfc822":
            inner: object = part.get_payload()
            return b"".join(one.as_bytes() for one in inner if isinstance(one, Message)) if isinstance(inner, list) else b""  # pyright: ignore[reportUnknownVariableType]
    except (ValueError, LookupError, RecursionError, MessageError, AttributeError, TypeError):
        return b""
    return payload if isinstance(payload, bytes) else b""


def charset_of(part: Part) -> str:
    """What the part says its charset is; empty where it does not."""
    try:
        return (part.get_content_charset() or "") if part.get("content-type") else ""
    except (ValueError, LookupError, UnicodeError):
        return ""


def text_of(part: Part) -> str | None:
    """The text of a part; None for what is no text."""
    decoded = decode(body_bytes(part), charset_of(part))
    return decoded[0].replace("\r\n", "\n").replace("\r", "\n") if decoded is not None else None


def file_name(part: Part) -> str:
    """The name that a part has as a file, in whatever way it is written; empty where it has none."""
    for key, parameter in (("content-disposition", "filename"), ("content-type", "name")):
        try:
            value = part.get_param(parameter, None, key)
        except (ValueError, LookupError, TypeError, AttributeError):
            continue
        if value:
            named = collapse_rfc2231_value(value, "replace") if isinstance(value, tuple) else str(value)
            return decoded_words(named).replace("\\", "/").rsplit("/", 1)[-1].strip('"\x00 ')
    return ""


def leaves(message: Part) -> Iterator[Part]:
    """The parts that hold something, in order. What is inside a forwarded message belongs to it."""
    stack = [message]
    while stack:
        part = stack.pop()
        inner: object = part.get_payload()
        if isinstance(inner, list) and part.get_content_type() != "message/rfc822":
            stack += [one for one in reversed(inner) if isinstance(one, Message)]  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        else:
            yield part


def _plain(text: str) -> str:
    """Text whose undecodable bytes are still in it, decoded."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raw = (
            text.encode("utf-8", "surrogateescape") if all(c < "\ud800" or "\udc80" <= c <= "\udcff" or c > "\udfff" for c in text) else b""
        )
        decoded = decode(raw)
        return decoded[0] if decoded is not None else text.encode("utf-8", "replace").decode("utf-8")
    return text


def _word_bytes(form: str, text: str) -> bytes:
    try:
        if form in "bB":
            return b64decode(text + "=" * (-len(text) % 4))
        return quopri.decodestring(text.replace("_", " ").encode("utf-8"))
    except (binascii.Error, ValueError):
        return text.encode("utf-8")


def _text(data: bytes, charset: str) -> str:
    codec = codec_of(charset)
    if codec is not None:
        try:
            return data.decode(codec)
        except UnicodeError:
            pass
    decoded = decode(data, charset)
    return decoded[0] if decoded is not None else data.decode("utf-8", "replace")
