"""FastChat's OpenAI API server. Source: ``fastchat/protocol/openai_api_protocol.py``; it has no tools and no structured answers."""

from __future__ import annotations

from collections.abc import Mapping

from moorage.gateway.backends.base import Engine, Structured, Traits, Version


def _structured(kind: Structured, value: object, version: Version | None) -> Mapping[str, object] | None:
    return None


BACKEND = Engine(
    "fastchat",
    Traits(
        cannot=frozenset(
            (
                "num_beams", "bad_words", "no_repeat_ngram_size", "early_stopping", "length_penalty", "min_tokens", "prompt_logprobs", "response_format",
                "logprobs", "logit_bias", "stop_token_ids", "seed", "tools", "tool_choice",
            )
        ),
        ignores=frozenset(("min_p", "skip_special_tokens", "spaces_between_special_tokens", "parallel_tool_calls")),
    ),
    _structured,
)  # fmt: skip
