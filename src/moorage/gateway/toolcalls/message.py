"""The message that events add up to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby

from moorage.gateway.toolcalls.events import (
    AnswerInReasoning,
    Aside,
    CallArguments,
    CallEnd,
    CallStart,
    Content,
    Event,
    Finished,
    FinishReason,
    Reasoning,
)


@dataclass
class Call:
    """One call of a tool; ``arguments`` is JSON text, as the model wrote it where it wrote JSON."""

    id: str
    name: str
    arguments: str = ""
    is_complete: bool = False
    is_native_id: bool = False


@dataclass
class Message:
    """An assistant's message, as far as it has come."""

    content: str = ""
    reasoning: str = ""
    calls: list[Call] = field(default_factory=list[Call])
    finish_reason: FinishReason | None = None
    is_answer_in_reasoning: bool = False
    """The content was written as reasoning that was never closed: worth a warning."""
    asides: list[Aside] = field(default_factory=list[Aside])


def collect(events: Iterable[Event]) -> Message:
    """The message these events add up to."""
    message = Message()
    content: list[str] = []
    reasoning: list[str] = []
    arguments: list[list[str]] = []
    asides: list[Aside] = []
    for event in events:
        match event:
            case Content(text):
                content.append(text)
            case Reasoning(text):
                reasoning.append(text)
            case CallStart(_, id, name, is_native_id):
                message.calls.append(Call(id, name, is_native_id=is_native_id))
                arguments.append([])
            case CallArguments(index, delta):
                arguments[index].append(delta)
            case CallEnd(index, is_complete):
                message.calls[index].is_complete = is_complete
            case AnswerInReasoning(text):
                content, reasoning = [*content, text], []
                message.is_answer_in_reasoning = True
            case Aside():
                asides.append(event)
            case Finished(reason):
                message.finish_reason = reason
    message.content, message.reasoning = "".join(content), "".join(reasoning)
    for call, deltas in zip(message.calls, arguments, strict=True):
        call.arguments = "".join(deltas)
    message.asides = [
        Aside(recipient, "".join(aside.text for aside in pieces)) for recipient, pieces in groupby(asides, lambda aside: aside.recipient)
    ]
    return message
