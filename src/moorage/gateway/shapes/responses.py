"""OpenAI's Responses API over a chat model: a request becomes a chat request, its stream becomes typed events.

Nothing is stored: ``previous_response_id`` is refused, and ``store`` is answered with false. Source: the OpenAI API reference, and what the SDK's
stream helper insists on (every part is added before its deltas and done after them; ``sequence_number`` counts from 0).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from moorage.gateway.errors import refusal
from moorage.gateway.shapes.fields import Json, flag, obj, objects, text, whole, wrong

_PASSED = ("temperature", "top_p", "top_logprobs", "parallel_tool_calls", "user", "metadata", "service_tier", "top_k", "min_p", "repetition_penalty",
           "chat_template_kwargs", "seed", "stop", "safety_identifier", "prompt_cache_key")  # fmt: skip


def to_chat(body: Mapping[str, object]) -> Json:
    """The chat request that means the same. Raises GatewayRefusal for what needs OpenAI's own tools or storage."""
    if body.get("previous_response_id") is not None or body.get("conversation") is not None:
        name = "previous_response_id" if body.get("previous_response_id") is not None else "conversation"
        raise refusal(
            400,
            f"{name}: nothing is stored here. Send the whole conversation as input.",
            f"{name}：此处不保存对话，请在 input 中发送完整对话。",
            param=name,
            code="unsupported_parameter",
        )
    if flag(body, "background", False):
        raise refusal(
            400,
            "background = true is not supported. Leave it out.",
            "不支持 background = true，请去掉该字段。",
            param="background",
            code="unsupported_parameter",
        )
    chat: Json = {"model": text(body, "model"), "messages": _messages(body), "stream": flag(body, "stream", False)}
    chat |= {name: body[name] for name in _PASSED if body.get(name) is not None}
    if (limit := whole(body, "max_output_tokens", 1, 1 << 31)) is not None:
        chat["max_completion_tokens"] = limit
    if effort := obj(body.get("reasoning")).get("effort"):
        chat["reasoning_effort"] = effort
    if tools := _tools(body.get("tools")):
        chat["tools"] = tools
        chat["tool_choice"] = _tool_choice(body.get("tool_choice"))
    wanted = obj(obj(body.get("text")).get("format"))
    if wanted.get("type") == "json_schema":
        chat["response_format"] = {"type": "json_schema", "json_schema": {k: v for k, v in wanted.items() if k != "type"}}
    elif wanted.get("type") == "json_object":
        chat["response_format"] = {"type": "json_object"}
    if chat["stream"]:
        chat["stream_options"] = {"include_usage": True}
    return chat


@dataclass(slots=True)
class _Item:
    """An item of the output that is being written: a message, reasoning, or a function call."""

    kind: str
    id: str
    at: int
    text: str = ""
    name: str = ""
    call_id: str = ""
    annotations: list[object] = field(default_factory=list[object])

    def shown(self, status: str) -> Json:
        if self.kind == "function_call":
            return {
                "type": "function_call",
                "id": self.id,
                "call_id": self.call_id,
                "name": self.name,
                "arguments": self.text,
                "status": status,
            }
        if self.kind == "reasoning":
            content: list[object] = [{"type": "reasoning_text", "text": self.text}] if status == "completed" else []
            return {"type": "reasoning", "id": self.id, "summary": [], "content": content, "status": status}
        parts: list[object] = [self.part()] if status == "completed" else []
        return {"type": "message", "id": self.id, "role": "assistant", "status": status, "content": parts}

    def part(self) -> Json:
        return {"type": "output_text", "text": self.text, "annotations": [*self.annotations], "logprobs": []}


