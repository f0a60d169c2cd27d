"""Reads one JSON object of a chat answer, a streamed chunk or a whole completion. Pure; knows the shapes that servers really send."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

DONE = "[DONE]"
# Longer than what is shown of it in the end: a key is taken out before the cut, lest half of one remain.
EXCERPT = 2000


@dataclass(frozen=True, slots=True)
class Piece:
    """What one object of an answer brings: text, the news that the model is reasoning, its end, or an error."""

    text: str = ""
    is_reasoning: bool = False
    is_last: bool = False
    error: str | None = None
    status: int = 200


def read_event(data: str, kind: str = "message") -> Piece:
    """One server-sent event of a stream. Raises ValueError when it is not a JSON object."""
    if data.strip() == DONE:
        return Piece(is_last=True)
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"a piece of the stream is not JSON ({data[:EXCERPT]!r})") from error
    piece = read_answer(value)
    if kind == "error" and piece.error is None:
        return Piece(error=error_text(value) or data[:EXCERPT])
    return piece


def read_answer(value: object) -> Piece:
    """A chunk (``delta``) or a whole completion (``message``). Raises ValueError when it is not an object."""
    answer = _mapping(value)
    if answer is None:
        raise ValueError(f"a JSON object was expected, not {json.dumps(value)[:EXCERPT]}")
    if answer.get("error") or answer.get("object") == "error":
        return Piece(error=error_text(answer) or "an error without a message", status=_status(answer))
    choices = answer.get("choices")
    choice = _mapping(cast("list[object]", choices)[0]) if isinstance(choices, list) and choices else None
    if choice is None:
        return Piece()
    said = _mapping(choice.get("delta")) or _mapping(choice.get("message")) or {}
    is_reasoning = bool(said.get("reasoning_content") or said.get("reasoning"))
    return Piece(text=_text(said.get("content")), is_reasoning=is_reasoning, is_last=bool(choice.get("finish_reason")))


def error_text(value: object) -> str:
    """The sentence inside an error body: ``{"error": {"message"}}``, ``{"error": "..."}``, ``{"message"}``, ``{"detail"}``."""
    if isinstance(value, str):
        return value[:EXCERPT]
    body = _mapping(value)
    if body is None:
        return ""
    for key in ("error", "message", "detail", "error_msg", "msg"):
        found = body.get(key)
        if isinstance(found, list) and found:
            found = cast("list[object]", found)[0]
        if text := error_text(found):
            return text
    return ""


def brief(text: str, limit: int = 300) -> str:
    """One line of at most ``limit`` characters."""
    line = " ".join(text[: limit * 4].split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _text(content: object) -> str:
    """Content is a string, null, or a list of parts of which some are text (and others ``thinking``)."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    parts = [_mapping(part) or {} for part in cast("list[object]", content)]
    return "".join(str(part.get("text") or "") for part in parts if part.get("type") == "text")


def _status(answer: Mapping[str, object]) -> int:
    code = (_mapping(answer.get("error")) or answer).get("code")
    return code if isinstance(code, int) and 400 <= code < 600 else 200


def _mapping(value: object) -> Mapping[str, object] | None:
    return cast("Mapping[str, object]", value) if isinstance(value, dict) else None
