"""Requests in another shape than their server's, joined to the gateway: which endpoint needs what, and nothing where bytes may pass as they are."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Protocol, cast

import msgspec

from moorage.gateway.backends import Backend, backend
from moorage.gateway.config import ModelEntry, Replica
from moorage.gateway.endpoints import Conversion, Conversions
from moorage.gateway.errors import Headers, bad_field, bad_json, refusal
from moorage.gateway.parameters import TOUCHED, Mapped, mapped, needs_mapping
from moorage.gateway.peek import with_defaults
from moorage.gateway.relay import StreamConversion
from moorage.gateway.shapes import functions, messages, rerank, responses, score
from moorage.gateway.shapes.fields import Json, obj

_CHAT = "/chat/completions"


def conversions() -> Conversions:
    """One for each endpoint whose shape some server does not speak."""
    return {
        "chat": _chat, "completions": _completions, "rerank": _rerank, "score": _score, "responses": _responses, "messages": _messages,
        "count_tokens": _count_tokens,
    }  # fmt: skip


def load(body: bytes) -> Json:
    """A request's JSON object. Raises GatewayRefusal."""
    try:
        loaded = cast(object, msgspec.json.decode(body))
    except (msgspec.DecodeError, UnicodeDecodeError) as e:
        raise bad_json(str(e)) from e
    except RecursionError as e:
        raise bad_json("it is nested too deeply") from e
    if not isinstance(loaded, dict):
        raise bad_field(None, "it must be an object", "应为对象")
    return cast(Json, loaded)


class _Whole:
    """A conversion whose answers come in one piece only."""

    headers: Headers = ()

    def stream(self, replica: Replica) -> StreamConversion:
        raise bad_field("stream", "this endpoint does not stream", "该接口不支持流式")


# Chat and completions, in the words of their engine


def _chat(entry: ModelEntry, body: bytes) -> Conversion | None:
    """None for most requests: only one that holds a word of another engine's is taken apart, or one whose answer the gateway reads itself."""
    if entry.tool_parsing == "gateway":
        from moorage.gateway.tool_parsing import tool_parsing

        return tool_parsing(entry, body)
    return _in_other_words(entry, body, _CHAT)


def _completions(entry: ModelEntry, body: bytes) -> Conversion | None:
    return _in_other_words(entry, body, "/completions")


def _in_other_words(entry: ModelEntry, body: bytes, path: str) -> Conversion | None:
    kinds = tuple(sorted({replica.kind for replica in entry.replicas}))
    if not _touched(kinds).search(body):
        return None
    loaded = load(body)
    is_old = path == _CHAT and functions.is_old(loaded) and any(not backend(kind).traits.knows_functions for kind in kinds)
    if is_old:
        asked = functions.with_tools(loaded)
        return _OneCall(entry, asked, is_old=True) if functions.wants_function_call(loaded) else _Generation(entry, asked, path)
    if loaded.get("parallel_tool_calls") is False and any("parallel_tool_calls" in backend(kind).traits.ignores for kind in kinds):
        return _OneCall(entry, loaded, is_old=False)
    return _Generation(entry, loaded, path) if any(needs_mapping(loaded, backend(kind)) for kind in kinds) else None


@cache
def _touched(kinds: tuple[str, ...]) -> re.Pattern[bytes]:
    names = {*TOUCHED, "functions", "function_call"}.union(
        *(backend(kind).traits.cannot | backend(kind).traits.ignores | backend(kind).traits.spelling.keys() for kind in kinds)
    )
    words = [*(re.escape(name) for name in names), *(["n"] if any(backend(kind).traits.most_choices < 128 for kind in kinds) else [])]
    return re.compile(rb'"(?:%b)"' % "|".join(sorted(words)).encode())


class _Generation:
    """A request in the engine's own words; the answer is the engine's, untouched."""

    def __init__(self, entry: ModelEntry, body: Json, path: str) -> None:
        self._entry, self._body, self._path = entry, body, path
        self.headers: Headers = ()

    def ask(self, replica: Replica) -> tuple[str, bytes]:
        asked = mapped_for(replica, self._entry, self._body)
        self.headers = ignored_header(asked)
        return self._path, msgspec.json.encode(asked.body)

    def whole(self, replica: Replica, reply: bytes) -> bytes:
        return reply

    def stream(self, replica: Replica) -> StreamConversion | None:
        return None


