"""Moorage: a home for your own models. ``moorage.open_home()`` is the front door; importing costs next to nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moorage.wiring import Home, open_home

__version__ = "0.1.0"
__all__ = ["Home", "__version__", "open_home"]


def __getattr__(name: str) -> object:
    if name in ("Home", "open_home"):
        from moorage import wiring

        return getattr(wiring, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
