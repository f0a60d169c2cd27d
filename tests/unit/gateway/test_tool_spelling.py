"""A call that is written without a template is a call that is read."""

from __future__ import annotations

import json
from typing import Final

import pytest

from moorage.gateway.toolcalls.formats import CORE, FORMATS
from moorage.gateway.toolcalls.message import collect
from moorage.gateway.toolcalls.parser import Reading, parse
from moorage.gateway.toolcalls.prompt import as_plain_turns
from moorage.gateway.toolcalls.spelling import spelled
from moorage.gateway.toolcalls.tools import Tools

ARGUMENTS: Final[dict[str, object]] = {"harbour": '青岛 "x"\nline', "fathoms": 7, "deep": True, "marks": ["a", 2], "box": {"k": "v"}}
TYPES = {"harbour": "string", "fathoms": "integer", "deep": "boolean", "marks": "array", "box": "object"}
TOOL = {
    "type": "function",
    "function": {"name": "sound", "parameters": {"type": "object", "properties": {k: {"type": t} for k, t in TYPES.items()}}},
}
SPELLED = [name for name in FORMATS if spelled(FORMATS[name], "x", {}) is not None]


def test_every_core_format_can_be_written() -> None:
    assert {format.name for format in CORE} <= set(SPELLED)


@pytest.mark.parametrize("name", SPELLED)
@pytest.mark.parametrize("arguments", [ARGUMENTS, {}])
def test_a_call_is_read_back_as_it_was_written(name: str, arguments: dict[str, object]) -> None:
    text = spelled(FORMATS[name], "sound", arguments)

    message = collect(parse(Reading(FORMATS[name], Tools.of([TOOL])), [text or ""]))

    assert [(call.name, json.loads(call.arguments), call.is_complete) for call in message.calls] == [("sound", arguments, True)]
    assert not message.content.strip()


@pytest.mark.parametrize("name", ["qwen3_xml", "hermes", "react", "kimi_k3"])
def test_earlier_calls_are_plain_text_in_the_format_that_is_asked_for(name: str) -> None:
    call = {"type": "function", "function": {"name": "sound", "arguments": '{"fathoms": 7}'}}

    (turn,) = as_plain_turns([{"role": "assistant", "content": None, "tool_calls": [call]}], name)

    read = FORMATS[name] if name in SPELLED else FORMATS["hermes"]
    assert "tool_calls" not in turn
    assert [c.name for c in collect(parse(Reading(read, Tools.of([TOOL])), [str(turn["content"])])).calls] == ["sound"]
