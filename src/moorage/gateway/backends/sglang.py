"""SGLang. Source: ``python/sglang/srt/entrypoints/openai/protocol.py``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import cast

from moorage.gateway.backends.base import Engine, Structured, Traits, Version


def _structured(kind: Structured, value: object, version: Version | None) -> Mapping[str, object] | None:
    if kind == "choice":
        return {"regex": "|".join(f"({re.escape(str(one))})" for one in cast("list[object]", value))}
    if kind == "structural_tag":
        return None  # its form has changed with versions, and one that it does not know is an error
    return {"regex" if kind == "regex" else "ebnf": value}


BACKEND = Engine(
    "sglang",
    Traits(
        spelling={"include_stop_str_in_output": "no_stop_trim"},
        cannot=frozenset(
            (
                "use_beam_search",
                "num_beams",
                "best_of",
                "bad_words",
                "no_repeat_ngram_size",
                "early_stopping",
                "length_penalty",
                "prompt_logprobs",
            )
        ),
        gives_base64=True,
    ),
    _structured,
)
