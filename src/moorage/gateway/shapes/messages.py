"""Anthropic's Messages API over a chat model: a request becomes a chat request, its stream becomes Anthropic's events.

Source: the Anthropic API reference (``/v1/messages``, streaming). Events carry their name in an ``event:`` line there, which ``sse`` writes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from moorage.core.errors import Language
from moorage.gateway.errors import GatewayRefusal, refusal
from moorage.gateway.shapes.fields import Json, flag, listed, obj, objects, text, whole, wrong

_STOPS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "function_call": "tool_use", "content_filter": "refusal"}
_PASSED = ("temperature", "top_p", "top_k", "chat_template_kwargs", "min_p", "repetition_penalty")


def to_chat(body: Mapping[str, object]) -> Json:
    """The chat request that means the same. Raises GatewayRefusal, which names the field."""
    limit = whole(body, "max_tokens", 1, 1 << 31)
    if limit is None:
        raise wrong("max_tokens", "a whole number", "missing")
    messages: list[object] = []
    if system := _plain(body.get("system")):
        messages.append({"role": "system", "content": system})
    for at, message in enumerate(objects(listed(body, "messages"))):
        messages += _message(message, at)
    chat: Json = {"model": text(body, "model"), "messages": messages, "max_tokens": limit, "stream": flag(body, "stream", False)}
    chat |= {name: body[name] for name in _PASSED if body.get(name) is not None}
    if isinstance(body.get("stop_sequences"), list):
        chat["stop"] = body["stop_sequences"]
    if tools := _tools(body.get("tools")):
        chat["tools"] = tools
        chat |= _tool_choice(obj(body.get("tool_choice")))
    if user := obj(body.get("metadata")).get("user_id"):
        chat["user"] = user
    if chat["stream"]:
        chat["stream_options"] = {"include_usage": True}
    return chat


def to_count(body: Mapping[str, object]) -> Json:
    """What an engine's tokenizer is asked, to count a request. Raises GatewayRefusal."""
    chat = to_chat({**body, "max_tokens": 1, "stream": False})
    return {name: chat[name] for name in ("messages", "tools", "chat_template_kwargs") if name in chat} | {"add_generation_prompt": True}


def counted(answer: object) -> int:
    """The count of an engine's answer. Raises GatewayRefusal (502) where there is none."""
    count = obj(answer).get("count")
    if not isinstance(count, int):
        raise refusal(502, "The engine counted nothing. Its log says more.", "引擎未返回计数，详见其日志。", code="bad_backend_answer")
    return count


