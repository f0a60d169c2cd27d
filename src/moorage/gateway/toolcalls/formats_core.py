"""The formats that most self-hosted models speak."""

from __future__ import annotations

import secrets
import string
from dataclasses import replace

from moorage.gateway.toolcalls import reasoning as r
from moorage.gateway.toolcalls.body import Grammar, Section
from moorage.gateway.toolcalls.body_json import JsonCalls
from moorage.gateway.toolcalls.body_named import NamedCalls, ReactCalls, TypedCalls
from moorage.gateway.toolcalls.body_pairs import PairCalls
from moorage.gateway.toolcalls.body_python import BraceCalls, PythonCalls
from moorage.gateway.toolcalls.body_xml import XmlCalls, invoke_calls
from moorage.gateway.toolcalls.format import END_TOKENS, Format, json_format
from moorage.gateway.toolcalls.harmony import read_harmony
from moorage.gateway.toolcalls.literals import Dialect


def _mistral_id() -> str:
    """Mistral's templates refuse ids that are not nine letters and digits."""
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(9))


_QWEN_TAGS = ("<tool_call>", "</tool_call>")
_QWEN_XML = XmlCalls(
    openers=("<function=",),
    closers=("</function>",),
    parameters=("<parameter=",),
    parameter_closers=("</parameter>",),
    outer=("</tool_call>", "<tool_call>"),
    trims_line_breaks=True,
)
_GLM_PAIRS = PairCalls(closers=("</tool_call>",), separators=("<tool_sep>",))

HERMES = Format(
    "hermes",
    Grammar((Section(("<tool_call>",), ("</tool_call>",)),), (JsonCalls(), _QWEN_XML), bare=(_QWEN_XML,)),
    opening='<tool_call>\n{{"name": "{name}", "arguments": ',
    opening_any="<tool_call>\n",
    closing="}\n</tool_call>",
)
QWEN3_XML = Format(
    "qwen3_xml",
    Grammar((Section(("<tool_call>",), ("</tool_call>",)),), (_QWEN_XML, JsonCalls()), bare=(_QWEN_XML,)),
    opening="<tool_call>\n<function={name}>\n",
    opening_any="<tool_call>\n<function=",
)
_SEED_XML = XmlCalls(
    openers=("<function=",),
    closers=("</function>",),
    parameters=("<parameter=",),
    parameter_closers=("</parameter>",),
    outer=("</seed:tool_call>", "<seed:tool_call>"),
    trims_line_breaks=True,
)
SEED_OSS = Format(
    "seed_oss",
    Grammar((Section(("<seed:tool_call>",), ("</seed:tool_call>",)),), (_SEED_XML,), bare=(_SEED_XML,)),
    (r.SEED, r.THINK),
    opening="<seed:tool_call>\n<function={name}>\n",
    opening_any="<seed:tool_call>\n<function=",
)
GLM_XML = Format(
    "glm_xml",
    # The call's own closer is the section's: the pairs take it.
    Grammar((Section(("<tool_call>",), ("</tool_call>",), holds_many=False),), (JsonCalls(openers=("{",)), _GLM_PAIRS)),
    noise=(*END_TOKENS, "<|observation|>", "<|user|>"),
    opening="<tool_call>{name}\n",
    opening_any="<tool_call>",
)

_DEEPSEEK = TypedCalls(
    openers=("<｜tool▁call▁begin｜>", "<｜tool_call_begin｜>"),
    separators=("<｜tool▁sep｜>", "<｜tool_sep｜>"),
    closers=("<｜tool▁call▁end｜>", "<｜tool_call_end｜>"),
)
_DEEPSEEK_GRAMMAR = Grammar(
    (
        Section(
            ("<｜tool▁calls▁begin｜>", "<｜tool_calls_begin｜>", "<｜tool calls begin｜>", "<｜tool▁calls｜>"),
            ("<｜tool▁calls▁end｜>", "<｜tool_calls_end｜>", "<｜tool calls end｜>"),
        ),
    ),
    (_DEEPSEEK,),
    bare=(_DEEPSEEK,),
)
DEEPSEEK_V3 = Format(
    "deepseek_v3",
    _DEEPSEEK_GRAMMAR,
    opening="<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>{name}\n```json\n",
    opening_any="<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>",
    closing="\n```<｜tool▁call▁end｜>",
)
DEEPSEEK_V31 = Format(
    "deepseek_v31",
    _DEEPSEEK_GRAMMAR,
    opening="<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>{name}<｜tool▁sep｜>",
    opening_any="<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>",
    closing="<｜tool▁call▁end｜>",
)


def _dsml(*marks: str) -> XmlCalls:
    return XmlCalls(
        openers=tuple(f"<{mark}invoke" for mark in marks),
        closers=tuple(f"</{mark}invoke>" for mark in marks),
        parameters=tuple(f"<{mark}parameter" for mark in marks),
        parameter_closers=tuple(f"</{mark}parameter>" for mark in marks),
        outer=tuple(f"</{mark}{word}>" for mark in marks for word in ("function_calls", "tool_calls", "calls")),
    )


