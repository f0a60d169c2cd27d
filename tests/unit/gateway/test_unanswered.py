"""Chats whose server gave reasoning and no answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from moorage.gateway.relay import DONE, RelayRules, SseRelay
from moorage.gateway.unanswered import with_answer
from moorage.testing.backend import block, delta, finish, usage


def thought(text: str, name: str = "reasoning_content", **more: object) -> bytes:
    return block({"id": "c1", "choices": [{"index": 0, "delta": {name: text, **more}, "finish_reason": None}]})


def relayed(*parts: bytes, size: int = 10_000, minds: bool = True) -> list[dict[str, Any]]:
    relay = SseRelay(RelayRules(minds_answer=minds))
    data = b"".join(parts)
    out = b"".join(relay.feed(data[at : at + size]) for at in range(0, len(data), size)) + relay.finish()
    assert out.endswith(DONE)
    return [json.loads(each[6:]) for each in out.decode().split("\n\n") if each.startswith("data: {")]


def content(chunks: list[dict[str, Any]]) -> str:
    return "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_a_stream_without_an_answer_gives_its_reasoning_as_one(name: str, size: int) -> None:
    start = block({"id": "c1", "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]})

    chunks = relayed(start, thought("It is", name), thought(' "noon".\n', name, content=None), finish(), usage(), DONE, size=size)

    assert content(chunks) == 'It is "noon".\n'
    (told,) = [chunk for chunk in chunks if "x_moorage_warning" in chunk]
    assert (told["x_moorage_warning"], told["id"]) == ("answer_in_reasoning", "c1")
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"


CALL = [{"index": 0, "id": "a", "function": {"name": "f", "arguments": ""}}]


@pytest.mark.parametrize(
    "parts",
    [
        (thought("Hm."), delta("Noon."), finish()),
        (thought("Hm."), delta("\n\n"), delta(" Noon."), finish()),
        (thought("Hm."), block({"choices": [{"index": 0, "delta": {"tool_calls": CALL}}]}), finish()),
        (thought("Hm."), finish("length")),
        (thought("Hm."), finish("tool_calls")),
        (thought("  \n"), finish()),
        (delta("Noon."), thought("after the answer"), finish()),
        (delta(""), finish()),
    ],
)
def test_a_stream_with_an_answer_or_another_end_passes_as_it_is(parts: tuple[bytes, ...]) -> None:
    assert relayed(*parts, DONE) == relayed(*parts, DONE, minds=False)


def test_an_answer_of_blanks_is_none() -> None:
    assert content(relayed(thought("It is noon."), delta("\n\n"), finish(), DONE)) == "\n\nIt is noon."


def test_it_may_be_left_as_it_is() -> None:
    assert content(relayed(thought("It is noon."), finish(), DONE, minds=False)) == ""


def test_a_stream_that_breaks_off_is_an_error_and_no_answer() -> None:
    assert content([chunk for chunk in relayed(thought("It is")) if "choices" in chunk]) == ""


def whole(message: dict[str, object], reason: str = "stop", count: int = 1) -> bytes:
    return json.dumps({"id": "c", "choices": [{"index": 0, "message": message, "finish_reason": reason}] * count, "x": 1.50}).encode()


@pytest.mark.parametrize("empty", [None, "", " \n"])
def test_a_whole_answer_without_content_gets_its_reasoning(empty: str | None) -> None:
    got = with_answer(whole({"role": "assistant", "content": empty, "reasoning_content": "noon", "tool_calls": []}))

    message = json.loads(got or b"null")["choices"][0]["message"]
    assert message == {"role": "assistant", "content": "noon", "tool_calls": []}


@pytest.mark.parametrize(
    "body",
    [
        whole({"content": "noon", "reasoning": "so"}),
        whole({"content": None, "reasoning": "so"}, "length"),
        whole({"content": None, "reasoning": "so", "tool_calls": [{"id": "a"}]}, "stop"),
        whole({"content": None, "reasoning": None}),
        whole({"content": None, "reasoning": "so"}, count=2),
        b'{"choices":"stop","finish_reason":"stop"}',
    ],
)
def test_other_answers_are_left_alone(body: bytes) -> None:
    assert with_answer(body) is None
