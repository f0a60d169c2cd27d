"""The server behind the door: pages, the API and the gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moorage.gateway.door import Door
from moorage.gateway.server import serve as serve_application
from moorage.web.front import open_front

if TYPE_CHECKING:
    from moorage.web.front import Front

__all__ = ["Door", "open_front", "serve"]


def serve(front: Front, door: Door) -> None:
    """Serves until SIGINT or SIGTERM; what runs then gets the gateway's ``drain_timeout``."""
    serve_application(front, door, front.gateway.config.drain_timeout_s)
