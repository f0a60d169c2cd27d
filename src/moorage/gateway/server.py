"""The gateway behind its door, until SIGTERM or SIGINT: nobody new comes in then, and running answers are brought to their end."""

from __future__ import annotations

import gc
import signal

from moorage.gateway.app import Gateway
from moorage.gateway.door import Door

KEEP_ALIVE_S = 75
"""Longer than clients keep a connection, so that it is they who close it and no request is lost in between."""


def serve_gateway(gateway: Gateway, door: Door) -> None:
    """Serves until a signal; answers in flight get ``drain_timeout_s``, then an end that says so. A second signal ends at once."""
    import uvicorn

    from moorage.gateway.downstream.connection import ClientConnection

    config = uvicorn.Config(
        gateway,
        http=ClientConnection,
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=max(1, round(gateway.config.drain_timeout_s)),
    )
    server = uvicorn.Server(config)
    # A signal while uvicorn starts is not lost. Afterwards uvicorn raises it again, for whoever handled it before: everything is done by then.
    signal.signal(signal.SIGTERM, server.handle_exit)
    gc.collect()
    gc.freeze()  # what is loaded now stays; the collector need not walk it again and again
    server.run(sockets=[door.socket])
