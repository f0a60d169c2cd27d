"""What a model server's answer means: relayed, tried elsewhere, or an error that is worded for the client. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import cast

import msgspec

from moorage.gateway.errors import INVALID, RATE, SERVER, GatewayRefusal, error_body, server_failed
from moorage.gateway.upstream.base import FailureKind, UpstreamFailure

_TAGS = re.compile(r"<(script|style)\b.*?</\1>|<[^>]*>", re.DOTALL | re.IGNORECASE)
_SHOWN = 500
_STATUS: Mapping[FailureKind, tuple[int, str]] = {
    "unreachable": (503, "model_unreachable"),
    "timeout": (504, "model_timeout"),
    "closed": (502, "model_broke_off"),
    "invalid": (502, "model_answer_invalid"),
    "too_large": (502, "model_answer_too_large"),
}


class TryElsewhere(Exception):
    """This server cannot answer, another one may. ``refusal`` is for the client where none is left; ``busy_s``: how long it wants to be left alone."""

    def __init__(self, refusal: GatewayRefusal, *, busy_s: float | None = None, is_unreachable: bool = False) -> None:
        super().__init__(str(refusal))
        self.refusal, self.busy_s, self.is_unreachable = refusal, busy_s, is_unreachable


def failed(model: str, failure: UpstreamFailure) -> TryElsewhere:
    """A connection that failed before the client saw anything."""
    status, code = _STATUS[failure.kind]
    return TryElsewhere(server_failed(model, status, code, failure.reason, failure.reason_zh), is_unreachable=failure.kind == "unreachable")


def is_final(status: int) -> bool:
    """Whether an answer with this status is the request's own doing, so that another server would say the same."""
    return (status < 500 and status not in (401, 403, 408, 425, 429)) or status == 501


def refused(model: str, status: int, headers: Mapping[bytes, bytes], body: bytes) -> GatewayRefusal | TryElsewhere:
    """An answer that is no success: the server's own words, in OpenAI's shape."""
    if 300 <= status < 400:
        return failed(model, UpstreamFailure("invalid", f"redirects elsewhere (HTTP {status})", f"重定向到别处（HTTP {status}）"))
    if status in (401, 403):
        code = "model_key_refused"
        return TryElsewhere(
            server_failed(model, 502, code, f"refused the gateway's own key (HTTP {status})", f"拒绝了网关的密钥（HTTP {status}）")
        )
    error = _error_of(body)
    said = error[0] or f"HTTP {status}"
    kind = error[1] or (RATE if status == 429 else INVALID if status < 500 else SERVER)
    refusal = _Relayed(status, kind, error[2], said, error[3], body if error[4] else None)
    if is_final(status):
        return refusal
    wait = _seconds(headers.get(b"retry-after")) if status in (429, 503) else None
    refusal.retry_after_s = wait or (1.0 if status == 429 else None)
    return TryElsewhere(refusal, busy_s=(wait or 1.0) if status == 429 else None)


def error_in_stream(model: str, payload: bytes) -> GatewayRefusal | TryElsewhere:
    """A stream's first block, or an answer with status 200, that is an error."""
    status = _code_of(payload)
    return refused(model, status if 400 <= status < 600 else 500, {}, payload)


class _Relayed(GatewayRefusal):
    """{message}"""

    def __init__(self, status: int, type: str, code: str | None, message: str, param: str | None, original: bytes | None) -> None:
        super().__init__(status, type, code, message, param)
        self._original, self._said_code = original, code

    def body(self, language: str = "en") -> bytes:
        """The server's bytes where they are in OpenAI's shape already."""
        return self._original if self._original is not None else error_body(str(self), self.type, self._said_code, self.param)


def _error_of(body: bytes) -> tuple[str, str, str | None, str | None, bool]:
    """(message, type, code, param, whether the body is in OpenAI's shape) of an error as the servers write it."""
    try:
        loaded = cast(object, msgspec.json.decode(body))
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        text = " ".join(_TAGS.sub(" ", body[:20_000].decode("utf-8", "replace")).split())
        return text[:_SHOWN], "", None, None, False
    top = cast("Mapping[str, object]", loaded) if isinstance(loaded, dict) else {}
    inner = top.get("error")
    if isinstance(inner, dict):
        error = cast("Mapping[str, object]", inner)
        is_openai = isinstance(error.get("message"), str) and {"type", "param", "code"} <= error.keys()
        return (
            _text(error.get("message")),
            _text(error.get("type")),
            _text(error.get("code")) or None,
            _text(error.get("param")) or None,
            is_openai,
        )
    message = top.get("message") or inner or top.get("detail") or ("error_code" in top and top.get("text")) or loaded
    return (
        _text(message)[:_SHOWN],
        _text(top.get("error_type") or top.get("type")),
        _text(top.get("code")) or None,
        _text(top.get("param")) or None,
        False,
    )


def _text(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _code_of(payload: bytes) -> int:
    code = re.search(rb'"(?:code|status)"[ ]*:[ ]*"?(\d{3})\b', payload)
    return int(code[1]) if code else 0


def _seconds(header: bytes | None) -> float | None:
    """``Retry-After`` in seconds; a date or nonsense counts as not there."""
    return float(header) if header is not None and header.isdigit() and len(header) < 7 else None
