"""What a parser reports: the text that is shown, the thoughts, the calls piece by piece, and how the message ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]


@dataclass(frozen=True, slots=True)
class Content:
    """More of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Reasoning:
    """More of the thoughts before it."""

    text: str


@dataclass(frozen=True, slots=True)
class CallStart:
    """A call begins: its name and id, whole, exactly once, before its arguments. Indexes count 0, 1, 2.

    ``is_native_id`` tells that the model wrote the id itself and wants it back in the next turn.
    """

    index: int
    id: str
    name: str
    is_native_id: bool


@dataclass(frozen=True, slots=True)
class CallArguments:
    """More of a call's arguments, as JSON text. The deltas of a call only ever grow it."""

    index: int
    delta: str


@dataclass(frozen=True, slots=True)
class CallEnd:
    """A call ends. One that the model did not finish is not ``is_complete``; nothing was added to make it look so."""

    index: int
    is_complete: bool


@dataclass(frozen=True, slots=True)
class Aside:
    """Text the model addressed to a tool of its own (``python``, ``browser``), neither answer nor call of the client's."""

    recipient: str
    text: str


@dataclass(frozen=True, slots=True)
class AnswerInReasoning:
    """The template opened the reasoning, the model never closed it and said it was done: what was reported as reasoning is the answer.

    ``text`` is all of it. A message moves it from reasoning to content; a stream, which cannot take back, gives it as content.
    """

    text: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The message is over."""

    reason: FinishReason


Event = Content | Reasoning | CallStart | CallArguments | CallEnd | Aside | AnswerInReasoning | Finished
