"""What the gateway refuses, in OpenAI's error shape. One constructor per reason, so that each is worded once, in English and Chinese."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

import msgspec

from moorage.core.errors import Language, MoorageError, speakable

Headers = Sequence[tuple[bytes, bytes]]
INVALID, AUTHENTICATION, RATE, SERVER = "invalid_request_error", "authentication_error", "rate_limit_error", "server_error"
_NAMES_SHOWN = 30


class GatewayRefusal(MoorageError):
    """{message}"""

    zh = "{message}"

    def __init__(
        self,
        status: int,
        type: str,
        code: str | None,
        message: str,
        param: str | None = None,
        retry_after_s: float | None = None,
        headers: Headers = (),
        message_zh: str | None = None,
    ) -> None:
        super().__init__(
            status=status,
            type=type,
            code=code,
            message=message,
            param=param,
            retry_after_s=retry_after_s,
            headers=headers,
            message_zh=message_zh or message,
        )
        self.status = status  # pyright: ignore[reportAttributeAccessIssue] - each refusal has its own
        self.type = type
        self.param = param
        self.retry_after_s = retry_after_s
        self.headers = headers

    @property
    def code(self) -> str:
        """The ``code`` of the error object; the type where there is no narrower one."""
        return str(self.values["code"] or self.type)

    def body(self, language: Language = "en") -> bytes:
        """OpenAI's error object."""
        error = {"message": self.say(language), "type": self.type, "param": self.param, "code": self.values["code"]}
        return msgspec.json.encode({"error": error})

    def all_headers(self) -> list[tuple[bytes, bytes]]:
        """The headers of the refusal, ``Retry-After`` among them where a later try may succeed."""
        if self.retry_after_s is None:
            return [*self.headers]
        return [(b"retry-after", b"%d" % max(1, -int(-self.retry_after_s // 1))), *self.headers]


def error_body(message: str, type: str = SERVER, code: str | None = None, param: str | None = None) -> bytes:
    """An error object around somebody else's words, a backend's say."""
    return msgspec.json.encode({"error": {"message": speakable(message), "type": type, "param": param, "code": code}})


def missing_key() -> GatewayRefusal:
    return GatewayRefusal(
        401,
        AUTHENTICATION,
        "invalid_api_key",
        "No API key was sent. Send `Authorization: Bearer KEY` with a key made by `moorage key create`.",
        message_zh="未发送 API 密钥。请发送 `Authorization: Bearer 密钥`，密钥用 `moorage key create` 创建。",
    )


def bad_key() -> GatewayRefusal:
    return GatewayRefusal(
        401,
        AUTHENTICATION,
        "invalid_api_key",
        "The API key is not known here, or was revoked. `moorage key ls` lists the keys that are.",
        message_zh="API 密钥未知或已吊销。`moorage key ls` 可列出有效密钥。",
    )


def unknown_model(name: str, known: Iterable[str]) -> GatewayRefusal:
    names = sorted(known)
    near = difflib.get_close_matches(name, names, 1)
    shown = ", ".join(names[:_NAMES_SHOWN]) + (", …" if len(names) > _NAMES_SHOWN else "")
    return GatewayRefusal(
        404,
        INVALID,
        "model_not_found",
        f"The model {name[:200]!r} does not exist. {f'Did you mean {near[0]!r}? ' if near else ''}Known models: {shown or 'none'}.",
        param="model",
        message_zh=f"模型 {name[:200]!r} 不存在。{f'是否指 {near[0]!r}？' if near else ''}可用模型：{shown or '无'}。",
    )


def unknown_path(method: str, path: str) -> GatewayRefusal:
    return GatewayRefusal(
        404,
        INVALID,
        "unknown_url",
        f"{method} {path[:200]} is not served here. GET /v1/models lists the models.",
        message_zh=f"此处不提供 {method} {path[:200]}。GET /v1/models 可列出模型。",
    )


def wrong_method(method: str, path: str, allowed: str) -> GatewayRefusal:
    return GatewayRefusal(
        405,
        INVALID,
        "method_not_allowed",
        f"{path[:200]} takes {allowed}, not {method}.",
        headers=[(b"allow", allowed.encode())],
        message_zh=f"{path[:200]} 只接受 {allowed}，不接受 {method}。",
    )


def no_http(reason: str) -> GatewayRefusal:
    return GatewayRefusal(
        400,
        INVALID,
        "bad_request",
        f"This is no HTTP/1.1 request ({reason}). For https:// put a server that speaks TLS in front, nginx say.",
        message_zh=f"不是有效的 HTTP/1.1 请求（{reason}）。如需 https://，请在前面放置支持 TLS 的服务器（如 nginx）。",
    )


def head_too_large(limit: int) -> GatewayRefusal:
    return GatewayRefusal(
        431,
        INVALID,
        "head_too_large",
        f"Address and headers of the request are larger than {limit} bytes. Send less in them.",
        message_zh=f"请求地址与请求头超过 {limit} 字节。请减少内容。",
    )


def head_too_slow(seconds: float) -> GatewayRefusal:
    return GatewayRefusal(
        408,
        INVALID,
        "request_too_slow",
        f"The head of the request was not there after {seconds:g} s. Send it in one piece.",
        message_zh=f"{seconds:g} 秒内未收到完整的请求头。请一次发送。",
    )


def bad_json(reason: str) -> GatewayRefusal:
    return GatewayRefusal(
        400, INVALID, None, f"The request body is not valid JSON: {reason}.", message_zh=f"请求体不是有效的 JSON：{reason}。"
    )


def bad_field(field: str | None, reason: str, reason_zh: str | None = None) -> GatewayRefusal:
    where, ort = (f"`{field}`", f"`{field}`") if field else ("The request body", "请求体")
    return GatewayRefusal(
        400, INVALID, "invalid_type", f"{where} is not right: {reason}.", param=field, message_zh=f"{ort} 有误：{reason_zh or reason}。"
    )


def missing_field(field: str) -> GatewayRefusal:
    return GatewayRefusal(400, INVALID, "missing_required_parameter", f"`{field}` is missing.", param=field, message_zh=f"缺少 `{field}`。")


def too_large(limit: int) -> GatewayRefusal:
    return GatewayRefusal(
        413,
        INVALID,
        "request_too_large",
        f"The request body is larger than {limit} bytes. Send less, or raise `gateway.max_request_bytes`.",
        message_zh=f"请求体超过 {limit} 字节。请减少内容，或调大 `gateway.max_request_bytes`。",
    )


def queue_full(model: str, waiting: int) -> GatewayRefusal:
    return GatewayRefusal(
        429,
        RATE,
        "queue_full",
        f"{waiting} requests wait for {model!r} already. Try again in a moment.",
        retry_after_s=2,
        message_zh=f"已有 {waiting} 个请求在等待 {model!r}。请稍后重试。",
    )


def queue_timeout(model: str, waited_s: float) -> GatewayRefusal:
    return GatewayRefusal(
        503,
        SERVER,
        "queue_timeout",
        f"No place became free for {model!r} within {waited_s:g} s. Try again in a moment.",
        retry_after_s=5,
        message_zh=f"{waited_s:g} 秒内 {model!r} 没有空位。请稍后重试。",
    )


def server_failed(model: str, status: int, code: str, reason: str, reason_zh: str) -> GatewayRefusal:
    """A model server did not do its part; its address stays inside, in the log."""
    return GatewayRefusal(
        status,
        SERVER,
        code,
        f"The server of {model!r} {reason}. Try again; if it stays so, look at the server's log.",
        retry_after_s=2 if status == 503 else None,
        message_zh=f"{model!r} 的模型服务{reason_zh}。请重试；若持续出现请查看模型服务日志。",
    )


def stopping() -> GatewayRefusal:
    return GatewayRefusal(
        503, SERVER, "shutting_down", "The gateway is being stopped.", retry_after_s=5, message_zh="网关正在停止。请稍后重试。"
    )


def unexpected() -> GatewayRefusal:
    return GatewayRefusal(
        500,
        SERVER,
        "internal_error",
        "Something went wrong inside the gateway; its log says what. Try again, and report it if it happens again.",
        message_zh="网关内部出错，日志中有详情。请重试；若再次出现请反馈。",
    )


def refusal(
    status: int, en: str, zh: str, *, param: str | None = None, code: str | None = None, retry_after_s: float | None = None
) -> GatewayRefusal:
    """A refusal in one's own words: the caller's fault below 500, the engine's or ours from there on."""
    return GatewayRefusal(status, INVALID if status < 500 else SERVER, code, en, param, retry_after_s, message_zh=zh)