class _OneCall(_Generation):
    """A chat for a client that takes one call at a time, in the old words or in today's, before an engine that would give more."""

    def __init__(self, entry: ModelEntry, body: Json, *, is_old: bool) -> None:
        asked = {name: value for name, value in body.items() if name != "parallel_tool_calls"}
        super().__init__(entry, asked, _CHAT)
        self._is_old = is_old

    def whole(self, replica: Replica, reply: bytes) -> bytes:
        return functions.first_call(reply, is_old=self._is_old)

    def stream(self, replica: Replica) -> StreamConversion | None:
        wants_usage = obj(self._body.get("stream_options")).get("include_usage") is True
        return functions.FirstCall(is_old=self._is_old, wants_usage=wants_usage)


def mapped_for(replica: Replica, entry: ModelEntry, body: Json) -> Mapped:
    """A generation's request as this server wants it: its words, its name of the model, and the tokens counted. Raises GatewayRefusal."""
    asked = mapped(body, backend(replica.kind), replica.engine_version, model=entry.name)
    out = {**asked.body, "model": replica.model or entry.name}
    if out.get("stream"):
        out["stream_options"] = {**obj(out.get("stream_options")), "include_usage": True}
    return Mapped(out, asked.ignored)


def ignored_header(asked: Mapped) -> Headers:
    """Names the parameters that the engine was asked without."""
    return ((b"x-moorage-ignored", ", ".join(asked.ignored).encode()),) if asked.ignored else ()


# Reranking and scores


def _rerank(entry: ModelEntry, body: bytes) -> Conversion:
    return _Rerank(entry, rerank.parse(load(body)))


class _Rerank(_Whole):
    def __init__(self, entry: ModelEntry, request: rerank.RerankRequest) -> None:
        self._entry, self._request = entry, request

    def ask(self, replica: Replica) -> tuple[str, bytes]:
        path, body = rerank.to_backend(self._request, backend(replica.kind), replica.model or self._entry.name)
        return _place(path, backend(replica.kind)), msgspec.json.encode(body)

    def whole(self, replica: Replica, reply: bytes) -> bytes:
        answer = rerank.from_backend(answer_of(reply), self._request, backend(replica.kind), f"rerank-{secrets.token_hex(8)}")
        return msgspec.json.encode(answer)


def _score(entry: ModelEntry, body: bytes) -> Conversion | None:
    if all(score.has_score(backend(replica.kind)) for replica in entry.replicas):
        return None
    return _Score(entry, score.parse(load(body)))


class _Score(_Whole):
    """Scores by reranking: one query against many texts is what every reranker can do."""

    def __init__(self, entry: ModelEntry, request: score.ScoreRequest) -> None:
        if not request.is_one_to_many:
            reason = "this model's engine scores one text_1 against many text_2; send pairs one by one"
            raise bad_field("text_1", reason, "该模型的引擎只能将一个 text_1 与多个 text_2 打分，请逐对发送")
        self._entry, self._request, self._asked = entry, request, score.to_rerank(request)[0]

    def ask(self, replica: Replica) -> tuple[str, bytes]:
        path, body = rerank.to_backend(self._asked, backend(replica.kind), replica.model or self._entry.name)
        return _place(path, backend(replica.kind)), msgspec.json.encode(body)

    def whole(self, replica: Replica, reply: bytes) -> bytes:
        ranked = rerank.from_backend(answer_of(reply), self._asked, backend(replica.kind), "")
        return msgspec.json.encode(score.from_rerank([ranked], self._request, f"score-{secrets.token_hex(8)}", int(time.time())))


def _place(path: str, kind: Backend) -> str:
    """TEI's own addresses are below the root of its server, not below ``/v1``."""
    return f"/{path}" if kind.name == "tei" else path


def answer_of(reply: bytes) -> object:
    """An engine's JSON; None for anything else."""
    try:
        return cast(object, msgspec.json.decode(reply))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


# Responses and Messages, over chat


def _responses(entry: ModelEntry, body: bytes) -> Conversion | None:
    return None if "responses" in entry.native else _Responses(entry, load(body))


class _Responses:
    def __init__(self, entry: ModelEntry, body: Json) -> None:
        self._body, self._chat = body, _OverChat(entry, responses.to_chat(body))
        self._id = f"resp_{secrets.token_hex(16)}"

    @property
    def headers(self) -> Headers:
        return self._chat.headers

    def ask(self, replica: Replica) -> tuple[str, bytes]:
        return self._chat.ask(replica)

    def whole(self, replica: Replica, reply: bytes) -> bytes:
        return msgspec.json.encode(responses.from_chat(self._chat.answer(replica, reply), self._body, self._id))

    def stream(self, replica: Replica) -> StreamConversion:
        return _Events(responses.ResponseStream(self._id, self._body), _typed, self._chat.stream(replica))


