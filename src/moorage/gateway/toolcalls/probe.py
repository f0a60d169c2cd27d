"""Which format a model speaks, found by rendering a known call through its chat template and seeing which grammar reads it back."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from itertools import product

from moorage.core.errors import ChatTemplateInvalid
from moorage.gateway.toolcalls.formats import FORMATS, Format
from moorage.gateway.toolcalls.message import Message, collect
from moorage.gateway.toolcalls.objects import Json
from moorage.gateway.toolcalls.parser import Reading, parse
from moorage.gateway.toolcalls.reasoning import ALL
from moorage.gateway.toolcalls.template import ChatTemplate, shared_prefix
from moorage.gateway.toolcalls.tools import Tools

_NAME = "sound_the_depth"
_ARGUMENTS: dict[str, object] = {"harbour": "Qingdao", "fathoms": 7}
_TOOL: Json = {
    "type": "function",
    "function": {
        "name": _NAME,
        "description": "Sounds the depth of a harbour.",
        "parameters": {
            "type": "object",
            "properties": {
                "harbour": {"type": "string", "description": "Which harbour."},
                "fathoms": {"type": "integer", "description": "How deep."},
            },
            "required": ["harbour", "fathoms"],
        },
    },
}
_QUESTION: Json = {"role": "user", "content": "How deep is it?"}
# Nine letters and digits for the templates that accept nothing else; the other for those that write the id in the name's place.
EXAMPLE = (_NAME, json.dumps(_ARGUMENTS))
"""The call in ``Speech.example``: its name and arguments."""
_IDS = ("mooring01", f"functions.{_NAME}:0")


@dataclass(frozen=True)
class Speech:
    """How a model speaks.

    ``takes_objects``: its template wants earlier calls' arguments as objects, not as JSON text. ``content_beside_calls``: what the
    template accepts as the content of a message that only calls. ``renders_tools``: it shows the model the tools of a request.
    ``example``: how it wrote a call of ``EXAMPLE``, for a prompt that must explain the format itself.
    """

    format: Format
    takes_objects: bool
    content_beside_calls: str | None
    renders_tools: bool
    example: str


@dataclass(frozen=True)
class _Way:
    """One way of handing a call to a template."""

    id: str
    takes_objects: bool
    content: str | None
    is_followed: bool

    def messages(self) -> list[Json]:
        arguments = _ARGUMENTS if self.takes_objects else json.dumps(_ARGUMENTS)
        call = {"id": self.id, "type": "function", "function": {"name": _NAME, "arguments": arguments}}
        found: list[Json] = [_QUESTION, {"role": "assistant", "content": self.content, "tool_calls": [call]}]
        if self.is_followed:
            found.append({"role": "tool", "name": _NAME, "tool_call_id": self.id, "content": "Seven."})
        return found


def probe(template: ChatTemplate) -> Speech | None:
    """How the model behind this template writes calls; None where the template cannot render any, or no grammar reads them."""
    for takes_objects, is_followed, content, id in product((True, False), (False, True), ("", None), _IDS):
        way = _Way(id, takes_objects, content, is_followed)
        written = _written(template, way)
        found = _reader(*written) if written is not None else None
        if written is not None and found is not None:
            return Speech(_with_marks(found, template), takes_objects, content, renders_tools(template), _trimmed(written[1], found))
    return None


def _written(template: ChatTemplate, way: _Way) -> tuple[str, str] | None:
    """The beginning of the assistant's turn and what the template wrote after it for the call."""
    try:
        whole = template.render(way.messages(), [_TOOL])
        before = template.render([_QUESTION], [_TOOL])
        opened = template.render([_QUESTION], [_TOOL], opens_answer=True)
    except ChatTemplateInvalid:
        return None
    turn = whole[shared_prefix(before, whole) :]
    prefill = opened[shared_prefix(before, opened) :]
    # The turn repeats the prefill's header, not always the marks of reasoning behind it.
    return prefill[: shared_prefix(prefill, turn)], turn[shared_prefix(prefill, turn) :]


def _reader(prefill: str, text: str) -> Format | None:
    """The format that reads exactly the call, with the least text left over; among equals the one whose own opening stands there."""
    tools = Tools.of([_TOOL])
    best: tuple[tuple[int, bool], Format] | None = None
    for format in FORMATS.values():
        message = collect(parse(Reading(format, tools, prefill), [text]))
        if not _is_the_call(message):
            continue
        opening = format.opening.format(name=_NAME).rstrip() if format.opening else ""
        rank = (len(message.content.strip()), not opening or opening not in text)
        if best is None or rank < best[0]:
            best = (rank, format)
    return best[1] if best else None


def _is_the_call(message: Message) -> bool:
    if len(message.calls) != 1 or message.calls[0].name != _NAME or not message.calls[0].is_complete:
        return False
    try:
        return json.loads(message.calls[0].arguments) == _ARGUMENTS
    except ValueError:
        return False


def _with_marks(format: Format, template: ChatTemplate) -> Format:
    """The format with the reasoning marks and the end token that this template has."""
    marks = tuple(marks for marks in ALL if marks not in format.reasoning and any(opener in template.source for opener in marks.openers))
    if format.document is not None:
        return format
    return replace(format, reasoning=(*format.reasoning, *marks), noise=tuple(dict.fromkeys((*format.noise, *template.end_tokens))))


def _trimmed(text: str, format: Format) -> str:
    """The call without the tokens that end a turn."""
    text = text.strip()
    while (ending := next((token for token in format.noise if text.endswith(token)), None)) is not None:
        text = text.removesuffix(ending).strip()
    return text


def renders_tools(template: ChatTemplate) -> bool:
    """Whether the template shows the model the tools of a request."""
    try:
        return _NAME in template.render([_QUESTION], [_TOOL])
    except ChatTemplateInvalid:
        return False
