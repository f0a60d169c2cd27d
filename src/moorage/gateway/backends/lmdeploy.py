"""LMDeploy's api_server. Source: ``lmdeploy/serve/openai/protocol.py``."""

from __future__ import annotations

from collections.abc import Mapping

from moorage.gateway.backends.base import Engine, Structured, Traits, Version


def _structured(kind: Structured, value: object, version: Version | None) -> Mapping[str, object] | None:
    return {"response_format": {"type": "regex_schema", "regex_schema": value}} if kind == "regex" else None


BACKEND = Engine(
    "lmdeploy",
    Traits(
        spelling={"min_tokens": "min_new_tokens"},
        cannot=frozenset(
            (
                "use_beam_search",
                "num_beams",
                "best_of",
                "no_repeat_ngram_size",
                "early_stopping",
                "length_penalty",
                "prompt_logprobs",
                "stop_token_ids",
            )
        ),
        most_choices=1,
    ),
    _structured,
)
