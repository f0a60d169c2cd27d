"""The story of one call: a server is asked, another one where it fails, and its answer goes to the client as it comes.

Until the client has seen a byte every failure is tried elsewhere; after that a stream ends with an error that clients understand.
"""

from __future__ import annotations

import logging
import time

from moorage.gateway.answers import TryElsewhere, error_in_stream, failed, is_final, refused
from moorage.gateway.call import Call
from moorage.gateway.config import NATIVE, GatewayConfig
from moorage.gateway.events import EventRelay
from moorage.gateway.flow import Flow, Send
from moorage.gateway.peek import GenerationPeek, prefix_key
from moorage.gateway.pool import Pool, Seat
from moorage.gateway.relay import RelayRules, Reply, SseRelay, read_reply, with_both_reasonings
from moorage.gateway.unanswered import with_answer
from moorage.gateway.upstream.base import Answer, UpstreamFailure
from moorage.gateway.warnings import ANSWER_IN_REASONING

JSON, EVENTS = b"application/json", b"text/event-stream; charset=utf-8"
_STREAM_HEADERS = [(b"cache-control", b"no-cache"), (b"x-accel-buffering", b"no")]
_LONG_PROMPT_TOKENS = 512
_ERROR_LIMIT = 1 << 20
_ANSWER_LIMIT = 1 << 30
_LAST_BYTES_S = 1.0
_NO_USAGE = Reply(None, False)  # an array, as some engines answer: it has neither usage nor error
log = logging.getLogger("moorage.gateway")


class CutOff(Exception):
    """The client has half an answer of a kind that cannot say so; its connection must not end as if it were whole."""


