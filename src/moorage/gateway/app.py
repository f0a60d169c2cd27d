"""The gateway as one bare ASGI callable: a request comes in, its model is found, its answer goes out. No framework stands on this path."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Coroutine, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import msgspec

from moorage.gateway.admission import Authority, Caller, Meter, OpenDoor
from moorage.gateway.call import Call, Head, read_head
from moorage.gateway.config import GatewayConfig, ModelEntry, Replica
from moorage.gateway.conversions import conversions as standard_conversions
from moorage.gateway.embedding import Embedding
from moorage.gateway.endpoints import ENDPOINTS, Conversions, Endpoint
from moorage.gateway.errors import GatewayRefusal, stopping, too_large, unexpected, unknown_model, unknown_path, wrong_method
from moorage.gateway.exchange import JSON, CutOff, Exchange
from moorage.gateway.flow import Send
from moorage.gateway.health import watch_health
from moorage.gateway.inside import Inside, InsidePools, Nothing
from moorage.gateway.leaving import LeaveWatch, Receive
from moorage.gateway.multipart import find_model
from moorage.gateway.peek import GenerationPeek, Peek, peek, peek_generation, with_defaults
from moorage.gateway.pool import Pool
from moorage.gateway.refusals import endpoint_out_of_scope
from moorage.gateway.relay import DONE
from moorage.gateway.shapes.messages import error_body as messages_error
from moorage.gateway.upstream.base import Upstream
from moorage.gateway.upstream.http import HttpUpstream
from moorage.gateway.visitors import Visitors

Scope = MutableMapping[str, Any]  # as ASGI has it
Companion = Callable[["Gateway"], Coroutine[Any, Any, None]]
"""Something that runs beside the requests until it is cancelled."""
_CLIENT_LEFT = 499
_LAST_WORDS = 100
_OWN = frozenset({"/v1", "/models", "/health", "/metrics"})
_MODEL = {"id": "", "object": "model", "created": 0, "owned_by": "moorage"}
_METRICS = b"text/plain; version=0.0.4; charset=utf-8"
log = logging.getLogger("moorage.gateway")


@dataclass(frozen=True, slots=True)
class Page:
    """Something to look at: a description of the API, say."""

    body: bytes
    content_type: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()


Pages = Callable[[Scope], Page | None]
"""What is shown at addresses where nothing else is, by a GET's scope; None for nothing. Called in a thread."""