@dataclass(slots=True)
class ResponseStream:
    """Chat chunks in, Responses events out. ``start`` once, ``feed`` for each chunk, ``finish`` (or ``fail``) at the end."""

    identity: str
    body: Mapping[str, object]
    created: int = field(default_factory=lambda: int(time.time()))
    _sequence: int = 0
    _items: list[_Item] = field(default_factory=list[_Item])
    _open: _Item | None = None
    _calls: dict[int, _Item] = field(default_factory=dict[int, _Item])
    _usage: Json = field(default_factory=dict[str, object])
    _finish: str = ""
    _model: str = ""

    def start(self) -> list[Json]:
        return [
            self._event("response.created", response=self._response("in_progress")),
            self._event("response.in_progress", response=self._response("in_progress")),
        ]

    def feed(self, chunk: Mapping[str, object]) -> list[Json]:
        """The events of one ``chat.completion.chunk``, none for one without news."""
        self._model = str(chunk.get("model") or self._model)
        self._usage = obj(chunk.get("usage")) or self._usage
        events: list[Json] = []
        for choice in objects(chunk.get("choices"))[:1]:
            delta = obj(choice.get("delta"))
            reasoning = delta.get("reasoning_content") or delta.get("reasoning")
            if isinstance(reasoning, str) and reasoning:
                events += self._grow("reasoning", reasoning)
            if isinstance(content := delta.get("content"), str) and content:
                events += self._grow("message", content)
            for call in objects(delta.get("tool_calls")):
                events += self._call(call)
            events += self._cite(objects(chunk.get("citations") or delta.get("citations")))
            self._finish = str(choice.get("finish_reason") or self._finish)
        return events

    def finish(self) -> list[Json]:
        status = "incomplete" if self._finish in ("length", "content_filter") else "completed"
        return [*self._close(), self._event(f"response.{status}", response=self._response(status))]

    def fail(self, message: str, code: str = "server_error") -> list[Json]:
        """The events of an engine that stopped in the middle."""
        response = self._response("failed")
        response["error"] = {"code": code, "message": message}
        return [*self._close(), self._event("response.failed", response=response)]

    def response(self) -> Json:
        """The whole response, after ``finish``."""
        return self._response("incomplete" if self._finish in ("length", "content_filter") else "completed")

    def _grow(self, kind: str, more: str) -> list[Json]:
        events: list[Json] = []
        item = self._open
        if item is None or item.kind != kind:
            events += self._close()
            item = self._begin(kind)
            events.append(self._event("response.output_item.added", output_index=item.at, item=item.shown("in_progress")))
            if kind == "message":
                events.append(self._event("response.content_part.added", **self._place(item), part=item.part()))
        item.text += more
        name = "response.output_text.delta" if kind == "message" else "response.reasoning_text.delta"
        extra: Json = {"logprobs": []} if kind == "message" else {}
        events.append(self._event(name, **self._place(item), delta=more, **extra))
        return events

    def _call(self, call: Mapping[str, object]) -> list[Json]:
        at = call.get("index")
        at = at if isinstance(at, int) else len(self._calls)
        function = obj(call.get("function"))
        events: list[Json] = []
        if at not in self._calls:
            events += self._close()
            item = self._begin("function_call")
            item.name, item.call_id = str(function.get("name") or ""), str(call.get("id") or f"call_{item.id}")
            self._calls[at] = item
            events.append(self._event("response.output_item.added", output_index=item.at, item=item.shown("in_progress")))
        item = self._calls[at]
        more = function.get("arguments")
        if isinstance(more, str) and more:
            item.text += more
            events.append(self._event("response.function_call_arguments.delta", item_id=item.id, output_index=item.at, delta=more))
        return events

    def _cite(self, citations: list[Json]) -> list[Json]:
        """Where the answer of a knowledge base stands, as annotations of the text that is being written."""
        item = self._open
        if item is None or item.kind != "message":
            return []
        events: list[Json] = []
        for citation in citations:
            place: Json = {**self._place(item), "annotation_index": len(item.annotations)}
            item.annotations.append(_annotation(citation))
            events.append(self._event("response.output_text.annotation.added", **place, annotation=item.annotations[-1]))
        return events

    def _begin(self, kind: str) -> _Item:
        short = {"message": "msg", "reasoning": "rs", "function_call": "fc"}[kind]
        self._open = _Item(kind, f"{short}_{self.identity.removeprefix('resp_')}_{len(self._items)}", len(self._items))
        self._items.append(self._open)
        return self._open

    def _close(self) -> list[Json]:
        item, self._open = self._open, None
        if item is None:
            return []
        events: list[Json] = []
        if item.kind == "message":
            events.append(self._event("response.output_text.done", **self._place(item), text=item.text, logprobs=[]))
            events.append(self._event("response.content_part.done", **self._place(item), part=item.part()))
        elif item.kind == "reasoning":
            events.append(self._event("response.reasoning_text.done", **self._place(item), text=item.text))
        else:
            done = self._event(
                "response.function_call_arguments.done", item_id=item.id, output_index=item.at, name=item.name, arguments=item.text
            )
            events.append(done)
        return [*events, self._event("response.output_item.done", output_index=item.at, item=item.shown("completed"))]

    def _place(self, item: _Item) -> Json:
        return {"item_id": item.id, "output_index": item.at, "content_index": 0}

    def _event(self, kind: str, **fields: object) -> Json:
        event: Json = {"type": kind, "sequence_number": self._sequence, **fields}
        self._sequence += 1
        return event

    def _response(self, status: str) -> Json:
        body = self.body
        done: list[object] = [item.shown("completed") for item in self._items if item is not self._open]
        reason = {"reason": "max_output_tokens" if self._finish == "length" else "content_filter"} if status == "incomplete" else None
        return {
            "id": self.identity,
            "object": "response",
            "created_at": self.created,
            "status": status,
            "error": None,
            "incomplete_details": reason,
            "instructions": body.get("instructions"),
            "max_output_tokens": body.get("max_output_tokens"),
            "model": body.get("model"),
            "output": done,
            "parallel_tool_calls": body.get("parallel_tool_calls", True),
            "previous_response_id": None,
            "reasoning": body.get("reasoning") or {"effort": None, "summary": None},
            "store": False,
            "temperature": body.get("temperature"),
            "text": body.get("text") or {"format": {"type": "text"}},
            "tool_choice": body.get("tool_choice") or "auto",
            "tools": body.get("tools") or [],
            "top_p": body.get("top_p"),
            "truncation": "disabled",
            "usage": _usage(self._usage) if self._usage and status != "in_progress" else None,
            "metadata": body.get("metadata") or {},
        }


