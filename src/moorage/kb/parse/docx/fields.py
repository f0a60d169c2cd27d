"""What a field shows that keeps no result, because Word draws it anew each time: choices of forms, and the EQ fields of old formulas."""

from __future__ import annotations

import re

from moorage.kb.parse.docx.names import WORD, is_on, number, value
from moorage.kb.parse.docx.numerals import numeral
from moorage.kb.parse.limits import NESTING
from moorage.kb.parse.xml import Element, child_of

_EQUATION = re.compile(r"\s*EQ\b\s*", re.IGNORECASE)
_FORMAT = re.compile(r'\\\*\s*(?:"[^"]*"|\S+)')
_SWITCH = re.compile(r"\\([a-z]{1,3}) ?(-?\d*)\s*", re.IGNORECASE)
_LONGEST = 2000
_FUNCTIONS = frozenset("abdfilorsx")
_CIRCLES = frozenset("○◯〇")


def choice(field_begin: Element) -> str:
    """What a list or a box of a form shows."""
    data = child_of(field_begin, WORD + "ffData")
    if data is None:
        return ""
    choices, box = child_of(data, WORD + "ddList"), child_of(data, WORD + "checkBox")
    if choices is not None:
        entries = [entry.get(WORD + "val") or "" for entry in choices.findall(WORD + "listEntry")]
        at = number(value(choices, "result")) or number(value(choices, "default")) or 0
        return entries[at] if 0 <= at < len(entries) else ""
    if box is not None:
        return "☑" if is_on(box, "checked" if child_of(box, WORD + "checked") is not None else "default") else "☐"
    return ""


def equation(code: str) -> str:
    """What an EQ field shows, on one line: a number in a circle, a fraction, a word without its ruby. Empty for any other field."""
    found = _EQUATION.match(code)
    if found is None or len(code) > _LONGEST:
        return ""
    parts, _ = _arguments(_FORMAT.sub("", code[found.end() :]), 0, 0)
    return "".join(parts).strip()


def _arguments(code: str, at: int, depth: int) -> tuple[list[str], int]:
    """The arguments up to the closing bracket and where it ends; on top, where commas part nothing, all of the code."""
    parts, function, option = [""], "", ""
    while at < len(code):
        sign = code[at]
        switch = _SWITCH.match(code, at) if sign == "\\" else None
        if switch is not None:
            name, at = switch[1].lower(), switch.end()
            function, option = (name, "") if name in _FUNCTIONS else (function, name)
            at += 2 if option in ("bc", "lc", "rc") and code[at : at + 1] == "\\" else 0
            continue
        if sign == "\\":
            parts[-1] += code[at + 1 : at + 2]
            at += 2
        elif sign == "(" and function and depth < NESTING:
            inner, at = _arguments(code, at + 1, depth + 1)
            parts[-1] += _written(function, option, [part.strip() for part in inner])
            function = option = ""
        elif sign == ")" and depth:
            return parts, at + 1
        else:
            if sign in ",;，" and depth:
                parts.append("")
            else:
                parts[-1] += sign
            at += 1
    return parts, at


def _written(function: str, option: str, inner: list[str]) -> str:
    if function == "f" and len(inner) == 2:
        return "/".join(part if part.isalnum() else f"({part})" for part in inner)
    if function == "r":
        return f"√({inner[-1]})"
    if function == "b":
        return f"({''.join(inner)})"
    if function == "o" and option == "ad":  # the last one is the word, what stands above it is how to say it
        return inner[-1]
    if function == "o" and _CIRCLES & set(inner):
        said = "".join(part for part in inner if part not in _CIRCLES)
        return numeral(int(said), "decimalEnclosedCircle") if said.isdecimal() and len(said) < 3 else said
    return "".join(inner) if function in "osx" else " ".join(inner)
