"""An OpenAI-compatible address: each knowledge base is a model. Its answers carry ``citations``, in the message or in the last chunk.

Shapes: OpenAI's API reference for chat completions; what real clients send and choke on was captured on the wire.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import cast

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from moorage.core.errors import BadInput, MoorageError
from moorage.core.nouns import Answer
from moorage.kb.notices import EXTRACTIVE
from moorage.kb.results import AnswerDone, AnswerEvent, HitsFound, TextDelta
from moorage.kb.sentences import language_of
from moorage.kb.tokens import tokens
from moorage.models.base import Message
from moorage.web import shapes as s
from moorage.web.api import EVENT_STREAM, STREAM_HEADERS, sse
from moorage.web.errors import openai_error
from moorage.web.json_body import json_object
from moorage.web.security import check_may_use, may_use
from moorage.wiring import Home


def openai_routes(home: Home) -> APIRouter:
    """``/v1/models`` and ``/v1/chat/completions``. Unknown fields are ignored, as clients send many."""
    router = APIRouter(tags=["openai"])

    @router.get("/v1/models")
    def models(request: Request) -> JSONResponse:
        """The knowledge bases as models: those that the key may use."""
        return JSONResponse({"object": "list", "data": [_model(k.name, k.created_at) for k in home.kb.ls() if may_use(request, k.name)]})

    @router.get("/v1/models/{model:path}")
    def model(request: Request, model: str) -> JSONResponse:
        """One knowledge base as a model."""
        check_may_use(request, model)
        found = home.kb.get(model)
        return JSONResponse(_model(found.name, found.created_at))

    @router.post("/v1/chat/completions")
    async def chat_completions(request: Request) -> Response:
        """Answer the last user message from the knowledge base named by ``model``; streamed when ``stream`` is true."""
        asked = _parse(await json_object(request))
        check_may_use(request, asked.model)
        asked.preface = "" if home.chat_model else f"*{EXTRACTIVE.say(language_of(asked.question))}*\n\n"
        events = home.kb.ask(asked.model, asked.question, asked.history)
        if not asked.stream:
            return JSONResponse(await _whole(asked, events))
        first = await _until_text(events)
        return StreamingResponse(_chunks(asked, first, events), media_type=EVENT_STREAM, headers=STREAM_HEADERS)

    return router


class _Asked:
    """A chat completion request, as far as it matters here."""

    def __init__(self, model: str, question: str, history: Sequence[Message], stream: bool, wants_usage: bool) -> None:
        self.id = f"chatcmpl-{uuid.uuid4().hex}"
        self.created = int(time.time())
        self.model = model
        self.question = question
        self.history = history
        self.stream = stream
        self.wants_usage = wants_usage
        self.preface = ""
        """Said before the answer: that no model writes prose, where none does."""


def _parse(body: Mapping[str, object]) -> _Asked:
    model, messages = body.get("model"), body.get("messages")
    if not isinstance(model, str):
        raise BadInput(reason="`model` must be the name of a knowledge base; GET /v1/models lists them.")
    if not isinstance(messages, list) or not messages:
        raise BadInput(reason="`messages` must be a list with at least one message.")
    if body.get("n") not in (None, 1):
        raise BadInput(reason=f"`n` is {body['n']!r}; a knowledge base gives one answer. Leave `n` out.")
    turns = [_turn(m) for m in cast("list[object]", messages)]
    last = max((i for i, t in enumerate(turns) if t.role == "user"), default=None)
    if last is None:
        raise BadInput(reason="`messages` holds no message of role `user`.")
    history = [t for t in turns[:last] if t.role in ("user", "assistant") and t.content]
    options = body.get("stream_options")
    wants_usage = isinstance(options, Mapping) and cast("Mapping[str, object]", options).get("include_usage") is True
    return _Asked(model, turns[last].content, history, body.get("stream") is True, wants_usage)


def _turn(raw: object) -> Message:
    if not isinstance(raw, Mapping):
        raise BadInput(reason=f"a message must be an object with `role` and `content`, not {raw!r:.80}.")
    message = cast("Mapping[str, object]", raw)
    role, content = message.get("role"), message.get("content")
    if not isinstance(role, str):
        raise BadInput(reason="a message has no `role`.")
    if isinstance(content, list):
        content = "\n".join(_part(p) for p in cast("list[object]", content))
    if content is not None and not isinstance(content, str):
        raise BadInput(reason="a message's `content` must be text or a list of parts.")
    return Message("user" if role == "user" else "assistant" if role == "assistant" else "system", content or "")


def _part(raw: object) -> str:
    part = cast("Mapping[str, object]", raw) if isinstance(raw, Mapping) else {}
    if part.get("type") != "text" or not isinstance(part.get("text"), str):
        raise BadInput(reason=f"a content part of type {part.get('type')!r} cannot be read; a knowledge base answers text.")
    return cast(str, part["text"])


async def _until_text(events: AsyncGenerator[AnswerEvent]) -> list[AnswerEvent]:
    """Events up to the first word, so that an error before it is still an HTTP status."""
    first: list[AnswerEvent] = []
    async for event in events:
        first.append(event)
        if not isinstance(event, HitsFound):
            break
    return first


async def _whole(asked: _Asked, events: AsyncGenerator[AnswerEvent]) -> dict[str, object]:
    answer: Answer | None = None
    async with aclosing(events):
        async for event in events:
            if isinstance(event, AnswerDone):
                answer = event.answer
    if answer is None:
        raise AssertionError("an answer ends with AnswerDone")
    message = {"role": "assistant", "content": asked.preface + answer.text, "citations": _citations(answer)}
    choice = {"index": 0, "message": message, "finish_reason": _finish_reason(answer), "logprobs": None}
    return {
        "id": asked.id,
        "object": "chat.completion",
        "created": asked.created,
        "model": asked.model,
        "choices": [choice],
        "usage": _usage(asked, answer),
    }


async def _chunks(asked: _Asked, first: Sequence[AnswerEvent], events: AsyncGenerator[AnswerEvent]) -> AsyncIterator[str]:
    yield sse(_chunk(asked, {"role": "assistant", "content": asked.preface}))
    try:
        async with aclosing(events):
            async for event in _chain(first, events):
                if isinstance(event, TextDelta):
                    yield sse(_chunk(asked, {"content": event.text}))
                elif isinstance(event, AnswerDone):
                    yield sse(_chunk(asked, {}, _finish_reason(event.answer), citations=_citations(event.answer)))
                    if asked.wants_usage:
                        yield sse({**_chunk(asked, {}), "choices": [], "usage": _usage(asked, event.answer)})
    except MoorageError as e:
        yield sse({"error": openai_error(e)})
    yield "data: [DONE]\n\n"


async def _chain(first: Sequence[AnswerEvent], rest: AsyncGenerator[AnswerEvent]) -> AsyncIterator[AnswerEvent]:
    for event in first:
        yield event
    async for event in rest:
        yield event


def _chunk(asked: _Asked, delta: dict[str, object], finish_reason: str | None = None, **more: object) -> dict[str, object]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": None}
    return {"id": asked.id, "object": "chat.completion.chunk", "created": asked.created, "model": asked.model, "choices": [choice], **more}


def _model(name: str, created_at: float) -> dict[str, object]:
    return {"id": name, "object": "model", "created": int(created_at), "owned_by": "moorage"}


def _finish_reason(answer: Answer) -> str:
    """``length`` where the model broke off: the one value that tells every client that there is less than a whole answer."""
    return "length" if any(n.code == "cut_short" for n in answer.notices) else "stop"


def _citations(answer: Answer) -> list[s.HitShape]:
    return [s.hit_shape(c.number, c.hit) for c in answer.citations]


def _usage(asked: _Asked, answer: Answer) -> dict[str, int]:
    """Counted in search tokens: an estimate, as the model's own tokenizer is not known here."""
    prompt = len(tokens(asked.question)) + sum(len(tokens(h.chunk.text)) for h in answer.hits if answer.model)
    completion = len(tokens(answer.text))
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
