"""Log lines that are JSON objects: what the container runtime or a structured logger wrapped around the message."""

from __future__ import annotations

import json
from typing import cast

_LONGEST = 200_000
_MESSAGES = ("log", "msg", "message", "event")
_LEVELS = ("level", "severity", "levelname", "lvl", "log_level")


def unwrapped(raw: str) -> str:
    """The message of a line that is a JSON log record, with its level before it and its error behind it; any other line as it is.

    An answer of an API such as ``{"error": {"message": ...}}`` is no record: it stays whole.
    """
    text = raw.strip()
    if not text.startswith("{") or not text.endswith("}") or len(text) > _LONGEST:
        return raw
    try:
        record: object = json.loads(text)
    except (ValueError, RecursionError):
        return raw
    fields = cast("dict[str, object]", record) if isinstance(record, dict) else {}
    message, level = _first_text(fields, _MESSAGES), _first_text(fields, _LEVELS) or ""
    if message is None or not (level or "stream" in fields or "time" in fields or "timestamp" in fields):
        return raw
    tail = [value for name in ("error", "err", "exception", "exc_info", "stack_trace") if isinstance(value := fields.get(name), str)]
    return " ".join(part for part in (level.upper(), message.strip(), *tail) if part)


def _first_text(fields: dict[str, object], names: tuple[str, ...]) -> str | None:
    for name in names:
        value = fields.get(name)
        if isinstance(value, str):
            return value
    return None
