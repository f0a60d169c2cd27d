"""A placed service as the flags of its server, by vLLM's names of today. Another room knows what a version calls them and writes the command."""

from __future__ import annotations

from collections.abc import Mapping

from moorage.plan.result import Placed

FlagValue = bool | int | float | str | Mapping[str, object]
# Qwen3-Reranker is published as a model that writes; it ranks by what it would say.
_QWEN3_RANKS: Mapping[str, object] = {
    "architectures": ["Qwen3ForSequenceClassification"], "classifier_from_token": ["no", "yes"], "is_original_qwen3_reranker": True,
}  # fmt: skip

_LORA_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)  # what --max-lora-rank takes


def serve_flags(service: Placed) -> dict[str, FlagValue]:
    """The flags that the plan decided, without the model's place, port and parsers. What is not said is left to the engine."""
    plan = service.prediction
    flags, said = plan.flags, plan.flags.said
    made: dict[str, FlagValue | None] = {
        "served-model-name": service.name,
        "max-model-len": flags.max_len,
        "max-num-seqs": flags.max_seqs,
        "max-num-batched-tokens": flags.batched_tokens,
        "enable-chunked-prefill": True if flags.is_v0 and flags.batched_tokens < flags.max_len else None,  # the first engine refuses else
        "gpu-memory-utilization": flags.utilization,
        "kv-cache-memory-bytes": said.cache_bytes,
        "kv-cache-dtype": said.cache_format if said.cache_format != "auto" else None,
        "tensor-parallel-size": flags.tp if flags.tp > 1 else None,
        "pipeline-parallel-size": flags.pp if flags.pp > 1 else None,
        "dtype": service.dtype,
        "attention-backend": service.attention_backend,
        "enforce-eager": True if said.is_eager else None,
        "enable-lora": True if said.lora_rank else None,
        "max-lora-rank": next((rank for rank in _LORA_RANKS if rank >= said.lora_rank), _LORA_RANKS[-1]) if said.lora_rank else None,
        **_pooling(service),
    }
    return {name: value for name, value in made.items() if value is not None}


def _pooling(service: Placed) -> dict[str, FlagValue]:
    """What gives vectors or ranks is told so; a model that could write is turned into one."""
    spec = service.wish.spec
    if service.wish.writes:
        return {}
    could_write = (spec.architecture or "").endswith(("ForCausalLM", "ForConditionalGeneration"))
    if spec.task == "rerank" and spec.architecture == "Qwen3ForCausalLM":
        return {"runner": "pooling", "hf-overrides": _QWEN3_RANKS}
    if not could_write:
        return {"runner": "pooling"}
    return {"runner": "pooling", "convert": "embed" if spec.task == "embed" else "classify"}
