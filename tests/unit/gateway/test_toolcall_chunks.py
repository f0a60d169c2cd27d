"""Events become the deltas OpenAI's clients add up, and a message becomes OpenAI's message."""

from __future__ import annotations

from typing import Any

import pytest

from moorage.gateway.toolcalls.chunks import choice_of, delta_of, message_of
from moorage.gateway.toolcalls.events import AnswerInReasoning, Aside, CallEnd, Content, Finished, Reasoning
from moorage.gateway.toolcalls.message import Message, collect
from moorage.gateway.toolcalls.parser import parse
from tests.builders.tool_calls import SAMPLES, reading

HERMES = f"<think>Hm.</think>{SAMPLES['hermes']}"


def added_up(deltas: list[dict[str, Any]]) -> dict[str, Any]:
    """What a client makes of the deltas."""
    found: dict[str, Any] = {"content": "", "reasoning_content": "", "calls": []}
    for delta in deltas:
        found["content"] += delta.get("content", "")
        found["reasoning_content"] += delta.get("reasoning_content", "")
        for part in delta.get("tool_calls", []):
            if part["index"] == len(found["calls"]):
                found["calls"].append({"id": part["id"], "name": part["function"]["name"], "arguments": ""})
            found["calls"][part["index"]]["arguments"] += part["function"]["arguments"]
    return found


def test_the_deltas_of_a_stream_add_up_to_the_message():
    events = parse(reading("hermes"), list(HERMES))
    found = added_up([choice["delta"] for event in events if (choice := choice_of(event))])  # type: ignore[misc]
    assert found["content"].strip() == "Aye."
    assert found["reasoning_content"] == "Hm."
    assert [(call["name"], call["arguments"]) for call in found["calls"]] == [("berth", '{"ship": "白鹭", "days": 3}'), ("tide", "{}")]


def test_a_call_is_finished_before_the_next_begins():
    events = parse(reading("hermes"), list(HERMES))
    indexes = [part["index"] for event in events for part in (delta_of(event) or {}).get("tool_calls", [])]  # type: ignore[attr-defined]
    assert indexes == sorted(indexes)


def test_only_the_last_choice_has_a_reason():
    choices = [choice_of(event) for event in parse(reading("hermes"), [HERMES])]
    reasons = [choice["finish_reason"] for choice in choices if choice]
    assert reasons[-1] == "tool_calls"
    assert set(reasons[:-1]) == {None}


def test_reasoning_goes_out_under_both_names():
    assert delta_of(Reasoning("Hm.")) == {"reasoning": "Hm.", "reasoning_content": "Hm."}


@pytest.mark.parametrize("event", [CallEnd(0, True), Aside("python", "x")])
def test_what_clients_do_not_know_makes_no_delta(event: Any):
    assert choice_of(event) is None


def test_an_answer_found_in_reasoning_is_content():
    assert delta_of(AnswerInReasoning("High.")) == {"content": "High."}


def test_legacy_clients_get_one_function_call():
    events = parse(reading("hermes"), list(HERMES))
    deltas = [delta for event in events if (delta := delta_of(event, is_legacy=True))]
    called: list[Any] = [delta["function_call"] for delta in deltas if "function_call" in delta]
    assert "".join(part.get("name", "") for part in called) == "berth"
    assert "".join(part["arguments"] for part in called) == '{"ship": "白鹭", "days": 3}'
    last = choice_of(events[-1], is_legacy=True)
    assert last is not None
    assert last["finish_reason"] == "function_call"


def test_a_message_with_calls_only_has_no_content():
    found = message_of(collect(parse(reading("hermes"), ['<tool_call>{"name": "tide"}</tool_call>'])))
    assert found["content"] is None
    assert found["tool_calls"] == [{"id": "id0", "type": "function", "function": {"name": "tide", "arguments": "{}"}}]


def test_a_message_without_anything_has_an_empty_content():
    assert message_of(Message()) == {"role": "assistant", "content": ""}


def test_a_message_shows_its_reasoning_under_both_names():
    found = message_of(collect(parse(reading("hermes"), [HERMES])))
    assert (found["reasoning"], found["reasoning_content"]) == ("Hm.", "Hm.")


def test_a_legacy_message_has_one_function_call():
    found = message_of(collect(parse(reading("hermes"), [HERMES])), is_legacy=True)
    assert found["function_call"] == {"name": "berth", "arguments": '{"ship": "白鹭", "days": 3}'}
    assert "tool_calls" not in found


def test_the_end_has_an_empty_delta():
    assert choice_of(Finished("stop"), index=2) == {"index": 2, "delta": {}, "finish_reason": "stop"}


def test_content_is_passed_on():
    assert delta_of(Content("High.")) == {"content": "High."}
