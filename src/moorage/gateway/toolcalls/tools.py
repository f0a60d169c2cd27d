"""The tools of a request, as a parser needs them: which names exist, and of which kinds a parameter may be."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from moorage.gateway.toolcalls.objects import Json, entries, mapping

KINDS = ("null", "integer", "number", "boolean", "object", "array", "string")
"""The order in which a value of several possible kinds is tried; the first that fits wins."""

_ALIASES = {
    "int": "integer",
    "int32": "integer",
    "int64": "integer",
    "uint": "integer",
    "short": "integer",
    "long": "integer",
    "float": "number",
    "float32": "number",
    "float64": "number",
    "double": "number",
    "decimal": "number",
    "bool": "boolean",
    "str": "string",
    "text": "string",
    "dict": "object",
    "map": "object",
    "list": "array",
    "sequence": "array",
    "tuple": "array",
    "none": "null",
}
_DEPTH = 12


@dataclass(frozen=True)
class Tool:
    """One function the model may call."""

    name: str
    parameters: Json = field(default_factory=dict[str, object])

    def properties(self) -> Json:
        """The parameters' schemas by name."""
        return mapping(self.parameters.get("properties"))


class Tools:
    """The functions of one request, by name."""

    def __init__(self, tools: Iterable[Tool] = ()) -> None:
        self._tools = {tool.name: tool for tool in tools}

    @classmethod
    def of(cls, tools: object) -> Tools:
        """From OpenAI's ``tools`` list. An entry that is no function, or has no name, is left out."""
        found: list[Tool] = []
        for entry in entries(tools):
            function = mapping(mapping(entry).get("function")) or mapping(entry)
            name = function.get("name")
            if isinstance(name, str) and name:
                found.append(Tool(name, mapping(function.get("parameters"))))
        return cls(found)

    def __contains__(self, name: object) -> bool:
        return name in self._tools

    def __len__(self) -> int:
        return len(self._tools)

    def names(self) -> list[str]:
        """The names, in the request's order."""
        return list(self._tools)

    def has_parameter(self, tool: str, parameter: str) -> bool:
        """Whether the tool is known to take this parameter."""
        return tool in self._tools and parameter in self._tools[tool].properties()

    def schema(self, tool: str, parameter: str) -> Json:
        """The parameter's schema with its references followed; empty where nothing is known."""
        if not self.has_parameter(tool, parameter):
            return {}
        known = self._tools[tool]
        return resolve(mapping(known.properties()[parameter]), known.parameters)

    def root(self, tool: str) -> Json:
        """The tool's whole schema, where references are looked up."""
        return self._tools[tool].parameters if tool in self._tools else {}

    def only_argument(self, tool: str, text: str) -> str | None:
        """Arguments that give this text to the tool's only (or only required) parameter; None where it has no such one."""
        parameters = self.root(tool)
        names = list(mapping(parameters.get("properties")))
        required = [name for name in entries(parameters.get("required")) if isinstance(name, str) and name in names]
        if not names or not text:
            return "{}"
        chosen = names if len(names) == 1 else required
        return json.dumps({chosen[0]: text}, ensure_ascii=False) if len(chosen) == 1 else None

    def kinds(self, tool: str, parameter: str) -> frozenset[str]:
        """Of which kinds the parameter may be; empty where anything may come."""
        return kinds_of(self.schema(tool, parameter), self.root(tool))


def resolve(schema: Json, root: Json) -> Json:
    """The schema a local ``$ref`` points to."""
    for _ in range(_DEPTH):
        reference = schema.get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#/"):
            return schema
        target: object = root
        for part in reference[2:].split("/"):
            target = mapping(target).get(part.replace("~1", "/").replace("~0", "~"))
        schema = mapping(target)
    return {}


def kinds_of(schema: Json, root: Json, depth: int = 0) -> frozenset[str]:
    """The kinds a value of this schema may have, unions gathered."""
    if depth > _DEPTH:
        return frozenset()
    schema = resolve(schema, root)
    declared = schema.get("type")
    names = entries(declared) or [declared]
    found = {_ALIASES.get(name.lower(), name.lower()) for name in names if isinstance(name, str)} & set(KINDS)
    for union in ("anyOf", "oneOf", "allOf"):
        for part in entries(schema.get(union)):
            found |= kinds_of(mapping(part), root, depth + 1)
    if not found:
        found |= {_kind_of(value) for value in entries(schema.get("enum"))}
        if "const" in schema:
            found.add(_kind_of(schema["const"]))
    if found and schema.get("nullable") is True:
        found.add("null")
    return frozenset(found)


def property_schema(schema: Json, name: str, root: Json) -> Json:
    """The schema of an object's property, looked for in its unions too."""
    schema = resolve(schema, root)
    inner = mapping(schema.get("properties")).get(name)
    if inner is not None:
        return resolve(mapping(inner), root)
    for part in variants(schema, root):
        if name in mapping(part.get("properties")):
            return resolve(mapping(mapping(part.get("properties"))[name]), root)
    return {}


def item_schema(schema: Json, root: Json) -> Json:
    """The schema of an array's items, looked for in its unions too."""
    for part in (resolve(schema, root), *variants(schema, root)):
        if "items" in part:
            return resolve(mapping(part["items"]), root)
    return {}


def variants(schema: Json, root: Json) -> list[Json]:
    """The alternatives of a union."""
    return [resolve(mapping(part), root) for union in ("anyOf", "oneOf", "allOf") for part in entries(schema.get(union))]


def _kind_of(value: object) -> str:
    if value is None:
        return "null"
    for kind, types in (("boolean", bool), ("integer", int), ("number", float), ("string", str), ("array", list)):
        if isinstance(value, types):
            return kind
    return "object"
