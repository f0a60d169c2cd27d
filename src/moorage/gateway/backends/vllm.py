"""vLLM, 0.8 to 0.33. Source: ``vllm/entrypoints/openai/protocol.py`` (later ``.../chat_completion/protocol.py``) and the release notes."""

from __future__ import annotations

import json
from collections.abc import Mapping

from moorage.gateway.backends.base import Engine, Structured, Traits, Version

# 0.11 brought `structured_outputs`; 0.12 took `guided_*` away, and passes over them without a word since.
_STRUCTURED_OUTPUTS = (0, 11)


def _structured(kind: Structured, value: object, version: Version | None) -> Mapping[str, object] | None:
    if kind == "structural_tag":
        return None if version is not None and version < _STRUCTURED_OUTPUTS else {"structured_outputs": {kind: json.dumps(value)}}
    old, new = {f"guided_{kind}": value}, {"structured_outputs": {kind: value}}
    if version is None:
        return old | new  # each version passes over the other's word
    return old if version < _STRUCTURED_OUTPUTS else new


BACKEND = Engine(
    "vllm",
    Traits(
        cannot=frozenset(("no_repeat_ngram_size", "early_stopping", "num_beam_groups", "diversity_penalty")),
        gives_base64=True,
    ),
    _structured,
)
