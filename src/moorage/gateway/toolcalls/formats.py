"""The table of formats: for each the tags of its calls, how a call is written, its reasoning marks, and the tokens that mean nothing.

A new format that writes calls in a known way is one entry here.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable
from dataclasses import dataclass, replace

from moorage.gateway.toolcalls import reasoning as r
from moorage.gateway.toolcalls.body import Grammar, Section
from moorage.gateway.toolcalls.body_json import JsonCalls
from moorage.gateway.toolcalls.body_named import NamedCalls, ReactCalls, TypedCalls
from moorage.gateway.toolcalls.body_nested import NestedCalls
from moorage.gateway.toolcalls.body_pairs import PairCalls
from moorage.gateway.toolcalls.body_python import BraceCalls, PythonCalls
from moorage.gateway.toolcalls.body_xml import XmlCalls
from moorage.gateway.toolcalls.harmony import read_harmony
from moorage.gateway.toolcalls.literals import Dialect
from moorage.gateway.toolcalls.source import Source, Steps
from moorage.gateway.toolcalls.writer import Writer

Document = Callable[[str, Source, Writer], Steps[None]]

END_TOKENS = (
    "<|im_end|>",
    "<|endoftext|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|end_of_text|>",
    "<|end▁of▁sentence|>",
    "<｜end▁of▁sentence｜>",
    "<|eot|>",
    "<|im_assistant|>",
    "<|role_end|>",
    "<|END_OF_TURN_TOKEN|>",
    "<|CHATBOT_TOKEN|>",
    "[e~[",
    "</s>",
)
"""Tokens that end a turn; an engine asked for special tokens may leave them in the text."""


@dataclass(frozen=True)
class Format:
    """One way of writing calls and reasoning. ``document`` replaces the usual reader where messages have headers of their own.

    ``opening``: what begins a call, with ``{name}`` where the name goes; ``opening_any`` the same for a call of any tool,
    ``closing`` what ends one whose arguments are JSON.
    ``header_end``: where the prefill stops within the message's header, the text up to this tag belongs to it.
    """

    name: str
    grammar: Grammar
    reasoning: tuple[r.Marks, ...] = (r.THINK,)
    noise: tuple[str, ...] = END_TOKENS
    document: Document | None = None
    opening: str = ""
    opening_any: str = ""
    closing: str = ""
    header_end: str = ""
    new_id: Callable[[], str] | None = None


def _mistral_id() -> str:
    """Mistral's templates refuse ids that are not nine letters and digits."""
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(9))


def _json(
    name: str, *tags: tuple[str, str], marks: tuple[r.Marks, ...] = (r.THINK,), body: JsonCalls | None = None, is_array: bool = False
) -> Format:
    """A format that is JSON between tags; ``is_array``: the calls stand in a list."""
    sections = tuple(Section((opener,), (closer,) if closer else ()) for opener, closer in tags)
    opener = tags[0][0]
    return Format(
        name,
        Grammar(sections, (body or JsonCalls(),)),
        marks,
        opening=opener + ("[" if is_array else "\n") + '{{"name": "{name}", "arguments": ',
        opening_any=opener + ("[" if is_array else "\n"),
        closing=("}]" if is_array else "}\n") + tags[0][1],
    )


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


def _invoke(prefix: str) -> XmlCalls:
    return XmlCalls(
        openers=(f"<{prefix}invoke",),
        closers=(f"</{prefix}invoke>",),
        parameters=(f"<{prefix}parameter",),
        parameter_closers=(f"</{prefix}parameter>",),
        outer=("</minimax:tool_call>", f"</{prefix}function_calls>"),
    )


MINIMAX_M2 = Format(
    "minimax_m2",
    Grammar((Section(("<minimax:tool_call>",), ("</minimax:tool_call>",)),), (_invoke(""),), bare=(_invoke(""),)),
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
    _json("granite", ("<|tool_call|>", ""), ("<tool_call>", "</tool_call>"), marks=(r.THINK, r.GRANITE), is_array=True),
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

ERNIE45 = replace(_json("ernie45", ("<tool_call>", "</tool_call>")), noise=(*END_TOKENS, "<response>\n", "</response>\n", "</response>"))
LONGCAT = _json("longcat", ("<longcat_tool_call>", "</longcat_tool_call>"), marks=(r.THINK, r.LONGCAT))
GRANITE_20B = _json("granite_20b_fc", ("<function_call>", ""))
GIGACHAT3 = _json(
    "gigachat3", ("<|function_call|>", ""), ("<|message_sep|>\n\nfunction call<|role_sep|>\n", ""), ("function call<|role_sep|>\n", "")
)
INTERNLM2 = _json("internlm2", ("<|action_start|><|plugin|>", "<|action_end|>"), ("<|action_start|> <|plugin|>", "<|action_end|>"))
NEMOTRON = _json("nemotron_toolcall", ("<TOOLCALL>", "</TOOLCALL>"), is_array=True)
JAMBA = _json("jamba", ("<tool_calls>", "</tool_calls>"), is_array=True)
APRIEL = _json("apriel", ("<tool_calls>", "</tool_calls>"), marks=(r.APRIEL, r.THINK), is_array=True)
HUNYUAN = replace(
    _json("hunyuan", ("<tool_calls>", "</tool_calls>"), is_array=True), noise=(*END_TOKENS, "<answer>\n", "\n</answer>", "</answer>")
)
FIREFUNCTION = Format("firefunction", Grammar((), (), bare=(JsonCalls(openers=("functools[",)),)), opening_any="functools[")
APERTUS = replace(
    _json("apertus", ("<|tools_prefix|>", "<|tools_suffix|>"), marks=(r.APERTUS, r.THINK), body=JsonCalls(is_keyed=True), is_array=True),
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
    Grammar((Section(("<atem:function_calls>",), ("</atem:function_calls>",)),), (_invoke("atem:"),)),
    header_end="<|message|>",
)

CORE = (
    HERMES,
    QWEN3_XML,
    SEED_OSS,
    GLM_XML,
    DEEPSEEK_V3,
    DEEPSEEK_V31,
    DEEPSEEK_DSML,
    LLAMA3_JSON,
    PYTHONIC,
    MISTRAL,
    KIMI_K2,
    HARMONY,
    MINIMAX_M2,
    GEMMA4,
    GRANITE,
    PHI4_FUNCTOOLS,
    REACT,
)
EXTRA = (
    APERTUS,
    APRIEL,
    COHERE,
    DEEPSEEK_V41,
    ERNIE45,
    FIREFUNCTION,
    FUNCTIONARY,
    FUNCTIONGEMMA,
    GIGACHAT3,
    GRANITE_20B,
    HUNYUAN,
    HUNYUAN_V3,
    INKLING,
    INTERNLM2,
    JAMBA,
    K2_HORIZON,
    KIMI_K3,
    LFM2,
    LING3,
    LONGCAT,
    MINICPM5,
    MINIMAX_M3,
    MISTRAL_ARRAY,
    MUSE,
    NEMOTRON,
    OLMO3,
    PLAMO3,
    SPARK,
    XLAM,
)
FORMATS = {format.name: format for format in (*CORE, *EXTRA)}
"""Every format by its name."""
