"""Values written the Python way (``{'a': [1, None]}``) or Gemma's way (``{a:<|"|>b<|"|>}``) become JSON text while they arrive.

No evaluation and no recursion: brackets are kept on a stack, words and strings are rewritten one by one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from moorage.gateway.toolcalls.json_text import escaped, parsed, quoted
from moorage.gateway.toolcalls.source import Source, Steps, Tags, run

_WORDS = {"true": "true", "false": "false", "none": "null", "null": "null", "nil": "null"}
_BLANK = " \t\r\n"
_NEXT_ARGUMENT = re.compile(r"[ \t\r\n]*(?:[^\W\d]\w*[ \t\r\n]*=|\))")
_PERHAPS_ARGUMENT = re.compile(r"[ \t\r\n]*(?:[^\W\d]\w*[ \t\r\n]*)?")
_NUMBER = re.compile(r"[+-]?(?:\d[\d_]*)(?:\.\d*)?(?:[eE][+-]?\d+)?|[+-]?\.\d+(?:[eE][+-]?\d+)?")
_SIMPLE_ESCAPES = {
    "n": "\n",
    "t": "\t",
    "r": "\r",
    "b": "\b",
    "f": "\f",
    "v": "\v",
    "a": "\a",
    "0": "\0",
    "\n": "",
    "\\": "\\",
    "'": "'",
    '"': '"',
}
_LONGEST_NAME = 256


@dataclass(frozen=True)
class Dialect:
    """How values are written: the marks around a string (none: quotes with escapes, as in Python)."""

    marks: tuple[str, ...] = ()


PYTHON = Dialect()


class LiteralReader:
    """Reads one value after the other from a source and gives away JSON text."""

    def __init__(self, source: Source, dialect: Dialect, give: Callable[[str], object]) -> None:
        self._source = source
        self._give = give
        self._marks = Tags(dialect.marks)
        self._in_call = not dialect.marks

    def value(self, closers: str) -> Steps[bool]:
        """One value, up to the comma or one of ``closers`` behind it (not taken). False where it breaks off."""
        return (yield from self._values([], closers))

    def members(self) -> Steps[bool]:
        """An object whose opening brace was taken, up to its closing brace. False where it breaks off."""
        self._give("{")
        stack = ["{"]
        if (yield from self._empty(stack)):
            return True
        return (yield from self._values(stack, ""))

    def _values(self, stack: list[str], closers: str) -> Steps[bool]:
        is_key = bool(stack)
        while True:
            yield from self._source.blanks()
            character = yield from self._source.peek()
            if not character:
                return False
            if character in "{[(":
                self._source.take(1)
                self._give("{" if character == "{" else "[")
                stack.append(character)
                is_key = character == "{"
                if not (yield from self._empty(stack)):
                    continue
            elif not (yield from self._item(character, stack, is_key, closers)):
                return False
            after = yield from self._after(stack)
            if after is None or after == "done":
                return after == "done"
            is_key = after == "key"

    def _empty(self, stack: list[str]) -> Steps[bool]:
        """Closes a bracket at once where nothing is in it."""
        yield from self._source.blanks()
        character = yield from self._source.peek()
        if character and character in "}])":
            self._close(stack)
            return True
        return False

    def _close(self, stack: list[str]) -> None:
        self._source.take(1)
        self._give("}" if stack.pop() == "{" else "]")

    def _after(self, stack: list[str]) -> Steps[str | None]:
        """What follows a value inside brackets: ``key`` or ``value`` comes next, or the outermost is ``done``."""
        while stack:
            yield from self._source.blanks()
            character = yield from self._source.peek()
            if not character:
                return None
            if character in "}])":
                self._close(stack)
                continue
            if character == ":" and stack[-1] == "{":
                self._source.take(1)
                self._give(": ")
                return "value"
            if character != ",":
                return None
            self._source.take(1)
            yield from self._source.blanks()
            following = yield from self._source.peek()
            if following and following in "}])":
                continue
            self._give(", ")
            return "key" if stack[-1] == "{" else "value"
        return "done"

    def _item(self, character: str, stack: list[str], is_key: bool, closers: str) -> Steps[bool]:
        """A string, number or word."""
        if self._marks.tags:
            mark = yield from self._source.takes(self._marks)
            if mark is not None:
                return (yield from self._marked(mark))
        if character in "'\"":
            return (yield from self._quoted(stack, closers))
        word = yield from self._word(":,}]" if is_key else ",}])" if self._in_call or not stack else ",}]")
        if word is None:
            return False
        self._give(quoted(word) if is_key else _json_word(word))
        return True

    def _marked(self, mark: str) -> Steps[bool]:
        self._give('"')
        ended = yield from self._source.until(Tags((mark,)), lambda text: self._give(escaped(text)), is_value=True)
        if ended is None:
            return False
        self._give('"')
        return True

    def _word(self, stops: str) -> Steps[str | None]:
        """The characters up to a separator. None where the text ends before one: a limit may have cut a number, so it is left out then."""
        parts: list[str] = []
        pattern = re.compile(f"[^{re.escape(stops)}]+")
        while (yield from self._source.more()):
            found = pattern.match(self._source.text, self._source.at)
            if not found:
                return "".join(parts).strip()
            parts.append(self._source.take(found.end() - self._source.at))
        if not self._source.was_cut:
            self._give('"' + escaped("".join(parts)))
        return None

    def _quoted(self, stack: list[str], closers: str) -> Steps[bool]:
        """A string in quotes. A quote inside that is not escaped does not end it unless a separator follows."""
        quote = self._source.take(1)
        plain = re.compile(rf"[^\\{quote}]+")
        self._give('"')
        while (yield from self._source.more()):
            found = plain.match(self._source.text, self._source.at)
            if found:
                self._give(escaped(self._source.take(found.end() - self._source.at)))
            elif self._source.text[self._source.at] == "\\":
                decoded = yield from self._escape()
                if decoded is None:
                    return False
                self._give(escaped(decoded))
            elif (yield from self._ends_string(stack, closers)):
                self._source.take(1)
                self._give('"')
                return True
            else:
                self._give(escaped(self._source.take(1)))
        return False

    def _ends_string(self, stack: list[str], closers: str) -> Steps[bool]:
        """Whether the quote here is the closing one, by what follows it."""
        source = self._source
        while True:
            ahead = source.text[source.at + 1 : source.at + _LONGEST_NAME]
            follower = ahead.lstrip(_BLANK)[:1]
            if follower or source.is_ended or len(ahead) == _LONGEST_NAME - 1:
                break
            yield
        if stack or not follower:
            return follower in ("", ",", ":", "}", "]", ")")
        if follower != ",":
            return follower in closers
        return not self._in_call or (yield from self._names_argument(ahead.index(",") + 2))

    def _names_argument(self, offset: int) -> Steps[bool]:
        """Whether ``name=`` or the call's end follows, ``offset`` characters from here."""
        source = self._source
        while True:
            ahead = source.text[source.at + offset : source.at + offset + _LONGEST_NAME]
            if _NEXT_ARGUMENT.match(ahead):
                return True
            may_become = len(ahead) < _LONGEST_NAME and _PERHAPS_ARGUMENT.fullmatch(ahead) is not None
            if source.is_ended or not may_become:
                return may_become and source.was_cut
            yield

    def _escape(self) -> Steps[str | None]:
        source = self._source
        while True:
            text = source.text[source.at : source.at + 10]
            needed = {"u": 6, "U": 10, "x": 4}.get(text[1:2], 2)
            if len(text) >= needed or source.is_ended:
                break
            yield
        if len(text) < 2:
            return None
        if needed > 2:
            digits = text[2:needed]
            if len(digits) == needed - 2 and re.fullmatch(r"[0-9a-fA-F]+", digits) and int(digits, 16) < 0x110000:
                source.take(needed)
                code = int(digits, 16)
                return "�" if 0xD800 <= code < 0xE000 else chr(code)
        source.take(2)
        return _SIMPLE_ESCAPES.get(text[1], "\\" + text[1])


def _json_word(word: str) -> str:
    if word.lower() in _WORDS:
        return _WORDS[word.lower()]
    if parsed(word)[0]:
        return word
    if _NUMBER.fullmatch(word):
        plain = word.replace("_", "").removeprefix("+")
        plain = re.sub(r"\.(?=\D|$)", ".0", re.sub(r"^(-?)\.", r"\g<1>0.", plain))
        return plain if parsed(plain)[0] else quoted(word)
    return quoted(word)


def to_json(text: str, dialect: Dialect) -> str | None:
    """A whole value rewritten as JSON; None where it breaks off."""
    given: list[str] = []
    source = Source(text, is_ended=True)
    is_whole = run(LiteralReader(source, dialect, given.append).value(""))
    return "".join(given) if is_whole and not source.text[source.at :].strip() else None
