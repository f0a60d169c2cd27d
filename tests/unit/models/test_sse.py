from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from moorage.models.sse import Event, EventTooLong, SseDecoder

STREAM = (
    "\ufeff: a comment\r\n\r\nevent: greeting\r\ndata: 你好\rdata:second line\r\r"
    'id: 7\ndata\n\ndata: {"a": "价格：42 元 😀"}\r\n\r\n\n\nretry: 10\ndata: [DONE]'
).encode()
EVENTS = [Event("你好\nsecond line", "greeting"), Event(""), Event('{"a": "价格：42 元 😀"}'), Event("[DONE]")]


def decode(pieces: list[bytes], limit: int = 1 << 20) -> list[Event | str]:
    decoder, events = SseDecoder(limit), list[Event | str]()
    try:
        for piece in pieces:
            for event in decoder.feed(piece):
                events.append(event)
        events.extend(decoder.finish())
    except EventTooLong:
        events.append("too long")
    return events


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


def test_a_stream_gives_its_events_by_the_rules() -> None:
    assert decode([STREAM]) == EVENTS


def test_a_stream_fed_byte_by_byte_gives_the_same_events() -> None:
    assert decode([STREAM[i : i + 1] for i in range(len(STREAM))]) == EVENTS


@given(st.lists(st.integers(0, len(STREAM))))
def test_a_stream_cut_anywhere_gives_the_same_events(places: list[int]) -> None:
    assert decode(cut(STREAM, places)) == EVENTS


@given(
    st.lists(st.sampled_from([b"data", b":", b" ", b"\r", b"\n", b"x", b"event", "价".encode()]), max_size=40), st.lists(st.integers(0, 99))
)
def test_any_bytes_cut_anywhere_give_the_same_events_and_the_same_refusal(parts: list[bytes], places: list[int]) -> None:
    data = b"".join(parts)

    assert decode(cut(data, places), limit=12) == decode([data], limit=12)


@given(
    st.lists(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"])), min_size=1),
    st.sampled_from(["\n", "\r", "\r\n"]),
)
def test_what_was_written_as_an_event_is_read_back(lines: list[str], end: str) -> None:
    written = "".join(f"data: {line}{end}" for line in lines) + end

    assert decode([b"\xef\xbb\xbf" + written.encode()]) == [Event("\n".join(lines))]


def test_an_endless_line_is_refused_and_the_events_before_it_are_kept() -> None:
    assert decode([b"data: a\n\ndata: " + b"x" * 5000], limit=1000) == [Event("a"), "too long"]


def test_endless_data_lines_without_a_blank_line_are_refused() -> None:
    assert decode([b"data: x\n"] * 1000, limit=1000) == ["too long"]
