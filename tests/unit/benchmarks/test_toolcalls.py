"""The judge of the tool-call benchmark: what it lets pass and what it does not."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from moorage.gateway.toolcalls.events import CallArguments, CallEnd, CallStart, Event
from moorage.gateway.toolcalls.message import Call, Message


def _toolcalls() -> ModuleType:
    spec = importlib.util.spec_from_file_location("toolcalls_judge", Path(__file__).resolve().parents[3] / "benchmarks" / "toolcalls.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look there
    spec.loader.exec_module(module)
    return module


toolcalls = _toolcalls()


def vector(**changes: Any) -> dict[str, Any]:
    expected = {"name": "tide", "arguments": {"a": 1}}
    plain = {
        "check": "exact",
        "content_strict": True,
        "expected_content": "Aye.",
        "expected_reasoning": None,
        "expected_tool_calls": [expected],
    }
    return {**plain, **changes}


def answer(arguments: str = '{"a": 1}', content: str = "Aye.", reasoning: str = "", name: str = "tide", id: str = "id0") -> Message:
    return Message(content, reasoning, [Call(id, name, arguments)])


@pytest.mark.parametrize("arguments", ['{"a": 1}', '{ "a":1 }', '{"a": 1.0}'])
def test_arguments_are_compared_as_json(arguments: str):
    assert toolcalls.matches(vector(), answer(arguments)) == []


@pytest.mark.parametrize(
    ("message", "wrong"),
    [
        (answer('{"a": 2}'), ["calls"]),
        (answer('{"a": 1'), ["calls"]),
        (answer(name="time"), ["calls"]),
        (Message("Aye."), ["calls"]),
        (answer(content="Aye. More."), ["content"]),
        (answer(content=""), ["content"]),
        (answer(reasoning="Hm."), ["reasoning"]),
    ],
)
def test_every_difference_counts(message: Message, wrong: list[str]):
    assert toolcalls.matches(vector(), message) == wrong


def test_an_id_of_the_models_own_counts():
    call = {"name": "tide", "arguments": {"a": 1}, "native_id": "functions.tide:0"}
    assert toolcalls.matches(vector(expected_tool_calls=[call]), answer()) == ["calls"]
    assert toolcalls.matches(vector(expected_tool_calls=[call]), answer(id="functions.tide:0")) == []


def test_content_that_is_not_scored_does_not_count():
    assert toolcalls.matches(vector(content_strict=False), answer(content="other")) == []


@pytest.mark.parametrize(("arguments", "wrong"), [('{"a"', []), ("", []), ('{ "a" :', []), ('{"a": 1}', ["calls"]), ('{"b"', ["calls"])])
def test_a_cut_call_must_be_an_honest_beginning(arguments: str, wrong: list[str]):
    cut = vector(check="prefix", expected_tool_calls=[{"name": "tide", "arguments_text": '{"a": '}])
    assert toolcalls.matches(cut, answer(arguments)) == wrong


def test_where_no_call_is_expected_none_may_come():
    assert toolcalls.matches(vector(check="no_call", expected_tool_calls=[]), answer()) == ["calls"]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        (
            [
                CallStart(0, "a", "tide", False),
                CallArguments(0, "{}"),
                CallEnd(0, True),
                CallStart(1, "b", "tide", False),
                CallEnd(1, True),
            ],
            True,
        ),
        ([CallArguments(0, "{}"), CallStart(0, "a", "tide", False), CallEnd(0, True)], False),
        ([CallStart(1, "a", "tide", False), CallEnd(1, True)], False),
        ([CallStart(0, "a", "tide", False), CallStart(1, "b", "tide", False), CallEnd(0, True), CallEnd(1, True)], False),
        ([CallStart(0, "a", "tide", False)], False),
        ([CallStart(0, "", "tide", False), CallEnd(0, True)], False),
    ],
)
def test_calls_must_come_one_after_the_other(events: list[Event], expected: bool):
    assert toolcalls.is_ordered(events) is expected


@pytest.mark.parametrize("seed", range(5))
def test_a_cut_text_is_the_text(seed: int):
    text = "The tide is high. " * 5
    assert "".join(toolcalls.cuts(text, seed)) == text


def test_without_vllm_the_published_figure_says_that_it_was_not_measured():
    assert toolcalls.PUBLISHED_VLLM["measured_here"] is False
