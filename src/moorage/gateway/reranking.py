"""Reranking through the gateway, for engines that take only so many documents at once: they get them in parts, and the client gets one order."""

from __future__ import annotations

import secrets
import time
from collections.abc import MutableMapping
from dataclasses import replace
from typing import Any

import msgspec

from moorage.gateway.backends import backend
from moorage.gateway.call import Call
from moorage.gateway.conversions import Rerank, answer_of
from moorage.gateway.exchange import JSON, Exchange, Send
from moorage.gateway.pool import Pool
from moorage.gateway.shapes import rerank
from moorage.gateway.shapes.fields import Json, obj, objects


class Reranking:
    """Carries out calls for an order. One for the whole gateway, used from its event loop."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    async def carry_out(self, call: Call, pool: Pool, send: Send) -> None:
        """Answers a call. Raises GatewayRefusal, for a wrong field or where no server can answer."""
        most = min(backend(replica.kind).traits.most_texts for replica in call.entry.replicas)
        request = call.conversion.request if isinstance(call.conversion, Rerank) else None
        if request is None or len(request.texts) <= most:
            await self._exchange.carry_out(call, pool, send)
            return
        results: list[Json] = []
        tokens = 0
        for start in range(0, len(request.texts), most):
            part = replace(
                request, documents=request.documents[start : start + most], texts=request.texts[start : start + most], top_n=None
            )
            answer = await self._ask(call, pool, part)
            results += [{**row, "index": start + row["index"]} for row in objects(answer.get("results"))]  # pyright: ignore[reportOperatorIssue]
            tokens += call.prompt_tokens or 0
        call.prompt_tokens, call.completion_tokens = tokens, 0
        body = msgspec.json.encode(rerank.ordered(results, request, tokens, f"rerank-{secrets.token_hex(8)}"))
        call.status, call.is_begun, call.first = 200, True, time.perf_counter()
        await send({"type": "http.response.start", "status": 200, "headers": call.client_headers(JSON, len(body))})
        await send({"type": "http.response.body", "body": body})

    async def _ask(self, call: Call, pool: Pool, part: rerank.RerankRequest) -> Json:
        """A part, as a call of its own: it fails over like any other."""
        own = replace(call, body=b"", conversion=Rerank(call.entry, part), is_begun=False)
        answer = bytearray()

        async def keep(message: MutableMapping[str, Any]) -> None:
            answer.extend(message.get("body", b""))

        await self._exchange.carry_out(own, pool, keep)
        call.replica, call.own_s, call.queue_s = own.replica, call.own_s or own.own_s, own.queue_s
        call.attempts, call.prompt_tokens = own.attempts, own.prompt_tokens
        return obj(answer_of(bytes(answer)))
