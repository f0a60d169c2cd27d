"""The arguments of a call that gives them one by one, written as one JSON object while they arrive."""

from __future__ import annotations

from moorage.gateway.toolcalls.coerce import is_plain_string, json_of
from moorage.gateway.toolcalls.json_text import escaped, parsed, quoted
from moorage.gateway.toolcalls.objects import is_object
from moorage.gateway.toolcalls.source import BLANKS
from moorage.gateway.toolcalls.writer import Writer

_WRAPPERS = ("arguments", "parameters", "input")


class Parameters:
    """Typed by the tool's schema: what can only be a string is passed on as it comes, the rest when its value ends.

    A lone parameter ``arguments`` the tool does not have, which holds an object of what it has, is the arguments themselves.
    """

    def __init__(self, calls: Writer, *, trims_line_breaks: bool = False) -> None:
        self._calls = calls
        self._trims = trims_line_breaks
        self._count = 0
        self._given: set[str] = set()
        self._key = ""
        self._kinds: frozenset[str] = frozenset()
        self._streams = False
        self._value: list[str] = []
        self._tail = ""
        self._is_first_text = True
        self._wrapped: str | None = None
        self._unwrapped = ""
        self._wrapper_key = ""

    def expects(self, key: str) -> bool:
        """Whether the tool has this parameter and it did not come yet."""
        return key not in self._given and self._calls.tools.has_parameter(self._calls.name, key)

    def begin(self, key: str, *, is_text: bool = False) -> None:
        """A parameter begins. ``is_text``: the model said itself that it is a string."""
        self._unwrap()
        self._key = key
        self._given.add(key)
        self._kinds = frozenset({"string"}) if is_text else self._calls.tools.kinds(self._calls.name, key)
        self._streams = is_plain_string(self._kinds)
        self._value, self._tail, self._is_first_text = [], "", True
        if self._streams and not self._may_be_wrapper():
            self._write_key(key)
            self._calls.arguments('"')
        else:
            self._streams = False

    def text(self, text: str) -> None:
        """More of the value. One line break at each edge belongs to the markup where the format says so."""
        if self._trims:
            if self._is_first_text and text:
                self._is_first_text = False
                text = text.removeprefix("\n")
            text = self._tail + text
            self._tail = "\n" if text.endswith("\n") else ""
            text = text.removesuffix("\n")
        if not text:
            return
        if self._streams:
            self._calls.arguments(escaped(text))
        else:
            self._value.append(text)

    def close(self) -> None:
        """The value is whole."""
        if self._streams:
            self._calls.arguments('"')
            return
        value = "".join(self._value)
        typed = json_of(value, self._kinds)
        if self._may_be_wrapper() and self._holds_arguments(value):
            self._wrapped, self._unwrapped, self._wrapper_key = value.strip(BLANKS), typed, self._key
        else:
            self.json(self._key, typed)

    def json(self, key: str, value: str) -> None:
        """A whole parameter, already JSON text."""
        self._unwrap()
        self._write_key(key)
        self._calls.arguments(value)

    def end(self) -> None:
        """The call is whole."""
        if self._wrapped is not None and not self._count:
            self._calls.arguments(self._wrapped)
            return
        self._unwrap()
        self._calls.arguments("}" if self._count else "{}")

    def _may_be_wrapper(self) -> bool:
        return self._count == 0 and self._key in _WRAPPERS and not self._calls.tools.has_parameter(self._calls.name, self._key)

    def _holds_arguments(self, value: str) -> bool:
        """Whether the value is an object of parameters the tool has; of an unknown tool, any object."""
        is_json, inner = parsed(value)
        if not is_json or not is_object(inner):
            return False
        return self._calls.name not in self._calls.tools or all(self._calls.tools.has_parameter(self._calls.name, key) for key in inner)

    def _unwrap(self) -> None:
        """It was not alone: an ordinary parameter after all."""
        if self._wrapped is not None:
            self._wrapped = None
            self._write_key(self._wrapper_key)
            self._calls.arguments(self._unwrapped)

    def _write_key(self, key: str) -> None:
        self._calls.arguments(("{" if not self._count else ", ") + quoted(key) + ": ")
        self._count += 1
