"""One request on its way: what it asks for, what was found out about it, and when what happened."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from moorage.core.errors import Language
from moorage.gateway.admission import Admission, Caller, CallRecord
from moorage.gateway.config import NATIVE, ModelEntry, Replica
from moorage.gateway.endpoints import Conversion, Endpoint
from moorage.gateway.multipart import with_model as form_with_model
from moorage.gateway.peek import GenerationPeek, Peek, with_model, with_usage
from moorage.gateway.warnings import warning_header

_PASSED_ON = frozenset({b"traceparent", b"tracestate", b"x-data-parallel-rank", b"x-session-id"})
_JSON = b"content-type: application/json\r\n"
_MARK = os.urandom(4).hex()
_numbers = itertools.count(1)


@dataclass(slots=True)  # not frozen: that would cost half a microsecond a request
class Head:
    """What a request's headers say to the gateway. Nobody changes it."""

    key: str | None
    request_id: str
    passed_on: bytes
    content_type: str
    length: int | None
    language: Language
    is_batch: bool
    host: bytes
    origin: bytes | None


def read_head(headers: list[tuple[bytes, bytes]]) -> Head:
    """The headers that matter; of a repeated one the last."""
    found = dict(headers)
    get = found.get
    length, language = get(b"content-length", b""), get(b"accept-language")
    given = get(b"x-request-id")
    request_id = given.decode("latin-1") if given and len(given) <= 128 and given.isascii() else f"req-{_MARK}{next(_numbers):x}"
    passed_on = f"x-request-id: {request_id}\r\n".encode("latin-1")
    if not _PASSED_ON.isdisjoint(found):
        passed_on += b"".join(b"%b: %b\r\n" % (name, found[name]) for name in _PASSED_ON if name in found)
    return Head(
        key=_key(found),
        request_id=request_id,
        passed_on=passed_on,
        content_type=get(b"content-type", b"").decode("latin-1"),
        length=int(length) if length.isdigit() else None,
        language="zh" if language is not None and language.lower().startswith(b"zh") else "en",
        is_batch=get(b"x-priority") == b"batch",
        host=get(b"host", b""),
        origin=get(b"origin"),
    )


def _key(headers: Mapping[bytes, bytes]) -> str | None:
    """The bearer key, or Anthropic's and Azure's way to send one."""
    sent = headers.get(b"authorization", b"")
    if sent.startswith(b"Bearer "):
        key = sent[7:]
    else:
        scheme, _, key = sent.strip().partition(b" ")
        key = key if scheme.lower() == b"bearer" else b""
    key = key.strip() or headers.get(b"x-api-key") or headers.get(b"api-key") or b""
    return key.strip().decode("latin-1") or None


@dataclass(slots=True)
class Call:
    """A request whose model is known. ``place``: where a form names the model. Times are ``time.perf_counter``."""

    endpoint: Endpoint
    head: Head
    entry: ModelEntry
    body: bytes
    asked_model: str
    peeked: Peek | None
    caller: Caller
    admission: Admission
    started: float
    conversion: Conversion | None = None
    place: tuple[int, int] = (0, 0)
    replica: str = ""
    status: int = 0
    attempts: int = 0
    queue_s: float = 0.0
    own_s: float = 0.0
    first: float | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    warning: str = ""
    """What is told of its answer in a header."""
    is_begun: bool = False
    """Whether the client has seen a byte."""
    is_sent: bool = False
    """Whether it was sent the last one: who leaves then does not leave early."""
    _headers: bytes = field(default=b"", init=False)

    @property
    def is_stream(self) -> bool:
        return self.peeked is not None and self.peeked.stream is True

    @property
    def is_batch(self) -> bool:
        """Whether it waits behind others: as it says itself, or as its key does."""
        return self.head.is_batch or self.caller.is_batch

    @property
    def minds_answer(self) -> bool:
        """Whether reasoning that no answer follows becomes the answer: of chats that the server took apart."""
        is_chat = self.endpoint.needs == "messages" or (self.conversion is not None and self.endpoint.name in NATIVE)
        return is_chat and self.entry.tool_parsing == "native" and self.entry.answer_in_reasoning == "content"

    @property
    def wants_usage(self) -> bool:
        return isinstance(self.peeked, GenerationPeek) and self.peeked.wants_usage

    def for_server(self, replica: Replica) -> tuple[str, bytes]:
        """Where and what a server is asked: the client's bytes, with the name that it knows the model by."""
        if self.conversion is not None:
            return self.conversion.ask(replica)
        body = self.body
        if isinstance(self.peeked, GenerationPeek) and self.peeked.stream:
            body = with_usage(body, self.peeked)
        name = replica.model or self.entry.name
        if name == self.asked_model:
            return self.endpoint.path, body
        return self.endpoint.path, form_with_model(body, self.place, name) if self.endpoint.is_form else with_model(body, name)

    @property
    def server_headers(self) -> bytes:
        """The header lines for a server."""
        if not self._headers:
            kind = f"content-type: {self.head.content_type}\r\n".encode("latin-1") if self.endpoint.is_form else _JSON
            self._headers = kind + self.head.passed_on
        return self._headers

    def client_headers(self, content_type: bytes, length: int | None = None) -> list[tuple[bytes, bytes]]:
        """The header of the answer: its type, the request's number, timings in milliseconds, what is left of the caller's limits."""
        now = time.perf_counter()
        server_ms = (now - self.started - self.queue_s - self.own_s) * 1e3
        timing = b"queue;dur=%.2f, gateway;dur=%.2f, server;dur=%.2f" % (self.queue_s * 1e3, self.own_s * 1e3, server_ms)
        headers = [(b"content-type", content_type), (b"x-request-id", self.head.request_id.encode("latin-1")), (b"server-timing", timing)]
        if length is not None:
            headers.append((b"content-length", b"%d" % length))
        headers.extend(self.admission.headers)
        if self.conversion is not None:
            headers.extend(self.conversion.headers)
            if self.endpoint.is_anthropic:
                headers.append((b"request-id", self.head.request_id.encode("latin-1")))
        if self.warning:
            headers.extend(warning_header(self.warning))
        return headers

    def record(self) -> CallRecord:
        """What is written down of it, when it is over."""
        now = time.perf_counter()
        return CallRecord(
            request_id=self.head.request_id,
            model=self.entry.name,
            endpoint=self.endpoint.name,
            caller=self.caller.name,
            replica=self.replica,
            status=self.status,
            is_stream=self.is_stream,
            prompt_tokens=self.prompt_tokens,
            completion_tokens=self.completion_tokens,
            queue_s=self.queue_s,
            first_s=None if self.first is None else self.first - self.started,
            own_s=self.own_s,
            total_s=now - self.started,
            attempts=self.attempts,
            at=time.time(),
        )
