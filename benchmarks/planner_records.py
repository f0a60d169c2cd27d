"""Recorded start-ups and published model facts, as the planner's nouns. Helps planner.py; measures nothing itself."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from moorage.core.modelspec import Experts, Latent, LayerRun, ModelSpec, Quantization, RecurrentState, Shape, Vision, Weights
from moorage.plan.weights import count_parameters

Row = Mapping[str, object]
_SORTS = {"full_attention": "full", "sliding_attention": "sliding", "chunked_attention": "chunked", "linear_attention": "recurrent"}
_CHUNK = 8192
_PLAUSIBLE = 0.05
_MOST = 1e12


@dataclass(frozen=True, slots=True)
class Log:
    """One recorded start-up: what was asked for, and what the engine said."""

    row: Row
    spec: ModelSpec | None

    def text(self, name: str) -> str | None:
        value = self.row.get(name)
        return None if value is None else str(value)

    @property
    def name(self) -> str:
        return str(self.row.get("id") or self.row.get("model_id") or "nameless")

    def number(self, name: str) -> float | None:
        """A number, also where it is written as text; None for anything else."""
        value = self.row.get(name)
        try:
            number = float(value) if isinstance(value, (int, float, str)) and not isinstance(value, bool) else math.nan
        except ValueError:
            return None
        return number if math.isfinite(number) and abs(number) < _MOST else None

    def positive(self, name: str) -> float | None:
        """A number above zero: what else is written there is not known."""
        value = self.number(name)
        return value if value is not None and value > 0 else None

    def count(self, name: str, otherwise: int) -> int:
        value = self.positive(name)
        return otherwise if value is None else max(int(value), 1)

    def flag(self, name: str) -> bool | None:
        value = self.row.get(name)
        return value if isinstance(value, bool) else None


def read_logs(data: Sequence[Path], facts: Path) -> list[Log]:
    """The records of ``data``, each with the facts of its model where there are any."""
    specs: dict[str, ModelSpec] = {}
    for row in _rows(facts):
        spec = spec_of(row)
        for name in [str(row["model_id"]), *cast("list[object]", row.get("aliases") or [])]:
            specs.setdefault(str(name).lower(), spec)
    return [Log(row, specs.get(str(row.get("model_id")).lower())) for file in data for row in _rows(file)]


def is_records(file: Path) -> bool:
    """Whether a file holds start-ups: its first object names a model and says how the start came out, or what it was started with."""
    first = next(iter(_rows(file)), {})
    return "model_id" in first and bool({"outcome", "available_kv_gib", "kv_tokens", "vllm_version"} & set(first))


def read_specs(facts: Path) -> list[ModelSpec]:
    """Every model of the facts."""
    return [spec_of(row) for row in _rows(facts)]


def _rows(path: Path) -> list[Row]:
    """The objects of a file, one a line or in one list. Lines that are none are passed over, and said."""
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    if text.lstrip().startswith("["):
        return [cast(Row, row) for row in cast("list[object]", json.loads(text)) if isinstance(row, dict)]
    rows: list[Row] = []
    for count, line in enumerate(text.splitlines(), 1):
        try:
            row: object = json.loads(line) if line.strip() else None
        except ValueError:
            row = line
        if isinstance(row, dict):
            rows.append(cast(Row, row))
        elif row is not None:
            print(f"{path.name}: line {count} is no JSON object and is passed over", file=sys.stderr)
    return rows


def spec_of(row: Row) -> ModelSpec:
    """A row of model facts as a ModelSpec without files: the weights are left for the planner to work out."""
    tasks = cast("list[str]", row.get("tasks") or [])
    task = "embed" if "embed" in tasks else "rerank" if "score" in tasks else "vision_chat" if "vision" in tasks else "chat"
    method = row.get("quant_method")
    shape = shape_of(row)
    return ModelSpec(
        name=str(row["model_id"]), task=task, context_tokens=_int(row, "max_position", 4096), architecture=str(row.get("architecture") or ""),
        shape=shape, weights=_published_weights(row, shape), quantization=quantization_of(str(method)) if method else None,
    )  # fmt: skip


def _published_weights(row: Row, shape: Shape) -> Weights | None:
    """The published parameter count where the facts lack a size and the count from the shape cannot be right."""
    stated, counted = row.get("params_b"), count_parameters(shape).total
    if not isinstance(stated, (int, float)) or abs(counted / (stated * 1e9) - 1) <= _PLAUSIBLE:
        return None
    return Weights(round(stated * 1e9 * shape.number_bytes), is_exact=False, parameters=round(stated * 1e9))


def shape_of(row: Row) -> Shape:
    hidden, heads = _int(row, "hidden_size", 0), _int(row, "num_attention_heads", 1)
    head_dim = _int(row, "head_dim", hidden // max(heads, 1))
    mla = cast("Row | None", row.get("mla"))
    latent = Latent(
        _int(mla, "kv_lora_rank", 512), _int(mla, "qk_rope_head_dim", 64), _maybe(mla, "q_lora_rank"), _int(mla, "qk_nope_head_dim", 128),
        _int(mla, "v_head_dim", 128),
    ) if mla else None  # fmt: skip
    moe = cast("Row | None", row.get("moe"))
    layers = _int(row, "num_layers", 0)
    pattern = cast(Row, row.get("linear_attn") or {}).get("pattern")
    with_experts = pattern.count("E") if isinstance(pattern, str) else layers - _int(moe, "first_dense", 0)
    experts = Experts(
        _int(moe, "num_experts", 0), _int(moe, "top_k", 1), _int(moe, "moe_intermediate", 0), with_experts,
        _int(moe, "shared_experts", 0), _maybe(moe, "shared_intermediate"),
    ) if moe else None  # fmt: skip
    ratios = {int(k): int(v) for k, v in cast("dict[str, int]", row.get("compress_ratio_counts") or {}).items()}
    return Shape(
        layers=_layers(row, latent, head_dim), hidden=hidden, heads=heads, head_dim=head_dim, intermediate=_int(row, "intermediate_size", 0 if moe else 4 * hidden),
        vocabulary=_int(row, "vocab_size", 130_560), context_tokens=_int(row, "max_position", 4096), is_tied=bool(row.get("tie_word_embeddings")),
        number_bytes=2, experts=experts, latent=latent, vision=_vision(row), draft_layers=_int(row, "mtp_layers", 0), compress_ratios=ratios,
    )  # fmt: skip


def _layers(row: Row, latent: Latent | None, head_dim: int) -> tuple[LayerRun, ...]:
    heads = _int(row, "num_kv_heads", _int(row, "num_attention_heads", 1))
    if str(row.get("pooling")) in ("cls", "mean"):
        return (LayerRun("encoder", _int(row, "num_layers", 0), heads, head_dim),)
    pattern = cast("Row", row.get("linear_attn") or {}).get("pattern")
    counts = {"full_attention": _int(row, "num_layers", 0)}
    if row.get("layer_counts"):
        counts = cast("dict[str, int]", row["layer_counts"])
    elif isinstance(pattern, str):
        counts = {"full_attention": pattern.count("*"), "linear_attention": pattern.count("M")}
    return tuple(_run(row, _SORTS[name], count, latent, heads, head_dim) for name, count in counts.items())


def _run(row: Row, sort: str, count: int, latent: Latent | None, heads: int, head_dim: int) -> LayerRun:
    if sort == "recurrent":
        return LayerRun("recurrent", count, state=_state(cast(Row, row["linear_attn"])))
    if sort == "sliding":
        return LayerRun("sliding", count, heads, head_dim, window=_int(row, "sliding_window", 4096))
    if sort == "chunked":
        return LayerRun("chunked", count, heads, head_dim, window=_CHUNK)
    if latent:
        index = _int(cast(Row, row["mla"]), "index_head_dim", 0)
        return LayerRun("latent", count, 1, latent.kv_rank + latent.rope_dim, index_dim=index)
    return LayerRun("full", count, _int(row, "num_global_kv_heads", heads), _int(row, "global_head_dim", head_dim))


def _state(row: Row) -> RecurrentState:
    kind, kernel = str(row["kind"]), _int(row, "conv_kernel", 4)
    if kind == "mamba2":
        return RecurrentState(
            "mamba2", _int(row, "n_groups", 1), _int(row, "num_heads", 1), _int(row, "ssm_state", 128), _int(row, "head_dim", 64), kernel, 4
        )
    heads, dim = _int(row, "num_heads", 0), _int(row, "head_dim", 128)
    number = 4 if kind == "kda" or str(row.get("ssm_dtype")) == "float32" else 2
    return RecurrentState(
        "kda" if kind == "kda" else "gated_delta_net", _int(row, "num_k_heads", heads), _int(row, "num_v_heads", heads),
        _int(row, "k_dim", dim), _int(row, "v_dim", dim), kernel, number,
    )  # fmt: skip


def _vision(row: Row) -> Vision | None:
    if "vision" not in cast("list[str]", row.get("tasks") or []):
        return None
    eyes = cast(Row, row.get("vision") or {})
    hidden = _int(eyes, "hidden_size", 1152)
    depth = _int(eyes, "depth", _int(eyes, "num_hidden_layers", 27))
    return Vision(depth, hidden, _int(eyes, "intermediate_size", 4 * hidden), _int(eyes, "soft_tokens_per_image", 16_384))


def quantization_of(words: str | None) -> Quantization | None:
    """What the words of a log say about the checkpoint. ModelOpt's NVFP4 checkpoints bring scales for an fp8 cache; others do not."""
    text = (words or "").lower()
    if not text or text in ("none", "bfloat16"):
        return None
    if "nvfp4" in text or "modelopt" in text:
        return Quantization("nvfp4", 4, 16, None if "compressed" in text else "fp8")
    if "mxfp4" in text:
        return Quantization("mxfp4", 4, 32)
    if "bitsandbytes" in text or "bnb" in text:
        return Quantization("bitsandbytes", 4, 64)
    if "fp8" in text:
        return Quantization("fp8", 8, 128)
    if re.search(r"awq|gptq|int4|w4a16|4bit", text):
        return Quantization("awq" if "awq" in text else "gptq", 4, 128)
    return Quantization(text.split()[0], 8, 128) if "8" in text else None


def _int(row: Row | None, name: str, otherwise: int) -> int:
    value = _maybe(row, name)
    return otherwise if value is None else value


def _maybe(row: Row | None, name: str) -> int | None:
    value = row.get(name) if row else None
    return int(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
