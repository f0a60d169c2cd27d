"""Calls written as JSON: ``{"name": …, "arguments": {…}}``, alone, one after the other, or in an array."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from moorage.gateway.toolcalls.json_text import JsonScan, read_arguments, read_string, read_value
from moorage.gateway.toolcalls.source import Source, Steps, Tags
from moorage.gateway.toolcalls.writer import Writer

_COLON = Tags((":",))
_QUOTE = Tags(('"',))
_NEXT = Tags((",", "}"))
_FIRST = Tags(('"', "}"))
_ARRAY_NEXT = Tags((",", "]"))
_ARRAY_FIRST = Tags(("{", "]"))


@dataclass(frozen=True)
class JsonCalls:
    """A table of the keys.

    ``is_keyed``: the object's one key is the name (``{"get_time": {…}}``). ``id_is_last``: the id stands behind the arguments, which
    therefore wait for it. Without tags (``is_bare``) only a known set of keys makes a call, arguments among them.
    """

    openers: tuple[str, ...] = ("{", "[")
    names: tuple[str, ...] = ("name", "tool_name", "function", "function_name")
    arguments: tuple[str, ...] = ("arguments", "parameters", "args", "params", "tool_input")
    ids: tuple[str, ...] = ("id", "tool_call_id", "call_id")
    others: tuple[str, ...] = ("type", "index")
    is_keyed: bool = False
    id_is_last: bool = False

    def read(self, opener: str, source: Source, calls: Writer, *, is_bare: bool) -> Steps[bool]:
        """One object, or an array of them."""
        before = calls.calls_begun
        if opener.endswith("["):
            ok = yield from self._array(source, calls, is_bare=is_bare)
        else:
            ok = yield from _ObjectReader(self, source, calls, is_bare=is_bare).read()
        if not ok and is_bare and calls.calls_begun == before:
            yield from _pass_over(source, calls)
            return True
        return ok

    def _array(self, source: Source, calls: Writer, *, is_bare: bool) -> Steps[bool]:
        is_first = True
        while True:
            yield from source.blanks()
            found = yield from source.takes(_ARRAY_FIRST)
            if found != "{":
                return found is not None and not is_first
            if not (yield from _ObjectReader(self, source, calls, is_bare=is_bare).read()):
                return False
            is_first = False
            source.keep()
            yield from source.blanks()
            following = yield from source.sees(_ARRAY_NEXT)
            if following != ",":
                if following is not None:
                    source.take(1)
                return True
            source.take(1)


def _pass_over(source: Source, calls: Writer) -> Steps[None]:
    """What was kept begins as JSON but is no call: the rest of the value is text too, whatever stands in it."""
    kept = source.kept()
    calls.content(kept)
    scan = JsonScan()
    if not re.match(r'[\[\s]*\{\s*"', kept) or scan.step(kept, 0) < len(kept) or scan.is_done or scan.is_broken:
        return
    while not scan.is_done and not scan.is_broken and (yield from source.more()):
        count = scan.step(source.text, source.at)
        calls.content(source.take(count))


@dataclass
class _ObjectReader:
    """Reads one object, whose keys may come in any order."""

    table: JsonCalls
    source: Source
    calls: Writer
    is_bare: bool
    name: str | None = None
    id: str | None = None
    is_started: bool = False
    has_arguments: bool = False
    is_whole: bool = True
    held: list[str] = field(default_factory=list[str])

    def read(self) -> Steps[bool]:
        """The object behind its brace. False where it is no call."""
        is_closed = yield from self._members()
        if not self.is_started and (self.name is None or not self._may_start_late(is_closed) or not self._start()):
            return False
        if is_closed and not self.has_arguments:
            self.calls.arguments("{}")
        self.calls.end(is_complete=self.has_arguments and self.is_whole if not is_closed else self.is_whole)
        return True

    def _may_start_late(self, is_closed: bool) -> bool:
        """A call that did not start yet may do so at the object's end, and where the text was cut behind its name."""
        if self.is_bare and not self.has_arguments:
            return False
        return is_closed or self.has_arguments or (self.source.is_ended and self.source.at >= len(self.source.text))

    def _members(self, is_nested: bool = False) -> Steps[bool]:
        source = self.source
        tags = _FIRST
        while True:
            yield from source.blanks()
            found = yield from source.takes(tags)
            if found is None or found == "}":
                return found == "}"
            if found == ",":
                yield from source.blanks()
                if (yield from source.takes(_QUOTE)) is None:
                    return (yield from source.takes(_NEXT)) == "}"
            if not (yield from self._member(is_nested)):
                return False
            tags = _NEXT

    def _member(self, is_nested: bool) -> Steps[bool]:
        source = self.source
        key = yield from self._short_string()
        yield from source.blanks()
        if key is None or (yield from source.takes(_COLON)) is None:
            return False
        yield from source.blanks()
        first = yield from source.peek()
        if self.table.is_keyed and self.name is None and not is_nested:
            self.name = key
            return (yield from self._arguments())
        if key in self.table.names and first == '"' and self.name is None:
            return (yield from self._name())
        if key in self.table.arguments and not self.has_arguments:
            return (yield from self._arguments())
        if key in self.table.ids and not self.is_started:
            return (yield from self._id())
        if key == "function" and first == "{" and not is_nested:
            source.take(1)
            return (yield from self._members(is_nested=True))
        if self.is_bare and key not in (*self.table.ids, *self.table.others):
            return False
        return (yield from read_value(source, lambda text: None))

    def _short_string(self) -> Steps[str | None]:
        """A string behind its opening quote; None where it breaks off."""
        parts: list[str] = []
        return "".join(parts) if (yield from read_string(self.source, parts.append)) else None

    def _name(self) -> Steps[bool]:
        self.source.take(1)
        self.name = yield from self._short_string()
        if self.name is None:
            return False
        return not self.has_arguments or self.table.id_is_last or self._start()

    def _id(self) -> Steps[bool]:
        parts: list[str] = []
        if not (yield from read_value(self.source, parts.append)):
            return False
        self.id = "".join(parts).strip('"') or None
        return True

    def _arguments(self) -> Steps[bool]:
        """They are passed on at once where the name is known and the id can no longer come."""
        source = self.source
        self.has_arguments = True
        if self.name is not None and not self.table.id_is_last and not self._start():
            return False
        self.is_whole = yield from read_arguments(source, self._give)
        return self.is_whole

    def _give(self, text: str) -> None:
        if self.is_started:
            self.calls.arguments(text)
        else:
            self.held.append(text)

    def _start(self) -> bool:
        """The name is known: the call begins. What waited for it follows."""
        if self.is_started:
            return True
        if not self.calls.start(self.name or "", self.id, is_bare=self.is_bare):
            return False
        self.is_started = True
        self.source.forget()
        for text in self.held:
            self.calls.arguments(text)
        self.held = []
        return True
