"""Knowledge bases as models of the gateway: each answers chats, with ``citations`` in the message or in the last chunk.

Shapes: OpenAI's API reference for chat completions; what real clients send and choke on was captured on the wire.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import cast

from moorage.core.errors import KnowledgeNotFound, MoorageError
from moorage.core.nouns import Answer
from moorage.gateway.errors import GatewayRefusal, bad_field, bad_json, missing_field, refusal, too_large
from moorage.gateway.inside import InsideModel
from moorage.gateway.upstream.base import UpstreamFailure
from moorage.gateway.upstream.inside import InsideAnswer
from moorage.kb.notices import EXTRACTIVE
from moorage.kb.results import AnswerDone, AnswerEvent, TextDelta
from moorage.kb.sentences import language_of
from moorage.kb.tokens import tokens
from moorage.models.base import Message
from moorage.web import shapes as s
from moorage.web.errors import openai_error
from moorage.wiring import Home

MAX_BODY_BYTES = 4 * 2**20
_JSON, _EVENTS = b"application/json", b"text/event-stream; charset=utf-8"


class KnowledgeModels:
    """The knowledge bases of a home, for the gateway."""

    def __init__(self, home: Home) -> None:
        self._home = home

    async def all(self) -> Sequence[InsideModel]:
        return [InsideModel(k.name, int(k.created_at)) for k in await asyncio.to_thread(self._home.kb.ls)]

    async def find(self, name: str) -> InsideModel | None:
        try:
            found = await asyncio.to_thread(self._home.kb.get, name)
        except KnowledgeNotFound:
            return None
        return InsideModel(found.name, int(found.created_at))

    def open(self, name: str) -> KnowledgeModel:
        return KnowledgeModel(self._home, name)


class KnowledgeModel:
    """One knowledge base, asked like a model server."""

    def __init__(self, home: Home, name: str) -> None:
        self._home, self._name = home, name

    async def ask(self, path: str, headers: bytes, body: bytes | None, seconds: float) -> InsideAnswer:
        """Answers the last user message. Raises GatewayRefusal, also for what a model server would be asked and a knowledge base cannot do."""
        if path != "/chat/completions" or body is None:
            raise _only_chats(self._name, path)
        asked = _parse(self._name, body)
        asked.preface = "" if self._home.chat_model else f"*{EXTRACTIVE.say(language_of(asked.question))}*\n\n"
        events = self._home.kb.ask(self._name, asked.question, asked.history)
        try:
            async with asyncio.timeout(seconds or None):
                if not asked.stream:
                    return InsideAnswer(_JSON, json.dumps(await _whole(asked, events), ensure_ascii=False).encode())
                chunks = _chunks(asked, events)
                return InsideAnswer(_EVENTS, await anext(chunks), chunks)
        except MoorageError as e:
            raise _refused(e) from e
        except TimeoutError as e:
            raise UpstreamFailure("timeout", f"gave no answer within {seconds:g} s", f"{seconds:g} 秒内未回答") from e

    def close(self) -> None:
        """Nothing is kept."""


def _only_chats(name: str, path: str) -> GatewayRefusal:
    asked = path.lstrip("/")
    return refusal(
        400,
        f"{name!r} is a knowledge base: it answers /v1/chat/completions, /v1/responses and /v1/messages, not /v1/{asked}.",
        f"{name!r} 是知识库，只回答 /v1/chat/completions、/v1/responses 与 /v1/messages，不支持 /v1/{asked}。",
        param="model",
        code="unsupported_endpoint",
    )


def _refused(error: MoorageError) -> GatewayRefusal:
    """An error of the knowledge base or of its model, in the gateway's shape."""
    if isinstance(error, GatewayRefusal):
        return error
    said = openai_error(error)
    return GatewayRefusal(error.status, str(said["type"]), said["code"], error.say("en"), param=said["param"], message_zh=error.say("zh"))


