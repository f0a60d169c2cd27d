"""What the tests of the parser of calls are made of: tools, readings, cuts, and one text per format."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterable
from typing import Any

from moorage.gateway.toolcalls.events import CallArguments, CallEnd, CallStart, Event
from moorage.gateway.toolcalls.formats import FORMATS
from moorage.gateway.toolcalls.message import Message, collect
from moorage.gateway.toolcalls.parser import Reading, parse
from moorage.gateway.toolcalls.tools import Tools


def tool(name: str, **properties: Any) -> dict[str, Any]:
    """A tool in OpenAI's form; a property is a type's name or a whole schema."""
    schemas = {key: {"type": kind} if isinstance(kind, str) else kind for key, kind in properties.items()}
    return {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": schemas}}}


HARBOUR = [
    tool("berth", ship="string", days="integer", notes={"type": ["string", "null"]}, cargo="object", hands="array", insured="boolean"),
    tool("tide"),
    tool("log", text="string"),
]


def reading(format: str, prefill: str = "", tools: list[dict[str, Any]] | None = None, **more: Any) -> Reading:
    """How a text of this format is read; ids count from id0."""
    numbers = itertools.count()
    tools = HARBOUR if tools is None else tools
    return Reading(FORMATS[format], Tools.of(tools), prefill, new_id=lambda: f"id{next(numbers)}", **more)


def message(format: str, text: str, prefill: str = "", reason: str = "stop", **more: Any) -> Message:
    """The message of a text, after checking that every cut gives the same one."""
    whole = collect(parse(reading(format, prefill, **more), [text], reason))
    for pieces in (list(text), cut(text, 1), cut(text, 2)):
        events = parse(reading(format, prefill, **more), pieces, reason)
        assert_in_order(events)
        assert collect(events) == whole, f"cut as {pieces} it reads differently"
    return whole


def calls(found: Message) -> list[tuple[str, Any]]:
    """The calls' names and arguments."""
    return [(call.name, json.loads(call.arguments)) for call in found.calls]


