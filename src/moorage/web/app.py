"""The application: pages, the API and Dify's over one Home, behind one gate. What OpenAI clients ask is the gateway's (``front.py``)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI

from moorage import __version__
from moorage.kb.watch import watch
from moorage.web.api import api_routes
from moorage.web.dify import dify_routes
from moorage.web.doc import doc_routes
from moorage.web.errors import handle_errors
from moorage.web.images import image_routes
from moorage.web.model_pages import model_page_routes
from moorage.web.models import model_routes
from moorage.web.pages import routes as page_routes
from moorage.web.security import Gate, login_routes
from moorage.wiring import Home

_TAGS = [
    {"name": "questions", "description": "Search and ask."},
    {"name": "knowledge", "description": "Knowledge bases."},
    {"name": "documents", "description": "Their documents."},
    {"name": "jobs", "description": "The work on them."},
    {"name": "models", "description": "Models that are to run: what fits on which card, what a command line or a log says."},
    {"name": "conversations", "description": "Kept questions and answers."},
    {"name": "dify", "description": "For Dify: external knowledge."},
    {"name": "health", "description": "Is it up?"},
]


def build_app(home: Home, *, needs_key: bool = False, is_loopback: bool = False, with_worker: bool = True) -> FastAPI:
    """The ASGI application. ``is_loopback`` refuses foreign host names; ``with_worker`` does the jobs in the background."""

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(home.kb.worker.serve())] if with_worker else []
        if with_worker and home.settings.watch == "on":
            tasks.append(asyncio.create_task(watch(home.kb, home.kb.worker.wake)))
        warm = asyncio.create_task(asyncio.to_thread(home.kb.warm))
        yield
        for task in (*tasks, warm):
            task.cancel()
        await asyncio.gather(*tasks, warm, return_exceptions=True)

    app = FastAPI(title="Moorage", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None, openapi_tags=_TAGS)
    app.add_middleware(Gate, keys=home.keys, needs_key=needs_key, is_loopback=is_loopback)
    handle_errors(app)
    app.include_router(api_routes(home))
    app.include_router(doc_routes(home))
    app.include_router(model_routes(home, is_loopback=is_loopback))
    app.include_router(image_routes(home.picture))
    app.include_router(dify_routes(home))
    app.include_router(login_routes(home.keys))
    app.include_router(page_routes(home))
    app.include_router(model_page_routes(is_loopback=is_loopback))
    _describe_all(app)
    return app


def _describe_all(app: FastAPI) -> None:
    """The description of the API holds what the gateway serves beside the application, too. Made when somebody asks."""
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        from moorage.gateway.openapi.document import document, joined

        if app.openapi_schema is None:
            app.openapi_schema = joined(describe(), document(__version__))
        return app.openapi_schema

    app.openapi = openapi  # the way that FastAPI has for it
