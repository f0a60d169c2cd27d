"""Chats of clients that know one call at a time: the old ``functions`` in today's words and back, and answers cut to their first call. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import msgspec

from moorage.gateway.relay import DONE, interrupted
from moorage.gateway.shapes.fields import Json, obj, objects, wrong

_OLD = ("functions", "function_call")


def is_old(body: Mapping[str, object]) -> bool:
    """Whether a chat speaks of ``functions``, which no engine knows any more."""
    return any(body.get(name) is not None for name in _OLD) or any(
        message.get("role") == "function" or message.get("function_call") is not None for message in objects(body.get("messages"))
    )


def with_tools(body: Json) -> Json:
    """The chat with ``tools``: functions, the choice among them, and earlier calls with their results. Raises GatewayRefusal."""
    out = {name: value for name, value in body.items() if name not in _OLD}
    functions, choice = body.get("functions"), body.get("function_call")
    if functions is not None:
        if not isinstance(functions, list):
            raise wrong("functions", "an array of functions")
        out["tools"] = [{"type": "function", "function": each} for each in cast("list[object]", functions)]
    if choice is not None:
        name = obj(choice).get("name")
        if choice not in ("none", "auto") and not isinstance(name, str):
            raise wrong("function_call", "none, auto or an object with a name", "invalid_value")
        out["tool_choice"] = {"type": "function", "function": {"name": name}} if name else choice
    out["messages"] = _messages(objects(body.get("messages")))
    return out


def first_call(body: bytes, *, is_old: bool) -> bytes:
    """A whole answer with the first call of each choice only, as ``function_call`` for a client that knows no other."""
    answer = obj(_load(body))
    for choice in objects(answer.get("choices")):
        message = obj(choice.get("message"))
        calls = objects(message.pop("tool_calls", None))
        if calls:
            _set(message, calls[0], is_old=is_old)
            _rename(choice, is_old=is_old)
    return msgspec.json.encode(answer) if answer else body


class FirstCall:
    """The same for a stream: the deltas of later calls are left out."""

    def __init__(self, *, is_old: bool, wants_usage: bool) -> None:
        self._is_old, self._wants_usage = is_old, wants_usage

    def data(self, payload: bytes) -> bytes:
        if b'"tool_calls"' not in payload:
            is_only_usage = b'"usage"' in payload and not obj(_load(payload)).get("choices")
            return b"" if is_only_usage and not self._wants_usage else b"data: %b\n\n" % payload
        chunk = obj(_load(payload))
        for choice in objects(chunk.get("choices")):
            delta = obj(choice.get("delta"))
            for call in objects(delta.pop("tool_calls", None)):
                if call.get("index", 0) == 0:
                    _set(delta, call, is_old=self._is_old)
            _rename(choice, is_old=self._is_old)
        return b"data: %b\n\n" % msgspec.json.encode(chunk)

    def end(self) -> bytes:
        return DONE

    def fail(self, message: str) -> bytes:
        return interrupted(message)


def _set(holder: Json, call: Json, *, is_old: bool) -> None:
    """A call in its holder; a later piece of a streamed one adds to its arguments."""
    if not is_old:
        holder["tool_calls"] = [*objects(holder.get("tool_calls")), call]
        return
    function = obj(call.get("function"))
    holder["function_call"] = {name: function[name] for name in ("name", "arguments") if function.get(name) is not None}


def _rename(choice: Json, *, is_old: bool) -> None:
    if is_old and choice.get("finish_reason") == "tool_calls":
        choice["finish_reason"] = "function_call"


def _messages(messages: list[Json]) -> list[Json]:
    """Earlier calls and results, tied together by ids: a result belongs to the call before it."""
    found: list[Json] = []
    for at, message in enumerate(messages):
        role, call = message.get("role"), message.get("function_call")
        if role == "assistant" and call is not None:
            kept = {name: value for name, value in message.items() if name != "function_call"}
            found.append({**kept, "tool_calls": [{"id": f"call_{at}", "type": "function", "function": call}]})
        elif role == "function":
            found.append({"role": "tool", "tool_call_id": f"call_{at - 1}", "content": message.get("content")})
        else:
            found.append(message)
    return found


def _load(body: bytes) -> object:
    try:
        return cast(object, msgspec.json.decode(body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