@dataclass(slots=True)
class MessageStream:
    """Chat chunks in, Anthropic events out. ``start`` once, ``feed`` for each chunk, ``finish`` (or ``fail``) at the end."""

    identity: str
    model: str
    _blocks: list[Json] = field(default_factory=list[Json])
    _kind: str = ""
    _calls: dict[int, int] = field(default_factory=dict[int, int])
    _usage: Json = field(default_factory=dict[str, object])
    _stop: str = ""

    def start(self) -> list[Json]:
        return [{"type": "message_start", "message": {**self._message(), "content": [], "usage": {"input_tokens": 0, "output_tokens": 0}}}]

    def feed(self, chunk: Mapping[str, object]) -> list[Json]:
        """The events of one ``chat.completion.chunk``, none for one without news."""
        self._usage = obj(chunk.get("usage")) or self._usage
        events: list[Json] = []
        for choice in objects(chunk.get("choices"))[:1]:
            delta = obj(choice.get("delta"))
            thought = delta.get("reasoning_content") or delta.get("reasoning")
            if isinstance(thought, str) and thought:
                events += self._grow("thinking", "thinking_delta", "thinking", thought)
            if isinstance(content := delta.get("content"), str) and content:
                events += self._grow("text", "text_delta", "text", content)
            for call in objects(delta.get("tool_calls")):
                events += self._call(call)
            self._stop = str(choice.get("finish_reason") or self._stop)
        return events

    def finish(self) -> list[Json]:
        message = self.message()
        delta = {"stop_reason": message["stop_reason"], "stop_sequence": None}
        return [*self._close(), {"type": "message_delta", "delta": delta, "usage": message["usage"]}, {"type": "message_stop"}]

    def fail(self, message: str) -> list[Json]:
        """The event of an engine that stopped in the middle."""
        return [{"type": "error", "error": {"type": "api_error", "message": message}}]

    def message(self) -> Json:
        """The whole message, after everything was fed."""
        content: list[object] = [_whole(block) for block in self._blocks]
        stop = "tool_use" if self._calls and self._stop in ("stop", "") else _STOPS.get(self._stop, "end_turn")
        return {**self._message(), "content": content, "stop_reason": stop, "usage": _usage(self._usage)}

    def _message(self) -> Json:
        return {
            "id": self.identity,
            "type": "message",
            "role": "assistant",
            "model": self.model,
            "stop_reason": None,
            "stop_sequence": None,
        }

    def _grow(self, kind: str, delta: str, name: str, more: str) -> list[Json]:
        events: list[Json] = []
        if self._kind != kind:
            begin: Json = {"type": kind, name: "", **({"signature": ""} if kind == "thinking" else {})}
            events += [*self._close(), *self._begin(begin, kind)]
        block = self._blocks[-1]
        block[name] = f"{block[name]}{more}"
        return [*events, {"type": "content_block_delta", "index": len(self._blocks) - 1, "delta": {"type": delta, name: more}}]

    def _call(self, call: Mapping[str, object]) -> list[Json]:
        at = call.get("index")
        at = at if isinstance(at, int) else len(self._calls)
        function = obj(call.get("function"))
        events: list[Json] = []
        if at not in self._calls:
            block: Json = {
                "type": "tool_use",
                "id": call.get("id") or f"toolu_{len(self._blocks)}",
                "name": function.get("name") or "",
                "input": {},
            }
            events += [*self._close(), *self._begin(block, "tool_use")]
            self._calls[at] = len(self._blocks) - 1
            self._blocks[-1]["json"] = ""
        place = self._calls[at]
        more = function.get("arguments")
        if isinstance(more, str) and more:
            self._blocks[place]["json"] = f"{self._blocks[place]['json']}{more}"
            events.append({"type": "content_block_delta", "index": place, "delta": {"type": "input_json_delta", "partial_json": more}})
        return events

    def _begin(self, block: Json, kind: str) -> list[Json]:
        self._kind = kind
        self._blocks.append(dict(block))
        return [{"type": "content_block_start", "index": len(self._blocks) - 1, "content_block": block}]

    def _close(self) -> list[Json]:
        was, self._kind = self._kind, ""
        return [{"type": "content_block_stop", "index": len(self._blocks) - 1}] if was else []


def from_chat(answer: Mapping[str, object], model: str, identity: str) -> Json:
    """The message for a chat answer that came whole."""
    stream = MessageStream(identity, model)
    for choice in objects(answer.get("choices"))[:1]:
        message = obj(choice.get("message"))
        calls = [{**call, "index": at} for at, call in enumerate(objects(message.get("tool_calls")))]
        delta = {**message, "tool_calls": calls}
        stream.feed({"choices": [{"delta": delta, "finish_reason": choice.get("finish_reason")}], "usage": answer.get("usage")})
    return stream.message()


def sse(event: Json) -> bytes:
    """One event as Anthropic writes it: its name in a line before its data."""
    return f"event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n".encode()


def error_body(refused: GatewayRefusal, language: Language = "en") -> bytes:
    """A refusal in Anthropic's error shape."""
    kinds = {400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 404: "not_found_error", 413: "request_too_large",
             429: "rate_limit_error", 503: "overloaded_error"}  # fmt: skip
    error = {
        "type": kinds.get(refused.status, "api_error" if refused.status >= 500 else "invalid_request_error"),
        "message": refused.say(language),
    }
    return json.dumps({"type": "error", "error": error}, ensure_ascii=False).encode()


def _whole(block: Json) -> Json:
    if block["type"] != "tool_use":
        return block
    try:
        value: object = json.loads(str(block.get("json") or "{}"))
    except ValueError:
        value = {}
    return {"type": "tool_use", "id": block["id"], "name": block["name"], "input": value if isinstance(value, dict) else {}}


