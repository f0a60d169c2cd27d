"""The further formats: tables only, each in a way of writing that is there already."""

from __future__ import annotations

from dataclasses import replace

from moorage.gateway.toolcalls import reasoning as r
from moorage.gateway.toolcalls.body import Grammar, Section
from moorage.gateway.toolcalls.body_json import JsonCalls
from moorage.gateway.toolcalls.body_named import NamedCalls
from moorage.gateway.toolcalls.body_nested import NestedCalls
from moorage.gateway.toolcalls.body_pairs import PairCalls
from moorage.gateway.toolcalls.body_python import BraceCalls
from moorage.gateway.toolcalls.body_xml import XmlCalls, invoke_calls
from moorage.gateway.toolcalls.format import END_TOKENS, Format, json_format
from moorage.gateway.toolcalls.formats_core import GLM_XML
from moorage.gateway.toolcalls.literals import Dialect

ERNIE45 = replace(
    json_format("ernie45", ("<tool_call>", "</tool_call>")), noise=(*END_TOKENS, "<response>\n", "</response>\n", "</response>")
)
LONGCAT = json_format("longcat", ("<longcat_tool_call>", "</longcat_tool_call>"), marks=(r.THINK, r.LONGCAT))
GRANITE_20B = json_format("granite_20b_fc", ("<function_call>", ""))
GIGACHAT3 = json_format(
    "gigachat3", ("<|function_call|>", ""), ("<|message_sep|>\n\nfunction call<|role_sep|>\n", ""), ("function call<|role_sep|>\n", "")
)
INTERNLM2 = json_format("internlm2", ("<|action_start|><|plugin|>", "<|action_end|>"), ("<|action_start|> <|plugin|>", "<|action_end|>"))
NEMOTRON = json_format("nemotron_toolcall", ("<TOOLCALL>", "</TOOLCALL>"), is_array=True)
JAMBA = json_format("jamba", ("<tool_calls>", "</tool_calls>"), is_array=True)
APRIEL = json_format("apriel", ("<tool_calls>", "</tool_calls>"), marks=(r.APRIEL, r.THINK), is_array=True)
HUNYUAN = replace(
    json_format("hunyuan", ("<tool_calls>", "</tool_calls>"), is_array=True), noise=(*END_TOKENS, "<answer>\n", "\n</answer>", "</answer>")
)
FIREFUNCTION = Format("firefunction", Grammar((), (), bare=(JsonCalls(openers=("functools[",)),)), opening_any="functools[")
APERTUS = replace(
    json_format(
        "apertus", ("<|tools_prefix|>", "<|tools_suffix|>"), marks=(r.APERTUS, r.THINK), body=JsonCalls(is_keyed=True), is_array=True
    ),
    opening='<|tools_prefix|>[{{"{name}": ',
    opening_any='<|tools_prefix|>[{"',
)
INKLING = Format(
    "inkling",
    Grammar((Section(("<|content_invoke_tool_json|>",), ("<|end_message|>",)),), (JsonCalls(),)),
    (r.INKLING,),
    (*END_TOKENS, "<|content_text|>", "<|end_message|>", "<|message_model|>"),
)
COHERE = Format(
    "cohere",
    Grammar(
        (Section(("<|START_ACTION|>",), ("<|END_ACTION|>",)), Section(("Action: ```json\n", "Action:```json\n"), ("```",))), (JsonCalls(),)
    ),
    (r.COHERE,),
    (*END_TOKENS, "<|START_RESPONSE|>", "<|END_RESPONSE|>", "<|START_TEXT|>", "<|END_TEXT|>", "<|START_OF_TURN_TOKEN|>"),
)
XLAM = Format(
    "xlam",
    Grammar(
        (
            Section(("<tool_call>",), ("</tool_call>",)),
            Section(("[TOOL_CALLS]",)),
            Section(("```json\n", "```json", "```\n"), ("```",)),
        ),
        (JsonCalls(),),
        loose=(JsonCalls(openers=("[",)),),
    ),
)
PLAMO3 = Format(
    "plamo3",
    Grammar(
        (Section(("<|plamo:begin_tool_requests:plamo|>",), ("<|plamo:end_tool_requests:plamo|>",)),),
        (
            NamedCalls(
                openers=("<|plamo:begin_tool_request:plamo|><|plamo:begin_tool_name:plamo|>",),
                separators=("<|plamo:end_tool_name:plamo|><|plamo:begin_tool_arguments:plamo|><|plamo:constrain|>json<|plamo:msg|>",),
                closers=("<|plamo:end_tool_arguments:plamo|><|plamo:end_tool_request:plamo|>",),
            ),
        ),
    ),
    (r.PLAMO,),
)
FUNCTIONARY = Format(
    "functionary",
    Grammar(
        (),
        (),
        bare=(
            XmlCalls(("<function=",), ("</function>",), ("<parameter=",), ("</parameter>",), trims_line_breaks=True),
            NamedCalls(openers=(">>>",), separators=("\n",), excluded=("all",)),
        ),
    ),
    noise=(*END_TOKENS, ">>>all\n"),
)
_MINICPM = XmlCalls(
    openers=("<function", "<functionĠ"),
    closers=("</function>",),
    parameters=("<param", "<paramĠ"),
    parameter_closers=("</param>",),
    has_cdata=True,
)
MINICPM5 = Format("minicpm5_xml", Grammar((), (), bare=(_MINICPM,)))
_M3 = "]<]minimax[>["
MINIMAX_M3 = Format(
    "minimax_m3",
    Grammar((Section((f"{_M3}<tool_call>",), (f"{_M3}</tool_call>",)),), (NestedCalls(_M3),), bare=(NestedCalls(_M3),), between=""),
    (r.MM, r.THINK),
)
KIMI_K3 = Format(
    "kimi_k3",
    Grammar(
        (Section(("<|open|>tools<|sep|>",), ("<|close|>tools<|sep|>",)),),
        (
            XmlCalls(
                openers=("<|open|>call",),
                closers=("<|close|>call<|sep|>",),
                parameters=("<|open|>argument",),
                parameter_closers=("<|close|>argument<|sep|>",),
                outer=("<|close|>tools<|sep|>",),
                tag_end="<|sep|>",
            ),
        ),
    ),
    (r.KIMI_3,),
    (*END_TOKENS, "<|open|>response<|sep|>", "<|close|>response<|sep|>", "<|open|>message<|sep|>", "<|close|>message<|sep|>"),
)
LING3 = Format("ling3", GLM_XML.grammar, noise=GLM_XML.noise, opening=GLM_XML.opening, opening_any=GLM_XML.opening_any)
SPARK = Format("spark", GLM_XML.grammar, noise=GLM_XML.noise, opening=GLM_XML.opening, opening_any=GLM_XML.opening_any)
HUNYUAN_V3 = Format(
    "hunyuan_v3",
    Grammar(
        (Section(("<tool_calls>",), ("</tool_calls>",)),),
        (PairCalls(closers=("</tool_call>",), separators=("<tool_sep>",), openers=("<tool_call>",)), JsonCalls()),
    ),
)
K2_HORIZON = Format(
    "k2_horizon",
    Grammar(
        (Section(("<ifm|tool_calls>",), ("</ifm|tool_calls>",)),),
        (
            PairCalls(
                closers=("</ifm|tool_call>",),
                key=("<ifm|arg_key>", "</ifm|arg_key>"),
                value=("<ifm|arg_value>", "</ifm|arg_value>"),
                kind=("<ifm|arg_type>", "</ifm|arg_type>"),
                openers=("<ifm|tool_call>",),
            ),
        ),
    ),
)
FUNCTIONGEMMA = Format(
    "functiongemma",
    Grammar((Section(("<start_function_call>",), ("<end_function_call>",)),), (BraceCalls(Dialect(("<escape>",))),)),
)
MUSE = Format(
    "muse_glimmer",
    Grammar((Section(("<atem:function_calls>",), ("</atem:function_calls>",)),), (invoke_calls("atem:"),)),
    header_end="<|message|>",
)
