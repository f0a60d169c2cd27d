"""The OpenAPI description of the API as pages show it: operations by group, each with a command to try. Pure; knows no web framework."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

Json = Mapping[str, object]
METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    place: str
    kind: str
    required: bool
    text: str
    example: object = None


@dataclass(frozen=True, slots=True)
class Operation:
    """One method at one address."""

    id: str
    method: str
    path: str
    summary: str
    text: str
    parameters: tuple[Parameter, ...]
    fields: tuple[Parameter, ...]
    answers: tuple[tuple[str, str], ...]
    curl: str


@dataclass(frozen=True, slots=True)
class Group:
    name: str
    text: str
    operations: tuple[Operation, ...]


def groups(openapi: Json, base_url: str) -> list[Group]:
    """The operations by their first tag, in the order in which the tags are described or first used."""
    texts = {str(tag.get("name")): str(tag.get("description", "")) for tag in _objects(openapi.get("tags"))}
    found: dict[str, list[Operation]] = {name: [] for name in texts}
    for path, item in _object(openapi.get("paths")).items():
        for method in METHODS:
            if operation := _object(_object(item).get(method)):
                tags = operation.get("tags")
                tag = str(cast("list[object]", tags)[0]) if isinstance(tags, list) and tags else "API"
                found.setdefault(tag, []).append(_operation(openapi, base_url, path, method, operation))
    return [Group(name, texts.get(name, ""), tuple(operations)) for name, operations in found.items() if operations]


def _operation(openapi: Json, base_url: str, path: str, method: str, operation: Json) -> Operation:
    media, schema = _body(openapi, operation)
    fields = tuple(_fields(openapi, schema, media or "body"))
    parameters = tuple(_parameter(openapi, each) for each in _objects(operation.get("parameters")))
    answers = tuple((code, str(_object(each).get("description", ""))) for code, each in _object(operation.get("responses")).items())
    return Operation(
        id=f"{method}{path}".replace("/", "-").replace("{", "").replace("}", ""),
        method=method.upper(),
        path=path,
        summary=str(operation.get("summary", "")),
        text=str(operation.get("description", "")),
        parameters=parameters,
        fields=fields,
        answers=answers,
        curl=_curl(f"{base_url.rstrip('/')}{path}", method, media, fields),
    )


def _body(openapi: Json, operation: Json) -> tuple[str | None, Json]:
    content = _object(_object(operation.get("requestBody")).get("content"))
    for media, described in content.items():
        return media, _resolved(openapi, _object(_object(described).get("schema")))
    return None, {}


def _fields(openapi: Json, schema: Json, place: str) -> Iterable[Parameter]:
    required = schema.get("required")
    names = cast("list[object]", required) if isinstance(required, list) else []
    for name, described in _object(schema.get("properties")).items():
        field = _resolved(openapi, _object(described))
        examples = field.get("examples")
        example = cast("list[object]", examples)[0] if isinstance(examples, list) and examples else None
        yield Parameter(name, place, _kind(openapi, field), name in names, str(field.get("description", "")), example)


def _parameter(openapi: Json, described: Json) -> Parameter:
    schema = _resolved(openapi, _object(described.get("schema")))
    text = str(described.get("description", schema.get("description", "")))
    return Parameter(str(described.get("name")), str(described.get("in")), _kind(openapi, schema), bool(described.get("required")), text)


def _kind(openapi: Json, schema: Json) -> str:
    choices = _objects(schema.get("anyOf")) or _objects(schema.get("oneOf"))
    if choices:
        return " | ".join(dict.fromkeys(_kind(openapi, _resolved(openapi, each)) for each in choices))
    values = schema.get("enum")
    if isinstance(values, list):
        return " | ".join(json.dumps(value, ensure_ascii=False) for value in cast("list[object]", values))
    if schema.get("type") == "array":
        return _kind(openapi, _resolved(openapi, _object(schema.get("items")))) + " []"
    return "file" if schema.get("format") == "binary" or "contentMediaType" in schema else str(schema.get("type", "any"))


def _curl(url: str, method: str, media: str | None, fields: Iterable[Parameter]) -> str:
    words = ["curl"] + (["-X", method.upper()] if method not in ("get", "post") or (method == "post" and media is None) else [])
    if media == "multipart/form-data":
        words += [
            word for field in fields for word in ("-F", f"{field.name}=@FILE" if field.kind.startswith("file") else f"{field.name}=…")
        ]
    elif media == "application/json":
        example = {field.name: _example(field) for field in fields if field.required or field.example is not None}
        words += ["-H", "content-type: application/json", "-d", json.dumps(example, ensure_ascii=False)]
    return " ".join(shlex.quote(word) for word in [*words, url])


def _example(field: Parameter) -> object:
    if field.example is not None:
        return field.example
    kind = field.kind.split(" | ")[0]
    if kind.startswith('"'):
        return json.loads(kind)
    examples: dict[str, object] = {"integer": 5, "number": 0.5, "boolean": True, "object": {}}
    return [] if kind.endswith("[]") else examples.get(kind, field.name.upper())


def _resolved(openapi: Json, schema: Json) -> Json:
    reference = schema.get("$ref")
    if not isinstance(reference, str):
        return schema
    found: Json = openapi
    for step in reference.removeprefix("#/").split("/"):
        found = _object(found.get(step))
    return found


def _object(value: object) -> dict[str, object]:
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def _objects(value: object) -> list[dict[str, object]]:
    return [_object(each) for each in cast("list[object]", value)] if isinstance(value, list) else []
