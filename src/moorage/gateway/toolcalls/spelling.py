"""A call as text in a format, for prompts that must show one where no template can: examples, and earlier calls in plain turns."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from moorage.gateway.toolcalls.format import Format
from moorage.gateway.toolcalls.objects import Json, entries, is_list, is_object, mapping


def spelled(format: Format, name: str, arguments: Json) -> str | None:
    """The call as models of this format write it; None for a format that only a template can write."""
    pairs = _PAIRS.get(format.name)
    if pairs is not None:
        return pairs.text(name, arguments)
    if not format.opening:
        return None
    return format.opening.format(name=name) + json.dumps(arguments, ensure_ascii=False) + format.closing


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True)
class _Pairs:
    """A format that writes one argument after another."""

    begin: str
    each: str
    end: str
    between: str = ""
    value: Callable[[object], str] = _plain

    def text(self, name: str, arguments: Json) -> str:
        written = (self.each.format(key=key, value=self.value(value), is_text=_is_text(value)) for key, value in arguments.items())
        return self.begin.format(name=name) + self.between.join(written) + self.end


def _is_text(value: object) -> str:
    return "true" if isinstance(value, str) else "false"


def _braced(value: object) -> str:
    """Gemma's quotation marks are tokens of their own."""
    if isinstance(value, str):
        return f'<|"|>{value}<|"|>'
    if is_list(value):
        return f"[{','.join(map(_braced, entries(value)))}]"
    if is_object(value):
        return f"{{{','.join(f'{key}:{_braced(each)}' for key, each in mapping(value).items())}}}"
    return json.dumps(value)


_XML = ("<function={name}>\n", "<parameter={key}>\n{value}\n</parameter>\n", "</function>\n")
_PYTHON = ("{name}(", "{key}={value}", ")")
_GLM = _Pairs("<tool_call>{name}\n", "<arg_key>{key}</arg_key>\n<arg_value>{value}</arg_value>\n", "</tool_call>")
_PAIRS: dict[str, _Pairs] = {
    "qwen3_xml": _Pairs("<tool_call>\n" + _XML[0], _XML[1], _XML[2] + "</tool_call>"),
    "seed_oss": _Pairs("<seed:tool_call>\n" + _XML[0], _XML[1], _XML[2] + "</seed:tool_call>"),
    "glm_xml": _GLM,
    "ling3": _GLM,
    "spark": _GLM,
    "deepseek_dsml": _Pairs(
        '<｜DSML｜function_calls>\n<｜DSML｜invoke name="{name}">\n',
        '<｜DSML｜parameter name="{key}" string="{is_text}">{value}</｜DSML｜parameter>\n',
        "</｜DSML｜invoke>\n</｜DSML｜function_calls>",
    ),
    "deepseek_v41": _Pairs(
        '<｜DSML｜ calls>\n<｜DSML｜ invoke name="{name}">\n',
        '<｜DSML｜ parameter name="{key}" string="{is_text}">{value}</｜DSML｜ parameter>\n',
        "</｜DSML｜ invoke>\n</｜DSML｜ calls>",
    ),
    "minimax_m2": _Pairs(
        '<minimax:tool_call>\n<invoke name="{name}">\n', '<parameter name="{key}">{value}</parameter>\n', "</invoke>\n</minimax:tool_call>"
    ),
    "pythonic": _Pairs("[" + _PYTHON[0], _PYTHON[1], _PYTHON[2] + "]", ", ", repr),
    "lfm2": _Pairs("<|tool_call_start|>[" + _PYTHON[0], _PYTHON[1], _PYTHON[2] + "]<|tool_call_end|>", ", ", repr),
    "olmo3": _Pairs("<function_calls>" + _PYTHON[0], _PYTHON[1], _PYTHON[2] + "</function_calls>", ", ", repr),
    "gemma4": _Pairs("<|tool_call>call:{name}{{", "{key}:{value}", "}<tool_call|>", ",", _braced),
}
