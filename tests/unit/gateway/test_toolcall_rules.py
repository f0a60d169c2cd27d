"""The rules of reading: where reasoning begins and ends, what becomes of malformed calls, which reason the message ends for."""

from __future__ import annotations

import pytest

from moorage.gateway.toolcalls.events import AnswerInReasoning, CallArguments, CallStart, Content, Finished
from moorage.gateway.toolcalls.parser import Parser
from tests.builders.tool_calls import calls, message, reading, tool

CALL = '<tool_call>\n{"name": "tide", "arguments": {}}\n</tool_call>'


def test_reasoning_begins_with_the_prefill_and_a_repeated_opener_is_swallowed():
    found = message("hermes", "<think>\nHigh or low?\n</think>\n\nHigh.", prefill="<think>\n")
    assert (found.reasoning, found.content) == ("High or low?", "High.")


def test_a_prefill_that_closed_the_reasoning_leaves_the_answer_alone():
    found = message("hermes", "High.", prefill="<think>\n\n</think>\n\n")
    assert (found.reasoning, found.content) == ("", "High.")


def test_a_model_that_opens_its_reasoning_itself_is_followed():
    found = message("hermes", "<think>Low?</think>High.")
    assert (found.reasoning, found.content) == ("Low?", "High.")


def test_a_word_about_thinking_in_the_middle_of_an_answer_is_text():
    text = "Write <think> before and </think> after."
    assert message("hermes", text).content == text


def test_calls_drafted_in_reasoning_are_reasoning_once_it_closes():
    found = message("hermes", f"Perhaps {CALL}? No.\n</think>\nNo call.", prefill="<think>\n")
    assert found.calls == []
    assert found.reasoning == f"Perhaps {CALL}? No."
    assert found.content == "No call."


def test_a_complete_call_in_reasoning_that_never_closes_is_real():
    found = message("hermes", f"I need the tide.\n{CALL}", prefill="<think>\n")
    assert found.reasoning == "I need the tide."
    assert calls(found) == [("tide", {})]
    assert found.finish_reason == "tool_calls"


def test_a_call_in_reasoning_that_a_limit_cut_is_reasoning():
    found = message("hermes", f"I need the tide.\n{CALL}", prefill="<think>\n", reason="length")
    assert found.calls == []
    assert found.reasoning == f"I need the tide.\n{CALL}"
    assert found.finish_reason == "length"


def test_an_incomplete_call_in_reasoning_is_reasoning():
    found = message("hermes", 'Now <tool_call>\n{"name": "tide", "argu', prefill="<think>\n")
    assert found.calls == []
    assert "tide" in found.content + found.reasoning


def test_reasoning_the_template_opened_and_nobody_closed_is_the_answer():
    found = message("hermes", "The tide is high.", prefill="<think>\n")
    assert (found.content, found.reasoning) == ("The tide is high.", "")
    assert found.is_answer_in_reasoning


def test_unclosed_reasoning_may_be_kept_as_reasoning():
    found = message("hermes", "The tide is high.", prefill="<think>\n", keeps_open_reasoning=True)
    assert (found.content, found.reasoning) == ("", "The tide is high.")


def test_reasoning_that_a_limit_cut_stays_reasoning():
    found = message("hermes", "The tide is", prefill="<think>\n", reason="length")
    assert (found.content, found.reasoning) == ("", "The tide is")
    assert not found.is_answer_in_reasoning


def test_reasoning_the_model_opened_itself_stays_reasoning():
    assert message("hermes", "<think>The tide is high.").reasoning == "The tide is high."


@pytest.mark.parametrize(
    ("reason", "text", "expected"),
    [
        ("stop", CALL, "tool_calls"),
        ("length", CALL, "length"),
        ("stop", "No call.", "stop"),
        ("length", "No ca", "length"),
        ("stop", '<tool_call>\n{"name": "tide", "arguments": {"a": ', "stop"),
        ("content_filter", "No", "content_filter"),
        (None, CALL, "tool_calls"),
    ],
)
def test_the_message_ends_with_tool_calls_only_after_a_complete_call(reason: str, text: str, expected: str):
    assert message("hermes", text, reason=reason).finish_reason == expected


def test_a_cut_call_keeps_its_honest_arguments():
    found = message("hermes", '<tool_call>\n{"name": "berth", "arguments": {"ship": "白', reason="length")
    assert [(call.name, call.arguments, call.is_complete) for call in found.calls] == [("berth", '{"ship": "白', False)]


@pytest.mark.parametrize("text", ['<tool_call>\n{"na', '<tool_call>\n{"name": "ber', "<tool_call>", "<tool_ca"])
def test_a_call_whose_name_is_incomplete_is_text(text: str):
    found = message("hermes", text, reason="length")
    assert found.calls == []
    assert found.content == text


