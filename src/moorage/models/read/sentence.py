"""What a sentence-transformers folder adds: how vectors are pooled, whether they are of length one, which texts to put before, how long."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

from moorage.core.modelspec import Pooling
from moorage.models.read.fields import Fields, read_bytes, read_fields

_METHODS = {
    "pooling_mode_cls_token": "cls", "pooling_mode_mean_tokens": "mean", "pooling_mode_lasttoken": "last", "pooling_mode_max_tokens": "max",
    "pooling_mode_weightedmean_tokens": "weighted_mean", "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt",
}  # fmt: skip


def read_pooling(folder: Path, model: str) -> Pooling | None:
    """The pooling of the folder's modules; None where it has none."""
    modules = _modules(folder, model)
    place = next((path for path, kind in modules if kind.endswith(".Pooling")), "1_Pooling")
    settings = read_fields(folder / place / "config.json", model) if _is_below(place) else None
    if settings is None:
        return None
    chosen = [method for name, method in _METHODS.items() if settings.flag(name)]
    prompts = read_fields(folder / "config_sentence_transformers.json", model)
    return Pooling(
        method="+".join(chosen) or settings.text("pooling_mode") or "mean",
        is_normalized=any(kind.endswith(".Normalize") for _, kind in modules),
        dimension=settings.count("word_embedding_dimension", "embedding_dimension", most=2**20),
        prompts=_prompts(prompts),
    )


def read_longest(folder: Path, model: str) -> int | None:
    """``max_seq_length``: an engine cuts a text there, whatever the positions would allow."""
    for name in ("sentence_bert_config.json", "sentence_roberta_config.json", "sentence_xlm-roberta_config.json"):
        fields = read_fields(folder / name, model)
        if fields:
            return fields.count("max_seq_length", most=2**27) or None
    return None


def read_cut(folder: Path, model: str) -> int | None:
    """``model_max_length`` of the tokenizer, by which an engine cuts for encoders with learnt positions. What stands for 'no end' is none."""
    fields = read_fields(folder / "tokenizer_config.json", model)
    value = fields.values.get("model_max_length") if fields else None
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**27 else None


def _prompts(fields: Fields | None) -> dict[str, str]:
    part = fields.part("prompts") if fields else None
    return {name: text[:4000] for name, text in part.values.items() if isinstance(text, str)} if part else {}


def _modules(folder: Path, model: str) -> list[tuple[str, str]]:
    data = read_bytes(folder / "modules.json", model)
    if data is None:
        return []
    try:
        loaded: object = json.loads(data)
    except (ValueError, RecursionError):
        return []
    entries = cast("list[object]", loaded)[:64] if isinstance(loaded, list) else []
    named = [cast("dict[str, object]", entry) for entry in entries if isinstance(entry, dict)]
    return [(str(entry.get("path", "")), str(entry.get("type", ""))) for entry in named]


def _is_below(place: str) -> bool:
    return bool(place) and not place.startswith(("/", "\\")) and ".." not in Path(place).parts
