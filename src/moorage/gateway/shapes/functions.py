"""OpenAI's old ``functions`` as tools, which every engine knows: engines pass over ``functions`` without a word. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import msgspec

from moorage.gateway.relay import DONE
from moorage.gateway.shapes.fields import Json, listed, obj, objects, wrong


def are_in(body: Mapping[str, object]) -> bool:
    """Whether a chat request speaks of functions, or its messages do."""
    if body.get("functions") is not None or body.get("function_call") is not None:
        return True
    return any("function_call" in message or message.get("role") == "function" for message in objects(body.get("messages")))


def to_tools(body: Mapping[str, object]) -> Json:
    """The chat request with tools. Raises GatewayRefusal."""
    out = {name: value for name, value in body.items() if name not in ("functions", "function_call")}
    if isinstance(body.get("messages"), list):
        out["messages"] = _messages(cast("list[object]", body["messages"]))
    if body.get("tools") is not None or body.get("functions") is None:
        return out
    functions = listed(body, "functions")
    if not all(isinstance(each, dict) for each in functions):
        raise wrong("functions", "an array of objects")
    if functions:
        out["tools"] = [{"type": "function", "function": each} for each in functions]
        out["parallel_tool_calls"] = False  # there is room for one call only
        if (choice := body.get("function_call")) is not None:
            out["tool_choice"] = {"type": "function", "function": choice} if isinstance(choice, dict) else choice
    return out


def wants_function_call(body: Mapping[str, object]) -> bool:
    """Whether the client expects calls under the old name."""
    return body.get("tools") is None and bool(body.get("functions"))


def with_function_call(reply: object) -> Json:
    """A whole chat answer whose call is under the old name."""
    answer = obj(reply)
    choices: list[object] = []
    for choice in objects(answer.get("choices")):
        message = {name: value for name, value in obj(choice.get("message")).items() if name != "tool_calls"}
        calls = objects(obj(choice.get("message")).get("tool_calls"))
        if calls:
            function = obj(calls[0].get("function"))
            message["function_call"] = {"name": function.get("name"), "arguments": function.get("arguments") or ""}
        choices.append({**choice, "message": message, "finish_reason": _reason(choice)})
    return {**answer, "choices": choices}


class FunctionCallStream:
    """A chat stream whose call is under the old name."""

    def __init__(self, wants_usage: bool) -> None:
        self._wants_usage = wants_usage

    def data(self, payload: bytes) -> bytes:
        try:
            chunk = obj(cast(object, msgspec.json.decode(payload.replace(b"\ndata:", b"\n"))))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return b"data: %b\n\n" % payload
        if not self._wants_usage and chunk.get("usage") is not None:
            chunk = {**chunk, "usage": None}
            if not chunk.get("choices"):
                return b""
        if b'"tool_calls"' in payload:
            chunk["choices"] = [_delta(choice) for choice in objects(chunk.get("choices"))]
        return b"data: %b\n\n" % msgspec.json.encode(chunk)

    def end(self) -> bytes:
        return DONE

    def fail(self, message: str) -> bytes:
        error = {"message": message, "type": "server_error", "param": None, "code": "stream_interrupted"}
        return b"data: %b\n\n%b" % (msgspec.json.encode({"error": error}), DONE)


def _delta(choice: Json) -> Json:
    delta = {name: value for name, value in obj(choice.get("delta")).items() if name != "tool_calls"}
    for call in objects(obj(choice.get("delta")).get("tool_calls")):
        if call.get("index") in (0, None):
            function = obj(call.get("function"))
            delta["function_call"] = {name: function[name] for name in ("name", "arguments") if function.get(name) is not None}
    return {**choice, "delta": delta, "finish_reason": _reason(choice)}


def _reason(choice: Json) -> object:
    reason = choice.get("finish_reason")
    return "function_call" if reason == "tool_calls" else reason


def _messages(messages: list[object]) -> list[object]:
    """Each call with an id, and each result with the id of the call before it."""
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
