"""A parameter's text becomes JSON of the kind its schema asks for: ``007`` stays a string where a string is wanted, ``5`` becomes a number."""

from __future__ import annotations

import json
import re

from moorage.gateway.toolcalls.json_text import parsed, quoted
from moorage.gateway.toolcalls.literals import PYTHON, to_json

_INTEGER = re.compile(r"-?\d+(?:\.0*)?")
_NUMBER = re.compile(r"-?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|-?\.\d+")
_LONGEST_NUMBER = 400


def json_of(text: str, kinds: frozenset[str]) -> str:
    """JSON text for a value the model wrote as plain text.

    Tried in the order null, integer, number, boolean, object or array, string. What fits none of its kinds, or has no known kinds, is JSON
    if it reads as JSON, else a string.
    """
    if not kinds:
        return text.strip() if parsed(text)[0] else quoted(text)
    bare = text.strip()
    for fits in (_null, _number, _boolean, _composite):
        found = fits(bare, kinds)
        if found is not None:
            return found
    if "string" not in kinds and parsed(bare)[0]:
        return bare
    return quoted(text)


def is_plain_string(kinds: frozenset[str]) -> bool:
    """Whether the value can be nothing but a string, and so be passed on while it arrives."""
    return kinds == frozenset({"string"})


def _null(text: str, kinds: frozenset[str]) -> str | None:
    return "null" if "null" in kinds and text.lower() in ("null", "none") else None


def _number(text: str, kinds: frozenset[str]) -> str | None:
    if not kinds & {"integer", "number"} or len(text) > _LONGEST_NUMBER:
        return None
    if _INTEGER.fullmatch(text):
        return str(int(text.partition(".")[0]))
    if not _NUMBER.fullmatch(text) or ("string" in kinds and "number" not in kinds):
        return None
    return text if parsed(text)[0] else _float(text)


def _float(text: str) -> str | None:
    value = float(text)
    return json.dumps(value) if value - value == 0 else None


def _boolean(text: str, kinds: frozenset[str]) -> str | None:
    return {"true": "true", "1": "true", "false": "false", "0": "false"}.get(text.lower()) if "boolean" in kinds else None


def _composite(text: str, kinds: frozenset[str]) -> str | None:
    opening = {"object": "{", "array": "["}
    if not any(kind in kinds and text.startswith(mark) for kind, mark in opening.items()):
        return None
    if parsed(text)[0]:
        return text
    rewritten = to_json(text, PYTHON)
    return rewritten if rewritten is not None and parsed(rewritten)[0] else None
