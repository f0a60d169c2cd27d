"""What a stream becomes on its way to the client, wherever it is cut."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from moorage.gateway.relay import BLOCK_LIMIT, DONE, RelayRules, SseRelay, read_reply, with_both_reasonings
from moorage.gateway.upstream.base import UpstreamFailure
from moorage.testing.backend import block, delta, finish, usage

WHOLE = [delta("你好"), delta("wor\nld"), finish(), DONE]


def relayed(data: bytes, *cuts: int, wants_usage: bool = False, is_chat: bool = True) -> bytes:
    """What the client gets of a whole stream that comes in pieces."""
    relay = SseRelay(RelayRules(wants_usage, is_chat))
    ends = [*sorted({c % (len(data) + 1) for c in cuts}), len(data)]
    out, start = b"", 0
    for end in ends:
        out += relay.feed(data[start:end])
        start = end
    return out + relay.finish()


def events(stream: bytes) -> list[object]:
    """As a careful client reads them."""
    found: list[object] = []
    for part in stream.decode().split("\n\n"):
        if part.startswith("data: "):
            text = part.removeprefix("data: ")
            found.append(text if text == "[DONE]" else json.loads(text))
    return found


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
blocks = st.one_of(
    texts.map(delta),
    texts.map(lambda t: delta("", reasoning_content=t)),
    texts.map(lambda t: delta("", reasoning=t)),
    st.just(usage()),
    st.just(b": ping\n\n"),
    texts.map(lambda t: block({"choices": [], "usage": None, "note": t})),
    texts.map(lambda t: b"event: message\nid: 1\n" + delta(t)),
    texts.map(lambda t: delta(t).replace(b"\n", b"\r\n")),
    texts.map(lambda t: delta(t).replace(b"data: ", b"data:")),
    st.just(b'data: {"choices":\ndata: []}\n\n'),
    st.just(b"\n"),
)


@given(st.lists(blocks, max_size=8), st.lists(st.integers(0, 3000), max_size=12), st.booleans())
@example([delta("x").replace(b"\n", b"\r\n")], [*range(200)], False)
def test_a_stream_gives_the_same_bytes_wherever_it_is_cut(parts: list[bytes], cuts: list[int], wants_usage: bool) -> None:
    data = b"".join([*parts, finish(), DONE])

    assert relayed(data, *cuts, wants_usage=wants_usage) == relayed(data, wants_usage=wants_usage)


@given(st.binary(max_size=300), st.lists(st.integers(0, 400), max_size=6))
def test_any_bytes_end_as_a_stream_that_is_done(data: bytes, cuts: list[int]) -> None:
    out = relayed(data, *cuts)

    assert out.endswith(DONE)
    assert b"\r" not in out


def test_blocks_that_are_right_pass_byte_for_byte() -> None:
    data = b"".join(WHOLE)

    for cut in range(len(data)):
        assert relayed(data, cut) == data


def test_unknown_fields_and_spacing_survive() -> None:
    odd = b'data: {"choices": [ {"index":0,"delta":{"content":"a"},"x":[1,  2]} ],"y":{"z":null}}\n\n'

    assert relayed(odd + finish() + DONE).startswith(odd)


def test_a_piece_is_let_out_as_it_comes() -> None:
    relay = SseRelay(RelayRules())

    assert [relay.feed(part) for part in WHOLE] == WHOLE
    assert relay.finish() == b""


def test_half_a_block_waits_for_its_other_half() -> None:
    relay = SseRelay(RelayRules())
    part = delta("hello")

    assert (relay.feed(part[:9]), relay.feed(part[9:])) == (b"", part)


def test_crlf_and_event_lines_become_what_simple_clients_read() -> None:
    data = b"event: chunk\r\nid: 7\r\n" + delta("a").replace(b"\n", b"\r\n") + b": note\n" + finish() + DONE

    assert relayed(data) == delta("a") + finish() + DONE


def test_comments_of_their_own_and_data_of_several_lines_survive() -> None:
    data = b": ping\n\n" + b'data: {"choices":\ndata: []}\n\n' + finish() + DONE

    assert relayed(data) == data


@pytest.mark.parametrize(("has", "lacks"), [("reasoning", "reasoning_content"), ("reasoning_content", "reasoning")])
def test_reasoning_is_there_under_both_names(has: str, lacks: str) -> None:
    (first, *_) = events(relayed(delta("", **{has: 'say "x" \\ 你'}) + finish() + DONE))

    fields = first["choices"][0]["delta"]  # type: ignore[index]
    assert fields[has] == fields[lacks] == 'say "x" \\ 你'


def test_reasoning_that_is_there_twice_or_only_talked_about_is_left_alone() -> None:
    both = b'{"delta":{"reasoning":"a","reasoning_content":"a"}}'
    talk = json.dumps({"delta": {"content": '"reasoning": "x"'}}).encode()

    assert (with_both_reasonings(both), with_both_reasonings(talk)) == (both, talk)


def test_a_completion_that_is_no_chat_keeps_its_fields() -> None:
    part = block({"choices": [{"text": "", "reasoning": "x"}]})

    assert relayed(part + finish() + DONE, is_chat=False).startswith(part)


def test_usage_comes_only_when_asked_for() -> None:
    data = delta("a") + finish() + usage() + DONE

    assert relayed(data) == delta("a") + finish() + DONE
    assert relayed(data, wants_usage=True) == data


def test_usage_inside_the_last_word_gets_a_chunk_of_its_own() -> None:
    tokens = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    last = block({"id": "c", "model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": tokens})

    *_, extra, done = events(relayed(delta("a") + last + DONE, wants_usage=True))

    assert (extra, done) == ({"id": "c", "model": "m", "choices": [], "usage": tokens}, "[DONE]")
    assert relayed(delta("a") + last + DONE) == delta("a") + last + DONE


def test_a_usage_chunk_without_choices_gets_empty_ones() -> None:
    bare = b'data: {"usage":{"prompt_tokens":1,"completion_tokens":2}}\n\n'

    assert events(relayed(delta("a") + finish() + bare + DONE, wants_usage=True))[2]["choices"] == []  # type: ignore[index]


def test_the_tokens_are_known_afterwards() -> None:
    relay = SseRelay(RelayRules())
    relay.feed(delta("a") + finish() + usage(11, 7) + DONE)

    assert relay.tokens is not None
    assert (relay.tokens.prompt_tokens, relay.tokens.completion_tokens) == (11, 7)


@pytest.mark.parametrize("rest", [b"", delta("b")[:15], delta("b")])
def test_a_stream_that_breaks_off_ends_with_an_error(rest: bytes) -> None:
    out = relayed(delta("a") + rest)

    *_, error, done = events(out)
    assert error["error"]["code"] == "stream_interrupted"  # type: ignore[index]
    assert done == "[DONE]"


@pytest.mark.parametrize("rest", [b"", usage(), DONE.rstrip(), usage().rstrip()])
def test_a_finished_stream_without_its_end_gets_one(rest: bytes) -> None:
    assert relayed(delta("a") + finish() + rest) == delta("a") + finish() + DONE


def test_an_error_of_the_server_passes_and_ends_the_stream() -> None:
    error = block({"error": {"message": "out of memory", "type": "server_error", "param": None, "code": None}})

    assert relayed(delta("a") + error) == delta("a") + error + DONE


def test_nothing_follows_the_end() -> None:
    assert relayed(delta("a") + finish() + DONE + delta("late") + DONE) == delta("a") + finish() + DONE


def test_an_endless_line_is_given_up() -> None:
    relay = SseRelay(RelayRules())
    with pytest.raises(UpstreamFailure) as caught:
        for _ in range(BLOCK_LIMIT // 65536 + 2):
            relay.feed(b"x" * 65536)

    assert caught.value.kind == "too_large"


def test_failing_twice_ends_once() -> None:
    relay = SseRelay(RelayRules())
    relay.feed(delta("a") + delta("half")[:10])

    assert events(relay.fail("left", "离开"))[-1] == "[DONE]"
    assert relay.fail("left", "离开") == b""
    assert relay.feed(delta("late")) == b""


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"choices": [', b"[1]", b"\xff", b"{" * 100_000, b"null"])
def test_an_answer_that_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(UpstreamFailure):
        read_reply(body)


def test_an_answer_in_one_piece_says_its_tokens_and_whether_it_is_an_error() -> None:
    fine = read_reply(b'{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":6},"error":null}')

    assert fine.tokens is not None
    assert (fine.tokens.prompt_tokens, fine.tokens.completion_tokens, fine.is_error) == (5, 6, False)
    assert read_reply(b'{"error":{"message":"x"}}').is_error
    assert read_reply(b'{"object":"error","message":"x"}').is_error


def test_mixed_calls_come_one_after_the_other_and_before_the_end() -> None:
    first, second = ({"index": at, "id": f"c{at}", "function": {"name": "f", "arguments": '{"a":'}} for at in range(2))
    rest, other = ({"index": at, "function": {"arguments": f"{at}}}"}} for at in range(2))
    relay = SseRelay(RelayRules())
    out = relay.feed(b"".join(delta("", tool_calls=[each]) for each in (first, second, other, rest)) + finish("tool_calls") + DONE)

    deltas = [json.loads(part[6:])["choices"][0]["delta"] for part in out.split(b"\n\n") if part.startswith(b"data: {")]
    assert [call["index"] for each in deltas for call in each.get("tool_calls", [])] == [0, 0, 1, 1]
    assert out.endswith(finish("tool_calls") + DONE)
