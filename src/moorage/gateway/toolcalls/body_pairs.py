"""Calls written as a name and pairs of key and value elements: GLM 4.5 and later, Ling 3, Hunyuan 3, K2 Horizon."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from moorage.gateway.toolcalls.coerce import json_of
from moorage.gateway.toolcalls.parameters import Parameters
from moorage.gateway.toolcalls.source import Source, Steps, Tags
from moorage.gateway.toolcalls.writer import Writer

_NAME_CHARACTERS = 400
_KEY_CHARACTERS = 1000


@dataclass(frozen=True)
class PairCalls:
    """A table of tags. The call itself begins with its name, behind the opener of its section or of its own."""

    closers: tuple[str, ...]
    key: tuple[str, str] = ("<arg_key>", "</arg_key>")
    value: tuple[str, str] = ("<arg_value>", "</arg_value>")
    kind: tuple[str, str] = ("", "")
    separators: tuple[str, ...] = ()
    openers: tuple[str, ...] = ()

    def read(self, opener: str, source: Source, calls: Writer, *, is_bare: bool) -> Steps[bool]:
        """The name up to the first key, the end of its line or the end of the call."""
        head, mark = yield from source.short(self._name_tags, _NAME_CHARACTERS, "{")
        name = head.strip()
        if mark is None and not (name in calls.tools and source.is_ended and source.at >= len(source.text)):
            return False
        if mark == "\n" and name not in calls.tools and not (yield from self._goes_on(source)):
            return False
        if not calls.start(name):
            return False
        source.forget()
        is_complete = yield from self._pairs(mark, source, calls)
        calls.end(is_complete=is_complete)
        return True

    def _goes_on(self, source: Source) -> Steps[bool]:
        yield from source.blanks()
        return (yield from source.sees(self._next_tags)) is not None

    def _pairs(self, mark: str | None, source: Source, calls: Writer) -> Steps[bool]:
        """All pairs; text between them is content. True: the call is complete, as it is where only its closing tag is missing."""
        parameters = Parameters(calls)
        while True:
            if mark not in (self.key[0], *self.closers):
                mark = yield from source.until(self._next_tags, calls.content)
            if mark != self.key[0]:
                if mark is None and not source.is_over:
                    return False
                parameters.end()
                return True
            mark = None
            if not (yield from self._pair(source, calls, parameters)):
                return False

    def _pair(self, source: Source, calls: Writer, parameters: Parameters) -> Steps[bool]:
        """One pair. What breaks off before its value is content."""
        key, mark = yield from source.short(self._key_end, _KEY_CHARACTERS)
        if mark is None:
            calls.content(key)
            return False
        if mark == self.value[0]:
            # The model forgot to close the key.
            parameters.begin(key.strip())
            return (yield from self._whole_value(source, parameters))
        yield from source.blanks()
        kind = ""
        if self.kind[0] and (yield from source.takes(self._kind_begin)) is not None:
            kind, _ = yield from source.short(self._kind_end, _KEY_CHARACTERS)
            yield from source.blanks()
        if (yield from source.takes(self._value_begin)) is None:
            calls.content(key + kind)
            return False
        if kind and kind != "string":
            return (yield from self._typed(key.strip(), kind, source, parameters))
        parameters.begin(key.strip(), is_text=bool(kind))
        return (yield from self._whole_value(source, parameters))

    def _whole_value(self, source: Source, parameters: Parameters) -> Steps[bool]:
        if not (yield from self._value(source, parameters)):
            return False
        parameters.close()
        return True

    def _typed(self, key: str, kind: str, source: Source, parameters: Parameters) -> Steps[bool]:
        """A value whose kind the model wrote beside it."""
        value: list[str] = []
        if (yield from source.until(self._value_end, value.append)) is None:
            return False
        parameters.json(key, json_of("".join(value), frozenset({kind})))
        return True

    def _value(self, source: Source, parameters: Parameters) -> Steps[bool]:
        """A value up to its closing tag, which counts only where markup follows: the tag may stand in a text."""
        while (tag := (yield from source.until(self._value_end, parameters.text, is_value=True))) is not None:
            blanks = yield from source.blanks()
            if (yield from source.follows(self._next_tags)):
                return True
            parameters.text(tag + blanks)
        return False

    @cached_property
    def _name_tags(self) -> Tags:
        return Tags(("\n", *self.separators, self.key[0], *self.closers))

    @cached_property
    def _next_tags(self) -> Tags:
        return Tags((self.key[0], *self.closers))

    @cached_property
    def _key_end(self) -> Tags:
        return Tags((self.key[1], self.value[0]))

    @cached_property
    def _kind_begin(self) -> Tags:
        return Tags((self.kind[0],))

    @cached_property
    def _kind_end(self) -> Tags:
        return Tags((self.kind[1],))

    @cached_property
    def _value_begin(self) -> Tags:
        return Tags((self.value[0],))

    @cached_property
    def _value_end(self) -> Tags:
        return Tags((self.value[1],))
