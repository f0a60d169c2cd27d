"""Calls written as tags: a function element with parameter elements inside (Qwen3-Coder, Seed, MiniMax-M2, DeepSeek V3.2, MiniCPM)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from moorage.gateway.toolcalls.json_text import read_arguments
from moorage.gateway.toolcalls.parameters import Parameters
from moorage.gateway.toolcalls.source import BLANKS, Source, Steps, Tags
from moorage.gateway.toolcalls.writer import Writer

_TAG_CHARACTERS = 400
_ATTRIBUTE = re.compile(r"""\s*([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
_CDATA = Tags(("<![CDATA[",))
_CDATA_END = Tags(("]]>",))


@dataclass(frozen=True)
class XmlCalls:
    """A table of tags. ``openers`` and ``parameters`` end before the name: ``<function=`` or ``<invoke`` (then it is an attribute).

    ``trims_line_breaks``: one line break inside each end of a value belongs to the markup. ``outer``: the tags that may follow a call.
    """

    openers: tuple[str, ...]
    closers: tuple[str, ...]
    parameters: tuple[str, ...]
    parameter_closers: tuple[str, ...]
    outer: tuple[str, ...] = ()
    trims_line_breaks: bool = False
    has_cdata: bool = False
    tag_end: str = ">"
    name_attributes: tuple[str, ...] = ("name", "tool", "key")

    def read(self, opener: str, source: Source, calls: Writer, *, is_bare: bool) -> Steps[bool]:
        """The name, then one parameter after the other; or, in place of parameters, JSON."""
        name, _, _ = yield from self._name(opener, source)
        if name is None:
            return False
        if not (yield from self._goes_on(source, is_known=name in calls.tools)) or not calls.start(name):
            return False
        source.forget()
        yield from source.blanks()
        if (yield from source.peek()) == "{":
            is_complete = yield from read_arguments(source, calls.arguments)
            yield from source.blanks()
            yield from source.takes(self._closer_tags)
        else:
            is_complete = yield from self._parameters(source, calls)
        calls.end(is_complete=is_complete)
        return True

    def _goes_on(self, source: Source, *, is_known: bool) -> Steps[bool]:
        """Whether what follows the name makes it a call; behind a tool's name the text may end as well."""
        yield from source.blanks()
        if is_known:
            return (yield from source.follows(self._following_tags))
        return (yield from source.sees(self._following_tags)) is not None

    def _parameters(self, source: Source, calls: Writer) -> Steps[bool]:
        """All parameters; text between them is content. True: the call is complete, as it is where only its closing tag is missing."""
        parameters = Parameters(calls, trims_line_breaks=self.trims_line_breaks)
        while True:
            tag = yield from source.up_to(self._any_tags, calls.content)
            if tag not in self.parameters:
                if tag in self.closers:
                    source.take(len(tag or ""))
                elif tag is None and not source.is_over:
                    return False
                parameters.end()
                return True
            source.take(len(tag))
            begun: _Begun | None = yield from self._begun(tag, source)
            if begun.name is None:
                calls.content(begun.text)
                return False
            ended: Literal["value", "call", ""] = "value"
            while begun is not None:
                parameters.begin(begun.name or "", is_text=begun.is_text)
                ended, begun = yield from self._value(source, parameters)
                if not ended:
                    return False
                parameters.close()
            if ended == "call":
                parameters.end()
                return True

    def _begun(self, tag: str, source: Source) -> Steps[_Begun]:
        """The parameter whose tag's beginning was taken."""
        name, attributes, head = yield from self._name(tag, source)
        return _Begun(name, _says_text(attributes), tag + head)

    def _name(self, opener: str, source: Source) -> Steps[tuple[str | None, dict[str, str], str]]:
        """The name in a tag whose beginning was taken, the tag's attributes, and all that was read."""
        head, mark = yield from source.short(self._end_tags, _TAG_CHARACTERS, "<" if self.tag_end == ">" else "\n")
        if mark is None:
            return None, {}, head
        if opener.endswith("="):
            return head.strip().strip("\"'") or None, {}, head + (mark or "")
        attributes = {found[1]: found[2] or found[3] or found[4] or "" for found in _ATTRIBUTE.finditer(head)}
        return next((attributes[key] for key in self.name_attributes if key in attributes), None), attributes, head + mark

    def _value(self, source: Source, parameters: Parameters) -> Steps[tuple[Literal["value", "call", ""], _Begun | None]]:
        """A value up to its closing tag, which counts only where markup follows: ``</parameter>`` may stand in a text.

        Where the model forgot that tag, the next one ends the value if it begins a line, or another parameter that the tool has.
        Returns what ended, and the parameter that began by ending it.
        """
        if self.has_cdata and not (yield from _cdata(source, parameters)):
            return "", None
        tail = _Tail(parameters)
        while (tag := (yield from source.up_to(self._value_tags, tail, is_value=True))) is not None:
            is_own = tag in self.parameter_closers
            if not is_own and tail.at_line_start:
                return "value", None
            source.take(len(tag))
            if tag in self.parameters:
                begun = yield from self._begun(tag, source)
                if begun.name is not None and parameters.expects(begun.name):
                    return "value", begun
                if not source.is_cut_off:
                    tail(begun.text)
                continue
            blanks = yield from source.blanks()
            if (yield from source.follows(self._any_tags if is_own else self._outer_tags)):
                return ("value" if is_own else "call"), None
            tail(tag + blanks)
        return "", None

    @cached_property
    def _end_tags(self) -> Tags:
        return Tags((self.tag_end,))

    @cached_property
    def _closer_tags(self) -> Tags:
        return Tags(self.closers)

    @cached_property
    def _outer_tags(self) -> Tags:
        return Tags((*self.outer, *self.openers))

    @cached_property
    def _any_tags(self) -> Tags:
        return Tags((*self.closers, *self.parameters, *self.outer, *self.openers))

    @cached_property
    def _following_tags(self) -> Tags:
        return Tags((*self.closers, *self.parameters, *self.outer, "{"))

    @cached_property
    def _value_tags(self) -> Tags:
        return Tags((*self.parameter_closers, *self.closers, *self.parameters))


def invoke_calls(prefix: str) -> XmlCalls:
    """``<invoke name="…"><parameter name="…">value</parameter></invoke>``, every tag's name behind a prefix."""
    return XmlCalls(
        openers=(f"<{prefix}invoke",),
        closers=(f"</{prefix}invoke>",),
        parameters=(f"<{prefix}parameter",),
        parameter_closers=(f"</{prefix}parameter>",),
        outer=("</minimax:tool_call>", f"</{prefix}function_calls>"),
    )


def _says_text(attributes: dict[str, str]) -> bool:
    """Whether the tag itself declares its value a string (``string="true"``, ``type="string"``)."""
    return attributes.get("string", "").lower() == "true" or attributes.get("type") == "string"


def _cdata(source: Source, parameters: Parameters) -> Steps[bool]:
    """A CDATA part, if the value begins with one. False where it breaks off."""
    if (yield from source.takes(_CDATA)) is None:
        return not source.was_cut or not (yield from source.follows(_CDATA))
    return (yield from source.until(_CDATA_END, parameters.text, is_value=True)) is not None


@dataclass(frozen=True)
class _Begun:
    """A parameter's tag: its name if it is whole, whether it declares a string, and the tag's text."""

    name: str | None
    is_text: bool
    text: str


class _Tail:
    """Passes text on and remembers whether a line has just begun."""

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        self.at_line_start = False

    def __call__(self, text: str) -> None:
        self._parameters.text(text)
        stripped = text.rstrip(BLANKS)
        self.at_line_start = "\n" in text[len(stripped) :] or (self.at_line_start and not stripped)
