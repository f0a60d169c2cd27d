"""Templates of pages, and what they say about sizes, dates and pieces of text. Knows no web framework."""

from __future__ import annotations

import re
import time
from functools import cache
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from moorage.web.assets import assets
from moorage.web.words import fill

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cache-control": "private, no-cache",
    "vary": "cookie, accept-language",
}
"""Of every page."""


@cache
def templates() -> Environment:
    """Every template of the package."""
    environment = Environment(
        loader=PackageLoader("moorage.web"), autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
    )
    environment.globals.update(asset=assets().url, fill=fill)
    environment.filters.update(size=size, date=date, pieces=pieces, path=lambda text: quote(str(text), safe=""))
    return environment


def size(count: int) -> str:
    """Bytes for people: ``340 kB``."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            return f"{value:.0f} {unit}" if unit == "B" or value >= 10 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.0f}"


def pieces(text: str) -> list[str]:
    """A text cut at its backticks: every second piece is code."""
    return re.split(r"``?([^`\n]+)``?", text)


def date(seconds: float) -> str:
    """A point in time as ``2025-03-01 14:05``, in the server's own zone."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds)) if seconds else ""
