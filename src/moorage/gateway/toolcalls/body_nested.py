"""Calls written as elements named after the parameters and nested like the value (MiniMax-M3)."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property

from moorage.gateway.toolcalls.coerce import json_of
from moorage.gateway.toolcalls.json_text import quoted
from moorage.gateway.toolcalls.objects import Json
from moorage.gateway.toolcalls.parameters import Parameters
from moorage.gateway.toolcalls.source import Source, Steps, Tags
from moorage.gateway.toolcalls.tools import item_schema, kinds_of, property_schema
from moorage.gateway.toolcalls.writer import Writer

_TAG_CHARACTERS = 400
_DEEPEST = 32
_NAME = re.compile(r"""\s+name\s*=\s*["']([^"']*)["']\s*""")
_TAG_END = Tags((">",))


@dataclass
class _Element:
    """An element that is open: its text and the values of the elements that were in it."""

    name: str
    schema: Json
    text: list[str] = field(default_factory=list[str])
    children: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    def json(self, root: Json) -> str:
        """Its value: a list where the schema or repeated names say so, an object where it has children, else typed text."""
        kinds = kinds_of(self.schema, root)
        if not self.children:
            return json_of("".join(self.text), kinds)
        names = Counter(name for name, _ in self.children)
        if "object" not in kinds and ("array" in kinds or set(names) == {"item"} or max(names.values()) > 1):
            return "[" + ", ".join(value for _, value in self.children) + "]"
        return "{" + ", ".join(f"{quoted(name)}: {value}" for name, value in self.children) + "}"


@dataclass(frozen=True)
class NestedCalls:
    """``MARK<invoke name="…">MARK<key>value MARK</key>MARK</invoke>``: the same mark stands before every tag."""

    mark: str

    @property
    def openers(self) -> tuple[str, ...]:
        """The tag up to its attribute."""
        return (f"{self.mark}<invoke",)

    def read(self, opener: str, source: Source, calls: Writer, *, is_bare: bool) -> Steps[bool]:
        """The name, then the elements."""
        head, mark = yield from source.short(_TAG_END, _TAG_CHARACTERS, "<")
        name = _NAME.fullmatch(head)
        if mark is None or name is None or not calls.start(name[1]):
            return False
        source.forget()
        is_complete = yield from self._elements(source, calls)
        calls.end(is_complete=is_complete)
        return True

    def _elements(self, source: Source, calls: Writer) -> Steps[bool]:
        parameters = Parameters(calls)
        root = calls.tools.root(calls.name)
        stack: list[_Element] = []
        while (yield from source.until(self._mark_tags, stack[-1].text.append if stack else calls.content)) is not None:
            tag, mark = yield from source.short(_TAG_END, _TAG_CHARACTERS)
            if mark is None or tag[:1] != "<":
                calls.content(tag)
                return False
            if tag == "</invoke" and not stack:
                parameters.end()
                return True
            if tag[:2] != "</":
                if len(stack) >= _DEEPEST:
                    return False
                stack.append(_Element(tag[1:].strip(), self._schema(tag[1:].strip(), stack, calls, root)))
                continue
            if not stack or stack[-1].name != tag[2:].strip():
                return False
            element = stack.pop()
            if stack:
                stack[-1].children.append((element.name, element.json(root)))
            else:
                parameters.json(element.name, element.json(root))
        return False

    def _schema(self, name: str, stack: list[_Element], calls: Writer, root: Json) -> Json:
        if not stack:
            return calls.tools.schema(calls.name, name)
        parent = stack[-1].schema
        return property_schema(parent, name, root) or item_schema(parent, root)

    @cached_property
    def _mark_tags(self) -> Tags:
        return Tags((self.mark,))