class Exchange:
    """Carries calls out. One for the whole gateway; what belongs to a call is in the ``Call``."""

    def __init__(self, config: GatewayConfig) -> None:
        self._config = config

    async def carry_out(self, call: Call, pool: Pool, send: Send) -> None:
        """Asks servers until one has answered. Raises GatewayRefusal when none can."""
        tried: list[Seat] = []
        prefix = self._prefix(call, pool)
        trouble: TryElsewhere | None = None
        while True:
            asked = time.perf_counter()
            seat = await pool.take(tried, prefix, call.is_batch)
            call.queue_s += time.perf_counter() - asked
            if seat is None:
                assert trouble is not None
                raise trouble.refusal from trouble
            call.attempts += 1
            call.replica = seat.replica.url
            try:
                await self._ask(call, seat, send)
                return
            except UpstreamFailure as failure:
                trouble = failed(call.entry.name, failure)
                if call.is_begun:
                    raise CutOff from failure
            except TryElsewhere as e:
                trouble = e
            finally:
                pool.release(seat)
            self._note(seat, trouble)
            tried.append(seat)

    def _prefix(self, call: Call, pool: Pool) -> int | None:
        """What binds the turns of a conversation to one server: worth it where a prompt is long and there is a choice."""
        peeked = call.peeked
        if len(pool.seats) < 2 or not isinstance(peeked, GenerationPeek) or len(call.body) < _LONG_PROMPT_TOKENS * 4:
            return None
        return prefix_key(peeked)

    def _note(self, seat: Seat, trouble: TryElsewhere) -> None:
        now = time.monotonic()
        log.warning("%s: %s", seat.replica.url, trouble.refusal)
        if trouble.busy_s is not None:
            seat.note_busy(now, trouble.busy_s)
        else:
            seat.note_failure(now, is_unreachable=trouble.is_unreachable)

    async def _ask(self, call: Call, seat: Seat, send: Send) -> None:
        path, body = call.for_server(seat.replica)
        if not call.own_s:
            call.own_s = time.perf_counter() - call.started - call.queue_s
        is_stream = call.is_stream and call.endpoint.answered != "json"
        seconds = self._config.first_token_timeout_s if is_stream else self._config.answer_timeout_s
        answer = await seat.upstream.ask(path, call.server_headers, body, seconds)
        try:
            if not 200 <= answer.status < 300:
                await self._refuse(call, seat, answer)
            if is_stream and (call.endpoint.answered == "generation" or call.conversion is not None):
                await self._stream(call, seat, answer, send)
            elif call.endpoint.answered == "any" and call.conversion is None:
                await self._anything(call, seat, answer, send)
            else:
                await self._whole(call, seat, await answer.whole(_ANSWER_LIMIT), send)
            if call.status == 200:
                seat.note_success()
        finally:
            answer.close()

    async def _refuse(self, call: Call, seat: Seat, answer: Answer) -> None:
        """Raises what an answer without success means."""
        answer.allow(self._config.connect_timeout_s)
        try:
            body = await answer.whole(_ERROR_LIMIT)
        except UpstreamFailure:
            body = b""
        found = refused(call.entry.name, answer.status, answer.headers, body)
        if is_final(answer.status) and answer.status >= 400:
            seat.note_success()
        raise found

    # An answer in one piece

    async def _whole(self, call: Call, seat: Seat, body: bytes, send: Send) -> None:
        reply = _NO_USAGE if body[:1] == b"[" and call.conversion is not None else read_reply(body)
        if reply.is_error:
            raise error_in_stream(call.entry.name, body)
        if reply.tokens is not None:
            call.prompt_tokens, call.completion_tokens = reply.tokens.prompt_tokens, reply.tokens.completion_tokens
        if b'"reasoning' in body and call.minds_answer and (answered := with_answer(body)) is not None:
            body, call.warning = answered, ANSWER_IN_REASONING
        if call.conversion is not None:
            body = call.conversion.whole(seat.replica, body)
        if call.endpoint.needs == "messages" and b'"reasoning' in body:
            body = with_both_reasonings(body)
        call.status, call.is_begun, call.first = 200, True, time.perf_counter()
        await send({"type": "http.response.start", "status": 200, "headers": call.client_headers(JSON, len(body))})
        await send({"type": "http.response.body", "body": body})

    # A streamed generation

    async def _stream(self, call: Call, seat: Seat, answer: Answer, send: Send) -> None:
        conversion = call.conversion.stream(seat.replica) if call.conversion is not None else None
        is_chat = call.endpoint.needs == "messages"
        relay = SseRelay(RelayRules(call.wants_usage or conversion is not None, is_chat, conversion, call.minds_answer))
        begun = await self._first(call, answer, relay)
        call.status, call.is_begun, call.first = 200, True, time.perf_counter()
        await send({"type": "http.response.start", "status": 200, "headers": [*call.client_headers(EVENTS), *_STREAM_HEADERS]})
        try:
            rest = await self._relay(answer, relay, begun, send)
        except UpstreamFailure as failure:
            log.warning("%s: after the answer had begun, the server %s", call.replica, failure.reason)
            rest = relay.fail(failure.reason, failure.reason_zh)
            call.status = 502
            seat.note_failure(time.monotonic())
        finally:  # also when the client leaves
            _note_tokens(call, relay)
        await send({"type": "http.response.body", "body": rest})
        call.is_sent = True
        await self._drain(answer)

    async def _first(self, call: Call, answer: Answer, relay: SseRelay) -> bytes:
        """Everything up to the first word. Raises what makes another server be asked, as the client knows nothing yet."""
        kind = answer.headers.get(b"content-type", b"")
        if not kind.lower().startswith(b"text/event-stream"):
            body = await answer.whole(_ERROR_LIMIT)
            if read_reply(body).is_error:
                raise error_in_stream(call.entry.name, body)
            raise UpstreamFailure("invalid", "does not stream, although it was asked to", "未按要求以流式返回")
        begun = b""
        while not relay.has_data:
            data = await answer.read()
            begun = relay.feed(data) if data else b""  # what came before the first word were comments
            if relay.has_error:
                raise error_in_stream(call.entry.name, relay.last)
            if not relay.has_data and (not data or relay.is_done):
                raise UpstreamFailure("closed", "ended the stream before the first word", "在首个词之前结束了数据流")
        return begun

    async def _relay(self, answer: Answer, relay: SseRelay, begun: bytes, send: Send) -> bytes:
        """Piece by piece; returns what is to be sent last."""
        answer.allow_pauses(self._config.pause_timeout_s)
        if relay.is_done:
            return begun
        await send({"type": "http.response.body", "body": begun, "more_body": True})
        flow = Flow(relay, send)
        while True:
            await answer.pump(flow.take)
            if flow.failure is not None:
                raise flow.failure
            if flow.is_stuck:
                await flow.unstick()
            elif relay.is_done:
                return flow.rest
            else:
                return relay.finish()

    async def _drain(self, answer: Answer) -> None:
        """The bytes behind ``[DONE]``, so that the connection can be used again."""
        answer.allow(_LAST_BYTES_S)
        try:
            await answer.whole(_ERROR_LIMIT)
        except UpstreamFailure:
            return

    # Whatever comes

    async def _anything(self, call: Call, seat: Seat, answer: Answer, send: Send) -> None:
        """Audio, text, events of another shape: as they come. JSON in one piece, so that half of one is noticed."""
        kind = answer.headers.get(b"content-type", b"application/octet-stream")
        name = kind.lower()
        if name.startswith(b"application/json"):
            await self._whole(call, seat, await answer.whole(_ANSWER_LIMIT), send)
            return
        if name.startswith(b"text/html"):
            raise UpstreamFailure("invalid", "answered with a web page", "返回了网页")
        if name.startswith(b"text/event-stream"):
            await self._events(call, seat, answer, send)
            return
        data = await answer.read()
        if not data:
            raise UpstreamFailure("closed", "answered with nothing", "返回为空")
        call.status, call.is_begun, call.first = 200, True, time.perf_counter()
        length = answer.headers.get(b"content-length", b"")
        headers = call.client_headers(kind, int(length) if length.isdigit() else None)
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        answer.allow_pauses(self._config.pause_timeout_s)
        try:
            while data:
                await send({"type": "http.response.body", "body": data, "more_body": True})
                data = await answer.read()
        except UpstreamFailure:
            call.status = 502
            raise
        await send({"type": "http.response.body", "body": b""})

    async def _events(self, call: Call, seat: Seat, answer: Answer, send: Send) -> None:
        """Typed events of a server that speaks this API itself: whole events as they come, and never an end that looks like one and is none."""
        relay = EventRelay(must_end=call.endpoint.name in NATIVE)
        out = await _first_event(call, answer, relay)
        call.status, call.is_begun, call.first = 200, True, time.perf_counter()
        kind = answer.headers.get(b"content-type", EVENTS)
        await send({"type": "http.response.start", "status": 200, "headers": [*call.client_headers(kind), *_STREAM_HEADERS]})
        answer.allow_pauses(self._config.pause_timeout_s)
        try:
            while True:
                if out:
                    await send({"type": "http.response.body", "body": out, "more_body": True})
                if not (data := await answer.read()):
                    break
                out = relay.feed(data)
            rest = relay.finish()
            call.status = 502 if relay.is_cut_off else 200
        except UpstreamFailure as failure:
            log.warning("%s: after the answer had begun, the server %s", call.replica, failure.reason)
            rest, call.status = relay.fail(failure.reason), 502
            seat.note_failure(time.monotonic())
        finally:  # also when the client leaves
            if relay.tokens is not None:
                call.prompt_tokens, call.completion_tokens = relay.tokens.prompt_tokens, relay.tokens.completion_tokens
        await send({"type": "http.response.body", "body": rest})


async def _first_event(call: Call, answer: Answer, relay: EventRelay) -> bytes:
    """Everything up to the first event. Raises what makes another server be asked, as the client knows nothing yet."""
    out = b""
    while not relay.has_events:
        data = await answer.read()
        out += relay.feed(data) if data else b""
        if relay.has_error:
            raise error_in_stream(call.entry.name, out.split(b"data:", 1)[1].strip())
        if not data:
            raise UpstreamFailure("closed", "ended the stream before the first event", "在首个事件之前结束了数据流")
    return out


def _note_tokens(call: Call, relay: SseRelay) -> None:
    """What a streamed answer cost. One that was cut off, or whose server does not say, is taken for what was sent of it: leaving early is not free."""
    if relay.tokens is not None:
        call.prompt_tokens, call.completion_tokens = relay.tokens.prompt_tokens, relay.tokens.completion_tokens
    else:
        text = call.peeked.text_tokens if isinstance(call.peeked, GenerationPeek) else len(call.body) // 4
        call.prompt_tokens, call.completion_tokens = text, relay.words
