"""Pictures by their content: the type from the first bytes, the name from the hash."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from urllib.parse import unquote_to_bytes

from moorage.kb.parse.base import Picture

_DATA_URI = re.compile(r"data:image/[\w.+-]+((?:;[\w=.-]+)*),", re.IGNORECASE)


def picture_kind(data: bytes) -> tuple[str, str] | None:
    """(suffix, media type) of a picture that every browser shows, else None. SVG is not one: it can carry scripts."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return ".png", "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return ".jpg", "image/jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return ".gif", "image/gif"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return ".webp", "image/webp"
    if data.startswith(b"BM") and len(data) > 26 and int.from_bytes(data[14:18], "little") in (12, 40, 52, 56, 108, 124):
        return ".bmp", "image/bmp"
    return None


def as_picture(data: bytes) -> Picture | None:
    """The picture of these bytes, or None where they are no picture that can be shown."""
    kind = picture_kind(data)
    if kind is None:
        return None
    return Picture(f"{hashlib.sha256(data).hexdigest()[:32]}{kind[0]}", kind[1], data)


def unshown_kind(data: bytes, part: str) -> str:
    """A word for a picture that cannot be shown."""
    if data[40:44] == b" EMF":
        return "EMF"
    if data.startswith((b"\xd7\xcd\xc6\x9a", b"\x01\x00\x09\x00")):
        return "WMF"
    suffix = part.rsplit("/", 1)[-1].rpartition(".")[2]
    return suffix.upper()[:8] if suffix.isalnum() else "?"


def from_data_uri(address: str) -> Picture | None:
    """The picture of a ``data:`` address, or None where it holds none."""
    head = _DATA_URI.match(address)
    if head is None:
        return None
    payload = address[head.end() :]
    try:
        data = base64.b64decode("".join(payload.split()) + "==") if ";base64" in head[1].lower() else unquote_to_bytes(payload)
    except (binascii.Error, ValueError):
        return None
    return as_picture(data)
