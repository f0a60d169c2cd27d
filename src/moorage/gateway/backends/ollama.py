"""Ollama's OpenAI-compatible address. Source: ``docs/openai.md``. What is not listed there it passes over without a word."""

from __future__ import annotations

from collections.abc import Mapping

from moorage.gateway.backends.base import Engine, Structured, Traits, Version


def _structured(kind: Structured, value: object, version: Version | None) -> Mapping[str, object] | None:
    return None


BACKEND = Engine(
    "ollama",
    Traits(
        cannot=frozenset(
            (
                "use_beam_search", "num_beams", "best_of", "bad_words", "stop_token_ids", "no_repeat_ngram_size", "early_stopping", "length_penalty",
                "min_tokens", "prompt_logprobs", "include_stop_str_in_output", "logit_bias", "chat_template_kwargs", "repetition_penalty", "tool_choice",
            )
        ),
        ignores=frozenset(("top_k", "min_p", "skip_special_tokens", "spaces_between_special_tokens", "parallel_tool_calls", "user")),
        most_choices=1,
    ),
    _structured,
)  # fmt: skip
