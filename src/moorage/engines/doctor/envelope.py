"""Log lines that are JSON objects: what the container runtime or a structured logger wrapped around the message."""

from __future__ import annotations

import json
from typing import cast

_LONGEST = 200_000
_MESSAGES = ("log", "msg", "message", "event")
_ERRORS = ("error", "err", "exception", "exc_info", "stack_trace")
_MARKS = {"stream", "time", "timestamp"}
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
    message = _texts(fields, _MESSAGES)[:1]
    level = _texts(fields, _LEVELS)[:1]
    if not message or not (level or fields.keys() & _MARKS):
        return raw
    return " ".join([*(name.upper() for name in level), message[0].strip(), *_texts(fields, _ERRORS)])


def _texts(fields: dict[str, object], names: tuple[str, ...]) -> list[str]:
    return [value for name in names if isinstance(value := fields.get(name), str) and value]