_DSML_MARKS = ("｜DSML｜", "｜DSML｜ ")
_DSML_WORDS = ("function_calls", "tool_calls", "calls")
_DSML_GRAMMAR = Grammar(
    (
        Section(
            tuple(f"<{mark}{word}>" for mark in _DSML_MARKS for word in _DSML_WORDS),
            tuple(f"</{mark}{word}>" for mark in _DSML_MARKS for word in _DSML_WORDS),
        ),
    ),
    (_dsml(*_DSML_MARKS),),
    bare=(_dsml(*_DSML_MARKS),),
)
DEEPSEEK_DSML = Format(
    "deepseek_dsml",
    _DSML_GRAMMAR,
    opening='<｜DSML｜function_calls>\n<｜DSML｜invoke name="{name}">\n',
    opening_any='<｜DSML｜function_calls>\n<｜DSML｜invoke name="',
)
DEEPSEEK_V41 = Format(
    "deepseek_v41",
    _DSML_GRAMMAR,
    opening='<｜DSML｜ calls>\n<｜DSML｜ invoke name="{name}">\n',
    opening_any='<｜DSML｜ calls>\n<｜DSML｜ invoke name="',
)

LLAMA3_JSON = Format(
    "llama3_json",
    Grammar((Section(("<|python_tag|>",)),), (JsonCalls(openers=("{",)),), loose=(JsonCalls(openers=("{",)),), between=";,"),
    opening='{{"name": "{name}", "parameters": ',
    opening_any='{"name": "',
    closing="}",
)
_PYTHON = PythonCalls()
PYTHONIC = Format(
    "pythonic",
    Grammar((Section(("<|python_start|>",), ("<|python_end|>",)),), (_PYTHON, PythonCalls(())), loose=(_PYTHON,)),
    opening="[{name}(",
    opening_any="[",
)
LFM2 = Format(
    "lfm2",
    Grammar((Section(("<|tool_call_start|>",), ("<|tool_call_end|>",)),), (_PYTHON, JsonCalls(openers=("{",)))),
    opening="<|tool_call_start|>[{name}(",
    opening_any="<|tool_call_start|>[",
)
OLMO3 = Format(
    "olmo3",
    Grammar((Section(("<function_calls>",), ("</function_calls>",)),), (_PYTHON, PythonCalls(()))),
    opening="<function_calls>{name}(",
    opening_any="<function_calls>",
)

_MISTRAL_NAMED = NamedCalls(separators=("[ARGS]",), id_marks=("[CALL_ID]",), brace_separates=True)
MISTRAL = Format(
    "mistral",
    Grammar((Section(("[TOOL_CALLS]",), holds_many=False),), (JsonCalls(id_is_last=True), _MISTRAL_NAMED)),
    (r.BRACKETS, r.THINK),
    opening="[TOOL_CALLS]{name}[ARGS]",
    opening_any="[TOOL_CALLS]",
    new_id=_mistral_id,
)
KIMI_K2 = Format(
    "kimi_k2",
    Grammar(
        (
            Section(
                ("<|tool_calls_section_begin|>", "<|tool_call_section_begin|>"),
                ("<|tool_calls_section_end|>", "<|tool_call_section_end|>"),
            ),
        ),
        (
            _KIMI := NamedCalls(
                openers=("<|tool_call_begin|>",),
                separators=("<|tool_call_argument_begin|>",),
                closers=("<|tool_call_end|>",),
                has_numbered_name=True,
            ),
        ),
        bare=(_KIMI,),
    ),
    (r.THINK, r.TRIANGLES),
    opening="<|tool_calls_section_begin|><|tool_call_begin|>functions.{name}:0<|tool_call_argument_begin|>",
    opening_any="<|tool_calls_section_begin|><|tool_call_begin|>functions.",
    closing="<|tool_call_end|>",
)
MISTRAL_ARRAY = replace(
    MISTRAL, name="mistral_array", opening='[TOOL_CALLS][{{"name": "{name}", "arguments": ', opening_any="[TOOL_CALLS][", closing="}]"
)
HARMONY = Format(
    "harmony",
    Grammar((), ()),
    (),
    (),
    read_harmony,
    opening="<|channel|>commentary to=functions.{name} <|constrain|>json<|message|>",
    opening_any="<|channel|>commentary to=functions.",
    closing="<|call|>",
)
MINIMAX_M2 = Format(
    "minimax_m2",
    Grammar((Section(("<minimax:tool_call>",), ("</minimax:tool_call>",)),), (invoke_calls(""),), bare=(invoke_calls(""),)),
    opening='<minimax:tool_call>\n<invoke name="{name}">\n',
    opening_any='<minimax:tool_call>\n<invoke name="',
)
GEMMA4 = Format(
    "gemma4",
    Grammar((Section(("<|tool_call>",), ("<tool_call|>",)),), (BraceCalls(Dialect(('<|"|>',))),)),
    (r.THOUGHT, r.THINK),
    (*END_TOKENS, "<|channel>", "<turn|>", "<end_of_turn>", "<eos>", "<|tool_response>"),
    opening="<|tool_call>call:{name}{{",
    opening_any="<|tool_call>call:",
)
GRANITE = replace(
    json_format("granite", ("<|tool_call|>", ""), ("<tool_call>", "</tool_call>"), marks=(r.THINK, r.GRANITE), is_array=True),
    noise=(*END_TOKENS, "<response>", "</response>"),
)
PHI4_FUNCTOOLS = Format(
    "phi4_functools",
    Grammar((Section(("<|tool_call|>",), ("<|/tool_call|>",)),), (JsonCalls(),), bare=(JsonCalls(openers=("functools[",)),)),
    opening='functools[{{"name": "{name}", "arguments": ',
    opening_any="functools[",
    closing="}]",
)
REACT = Format(
    "react",
    Grammar((Section((), ("Observation:",)),), (), bare=(ReactCalls(),)),
    opening="Action: {name}\nAction Input: ",
    opening_any="Action: ",
)
