"""Events as OpenAI's ``chat.completion.chunk`` deltas, and a message as OpenAI's ``message``."""

from __future__ import annotations

from moorage.gateway.toolcalls.events import AnswerInReasoning, CallArguments, CallStart, Content, Event, Finished, FinishReason, Reasoning
from moorage.gateway.toolcalls.message import Call, Message

Object = dict[str, object]


def delta_of(event: Event, *, is_legacy: bool = False) -> Object | None:
    """The delta an event makes; None where it makes none.

    Reasoning goes out under both names that clients know. ``is_legacy``: calls become ``function_call``, which holds the first only.
    """
    match event:
        case Content(text) | AnswerInReasoning(text):
            return {"content": text}
        case Reasoning(text):
            return {"reasoning": text, "reasoning_content": text}
        case CallStart(index, id, name):
            if is_legacy:
                return {"function_call": {"name": name, "arguments": ""}} if index == 0 else None
            return {"tool_calls": [{"index": index, "id": id, "type": "function", "function": {"name": name, "arguments": ""}}]}
        case CallArguments(index, delta):
            if is_legacy:
                return {"function_call": {"arguments": delta}} if index == 0 else None
            return {"tool_calls": [{"index": index, "function": {"arguments": delta}}]}
        case _:
            return None


def finish_reason_of(event: Finished | FinishReason, *, is_legacy: bool = False) -> str:
    """The reason under the name the client knows."""
    reason = event.reason if isinstance(event, Finished) else event
    return "function_call" if is_legacy and reason == "tool_calls" else reason


def choice_of(event: Event, *, index: int = 0, is_legacy: bool = False) -> Object | None:
    """The ``choices`` entry of the chunk an event makes; None where it makes none."""
    if isinstance(event, Finished):
        return {"index": index, "delta": {}, "finish_reason": finish_reason_of(event, is_legacy=is_legacy)}
    delta = delta_of(event, is_legacy=is_legacy)
    return None if delta is None else {"index": index, "delta": delta, "finish_reason": None}


def message_of(message: Message, *, is_legacy: bool = False) -> Object:
    """The message of an answer that is not streamed."""
    found: Object = {"role": "assistant", "content": message.content or None}
    if message.reasoning:
        found |= {"reasoning": message.reasoning, "reasoning_content": message.reasoning}
    if message.calls:
        if is_legacy:
            found["function_call"] = {"name": message.calls[0].name, "arguments": message.calls[0].arguments}
        else:
            found["tool_calls"] = [_call(call) for call in message.calls]
    elif not message.content:
        found["content"] = ""
    return found


def _call(call: Call) -> Object:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
