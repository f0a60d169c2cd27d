"""A chat request becomes a prompt and a way of reading, and the answer to it becomes a message: the whole way without any engine."""

from __future__ import annotations

from typing import Any

import pytest

from moorage.core.errors import ToolsInvalid
from moorage.gateway.toolcalls.events import CallStart
from moorage.gateway.toolcalls.message import Message, collect
from moorage.gateway.toolcalls.prepare import PreparedChat, PreparedPrompt, prepare_chat, prepare_prompt
from moorage.gateway.toolcalls.probe import probe
from moorage.gateway.toolcalls.template import ChatTemplate
from tests.builders import chat_templates
from tests.builders.tool_calls import HARBOUR, SAMPLES, calls

QUESTION: list[dict[str, Any]] = [{"role": "user", "content": "Where does the heron lie?"}]
NAMED = {"type": "function", "function": {"name": "berth"}}


def prepared(template: str, **body: Any) -> PreparedPrompt:
    found = ChatTemplate(template, {"bos_token": "<s>", "eos_token": "</s>"})
    return prepare_prompt({"messages": QUESTION, "tools": HARBOUR, **body}, found, probe(found))


def answered(request: PreparedPrompt | PreparedChat, text: str) -> Message:
    parser, events = request.start()
    return collect([*events, *parser.feed(text), *parser.finish()])


@pytest.mark.parametrize("format", [name for name in chat_templates.BY_FORMAT if name != "lfm2"])
def test_a_request_with_tools_is_answered_with_calls(format: str):
    request = prepared(chat_templates.BY_FORMAT[format])
    assert "berth" in request.text
    assert request.text.endswith(request.reading.prefill)
    assert calls(answered(request, SAMPLES[format])) == [("berth", {"ship": "白鹭", "days": 3}), ("tide", {})]


def test_a_request_without_tools_reads_no_calls():
    request = prepared(chat_templates.HERMES, tools=None)
    assert "berth" not in request.text
    assert answered(request, SAMPLES["hermes"]).content == SAMPLES["hermes"]


def test_a_choice_of_none_shows_and_reads_nothing():
    request = prepared(chat_templates.HERMES, tool_choice="none")
    assert "berth" not in request.text
    assert answered(request, SAMPLES["hermes"]).calls == []


def test_a_named_tool_is_begun_for_the_model():
    request = prepared(chat_templates.HERMES, tool_choice=NAMED)
    assert request.text.endswith('<tool_call>\n{"name": "berth", "arguments": ')
    assert "tide" not in request.text
    found = answered(request, '{"ship": "白鹭"}}\n</tool_call>')
    assert calls(found) == [("berth", {"ship": "白鹭"})]
    assert found.finish_reason == "tool_calls"
    assert request.tag is not None


def test_the_call_that_was_begun_is_reported_at_once_where_its_name_is_known():
    _, events = prepared(chat_templates.HERMES, tool_choice=NAMED).start()
    assert events == [] or isinstance(events[0], CallStart)


def test_reasoning_that_the_template_opens_is_closed_before_a_call_is_begun():
    request = prepared(chat_templates.HERMES, tool_choice="required", chat_template_kwargs={"thinks": True})
    assert request.text.endswith("<think>\n</think>\n\n<tool_call>\n")
    assert answered(request, '{"name": "tide", "arguments": {}}\n</tool_call>').calls[0].name == "tide"


def test_reasoning_is_read_where_the_template_opens_it():
    request = prepared(chat_templates.HERMES, chat_template_kwargs={"thinks": True})
    found = answered(request, f"Hm.\n</think>\n\n{SAMPLES['hermes']}")
    assert (found.reasoning, found.content) == ("Hm.", "Aye.")


def test_parallel_calls_end_with_the_first_where_they_are_not_wanted():
    assert len(answered(prepared(chat_templates.HERMES, parallel_tool_calls=False), SAMPLES["hermes"]).calls) == 1


def test_tools_that_a_template_does_not_show_are_explained_in_its_own_format():
    request = prepared(chat_templates.KIMI)
    assert "functions.sound_the_depth:0" in request.text
    assert '"name": "berth"' in request.text


@pytest.mark.parametrize(
    "template",
    [chat_templates.DEEPSEEK_V31, "{% if messages[0].role == 'system' %}{{ raise_exception('no') }}{% endif %}" + chat_templates.NO_CALLS],
)
def test_tools_are_explained_before_the_question_where_there_is_no_system_turn(template: str):
    request = prepared(template)
    assert request.text.index('"name": "berth"') < request.text.index("Where does the heron lie?")


def test_a_template_without_calls_is_told_of_the_hermes_format():
    request = prepared(chat_templates.NO_CALLS)
    assert "<tool_call>" in request.text
    assert calls(answered(request, SAMPLES["hermes"]))[1] == ("tide", {})


@pytest.mark.parametrize(("style", "sample"), [("hermes", "hermes"), ("react", "react")])
def test_a_plain_chat_endpoint_is_told_of_tools_in_words(style: str, sample: str):
    request = prepare_chat({"messages": QUESTION, "tools": HARBOUR}, style)
    assert "berth" in str(request.messages[0]["content"])
    assert calls(answered(request, SAMPLES[sample])) == [("berth", {"ship": "白鹭", "days": 3}), ("tide", {})]
    assert bool(request.stops) is (style == "react")


def test_legacy_functions_go_the_same_way():
    request = prepared(chat_templates.HERMES, tools=None, functions=[HARBOUR[0]["function"]])
    assert request.request.is_legacy
    assert calls(answered(request, SAMPLES["hermes"])) == [("berth", {"ship": "白鹭", "days": 3})]


def test_what_is_wrong_is_said_before_anything_is_rendered():
    with pytest.raises(ToolsInvalid):
        prepared(chat_templates.HERMES, tool_choice={"type": "function", "function": {"name": "anchor"}})
