"""Who may come in, checked before a body is read: host names, origins, keys, sizes. Pure ASGI, so that streams pass untouched."""

from __future__ import annotations

import asyncio
import re
from http.cookies import CookieError, SimpleCookie
from urllib.parse import quote

from fastapi import APIRouter, Form, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from moorage.core.errors import BadInput, KeyRefused, MoorageError
from moorage.gateway.visitors import LOCAL_NAMES, host_name, is_own_origin
from moorage.store.keys import Key, KeyRows
from moorage.web.errors import error_response
from moorage.web.pages import login_page, safe_next

KEY_COOKIE = "moorage_key"
_SCOPE_KEY = "moorage.key"
_KNOWLEDGE_PATH = re.compile(r"/(?:api/)?kb/([^/]+)")
MAX_JSON_BYTES = 4 * 2**20
_OPEN = ("/login", "/static/", "/images/", "/api/health", "/favicon.ico")
_UPLOADS = ("/add", "/doc/convert", "/doc/chunk", "/api/doctor")
_PASSED_ON = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class HostRefused(BadInput):
    """This server answers only to this machine's own names, not to {host!r}. Start it with --host to let others in (keys are then asked for)."""

    zh = "此服务只接受本机名称的访问，不接受 {host!r}。如需对外提供服务，请用 --host 启动（将要求密钥）。"
    status = 403


class OriginRefused(BadInput):
    """A page of {origin} may not act on this server."""

    zh = "{origin} 的页面不能操作此服务。"
    status = 403


class BodyTooLarge(BadInput):
    """The request body has {bytes} bytes; at most {limit} are read here. Add long texts as documents."""

    zh = "请求体有 {bytes} 字节，此处最多 {limit} 字节。长文本请作为文档导入。"
    status = 413


class KeyOutOfScope(MoorageError):
    """The key {name!r} may not use {what}. Use another key, or widen this one with `moorage key set {name}`."""

    zh = "密钥 {name!r} 无权使用 {what}。请换用其他密钥，或用 `moorage key set {name}` 放宽其范围。"
    status = 403


class Gate:
    """The first middleware. On loopback without keys it refuses foreign host names (DNS rebinding); with keys it asks for one everywhere."""

    def __init__(self, app: ASGIApp, *, keys: KeyRows, needs_key: bool, is_loopback: bool) -> None:
        self.app = app
        self._keys = keys
        self._needs_key = needs_key
        self._is_loopback = is_loopback

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        try:
            self._check(request)
            allowed = await self._has_right_key(request)
            _check_scope(request)
        except MoorageError as e:
            await error_response(request, e)(scope, receive, send)
            return
        if not allowed:
            await _refusal(request)(scope, receive, send)
            return
        if "transfer-encoding" in request.headers and not request.url.path.endswith(_UPLOADS):
            read = await _read_at_most(receive, MAX_JSON_BYTES)
            if read is None:
                await error_response(request, BodyTooLarge(bytes=f"> {MAX_JSON_BYTES}", limit=MAX_JSON_BYTES))(scope, receive, send)
                return
            receive = _again(read, receive)
        await self.app(scope, receive, send)

    def _check(self, request: Request) -> None:
        host = host_name(request.headers.get("host", ""))
        if self._is_loopback and host not in LOCAL_NAMES:
            raise HostRefused(host=host)
        origin = request.headers.get("origin")
        if origin and request.method not in _SAFE and not is_own_origin(origin, request.headers.get("host", "")):
            raise OriginRefused(origin=origin)
        size = request.headers.get("content-length", "")
        if size.isdigit() and int(size) > MAX_JSON_BYTES and not request.url.path.endswith(_UPLOADS):
            raise BodyTooLarge(bytes=size, limit=MAX_JSON_BYTES)

    async def _has_right_key(self, request: Request) -> bool:
        """A key that is sent is checked once there are keys; one that is needed must be there."""
        if request.url.path.startswith(_OPEN) or request.url.path == "/images":
            return True
        key = key_of(request)
        if not key:
            return not self._needs_key
        if found := await asyncio.to_thread(self._keys.find, key):
            request.scope[_SCOPE_KEY] = found
            return True
        return not self._needs_key and not await asyncio.to_thread(self._keys.list)


def is_from_here(request: Request, *, is_loopback: bool) -> bool:
    """Whether a request surely comes from this machine: nobody else can connect, and no proxy passed it on."""
    host = request.client.host if request.client else ""
    return is_loopback and host in LOCAL_NAMES and not any(name in request.headers for name in _PASSED_ON)


def may_use(request: Request, name: str) -> bool:
    """Whether the caller's key may use the knowledge base of this name; without a key everything is open."""
    key: Key | None = request.scope.get(_SCOPE_KEY)
    return key is None or key.rules.may_use(name)


def check_may_use(request: Request, name: str) -> None:
    """Raises KeyOutOfScope where the caller's key may not use the knowledge base of this name."""
    if not may_use(request, name):
        raise KeyOutOfScope(name=request.scope[_SCOPE_KEY].name, what=name)


def _check_scope(request: Request) -> None:
    key: Key | None = request.scope.get(_SCOPE_KEY)
    if key is None:
        return
    path: str = request.scope["path"]
    if not key.rules.may_call(path):
        raise KeyOutOfScope(name=key.name, what=path)
    if found := _KNOWLEDGE_PATH.match(path):
        check_may_use(request, found[1])


def key_of(request: Request) -> str:
    """The key a request carries: bearer header (any case) or the page's cookie."""
    scheme, _, key = request.headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() == "bearer" and key.strip():
        return key.strip()
    try:
        cookie = SimpleCookie(request.headers.get("cookie", "")).get(KEY_COOKIE)
    except CookieError:
        return ""
    return cookie.value if cookie else ""


async def _read_at_most(receive: Receive, limit: int) -> list[Message] | None:
    """The messages of a body whose length nobody told; None once they are too many bytes."""
    read: list[Message] = []
    size = 0
    while True:
        message = await receive()
        read.append(message)
        size += len(message.get("body", b""))
        if size > limit:
            return None
        if message["type"] != "http.request" or not message.get("more_body"):
            return read


def _again(read: list[Message], receive: Receive) -> Receive:
    """A ``receive`` that begins with what was read already."""
    left = iter(read)

    async def receive_again() -> Message:
        return next(left, None) or await receive()

    return receive_again


def _refusal(request: Request) -> Response:
    wants_page = (
        request.method == "GET" and "text/html" in request.headers.get("accept", "") and not request.url.path.startswith(("/api/", "/v1/"))
    )
    if wants_page:
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"/login?next={quote(request.url.path + query)}", 303)
    return error_response(request, KeyRefused())


def login_routes(keys: KeyRows) -> APIRouter:
    """POST /login: a key in a form becomes an HttpOnly cookie."""
    router = APIRouter(include_in_schema=False)

    @router.post("/login")
    def login(request: Request, key: str = Form(""), next: str = Form("/")) -> Response:
        if keys.find(key.strip()) is None:
            return login_page(request, refused=True, wanted=safe_next(next))
        response = RedirectResponse(safe_next(next), 303)
        is_secure = request.url.scheme == "https"
        response.set_cookie(KEY_COOKIE, key.strip(), max_age=30 * 24 * 3600, httponly=True, samesite="strict", secure=is_secure)
        return response

    @router.post("/logout")
    def logout() -> Response:
        response = JSONResponse({})
        response.delete_cookie(KEY_COOKIE)
        return response

    return router
