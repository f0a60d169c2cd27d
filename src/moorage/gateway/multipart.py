"""Forms with files (audio, images): the name of the model found, and changed, without touching the other parts. Pure."""

from __future__ import annotations

import re

from moorage.gateway.errors import GatewayRefusal, bad_field, missing_field

_BOUNDARY = re.compile(r'boundary="?([^";,\s]{1,200})"?', re.IGNORECASE)
_NAME = re.compile(rb'content-disposition:[^\r\n]*?[;\s]name="?model"?[\s;\r\n]', re.IGNORECASE)
_HEAD_LIMIT = 8192
_MOST_PARTS = 1000


def find_model(body: bytes, content_type: str) -> tuple[str, int, int]:
    """The model a form names, and where its name begins and ends. Raises GatewayRefusal."""
    boundary = _BOUNDARY.search(content_type)
    if not content_type.lower().startswith("multipart/form-data") or boundary is None:
        raise _not_a_form(content_type)
    mark = b"--" + boundary[1].encode("latin-1", "replace")
    at = body.find(mark)
    for _ in range(_MOST_PARTS):
        if at < 0:
            break
        head = at + len(mark)
        blank = body.find(b"\r\n\r\n", head, head + _HEAD_LIMIT)
        following = body.find(b"\r\n" + mark, head)
        if blank < 0 or following < 0:
            break
        if _NAME.search(body, head, blank + 2):
            name = body[blank + 4 : following].decode("utf-8", "replace").strip()
            if not name:
                raise missing_field("model")
            return name, blank + 4, following
        at = following + 2
    raise missing_field("model")


def with_model(body: bytes, place: tuple[int, int], name: str) -> bytes:
    """The form with another model's name in it."""
    return b"".join((body[: place[0]], name.encode(), body[place[1] :]))


def _not_a_form(content_type: str) -> GatewayRefusal:
    shown = content_type[:100] or "nothing"
    return bad_field(
        None, f"this endpoint takes multipart/form-data with a boundary, and the content type is {shown}", "此端点需要 multipart/form-data"
    )