@pytest.mark.parametrize(
    "text",
    [
        "<tool_call>\nnot json\n</tool_call>",
        "<tool_call>\n{1, 2}\n</tool_call>",
        '<tool_call>\n{"nom": "tide"}\n</tool_call>',
        "The <tool_call> tag opens a call.",
        '<tool_call>{"name": 5, "arguments": {}}</tool_call>',
        '<tool_call>{"name": "", "arguments": {}}</tool_call>',
    ],
)
def test_malformed_calls_become_text_and_nothing_vanishes(text: str):
    found = message("hermes", text)
    assert found.calls == []
    assert found.content == text


def test_a_call_after_a_malformed_one_is_found():
    found = message("hermes", f"<tool_call>nothing {CALL}")
    assert calls(found) == [("tide", {})]
    assert found.content.startswith("<tool_call>nothing")


def test_an_empty_call_is_nothing():
    assert message("qwen3_xml", "<tool_call></tool_call>High.").content == "High."


def test_an_unknown_tool_is_reported():
    assert calls(message("hermes", '<tool_call>{"name": "anchor", "arguments": {"deep": 3}}</tool_call>')) == [("anchor", {"deep": 3})]


def test_an_unknown_tool_is_text_where_only_known_ones_may_be_called():
    text = '<tool_call>{"name": "anchor", "arguments": {"deep": 3}}</tool_call>'
    found = message("hermes", text, strict_tools=True)
    assert found.calls == []
    assert found.content == text


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ('{"name": "tide", "parameters": {"a": 1}}', '{"a": 1}'),
        ('{"name": "tide", "arguments": "{\\"a\\": \\"\\u5317\\"}"}', '{"a": "北"}'),
        ('{"arguments": {"a": 1}, "name": "tide"}', '{"a": 1}'),
        ('{"name": "tide"}', "{}"),
        ('{"name": "tide", "arguments": null}', "{}"),
        ('{"name": "tide", "arguments": ""}', "{}"),
        ('{"type": "function", "function": {"name": "tide", "arguments": {"a": 1}}}', '{"a": 1}'),
        ('{"name": "tide", "arguments": {"a": 1}', '{"a": 1}'),
        ('{"name": "tide", "arguments": {"a": 1}}}', '{"a": 1}'),
    ],
)
def test_arguments_come_in_many_shapes(written: str, expected: str):
    found = message("hermes", f"<tool_call>\n{written}\n</tool_call>")
    assert [call.arguments for call in found.calls] == [expected]
    assert found.calls[0].is_complete
    assert found.content == ""


def test_the_models_own_characters_are_not_rewritten():
    written = '{ "ship" : "\\u767d鹭 \\"x\\" </tool_call> }{",\n "days":3.50 }'
    found = message("hermes", f'<tool_call>\n{{"name": "berth", "arguments": {written}}}\n</tool_call>')
    assert found.calls[0].arguments == written


def test_text_around_and_between_calls_is_content():
    found = message("hermes", f"Before {CALL} between {CALL} after.")
    assert found.content == "Before  between  after."
    assert len(found.calls) == 2


def test_the_blanks_beside_markup_are_no_content():
    found = message("hermes", f"\n\n{CALL}\n{CALL}\n")
    assert found.content == ""


def test_plain_text_keeps_every_blank():
    assert message("hermes", "\n  High. \n").content == "\n  High. \n"


def test_one_call_only_where_parallel_calls_are_not_wanted():
    parser = Parser(reading("hermes", is_parallel=False))
    events = parser.feed(CALL + CALL + " more")
    assert parser.is_done
    assert [event.name for event in events if isinstance(event, CallStart)] == ["tide"]
    assert parser.feed("more") == []
    assert parser.finish("stop") == [Finished("tool_calls")]


def test_calls_are_text_where_none_are_wanted():
    assert message("hermes", CALL, reads_calls=False).content == CALL


def test_native_ids_are_kept_and_never_given_twice():
    text = "".join(
        f"<|tool_call_begin|>functions.tide:{n}<|tool_call_argument_begin|>{{}}<|tool_call_end|>" for n in (0, 1, 1)
    )  # a model that counts wrong
    found = message("kimi_k2", f"<|tool_calls_section_begin|>{text}<|tool_calls_section_end|>")
    assert [call.id for call in found.calls] == ["functions.tide:0", "functions.tide:1", "id0"]
    assert [call.is_native_id for call in found.calls] == [True, True, False]


