"""``/images/NAME``: the pictures of documents, and nothing else. No listing; whatever is no picture of ours is refused with 403."""

from __future__ import annotations

import logging
from collections.abc import Callable

from fastapi import APIRouter, Request, Response

from moorage.core.errors import StoreError
from moorage.store.pictures import picture_type

log = logging.getLogger("moorage.images")

_HEADERS = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox",
    "cross-origin-resource-policy": "cross-origin",
}
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]  # all but the first two are refused like a wrong name
_REFUSED = {**_HEADERS, "cache-control": "no-store"}
_FOR_EVER = {"cache-control": "public, max-age=31536000, immutable"}


def image_routes(read: Callable[[str], bytes | None]) -> APIRouter:
    """The route over ``read(name)``, which gives a picture's bytes or None. Needs no key: a name is made of 128 bits of the picture's hash, so that only
    who has the document (or was given the address, as Dify is) can know it."""
    router = APIRouter(include_in_schema=False)

    @router.api_route("/images", methods=_METHODS)
    @router.api_route("/images/{name:path}", methods=_METHODS)
    def picture(request: Request, name: str = "") -> Response:
        media_type = picture_type(name) if request.method in ("GET", "HEAD") else None
        try:
            data = read(name) if media_type else None
        except StoreError as e:  # who asks has no key: no word to them of where the pictures are
            log.warning("%s", e)
            return Response(status_code=e.status, headers=_REFUSED)
        if data is None or media_type is None:
            return Response(status_code=403, headers=_REFUSED)
        etag = f'"{name.partition(".")[0]}"'
        headers = {**_HEADERS, **_FOR_EVER, "etag": etag}
        if etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        if request.method == "HEAD":
            return Response(media_type=media_type, headers={**headers, "content-length": str(len(data))})
        return Response(data, media_type=media_type, headers=headers)

    return router
