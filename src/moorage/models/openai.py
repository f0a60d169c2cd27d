"""Clients of any server that speaks the OpenAI protocol: vLLM, llama.cpp, Ollama, SGLang, hosted ones."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from functools import partial

import httpx2
import numpy as np

from moorage.core.errors import ModelError, ModelRefused, ModelUnreachable
from moorage.core.nouns import Service
from moorage.models.base import Message, TextKind
from moorage.models.chunks import DONE, Piece, error_text, read_answer, read_event
from moorage.models.endpoint import Endpoint, Reply
from moorage.models.think import ThinkFilter
from moorage.models.vectors import Vectors, VectorsUnfit, read_vectors

log = logging.getLogger(__name__)

# After the last piece of an answer a server has this long to end its stream. Some send the end mark of a piece with every piece, so
# the mark alone is not the end; others forget to close.
LAST_WORDS_S = 5.0
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0
QUERY_RETRIES = 1
QUERY_WAIT_S = 0.2
EMBEDDING_REQUESTS_AT_ONCE = 3

# 413 and these words of a refusal mean: send less. vLLM, OpenAI, llama.cpp (which says 500), TEI, and hosts with a limit on batches.
_TOO_MUCH = re.compile(
    r"context.length|context.size|too (long|large|many)|max(imum)?[ _-]?(\w+[ _-])?(input|length|token|batch|context|seq)|batch.size"
    r"|exceed|longer than|larger than|最大|过长|超过|超出|不能大于",
    re.IGNORECASE,
)


class OpenAIChat:
    """A ChatModel (models/base.py) behind ``POST {url}/chat/completions``."""

    def __init__(self, service: Service, timeout_s: float = 60.0, http: httpx2.AsyncClient | None = None) -> None:
        self._endpoint = Endpoint(service, timeout_s, http)
        self._model = service.model

    @property
    def name(self) -> str:
        return self._model

    async def resolve(self) -> str:
        self._model = self._model or await self._endpoint.first_model()
        return self._model

    async def stream(
        self, messages: Sequence[Message], *, max_tokens: int, temperature: float = 0.0, json_schema: Mapping[str, object] | None = None
    ) -> AsyncGenerator[str, None]:
        payload: dict[str, object] = {
            "model": await self.resolve(),
            "messages": [{"role": message.role, "content": message.content} for message in messages],
            "max_tokens": max_tokens,
            "temperature": temperature,
            "stream": True,
        }
        if json_schema is not None:
            payload["response_format"] = {"type": "json_schema", "json_schema": {"name": "answer", "schema": json_schema, "strict": True}}
        has_begun = False
        while True:
            try:
                async with self._endpoint.ask("POST", "/chat/completions", payload) as reply, aclosing(self._texts(reply)) as texts:
                    async for text in texts:
                        has_begun = True
                        yield text
                        reply.deadline.restart()
                return
            except ModelRefused as refusal:
                adapted = None if has_begun else _adapted(payload, refusal)
                if adapted is None:
                    raise
                payload = adapted

    async def _texts(self, reply: Reply) -> AsyncGenerator[str, None]:
        """The answer's text; raises when it is cut, empty or an error."""
        thoughts = ThinkFilter()
        has_text = has_reasoning = has_end = False
        async with aclosing(self._pieces(reply)) as pieces:
            async for piece in pieces:
                text = thoughts.feed(piece.text)
                has_reasoning = has_reasoning or piece.is_reasoning or thoughts.is_thinking
                has_end = has_end or piece.is_last
                if text:
                    has_text = True
                    yield text
        if text := thoughts.finish():
            has_text = True
            yield text
        if not has_end:
            raise self._endpoint.failed(
                "its stream ended before the answer was complete" if has_text else "its stream ended without an answer"
            )
        if not has_text:
            raise self._endpoint.failed(
                "it reasoned and gave no answer; allow more tokens or turn thinking off" if has_reasoning else "its answer was empty"
            )

    async def _pieces(self, reply: Reply) -> AsyncGenerator[Piece, None]:
        """The pieces of a reply, streamed or whole, none of them an error."""
        if reply.media_type == "application/json":
            piece = self._checked(partial(read_answer, await reply.json()))
            # A whole answer is complete without a finish_reason; one with nothing in it is no answer.
            yield Piece(piece.text, piece.is_reasoning, is_last=piece.is_last or bool(piece.text))
            return
        has_end = False
        async with aclosing(reply.events()) as events:
            while True:
                try:
                    event = await anext(events, None)
                except ModelError:
                    if has_end:
                        return
                    raise
                if event is None:
                    return
                piece = self._checked(partial(read_event, event.data, event.kind))
                if piece.text or piece.is_reasoning:
                    reply.deadline.restart()
                yield piece
                if event.data.strip() == DONE:
                    return
                if piece.is_last:
                    has_end = True
                    reply.deadline.restart(min(LAST_WORDS_S, reply.deadline.span_s))

    def _checked(self, read: Callable[[], Piece]) -> Piece:
        try:
            piece = read()
        except ValueError as error:
            raise self._endpoint.invalid(str(error)) from error
        if piece.error is not None:
            raise self._endpoint.refused(piece.status, piece.error)
        return piece


