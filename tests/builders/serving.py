"""An application on a loopback port, for as long as a test needs it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from moorage.core.stackfile import StackFile
from moorage.gateway.downstream.connection import ClientConnection
from moorage.gateway.server import Application
from moorage.web.front import open_front
from moorage.wiring import Home


@contextmanager
def served_home(home: Home, stack: StackFile | None = None, *, needs_key: bool = False, is_loopback: bool = False) -> Iterator[str]:
    """The address of everything that ``moorage up`` serves: pages, the API and the gateway."""
    with open_front(home, stack, needs_key=needs_key, is_loopback=is_loopback) as front, served(front) as url:
        yield url


@contextmanager
def served(app: Application) -> Iterator[str]:
    """The address of ``app``, answering when the block begins and gone when it ends."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    # As `moorage up` and `moorage gateway` read HTTP themselves.
    config = uvicorn.Config(app, http=ClientConnection, interface="asgi3", log_level="error", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        while not server.started:
            if not thread.is_alive():
                raise RuntimeError("the server did not start")
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        listener.close()
