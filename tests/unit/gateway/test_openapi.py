"""The description of the gateway says what is served, all of it, and is one that programs can read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from moorage.gateway.endpoints import TABLE
from moorage.gateway.openapi.document import DESCRIBED, document, joined

DOCUMENT: dict[str, Any] = json.loads(json.dumps(document("1.0")))
SCHEMAS = DOCUMENT["components"]["schemas"]


def inside(value: object) -> Iterator[dict[str, Any]]:
    """Every object in it."""
    if isinstance(value, dict):
        yield value
        for each in value.values():
            yield from inside(each)
    elif isinstance(value, list):
        for each in value:
            yield from inside(each)


def test_every_endpoint_is_described_and_nothing_else() -> None:
    assert DESCRIBED.keys() == {endpoint.name for endpoint in TABLE}
    assert {path for path, item in DOCUMENT["paths"].items() if "post" in item} == {endpoint.paths[0] for endpoint in TABLE}


@pytest.mark.parametrize("endpoint", TABLE, ids=lambda endpoint: endpoint.name)
def test_an_endpoint_names_its_other_addresses_and_takes_what_it_needs(endpoint: Any) -> None:
    operation = DOCUMENT["paths"][endpoint.paths[0]]["post"]
    media, described = next(iter(operation["requestBody"]["content"].items()))
    schema = SCHEMAS[described["schema"]["$ref"].rpartition("/")[2]]

    assert all(f"`{path}`" in operation["description"] for path in endpoint.paths[1:])
    assert (media == "multipart/form-data") is endpoint.is_form
    assert {"model", endpoint.needs} - {""} <= set(schema["required"])
    assert {"400", "401", "404", "413", "429", "503"} <= operation["responses"].keys()


def test_every_reference_leads_somewhere_and_no_schema_is_left_over() -> None:
    named = {found["$ref"] for found in inside(DOCUMENT) if "$ref" in found}

    assert named == {f"#/components/schemas/{name}" for name in SCHEMAS}
    assert {name for operation in inside(DOCUMENT["paths"]) for each in operation.get("security", []) for name in each} == set(
        DOCUMENT["components"]["securitySchemes"]
    )


def test_every_object_may_hold_more_than_is_named() -> None:
    closed = [each for each in inside(SCHEMAS) if each.get("type") == "object" and each.get("additionalProperties") in (None, False)]
    unknown = [
        name for each in inside(SCHEMAS) for name in each.get("required", ()) if "properties" in each and name not in each["properties"]
    ]

    assert (closed, unknown) == ([], [])


def test_names_of_operations_are_unique_and_nothing_is_fetched_from_elsewhere() -> None:
    identities = [each["operationId"] for each in inside(DOCUMENT["paths"]) if "operationId" in each]

    assert len(identities) == len(set(identities))
    assert not re.search(r"https?://", json.dumps(DOCUMENT))


def test_two_descriptions_become_one() -> None:
    own = {"info": 1, "paths": {"/a": {}}, "components": {"schemas": {"A": {}}}, "tags": [{"name": "a"}]}
    both = joined(own, DOCUMENT)

    assert both["info"] == 1
    assert both["paths"].keys() == {"/a", *DOCUMENT["paths"]}  # type: ignore[attr-defined]
    assert both["components"]["schemas"].keys() == {"A", *SCHEMAS}  # type: ignore[index]