def from_chat(answer: Mapping[str, object], body: Mapping[str, object], identity: str) -> Json:
    """The response for a chat answer that came whole."""
    stream = ResponseStream(identity, body)
    stream.start()
    for choice in objects(answer.get("choices"))[:1]:
        message = obj(choice.get("message"))
        calls = [{**call, "index": at} for at, call in enumerate(objects(message.get("tool_calls")))]
        delta = {**message, "tool_calls": calls}
        stream.feed({"choices": [{"delta": delta, "finish_reason": choice.get("finish_reason")}], "usage": answer.get("usage")})
    stream.finish()
    return stream.response()


def _annotation(citation: Json) -> Json:
    """OpenAI's ``file_citation``, and beside it the citation whole. ``index`` counts from 0 what ``[1]`` in the text counts from 1."""
    document, count = obj(citation.get("document")), citation.get("number")
    return {
        "type": "file_citation",
        "file_id": str(document.get("id") or ""),
        "filename": str(document.get("name") or ""),
        "index": count - 1 if isinstance(count, int) else 0,
        "citation": citation,
    }


def _usage(usage: Json) -> Json:
    def count(name: str) -> int:
        value = usage.get(name)
        return value if isinstance(value, int) else 0

    prompt, completion = count("prompt_tokens"), count("completion_tokens")
    cached = obj(usage.get("prompt_tokens_details")).get("cached_tokens") or 0
    thought = obj(usage.get("completion_tokens_details")).get("reasoning_tokens") or 0
    return {
        "input_tokens": prompt,
        "input_tokens_details": {"cached_tokens": cached, "cache_write_tokens": 0},
        "output_tokens": completion,
        "output_tokens_details": {"reasoning_tokens": thought},
        "total_tokens": prompt + completion,
    }


