from __future__ import annotations

import pytest

from moorage.models.chunks import Piece, brief, error_text, read_answer, read_event


@pytest.mark.parametrize(
    ("data", "piece"),
    [
        ('{"choices":[{"delta":{"content":"你好"}}]}', Piece("你好")),
        ('{"choices":[{"delta":{"role":"assistant","content":null}}]}', Piece()),
        ('{"choices":[{"delta":{},"finish_reason":"stop"}]}', Piece(is_last=True)),
        ('{"choices":[{"delta":null,"finish_reason":"length"}]}', Piece(is_last=True)),
        ('{"choices":[{"delta":{"reasoning_content":"hm"}}]}', Piece(is_reasoning=True)),
        ('{"choices":[{"delta":{"reasoning":"hm","content":""}}]}', Piece(is_reasoning=True)),
        ('{"choices":[{"delta":{"content":[{"type":"thinking","thinking":[]},{"type":"text","text":"a"}]}}]}', Piece("a")),
        ('{"choices":[],"usage":{"total_tokens":3}}', Piece()),
        ('{"choices":[{"message":{"content":"whole"},"finish_reason":"stop"}]}', Piece("whole", is_last=True)),
        ('{"error":null,"choices":[{"delta":{"content":"a"}}]}', Piece("a")),
        ('{"error":{"message":"no memory","code":503}}', Piece(error="no memory", status=503)),
        ('{"error":"plain"}', Piece(error="plain")),
        ('{"object":"error","message":"old vLLM","code":400}', Piece(error="old vLLM", status=400)),
        (" [DONE] ", Piece(is_last=True)),
        ('{"id": 1}', Piece()),
    ],
)
def test_an_event_is_read_in_every_shape_that_servers_send(data: str, piece: Piece) -> None:
    assert read_event(data) == piece


def test_an_event_named_error_is_an_error_whatever_it_holds() -> None:
    assert read_event('{"detail": "overloaded"}', kind="error").error == "overloaded"


@pytest.mark.parametrize("data", ['{"choices":[{"del', "hello", "", "[1]", "3", "[" * 100_000])
def test_what_is_not_a_json_object_is_refused(data: str) -> None:
    with pytest.raises(ValueError, match="JSON"):
        read_event(data)


@pytest.mark.parametrize(
    "value", [{"choices": {}}, {"choices": [7]}, {"choices": [{"delta": "x"}]}, {"choices": [{"delta": {"content": 5}}]}]
)
def test_odd_shapes_bring_nothing_and_break_nothing(value: object) -> None:
    assert read_answer(value) == Piece()


def test_the_sentence_of_an_error_is_found_wherever_servers_put_it() -> None:
    bodies = [{"error": {"message": "x"}}, {"error": "x"}, {"message": "x"}, {"detail": "x"}, {"detail": [{"msg": "x"}]}]

    assert [error_text(body) for body in bodies] == ["x"] * 5
    assert error_text([]) == error_text({"error": 5}) == error_text(None) == ""


def test_a_long_text_becomes_one_short_line() -> None:
    assert brief("a\n b\t" + "c" * 400, 10) == "a b ccccc…"
