"""A streamed answer on its way from server to client: bytes in, bytes out, cut anywhere. Pure; it waits for nothing and counts no time.

Blocks that are as they should be pass as they came. What is changed: CRLF becomes LF, lines other than ``data:`` leave blocks that hold data (some
clients drop such a block), reasoning is there under both of its names, the usage that only we asked for is taken out, and one that was
asked for stands in a chunk of its own with ``choices: []``, calls whose pieces are mixed are put one after the other. Half a block is never let out, so
that an error can follow at any moment.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import msgspec

from moorage.gateway.call_order import CallOrder
from moorage.gateway.errors import SERVER, error_body
from moorage.gateway.unanswered import Thoughts, has_answer
from moorage.gateway.upstream.base import UpstreamFailure

BLOCK_LIMIT = 16 * 2**20
DONE = b"data: [DONE]\n\n"
_REASONING = re.compile(rb'(?<!\\)"(reasoning|reasoning_content)"([ \t\r\n]*:[ \t\r\n]*)("[^"\\]*(?:\\.[^"\\]*)*"|null)')
_BYTE_ORDER = b"\xef\xbb\xbf"
_FINISHED = re.compile(rb'"finish_reason"[ \t]*:[ \t]*"')
_TWINS = {b"reasoning": b"reasoning_content", b"reasoning_content": b"reasoning"}


class Tokens(msgspec.Struct):
    """What an answer cost, as the server counted it; the others are what other APIs call the same."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    total_tokens: int = 0

    def __post_init__(self) -> None:
        self.completion_tokens = self.completion_tokens or self.output_tokens
        self.prompt_tokens = self.prompt_tokens or self.input_tokens or max(self.total_tokens - self.completion_tokens, 0)


class _Chunk(msgspec.Struct):
    usage: msgspec.Raw = msgspec.Raw()
    choices: list[msgspec.Raw] | None = None
    id: msgspec.Raw = msgspec.Raw()
    created: msgspec.Raw = msgspec.Raw()
    model: msgspec.Raw = msgspec.Raw()
    object: msgspec.Raw = msgspec.Raw()


_CHUNK = msgspec.json.Decoder(_Chunk)
_TOKENS = msgspec.json.Decoder(Tokens)


class StreamConversion(Protocol):
    """A stream in another shape than the server's. Each method gives whole blocks, as they are to be sent; b"" for none."""

    def data(self, payload: bytes) -> bytes:
        """For what one ``data:`` of the server held."""
        ...

    def end(self) -> bytes:
        """After the last one, in place of ``[DONE]``."""
        ...

    def fail(self, message: str) -> bytes:
        """In place of ``end``, when the answer was cut off."""
        ...


@dataclass(frozen=True, slots=True)
class RelayRules:
    """What a stream needs. ``wants_usage``: the client asked for it. ``is_chat``: reasoning may occur. ``conversion``: for an endpoint whose
    shape is not the server's. ``minds_answer``: a chat without an answer gets its reasoning as one."""

    wants_usage: bool = False
    is_chat: bool = True
    conversion: StreamConversion | None = None
    minds_answer: bool = False