class Gateway:
    """One door for all models. Serve it with uvicorn, or mount it; ``start`` and ``stop`` are its lifespan.

    ``authority`` says who may, ``meter`` writes down, ``metrics`` renders what ``/metrics`` shows, ``conversions`` are for endpoints whose
    shape a server does not speak, ``companions`` run beside it from ``start`` to ``stop``. ``inside`` are models that this process serves itself;
    one of the stack file with the same name comes first. ``visitors`` are checked where it is open to everybody, ``pages`` are for people.
    """

    def __init__(
        self,
        config: GatewayConfig,
        *,
        authority: Authority | None = None,
        meter: Meter | None = None,
        metrics: Callable[[], bytes] | None = None,
        conversions: Conversions | None = None,
        connect: Callable[[Replica], Upstream] | None = None,
        companions: Sequence[Companion] = (),
        inside: Inside | None = None,
        visitors: Visitors | None = None,
        pages: Pages = lambda scope: None,
    ) -> None:
        self._authority: Authority = authority or OpenDoor()
        self._meter, self._metrics = meter, metrics
        self._conversions: Conversions = standard_conversions() if conversions is None else conversions
        self._connect = connect or self._http_upstream
        self._started_at = int(time.time())
        self._running = 0
        self._companions = (watch_health, *companions)
        self._beside: list[asyncio.Task[None]] = []
        self._inside = InsidePools(inside or Nothing())
        self._visitors, self._pages = visitors, pages
        self._pools: dict[str, Pool] = {}
        self._by_name: dict[str, Pool] = {}
        self.config = config
        self.configure(config)

    def configure(self, config: GatewayConfig) -> None:
        """Takes over another configuration. Models that stayed as they were keep their servers' state; running answers go on."""
        is_kept = config.connect_timeout_s == self.config.connect_timeout_s
        kept = {name: pool for name, pool in self._pools.items() if is_kept and pool.entry in config.models}
        for name, pool in self._pools.items():
            if name not in kept:
                pool.close()
        self.config, self._exchange = config, Exchange(config)
        self._embedding = Embedding(self._exchange)
        self._pools = {entry.name: kept.get(entry.name) or Pool(entry, self._connect) for entry in config.models}
        self._by_name = {name: pool for pool in self._pools.values() for name in (pool.entry.name, *pool.entry.aliases)}

    def serves(self, path: str) -> bool:
        """Whether an address is the gateway's own where it shares a door with others."""
        if path in ENDPOINTS:
            return True
        tidy = _tidy(path)
        return tidy in ENDPOINTS or tidy in _OWN or tidy.startswith("/v1/")

    @property
    def names(self) -> Collection[str]:
        """The names of the stack file's models, aliases among them."""
        return self._by_name.keys()

    @property
    def pools(self) -> Collection[Pool]:
        """The models' servers, as they are now."""
        return self._pools.values()

    async def start(self) -> None:
        """Begins what runs beside the requests: looks at the servers' health, and the companions."""
        if not self._beside:
            self._beside = [asyncio.get_running_loop().create_task(each(self)) for each in self._companions]

    async def stop(self) -> None:
        for task in self._beside:
            task.cancel()
        await asyncio.gather(*self._beside, return_exceptions=True)
        self._beside = []
        for _ in range(_LAST_WORDS):
            await asyncio.sleep(0.01)  # answers that were just told to end send their last words
            if not self._running:
                break
        for pool in self._pools.values():
            pool.close()

    def state(self) -> Mapping[str, object]:
        """Each model with how many of its servers answer, how many requests run and how many wait."""
        now = time.monotonic()
        return {
            pool.entry.name: {
                "servers": len(pool.seats),
                "ready": sum(seat.is_fit(now) for seat in pool.seats),
                "running": pool.in_flight,
                "waiting": pool.waiting,
            }
            for pool in self._pools.values()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})

    def _http_upstream(self, replica: Replica) -> Upstream:
        return HttpUpstream(replica.url, replica.key, self.config.connect_timeout_s)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self.start()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        head = read_head(scope["headers"])
        path: str = scope["path"]
        endpoint = ENDPOINTS.get(path) or ENDPOINTS.get(_tidy(path))
        try:
            if self._visitors is not None:
                self._visitors.check(scope["method"], head.host, head.origin)
            if endpoint is None:
                await self._page(scope, _tidy(path), head, send)
            elif scope["method"] != "POST":
                raise wrong_method(scope["method"], path, "POST")
            else:
                await self._serve(endpoint, head, receive, send)
        except GatewayRefusal as refusal:
            await _refuse(refusal, head, endpoint, send)
        except CutOff as e:
            log.warning("request %s: the answer was cut off; the client's connection is closed", head.request_id, exc_info=e.__cause__)
        except Exception as e:  # one request must not take the others down
            log.exception("request %s failed", head.request_id, exc_info=e)
            await _refuse(unexpected(), head, endpoint, send)

    # A request to a model

    async def _serve(self, endpoint: Endpoint, head: Head, receive: Receive, send: Send) -> None:
        caller = self._authority.identify(head.key)
        if not caller.may_call(endpoint.name):
            raise endpoint_out_of_scope(caller.name, endpoint.name)
        body = await self._read(head, receive)
        if body is None:
            return
        started = time.perf_counter()
        name, peeked, place = _look(endpoint, head, body)
        pool = self._by_name.get(name) or await self._inside.find(name)
        if pool is None:
            raise unknown_model(name, await self._names(caller))
        entry = pool.entry
        if (entry.defaults or entry.bounds) and (endpoint.needs or endpoint.name in entry.native):
            body = with_defaults(body, entry.defaults, entry.bounds)
        conversion = convert(entry, body) if (convert := self._conversions.get(endpoint.name)) is not None else None
        tokens = peeked.tokens if isinstance(peeked, GenerationPeek) else len(body) // 4
        admission = self._authority.admit(caller, model=entry.name, endpoint=endpoint.name, tokens=tokens, now=time.monotonic())
        call = Call(endpoint, head, entry, body, name, peeked, caller, admission, started, conversion, place)
        await self._carry_out(call, pool, receive, send)

    async def _carry_out(self, call: Call, pool: Pool, receive: Receive, send: Send) -> None:
        watch = LeaveWatch(receive)
        self._running += 1
        try:
            carrier = self._embedding if call.endpoint.name == "embeddings" else self._exchange
            await carrier.carry_out(call, pool, send)
        except asyncio.CancelledError:
            if watch.has_left and not call.is_sent:
                call.status = _CLIENT_LEFT
            elif not call.is_sent:
                call.status = 503
                await _stop_early(call, send)
        except GatewayRefusal as refusal:
            call.status = refusal.status
            raise
        except Exception as e:  # one request must not take the others down; the client has half an answer already
            call.status = 500
            if not call.is_begun or isinstance(e, CutOff):
                raise
            raise CutOff from e
        finally:
            watch.stop()
            self._running -= 1
            self._settle(call)

    def _settle(self, call: Call) -> None:
        self._authority.settle(
            call.admission, prompt_tokens=call.prompt_tokens, completion_tokens=call.completion_tokens, now=time.monotonic()
        )
        if self._meter is not None:
            self._meter.note(call.record())

    async def _read(self, head: Head, receive: Receive) -> bytes | None:
        """The request's body; None when the client left before it was complete."""
        limit = self.config.max_request_bytes
        if head.length is not None and head.length > limit:
            raise too_large(limit)
        message = await receive()
        if message["type"] == "http.request" and not message.get("more_body"):
            body = cast(bytes, message.get("body", b""))
            if len(body) > limit:
                raise too_large(limit)
            return body
        parts: list[bytes] = []
        size = 0
        while message["type"] == "http.request":
            part = cast(bytes, message.get("body", b""))
            size += len(part)
            if size > limit:
                raise too_large(limit)
            parts.append(part)
            if not message.get("more_body"):
                return b"".join(parts)
            message = await receive()
        return None

    # What the gateway answers itself

    async def _page(self, scope: Scope, path: str, head: Head, send: Send) -> None:
        method: str = scope["method"]
        page = await self._own_page(path, head) or await asyncio.to_thread(self._pages, scope)
        if page is None:
            raise unknown_path(method, path)
        if method not in ("GET", "HEAD"):
            raise wrong_method(method, path, "GET")
        length = b"%d" % len(page.body)
        headers = [
            (b"content-type", page.content_type),
            (b"content-length", length),
            (b"x-request-id", head.request_id.encode("latin-1")),
            *page.headers,
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if method == "HEAD" else page.body})

    async def _own_page(self, path: str, head: Head) -> Page | None:
        if path in ("/health", "/v1/health"):
            return _json_page({"status": "ok", "models": self.state()})
        if path == "/metrics" and self._metrics is not None:
            caller = self._authority.identify(head.key)
            if not caller.may_call("metrics"):
                raise endpoint_out_of_scope(caller.name, "metrics")
            return Page(self._metrics(), _METRICS)
        if path in ("/v1/models", "/models"):
            models = await self._models(self._authority.identify(head.key))
            return _json_page({"object": "list", "data": list(models.values())})
        if path.startswith("/v1/models/"):
            caller = self._authority.identify(head.key)
            name = path.removeprefix("/v1/models/")
            models = await self._models(caller)
            if name not in models:
                raise unknown_model(name, models)
            return _json_page(models[name])
        return None

    async def _names(self, caller: Caller) -> Collection[str]:
        return (await self._models(caller)).keys()

    async def _models(self, caller: Caller) -> dict[str, dict[str, object]]:
        """The models that a caller may use, with their aliases, as ``/v1/models`` shows them."""
        shown = {name: self._shown(name, pool.entry) for name, pool in self._by_name.items() if caller.may_use(pool.entry.name)}
        for model in await self._inside.inside.all():
            if model.name not in self._by_name and caller.may_use(model.name):
                shown[model.name] = {**_MODEL, "id": model.name, "created": model.created, "task": "chat"}
        return shown

    def _shown(self, name: str, entry: ModelEntry) -> dict[str, object]:
        more: dict[str, object] = {} if name == entry.name else {"root": entry.name}
        return {**_MODEL, "id": name, "created": self._started_at, "task": entry.task, **more}


