"""What a key is refused, worded once: limits, budgets and scopes, with the headers by which OpenAI's clients decide when to try again."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import NamedTuple

from moorage.gateway.errors import AUTHENTICATION, INVALID, GatewayRefusal
from moorage.gateway.limits import NANOS, LimitKind, Shortage

HeaderRows = tuple[tuple[bytes, bytes], ...]
_WORTH_WAITING_S = 60.0


class _Words(NamedTuple):
    en: str
    zh: str
    type: str
    code: str
    option: str


_RATE, _QUOTA = "rate_limit_exceeded", "insufficient_quota"
_WORDS: Mapping[LimitKind, _Words] = {
    "requests": _Words("requests per min (RPM)", "每分钟请求数（RPM）", "requests", _RATE, "--rpm"),
    "tokens": _Words("tokens per min (TPM)", "每分钟 token 数（TPM）", "tokens", _RATE, "--tpm"),
    "parallel": _Words("parallel requests", "并发请求数", "requests", _RATE, "--parallel"),
    "day_tokens": _Words("tokens per day (TPD)", "每日 token 额度", _QUOTA, _QUOTA, "--budget-day"),
    "month_tokens": _Words("tokens per month", "每月 token 额度", _QUOTA, _QUOTA, "--budget-month"),
    "day_money": _Words("money per day", "每日金额", _QUOTA, _QUOTA, "--spend-day"),
    "month_money": _Words("money per month", "每月金额", _QUOTA, _QUOTA, "--spend-month"),
}


def over_limit(name: str, short: Shortage, headers: HeaderRows = ()) -> GatewayRefusal:
    """429 in OpenAI's words: ``rate_limit_exceeded`` comes back by itself within moments, ``insufficient_quota`` with a new day or month."""
    words = _WORDS[short.kind]
    limit, used, wanted = (_amount(short.kind, each) for each in (short.limit, short.used, short.wanted))
    facts = f"Limit {limit}, Used {used}, Requested {wanted}."
    facts_zh = f"上限 {limit}，已用 {used}，本次请求 {wanted}。"
    if short.wait_s is None:
        advice = f"The request alone is above the limit: ask for less (a smaller `max_tokens`, say), or raise the limit with `moorage key set {name} {words.option}`."
        advice_zh = f"单个请求已超过上限：请减少用量（如调小 `max_tokens`），或用 `moorage key set {name} {words.option}` 提高上限。"
    else:
        advice, advice_zh = f"Please try again in {duration(short.wait_s)}.", f"请在 {duration(short.wait_s)} 后重试。"
    return GatewayRefusal(
        429,
        words.type,
        words.code,
        f"Rate limit reached for key {name!r} on {words.en}: {facts} {advice}",
        retry_after_s=short.wait_s,
        headers=(*headers, *_retry_headers(short.wait_s)),
        message_zh=f"密钥 {name!r} 已达上限，{words.zh}：{facts_zh}{advice_zh}",
    )


def expired_key(name: str) -> GatewayRefusal:
    return GatewayRefusal(
        401,
        AUTHENTICATION,
        "invalid_api_key",
        f"The API key {name!r} has expired. Ask for another, or lengthen it with `moorage key set {name} --expires`.",
        message_zh=f"API 密钥 {name!r} 已过期。请更换密钥，或用 `moorage key set {name} --expires` 延长有效期。",
    )


def model_out_of_scope(name: str, model: str) -> GatewayRefusal:
    return GatewayRefusal(
        403,
        INVALID,
        "model_not_found",
        f"The key {name!r} may not use the model {model[:200]!r}. GET /v1/models lists those that it may.",
        param="model",
        message_zh=f"密钥 {name!r} 无权使用模型 {model[:200]!r}。GET /v1/models 可列出其可用模型。",
    )


def endpoint_out_of_scope(name: str, endpoint: str) -> GatewayRefusal:
    return GatewayRefusal(
        403,
        INVALID,
        "missing_scope",
        f"The key {name!r} may not call {endpoint[:200]}. Widen it with `moorage key set {name} --endpoints`.",
        message_zh=f"密钥 {name!r} 无权调用 {endpoint[:200]}。可用 `moorage key set {name} --endpoints` 放宽。",
    )


@functools.lru_cache(maxsize=1024)  # right after a request it is always the same minute
def duration(seconds: float) -> str:
    """A span as OpenAI's headers have it: ``120ms``, ``8.64s``, ``6m0s``, ``1h0m0s``. Rounded up, so that a try after it is never too early."""
    millis = -int(-seconds * 1000 // 1)
    if millis < 1000:
        return f"{max(millis, 0)}ms" if millis > 0 else "0s"
    minutes, rest = divmod(millis, 60_000)
    hours, minutes = divmod(minutes, 60)
    text = f"{rest / 1000:g}s"
    return f"{hours}h{minutes}m{text}" if hours else f"{minutes}m{text}" if minutes else text


def _retry_headers(wait_s: float | None) -> HeaderRows:
    """For OpenAI's clients: the wait to the millisecond, and no try at all where it would be refused again."""
    if wait_s is None:
        return ((b"x-should-retry", b"false"),)
    exact = (b"retry-after-ms", b"%d" % max(1, -int(-wait_s * 1000 // 1)))
    return (exact,) if wait_s <= _WORTH_WAITING_S else (exact, (b"x-should-retry", b"false"))


def _amount(kind: LimitKind, number: int) -> str:
    return f"{number / NANOS:.9f}".rstrip("0").rstrip(".") if kind in ("day_money", "month_money") else str(number)
