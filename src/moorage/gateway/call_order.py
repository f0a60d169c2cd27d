"""The tool calls of a stream, finished one after the other.

Some engines write the pieces of several calls in turns. Clients that go by a piece's place and not by its index then make one broken call of all of
them. Pieces that come in order pass as the bytes they are; others wait until the call before them is whole.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import msgspec

from moorage.gateway.shapes.fields import Json, obj, objects
from moorage.gateway.toolcalls.json_text import JsonScan


class CallOrder:
    """One stream's calls. ``feed`` the data of each block that holds some, and of every block while ``is_holding``; then ``rest``."""

    def __init__(self) -> None:
        self._choices: dict[int, _Calls] = {}
        self._head: Json = {}

    @property
    def is_holding(self) -> bool:
        return any(calls.waiting for calls in self._choices.values())

    def feed(self, payload: bytes) -> list[bytes]:
        """What may be sent now for one block's data, in order; the same bytes where nothing has to wait."""
        chunk = _chunk(payload)
        choices = objects(chunk.get("choices"))
        if not choices:
            return [payload]
        self._head = {**chunk, "choices": []}
        going = [self._go(choice) for choice in choices]
        if going == [_pieces(choice) for choice in choices]:
            return [payload]
        out: list[bytes] = []
        for choice, pieces in zip(choices, going, strict=True):
            out += [self._alone(_whole(choice), {"tool_calls": [piece]}) for piece in pieces]
            others = {name: value for name, value in obj(choice.get("delta")).items() if name != "tool_calls"}
            if others or choice.get("finish_reason"):
                out.append(self._alone(_whole(choice), others, choice))
        return out

    def rest(self) -> list[bytes]:
        """Everything that waits still, call by call."""
        return [self._alone(index, {"tool_calls": [piece]}) for index, calls in self._choices.items() for piece in calls.rest()]

    def _go(self, choice: Json) -> list[Json]:
        pieces = _pieces(choice)
        index = _whole(choice)
        if not pieces and index not in self._choices:
            return []
        calls = self._choices.setdefault(index, _Calls())
        going = [each for piece in pieces for each in calls.place(piece)]
        return going + calls.rest() if choice.get("finish_reason") else going

    def _alone(self, index: int, delta: Json, choice: Json | None = None) -> bytes:
        """A chunk with one choice and this delta, otherwise like the newest."""
        return msgspec.json.encode(
            {**self._head, "choices": [{**(choice or {"logprobs": None, "finish_reason": None}), "index": index, "delta": delta}]}
        )


@dataclass(slots=True)
class _Calls:
    """The calls of one choice: which is open, how far its arguments came, which are over, and what waits, by call."""

    open: int | None = None
    arguments: JsonScan = field(default_factory=JsonScan)
    has_begun: bool = False
    over: set[int] = field(default_factory=set[int])
    waiting: dict[int, list[Json]] = field(default_factory=dict[int, list[Json]])

    def place(self, piece: Json) -> list[Json]:
        """The pieces that may go now, this one among them unless it has to wait."""
        at = _whole(piece)
        if at != self.open and at not in self.over and not self._is_free:
            self.waiting.setdefault(at, []).append(piece)
            return []
        self._follow(at, piece)
        going = [piece]
        while self.waiting and self._is_free:
            following = next(iter(self.waiting))
            waited = self.waiting.pop(following)
            for each in waited:
                self._follow(following, each)
            going += waited
        return going

    def rest(self) -> list[Json]:
        waiting, self.waiting = self.waiting, {}
        return [piece for pieces in waiting.values() for piece in pieces]

    @property
    def _is_free(self) -> bool:
        return self.open is None or self.arguments.is_done

    def _follow(self, at: int, piece: Json) -> None:
        if at in self.over:
            return
        if at != self.open:
            if self.open is not None:
                self.over.add(self.open)
            self.open, self.arguments, self.has_begun = at, JsonScan(), False
        more = obj(piece.get("function")).get("arguments")
        if not isinstance(more, str):
            return
        more = more if self.has_begun else more.lstrip()
        if more:
            self.has_begun = True
            self.arguments.step(more, 0)


def _pieces(choice: Json) -> list[Json]:
    return objects(obj(choice.get("delta")).get("tool_calls"))


def _whole(indexed: Json) -> int:
    index = indexed.get("index")
    return index if isinstance(index, int) else 0


def _chunk(payload: bytes) -> Json:
    try:
        return obj(cast(object, msgspec.json.decode(payload.replace(b"\ndata:", b"\n"))))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
