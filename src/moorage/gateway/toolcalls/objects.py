"""Looking into JSON values from outside without trusting their shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeGuard

Json = Mapping[str, object]
"""A JSON object."""


def is_object(value: object) -> TypeGuard[Json]:
    """Whether the value is an object."""
    return isinstance(value, Mapping)


def is_list(value: object) -> TypeGuard[list[object]]:
    """Whether the value is a list."""
    return isinstance(value, list)


def mapping(value: object) -> Json:
    """The value if it is an object, else an empty one."""
    return value if is_object(value) else {}


def entries(value: object) -> list[object]:
    """The value if it is a list, else an empty one."""
    return value if is_list(value) else []
