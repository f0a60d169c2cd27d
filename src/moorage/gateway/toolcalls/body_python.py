"""Calls written as Python: ``[get_time(zone="Europe/Rome"), ping()]``, in brackets or line by line; and Gemma's ``call:name{…}``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from moorage.gateway.toolcalls.json_text import quoted
from moorage.gateway.toolcalls.literals import PYTHON, Dialect, LiteralReader
from moorage.gateway.toolcalls.source import Source, Steps, Tags
from moorage.gateway.toolcalls.writer import Writer

_NAME_CHARACTERS = 256
_CALL_NAME = re.compile(r"[^\W\d][\w.\-:]*")
_ARGUMENT_NAME = re.compile(r"[^\W\d][\w\-]*")
_PARENTHESIS = Tags(("(",))
_EQUALS = Tags(("=",))
_CLOSE = Tags((")",))
_BRACKET = Tags(("]",))
_COMMA = Tags((",",))
_BRACE = Tags(("{",))


@dataclass(frozen=True)
class PythonCalls:
    """``openers`` end with the bracket of a list; without one, calls follow each other until something else comes."""

    openers: tuple[str, ...] = ("[",)

    def read(self, opener: str, source: Source, calls: Writer, *, is_bare: bool) -> Steps[bool]:
        """One call after the other."""
        begun = calls.calls_begun
        while (yield from self._call(source, calls, is_bare=is_bare)):
            source.keep()
            yield from source.blanks()
            if opener and (yield from source.takes(_BRACKET)) is not None:
                return True
            if (yield from source.takes(_COMMA)) is None and opener:
                return calls.calls_begun > begun and not (yield from source.more())
            yield from source.blanks()
            if not opener and (yield from source.peek()) in ("<", ""):
                return True
        return False

    def _call(self, source: Source, calls: Writer, *, is_bare: bool) -> Steps[bool]:
        """One call. False, with what was kept, where none stands here."""
        yield from source.blanks()
        name, mark = yield from source.short(_PARENTHESIS, _NAME_CHARACTERS, "[]{}<>\"',\n")
        if mark is None or not _CALL_NAME.fullmatch(name.strip()):
            return False
        yield from source.blanks()
        first_argument: str | None = None
        if (yield from source.takes(_CLOSE)) is None:
            first_argument, mark = yield from source.short(_EQUALS, _NAME_CHARACTERS, "()[]{}\"',\n")
            if mark is None or not _ARGUMENT_NAME.fullmatch(first_argument.strip()):
                return False
        if not calls.start(name.strip(), is_bare=is_bare):
            return False
        source.forget()
        is_complete = True
        if first_argument is None:
            calls.arguments("{}")
        else:
            is_complete = yield from self._arguments(first_argument.strip(), source, calls)
        calls.end(is_complete=is_complete)
        return True

    def _arguments(self, name: str, source: Source, calls: Writer) -> Steps[bool]:
        """``name=value`` pairs, the first name taken, up to the parenthesis."""
        reader = LiteralReader(source, PYTHON, calls.arguments)
        opening = "{"
        while True:
            calls.arguments(opening + quoted(name) + ": ")
            opening = ", "
            if not (yield from reader.value(")")):
                return False
            yield from source.blanks()
            if (yield from source.takes(_COMMA)) is not None:
                yield from source.blanks()
            if (yield from source.takes(_CLOSE)) is not None:
                calls.arguments("}")
                return True
            text, mark = yield from source.short(_EQUALS, _NAME_CHARACTERS, "()[]{}\"',\n")
            name = text.strip()
            if mark is None or not _ARGUMENT_NAME.fullmatch(name):
                calls.content(text)
                return False


@dataclass(frozen=True)
class BraceCalls:
    """Gemma's way: ``call:name{key:<mark>text<mark>,number:1}``."""

    dialect: Dialect
    openers: tuple[str, ...] = ("call:",)

    def read(self, opener: str, source: Source, calls: Writer, *, is_bare: bool) -> Steps[bool]:
        """The name, then one value in braces."""
        name, mark = yield from source.short(_BRACE, _NAME_CHARACTERS, "<\n")
        if mark is None or not calls.start(name.strip()):
            return False
        source.forget()
        is_complete = yield from LiteralReader(source, self.dialect, calls.arguments).members()
        calls.end(is_complete=is_complete)
        return True
