"""Rendering chat templates, and finding out from them how a model speaks."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moorage.core.errors import ChatTemplateInvalid
from moorage.gateway.toolcalls.formats import FORMATS
from moorage.gateway.toolcalls.history import template_messages
from moorage.gateway.toolcalls.message import collect
from moorage.gateway.toolcalls.parser import Reading, parse
from moorage.gateway.toolcalls.probe import Speech, probe
from moorage.gateway.toolcalls.template import ChatTemplate, shared_prefix
from moorage.gateway.toolcalls.tools import Tools
from tests.builders import chat_templates
from tests.builders.tool_calls import HARBOUR

TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}
SPEECH: dict[str, Speech | None] = {}
HELLO = [{"role": "user", "content": "Hello"}]


@pytest.mark.parametrize("format", chat_templates.BY_FORMAT)
def test_a_template_tells_its_format(format: str):
    found = probe(ChatTemplate(chat_templates.BY_FORMAT[format], TOKENS))
    assert found is not None
    assert found.format.name == format


def test_mistrals_older_form_is_told_from_the_newer():
    found = probe(ChatTemplate(chat_templates.MISTRAL_ARRAY, TOKENS))
    assert found is not None
    assert found.format.name == "mistral_array"


def test_a_template_without_calls_speaks_no_format():
    assert probe(ChatTemplate(chat_templates.NO_CALLS)) is None


def test_a_template_that_always_refuses_speaks_no_format():
    assert probe(ChatTemplate("{{ raise_exception('no') }}")) is None


@pytest.mark.parametrize(("template", "takes_objects"), [(chat_templates.QWEN3_XML, True), (chat_templates.DEEPSEEK_V31, False)])
def test_the_probe_learns_whether_arguments_are_objects(template: str, takes_objects: bool):
    found = probe(ChatTemplate(template, TOKENS))
    assert found is not None
    assert found.takes_objects is takes_objects


@pytest.mark.parametrize(("template", "renders_tools"), [(chat_templates.HERMES, True), (chat_templates.DEEPSEEK_V31, False)])
def test_the_probe_learns_whether_the_template_shows_tools(template: str, renders_tools: bool):
    found = probe(ChatTemplate(template, TOKENS))
    assert found is not None
    assert found.renders_tools is renders_tools


def test_the_probe_finds_the_marks_of_reasoning_in_the_template():
    found = probe(ChatTemplate("{#- <seed:think> -#}" + chat_templates.HERMES))
    assert found is not None
    message = collect(parse(Reading(found.format), ["<seed:think>a</seed:think>b"]))
    assert (message.reasoning, message.content) == ("a", "b")


@pytest.mark.parametrize("format", chat_templates.BY_FORMAT)
def test_what_a_template_writes_of_a_conversation_is_read_back(format: str):
    template = ChatTemplate(chat_templates.BY_FORMAT[format], TOKENS)
    speech = probe(template)
    assert speech is not None
    call = {"id": "call_1", "type": "function", "function": {"name": "berth", "arguments": '{"ship": "白鹭 \\"3\\"", "days": 3}'}}
    messages = template_messages([*HELLO, {"role": "assistant", "content": None, "tool_calls": [call]}], speech)
    before, whole = template.render(HELLO, HARBOUR), template.render(messages, HARBOUR)
    written = whole[shared_prefix(before, whole) :]
    prefill = "<|start|>assistant" if format == "harmony" else ""
    found = collect(parse(Reading(speech.format, Tools.of(HARBOUR), prefill), [written.removeprefix(prefill)]))
    assert [(one.name, json.loads(one.arguments)) for one in found.calls] == [("berth", {"ship": '白鹭 "3"', "days": 3})]


# Gemma's quotation mark is a token of its own: no string can hold it.
plain = st.text(alphabet="a\"'\\{}[],:()<>/=中🚢 \t|`", max_size=12).filter(lambda text: '<|"|>' not in text)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-999, 999) | plain,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(plain, inner, max_size=2),
)
arguments_of_berth = st.fixed_dictionaries(
    {},
    optional={
        "ship": plain,
        "days": st.integers(-9, 9),
        "cargo": st.dictionaries(plain, values, max_size=2),
        "hands": st.lists(values, max_size=3),
    },
)


@settings(max_examples=250, deadline=None)
@given(st.sampled_from(sorted(chat_templates.BY_FORMAT)), arguments_of_berth)
def test_any_arguments_that_a_template_writes_are_read_back(format: str, arguments: dict[str, Any]):
    template = ChatTemplate(chat_templates.BY_FORMAT[format], TOKENS)
    speech = SPEECH.get(format) or SPEECH.setdefault(format, probe(template))
    call = {"id": "call_1", "type": "function", "function": {"name": "berth", "arguments": json.dumps(arguments, ensure_ascii=False)}}
    messages = template_messages([*HELLO, {"role": "assistant", "content": None, "tool_calls": [call]}], speech)
    before, whole = template.render(HELLO, HARBOUR), template.render(messages, HARBOUR)
    prefill = "<|start|>assistant" if format == "harmony" else ""
    assert speech is not None
    found = collect(
        parse(Reading(speech.format, Tools.of(HARBOUR), prefill), [whole[shared_prefix(before, whole) :].removeprefix(prefill)])
    )
    assert [json.loads(one.arguments) for one in found.calls] == [arguments]


def test_the_prefill_is_what_the_template_wrote_of_the_answer():
    template = ChatTemplate(chat_templates.HERMES)
    assert template.prompt(HELLO).prefill == "<|im_start|>assistant\n"
    assert template.prompt(HELLO, variables={"thinks": True}).prefill == "<|im_start|>assistant\n<think>\n"


def test_a_prefill_that_thinks_makes_the_answer_begin_with_reasoning():
    prompt = ChatTemplate(chat_templates.HERMES).prompt(HELLO, variables={"thinks": True})
    found = collect(parse(Reading(FORMATS["hermes"], prefill=prompt.prefill), ["Hm.\n</think>\nHello!"]))
    assert (found.reasoning, found.content) == ("Hm.", "Hello!")


def test_tools_are_written_as_models_saw_them():
    text = ChatTemplate("{{ tools | tojson }}").render(HELLO, [{"name": "查<>&'"}])
    assert text == '[{"name": "查<>&\'"}]'


def test_tokens_come_from_the_configuration():
    config = {"chat_template": "{{ bos_token }}|{{ eos_token }}", "bos_token": {"content": "<s>"}, "eos_token": "</s>", "pad_token": None}
    template = ChatTemplate.of_config(config)
    assert template is not None
    assert template.render(HELLO) == "<s>|</s>"
    assert template.end_tokens == ("</s>",)


def test_of_several_templates_the_one_for_tools_is_taken():
    named = [{"name": "default", "template": "plain"}, {"name": "tool_use", "template": "with tools"}]
    template = ChatTemplate.of_config({"chat_template": named})
    without = ChatTemplate.of_config({"chat_template": named}, with_tools=False)
    assert template is not None
    assert without is not None
    assert (template.render(HELLO), without.render(HELLO)) == ("with tools", "plain")


@pytest.mark.parametrize("config", [{}, {"chat_template": None}, {"chat_template": []}, {"chat_template": 5}])
def test_without_a_template_there_is_none(config: dict[str, Any]):
    assert ChatTemplate.of_config(config) is None


@pytest.mark.parametrize(
    "source",
    [
        "{% for m in messages %}",
        "{{ raise_exception('Roles must alternate') }}",
        "{{ messages[5].content }}",
        "{{ 'a' + 5 }}",
        "{{ 1 // 0 }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ messages.__init__.__globals__ }}",
        "{% for i in range(99999999) %}x{% endfor %}",
        "{% for i in range(99999) %}{{ 'x' * 9999 }}{% endfor %}",
        "{% include '/etc/passwd' %}",
    ],
)
def test_a_template_that_fails_or_reaches_out_is_refused(source: str):
    with pytest.raises(ChatTemplateInvalid) as caught:
        ChatTemplate(source).render(HELLO)
    assert "模板" in caught.value.say("zh")


def test_what_only_training_needs_is_passed_over():
    assert ChatTemplate("{% generation %}{{ messages[0].content }}{% endgeneration %}").render(HELLO) == "Hello"


def test_templates_may_use_lists_loops_and_the_date():
    source = "{% set l = [] %}{% set _ = l.append(1) %}{% for x in [1, 2] %}{% if x == 2 %}{% break %}{% endif %}{{ x }}{% endfor %}{{ strftime_now('%Y') | length }}"
    assert ChatTemplate(source).render(HELLO) == "14"


def test_variables_of_a_request_cannot_replace_the_conversation():
    source = "{{ messages[0].content }}{{ add_generation_prompt }}{{ mood }}"
    assert ChatTemplate(source).render(HELLO, variables={"messages": [], "add_generation_prompt": True, "mood": "!"}) == "HelloFalse!"


@pytest.mark.parametrize(
    "source",
    ["{{ 'a' * 10**10 }}", "{{ [1] * 10**10 }}", "{{ 9 ** 10_000_000 }}", "{{ '%099999999999d' % 1 }}", "{{ 'a' | center(10**10) }}"],
)
def test_no_single_step_of_a_template_fills_the_memory(source: str) -> None:
    with pytest.raises(ChatTemplateInvalid):
        ChatTemplate(source).render([])


def test_small_steps_are_worked_out_as_ever() -> None:
    assert (
        ChatTemplate("{{ 'ab' * 3 }} {{ 2 ** 5 }} {{ '%02d' % 4 }} {{ 7 % 4 }} [{{ 'x' | center(3) }}]").render([])
        == "ababab 32 04 3 [ x ]"
    )
