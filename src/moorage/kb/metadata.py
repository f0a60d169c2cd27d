"""Conditions on a document's metadata, with the eighteen operators that Dify sends.

A field that a document lacks satisfies ``empty`` and the negative operators (``not contains``, ``is not``, ``not in``, ``≠``) and nothing else.
Besides its own metadata every document has ``document_name``, ``document_id``, ``title``, ``media_type``, ``pages``, ``bytes``, ``upload_date``,
``last_update_date`` (Unix seconds).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, cast

from moorage.core.errors import FilterInvalid
from moorage.core.nouns import Document, Scalar


@dataclass(frozen=True, slots=True)
class Condition:
    """``field operator value``; ``value`` is a scalar, a sequence of scalars, or None."""

    field: str
    operator: str
    value: Scalar | Sequence[Scalar] | None = None


@dataclass(frozen=True, slots=True)
class MetadataFilter:
    """Conditions joined by ``and`` or ``or``. No conditions admit everything."""

    conditions: tuple[Condition, ...]
    join: Literal["and", "or"] = "and"

    def admits(self, document: Document) -> bool:
        if not self.conditions:
            return True
        values = fields_of(document)
        return (all if self.join == "and" else any)(_holds(c, values.get(c.field)) for c in self.conditions)


def parse_filter(raw: object) -> MetadataFilter:
    """Dify's ``metadata_condition`` object; None or one without conditions admits everything. Raises FilterInvalid."""
    if raw is None:
        return MetadataFilter(())
    if not isinstance(raw, Mapping):
        raise FilterInvalid(value=raw, reason="it must be an object")
    holder = cast("Mapping[str, object]", raw)
    join = holder.get("logical_operator") or holder.get("logic") or "and"
    if join not in ("and", "or"):
        raise FilterInvalid(value=join, reason="logical_operator must be `and` or `or`")
    listed = holder.get("conditions")
    if listed is None:
        return MetadataFilter(())
    if not isinstance(listed, list):
        raise FilterInvalid(value=repr(listed)[:80], reason="conditions must be a list")
    return MetadataFilter(tuple(_parse_condition(c) for c in cast("list[object]", listed)), join)


def _parse_condition(raw: object) -> Condition:
    if not isinstance(raw, Mapping):
        raise FilterInvalid(value=repr(raw)[:80], reason="a condition must be an object")
    holder = cast("Mapping[str, object]", raw)
    name = holder.get("name")
    operator = holder.get("comparison_operator") or holder.get("operator")
    if not isinstance(name, str):
        raise FilterInvalid(value=dict(holder), reason="a condition needs a `name`")
    if not isinstance(operator, str) or operator not in OPERATORS:
        raise FilterInvalid(value=operator, reason=f"comparison_operator must be one of {', '.join(OPERATORS)}")
    return Condition(name, operator, cast("Scalar | Sequence[Scalar] | None", holder.get("value")))


def fields_of(document: Document) -> Mapping[str, Scalar | None]:
    """Everything a condition may ask about a document."""
    return {
        "document_name": document.name,
        "document_id": document.id,
        "title": document.title,
        "media_type": document.media_type,
        "pages": document.pages,
        "bytes": document.bytes,
        "upload_date": document.added_at,
        "last_update_date": document.updated_at,
        **document.metadata,
    }


def _holds(condition: Condition, held: Scalar | None) -> bool:
    operator = condition.operator
    if operator == "empty":
        return held is None or held == ""
    if operator == "not empty":
        return held is not None and held != ""
    if held is None:
        return operator in _NEGATIVE
    if operator in _TEXT:
        return _TEXT[operator](_text(held), condition.value)
    left, right = (
        (_moment(held), _moment(condition.value)) if operator in ("before", "after") else (_number(held), _number(condition.value))
    )
    return left is not None and right is not None and _ORDER[operator](left, right)


def _text(value: object) -> str:
    return str(value).casefold().strip()


def _texts(value: Scalar | Sequence[Scalar] | None) -> list[str]:
    """The alternatives of ``in``: a list, or text separated by commas (that is what a text box gives)."""
    if isinstance(value, (list, tuple)):
        return [_text(v) for v in value]
    return [_text(v) for v in str(value or "").replace("，", ",").split(",")]


def _number(value: object) -> float | None:
    try:
        return float(cast("str", value))
    except (TypeError, ValueError):
        return None


def _moment(value: object) -> float | None:
    """Unix seconds from a number (milliseconds are recognised by their size) or an ISO date."""
    number = _number(value)
    if number is not None:
        return number / 1000 if number > 1e11 else number
    try:
        moment = datetime.fromisoformat(str(value).strip().replace("/", "-"))
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


_TextTest = Callable[[str, "Scalar | Sequence[Scalar] | None"], bool]
_TEXT: dict[str, _TextTest] = {
    "contains": lambda held, value: _text(value) in held,
    "not contains": lambda held, value: _text(value) not in held,
    "start with": lambda held, value: held.startswith(_text(value)),
    "end with": lambda held, value: held.endswith(_text(value)),
    "is": lambda held, value: held == _text(value),
    "is not": lambda held, value: held != _text(value),
    "in": lambda held, value: held in _texts(value),
    "not in": lambda held, value: held not in _texts(value),
}
_ORDER: dict[str, Callable[[float, float], bool]] = {
    "=": lambda a, b: a == b,
    "≠": lambda a, b: a != b,
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
    "≥": lambda a, b: a >= b,
    "≤": lambda a, b: a <= b,
    "before": lambda a, b: a < b,
    "after": lambda a, b: a > b,
}
_NEGATIVE = frozenset({"not contains", "is not", "not in", "≠"})
OPERATORS = (
    "contains",
    "not contains",
    "start with",
    "end with",
    "is",
    "is not",
    "empty",
    "not empty",
    "in",
    "not in",
    "=",
    "≠",
    ">",
    "<",
    "≥",
    "≤",
    "before",
    "after",
)
