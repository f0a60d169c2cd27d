"""What a request says about tools, how a model is made to call, and how a conversation is handed to a template."""

from __future__ import annotations

import json
from typing import Any

import pytest

from moorage.core.errors import ToolsInvalid
from moorage.gateway.toolcalls.choice import MOST_TOOLS, ToolRequest, tool_request
from moorage.gateway.toolcalls.constrain import opening_of_call, structural_tag
from moorage.gateway.toolcalls.formats import FORMATS
from moorage.gateway.toolcalls.history import template_messages
from moorage.gateway.toolcalls.parser import Parser
from moorage.gateway.toolcalls.probe import probe
from moorage.gateway.toolcalls.prompt import as_plain_turns, described, with_tools
from moorage.gateway.toolcalls.template import ChatTemplate
from tests.builders import chat_templates
from tests.builders.tool_calls import HARBOUR, SAMPLES, calls, collect, reading

CALL = {"id": "abc", "type": "function", "function": {"name": "berth", "arguments": '{"ship": "白鹭"}'}}
RESULT = {"role": "tool", "tool_call_id": "abc", "content": "Berth 3."}


def asked(**body: Any) -> ToolRequest:
    return tool_request({"tools": HARBOUR, **body})


@pytest.mark.parametrize(
    ("body", "mode", "shown"),
    [
        ({}, "auto", ["berth", "tide", "log"]),
        ({"tool_choice": "auto"}, "auto", ["berth", "tide", "log"]),
        ({"tool_choice": "none"}, "none", []),
        ({"tool_choice": "required"}, "required", ["berth", "tide", "log"]),
        ({"tool_choice": "any"}, "required", ["berth", "tide", "log"]),
        ({"tool_choice": {"type": "function", "function": {"name": "tide"}}}, "named", ["tide"]),
        ({"tool_choice": {"type": "function", "name": "tide"}}, "named", ["tide"]),
        (
            {
                "tool_choice": {
                    "type": "allowed_tools",
                    "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "log"}}]},
                }
            },
            "required",
            ["log"],
        ),
    ],
)
def test_a_choice_decides_what_the_model_is_shown(body: dict[str, Any], mode: str, shown: list[str]):
    request = asked(**body)
    assert request.mode == mode
    assert [tool["function"]["name"] for tool in request.shown()] == shown  # type: ignore[index]


@pytest.mark.parametrize("body", [{}, {"tools": None}, {"tools": []}, {"tools": [], "tool_choice": "auto"}])
def test_without_tools_nothing_is_called(body: dict[str, Any]):
    request = tool_request(body)
    assert not request.reads_calls
    assert request.shown() == []


def test_legacy_functions_are_tools_called_one_at_a_time():
    request = tool_request({"functions": [HARBOUR[0]["function"]], "function_call": {"name": "berth"}})
    assert (request.mode, request.name, request.is_legacy, request.is_parallel) == ("named", "berth", True, False)
    assert "berth" in request.known


