"""A parameter's text becomes JSON of the kind its schema asks for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from moorage.gateway.toolcalls.coerce import json_of
from moorage.gateway.toolcalls.literals import PYTHON, Dialect, to_json
from moorage.gateway.toolcalls.tools import Tools, kinds_of


@pytest.mark.parametrize(
    ("text", "kinds", "expected"),
    [
        ("007", "string", "007"),
        ("5", "integer", 5),
        ("-14", "integer", -14),
        ("5.0", "integer", 5),
        ("3.0", "number", 3),
        ("3.14", "number", 3.14),
        ("1.5e10", "number", 1.5e10),
        (".5", "number", 0.5),
        ("1_000", "integer", "1_000"),
        ("3.5", "integer", 3.5),
        ("abc", "integer", "abc"),
        ("inf", "number", "inf"),
        ("NaN", "number", "NaN"),
        ("true", "boolean", True),
        ("False", "boolean", False),
        ("1", "boolean", True),
        ("yes", "boolean", "yes"),
        ("null", "null string", None),
        ("null", "string", "null"),
        ("None", "null integer", None),
        ("2 dollars", "string integer", "2 dollars"),
        ("42", "string integer", 42),
        ('{"a": 1}', "string object", {"a": 1}),
        ("{'a': [1, None, True]}", "object", {"a": [1, None, True]}),
        ('["a"]', "array", ["a"]),
        ('{"a": 1}', "array", {"a": 1}),
        ("{broken", "object", "{broken"),
        ('{"a": 1}', "string", '{"a": 1}'),
        ("5", "", 5),
        ("5 apples", "", "5 apples"),
        ("02134", "", "02134"),
        ("", "integer", ""),
        ("9" * 5000, "integer", "9" * 5000),
        ("[" * 100_000, "array", "[" * 100_000),
    ],
)
def test_a_value_is_typed_by_its_kinds(text: str, kinds: str, expected: Any):
    assert json.loads(json_of(text, frozenset(kinds.split()))) == expected


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string"}, {"string"}),
        ({"type": ["string", "null"]}, {"string", "null"}),
        ({"type": "str"}, {"string"}),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, {"integer", "null"}),
        ({"oneOf": [{"$ref": "#/$defs/ship"}, {"type": "string"}]}, {"object", "string"}),
        ({"enum": ["a", 1, None]}, {"string", "integer", "null"}),
        ({"const": True}, {"boolean"}),
        ({"type": "string", "nullable": True}, {"string", "null"}),
        ({"$ref": "#/$defs/loop"}, set()),
        ({"$ref": "https://example.org/x"}, set()),
        ({"description": "anything"}, set()),
        ({"type": {"odd": 1}, "anyOf": "odd"}, set()),
    ],
)
def test_kinds_come_from_the_schema(schema: dict[str, Any], expected: set[str]):
    root = {"$defs": {"ship": {"type": "object"}, "loop": {"$ref": "#/$defs/loop"}}}
    assert kinds_of(schema, root) == expected


@pytest.mark.parametrize("tools", [None, 5, "x", [], [5], [{"type": "function"}], [{"function": {"name": 5}}], [{"function": None}]])
def test_tools_of_any_shape_do_not_raise(tools: Any):
    assert len(Tools.of(tools)) == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{'a': 'it\\'s', \"b\": \"x\"}", {"a": "it's", "b": "x"}),
        ("[1, -2.5, +3, 1_000, .5, 2., 1e3]", [1, -2.5, 3, 1000, 0.5, 2.0, 1000.0]),
        ("(1, 'a',)", [1, "a"]),
        ("{1: None, 'b': True, }", {"1": None, "b": True}),
        ("{}", {}),
        ("[[], {}]", [[], {}]),
        ("'\\n\\x41\\u767d\\q'", "\nA白\\q"),
        ("{'a': {'b': [{'c': 1}]}}", {"a": {"b": [{"c": 1}]}}),
    ],
)
def test_python_values_become_json(text: str, expected: Any):
    found = to_json(text, PYTHON)
    assert found is not None
    assert json.loads(found) == expected


def test_gemmas_values_become_json():
    found = to_json('{a:<|"|>say "hi"\n<|"|>,b:[1,{c:true}],<|"|>d<|"|>:null,e:word}', Dialect(('<|"|>',)))
    assert found is not None
    assert json.loads(found) == {"a": 'say "hi"\n', "b": [1, {"c": True}], "d": None, "e": "word"}


@pytest.mark.parametrize("text", ["{'a': ", "[1, 2", "'open", "", "[1] 2"])
def test_a_value_that_breaks_off_is_none(text: str):
    assert to_json(text, PYTHON) is None
