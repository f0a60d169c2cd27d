"""Xinference: an OpenAI-compatible address before several engines; what it does not know goes to the engine as it is."""

from __future__ import annotations

from collections.abc import Mapping

from moorage.gateway.backends.base import Engine, Structured, Traits, Version


def _structured(kind: Structured, value: object, version: Version | None) -> Mapping[str, object] | None:
    return None if kind == "structural_tag" else {f"guided_{kind}": value}


BACKEND = Engine(
    "xinference",
    Traits(cannot=frozenset(("use_beam_search", "num_beams", "no_repeat_ngram_size", "early_stopping"))),
    _structured,
)