class OpenAIEmbedder:
    """An Embedder (models/base.py) behind ``POST {url}/embeddings``, ``batch`` texts a request, a few requests at once."""

    def __init__(
        self, service: Service, timeout_s: float = 60.0, batch: int = 32, retries: int = 3, http: httpx2.AsyncClient | None = None
    ) -> None:
        self._endpoint = Endpoint(service, timeout_s, http)
        self._service = service
        self._model = service.model
        self._batch = batch
        self._retries = retries
        self._dimension: int | None = None

    @property
    def name(self) -> str:
        return self._model

    async def identity(self) -> str:
        if self._dimension is None:
            await self.embed(["identity"], kind="document")
        return f"{self._model}|{self._dimension}|{self._service.document_prefix}"

    async def embed(self, texts: Sequence[str], *, kind: TextKind) -> Vectors:
        self._model = self._model or await self._endpoint.first_model()
        prefix = self._service.query_prefix if kind == "query" else self._service.document_prefix
        # Hosts refuse an empty text; a blank stands for it.
        inputs = [prefix + text or " " for text in texts]
        if not inputs:
            return np.zeros((0, self._dimension or 0), dtype=np.float32)
        batches = [inputs[start : start + self._batch] for start in range(0, len(inputs), self._batch)]
        limit = asyncio.Semaphore(EMBEDDING_REQUESTS_AT_ONCE)

        async def one(batch: list[str]) -> Vectors:
            async with limit:
                return await self._embed_some(batch, kind)

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(batch)) for batch in batches]
        except ExceptionGroup as failures:
            raise failures.exceptions[0]  # noqa: B904 - its own cause is the one to show
        return np.concatenate([task.result() for task in tasks])

    async def _embed_some(self, texts: list[str], kind: TextKind) -> Vectors:
        """The vectors of one batch; where it is too much for the server, of its halves, down to one text, which is then cut."""
        try:
            return await self._embed_patiently(texts, kind)
        except ModelRefused as refusal:
            if not _is_too_much(refusal):
                raise
            if len(texts) == 1:
                return await self._embed_cut(texts[0], kind, refusal)
        middle = len(texts) // 2
        return np.concatenate([await self._embed_some(texts[:middle], kind), await self._embed_some(texts[middle:], kind)])

    async def _embed_cut(self, text: str, kind: TextKind, refusal: ModelRefused) -> Vectors:
        """The vector of the longest half, quarter, ... of the text that the model reads."""
        kept = text
        while len(kept) > 1:
            kept = kept[: len(kept) // 2]
            try:
                vector = await self._embed_patiently([kept], kind)
            except ModelRefused as again:
                if not _is_too_much(again):
                    raise
                continue
            log.warning("%s reads %d of a text's %d characters; the rest is not in its vector", self._model, len(kept), len(text))
            return vector
        raise refusal

    async def _embed_patiently(self, texts: list[str], kind: TextKind) -> Vectors:
        retries, wait_s, longest_s = (self._retries, FIRST_WAIT_S, LONGEST_WAIT_S)
        if kind == "query":
            retries, wait_s, longest_s = (min(retries, QUERY_RETRIES), QUERY_WAIT_S, QUERY_WAIT_S)
        for attempt in range(retries):
            try:
                return await self._embed_once(texts)
            except ModelError as error:
                if not _may_pass(error):
                    raise
                asked = error.values.get("retry_after_s")
                await asyncio.sleep(min(asked if isinstance(asked, float) else wait_s * 2**attempt, longest_s))
        return await self._embed_once(texts)

    async def _embed_once(self, texts: list[str]) -> Vectors:
        answer = await self._endpoint.post("/embeddings", {"model": self._model, "input": texts, "encoding_format": "float"})
        if isinstance(answer, dict) and "data" not in answer and (reason := error_text(answer)):
            raise self._endpoint.refused(200, reason)
        try:
            vectors = read_vectors(answer, len(texts))
        except VectorsUnfit as error:
            raise self._endpoint.failed(str(error)) from error
        except ValueError as error:
            raise self._endpoint.invalid(str(error)) from error
        width = vectors.shape[1]
        self._dimension = self._dimension or width
        if width != self._dimension:
            raise self._endpoint.failed(f"its vectors had {self._dimension} numbers and now have {width}")
        return vectors


def _adapted(payload: dict[str, object], refusal: ModelRefused) -> dict[str, object] | None:
    """The request changed so that it is not refused for the same reason again, or None where that cannot be done."""
    reason = str(refusal.values.get("reason"))
    if "response_format" in payload and refusal.values.get("status_code") in (400, 404, 415, 422, 500, 501):
        # Servers that know no schemas say so in many ways; the question is worth asking without one.
        return _without("response_format", payload)
    if refusal.values.get("status_code") != 400:
        return None
    if "max_tokens" in payload and "max_completion_tokens" in reason:
        return {**_without("max_tokens", payload), "max_completion_tokens": payload["max_tokens"]}
    if "max_tokens" in payload and _TOO_MUCH.search(reason):
        # Prompt and answer share the context. Without a wish for its length the answer gets what the prompt leaves.
        return _without("max_tokens", payload)
    if "temperature" in payload and "temperature" in reason:
        return _without("temperature", payload)
    return None


def _without(name: str, payload: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in payload.items() if key != name}


def _is_too_much(refusal: ModelRefused) -> bool:
    status = refusal.values.get("status_code")
    if status == 413:
        return True
    return status in (400, 422, 500) and bool(_TOO_MUCH.search(str(refusal.values.get("reason"))))


def _may_pass(error: ModelError) -> bool:
    """True for what a second try may cure: no connection, a cut one, 429 and 5xx. A timeout has cost enough."""
    if isinstance(error, ModelRefused):
        status = error.values.get("status_code")
        return isinstance(status, int) and (status == 429 or status >= 500) and not _is_too_much(error)
    return isinstance(error, ModelUnreachable) or bool(error.values.get("is_cut"))
