"""Calls of a stream come out one after the other, whatever order an engine writes their pieces in."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.gateway.call_order import CallOrder

ARGUMENTS = ['{"city": "Paris", "days": [1, {"a": "}"}]}', '{"city": "Rome"}', "{}"]


def begin(at: int, choice: int = 0) -> bytes:
    return chunk({"index": at, "id": f"call_{at}", "type": "function", "function": {"name": "f", "arguments": ""}}, choice)


def piece(at: int, text: str, choice: int = 0) -> bytes:
    return chunk({"index": at, "function": {"arguments": text}}, choice)


def chunk(call: dict[str, Any], choice: int = 0) -> bytes:
    return json.dumps({"id": "c", "choices": [{"index": choice, "delta": {"tool_calls": [call]}, "finish_reason": None}]}).encode()


def finish(choice: int = 0) -> bytes:
    return json.dumps({"id": "c", "choices": [{"index": choice, "delta": {}, "finish_reason": "tool_calls"}]}).encode()


def written(call: int, choice: int = 0) -> list[bytes]:
    text = ARGUMENTS[call]
    return [begin(call, choice), *(piece(call, text[at : at + 5], choice) for at in range(0, len(text), 5))]


def fed(payloads: list[bytes]) -> list[bytes]:
    order = CallOrder()
    return [*(out for payload in payloads for out in order.feed(payload)), *order.rest()]


def glued(payloads: list[bytes]) -> dict[tuple[int, int], str]:
    """The arguments of each call, as a client makes them that looks at nothing but the order: a name begins a call."""
    calls: dict[tuple[int, int], str] = {}
    newest: dict[int, tuple[int, int]] = {}
    for payload in payloads:
        for choice in json.loads(payload)["choices"]:
            for call in choice["delta"].get("tool_calls", []):
                if call.get("id"):
                    newest[choice["index"]] = (choice["index"], call["index"])
                key = newest[choice["index"]]
                calls[key] = calls.get(key, "") + call["function"]["arguments"]
    return calls


def test_calls_in_order_pass_as_the_bytes_they_are() -> None:
    payloads = [*written(0), *written(1), *written(2), finish()]

    assert fed(payloads) == payloads


def test_a_mixed_call_waits_for_the_one_before_it() -> None:
    mixed = [begin(0), begin(1), piece(1, '{"b":'), piece(0, '{"a":'), piece(0, "1}"), piece(1, "2}"), finish()]

    assert [said(each) for each in fed(mixed)] == [said(mixed[at]) for at in (0, 3, 4, 1, 2, 5, 6)]


def said(payload: bytes) -> tuple[object, object]:
    (choice,) = json.loads(payload)["choices"]
    return choice["delta"], choice["finish_reason"]


@given(st.data())
def test_any_mixture_gives_the_same_calls_one_after_the_other(data: st.DataObject) -> None:
    lines = [written(call, choice) for choice in range(2) for call in range(3)]
    mixed: list[bytes] = []
    while any(lines):
        line = data.draw(st.sampled_from([each for each in lines if each]))
        mixed.append(line.pop(0))
    # what a client gets that knows no index, each call begun in the order in which the engine began it
    assert glued(fed([*mixed, finish(0), finish(1)])) == {(choice, call): ARGUMENTS[call] for choice in range(2) for call in range(3)}


def test_several_pieces_in_one_block_are_parted() -> None:
    calls = [json.loads(each)["choices"][0]["delta"]["tool_calls"][0] for each in (begin(0), begin(1))]
    block = json.dumps(
        {"id": "c", "choices": [{"index": 0, "delta": {"role": "assistant", "tool_calls": calls}, "finish_reason": None}]}
    ).encode()

    out = fed([block, piece(1, "{}"), piece(0, "{}"), finish()])

    assert glued(out) == {(0, 0): "{}", (0, 1): "{}"}
    assert sum(b'"role"' in each for each in out) == 1
    assert out[-1] == finish()


def test_whole_calls_in_one_block_pass_as_they_are() -> None:
    calls = [{"index": at, "id": f"c{at}", "function": {"name": "f", "arguments": "{}"}} for at in range(3)]
    block = json.dumps({"choices": [{"index": 0, "delta": {"tool_calls": calls}, "finish_reason": "tool_calls"}]}).encode()

    assert fed([block]) == [block]


def test_a_call_without_arguments_keeps_the_next_one_until_the_end_and_loses_nothing() -> None:
    out = fed([begin(0), *written(1), finish()])

    assert glued(out) == {(0, 0): "", (0, 1): ARGUMENTS[1]}
    assert said(out[-1]) == said(finish())


@pytest.mark.parametrize("payload", [b"[DONE]", b"{", b"[]", b'{"choices": 5}', b'{"choices": [{"delta": {"tool_calls": "x"}}]}', b"\xff"])
def test_what_is_no_call_passes(payload: bytes) -> None:
    assert fed([begin(0), payload])[1:] == [payload]
