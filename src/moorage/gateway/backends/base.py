"""What the gateway must know of an engine before it relays to it: how it spells parameters, what it cannot do, where its own shapes differ.

One file per engine, all of it data; the rules that use it are in ``gateway/parameters.py`` and ``gateway/shapes``. An engine's version is a pair such
as ``(0, 32)``; None where it is unknown, which is taken for the newest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

Version = tuple[int, int]
Structured = Literal["json", "regex", "choice", "grammar", "structural_tag"]


@dataclass(frozen=True, slots=True)
class Traits:
    """An engine, as data.

    ``spelling``: the engine's name of a parameter where it differs. ``cannot``: parameters whose loss changes what the answer means; a request with
    one is refused. ``ignores``: parameters that the engine passes over and that change only the manner of the answer; they are left out, and
    the answer's headers say so. ``most_choices``: the largest ``n``. ``knows_functions``: the old ``functions`` are understood. ``scores_are_logits``: the reranker's scores need a sigmoid. ``gives_base64``: vectors may be asked for as base64.
    """

    spelling: Mapping[str, str] = field(default_factory=dict[str, str])
    cannot: frozenset[str] = frozenset()
    ignores: frozenset[str] = frozenset()
    most_choices: int = 128
    knows_functions: bool = False
    scores_are_logits: bool = False
    gives_base64: bool = False
    rerank_path: str = "/rerank"
    score_path: str = "/score"


class Backend(Protocol):
    """An engine behind the gateway. It keeps nothing and does no I/O, so it may be used from anywhere."""

    @property
    def name(self) -> str:
        """As in ``kind:`` of the stack file."""
        ...

    @property
    def traits(self) -> Traits: ...

    def structured(self, kind: Structured, value: object, version: Version | None) -> Mapping[str, object] | None:
        """The fields that hold a chat model to a JSON schema, a regular expression, one of several texts, a grammar or
        xgrammar's structural tag; None where it cannot."""
        ...


def json_schema_format(schema: object) -> Mapping[str, object]:
    """The spelling of a JSON schema that every OpenAI-compatible engine knows."""
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}}


@dataclass(frozen=True, slots=True)
class Engine:
    """A backend made of its traits and one function."""

    name: str
    traits: Traits
    structure: Callable[[Structured, object, Version | None], Mapping[str, object] | None]

    def structured(self, kind: Structured, value: object, version: Version | None) -> Mapping[str, object] | None:
        return json_schema_format(value) if kind == "json" else self.structure(kind, value, version)