def _look(endpoint: Endpoint, head: Head, body: bytes) -> tuple[str, Peek | None, tuple[int, int]]:
    """The model a body names, what else is read of it, and where a form names it."""
    if endpoint.is_form:
        name, start, end = find_model(body, head.content_type)
        return name, None, (start, end)
    peeked = peek_generation(body, endpoint.needs) if endpoint.needs else peek(body)
    return cast(str, peeked.model), peeked, (0, 0)


def _json_page(content: object) -> Page:
    return Page(msgspec.json.encode(content), JSON)


def _tidy(path: str) -> str:
    """A path as clients mean it that join addresses carelessly."""
    while "//" in path:
        path = path.replace("//", "/")
    return path.rstrip("/") or "/"


async def _refuse(refusal: GatewayRefusal, head: Head, endpoint: Endpoint | None, send: Send) -> None:
    is_messages = endpoint is not None and endpoint.is_anthropic
    body = messages_error(refusal, head.language) if is_messages else refusal.body(head.language)
    headers = [(b"content-type", JSON), (b"content-length", b"%d" % len(body)), (b"x-request-id", head.request_id.encode("latin-1"))]
    headers.extend(refusal.all_headers())
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _stop_early(call: Call, send: Send) -> None:
    """The gateway is stopped and its patience is over: a stream gets an end that says so, everybody else a refusal."""
    refusal = stopping()
    if not call.is_begun:
        raise refusal
    if call.is_stream and call.endpoint.answered == "generation":
        await send({"type": "http.response.body", "body": b"data: %b\n\n%b" % (refusal.body(), DONE)})
