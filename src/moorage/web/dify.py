"""Dify's external knowledge API: ``POST /retrieval``.

Contract: Dify's external knowledge API, as its clients of 2025 and 2026 speak it. It probes with an empty body or empty fields and takes any status
but 403, 404 and 5xx for a working connection; it retries 429 and 5xx four times; it shows at most what comes within five seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import cast

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from moorage.core.errors import BadInput
from moorage.core.nouns import Hit
from moorage.kb.metadata import parse_filter
from moorage.web.json_body import json_object
from moorage.web.security import check_may_use
from moorage.wiring import Home

DEADLINE_S = 3.0
"""Dify gives up after five seconds and asks again up to three times; the embedder gets less than that, then words answer alone."""

# Dify joins the typed address and `/retrieval`, so a trailing slash or a pasted full address give these.
PATHS = ("/retrieval", "//retrieval", "/retrieval/", "//retrieval/", "/retrieval/retrieval", "/retrieval//retrieval")


def dify_routes(home: Home) -> APIRouter:
    """``POST /retrieval`` and its spellings."""
    router = APIRouter(tags=["dify"])

    async def retrieval(request: Request) -> JSONResponse:
        """Dify external knowledge: ``knowledge_id`` is the knowledge base's name. One record per parent chunk, best first."""
        body = await json_object(request, empty={})
        if knowledge := body.get("knowledge_id"):
            check_may_use(request, str(knowledge))
        return JSONResponse({"records": await _records(home, body)})

    for path in PATHS:
        router.add_api_route(
            path, retrieval, methods=["POST"], include_in_schema=path == "/retrieval", name=f"retrieval{PATHS.index(path) or ''}"
        )
    return router


async def _records(home: Home, body: Mapping[str, object]) -> list[dict[str, object]]:
    knowledge, query = body.get("knowledge_id"), body.get("query")
    if not knowledge or not query:
        return []  # the probe
    if not isinstance(knowledge, str) or not isinstance(query, str):
        raise BadInput(reason="`knowledge_id` and `query` must be text.")
    settings = body.get("retrieval_setting")
    wanted = cast("Mapping[str, object]", settings) if isinstance(settings, Mapping) else {}
    top_k = _number(wanted.get("top_k"), "top_k")
    threshold = _number(wanted.get("score_threshold"), "score_threshold") or 0.0
    condition = parse_filter(body.get("metadata_condition"))
    await asyncio.to_thread(home.kb.get, knowledge)
    document_ids = await asyncio.to_thread(home.kb.matching, knowledge, condition) if condition.conditions else None
    limit = home.settings.top_k if top_k is None else min(max(int(top_k), 1), 100)
    query = query[: home.settings.max_question_characters].replace('\\"', '"')  # the hit-testing page escapes quotes
    found = await home.kb.search(knowledge, query, limit, document_ids, embedder_timeout_s=DEADLINE_S)
    return [_record(hit) for hit in found.hits if hit.score >= threshold]


def _record(hit: Hit) -> dict[str, object]:
    metadata = {
        **hit.document.metadata,
        "document_id": hit.document.id,
        "document_name": hit.document.name,
        "page": hit.chunk.page,
        "headings": " > ".join(hit.chunk.headings),
        "start": hit.chunk.start,
        "end": hit.chunk.end,
    }
    return {
        "content": hit.chunk.text,
        "score": round(hit.score, 6),
        "title": hit.document.title,
        "metadata": {k: v for k, v in metadata.items() if v is not None},
    }


def _number(raw: object, name: str) -> float | None:
    if raw is None:
        return None
    try:
        return float(cast("str", raw))
    except (TypeError, ValueError) as e:
        raise BadInput(reason=f"`{name}` must be a number, not {raw!r:.80}.") from e
