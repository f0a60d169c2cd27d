"""Embeddings through the gateway: the texts of many requests go to a server together, and each request gets its own vectors in the form it asked for."""

from __future__ import annotations

import time
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

import msgspec

from moorage.core.errors import ExtraMissing, PathNotFound
from moorage.gateway.backends import backend
from moorage.gateway.batching import MicroBatcher
from moorage.gateway.call import Call
from moorage.gateway.config import ModelEntry, Replica
from moorage.gateway.conversions import answer_of, load
from moorage.gateway.errors import Headers, refusal
from moorage.gateway.exchange import JSON, Exchange, Send
from moorage.gateway.peek import with_defaults
from moorage.gateway.pool import Pool
from moorage.gateway.relay import StreamConversion
from moorage.gateway.shapes import embeddings
from moorage.gateway.token_ids import decoder_at


class Embedding:
    """Carries out calls for vectors. One for the whole gateway, used from its event loop."""

    def __init__(self, exchange: Exchange, batcher: MicroBatcher | None = None) -> None:
        self._exchange = exchange
        self._batcher = batcher or MicroBatcher()

    async def carry_out(self, call: Call, pool: Pool, send: Send) -> None:
        """Answers a call. Raises GatewayRefusal, for a wrong field or where no server can answer."""
        body = load(with_defaults(call.body, call.entry.defaults, call.entry.bounds))
        if body.get("input") is None and "messages" in body:  # texts with pictures, as vLLM takes them: one a request, and its own business
            await self._exchange.carry_out(call, pool, send)
            return
        request = _parsed(body, call.entry)
        call.own_s = time.perf_counter() - call.started

        async def ask(texts: Sequence[str]) -> tuple[list[bytes], int | None]:
            return await self._ask(call, pool, request, texts)

        vectors, tokens = await self._batcher.embed((call.entry.name, call.head.is_batch, request.key), request.texts, ask)
        answer = msgspec.json.encode(embeddings.answer(request, vectors, tokens))
        call.prompt_tokens, call.completion_tokens = tokens, 0
        call.status, call.is_begun, call.first = 200, True, time.perf_counter()
        await send({"type": "http.response.start", "status": 200, "headers": call.client_headers(JSON, len(answer))})
        await send({"type": "http.response.body", "body": answer})

    async def _ask(
        self, call: Call, pool: Pool, request: embeddings.EmbeddingsRequest, texts: Sequence[str]
    ) -> tuple[list[bytes], int | None]:
        """One batch, as a call of its own: it fails over like any other, and outlives the request that happened to begin it."""
        batch = _Batch(call.entry, request, texts)
        own = Call(
            call.endpoint, call.head, call.entry, b"", call.asked_model, None, call.caller, call.admission, time.perf_counter(), batch
        )
        answer = bytearray()

        async def keep(message: MutableMapping[str, Any]) -> None:
            answer.extend(message.get("body", b""))

        await self._exchange.carry_out(own, pool, keep)
        call.replica, call.attempts = own.replica, own.attempts
        return embeddings.vectors_of(answer_of(bytes(answer)), len(texts), f"of {call.entry.name!r}")


def _parsed(body: Mapping[str, object], entry: ModelEntry) -> embeddings.EmbeddingsRequest:
    try:
        return embeddings.parse(body, decoder_at(entry.token_ids))
    except (PathNotFound, ExtraMissing) as e:
        raise refusal(500, f"token_ids: {e.say('en')}", f"token_ids：{e.say('zh')}", code="token_ids_unreadable") from e


class _Batch:
    """The texts of a batch, in the shape of the server that is asked."""

    headers: Headers = ()

    def __init__(self, entry: ModelEntry, request: embeddings.EmbeddingsRequest, texts: Sequence[str]) -> None:
        self._entry, self._request, self._texts = entry, request, texts

    def ask(self, replica: Replica) -> tuple[str, bytes]:
        if backend(replica.kind).name == "tei":
            return "//embed", msgspec.json.encode({"inputs": list(self._texts), **_tei(dict(self._request.rest))})
        body = embeddings.to_backend(self._request, backend(replica.kind), replica.model or self._entry.name, self._texts)
        return "/embeddings", msgspec.json.encode(body)

    def whole(self, replica: Replica, reply: bytes) -> bytes:
        return reply

    def stream(self, replica: Replica) -> StreamConversion | None:
        return None


def _tei(rest: Mapping[str, object]) -> Mapping[str, object]:
    """TEI cuts a text that is too long by a switch of its own name; vLLM's says to how many tokens."""
    asked = {name: value for name, value in rest.items() if name != "truncate_prompt_tokens"}
    return {**asked, "truncate": bool(asked.get("truncate", rest.get("truncate_prompt_tokens") is not None))}