class SseRelay:
    """One stream. ``feed`` what comes; what it returns may be sent at once. Then ``finish`` or ``fail``. ``has_error``: its first block is an error."""

    __slots__ = (
        "_before",
        "_calls",
        "_held",
        "_held_cr",
        "_is_plain",
        "_last",
        "_looked",
        "_own_usage",
        "_rules",
        "_thoughts",
        "has_data",
        "has_error",
        "is_done",
        "tokens",
        "words",
    )

    def __init__(self, rules: RelayRules) -> None:
        self._rules = rules
        self._held = bytearray()
        self._looked = 0
        self._held_cr = False
        self._before = self._last = b""
        self._own_usage: bytes | None = None
        self._calls: CallOrder | None = None
        self._thoughts: Thoughts | None = None
        self._is_plain = False  # after the first block, which is looked at closely, and before the end
        self.has_data = self.has_error = self.is_done = False
        self.tokens: Tokens | None = None
        """The usage, once it came."""
        self.words = 0
        """Blocks so far: about a token each, for answers whose usage never comes."""

    @property
    def last(self) -> bytes:
        """The newest block's data, as the server sent it."""
        return self._last

    def feed(self, data: bytes) -> bytes:
        """Bytes as they came from the server, to bytes for the client; often the same object. Raises UpstreamFailure for a block past
        BLOCK_LIMIT."""
        if (
            not self._held
            and data.find(b"\n") == len(data) - 2  # one block, and no other line in it
            and data.startswith(b"data: ")
            and data.endswith(b"\n\n")
            and b'"usage"' not in data
            and b'"reasoning' not in data
            and b'"tool_calls"' not in data
            and b"\r" not in data
            and self._is_plain
            and not self._held_cr
            and not data.startswith(b"data: [")
        ):
            self._before, self._last = self._last, data
            self.words += 1
            return data
        return self._take_apart(data)

    def finish(self) -> bytes:
        """What is sent after the server's last byte. An answer that was cut off ends with an error, never as if it were whole."""
        out = bytearray()
        if self._held and not self.is_done:
            if self._is_whole(bytes(self._held)):  # a server that saves the last blank line
                out += self._block(bytes(self._held).rstrip(b"\n"))
            else:
                return self.fail("broke off in the middle of a word", "在中途断开")
        if self.is_done:
            return bytes(out)
        if not (_is_error(self._last) or _FINISHED.search(self._last) or _FINISHED.search(self._before)):
            return bytes(out) + self.fail("ended the stream before the answer was finished", "在回答完成之前结束了数据流")
        return bytes(out) + self._end()

    def fail(self, reason: str, reason_zh: str = "") -> bytes:
        """A clean end for a stream that cannot go on: an error that clients understand, and ``[DONE]``."""
        if self.is_done:
            return b""
        self._held.clear()
        self.is_done, self._is_plain = True, False
        message = _cut_off(reason)
        if self._rules.conversion is not None:
            return self._rules.conversion.fail(message)
        return b"data: %b\n\n%b" % (error_body(message, SERVER, "stream_interrupted"), DONE)

    def _end(self) -> bytes:
        waited = b"" if self._calls is None else self._written(self._calls.rest())
        self.is_done, self._is_plain = True, False
        if self._rules.conversion is not None:
            return waited + self._rules.conversion.end()
        return waited + (self._own_usage or b"") + DONE

    def _take_apart(self, data: bytes) -> bytes:
        """Block by block, with what was held before."""
        if self._held_cr or b"\r" in data:
            data = self._line_feeds(data)
        held = self._held
        held += data
        end = held.find(b"\n\n", max(self._looked - 1, 0))
        if end < 0:
            self._looked = len(held)
            if len(held) > BLOCK_LIMIT:
                raise UpstreamFailure("too_large", f"sent a line of more than {BLOCK_LIMIT} bytes", f"发送了超过 {BLOCK_LIMIT} 字节的一行")
            return b""
        whole = bytes(held)
        self._looked = 0
        out: list[bytes] = []
        start = 0
        while end >= 0:
            out.append(self._block(whole[start:end]))
            start = end + 2
            end = whole.find(b"\n\n", start)
        self._held = bytearray(whole[start:])
        self._looked = len(self._held)
        return b"".join(out)

    def _line_feeds(self, data: bytes) -> bytes:
        """CRLF and CR as LF, also where a CRLF is cut in two. JSON holds neither unescaped."""
        if self._held_cr:
            data = b"\r" + data
        self._held_cr = data.endswith(b"\r")
        if self._held_cr:
            data = data[:-1]
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _block(self, block: bytes) -> bytes:
        """One block without its blank line, to what the client gets for it."""
        if self.is_done or not block.strip(b"\n"):
            return b""
        block = block.strip(b"\n")
        if not block.startswith(b"data:") or b"\n" in block:
            if not self.has_data:
                block = block.removeprefix(_BYTE_ORDER)
            block = _data_alone(block)
            if block.startswith(b":"):
                return block + b"\n\n"
            if not block:
                return b""
        payload = block[6:] if block.startswith(b"data: ") else block[5:]
        if payload.strip() == b"[DONE]":
            return self._end()
        if not self.has_data:
            self.has_error = _is_error(payload)
            self.has_data, self._is_plain = True, self._rules.conversion is None
        self._before, self._last = self._last, payload
        self.words += 1
        if b'"usage"' in payload:
            payload = self._note_usage(payload)
        has_reasoning = b'"reasoning' in payload
        before = self._think(payload) if self._rules.minds_answer and (has_reasoning or self._thoughts is not None) else None
        if self._rules.is_chat and has_reasoning:
            payload = with_both_reasonings(payload)
        said = self._written((before,)) if before else b""
        if payload and (b'"tool_calls"' in payload or (self._calls is not None and self._calls.is_holding)):
            return said + self._in_order(payload)
        return said + (self._written((payload,)) if payload else b"")

    def _in_order(self, payload: bytes) -> bytes:
        calls = self._calls = self._calls or CallOrder()
        out = self._written(calls.feed(payload))
        is_thinking = self._thoughts is not None and not self._thoughts.is_answered
        self._is_plain = self._rules.conversion is None and not calls.is_holding and not is_thinking
        return out

    def _written(self, payloads: Iterable[bytes]) -> bytes:
        if self._rules.conversion is not None:
            return b"".join(map(self._rules.conversion.data, payloads))
        return b"".join(b"data: %b\n\n" % payload for payload in payloads)

    def _think(self, payload: bytes) -> bytes | None:
        """Watches a chat that began with reasoning until its answer begins; a chunk to go before this one where none ever does."""
        if self._thoughts is None:
            self._thoughts = Thoughts(is_answered=self.words > 2 or has_answer(self._before))  # a role may come before the thoughts
        if self._thoughts.is_answered:
            return None
        before = self._thoughts.see(payload)
        self._is_plain = self._thoughts.is_answered and self._rules.conversion is None
        return before

    def _note_usage(self, payload: bytes) -> bytes:
        """Keeps the usage; b"" where the client did not ask for the chunk that holds it and nothing else."""
        try:
            chunk = _CHUNK.decode(payload.replace(b"\ndata:", b"\n"))
            if not chunk.usage or bytes(chunk.usage) == b"null":
                return payload
            self.tokens = _TOKENS.decode(chunk.usage)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            return payload  # a shape of its own; the client may know it
        if chunk.choices:
            self._own_usage = _usage_chunk(chunk) if self._rules.wants_usage else None
            return payload
        if not self._rules.wants_usage:
            return b""
        self._own_usage = None
        return payload if chunk.choices is not None else b'{"choices":[],' + payload.lstrip()[1:]

    @staticmethod
    def _is_whole(rest: bytes) -> bool:
        payload = rest.strip().removeprefix(b"data:").strip()
        if payload == b"[DONE]":
            return True
        try:
            msgspec.json.decode(payload)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            return False
        return rest.startswith(b"data:")


