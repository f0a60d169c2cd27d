"""The few words that our JSON Schemas are made of."""

from __future__ import annotations

from collections.abc import Sequence

Schema = dict[str, object]


def text(description: str = "", *choices: str) -> Schema:
    return _said({"type": "string", **({"enum": list(choices)} if choices else {})}, description)


def whole(description: str = "", low: int | None = None, high: int | None = None) -> Schema:
    """A whole number; clients may write it ``5.0``."""
    return _said({"type": "integer", **_ends(low, high)}, description)


def number(description: str = "", low: float | None = None, high: float | None = None) -> Schema:
    return _said({"type": "number", **_ends(low, high)}, description)


def flag(description: str = "") -> Schema:
    return _said({"type": "boolean"}, description)


def binary(description: str = "") -> Schema:
    """A file in a form, or bytes as an answer."""
    return _said({"type": "string", "format": "binary"}, description)


def listed(items: Schema, description: str = "", least: int = 0) -> Schema:
    return _said({"type": "array", "items": items, **({"minItems": least} if least else {})}, description)


def fields(properties: dict[str, Schema], required: Sequence[str] = (), description: str = "") -> Schema:
    """An object with these fields and any others: what is not known here is passed on."""
    made: Schema = {"type": "object", "properties": properties, "additionalProperties": True}
    return _said({**made, **({"required": list(required)} if required else {})}, description)


def anything(description: str = "") -> Schema:
    return _said({}, description)


def any_of(*choices: Schema, description: str = "") -> Schema:
    return _said({"anyOf": list(choices)}, description)


def or_null(schema: Schema) -> Schema:
    """The same, or null, which is as good as left out."""
    description = str(schema.pop("description", ""))
    return any_of(schema, {"type": "null"}, description=description)


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _ends(low: float | None, high: float | None) -> Schema:
    return {**({} if low is None else {"minimum": low}), **({} if high is None else {"maximum": high})}


def _said(schema: Schema, description: str) -> Schema:
    return {**schema, "description": description} if description else schema
