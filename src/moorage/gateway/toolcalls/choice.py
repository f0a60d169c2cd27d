"""What a request says about tools: which there are, whether one must be called, and how many at once. Legacy ``functions`` included."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NoReturn

from moorage.core.errors import ToolsInvalid
from moorage.gateway.toolcalls.objects import Json, entries, is_list, is_object, mapping
from moorage.gateway.toolcalls.tools import Tools

Mode = Literal["none", "auto", "required", "named"]
MOST_TOOLS = 1024
_MODES: dict[str, Mode] = {"none": "none", "auto": "auto", "required": "required", "any": "required"}


@dataclass(frozen=True)
class ToolRequest:
    """The tools of one request and the choice among them.

    ``is_legacy``: the client spoke of ``functions`` and expects ``function_call`` back, which holds one call only.
    """

    tools: tuple[Json, ...] = ()
    mode: Mode = "none"
    name: str | None = None
    is_parallel: bool = True
    is_legacy: bool = False
    known: Tools = field(default_factory=Tools)

    @property
    def reads_calls(self) -> bool:
        """Whether calls in the answer are to be reported as calls."""
        return self.mode != "none"

    @property
    def must_call(self) -> bool:
        """Whether an answer without a call is no answer."""
        return self.mode in ("required", "named")

    @property
    def is_strict(self) -> bool:
        """Whether a tool's calls must keep to its schema."""
        return self.reads_calls and any(mapping(tool.get("function")).get("strict") is True for tool in self.shown())

    def shown(self) -> list[Json]:
        """The tools the model is shown: none if it may not call, the one it must call, else all."""
        if self.mode == "none":
            return []
        return [tool for tool in self.tools if self.mode != "named" or _name(tool) == self.name]


def tool_request(body: Json) -> ToolRequest:
    """What the body of a chat completion asks for. Raises ToolsInvalid naming the field that is wrong."""
    is_legacy = body.get("tools") is None and body.get("functions") is not None
    tools = _functions(body["functions"]) if is_legacy else _tools(body.get("tools"))
    choice = body.get("function_call") if is_legacy else body.get("tool_choice")
    parallel = body.get("parallel_tool_calls")
    if parallel is not None and not isinstance(parallel, bool):
        _refuse(
            "parallel_tool_calls",
            f"{parallel!r} is neither true nor false",
            f"{parallel!r} 不是布尔值",
            "Send true or false.",
            "请发送 true 或 false。",
        )
    field_name = "function_call" if is_legacy else "tool_choice"
    if not tools:
        if choice not in (None, "none", "auto"):
            _refuse(field_name, "there are no tools to choose from", "没有可供选择的工具", "Send tools with it.", "请同时发送 tools。")
        return ToolRequest(is_legacy=is_legacy)
    mode, name, allowed = _choice(choice, field_name)
    names = [_name(tool) for tool in tools]
    for wanted in [name] if name else allowed or []:
        if wanted not in names:
            known = ", ".join(names)
            _refuse(
                field_name, f"there is no tool named {wanted!r}", f"没有名为 {wanted!r} 的工具", f"There is: {known}.", f"现有：{known}。"
            )
    if allowed is not None:
        tools = [tool for tool in tools if _name(tool) in allowed]
    return ToolRequest(tuple(tools), mode, name, parallel is not False and not is_legacy, is_legacy, Tools.of(list(tools)))


def _tools(value: object) -> list[Json]:
    if value is None:
        return []
    if not is_list(value):
        _refuse("tools", f"it is {type(value).__name__}, not a list", "不是列表", "Send a list of functions.", "请发送函数列表。")
    if len(value) > MOST_TOOLS:
        _refuse(
            "tools",
            f"there are {len(value)} of them",
            f"共有 {len(value)} 个",
            f"At most {MOST_TOOLS} are read.",
            f"最多 {MOST_TOOLS} 个。",
        )
    for position, entry in enumerate(value):
        _check(entry, f"tools[{position}]")
    return [mapping(entry) for entry in value]


def _functions(value: object) -> list[Json]:
    if not is_list(value):
        _refuse("functions", f"it is {type(value).__name__}, not a list", "不是列表", "Send a list of functions.", "请发送函数列表。")
    wrapped: list[object] = [{"type": "function", "function": entry} for entry in entries(value)]
    return _tools(wrapped)


def _check(entry: object, where: str) -> None:
    if not is_object(entry):
        _refuse(
            where, "it is not an object", "不是对象", "Send {type: function, function: {…}}.", "请发送 {type: function, function: {…}}。"
        )
    kind = mapping(entry).get("type")
    if kind not in (None, "function"):
        advice = "Only functions can be called through this model."
        _refuse(f"{where}.type", f"{kind!r} is not served", f"不支持 {kind!r}", advice, "该模型只能调用函数。")
    function = mapping(entry).get("function")
    name = mapping(function).get("name") if is_object(function) else None
    if not isinstance(name, str) or not name:
        _refuse(f"{where}.function.name", "it is missing", "缺失", "Give every function a name.", "请为每个函数命名。")
    parameters = mapping(function).get("parameters")
    if parameters is not None and not is_object(parameters):
        _refuse(f"{where}.function.parameters", "it is no JSON schema object", "不是 JSON Schema 对象", "Send an object.", "请发送对象。")


def _choice(choice: object, field_name: str) -> tuple[Mode, str | None, list[str] | None]:
    """The mode, the one tool that is named, and the names that are allowed if only some are."""
    if choice is None:
        return "auto", None, None
    if isinstance(choice, str) and choice in _MODES:
        return _MODES[choice], None, None
    if is_object(choice):
        given = mapping(choice)
        function = given.get("function")
        name = mapping(function).get("name") if is_object(function) else given.get("name")
        if isinstance(name, str) and name:
            return "named", name, None
        allowed = given.get("allowed_tools") if given.get("type") == "allowed_tools" else None
        if is_object(allowed):
            return _allowed(mapping(allowed))
    advice = "Send 'none', 'auto', 'required', or an object that names a function."
    return _refuse(
        field_name,
        f"{choice!r} is not understood",
        f"无法理解 {choice!r}",
        advice,
        "请发送 'none'、'auto'、'required'，或指定函数名的对象。",
    )


def _allowed(allowed: Json) -> tuple[Mode, str | None, list[str]]:
    names = [_name(entry) for entry in entries(allowed.get("tools"))]
    return _MODES.get(str(allowed.get("mode", "auto")), "auto"), None, names


def _name(tool: object) -> str:
    if not is_object(tool):
        return ""
    function = mapping(tool).get("function")
    name = mapping(function).get("name") if is_object(function) else mapping(tool).get("name")
    return name if isinstance(name, str) else ""


def _refuse(field: str, reason: str, reason_zh: str, advice: str, advice_zh: str) -> NoReturn:
    raise ToolsInvalid(field=field, reason=reason, reason_zh=reason_zh, advice=advice, advice_zh=advice_zh)
