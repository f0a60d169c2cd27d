"""A checkpoint's own `response_template` is read by transformers' parser, like any other format."""

from __future__ import annotations

import importlib.util
import itertools
from typing import Any

import pytest

from moorage.core.errors import ChatTemplateInvalid, ExtraMissing
from moorage.gateway.toolcalls.declared import declared_format
from moorage.gateway.toolcalls.message import Message, collect
from moorage.gateway.toolcalls.parser import Reading, parse
from moorage.gateway.toolcalls.tools import Tools
from tests.builders.tool_calls import HARBOUR, SAMPLES, assert_in_order, calls, cut

IS_INSTALLED = (
    importlib.util.find_spec("transformers") is not None and importlib.util.find_spec("transformers.utils.chat_parsing") is not None
)
needs_transformers = pytest.mark.skipif(not IS_INSTALLED, reason="transformers is not installed: the extra `declared`")
TURN = "<|im_start|>assistant\n"
TEMPLATE: dict[str, Any] = {
    "defaults": {"role": "assistant"},
    "start_anchor": TURN,
    "fields": {
        "thinking": {"open": "<think>", "close": "</think>", "content": "text"},
        "tool_calls": {
            "open_pattern": "\\s*<tool_call>",
            "close": "</tool_call>",
            "content": "json",
            "repeats": True,
            "transform": {"type": "function", "function": "{content}"},
        },
        "content": {"close_pattern": "\\s*<\\|im_end\\|>", "content": "text"},
    },
}


def message(text: str, prefill: str = TURN, reason: str = "stop") -> Message:
    format = declared_format(TEMPLATE)

    def reading() -> Reading:
        numbers = itertools.count()
        return Reading(format, Tools.of(HARBOUR), prefill, new_id=lambda: f"id{next(numbers)}")

    whole = collect(parse(reading(), [text], reason))
    for pieces in (list(text), cut(text, 1), cut(text, 2)):
        events = parse(reading(), pieces, reason)
        assert_in_order(events)
        assert collect(events) == whole
    return whole


@needs_transformers
def test_a_declared_format_reads_reasoning_answer_and_calls():
    found = message(f"Hm.\n</think>\n\n{SAMPLES['hermes']}<|im_end|>", f"{TURN}<think>\n")
    assert (found.reasoning, found.content) == ("Hm.", "Aye.")
    assert calls(found) == [("berth", {"ship": "白鹭", "days": 3}), ("tide", {})]
    assert found.finish_reason == "tool_calls"


@needs_transformers
@pytest.mark.parametrize("text", ["<tool_call>\nnot json</tool_call> and more", '<tool_call>{"name": "tide", "arguments": {'])
def test_what_a_declared_format_cannot_read_is_content(text: str):
    found = message(text)
    assert found.calls == []
    assert found.content == text


@needs_transformers
def test_a_long_word_is_not_held_back():
    text = "x" * 1000
    assert message(text).content == text


@needs_transformers
def test_a_declaration_that_is_none_is_refused():
    with pytest.raises(ChatTemplateInvalid):
        declared_format({"fields": 5})


@pytest.mark.skipif(IS_INSTALLED, reason="transformers is installed")
def test_without_transformers_the_extra_is_named():
    with pytest.raises(ExtraMissing) as caught:
        declared_format(TEMPLATE)
    assert "moorage[declared]" in caught.value.say("en")
    assert "moorage[declared]" in caught.value.say("zh")
