"""A checkpoint's chat template: messages and tools become the prompt's text, in a sandbox.

Templates come with models from anywhere: they see no attribute that begins with an underscore, and their output is bounded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import NoReturn, cast

from jinja2 import Template, TemplateError, nodes
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.runtime import Context
from jinja2.sandbox import SandboxedEnvironment

from moorage.core.errors import ChatTemplateInvalid
from moorage.gateway.toolcalls.objects import Json, entries, is_list, is_object, mapping

Messages = Sequence[Json]
LONGEST_PROMPT = 64_000_000
"""Characters a template may write."""

_FAULTS = (
    TemplateError,
    TypeError,
    ValueError,
    LookupError,
    AttributeError,
    ArithmeticError,
    RecursionError,
    AssertionError,
    MemoryError,
    NotImplementedError,
)
"""What template code can raise: its own language's errors and those of the Python it calls."""


@dataclass(frozen=True)
class Prompt:
    """A rendered prompt. ``prefill`` is its end: what the template already wrote of the assistant's turn."""

    text: str
    prefill: str


class ChatTemplate:
    """One Jinja template with the tokens and variables it may use."""

    def __init__(self, source: str, variables: Json | None = None) -> None:
        self.source = source
        self._variables = dict(variables or {})

    @classmethod
    def of_config(cls, config: Json, *, with_tools: bool = True) -> ChatTemplate | None:
        """From a ``tokenizer_config.json``; of several named templates the one for tools, if tools are to be used. None without any."""
        found = config.get("chat_template")
        if is_list(found):
            named = {str(mapping(entry).get("name")): mapping(entry).get("template") for entry in entries(found)}
            found = (named.get("tool_use") if with_tools else None) or named.get("default") or next(iter(named.values()), None)
        if not isinstance(found, str):
            return None
        tokens = {name: _token(value) for name, value in config.items() if name.endswith("_token") and _token(value) is not None}
        return cls(found, tokens)

    @property
    def end_tokens(self) -> tuple[str, ...]:
        """The token that ends a turn, if it is known."""
        token = self._variables.get("eos_token")
        return (token,) if isinstance(token, str) and token else ()

    def render(
        self, messages: Messages, tools: Messages | None = None, *, opens_answer: bool = False, variables: Json | None = None
    ) -> str:
        """The text of a conversation. ``opens_answer`` adds the beginning of the assistant's turn.

        Raises ChatTemplateInvalid where the template cannot be read or refuses these messages.
        """
        own = {"messages": list(messages), "tools": list(tools) if tools else None, "add_generation_prompt": opens_answer}
        names: dict[str, object] = {"documents": None, **self._variables, **(variables or {}), **own}
        pieces: list[str] = []
        length = 0
        try:
            for piece in self._template.generate(names):
                pieces.append(piece)
                length += len(piece)
                if length > LONGEST_PROMPT:
                    _refuse(f"it wrote more than {LONGEST_PROMPT} characters")
        except _FAULTS as error:
            raise ChatTemplateInvalid(reason=str(error) or type(error).__name__) from error
        return "".join(pieces)

    def prompt(self, messages: Messages, tools: Messages | None = None, variables: Json | None = None) -> Prompt:
        """The prompt for the assistant's next turn."""
        text = self.render(messages, tools, opens_answer=True, variables=variables)
        before = self.render(messages, tools, variables=variables)
        return Prompt(text, text[shared_prefix(before, text) :])

    @cached_property
    def _template(self) -> Template:
        try:
            return _environment().from_string(self.source)
        except (TemplateError, RecursionError) as error:
            raise ChatTemplateInvalid(reason=str(error)) from error


def shared_prefix(left: str, right: str) -> int:
    """How many characters two texts begin with alike."""
    low, high = 0, min(len(left), len(right))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if left[:middle] == right[:middle] else (low, middle - 1)
    return low


def _token(value: object) -> str | None:
    if is_object(value):
        value = mapping(value).get("content")
    return value if isinstance(value, str) else None


def _environment() -> SandboxedEnvironment:
    """The sandbox with the names that templates expect."""
    environment = _Bounded(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols", _Generation], keep_trailing_newline=False
    )
    filters = cast("dict[str, Callable[..., object]]", environment.filters)  # pyright: ignore[reportUnknownMemberType]
    filters["tojson"] = _to_json
    filters["center"] = _padded
    names = cast("dict[str, Callable[..., object]]", environment.globals)  # pyright: ignore[reportUnknownMemberType]
    names.update(raise_exception=_refuse, strftime_now=_now)
    return environment


class _Bounded(SandboxedEnvironment):
    """A sandbox in which no single step makes more than a prompt may hold: ``"a" * 10**10`` would fill the memory, already when it is compiled."""

    intercepted_binops = frozenset({"*", "**", "%"})

    def call_binop(self, context: Context, operator: str, left: object, right: object) -> object:
        """The result, or ValueError for one out of all measure."""
        if operator == "*" and _length(left, right) > LONGEST_PROMPT:
            _refuse(f"it repeats a text to more than {LONGEST_PROMPT} characters")
        if operator == "**" and isinstance(left, int) and isinstance(right, int) and left.bit_length() * right > _MOST_BITS:
            _refuse("it raises a number beyond measure")
        if operator == "%" and isinstance(left, str) and _WIDE.search(left):
            _refuse("it pads a text beyond measure")
        return super().call_binop(context, operator, left, right)


_MOST_BITS = 10_000
_WIDE = re.compile(r"\d{6}|\*")


def _length(left: object, right: object) -> int:
    """How long a text or list gets that is repeated; 0 for numbers."""
    for text, times in ((left, right), (right, left)):
        if isinstance(text, (str, list, tuple)) and isinstance(times, int):
            return len(cast("Sequence[object]", text)) * times
    return 0


def _padded(value: object, width: int = 80) -> str:
    """``center``, within measure."""
    if width > LONGEST_PROMPT:
        _refuse("it pads a text beyond measure")
    return str(value).center(width)


class _Generation(Extension):
    """``{% generation %}`` marks what is trained on; for rendering it is nothing."""

    tags = {"generation"}  # noqa: RUF012 - jinja2's own attribute

    def parse(self, parser: Parser) -> list[nodes.Node]:
        """Its content, as if the tag were not there."""
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _to_json(
    value: object, ensure_ascii: bool = False, indent: int | None = None, separators: tuple[str, str] | None = None, sort_keys: bool = False
) -> str:
    """JSON as models saw it in training: nothing escaped for HTML."""
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def _now(format: str) -> str:
    return datetime.now().strftime(format)


def _refuse(message: str) -> NoReturn:
    raise ValueError(message)
