"""Text Embeddings Inference: embeddings and reranking, with shapes of its own. Source: its OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping

from moorage.gateway.backends.base import Engine, Structured, Traits, Version


def _structured(kind: Structured, value: object, version: Version | None) -> Mapping[str, object] | None:
    return None


BACKEND = Engine("tei", Traits(most_choices=1, most_texts=32), _structured)