def _messages(body: Mapping[str, object]) -> list[object]:
    messages: list[object] = []
    if isinstance(instructions := body.get("instructions"), str) and instructions:
        messages.append({"role": "system", "content": instructions})
    given = body.get("input")
    if isinstance(given, str):
        return [*messages, {"role": "user", "content": given}]
    if not isinstance(given, list):
        raise wrong("input", "a string or an array of items")
    for at, item in enumerate(objects(given)):
        _add_item(messages, item, at)
    return messages


def _add_item(messages: list[object], item: Json, at: int) -> None:
    kind = item.get("type") or ("message" if "role" in item else None)
    if kind == "message":
        role = str(item.get("role"))
        messages.append({"role": "system" if role == "developer" else role, "content": _content(item.get("content"), at)})
    elif kind == "function_call":
        call: Json = {
            "id": item.get("call_id"),
            "type": "function",
            "function": {"name": item.get("name"), "arguments": item.get("arguments") or "{}"},
        }
        last = obj(messages[-1]) if messages else {}
        if last.get("role") == "assistant" and isinstance(calls := last.get("tool_calls"), list):
            calls.append(call)  # pyright: ignore[reportUnknownMemberType]
        else:
            messages.append({"role": "assistant", "content": "", "tool_calls": [call]})
    elif kind == "function_call_output":
        messages.append({"role": "tool", "tool_call_id": item.get("call_id"), "content": _plain(item.get("output"))})
    elif kind == "reasoning":
        return  # what the model thought before is not sent to it again, as chat templates want it
    else:
        raise refusal(
            400,
            f"input[{at}]: items of type {kind!r} are not supported.",
            f"input[{at}]：不支持类型为 {kind!r} 的条目。",
            param=f"input[{at}].type",
            code="unsupported_value",
        )


def _content(content: object, at: int) -> object:
    if isinstance(content, str):
        return content
    parts: list[object] = []
    for part in objects(content):
        kind = part.get("type")
        if kind in ("input_text", "output_text", "text"):
            parts.append({"type": "text", "text": part.get("text") or ""})
        elif kind == "input_image":
            parts.append({"type": "image_url", "image_url": {"url": part.get("image_url"), "detail": part.get("detail") or "auto"}})
        elif kind == "refusal":
            parts.append({"type": "text", "text": part.get("refusal") or ""})
        elif kind in ("input_audio", "input_file"):
            parts.append({**part, "type": "file" if kind == "input_file" else kind})
        else:
            raise refusal(
                400,
                f"input[{at}]: parts of type {kind!r} are not supported.",
                f"input[{at}]：不支持类型为 {kind!r} 的内容。",
                param=f"input[{at}].content",
                code="unsupported_value",
            )
    if parts and all(obj(part).get("type") == "text" for part in parts):
        return "".join(str(obj(part)["text"]) for part in parts)
    return parts


def _plain(output: object) -> str:
    if isinstance(output, str):
        return output
    return "".join(str(part.get("text") or "") for part in objects(output))


def _tools(tools: object) -> list[object]:
    found: list[object] = []
    for at, tool in enumerate(objects(tools)):
        if tool.get("type") != "function":
            raise refusal(
                400,
                f"tools[{at}]: only tools of type function are supported, not {tool.get('type')!r}.",
                f"tools[{at}]：只支持 function 类型的工具，不支持 {tool.get('type')!r}。",
                param=f"tools[{at}].type",
                code="unsupported_value",
            )
        names = ("name", "description", "parameters", "strict")
        found.append({"type": "function", "function": {name: tool[name] for name in names if tool.get(name) is not None}})
    return found


def _tool_choice(choice: object) -> object:
    if isinstance(choice, dict):
        return {"type": "function", "function": {"name": obj(choice).get("name")}}
    return choice or "auto"