def test_an_id_behind_the_arguments_comes_before_them():
    found = message("mistral", '[TOOL_CALLS][{"name": "tide", "arguments": {"a": 1}, "id": "abcdef123"}]')
    assert (found.calls[0].id, found.calls[0].arguments) == ("abcdef123", '{"a": 1}')


def test_mistrals_new_ids_have_nine_letters_and_digits():
    events = Parser(reading_with_own_ids("mistral")).feed('[TOOL_CALLS]tide[ARGS]{"a": 1}')
    started = next(event for event in events if isinstance(event, CallStart))
    assert len(started.id) == 9
    assert started.id.isalnum()


def reading_with_own_ids(format: str):
    from dataclasses import replace

    return replace(reading(format), new_id=None)


def test_an_argument_that_closes_its_tag_inside_a_text_goes_on():
    value = 'print("</parameter>") and </parameter> again'
    found = message("qwen3_xml", f"<tool_call>\n<function=log>\n<parameter=text>\n{value}\n</parameter>\n</function>\n</tool_call>")
    assert calls(found) == [("log", {"text": value})]


def test_forgotten_closing_tags_lose_no_value():
    text = "<function=berth>\n<parameter=ship>\n白鹭\n<parameter=days>\n3\n</function>"
    assert calls(message("qwen3_xml", text)) == [("berth", {"ship": "白鹭", "days": 3})]


def test_a_forgotten_closing_tag_within_a_line_is_told_by_the_tools_parameters():
    text = "<function=berth><parameter=ship>白鹭<parameter=days>3</parameter></function>"
    assert calls(message("qwen3_xml", text)) == [("berth", {"ship": "白鹭", "days": 3})]
    text = "<function=log><parameter=text>write <parameter=x> here</parameter></function>"
    assert calls(message("qwen3_xml", text)) == [("log", {"text": "write <parameter=x> here"})]


def test_a_value_that_a_limit_cut_inside_a_tag_stays_an_honest_beginning():
    found = message("qwen3_xml", "<function=berth><parameter=ship>白鹭<parameter=da", reason="length")
    assert found.calls[0].arguments == '{"ship": "白鹭'


@pytest.mark.parametrize("quote", ['"', "'", ""])
def test_a_name_may_stand_in_any_quotes(quote: str):
    text = (
        f"<minimax:tool_call><invoke name={quote}log{quote}><parameter name={quote}text{quote}>x</parameter></invoke></minimax:tool_call>"
    )
    assert calls(message("minimax_m2", text)) == [("log", {"text": "x"})]


def test_a_string_parameter_streams_while_it_arrives():
    parser = Parser(reading("qwen3_xml"))
    parser.feed("<tool_call>\n<function=log>\n<parameter=text>\n")
    assert parser.feed("half a ") == [CallArguments(0, "half a")]
    assert parser.feed('"line') == [CallArguments(0, ' \\"line')]


def test_values_are_typed_by_the_schema():
    text = (
        "<tool_call>\n<function=berth>\n<parameter=ship>\n007\n</parameter>\n<parameter=days>\n5\n</parameter>\n<parameter=notes>\nnull\n</parameter>\n"
        "<parameter=cargo>\n{'tea': [1, None]}\n</parameter>\n<parameter=insured>\nTrue\n</parameter>\n</function>\n</tool_call>"
    )
    expected = {"ship": "007", "days": 5, "notes": None, "cargo": {"tea": [1, None]}, "insured": True}
    assert calls(message("qwen3_xml", text)) == [("berth", expected)]


def test_a_lone_parameter_named_arguments_is_the_arguments():
    text = '<minimax:tool_call><invoke name="berth"><parameter name="arguments">{"ship": "x"}</parameter></invoke></minimax:tool_call>'
    assert calls(message("minimax_m2", text)) == [("berth", {"ship": "x"})]


def test_unless_the_tool_has_such_a_parameter():
    text = '<minimax:tool_call><invoke name="run"><parameter name="arguments">{"ship": "x"}</parameter></invoke></minimax:tool_call>'
    found = message("minimax_m2", text, tools=[tool("run", arguments="object")])
    assert calls(found) == [("run", {"arguments": {"ship": "x"}})]


