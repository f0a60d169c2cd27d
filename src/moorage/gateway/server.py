"""An ASGI callable behind its door, until SIGTERM or SIGINT: nobody new comes in then, and running answers are brought to their end."""

from __future__ import annotations

import gc
import signal
from collections.abc import Awaitable, Callable
from typing import Any

from moorage.gateway.app import Gateway
from moorage.gateway.door import Door

Application = Callable[[Any, Any, Any], Awaitable[None]]  # as ASGI has it
KEEP_ALIVE_S = 75
"""Longer than clients keep a connection, so that it is they who close it and no request is lost in between."""


def serve_gateway(gateway: Gateway, door: Door) -> None:
    """Serves until a signal; answers in flight get the gateway's ``drain_timeout_s``, then an end that says so. A second signal ends at once."""
    serve(gateway, door, gateway.config.drain_timeout_s)


def serve(app: Application, door: Door, drain_timeout_s: float) -> None:
    """``serve_gateway`` for a callable that the gateway is a part of."""
    import uvicorn

    from moorage.gateway.downstream.connection import ClientConnection

    config = uvicorn.Config(
        app,
        http=ClientConnection,
        interface="asgi3",
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=max(1, round(drain_timeout_s)),
    )
    server = uvicorn.Server(config)
    # A signal while uvicorn starts is not lost. Afterwards uvicorn raises it again, for whoever handled it before: everything is done by then.
    signal.signal(signal.SIGTERM, server.handle_exit)
    gc.collect()
    gc.freeze()  # what is loaded now stays; the collector need not walk it again and again
    server.run(sockets=[door.socket])
