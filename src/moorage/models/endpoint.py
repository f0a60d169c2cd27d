"""One OpenAI base address over HTTP: sends a request, reads the answer within its deadline, and turns everything that can go wrong
into a ModelError that names the address and never the key. Knows nothing of chat or embeddings."""

from __future__ import annotations

import asyncio
import json
import re
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import cast

import httpx2

from moorage.core.errors import ModelAnswerInvalid, ModelError, ModelRefused, ModelTimeout, ModelUnreachable, SettingInvalid
from moorage.core.nouns import Service
from moorage.models.address import parse_address
from moorage.models.chunks import EXCERPT, brief, error_text
from moorage.models.sse import Event, EventTooLong, SseDecoder

CONNECT_TIMEOUT_S = 10.0
MAX_BODY_BYTES = 64 << 20
MAX_ERROR_BODY_BYTES = 64 << 10


class Deadline:
    """The time until which an answer may take. ``restart`` gives it its whole span again."""

    def __init__(self, span_s: float) -> None:
        self.span_s = span_s
        self.restart()

    def restart(self, span_s: float | None = None) -> None:
        self.at = asyncio.get_running_loop().time() + (self.span_s if span_s is None else span_s)


class Endpoint:
    """Speaks to the server of a Service. With ``http`` it uses that client, whose owner closes it; without, every request opens
    and closes its own connection (0.6 ms), so that it may be used from any event loop and there is nothing to close."""

    def __init__(self, service: Service, timeout_s: float, http: httpx2.AsyncClient | None = None) -> None:
        address = parse_address(service.url)
        self.url = address.url
        self.timeout_s = timeout_s
        self._key = _checked_key(service.key)
        self._login = None if self._key else address.login
        self._http = http
        self._uses_proxies = not address.is_near
        # Loading the authorities takes 20 ms: once, and only where they are needed. The bare context trusts nobody.
        self._tls = httpx2.create_ssl_context() if address.is_encrypted else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    async def get(self, path: str) -> object:
        """The JSON that the path answers."""
        async with self.ask("GET", path) as reply:
            return await reply.json()

    async def post(self, path: str, payload: Mapping[str, object]) -> object:
        async with self.ask("POST", path, payload) as reply:
            return await reply.json()

    @asynccontextmanager
    async def ask(self, method: str, path: str, payload: Mapping[str, object] | None = None) -> AsyncIterator[Reply]:
        """A reply of status 200, its body still to come. The deadline runs from here."""
        deadline = Deadline(self.timeout_s)
        async with self._client() as client:
            with self.explained(is_begun=False):
                async with asyncio.timeout_at(deadline.at):
                    request = self._request(client, method, path, payload)
                    response = await client.send(request, stream=True, auth=self._login, follow_redirects=False)
            try:
                reply = Reply(self, response, deadline)
                await self._check_status(reply, response)
                yield reply
            finally:
                await response.aclose()

    async def first_model(self) -> str:
        """The first model the server lists."""
        try:
            listed = await self.get("/models")
        except ModelRefused as refusal:
            if refusal.values.get("status_code") not in (404, 405, 501):
                raise
            raise self.invalid("it does not list its models; set the model's name") from refusal
        models = cast("Mapping[str, object]", listed).get("data") if isinstance(listed, dict) else None
        first = cast("list[object]", models)[0] if isinstance(models, list) and models else None
        name = cast("Mapping[str, object]", first).get("id") if isinstance(first, dict) else None
        if not isinstance(name, str) or not name:
            raise self.invalid("its /models names no model; set the model's name")
        return name

    def invalid(self, reason: str) -> ModelAnswerInvalid:
        return ModelAnswerInvalid(url=self.url, reason=self._clean(reason))

    def failed(self, reason: str) -> ModelError:
        return ModelError(url=self.url, reason=self._clean(reason))

    def refused(self, status: int, reason: str, retry_after_s: float | None = None) -> ModelRefused:
        return ModelRefused(url=self.url, status_code=status, reason=self._clean(reason), retry_after_s=retry_after_s)

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[httpx2.AsyncClient]:
        if self._http is not None:
            yield self._http
            return
        async with httpx2.AsyncClient(verify=self._tls, trust_env=self._uses_proxies, timeout=None) as client:
            yield client

    def _request(self, client: httpx2.AsyncClient, method: str, path: str, payload: Mapping[str, object] | None) -> httpx2.Request:
        headers = {"Accept": "application/json, text/event-stream", "User-Agent": "moorage"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        content = None
        if payload is not None:
            headers["Content-Type"] = "application/json"
            # Half a surrogate pair, which broken documents hold, has no UTF-8 form and becomes a question mark.
            content = json.dumps(payload, ensure_ascii=False).encode("utf-8", errors="replace")
        connect_s = min(CONNECT_TIMEOUT_S, self.timeout_s / 2)
        timeout = httpx2.Timeout(None, connect=connect_s)
        return client.build_request(method, self.url + path, content=content, headers=headers, timeout=timeout)

    async def _check_status(self, reply: Reply, response: httpx2.Response) -> None:
        status = response.status_code
        if status == 200:
            return
        if 300 <= status < 400:
            target = re.sub(r"(?<=//)[^/@]*@|[?#].*", "", response.headers.get("location", "nowhere"))
            raise self.invalid(f"it redirects, which is not followed, to {target}")
        body = await reply.start_of_body(MAX_ERROR_BODY_BYTES)
        raise self.refused(status, _reason(body, reply.media_type) or response.reason_phrase, _retry_after_s(response))

    @contextmanager
    def explained(self, is_begun: bool) -> Iterator[None]:
        """Turns what the transport raises into what a person can use."""
        try:
            yield
        except httpx2.ConnectTimeout as error:
            raise self._unreachable("it does not take the connection") from error
        except (TimeoutError, httpx2.TimeoutException) as error:
            raise ModelTimeout(url=self.url, timeout_s=f"{self.timeout_s:g}") from error
        except httpx2.DecodingError as error:
            raise self.invalid("its answer cannot be unpacked") from error
        except httpx2.RemoteProtocolError as error:
            if is_begun:
                raise self._cut() from error
            if "disconnected" in str(error):
                raise self._unreachable("it closed the connection without an answer") from error
            raise self.invalid("what it sends is not HTTP") from error
        except httpx2.TransportError as error:
            if is_begun:
                raise self._cut() from error
            raise self._unreachable(str(error) or type(error).__name__) from error
        except (httpx2.InvalidURL, UnicodeError) as error:
            raise self._unreachable("the address is not valid") from error

    def _unreachable(self, reason: str) -> ModelUnreachable:
        return ModelUnreachable(url=self.url, reason=self._clean(reason))

    def _cut(self) -> ModelError:
        return ModelError(url=self.url, reason="the connection broke in the middle of the answer", is_cut=True)

    def _clean(self, reason: str) -> str:
        """One short line without the key, which some servers repeat in their refusal."""
        return brief(reason.replace(self._key, "***") if self._key else reason).rstrip(".")


class Reply:
    """An answer whose headers are here and whose body is read once, as JSON or as events, always within the deadline."""

    def __init__(self, endpoint: Endpoint, response: httpx2.Response, deadline: Deadline) -> None:
        self.deadline = deadline
        self.media_type: str = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        self._bytes = response.aiter_bytes()
        self._endpoint = endpoint

    async def json(self) -> object:
        if self.media_type == "text/html":
            raise self._endpoint.invalid("it answered with an HTML page")
        body = await self.start_of_body(MAX_BODY_BYTES + 1)
        if len(body) > MAX_BODY_BYTES:
            raise self._endpoint.invalid(f"its answer has more than {MAX_BODY_BYTES >> 20} MB")
        try:
            return cast("object", json.loads(body))
        except (ValueError, RecursionError) as error:
            shown = body[:EXCERPT].decode("utf-8", errors="replace").strip()
            raise self._endpoint.invalid(f"its answer is not JSON ({shown!r})" if shown else "its answer is empty") from error

    async def events(self) -> AsyncGenerator[Event, None]:
        if self.media_type == "text/html":
            raise self._endpoint.invalid("it answered with an HTML page")
        decoder = SseDecoder()
        total = 0
        while chunk := await self._next_chunk():
            total += len(chunk)
            if total > MAX_BODY_BYTES:
                raise self._endpoint.invalid(f"its stream has more than {MAX_BODY_BYTES >> 20} MB")
            try:
                for event in decoder.feed(chunk):
                    yield event
            except EventTooLong as error:
                raise self._endpoint.invalid(f"its stream holds {error}") from error
        for event in decoder.finish():
            yield event

    async def start_of_body(self, limit: int) -> bytes:
        body = bytearray()
        while len(body) < limit and (chunk := await self._next_chunk()):
            body += chunk
        return bytes(body[:limit])

    async def _next_chunk(self) -> bytes:
        """The next bytes; empty at the end. The deadline is asked for anew each time, for a token may have restarted it."""
        with self._endpoint.explained(is_begun=True):
            async with asyncio.timeout_at(self.deadline.at):
                async for chunk in self._bytes:
                    if chunk:
                        return chunk
                return b""


def _checked_key(key: str) -> str:
    key = key.strip()
    if key.isascii() and key.isprintable():
        return key
    raise SettingInvalid(
        name="key", value="***", source="the model server", reason="a header cannot carry it", advice="Copy the key again, as one line."
    )


def _reason(body: bytes, media_type: str) -> str:
    text = body.decode("utf-8", errors="replace")
    if media_type == "text/html" or text.lstrip()[:9].lower() in ("<!doctype", "<html>"):
        return "an HTML page"
    try:
        return error_text(json.loads(text)) or text[:EXCERPT]
    except (ValueError, RecursionError):
        return text[:EXCERPT]


def _retry_after_s(response: httpx2.Response) -> float | None:
    """Retry-After as seconds from now, written as a number or as a date."""
    value = response.headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d+)?", value):
        return float(value)
    try:
        then = parsedate_to_datetime(value)
    except ValueError:
        return None
    then = then if then.tzinfo else then.replace(tzinfo=UTC)
    return max(0.0, (then - datetime.now(UTC)).total_seconds())