@pytest.mark.parametrize(
    ("format", "text"),
    [
        ("llama3_json", '{"answer": {"name": "tide", "parameters": {}}, "list": [1]}'),
        ("llama3_json", "The set {1, 2} is small."),
        ("llama3_json", '{"name": "tide"}'),
        ("llama3_json", 'As you said, {"name": "Wang", "parameters": {"age": 3}} is a person.'),
        ("pythonic", "[1, 2, 3]"),
        ("pythonic", "See [tide(now)](https://example.org) or [link](url)."),
        ("pythonic", "Try [unknown(a=1)] yourself."),
        ("xlam", '[{"city": "Rome"}, {"city": "Bari"}]'),
        ("phi4_functools", "Use functools.partial, or functools[0]."),
        ("react", "Action: none is needed, the tide is high."),
        ("qwen3_xml", "Write <function=tide> and go on."),
        ("mistral", "[TOOL_CALLS] is the token."),
        ("kimi_k2", "<|tool_calls_section_begin|>nothing"),
    ],
)
def test_what_only_looks_like_a_call_is_the_answer(format: str, text: str):
    found = message(format, text)
    assert found.calls == []
    assert found.content == text


def test_a_quote_inside_a_python_string_does_not_end_it():
    found = message("lfm2", "<|tool_call_start|>[log(text='sed -n '1,5p' /etc/hosts')]<|tool_call_end|>")
    assert calls(found) == [("log", {"text": "sed -n '1,5p' /etc/hosts"})]


def test_a_message_for_the_models_own_tool_is_neither_answer_nor_call():
    found = message("harmony", '<|channel|>commentary to=python<|message|>print("x")<|call|>', prefill="<|start|>assistant")
    assert (found.content, found.calls) == ("", [])
    assert [(aside.recipient, aside.text) for aside in found.asides] == [("python", 'print("x")')]


def test_the_recipient_may_stand_in_the_role():
    found = message(
        "harmony", ' to=functions.tide<|channel|>commentary json<|message|>{"a": "<|call|>"}<|call|>', prefill="<|start|>assistant"
    )
    assert calls(found) == [("tide", {"a": "<|call|>"})]


def test_a_header_that_never_ends_is_the_answer():
    text = "A plain answer without any channel. " * 40
    assert message("harmony", text, prefill="<|start|>assistant").content == text


def test_the_answer_is_not_held_back_longer_than_a_tag():
    parser = Parser(reading("hermes"))
    assert parser.feed("The tide is <") == [Content("The tide is")]
    assert parser.feed("tool_ca") == []
    assert parser.feed("sk>") == [Content(" <tool_cask>")]


def test_an_opening_that_was_written_for_the_model_is_read_first():
    parser = Parser(reading("hermes", prefill="<think>\n"))
    events = parser.feed('</think>\n\n<tool_call>\n{"name": "tide", "arguments": ') + parser.feed("{}}\n</tool_call>") + parser.finish()
    assert [event.name for event in events if isinstance(event, CallStart)] == ["tide"]
    assert events[-1] == Finished("tool_calls")


def test_a_prefill_that_ends_with_an_opener_begins_a_call():
    assert calls(message("functionary", 'tide\n{"a": 1}', prefill=">>>")) == [("tide", {"a": 1})]


def test_finishing_twice_gives_nothing_more():
    parser = Parser(reading("hermes", prefill="<think>\n"))
    parser.feed("High.")
    assert parser.finish() == [AnswerInReasoning("High."), Finished("stop")]
    assert parser.finish() == []
    assert parser.feed("more") == []


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ('<parameter name="input">{"ship": "x"}</parameter>', {"ship": "x"}),
        ('<parameter name="input">{"other": "x"}</parameter>', {"input": {"other": "x"}}),
        (
            '<parameter name="arguments">{"ship": "x"}</parameter><parameter name="days">3</parameter>',
            {"arguments": {"ship": "x"}, "days": 3},
        ),
    ],
)
def test_only_an_object_of_the_tools_own_parameters_is_unwrapped(written: str, expected: dict[str, object]):
    text = f'<minimax:tool_call><invoke name="berth">{written}</invoke></minimax:tool_call>'
    assert calls(message("minimax_m2", text)) == [("berth", expected)]


def test_a_word_in_the_place_of_a_name_that_is_none_is_markup():
    assert message("functionary", "all\nHigh.", prefill=">>>").content == "High."


def test_the_frame_of_an_answer_is_no_content():
    assert message("granite", "<think>Hm.</think><response>High.</response>").content == "High."


def test_harmonys_calls_are_text_where_none_are_wanted():
    found = message(
        "harmony", '<|channel|>commentary to=functions.tide<|message|>{"a": 1}<|call|>', prefill="<|start|>assistant", reads_calls=False
    )
    assert (found.calls, found.content) == ([], '{"a": 1}')


@pytest.mark.parametrize(
    ("text", "expected"), [("The <s>old</s> tide.", "The <s>old</s> tide."), ("High.</s>", "High."), ("High.</s> \n", "High.")]
)
def test_a_turns_end_is_no_content_and_struck_out_text_is(text: str, expected: str):
    assert message("mistral", text).content == expected
