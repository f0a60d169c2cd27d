"""What a format is: how calls are written, the reasoning marks, the tokens that mean nothing, and how a call is begun."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from moorage.gateway.toolcalls import reasoning as r
from moorage.gateway.toolcalls.body import Grammar, Section
from moorage.gateway.toolcalls.body_json import JsonCalls
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


def json_format(
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
