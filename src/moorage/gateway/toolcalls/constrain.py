"""Making a model call: the text that begins a call, to be written for it, and the structural tag that holds an engine to the schemas."""

from __future__ import annotations

from moorage.gateway.toolcalls.choice import ToolRequest
from moorage.gateway.toolcalls.format import Format
from moorage.gateway.toolcalls.objects import Json, mapping
from moorage.gateway.toolcalls.reasoning import opened_by


def opening_of_call(format: Format, request: ToolRequest, prefill: str = "") -> str | None:
    """What to write for the model, behind the prompt, so that it must call; None where it is free, or the format has no such text.

    Reasoning that the template has opened is closed first. Give the parser the prompt's prefill, and this text as the first it reads.
    """
    if not request.must_call:
        return None
    name = request.name or (request.known.names()[0] if len(request.known) == 1 else None)
    text = format.opening.format(name=name) if name else format.opening_any
    if not text:
        return None
    opened = opened_by(prefill, format.reasoning)
    return f"{opened.closers[0]}\n\n{text}" if opened else text


def structural_tag(format: Format, request: ToolRequest) -> dict[str, object] | None:
    """A structural tag in xgrammar's form, for an engine that takes one: each call is held to its tool's schema.

    With a choice of ``auto`` the model may still write anything else; ``required`` and named make it call. None where the format's
    arguments are not JSON.
    """
    if not request.reads_calls or not format.closing:
        return None
    tags = [_tag(format, tool) for tool in request.shown()]
    trigger = _common_beginning([str(tag["begin"]) for tag in tags])
    if not trigger.strip():
        return None
    triggered = {
        "type": "triggered_tags",
        "triggers": [trigger],
        "tags": tags,
        "at_least_one": request.must_call,
        "stop_after_first": request.must_call and not request.is_parallel,
    }
    return {"type": "structural_tag", "format": triggered}


def _tag(format: Format, tool: Json) -> dict[str, object]:
    function = mapping(tool.get("function"))
    schema = mapping(function.get("parameters")) or {"type": "object"}
    content: dict[str, object] = {"type": "json_schema", "json_schema": schema}
    return {"type": "tag", "begin": format.opening.format(name=function.get("name")), "content": content, "end": format.closing}


def _common_beginning(texts: list[str]) -> str:
    """What all begin with, cut before the name's quotation mark: a trigger must stand before every tag."""
    shortest = min(texts, key=len, default="")
    for position, character in enumerate(shortest):
        if any(text[position] != character for text in texts):
            return shortest[:position]
    return shortest
