"""Reading fields of a request: the value, or a refusal that names the field and what was wanted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import cast

from moorage.gateway.errors import GatewayRefusal, refusal

Json = dict[str, object]


def wrong(param: str, wanted: str, code: str = "invalid_type") -> GatewayRefusal:
    return refusal(400, f"{param} must be {wanted}.", f"{param} 必须是：{wanted}。", param=param, code=code)


def text(body: Mapping[str, object], name: str, default: str | None = None) -> str:
    value = body.get(name)
    if value is None and default is not None:
        return default
    if not isinstance(value, str):
        raise wrong(name, "a string")
    return value


def whole(body: Mapping[str, object], name: str, low: int, high: int) -> int | None:
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise wrong(name, f"a whole number from {low} to {high}, or null", "invalid_value")
    return value


def flag(body: Mapping[str, object], name: str, default: bool) -> bool:
    value = body.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise wrong(name, "true or false")
    return value


def listed(body: Mapping[str, object], name: str) -> list[object]:
    value = body.get(name)
    if not isinstance(value, list):
        raise wrong(name, "an array")
    return cast("list[object]", value)


def objects(value: object) -> list[Json]:
    """The objects of an array in an engine's answer; what is none is passed over."""
    return [cast(Json, one) for one in cast("list[object]", value) if isinstance(one, dict)] if isinstance(value, list) else []


def obj(value: object) -> Json:
    return cast(Json, value) if isinstance(value, dict) else {}


def number(value: object) -> float | None:
    """The value as a finite number; None for anything else, also for one that is too large."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None
