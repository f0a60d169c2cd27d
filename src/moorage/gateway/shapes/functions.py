"""Chats of clients that know one call at a time: the old ``functions`` in today's words and back, and answers cut to their first call. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import msgspec

from moorage.gateway.relay import DONE
from moorage.gateway.shapes.fields import Json, listed, obj, objects, wrong

_OLD = ("functions", "function_call")


def is_old(body: Mapping[str, object]) -> bool:
    """Whether a chat speaks of ``functions``, which no engine knows any more."""
    return any(body.get(name) is not None for name in _OLD) or any(
        message.get("role") == "function" or "function_call" in message for message in objects(body.get("messages"))
    )


def wants_function_call(body: Mapping[str, object]) -> bool:
    """Whether the client expects its call under the old name."""
    return body.get("tools") is None and bool(body.get("functions"))


def with_tools(body: Json) -> Json:
    """The chat with ``tools``: functions, the choice among them, and earlier calls with their results. Raises GatewayRefusal."""
    out = {name: value for name, value in body.items() if name not in _OLD}
    if isinstance(body.get("messages"), list):
        out["messages"] = _messages(cast("list[object]", body["messages"]))
    if body.get("functions") is None or body.get("tools") is not None:
        return out
    functions, choice = listed(body, "functions"), body.get("function_call")
    if not all(isinstance(each, dict) for each in functions):
        raise wrong("functions", "an array of objects")
    if functions:
        out["tools"] = [{"type": "function", "function": each} for each in functions]
        if choice is not None:
            name = obj(choice).get("name")
            if choice not in ("none", "auto") and not isinstance(name, str):
                raise wrong("function_call", "none, auto or an object with a name", "invalid_value")
            out["tool_choice"] = {"type": "function", "function": {"name": name}} if name else choice
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
        has_calls, has_usage = b'"tool_calls"' in payload, b'"usage"' in payload and not self._wants_usage
        chunk = obj(_load(payload)) if has_calls or has_usage else {}
        if has_usage and chunk.get("usage") is not None:
            chunk["usage"] = None
            if not chunk.get("choices"):
                return b""
        for choice in objects(chunk.get("choices")) if has_calls else ():
            delta = obj(choice.get("delta"))
            for call in objects(delta.pop("tool_calls", None)):
                if call.get("index") in (0, None):
                    _set(delta, call, is_old=self._is_old)
            _rename(choice, is_old=self._is_old)
        return b"data: %b\n\n" % (msgspec.json.encode(chunk) if chunk else payload)

    def end(self) -> bytes:
        return DONE

    def fail(self, message: str) -> bytes:
        error = {"message": message, "type": "server_error", "param": None, "code": "stream_interrupted"}
        return b"data: %b\n\n%b" % (msgspec.json.encode({"error": error}), DONE)


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


def _messages(messages: list[object]) -> list[object]:
    """Earlier calls and results, tied together by ids: a result belongs to the call before it."""
    out: list[object] = []
    number = 0
    for message in messages:
        found = obj(message)
        if isinstance(call := found.get("function_call"), dict):
            number += 1
            kept = {name: value for name, value in found.items() if name != "function_call"}
            out.append({**kept, "tool_calls": [{"id": f"call_{number}", "type": "function", "function": call}]})
        elif found.get("role") == "function":
            out.append({"role": "tool", "tool_call_id": f"call_{max(number, 1)}", "content": found.get("content")})
        else:
            out.append(message)
    return out


def _load(body: bytes) -> object:
    try:
        return cast(object, msgspec.json.decode(body.replace(b"\ndata:", b"\n")))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
