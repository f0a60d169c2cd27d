"""The server of llama.cpp. Source: ``tools/server/README.md``. It answers one choice a request, and its reranker gives logits."""

from __future__ import annotations

from collections.abc import Mapping

from moorage.gateway.backends.base import Engine, Structured, Traits, Version


def _structured(kind: Structured, value: object, version: Version | None) -> Mapping[str, object] | None:
    return {"grammar": value} if kind == "grammar" else None


BACKEND = Engine(
    "llamacpp",
    Traits(
        spelling={"repetition_penalty": "repeat_penalty"},
        cannot=frozenset(
            (
                "use_beam_search", "num_beams", "best_of", "bad_words", "stop_token_ids", "no_repeat_ngram_size", "early_stopping", "length_penalty",
                "min_tokens", "prompt_logprobs", "include_stop_str_in_output",
            )
        ),
        ignores=frozenset(("skip_special_tokens", "spaces_between_special_tokens")),
        most_choices=1,
        scores_are_logits=True,
        gives_base64=True,
    ),
    _structured,
)  # fmt: skip
