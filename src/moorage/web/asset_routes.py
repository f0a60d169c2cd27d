"""The page's own files over HTTP."""

from __future__ import annotations

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse

from moorage.web.assets import A_YEAR, MEDIA_TYPES, assets


def asset_routes() -> APIRouter:
    """``GET /static/{version}/{name}``, and the icon that browsers ask for by themselves."""
    router = APIRouter(include_in_schema=False)
    known = assets()

    def send(version: str, name: str) -> Response:
        path = known.files.get(name)
        if path is None:
            return Response(status_code=404)
        caching = A_YEAR if version == known.version else "no-cache"
        headers = {"cache-control": caching, "x-content-type-options": "nosniff"}
        return FileResponse(path, media_type=MEDIA_TYPES[path.suffix], headers=headers)

    def icon() -> Response:
        return send(known.version, "favicon.svg")

    router.add_api_route("/static/{version}/{name}", send, methods=["GET", "HEAD"])
    router.add_api_route("/favicon.ico", icon, methods=["GET", "HEAD"])
    return router
