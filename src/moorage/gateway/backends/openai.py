"""Any OpenAI-compatible address: everything is forwarded as it came, for only its server knows what it understands."""

from __future__ import annotations

from collections.abc import Mapping

from moorage.gateway.backends.base import Engine, Structured, Traits, Version


def _structured(kind: Structured, value: object, version: Version | None) -> Mapping[str, object] | None:
    return None if kind == "structural_tag" else {f"guided_{kind}": value}


BACKEND = Engine("openai", Traits(gives_base64=True, knows_functions=True), _structured)