def _messages(entry: ModelEntry, body: bytes) -> Conversion | None:
    return None if "messages" in entry.native else _Messages(entry, load(body))


class _Messages:
    def __init__(self, entry: ModelEntry, body: Json) -> None:
        self._name, self._chat = entry.name, _OverChat(entry, messages.to_chat(body))
        self._id = f"msg_{secrets.token_hex(12)}"

    @property
    def headers(self) -> Headers:
        return self._chat.headers

    def ask(self, replica: Replica) -> tuple[str, bytes]:
        return self._chat.ask(replica)

    def whole(self, replica: Replica, reply: bytes) -> bytes:
        return msgspec.json.encode(messages.from_chat(self._chat.answer(replica, reply), self._name, self._id))

    def stream(self, replica: Replica) -> StreamConversion:
        return _Events(messages.MessageStream(self._id, self._name), messages.sse, self._chat.stream(replica))


def _count_tokens(entry: ModelEntry, body: bytes) -> Conversion:
    return _CountTokens(entry, messages.to_count(load(body)))


class _CountTokens(_Whole):
    """Anthropic's count of tokens, by the engine's own tokenizer and template."""

    def __init__(self, entry: ModelEntry, body: Json) -> None:
        for replica in entry.replicas:
            if replica.kind not in ("vllm", "openai"):
                raise refusal(
                    400,
                    f"The engine {replica.kind} of model {entry.name} counts no messages. Count the text itself with /v1/tokenize where it is served.",
                    f"模型 {entry.name} 的引擎 {replica.kind} 不支持对消息计数。可在支持的引擎上用 /v1/tokenize 对文本计数。",
                    code="unsupported_endpoint",
                )
        self._entry, self._body = entry, body

    def ask(self, replica: Replica) -> tuple[str, bytes]:
        return "//tokenize", msgspec.json.encode({**self._body, "model": replica.model or self._entry.name})

    def whole(self, replica: Replica, reply: bytes) -> bytes:
        return msgspec.json.encode({"input_tokens": messages.counted(answer_of(reply))})


class _OverChat:
    """The chat request that another API's request became, with whatever a chat of this model needs."""

    def __init__(self, entry: ModelEntry, body: Json) -> None:
        encoded = with_defaults(msgspec.json.encode(body), entry.defaults, entry.bounds)
        self._own = _chat(entry, encoded) or _Generation(entry, load(encoded), _CHAT)

    @property
    def headers(self) -> Headers:
        return self._own.headers

    def ask(self, replica: Replica) -> tuple[str, bytes]:
        return self._own.ask(replica)

    def answer(self, replica: Replica, reply: bytes) -> Json:
        return obj(answer_of(self._own.whole(replica, reply)))

    def stream(self, replica: Replica) -> StreamConversion | None:
        return self._own.stream(replica)


class _Teller(Protocol):
    """What makes typed events of chat chunks."""

    def start(self) -> list[Json]: ...
    def feed(self, chunk: Mapping[str, object]) -> list[Json]: ...
    def finish(self) -> list[Json]: ...
    def fail(self, message: str) -> list[Json]: ...


class _Events:
    """A stream of typed events, written as they come. ``chat`` makes chat chunks of an engine that does not."""

    def __init__(self, teller: _Teller, write: Callable[[Json], bytes], chat: StreamConversion | None = None) -> None:
        self._teller, self._write, self._chat = teller, write, chat
        self._is_begun = False

    def data(self, payload: bytes) -> bytes:
        payloads = [payload] if self._chat is None else _payloads(self._chat.data(payload))
        return self._written([*self._begin(), *(event for each in payloads for event in self._teller.feed(obj(answer_of(each))))])

    def end(self) -> bytes:
        rest = [] if self._chat is None else _payloads(self._chat.end())
        fed = [event for each in rest for event in self._teller.feed(obj(answer_of(each)))]
        return self._written([*self._begin(), *fed, *self._teller.finish()])

    def fail(self, message: str) -> bytes:
        return self._written([*self._begin(), *self._teller.fail(message)])

    def _begin(self) -> list[Json]:
        if self._is_begun:
            return []
        self._is_begun = True
        return self._teller.start()

    def _written(self, events: Iterable[Json]) -> bytes:
        return b"".join(map(self._write, events))


def _payloads(blocks: bytes) -> list[bytes]:
    """What the blocks of our own chat stream hold."""
    return [block.removeprefix(b"data: ") for block in blocks.split(b"\n\n") if block and block != b"data: [DONE]"]


def _typed(event: Json) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (str(event["type"]).encode(), msgspec.json.encode(event))