def _usage(usage: Json) -> Json:
    def count(name: str) -> int:
        value = usage.get(name)
        return value if isinstance(value, int) else 0

    cached = obj(usage.get("prompt_tokens_details")).get("cached_tokens") or 0
    return {"input_tokens": count("prompt_tokens"), "output_tokens": count("completion_tokens"), "cache_read_input_tokens": cached}


def _message(message: Json, at: int) -> list[object]:
    role, content = message.get("role"), message.get("content")
    if role not in ("user", "assistant", "system"):
        raise wrong(f"messages[{at}].role", "user or assistant", "invalid_value")
    if isinstance(content, str):
        return [{"role": role, "content": content}]
    if not isinstance(content, list):
        raise wrong(f"messages[{at}].content", "a string or an array of blocks")
    return _assistant(objects(content)) if role == "assistant" else _user(objects(content), str(role), at)


def _assistant(blocks: list[Json]) -> list[object]:
    spoken = "".join(str(block.get("text") or "") for block in blocks if block.get("type") == "text")
    calls = [
        {
            "id": block.get("id"),
            "type": "function",
            "function": {"name": block.get("name"), "arguments": json.dumps(block.get("input") or {}, ensure_ascii=False)},
        }
        for block in blocks
        if block.get("type") == "tool_use"
    ]
    return [{"role": "assistant", "content": spoken, **({"tool_calls": calls} if calls else {})}]


def _user(blocks: list[Json], role: str, at: int) -> list[object]:
    """The results of tools are messages of their own, before what the person says."""
    results: list[object] = []
    parts: list[object] = []
    for block in blocks:
        kind = block.get("type")
        if kind == "tool_result":
            results.append({"role": "tool", "tool_call_id": block.get("tool_use_id"), "content": _plain(block.get("content"))})
        elif kind == "text":
            parts.append({"type": "text", "text": block.get("text") or ""})
        elif kind == "image":
            parts.append({"type": "image_url", "image_url": {"url": _image(obj(block.get("source")), at)}})
        else:
            raise refusal(
                400,
                f"messages[{at}]: blocks of type {kind!r} are not supported.",
                f"messages[{at}]：不支持类型为 {kind!r} 的内容块。",
                param=f"messages[{at}].content",
                code="unsupported_value",
            )
    if not parts:
        return results
    only_text = all(obj(part).get("type") == "text" for part in parts)
    content: object = "\n".join(str(obj(part)["text"]) for part in parts) if only_text else parts
    return [*results, {"role": role, "content": content}]


def _image(source: Json, at: int) -> str:
    if source.get("type") == "base64":
        return f"data:{source.get('media_type')};base64,{source.get('data')}"
    if source.get("type") == "url" and isinstance(source.get("url"), str):
        return str(source["url"])
    raise wrong(f"messages[{at}].content", "images as base64 or url", "invalid_value")


def _plain(value: object) -> str:
    if isinstance(value, str):
        return value
    return "\n".join(str(block.get("text") or "") for block in objects(value) if block.get("type") == "text")


def _tools(tools: object) -> list[object]:
    found: list[object] = []
    for at, tool in enumerate(objects(tools)):
        if tool.get("type") not in (None, "custom"):
            raise refusal(
                400,
                f"tools[{at}]: {tool.get('type')!r} runs at Anthropic and not here.",
                f"tools[{at}]：{tool.get('type')!r} 只能在 Anthropic 运行，此处不可用。",
                param=f"tools[{at}].type",
                code="unsupported_value",
            )
        function = {
            "name": tool.get("name"),
            "description": tool.get("description") or "",
            "parameters": tool.get("input_schema") or {"type": "object"},
        }
        found.append({"type": "function", "function": function})
    return found


def _tool_choice(choice: Json) -> Json:
    kind = choice.get("type")
    wanted: object = {"auto": "auto", "any": "required", "none": "none"}.get(str(kind), "auto")
    if kind == "tool":
        wanted = {"type": "function", "function": {"name": choice.get("name")}}
    out: Json = {"tool_choice": wanted}
    if choice.get("disable_parallel_tool_use") is True:
        out["parallel_tool_calls"] = False
    return out
