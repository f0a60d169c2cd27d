"""Answers that a server took for reasoning: it gave thoughts, neither an answer nor a call, and said that it was done. Pure.

It happens to models that think only when asked, behind a parser that expects thoughts. Watching costs a stream nothing after the first word of its answer.
"""

from __future__ import annotations

import re

import msgspec

from moorage.gateway.warnings import ANSWER_IN_REASONING, in_chunk

_MOST_BYTES = 16 * 2**20
# Unescaped quotation marks cannot stand inside a JSON string, so that these are the message's own fields. Blanks alone are no answer.
_ANSWER = re.compile(
    rb'"content"[ \t]*:[ \t]*(?:"(?:\\[nrt]| )*(?:[^"\\ ]|\\[^nrt])|\[[ \t]*\{)|"(?:tool_calls|function_call)"[ \t]*:[ \t]*[\[{][ \t]*["{]'
)
_STOPPED = re.compile(rb'"finish_reason"[ \t]*:[ \t]*"stop"')


class _Said(msgspec.Struct):
    reasoning: str | None = None
    reasoning_content: str | None = None

    @property
    def thought(self) -> str:
        return self.reasoning or self.reasoning_content or ""


class _Choice(msgspec.Struct):
    index: int = 0
    delta: _Said = msgspec.field(default_factory=_Said)
    finish_reason: str | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] = []
    id: msgspec.Raw = msgspec.Raw()
    object: msgspec.Raw = msgspec.Raw()
    created: msgspec.Raw = msgspec.Raw()
    model: msgspec.Raw = msgspec.Raw()


_CHUNK = msgspec.json.Decoder(_Chunk)
_HEAD = ("id", "object", "created", "model")


def has_answer(payload: bytes) -> bool:
    """Whether a chunk holds a word of the answer, or of a call."""
    return _ANSWER.search(payload) is not None


class Thoughts:
    """The reasoning of one streamed chat, kept until its answer begins. ``is_answered``: nothing more needs to be watched."""

    __slots__ = ("_kept", "_size", "is_answered")

    def __init__(self, *, is_answered: bool = False) -> None:
        self._kept: list[bytes] = []
        self._size = 0
        self.is_answered = is_answered

    def see(self, payload: bytes) -> bytes | None:
        """A chunk on its way to the client; the chunk that is to go before it, if it ends a chat that had no answer."""
        self._kept.append(payload)
        self._size += len(payload)
        if has_answer(payload) or self._size > _MOST_BYTES:
            self._end()
            return None
        if not _STOPPED.search(payload):
            return None
        answer = self._answer(payload)
        self._end()
        return answer

    def _end(self) -> None:
        self.is_answered = True
        self._kept.clear()

    def _answer(self, last: bytes) -> bytes | None:
        try:
            chunks = [_CHUNK.decode(each) for each in self._kept]
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            return None  # a shape of its own
        indexes = {choice.index for chunk in chunks for choice in chunk.choices}
        text = "".join(choice.delta.thought for chunk in chunks for choice in chunk.choices)
        if len(indexes) != 1 or not text.strip():
            return None
        head = {name: raw for name in _HEAD if (raw := getattr(chunks[-1], name))}
        choice = {"index": indexes.pop(), "delta": {"content": text}, "finish_reason": None}
        return msgspec.json.encode({**head, "choices": [choice], **in_chunk(ANSWER_IN_REASONING)})


_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_CHOICES = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])


def with_answer(body: bytes) -> bytes | None:
    """The chat answer whose reasoning became its content; None where it needs none. The bytes of all other fields stay."""
    if _ANSWER.search(body) or not _STOPPED.search(body):
        return None
    try:
        fields = _FIELDS.decode(body)
        (choice,) = _CHOICES.decode(fields["choices"])
        message = _FIELDS.decode(choice["message"])
        thought = msgspec.json.decode(choice["message"], type=_Said).thought
    except (msgspec.DecodeError, KeyError, ValueError, RecursionError):
        return None
    if not thought.strip():
        return None
    kept = {name: raw for name, raw in message.items() if name not in ("reasoning", "reasoning_content")}
    choice["message"] = msgspec.Raw(msgspec.json.encode({**kept, "content": thought}))
    fields["choices"] = msgspec.Raw(msgspec.json.encode([choice]))
    return msgspec.json.encode(fields)
