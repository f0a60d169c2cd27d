"""A look into a request body: the few fields the gateway needs, checked, and small changes made without touching the other bytes. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import cast

import msgspec

from moorage.gateway.config import Bounds
from moorage.gateway.errors import GatewayRefusal, bad_field, bad_json, missing_field

_VALUE = re.compile(rb'[ \t\r\n]*:[ \t\r\n]*("[^"\\]*(?:\\.[^"\\]*)*")')
_ESCAPED_LETTER = b"\\u006"  # the key may be written with escapes: all its letters begin so
_PLACE = re.compile(r" - at `\$\.?(.*)`$")
_CHARACTERS_A_TOKEN = 4
_MOST_TOKENS, _MOST_CHOICES = 1 << 31, 1 << 10  # a guess stays a number that counters can hold, and never gives tokens back
_LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens")  # one parameter in three APIs
_MOST_SHOWN = 1e300
_USAGE = b'"stream_options":{"include_usage":true}'


class _StreamOptions(msgspec.Struct):
    include_usage: bool | None = None


class Peek(msgspec.Struct):
    """What is read of every JSON request. Everything else is forwarded unseen."""

    model: str | None = None
    stream: bool | None = None


class GenerationPeek(Peek):
    """What is read of a request for a completion. The types are OpenAI's; whole numbers may be written ``5.0``, as some clients do."""

    messages: msgspec.Raw = msgspec.Raw()
    prompt: msgspec.Raw = msgspec.Raw()
    stream_options: _StreamOptions | None = None
    max_tokens: int | float | None = None
    max_completion_tokens: int | float | None = None
    n: int | float | None = None
    temperature: float | None = None
    top_p: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    seed: int | float | None = None
    stop: str | list[str] | None = None

    @property
    def wants_usage(self) -> bool:
        return self.stream_options is not None and self.stream_options.include_usage is True

    @property
    def text_tokens(self) -> int:
        """A guess at the tokens of its text."""
        return (len(memoryview(self.messages)) + len(memoryview(self.prompt))) // _CHARACTERS_A_TOKEN

    @property
    def tokens(self) -> int:
        """A guess at what the request will cost, before it is known: its text and the longest answer it allows."""
        longest = min(max(self.max_completion_tokens or self.max_tokens or 0, 0), _MOST_TOKENS)
        return self.text_tokens + int(longest) * int(min(max(self.n or 1, 1), _MOST_CHOICES))


_ANY = msgspec.json.Decoder(Peek)
_GENERATION = msgspec.json.Decoder(GenerationPeek)
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_MESSAGES = msgspec.json.Decoder(list[msgspec.Raw])


def peek(body: bytes) -> Peek:
    """The common fields of a JSON request. Raises GatewayRefusal."""
    return cast(Peek, _decode(_ANY, body))


def peek_generation(body: bytes, needs: str) -> GenerationPeek:
    """The fields of a chat completion (``needs`` messages) or a completion (``needs`` a prompt). Raises GatewayRefusal naming the field."""
    found = cast(GenerationPeek, _decode(_GENERATION, body))
    raw = memoryview(found.messages if needs == "messages" else found.prompt)
    if not raw or raw == b"null":
        raise missing_field(needs)
    if needs == "messages" and (raw[:1] != b"[" or not bytes(raw[1:64]).strip(b" \t\r\n]")):
        raise bad_field("messages", "it must be a list with at least one message", "应为至少含一条消息的列表")
    return found


def _decode(decoder: msgspec.json.Decoder[Peek] | msgspec.json.Decoder[GenerationPeek], body: bytes) -> Peek:
    try:
        found = decoder.decode(body)
    except msgspec.ValidationError as e:
        place = _PLACE.search(str(e))
        raise bad_field(place[1] if place else None, _PLACE.sub("", str(e))) from e
    except msgspec.DecodeError as e:
        raise bad_json(str(e)) from e
    except RecursionError as e:
        raise bad_json("it is nested too deeply") from e
    except UnicodeDecodeError as e:
        raise bad_json("it is not UTF-8") from e
    if found.model is None:
        raise missing_field("model")
    return found


def with_model(body: bytes, name: str) -> bytes:
    """The body with ``model`` named otherwise; every other byte stays where ``model`` occurs once, which is nearly always."""
    key = body.find(b'"model"')
    value = _VALUE.match(body, key + 7) if key > 0 else None
    if value is None or body.find(b'"model"', key + 7) >= 0 or body[key - 1 : key] == b"\\" or _ESCAPED_LETTER in body:
        return with_fields(body, {"model": name})
    start, end = value.span(1)
    return b"".join((body[:start], msgspec.json.encode(name), body[end:]))


def with_usage(body: bytes, peeked: GenerationPeek) -> bytes:
    """The body asking for the tokens at the end of the stream, whether its sender did or not."""
    if peeked.wants_usage:
        return body
    if peeked.stream_options is None and b'"stream_options"' not in body:
        end = body.rindex(b"}")
        return b"%b,%b%b" % (body[:end], _USAGE, body[end:])
    options = _FIELDS.decode(body).get("stream_options", msgspec.Raw(b"null"))
    known = cast("dict[str, object]", msgspec.json.decode(options) or {})
    return with_fields(body, {"stream_options": {**known, "include_usage": True}})


def with_fields(body: bytes, changes: Mapping[str, object]) -> bytes:
    """The body with fields set; the bytes of the others' values stay."""
    fields = _FIELDS.decode(body)
    fields.update({key: msgspec.Raw(msgspec.json.encode(value)) for key, value in changes.items()})
    return msgspec.json.encode(fields)


def with_defaults(body: bytes, defaults: Mapping[str, object], bounds: Bounds) -> bytes:
    """The body with the parameters it does not name. Raises GatewayRefusal for one out of its bounds."""
    fields = _FIELDS.decode(body)
    for name, (low, high) in bounds.items():
        for key in _LIMITS if name in _LIMITS else (name,):
            _check_bound(key, fields.get(key), low, high)
    missing = {key: value for key, value in defaults.items() if key not in fields or bytes(fields[key]) == b"null"}
    if any(name in fields and bytes(fields[name]) != b"null" for name in _LIMITS):
        missing = {key: value for key, value in missing.items() if key not in _LIMITS}
    return with_fields(body, missing) if missing else body


def _check_bound(name: str, raw: msgspec.Raw | None, low: float | None, high: float | None) -> None:
    value: object = msgspec.json.decode(raw) if raw is not None else None
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise bad_field(name, "it must be a number", "必须是数字")
    if (low is not None and value < low) or (high is not None and value > high):
        ends = f"{'…' if low is None else f'{low:g}'} to {'…' if high is None else f'{high:g}'}"
        raise _out_of_bounds(name, value, ends)


def _out_of_bounds(name: str, value: float, ends: str) -> GatewayRefusal:
    shown = f"{value:g}" if abs(value) < _MOST_SHOWN else f"a number of {len(str(value))} digits"
    return bad_field(name, f"this model takes {ends}, not {shown}", f"此模型允许 {ends.replace(' to ', ' 到 ')}，而不是 {shown}")


def prefix_key(peeked: GenerationPeek) -> int:
    """The same for all turns of one conversation: a hash of what its messages begin with."""
    if len(memoryview(peeked.messages)):
        first = _MESSAGES.decode(peeked.messages)[:2]
        return hash(b"".join(bytes(each) for each in first))
    return hash(bytes(memoryview(peeked.prompt)[:1024]))
