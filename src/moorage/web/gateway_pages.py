"""What a gateway shows to people: its API at ``/docs``, the same for programs at ``/openapi.json``, and the files these use.

Loaded with the first visit, so that a gateway that nobody looks at does not carry it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs

from moorage import __version__
from moorage.core.errors import Language
from moorage.gateway.app import Page
from moorage.gateway.openapi.document import document
from moorage.web.assets import A_YEAR, MEDIA_TYPES, assets
from moorage.web.reference import groups
from moorage.web.templating import HEADERS, templates
from moorage.web.words import choose_language, words


def gateway_page(scope: Mapping[str, Any]) -> Page | None:
    """The page at an ASGI scope's path; None where there is none."""
    path: str = scope["path"].rstrip("/")
    if path == "/openapi.json":
        return Page(_description(), b"application/json")
    if path == "/docs":
        return _docs(scope)
    if path.startswith("/static/") or path == "/favicon.ico":
        return _asset(path.rpartition("/")[2] if path != "/favicon.ico" else "favicon.svg", path)
    return None


@cache
def _description() -> bytes:
    return json.dumps(document(__version__), ensure_ascii=False).encode()


def _docs(scope: Mapping[str, Any]) -> Page:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    asked = parse_qs(scope["query_string"].decode("latin-1")).get("lang", [""])[0]
    language = choose_language(asked, None, headers.get("accept-language"))
    base = f"{scope.get('scheme', 'http')}://{headers.get('host', 'localhost')}"
    html = templates().get_template("reference.html").render(**_values(language), groups=groups(document(__version__), base))
    return Page(html.encode(), b"text/html; charset=utf-8", _pairs(HEADERS))


def _values(language: Language) -> dict[str, object]:
    other = "en" if language == "zh" else "zh"
    return {
        "request": SimpleNamespace(url=SimpleNamespace(path="/docs")),
        "language": language,
        "other": other,
        "other_url": f"/docs?lang={other}",
        "theme": "auto",
        "w": words(language),
        "knowledge": None,
        "is_gateway": True,
    }


def _asset(name: str, path: str) -> Page | None:
    known = assets()
    file = known.files.get(name)
    if file is None:
        return None
    caching = A_YEAR if f"/{known.version}/" in path else "no-cache"
    return Page(
        file.read_bytes(), MEDIA_TYPES[file.suffix].encode(), _pairs({"cache-control": caching, "x-content-type-options": "nosniff"})
    )


def _pairs(headers: Mapping[str, str]) -> tuple[tuple[bytes, bytes], ...]:
    return tuple((name.encode(), value.encode()) for name, value in headers.items())
