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
from moorage.gateway.endpoints import Conversion
from moorage.gateway.errors import GatewayRefusal, Headers, refusal
from moorage.gateway.exchange import JSON, Exchange, Send
from moorage.gateway.peek import with_defaults
from moorage.gateway.pool import Pool
from moorage.gateway.relay import StreamConversion
from moorage.gateway.shapes import embeddings, tokens
from moorage.gateway.token_ids import decoder_at

_SPECIAL_TOKENS = 8
"""More than any model puts around a text."""


class Embedding:
    """Carries out calls for vectors. One for the whole gateway, used from its event loop."""

    def __init__(self, exchange: Exchange, batcher: MicroBatcher | None = None) -> None:
        self._exchange = exchange
        self._batcher = batcher or MicroBatcher()
        self._lengths: dict[str, int] = {}
        """How many tokens a model reads, once a server has told."""

    async def carry_out(self, call: Call, pool: Pool, send: Send) -> None:
        """Answers a call. Raises GatewayRefusal, for a wrong field or where no server can answer."""
        body = load(with_defaults(call.body, call.entry.defaults, call.entry.bounds))
        if body.get("input") is None and "messages" in body:  # texts with pictures, as vLLM takes them: one a request, and its own business
            await self._exchange.carry_out(call, pool, send)
            return
        request = _parsed(body, call.entry)
        call.own_s = time.perf_counter() - call.started

        async def ask(texts: Sequence[str]) -> tuple[list[bytes], int | None]:
            return await self._ask_in_parts(call, pool, request, texts)

        vectors, used = await self._batcher.embed((call.entry.name, call.head.is_batch, request.key), request.texts, ask)
        answer = msgspec.json.encode(embeddings.answer(request, vectors, used))
        cut = await self._cut(call, pool, request)
        call.prompt_tokens, call.completion_tokens = used, 0
        call.status, call.is_begun, call.first = 200, True, time.perf_counter()
        headers = call.client_headers(JSON, len(answer))
        if cut:
            headers.append((b"x-moorage-truncated", ",".join(map(str, sorted(cut))).encode()))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    async def _cut(self, call: Call, pool: Pool, request: embeddings.EmbeddingsRequest) -> list[int]:
        """The places of the texts that the server has cut, where the client lets it. Counted by the server are those that may be too long:
        a token takes a byte at least. A server that does not count leaves it untold."""
        most = request.cut_at
        if most is None or any(replica.kind not in tokens.SAME for replica in call.entry.replicas):
            return []
        most = most if most > 0 else self._lengths.get(call.entry.name, 0)
        cut: list[int] = []
        for at in sorted(range(len(request.texts)), key=lambda at: -len(request.texts[at])):
            text = request.texts[at]
            if len(text.encode()) + _SPECIAL_TOKENS <= most:
                continue
            try:
                _, counted = await self._alone(call, pool, _Count(call.entry, text))
                found = tokens.tokens_of(answer_of(counted), f"of {call.entry.name!r}")
            except GatewayRefusal:
                return cut
            count, length = found["count"], found["max_model_len"]
            if most <= 0 and isinstance(length, int):  # the model's own length was meant; it does not change
                most = self._lengths[call.entry.name] = length
            if isinstance(count, int) and 0 < most < count:
                cut.append(at)
        return cut

    async def _ask_in_parts(
        self, call: Call, pool: Pool, request: embeddings.EmbeddingsRequest, texts: Sequence[str]
    ) -> tuple[list[bytes], int | None]:
        """As many texts at once as the engine takes."""
        most = min(backend(replica.kind).traits.most_texts for replica in call.entry.replicas)
        if len(texts) <= most:
            return await self._ask(call, pool, request, texts)
        vectors: list[bytes] = []
        total = 0
        for start in range(0, len(texts), most):
            part, used = await self._ask(call, pool, request, texts[start : start + most])
            vectors += part
            total += used or 0
        return vectors, total

    async def _ask(
        self, call: Call, pool: Pool, request: embeddings.EmbeddingsRequest, texts: Sequence[str]
    ) -> tuple[list[bytes], int | None]:
        """One batch, as a call of its own: it fails over like any other, and outlives the request that happened to begin it."""
        own, reply = await self._alone(call, pool, _Batch(call.entry, request, texts))
        call.replica, call.attempts = own.replica, own.attempts
        return embeddings.vectors_of(answer_of(reply), len(texts), f"of {call.entry.name!r}")

    async def _alone(self, call: Call, pool: Pool, conversion: Conversion) -> tuple[Call, bytes]:
        """A call of the gateway's own for the sake of a client's, and what the server said."""
        own = Call(
            call.endpoint, call.head, call.entry, b"", call.asked_model, None, call.caller, call.admission, time.perf_counter(), conversion
        )
        answer = bytearray()

        async def keep(message: MutableMapping[str, Any]) -> None:
            answer.extend(message.get("body", b""))

        await self._exchange.carry_out(own, pool, keep)
        return own, bytes(answer)


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


class _Count:
    """One text, to be counted by the server that would cut it."""

    headers: Headers = ()

    def __init__(self, entry: ModelEntry, text: str) -> None:
        self._entry, self._text = entry, text

    def ask(self, replica: Replica) -> tuple[str, bytes]:
        name = replica.model or self._entry.name
        path, body = tokens.ask(tokens.TokensRequest(name, self._text), backend(replica.kind), name, is_text=True)
        return path, msgspec.json.encode(body)

    def whole(self, replica: Replica, reply: bytes) -> bytes:
        return reply

    def stream(self, replica: Replica) -> StreamConversion | None:
        return None


def _tei(rest: Mapping[str, object]) -> Mapping[str, object]:
    """TEI cuts a text that is too long by a switch of its own name; vLLM's says to how many tokens."""
    asked = {name: value for name, value in rest.items() if name != "truncate_prompt_tokens"}
    return {**asked, "truncate": bool(asked.get("truncate", rest.get("truncate_prompt_tokens") is not None))}
