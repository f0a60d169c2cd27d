"""vLLM, 0.8 to 0.33. Source: ``vllm/entrypoints/openai/protocol.py`` (later ``.../chat_completion/protocol.py``) and the release notes."""

from __future__ import annotations

from collections.abc import Mapping

from moorage.gateway.backends.base import Engine, Structured, Traits, Version

# 0.11 brought `structured_outputs`; 0.12 took `guided_*` away, and passes over them without a word since.
_STRUCTURED_OUTPUTS = (0, 11)


def _structured(kind: Structured, value: object, version: Version | None) -> Mapping[str, object] | None:
    if version is not None and version < _STRUCTURED_OUTPUTS:
        return {f"guided_{kind}": value}
    return {"structured_outputs": {kind: value}}


BACKEND = Engine(
    "vllm",
    Traits(
        cannot=frozenset(("no_repeat_ngram_size", "early_stopping", "num_beam_groups", "diversity_penalty")),
        gives_base64=True,
    ),
    _structured,
)
