"""Everything at one address: what is the gateway's goes to it as it comes, past every framework; the rest goes to the application."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Iterator, Mapping
from contextlib import contextmanager

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from moorage.core.stackfile import StackFile
from moorage.gateway.app import Gateway
from moorage.gateway.visitors import Visitors
from moorage.web.app import build_app
from moorage.web.openai import KnowledgeModels
from moorage.wiring import Home, open_home_gateway


class Front:
    """A bare ASGI callable over the gateway and the application; ``gateway`` and ``app`` start and stop with it."""

    def __init__(self, gateway: Gateway, app: FastAPI) -> None:
        self.gateway, self.app = gateway, app
        # What a proxy before us says of the visitor's address matters to pages only.
        self._pages: ASGIApp = ProxyHeadersMiddleware(app, trusted_hosts=os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1"))  # pyright: ignore[reportAttributeAccessIssue, reportArgumentType]

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "http":
            if self.gateway.serves(scope["path"]):
                return self.gateway(scope, receive, send)
            return self._page(scope, receive, send)
        if scope["type"] == "lifespan":
            return self._lifespan(scope, receive, send)
        return self._pages(scope, receive, send)

    async def _page(self, scope: Scope, receive: Receive, send: Send) -> None:
        """HEAD is answered as GET is, without a body; the framework would call it a wrong method."""
        if scope["method"] != "HEAD":
            await self._pages(scope, receive, send)
            return

        async def send_head(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        await self._pages({**scope, "method": "GET"}, receive, send_head)

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_both(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete":
                await self.gateway.start()
            elif message["type"].startswith("lifespan.shutdown"):
                await self.gateway.stop()
            await send(message)

        await self.app(scope, receive, send_both)


@contextmanager
def open_front(
    home: Home,
    stack: StackFile | None = None,
    *,
    needs_key: bool = False,
    is_loopback: bool = False,
    with_worker: bool = True,
    flags: Mapping[str, object] | None = None,
) -> Iterator[Front]:
    """The application of a home with the gateway beside it: the models of ``stack`` and the knowledge bases at one address. Raises SettingInvalid."""
    visitors = None if needs_key else Visitors(is_loopback)
    with open_home_gateway(
        home, stack or StackFile(), needs_key=needs_key, flags=flags, inside=KnowledgeModels(home), visitors=visitors
    ) as gateway:
        yield Front(gateway, build_app(home, needs_key=needs_key, is_loopback=is_loopback, with_worker=with_worker))