class _Asked:
    """A chat completion request, as far as it matters here."""

    def __init__(self, model: str, question: str, history: Sequence[Message], stream: bool) -> None:
        self.id = f"chatcmpl-{uuid.uuid4().hex}"
        self.created = int(time.time())
        self.model = model
        self.question = question
        self.history = history
        self.stream = stream
        self.preface = ""
        """Said before the answer: that no model writes prose, where none does."""


def _parse(model: str, body: bytes) -> _Asked:
    if len(body) > MAX_BODY_BYTES:
        raise too_large(MAX_BODY_BYTES)
    try:
        asked = cast("Mapping[str, object]", json.loads(body))
    except (ValueError, RecursionError) as e:  # what the gateway did not look at closely
        raise bad_json(str(e)) from e
    messages = asked.get("messages")
    if not isinstance(messages, list) or not messages:
        raise missing_field("messages")
    if asked.get("n") not in (None, 1):
        raise bad_field("n", "a knowledge base gives one answer; leave it out", "知识库只给出一个回答，请去掉此字段")
    turns = [_turn(f"messages[{at}]", each) for at, each in enumerate(cast("list[object]", messages))]
    last = max((i for i, t in enumerate(turns) if t.role == "user"), default=None)
    if last is None:
        raise bad_field("messages", "it holds no message of role `user`", "其中没有 `user` 角色的消息")
    history = [t for t in turns[:last] if t.role in ("user", "assistant") and t.content]
    return _Asked(model, turns[last].content, history, asked.get("stream") is True)


def _turn(place: str, raw: object) -> Message:
    if not isinstance(raw, Mapping):
        raise bad_field(place, "it must be an object with `role` and `content`", "应为含 `role` 与 `content` 的对象")
    message = cast("Mapping[str, object]", raw)
    role, content = message.get("role"), message.get("content")
    if not isinstance(role, str):
        raise bad_field(f"{place}.role", "it must be text", "必须是文本")
    if isinstance(content, list):
        content = "\n".join(_part(f"{place}.content[{at}]", part) for at, part in enumerate(cast("list[object]", content)))
    if content is not None and not isinstance(content, str):
        raise bad_field(f"{place}.content", "it must be text or a list of parts", "应为文本或内容块列表")
    return Message("user" if role == "user" else "assistant" if role == "assistant" else "system", content or "")


def _part(place: str, raw: object) -> str:
    part = cast("Mapping[str, object]", raw) if isinstance(raw, Mapping) else {}
    if part.get("type") != "text" or not isinstance(part.get("text"), str):
        kind = f"{part.get('type')!r:.40}"
        raise bad_field(place, f"a knowledge base reads text, no part of type {kind}", f"知识库只读取文本，不支持类型 {kind}")
    return cast(str, part["text"])


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


async def _chunks(asked: _Asked, events: AsyncGenerator[AnswerEvent]) -> AsyncGenerator[bytes]:
    """The stream. Nothing comes before the first word is known, so that an error up to there is still an HTTP status."""
    is_begun = False
    try:
        async with aclosing(events):
            async for event in events:
                if not is_begun and isinstance(event, (TextDelta, AnswerDone)):
                    is_begun = True
                    yield _block(_chunk(asked, {"role": "assistant", "content": asked.preface}))
                if isinstance(event, TextDelta):
                    yield _block(_chunk(asked, {"content": event.text}))
                elif isinstance(event, AnswerDone):
                    yield _block(_chunk(asked, {}, _finish_reason(event.answer), citations=_citations(event.answer)))
                    yield _block({**_chunk(asked, {}), "choices": [], "usage": _usage(asked, event.answer)})
    except MoorageError as e:
        if not is_begun:
            raise
        yield _block({"error": openai_error(e)})
    yield b"data: [DONE]\n\n"


def _block(data: object) -> bytes:
    return b"data: %b\n\n" % json.dumps(data, ensure_ascii=False).encode()


def _chunk(asked: _Asked, delta: dict[str, object], finish_reason: str | None = None, **more: object) -> dict[str, object]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": None}
    return {"id": asked.id, "object": "chat.completion.chunk", "created": asked.created, "model": asked.model, "choices": [choice], **more}


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