def _cut_off(reason: str) -> str:
    return f"The answer was cut off: the model server {reason}. Ask again."


def _is_error(payload: bytes) -> bool:
    """Whether a block says that the answer failed, in OpenAI's words or in an older server's."""
    start = payload.removeprefix(b"data: ")[:40].replace(b" ", b"")
    return start.startswith((b'{"error":{', b'{"error":"', b'{"object":"error"'))


def _data_alone(block: bytes) -> bytes:
    """The ``data`` lines of a block; its comment where there is no data."""
    lines = block.split(b"\n")
    data = [line for line in lines if line.startswith(b"data:")]
    return b"\n".join(data or [line for line in lines if line.startswith(b":")])


def _usage_chunk(chunk: _Chunk) -> bytes:
    fields = {name: raw for name in ("id", "object", "created", "model") if (raw := getattr(chunk, name))}
    return b"data: %b\n\n" % msgspec.json.encode({**fields, "choices": [], "usage": chunk.usage})


def with_both_reasonings(payload: bytes) -> bytes:
    """The JSON with ``reasoning`` beside each ``reasoning_content`` and the other way round: clients know one or the other."""
    found = [*_REASONING.finditer(payload)]
    if not found or len({match[1] for match in found}) == 2:
        return payload
    return _REASONING.sub(lambda match: b'%b,"%b"%b%b' % (match[0], _TWINS[match[1]], match[2], match[3]), payload)


class _Reply(msgspec.Struct):
    usage: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()
    object: msgspec.Raw = msgspec.Raw()


_REPLY = msgspec.json.Decoder(_Reply)


@dataclass(slots=True)  # not frozen: that would cost as much as reading the answer does
class Reply:
    """What an answer in one piece says of itself."""

    tokens: Tokens | None
    is_error: bool


def read_reply(body: bytes) -> Reply:
    """Usage and error of an answer that is not streamed. Raises UpstreamFailure for anything but a whole JSON object."""
    try:
        reply = _REPLY.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as e:
        raise UpstreamFailure("invalid", f"answered with something that is not a JSON object ({e})", f"返回的不是 JSON 对象（{e}）") from e
    has_error = bool(reply.error) and bytes(reply.error) != b"null"
    try:
        tokens = _TOKENS.decode(reply.usage) if reply.usage and bytes(reply.usage) != b"null" else None
    except (msgspec.DecodeError, UnicodeDecodeError):
        tokens = None
    return Reply(tokens, has_error or bytes(reply.object) == b'"error"')