def cut(text: str, seed: int) -> list[str]:
    """The text in random pieces."""
    chance = random.Random(seed)
    places = sorted(chance.randrange(len(text) + 1) for _ in range(max(1, len(text) // 4)))
    return [text[a:b] for a, b in itertools.pairwise([0, *places, len(text)])]


def assert_in_order(events: Iterable[Event]) -> None:
    """Each call starts once, with name and id, before its arguments, and ends before the next; indexes count 0, 1, 2."""
    current: int | None = None
    count = 0
    for event in events:
        if isinstance(event, CallStart):
            assert current is None and event.index == count and event.name and event.id
            current, count = event.index, count + 1
        elif isinstance(event, CallArguments):
            assert event.index == current and event.delta
        elif isinstance(event, CallEnd):
            assert event.index == current
            current = None
    assert current is None


# One text per format that says a word, calls `berth` with a ship (and days, where the format gives types) and then `tide`.
SAMPLES = {
    "hermes": 'Aye.\n<tool_call>\n{"name": "berth", "arguments": {"ship": "白鹭", "days": 3}}\n</tool_call>\n<tool_call>\n{"name": "tide", "arguments": {}}\n</tool_call>',
    "qwen3_xml": (
        "Aye.\n<tool_call>\n<function=berth>\n<parameter=ship>\n白鹭\n</parameter>\n<parameter=days>\n3\n</parameter>\n</function>\n</tool_call>\n"
        "<tool_call>\n<function=tide>\n</function>\n</tool_call>"
    ),
    "seed_oss": (
        "Aye.\n<seed:tool_call>\n<function=berth>\n<parameter=ship>白鹭</parameter>\n<parameter=days>3</parameter>\n</function>\n</seed:tool_call>\n"
        "<seed:tool_call>\n<function=tide>\n</function>\n</seed:tool_call>"
    ),
    "glm_xml": (
        "Aye.\n<tool_call>berth\n<arg_key>ship</arg_key>\n<arg_value>白鹭</arg_value>\n<arg_key>days</arg_key>\n<arg_value>3</arg_value>\n</tool_call>\n"
        "<tool_call>tide</tool_call>"
    ),
    "deepseek_v3": (
        'Aye.<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>berth\n```json\n{"ship": "白鹭", "days": 3}\n```<｜tool▁call▁end｜>\n'
        "<｜tool▁call▁begin｜>function<｜tool▁sep｜>tide\n```json\n{}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>"
    ),
    "deepseek_v31": (
        'Aye.<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>berth<｜tool▁sep｜>{"ship": "白鹭", "days": 3}<｜tool▁call▁end｜>'
        "<｜tool▁call▁begin｜>tide<｜tool▁sep｜>{}<｜tool▁call▁end｜><｜tool▁calls▁end｜>"
    ),
    "deepseek_dsml": (
        'Aye.\n\n<｜DSML｜function_calls>\n<｜DSML｜invoke name="berth">\n<｜DSML｜parameter name="ship" string="true">白鹭</｜DSML｜parameter>\n'
        '<｜DSML｜parameter name="days" string="false">3</｜DSML｜parameter>\n</｜DSML｜invoke>\n<｜DSML｜invoke name="tide">\n</｜DSML｜invoke>\n'
        "</｜DSML｜function_calls>"
    ),
    "deepseek_v41": (
        'Aye.\n<｜DSML｜ calls>\n<｜DSML｜ invoke name="berth">\n<｜DSML｜ parameter name="ship" string="true">白鹭</｜DSML｜ parameter>\n'
        '<｜DSML｜ parameter name="days" string="false">3</｜DSML｜ parameter>\n</｜DSML｜ invoke>\n<｜DSML｜ invoke name="tide"></｜DSML｜ invoke>\n'
        "</｜DSML｜ calls>"
    ),
    "llama3_json": 'Aye. {"name": "berth", "parameters": {"ship": "白鹭", "days": 3}}; {"name": "tide", "parameters": {}}',
    "pythonic": 'Aye. [berth(ship="白鹭", days=3), tide()]',
    "mistral": 'Aye.[TOOL_CALLS]berth[ARGS]{"ship": "白鹭", "days": 3}[TOOL_CALLS]tide[ARGS]{}',
    "mistral_array": 'Aye.[TOOL_CALLS] [{"name": "berth", "arguments": {"ship": "白鹭", "days": 3}}, {"name": "tide", "arguments": {}}]',
    "kimi_k2": (
        'Aye.<|tool_calls_section_begin|><|tool_call_begin|>functions.berth:0<|tool_call_argument_begin|>{"ship": "白鹭", "days": 3}<|tool_call_end|>'
        "<|tool_call_begin|>functions.tide:1<|tool_call_argument_begin|>{}<|tool_call_end|><|tool_calls_section_end|>"
    ),
    "harmony": (
        "<|channel|>commentary<|message|>Aye.<|end|><|start|>assistant<|channel|>commentary to=functions.berth <|constrain|>json<|message|>"
        '{"ship": "白鹭", "days": 3}<|call|><|start|>assistant<|channel|>commentary to=functions.tide <|constrain|>json<|message|>{}<|call|>'
    ),
    "minimax_m2": (
        'Aye.\n<minimax:tool_call>\n<invoke name="berth">\n<parameter name="ship">白鹭</parameter>\n<parameter name="days">3</parameter>\n</invoke>\n'
        '<invoke name="tide">\n</invoke>\n</minimax:tool_call>'
    ),
    "gemma4": 'Aye.<|tool_call>call:berth{ship:<|"|>白鹭<|"|>,days:3}<tool_call|><|tool_call>call:tide{}<tool_call|>',
    "granite": 'Aye.<|tool_call|>[{"name": "berth", "arguments": {"ship": "白鹭", "days": 3}}, {"name": "tide", "arguments": {}}]',
    "phi4_functools": 'Aye.\nfunctools[{"name": "berth", "arguments": {"ship": "白鹭", "days": 3}}, {"name": "tide", "arguments": {}}]',
    "react": 'Aye.\nAction: berth\nAction Input: {"ship": "白鹭", "days": 3}\nAction: tide\nAction Input: {}',
    "apertus": 'Aye.<|tools_prefix|>[{"berth": {"ship": "白鹭", "days": 3}}, {"tide": {}}]<|tools_suffix|>',
    "apriel": 'Aye.\n<tool_calls>[{"name": "berth", "arguments": {"ship": "白鹭", "days": 3}}, {"name": "tide", "arguments": {}}]</tool_calls>',
    "cohere": (
        '<|START_TEXT|>Aye.<|END_TEXT|><|START_ACTION|>[\n {"tool_call_id": "0", "tool_name": "berth", "parameters": {"ship": "白鹭", "days": 3}},\n'
        ' {"tool_call_id": "1", "tool_name": "tide", "parameters": {}}\n]<|END_ACTION|>'
    ),
    "ernie45": 'Aye.\n<tool_call>\n{"name": "berth", "arguments": {"ship": "白鹭", "days": 3}}\n</tool_call>\n<tool_call>\n{"name": "tide", "arguments": {}}\n</tool_call>\n',
    "firefunction": 'Aye. functools[{"name": "berth", "arguments": {"ship": "白鹭", "days": 3}}, {"name": "tide", "arguments": {}}]',
    "functionary": 'Aye.<function=berth>{"ship": "白鹭", "days": 3}</function><function=tide>{}</function>',
    "functiongemma": (
        "Aye.<start_function_call>call:berth{ship:<escape>白鹭<escape>,days:3}<end_function_call><start_function_call>call:tide{}<end_function_call>"
    ),
    "gigachat3": 'Aye.<|function_call|>{"name": "berth", "arguments": {"ship": "白鹭", "days": 3}}<|function_call|>{"name": "tide", "arguments": {}}</s>',
    "granite_20b_fc": 'Aye.\n<function_call> {"name": "berth", "arguments": {"ship": "白鹭", "days": 3}}\n<function_call> {"name": "tide", "arguments": {}}',
    "hunyuan": 'Aye. <tool_calls>[{"name": "berth", "arguments": {"ship": "白鹭", "days": 3}}, {"name": "tide", "arguments": {}}]</tool_calls>',
    "hunyuan_v3": (
        "Aye.<tool_calls>\n<tool_call>berth<tool_sep>\n<arg_key>ship</arg_key>\n<arg_value>白鹭</arg_value>\n<arg_key>days</arg_key>\n<arg_value>3</arg_value>\n"
        "</tool_call>\n<tool_call>tide<tool_sep>\n</tool_call>\n</tool_calls>"
    ),
    "inkling": (
        '<|content_text|>Aye.<|end_message|><|message_model|><|content_invoke_tool_json|>{"name":"berth","args":{"ship":"白鹭","days":3}}<|end_message|>'
        '<|message_model|><|content_invoke_tool_json|>{"name":"tide","args":{}}<|end_message|>'
    ),
    "internlm2": (
        'Aye.<|action_start|><|plugin|>{"name": "berth", "parameters": {"ship": "白鹭", "days": 3}}<|action_end|>'
        '<|action_start|><|plugin|>{"name": "tide", "parameters": {}}<|action_end|>'
    ),
    "jamba": 'Aye.<tool_calls>[\n  {"name": "berth", "arguments": {"ship": "白鹭", "days": 3}},\n  {"name": "tide", "arguments": {}}\n]</tool_calls>',
    "k2_horizon": (
        "Aye.<ifm|tool_calls><ifm|tool_call>berth<ifm|arg_key>ship</ifm|arg_key><ifm|arg_value>白鹭</ifm|arg_value><ifm|arg_key>days</ifm|arg_key>"
        "<ifm|arg_type>integer</ifm|arg_type><ifm|arg_value>3</ifm|arg_value></ifm|tool_call>\n<ifm|tool_call>tide</ifm|tool_call></ifm|tool_calls>"
    ),
    "kimi_k3": (
        '<|open|>response<|sep|>Aye.<|close|>response<|sep|><|open|>tools<|sep|><|open|>call tool="berth" index="1"<|sep|>'
        '<|open|>argument key="ship" type="string"<|sep|>白鹭<|close|>argument<|sep|><|open|>argument key="days" type="number"<|sep|>3<|close|>argument<|sep|>'
        '<|close|>call<|sep|><|open|>call tool="tide" index="2"<|sep|><|close|>call<|sep|><|close|>tools<|sep|><|close|>message<|sep|>'
    ),
    "lfm2": 'Aye.<|tool_call_start|>[berth(ship="白鹭", days=3), tide()]<|tool_call_end|>',
    "ling3": "Aye.\n<tool_call>berth\n<arg_key>ship</arg_key>\n<arg_value>白鹭</arg_value>\n<arg_key>days</arg_key>\n<arg_value>3</arg_value>\n</tool_call>\n<tool_call>tide\n</tool_call><|role_end|>",
    "longcat": (
        'Aye.\n<longcat_tool_call>{"name": "berth", "arguments": {"ship": "白鹭", "days": 3}}</longcat_tool_call>\n'
        '<longcat_tool_call>{"name": "tide", "arguments": {}}</longcat_tool_call>'
    ),
    "minicpm5_xml": 'Aye.\n<function name="berth"><param name="ship"><![CDATA[白鹭]]></param><param name="days">3</param></function>\n<function name="tide"></function>\n',
    "minimax_m3": (
        'Aye.]<]minimax[>[<tool_call>\n]<]minimax[>[<invoke name="berth">]<]minimax[>[<ship>白鹭]<]minimax[>[</ship>]<]minimax[>[<days>3]<]minimax[>[</days>'
        ']<]minimax[>[</invoke>\n]<]minimax[>[<invoke name="tide">]<]minimax[>[</invoke>\n]<]minimax[>[</tool_call>'
    ),
    "muse_glimmer": (
        'Aye.<atem:function_calls>\n<atem:invoke name="berth">\n<atem:parameter name="ship">白鹭</atem:parameter>\n<atem:parameter name="days">3</atem:parameter>\n'
        '</atem:invoke>\n<atem:invoke name="tide">\n</atem:invoke>\n</atem:function_calls>'
    ),
    "nemotron_toolcall": 'Aye.\n<TOOLCALL>[{"name": "berth", "arguments": {"ship": "白鹭", "days": 3}}, {"name": "tide", "arguments": {}}]</TOOLCALL>',
    "olmo3": "Aye.<function_calls>berth(ship='白鹭', days=3)\ntide()</function_calls>",
    "plamo3": (
        "Aye.<|plamo:begin_tool_requests:plamo|><|plamo:begin_tool_request:plamo|><|plamo:begin_tool_name:plamo|>berth<|plamo:end_tool_name:plamo|>"
        '<|plamo:begin_tool_arguments:plamo|><|plamo:constrain|>json<|plamo:msg|>{"ship":"白鹭","days":3}<|plamo:end_tool_arguments:plamo|>'
        "<|plamo:end_tool_request:plamo|><|plamo:begin_tool_request:plamo|><|plamo:begin_tool_name:plamo|>tide<|plamo:end_tool_name:plamo|>"
        "<|plamo:begin_tool_arguments:plamo|><|plamo:constrain|>json<|plamo:msg|>{}<|plamo:end_tool_arguments:plamo|><|plamo:end_tool_request:plamo|>"
        "<|plamo:end_tool_requests:plamo|>"
    ),
    "spark": "Aye.<tool_call>berth<arg_key>ship</arg_key><arg_value>白鹭</arg_value><arg_key>days</arg_key><arg_value>3</arg_value></tool_call><tool_call>tide</tool_call>",
    "xlam": 'Aye.\n```json\n[{"name": "berth", "arguments": {"ship": "白鹭", "days": 3}}, {"name": "tide", "arguments": {}}]\n```',
}
