"""Where a JSON value ends, told while it arrives, and JSON strings read and written piece by piece.

The model's own characters are passed on unchanged; nothing is completed or repaired.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from moorage.gateway.toolcalls.source import Source, Steps

_IN_STRING = re.compile(r'[^"\\]+')
_OUTSIDE = re.compile(r'[^"{}\[\]<]+')
_SCALAR = re.compile(r"[^\s,:;}\]<\"'{\[]+")
_STARTS = '{["-0123456789tfnTFN'
_PAIRS = {"}": "{", "]": "["}
_NULL = re.compile(r"\s*(?:null|None)\s*")
_PLAIN = re.compile(r'[^"\\]+')
_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class JsonScan:
    """Finds the end of one JSON value that is fed in pieces.

    ``is_broken`` is set where brackets do not match or a tag stands outside a string (``<`` has no place there).
    """

    def __init__(self) -> None:
        self.is_done = False
        self.is_broken = False
        self._open: list[str] = []
        self._in_string = False
        self._escaped = False
        self._in_scalar = False

    def step(self, text: str, at: int) -> int:
        """How many of the characters from ``at`` on belong to the value."""
        start = at
        while at < len(text) and not self.is_done and not self.is_broken:
            at = self._string(text, at) if self._in_string else self._plain(text, at)
        return at - start

    def at_end(self) -> bool:
        """Whether the value is whole if nothing more comes."""
        return self.is_done or self._in_scalar

    def _string(self, text: str, at: int) -> int:
        if self._escaped:
            self._escaped = False
            return at + 1
        found = _IN_STRING.match(text, at)
        if found:
            return found.end()
        if text[at] == "\\":
            self._escaped = True
        else:
            self._in_string = False
            self.is_done = not self._open
        return at + 1

    def _plain(self, text: str, at: int) -> int:
        if not self._open:
            return self._first(text, at)
        found = _OUTSIDE.match(text, at)
        if found:
            return found.end()
        return self._bracket(text, at)

    def _first(self, text: str, at: int) -> int:
        if self._in_scalar:
            found = _SCALAR.match(text, at)
            self.is_done = found is None or found.end() < len(text)
            return found.end() if found else at
        if text[at] not in _STARTS:
            self.is_broken = True
            return at
        if text[at] in '{["':
            return self._bracket(text, at)
        self._in_scalar = True
        return at

    def _bracket(self, text: str, at: int) -> int:
        character = text[at]
        if character == '"':
            self._in_string = True
        elif character in "{[":
            self._open.append(character)
        elif character in _PAIRS and self._open and self._open[-1] == _PAIRS[character]:
            self._open.pop()
            self.is_done = not self._open
        else:
            self.is_broken = True
            return at
        return at + 1


def read_value(source: Source, give: Callable[[str], object]) -> Steps[bool]:
    """Gives away one JSON value as it arrives; False where it breaks off."""
    scan = JsonScan()
    while not scan.is_done and not scan.is_broken:
        if not (yield from source.more()):
            return scan.at_end()
        count = scan.step(source.text, source.at)
        if count:
            give(source.take(count))
    return scan.is_done


def read_string(source: Source, give: Callable[[str], object]) -> Steps[bool]:
    """Gives away the decoded characters of a JSON string whose opening quote was taken; False where it breaks off."""
    while (yield from source.more()):
        found = _PLAIN.match(source.text, source.at)
        if found:
            give(source.take(found.end() - source.at))
            continue
        if source.text[source.at] == '"':
            source.take(1)
            return True
        decoded = yield from _escape(source)
        if decoded is None:
            return False
        give(decoded)
    return False


def read_arguments(source: Source, give: Callable[[str], object]) -> Steps[bool]:
    """Gives away a call's arguments: an object unchanged, a string's content, ``{}`` for null. False where they break off."""
    first = yield from source.peek()
    if first == '"':
        source.take(1)
        return (yield from read_arguments_string(source, give))
    if first in ("{", "["):
        return (yield from read_value(source, give))
    scalar: list[str] = []
    is_whole = yield from read_value(source, scalar.append)
    text = "".join(scalar)
    give("{}" if _NULL.fullmatch(text) else text)
    return is_whole


def read_arguments_string(source: Source, give: Callable[[str], object]) -> Steps[bool]:
    """Gives away the arguments inside a JSON string whose opening quote was taken; ``{}`` for an empty one."""
    is_empty = (yield from source.peek()) == '"'
    is_whole = yield from read_string(source, give)
    if is_whole and is_empty:
        give("{}")
    return is_whole


def _escape(source: Source) -> Steps[str | None]:
    """The character behind an escape, which is taken whole or not at all; half a pair becomes U+FFFD."""
    while True:
        text = source.text[source.at : source.at + 12]
        needed = 2 if text[1:2] != "u" else (12 if re.match(r"\\u[dD][89abAB]", text[:4]) else 6)
        if len(text) >= needed or source.is_ended:
            break
        yield
    if len(text) < 2:
        return None
    if text[1] != "u":
        source.take(2)
        return _ESCAPES.get(text[1], text[1])
    pair = re.match(r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})", text)
    if pair:
        source.take(12)
        return chr(0x10000 + ((int(pair[1], 16) - 0xD800) << 10) + int(pair[2], 16) - 0xDC00)
    single = re.match(r"\\u([0-9a-fA-F]{4})", text)
    if single:
        source.take(6)
        code = int(single[1], 16)
        return "�" if 0xD800 <= code < 0xE000 else chr(code)
    if len(text) < 6 and source.is_ended:
        return None
    source.take(2)
    return "u"


def quoted(text: str) -> str:
    """The text as a JSON string, its characters left readable."""
    return json.dumps(text, ensure_ascii=False)


def escaped(text: str) -> str:
    """The inside of that string: pieces may be put one after the other."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


def parsed(text: str) -> tuple[bool, object]:
    """Whether the text is JSON (no ``NaN``), and its value. Never raises."""
    try:
        return True, json.loads(text, strict=False, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return False, None


def _refuse(name: str) -> object:
    raise ValueError(name)
