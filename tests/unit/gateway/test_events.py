"""Typed events on their way from a server that speaks them itself, wherever they are cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.gateway.events import EventRelay
from moorage.gateway.relay import BLOCK_LIMIT
from moorage.gateway.upstream.base import UpstreamFailure

CREATED = b'event: response.created\ndata: {"type":"response.created","response":{"usage":null}}\n\n'
WORD = 'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"\\"input_tokens\\": 9 你"}\n\n'.encode()
DONE = b'event: response.completed\ndata: {"type":"response.completed","response":{"usage":{"input_tokens":7,"output_tokens": 3}}}\n\n'
ANTHROPIC = [
    b'event: message_start\r\ndata: {"type":"message_start","message":{"usage":{"input_tokens":5,"output_tokens":1}}}\r\n\r\n',
    b': keep-alive\r\n\r\nevent: message_delta\r\ndata: {"type":"message_delta","usage":{"output_tokens":12}}\r\n\r\n',
    b'event: message_stop\r\ndata: {"type":"message_stop"}\r\n\r\n',
]


def relayed(data: bytes, *cuts: int) -> tuple[bytes, EventRelay]:
    relay = EventRelay(must_end=True)
    out, start = b"", 0
    for end in [*sorted({cut % (len(data) + 1) for cut in cuts}), len(data)]:
        out += relay.feed(data[start:end])
        start = end
    return out + relay.finish(), relay


@pytest.mark.parametrize("data", [CREATED + WORD + DONE, b"".join(ANTHROPIC), CREATED + DONE + b"data: [DONE]\n\n"])
def test_events_pass_byte_for_byte_wherever_they_are_cut(data: bytes) -> None:
    for cut in range(len(data)):
        assert relayed(data, cut)[0] == data


def test_the_tokens_are_found_and_a_text_that_looks_like_them_is_not() -> None:
    for data, counts in ((CREATED + WORD + DONE, (7, 3)), (b"".join(ANTHROPIC), (5, 12))):
        tokens = relayed(data, 40)[1].tokens
        assert tokens is not None and (tokens.prompt_tokens, tokens.completion_tokens) == counts


def test_half_an_event_is_never_let_out() -> None:
    relay = EventRelay(must_end=True)

    assert relay.feed(CREATED + WORD[:30]) == CREATED
    assert relay.fail("broke off").startswith(b"event: error\ndata: {")
    assert relay.fail("again") == b""


@pytest.mark.parametrize("rest", [b"", WORD[:50], WORD])
def test_an_end_without_the_last_event_is_an_error(rest: bytes) -> None:
    out, relay = relayed(CREATED + rest)

    assert out.startswith(CREATED) and b"stream_interrupted" in out and relay.is_cut_off


def test_a_last_event_without_its_blank_line_is_whole() -> None:
    out, relay = relayed(CREATED + DONE.rstrip())

    assert out == CREATED + DONE and not relay.is_cut_off


@pytest.mark.parametrize(
    "first", [b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error"}}\n\n', b'data: {"error": {"message": "x"}}\n\n']
)
def test_an_error_that_comes_first_is_told(first: bytes) -> None:
    relay = EventRelay(must_end=True)
    relay.feed(first)

    assert relay.has_error


def test_an_error_in_the_middle_ends_the_answer() -> None:
    data = CREATED + b'event: error\ndata: {"type":"error","message":"x"}\n\n'

    assert relayed(data)[0] == data


def test_an_endless_event_is_given_up() -> None:
    relay = EventRelay(must_end=True)
    with pytest.raises(UpstreamFailure, match="16777216"):
        for _ in range(BLOCK_LIMIT // 65536 + 2):
            relay.feed(b"x" * 65536)


@given(st.binary(max_size=300), st.lists(st.integers(0, 400), max_size=6))
def test_any_bytes_end_without_half_an_event(data: bytes, cuts: list[int]) -> None:
    out, relay = relayed(data, *cuts)

    assert not out or out.endswith((b"\n\n", b"\r\n\r\n", b"\r\r"))
    assert relay.is_finished