@pytest.mark.parametrize(("value", "expected"), [(None, True), (True, True), (False, False)])
def test_parallel_calls_are_the_clients_choice(value: bool | None, expected: bool):
    assert asked(parallel_tool_calls=value).is_parallel is expected


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"tools": "tide"}, "tools"),
        ({"tools": ["tide"]}, "tools[0]"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name"),
        ({"tools": [{"type": "function", "function": {"name": "x", "parameters": []}}]}, "tools[0].function.parameters"),
        ({"tools": HARBOUR * (MOST_TOOLS // 3 + 1)}, "tools"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tools": HARBOUR, "tool_choice": "always"}, "tool_choice"),
        ({"tools": HARBOUR, "tool_choice": 5}, "tool_choice"),
        ({"tools": HARBOUR, "tool_choice": {"type": "function", "function": {"name": "anchor"}}}, "tool_choice"),
        ({"tools": HARBOUR, "parallel_tool_calls": "yes"}, "parallel_tool_calls"),
        ({"functions": {}}, "functions"),
        ({"functions": [HARBOUR[0]["function"]], "function_call": {"name": "anchor"}}, "function_call"),
    ],
)
def test_a_wrong_field_is_named_in_both_languages(body: dict[str, Any], field: str):
    with pytest.raises(ToolsInvalid) as caught:
        tool_request(body)
    assert field in caught.value.say("en")
    assert field in caught.value.say("zh")
    assert caught.value.status == 400


NAMED = {"type": "function", "function": {"name": "berth"}}


@pytest.mark.parametrize("format", [name for name, format in FORMATS.items() if format.closing])
def test_the_opening_and_closing_of_a_named_call_make_a_call(format: str):
    opening = opening_of_call(FORMATS[format], asked(tool_choice=NAMED))
    assert opening is not None
    parser = Parser(reading(format, "<|start|>assistant" if format == "harmony" else ""))
    found = collect(parser.feed(opening + '{"ship": "x"}' + FORMATS[format].closing) + parser.finish())
    assert calls(found) == [("berth", {"ship": "x"})]
    assert found.calls[0].is_complete


def opening_in(sample: str, format: str) -> str:
    """The opening of a call of `berth` if the sample writes it the same way."""
    opening = (opening_of_call(FORMATS[format], asked(tool_choice=NAMED)) or "").rstrip()
    return opening if opening and opening in sample else ""


@pytest.mark.parametrize("format", [name for name, sample in SAMPLES.items() if opening_in(sample, name)])
def test_a_call_that_was_begun_for_the_model_is_read_on(format: str):
    opening = opening_in(SAMPLES[format], format)
    parser = Parser(reading(format, "<|start|>assistant" if format == "harmony" else ""))
    message = collect(parser.feed(opening) + parser.feed(SAMPLES[format].partition(opening)[2]) + parser.finish())
    assert calls(message) == [("berth", {"ship": "白鹭", "days": 3}), ("tide", {})]


def test_an_opening_closes_the_reasoning_that_the_template_opened():
    opening = opening_of_call(FORMATS["hermes"], asked(tool_choice="required"), "<think>\n")
    assert opening == "</think>\n\n<tool_call>\n"


@pytest.mark.parametrize("choice", ["auto", "none"])
def test_a_model_that_is_free_gets_no_opening(choice: str):
    assert opening_of_call(FORMATS["hermes"], asked(tool_choice=choice)) is None


def test_a_structural_tag_holds_each_call_to_its_schema():
    tag = structural_tag(FORMATS["hermes"], asked(tool_choice="required", parallel_tool_calls=False))
    assert tag is not None
    held: Any = tag["format"]
    assert held["triggers"] == ['<tool_call>\n{"name": "']
    assert (held["at_least_one"], held["stop_after_first"]) == (True, True)
    assert [one["begin"] for one in held["tags"]][1] == '<tool_call>\n{"name": "tide", "arguments": '
    assert held["tags"][0]["content"]["json_schema"] == HARBOUR[0]["function"]["parameters"]


def test_a_structural_tag_leaves_a_free_model_free():
    tag = structural_tag(FORMATS["kimi_k2"], asked())
    assert tag is not None
    held: Any = tag["format"]
    assert (held["at_least_one"], held["stop_after_first"]) == (False, False)


@pytest.mark.parametrize(("format", "choice"), [("qwen3_xml", "required"), ("hermes", "none")])
def test_there_is_no_structural_tag_without_json_or_calls(format: str, choice: str):
    assert structural_tag(FORMATS[format], asked(tool_choice=choice)) is None


def conversation() -> list[dict[str, Any]]:
    return [
        {"role": "developer", "content": [{"type": "text", "text": "Be brief."}, {"type": "text", "text": "Be kind."}]},
        {"role": "user", "content": "Where?"},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        RESULT,
        {"role": "user", "content": [{"type": "text", "text": "And?"}, {"type": "image_url", "image_url": {"url": "data:,"}}]},
    ]


def speech_of(template: str):
    return probe(ChatTemplate(template, {"bos_token": "", "eos_token": "</s>"}))


def test_a_conversation_is_handed_over_as_the_template_wants_it():
    system, _, assistant, tool, user = template_messages(conversation(), speech_of(chat_templates.QWEN3_XML))
    assert (system["role"], system["content"]) == ("system", "Be brief.\nBe kind.")
    call: Any = assistant["tool_calls"]
    assert call[0]["function"]["arguments"] == {"ship": "白鹭"}
    assert (assistant["content"], tool["tool_call_id"]) == ("", "abc")
    assert isinstance(user["content"], list)


def test_arguments_stay_text_where_the_template_wants_text():
    call: Any = template_messages(conversation(), speech_of(chat_templates.DEEPSEEK_V31))[2]["tool_calls"]
    assert call[0]["function"]["arguments"] == '{"ship": "白鹭"}'


@pytest.mark.parametrize("arguments", ["not json", "[1]", '{"a": '])
def test_arguments_that_are_no_object_are_left_alone(arguments: str):
    message = {"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "tide", "arguments": arguments}}]}
    call: Any = template_messages([message], speech_of(chat_templates.QWEN3_XML))[0]["tool_calls"]
    assert call[0]["function"]["arguments"] == arguments


@pytest.mark.parametrize(
    ("template", "id"), [(chat_templates.KIMI, "functions.berth:0"), (chat_templates.MISTRAL_ARRAY, None), (chat_templates.HERMES, "abc")]
)
def test_ids_get_the_form_the_model_knows_and_results_follow(template: str, id: str | None):
    messages = template_messages(conversation(), speech_of(template))
    call: Any = messages[2]["tool_calls"]
    if id is None:
        assert len(call[0]["id"]) == 9
    else:
        assert call[0]["id"] == id
    assert messages[3]["tool_call_id"] == call[0]["id"]


def test_a_native_id_comes_back_as_the_model_wrote_it():
    native = {**CALL, "id": "functions.berth:7"}
    call: Any = template_messages([{"role": "assistant", "tool_calls": [native]}], speech_of(chat_templates.KIMI))[0]["tool_calls"]
    assert call[0]["id"] == "functions.berth:7"


def test_legacy_calls_and_results_become_tools():
    messages = template_messages(
        [
            {"role": "assistant", "content": None, "function_call": {"name": "tide", "arguments": "{}"}},
            {"role": "function", "name": "tide", "content": "High."},
        ],
        speech_of(chat_templates.HERMES),
    )
    call: Any = messages[0]["tool_calls"]
    assert call[0]["function"] == {"name": "tide", "arguments": {}}
    assert messages[1]["role"] == "tool"
    assert messages[1]["tool_call_id"] == call[0]["id"]
    assert "function_call" not in messages[0]


@pytest.mark.parametrize("style", ["hermes", "react"])
def test_a_model_without_tools_in_its_template_is_told_of_them(style: str):
    text = described(asked(), style)
    assert all(name in text for name in ("berth", "tide", "log"))
    messages = with_tools([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "?"}], text)
    assert messages[0]["content"] == f"Be brief.\n\n{text}"
    assert [message["role"] for message in with_tools([{"role": "user", "content": "?"}], text)] == ["system", "user"]


def test_a_model_is_told_of_tools_in_its_own_format():
    speech = speech_of(chat_templates.DEEPSEEK_V31)
    assert speech is not None
    text = described(asked(), "native", example=speech.example, example_call=("f", "{}"))
    assert "<｜tool▁call▁begin｜>" in text
    assert "<｜end▁of▁sentence｜>" not in text


def test_what_must_be_called_and_how_often_is_said():
    text = described(asked(tool_choice={"type": "function", "function": {"name": "tide"}}, parallel_tool_calls=False))
    assert "must call `tide`" in text
    assert "at most one" in text
    assert described(asked(tool_choice="none")) == ""


@pytest.mark.parametrize(("style", "format"), [("hermes", "hermes"), ("react", "react")])
def test_plain_turns_carry_calls_and_results(style: str, format: str):
    messages = as_plain_turns(
        [{"role": "user", "content": "?"}, {"role": "assistant", "content": "Aye.", "tool_calls": [CALL]}, RESULT, RESULT], style
    )
    assert [message["role"] for message in messages] == ["user", "assistant", "user"]
    parser = Parser(reading(format))
    found = collect(parser.feed(str(messages[1]["content"])) + parser.finish())
    assert calls(found) == [("berth", {"ship": "白鹭"})]
    assert str(messages[2]["content"]).count("Berth 3.") == 2
    assert all(set(message) <= {"role", "content"} for message in messages)


def test_messages_survive_json():
    assert json.loads(json.dumps(template_messages(conversation(), None), ensure_ascii=False))
