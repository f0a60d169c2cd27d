"""The server behind the door."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from moorage.gateway.door import Door

if TYPE_CHECKING:
    from moorage.wiring import Home

__all__ = ["Door", "serve"]


def serve(home: Home, door: Door, needs_key: bool) -> None:
    """Serves until SIGINT or SIGTERM; requests in flight get five seconds."""
    import uvicorn

    from moorage.web.app import build_app

    app = build_app(home, needs_key=needs_key, is_loopback=door.is_loopback)
    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=5, server_header=False, date_header=False)
    # uvicorn ends gracefully and then raises the signal again, for whoever handled it before: nobody, as everything is done by then.
    signal.signal(signal.SIGTERM, lambda *_: None)
    uvicorn.Server(config).run(sockets=[door.socket])
