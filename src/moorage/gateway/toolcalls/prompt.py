"""Tools for a model whose template shows none: a system text describes them, calls and results become plain turns."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import cast

from moorage.gateway.toolcalls.choice import ToolRequest
from moorage.gateway.toolcalls.formats import FORMATS
from moorage.gateway.toolcalls.objects import Json, entries, is_list, mapping
from moorage.gateway.toolcalls.spelling import spelled

_HERMES = """# Tools

You may call one or more functions to help with the user's request. Their signatures are inside <tools></tools>:
<tools>
{tools}
</tools>

To call a function, write a JSON object with its name and arguments inside <tool_call></tool_call>, one element for each call:
<tool_call>
{{"name": <function-name>, "arguments": <arguments-object>}}
</tool_call>"""
_NATIVE = """# Tools

You may call one or more functions to help with the user's request. Their signatures, one JSON object a line:
{tools}

To call a function, write it exactly like this example, which calls a function `{name}` with the arguments {arguments}:
{example}"""
_REACT = """You can use these tools:
{tools}

Answer in this form:
Thought: what to do
Action: the name of one tool, one of {names}
Action Input: its arguments as a JSON object
Stop there. The result comes as "Observation:". When no tool is needed, write:
Answer: the answer"""
_MUST = "\n\nYou must call {what} now."
_ONCE = "\n\nCall at most one function."
REACT_STOPS = ("\nObservation:", "Observation:")
"""Where a model that speaks ReAct must be stopped, before it makes a result up."""


def described(request: ToolRequest, style: str = "hermes", *, example: str = "", example_call: tuple[str, str] = ("", "")) -> str:
    """The system text: ``hermes``, ``react``, or ``native`` with an example in the model's own format. Empty without tools."""
    shown = request.shown()
    if not shown:
        return ""
    lines = "\n".join(json.dumps(tool, ensure_ascii=False) for tool in shown)
    names = ", ".join(str(mapping(tool["function"])["name"]) for tool in shown)
    if style == "react":
        text = _REACT.format(tools=lines, names=names)
    elif style == "native" and example:
        text = _NATIVE.format(tools=lines, example=example.strip(), name=example_call[0], arguments=example_call[1])
    else:
        text = _HERMES.format(tools=lines)
    if request.must_call:
        text += _MUST.format(what=f"`{request.name}`" if request.name else "a function")
    return text if request.is_parallel else text + _ONCE


def with_tools(messages: Sequence[Json], text: str) -> list[Json]:
    """The conversation with the description in its system turn."""
    if not text:
        return list(messages)
    if messages and messages[0].get("role") == "system" and isinstance(messages[0].get("content"), str):
        return [{**messages[0], "content": f"{messages[0]['content']}\n\n{text}"}, *messages[1:]]
    return [{"role": "system", "content": text}, *messages]


def with_tools_in_question(messages: Sequence[Json], text: str) -> list[Json]:
    """The conversation with the description before its first question, for templates that drop or refuse a system turn."""
    found = list(messages)
    for position, message in enumerate(found):
        if message.get("role") == "user" and isinstance(message.get("content"), str):
            found[position] = {**message, "content": f"{text}\n\n{message['content']}"}
            return found
    return [{"role": "user", "content": text}, *found]


def as_plain_turns(messages: Sequence[Json], style: str = "hermes") -> list[Json]:
    """Earlier calls as the assistant's text and their results as a user's turn, for a model or endpoint that knows neither.

    ``style`` is the format in which the calls are written.
    """
    found: list[dict[str, object]] = []
    for message in messages:
        role, calls = message.get("role"), message.get("tool_calls")
        if role == "tool":
            text = _result(message, style)
            if found and found[-1].get("_is_result"):
                found[-1]["content"] = f"{found[-1]['content']}\n{text}"
            else:
                found.append({"role": "user", "content": text, "_is_result": True})
        elif role == "assistant" and is_list(calls) and calls:
            text = "\n".join(_call(mapping(call), style) for call in entries(calls))
            content = message.get("content")
            found.append({"role": "assistant", "content": f"{content}\n{text}" if content else text})
        else:
            found.append(dict(message))
    return [{name: value for name, value in message.items() if name != "_is_result"} for message in found]


def _call(call: Json, style: str) -> str:
    function = mapping(call["function"])
    name, arguments = str(function.get("name")), function.get("arguments")
    if isinstance(arguments, str):
        try:
            arguments = cast(object, json.loads(arguments or "{}"))
        except (ValueError, RecursionError):
            arguments = {"arguments": arguments}
    values = mapping(arguments)
    return spelled(FORMATS[style], name, values) or spelled(FORMATS["hermes"], name, values) or ""


def _result(message: Json, style: str) -> str:
    content = message.get("content")
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    return f"Observation: {text}" if style == "react" else f"<tool_response>\n{text}\n</tool_response>"
