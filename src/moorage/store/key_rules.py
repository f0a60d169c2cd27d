"""What a key may do and how much of it: a frozen noun, and its reading from text. It knows neither the database nor who counts."""

from __future__ import annotations

import fnmatch
import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, cast

from moorage.core.errors import BadInput

Priority = Literal["interactive", "batch"]
EVERYTHING = ("*",)
MAX_PATTERNS = 100
MAX_PATTERN_CHARACTERS = 200
MAX_COUNT = 10**15
MAX_MONEY = 10**9


class KeyRuleInvalid(BadInput):
    """{name} = {value!r} is not valid for a key: {reason}."""

    zh = "密钥的 {name} = {value!r} 无效：{reason}。"


@dataclass(frozen=True, slots=True)
class KeyRules:
    """What a key may do. ``models`` and ``endpoints`` are globs; None is no limit; times are seconds since 1970; money is in the currency of the prices.

    Days and months are the server's calendar. ``priority`` ``batch`` waits behind ``interactive`` where there is a queue.
    """

    owner: str = ""
    team: str = ""
    models: tuple[str, ...] = EVERYTHING
    endpoints: tuple[str, ...] = EVERYTHING
    expires_at: float | None = None
    priority: Priority = "interactive"
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    parallel: int | None = None
    day_tokens: int | None = None
    month_tokens: int | None = None
    day_money: float | None = None
    month_money: float | None = None

    def may_use(self, model: str) -> bool:
        """Whether the key may use a model (or a knowledge base) of this name."""
        return _matches(self.models, model)

    def may_call(self, path: str) -> bool:
        """Whether the key may call this: a path, or a short name such as ``chat``; either may be in ``endpoints``. The list of models is open to
        every key, which sees its own models there."""
        if self.endpoints == EVERYTHING:
            return True
        endpoint = endpoint_of(path)
        other = _OTHER_SPELLING.get(endpoint, endpoint)
        return (
            endpoint == "models" or endpoint.startswith("models/") or _matches(self.endpoints, endpoint) or _matches(self.endpoints, other)
        )

    def has_expired(self, now: float) -> bool:
        return self.expires_at is not None and now >= self.expires_at


def endpoint_of(path: str) -> str:
    """A path as scopes spell it: ``/v1/chat/completions`` is ``chat/completions``."""
    return path.strip("/").removeprefix("v1/")


def read_rules(raw: Mapping[str, str | None], rules: KeyRules | None = None) -> KeyRules:
    """``rules`` with what ``raw`` says about them in text; None leaves as it is. Raises KeyRuleInvalid.

    Counts may end in k, M or G; ``none`` takes a limit away. Lists are parted by commas. ``expires_at`` is a date (valid to its end),
    a time, or a span from now such as ``30d`` or ``12h``; ``never`` takes it away.
    """
    changes = {name: _READERS[name](name, text.strip()) for name, text in raw.items() if text is not None}
    return replace(rules or KeyRules(), **changes)  # pyright: ignore[reportArgumentType]


_NAMES = {
    "chat": "chat/completions",
    "speech": "audio/speech",
    "transcriptions": "audio/transcriptions",
    "translations": "audio/translations",
    "images": "images/generations",
    "image_edits": "images/edits",
}
_OTHER_SPELLING = {**_NAMES, **{path: name for name, path in _NAMES.items()}, "v2/rerank": "rerank"}


def _matches(patterns: tuple[str, ...], name: str) -> bool:
    return patterns == EVERYTHING or _compiled(patterns).match(name) is not None


@functools.lru_cache(maxsize=4096)
def _compiled(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(fnmatch.translate(pattern) for pattern in patterns))


_NONE = ("none", "never", "")
_COUNT = re.compile(r"(\d+(?:\.\d+)?)([kKmMgG]?)")
_MONEY = re.compile(r"\d{1,12}(?:\.\d{1,9})?")
_SPAN = re.compile(r"(\d{1,6})([mhdw])")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIMES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def _invalid(name: str, text: str, en: str, zh: str) -> KeyRuleInvalid:
    return KeyRuleInvalid(name=name, value=text[:80], reason=en, reason_zh=zh)


def _words(name: str, text: str) -> str:
    if len(text) > MAX_PATTERN_CHARACTERS or not text.isprintable():
        limit = MAX_PATTERN_CHARACTERS
        raise _invalid(name, text, f"at most {limit} printable characters", f"最多 {limit} 个可打印字符")
    return text


def _patterns(name: str, text: str) -> tuple[str, ...]:
    patterns = tuple(dict.fromkeys(part for each in text.split(",") if (part := each.strip())))
    if name == "endpoints":
        patterns = tuple(dict.fromkeys(endpoint_of(pattern) for pattern in patterns))
    if not patterns or len(patterns) > MAX_PATTERNS or any(len(p) > MAX_PATTERN_CHARACTERS for p in patterns):
        en = f"give 1 to {MAX_PATTERNS} names or globs parted by commas; * is all"
        raise _invalid(name, text, en, f"请给出 1 到 {MAX_PATTERNS} 个名称或通配符，以逗号分隔；* 表示全部")
    return EVERYTHING if "*" in patterns else patterns


def _count(name: str, text: str) -> int | None:
    if text.lower() in _NONE:
        return None
    found = _COUNT.fullmatch(text.replace("_", "")[:40])
    number = float(found[1]) * _TIMES[found[2].lower()] if found else -1.0
    if not 0 <= number <= MAX_COUNT or not number.is_integer():
        en = "give a whole number from 0, such as 60, 500k or 2M, or none"
        raise _invalid(name, text, en, "请给出从 0 起的整数，如 60、500k 或 2M，或 none")
    return int(number)


def _money(name: str, text: str) -> float | None:
    if text.lower() in _NONE:
        return None
    found = _MONEY.fullmatch(text)
    if not found or float(found[0]) > MAX_MONEY:
        raise _invalid(name, text, "give an amount from 0, such as 5 or 12.50, or none", "请给出从 0 起的金额，如 5 或 12.50，或 none")
    return float(found[0])


def _priority(name: str, text: str) -> Priority:
    if text not in ("interactive", "batch"):
        raise _invalid(name, text, "it must be interactive or batch", "必须为 interactive 或 batch")
    return cast(Priority, text)


def _expiry(name: str, text: str) -> float | None:
    if text.lower() in _NONE:
        return None
    try:
        if span := _SPAN.fullmatch(text):
            return (datetime.now() + timedelta(**{_UNITS[span[2]]: int(span[1])})).timestamp()
        if _DATE.fullmatch(text):
            return (datetime.fromisoformat(text) + timedelta(days=1)).timestamp()
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError) as e:
        en = "give a date (2027-01-31), a time (2027-01-31T18:00), a span from now (30d, 12h), or never"
        zh = "请给出日期（2027-01-31）、时间（2027-01-31T18:00）、从现在起的时长（30d、12h），或 never"
        raise _invalid(name, text, en, zh) from e


_READERS: Mapping[str, Callable[[str, str], object]] = {
    "owner": _words,
    "team": _words,
    "models": _patterns,
    "endpoints": _patterns,
    "expires_at": _expiry,
    "priority": _priority,
    **dict.fromkeys(("requests_per_minute", "tokens_per_minute", "parallel", "day_tokens", "month_tokens"), _count),
    **dict.fromkeys(("day_money", "month_money"), _money),
}
