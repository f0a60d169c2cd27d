"""A GGUF file as a ModelSpec: its settings under llama.cpp's names, its tensors' exact bytes."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from moorage.core.errors import ModelIncomplete, ModelUnreadable
from moorage.core.modelspec import Experts, Latent, LayerRun, ModelSpec, Quantization, RecurrentState, Shape, Task, Weights
from moorage.core.nouns import Notice
from moorage.models.read.gguf import GgufHeader, read_gguf
from moorage.models.read.words import judge_template

_ENCODERS = ("bert", "nomic-bert", "jina-bert-v2", "modern-bert")
_SPLIT = re.compile(r"^(.*)-(\d{5})-of-(\d{5})\.gguf$")
_MOST_LAYERS = 2048


def read_gguf_model(file: Path) -> ModelSpec:
    """The model in ``file``, and in the files that continue it. Raises what ``read_gguf`` raises, and ModelIncomplete for a missing part."""
    headers = [read_gguf(part) for part in _parts(file)]
    first = headers[0]
    tensors = [tensor for header in headers for tensor in header.tensors]
    by_dtype: Counter[str] = Counter()
    for tensor in tensors:
        by_dtype[tensor.dtype] += tensor.bytes
    experts = sum(t.bytes for t in tensors if "_exps." in t.name)
    has_head = any(t.name == "output.weight" for t in tensors)
    weights = Weights(sum(by_dtype.values()), True, dict(by_dtype), sum(t.numbers for t in tensors), experts)
    template = first.values.get("tokenizer.chat_template")
    shape = _shape(first, has_head, file.name)
    license = first.values.get("general.license")
    return ModelSpec(
        name=str(first.values.get("general.name") or file.stem), task=_task(first), context_tokens=shape.context_tokens,
        architecture=first.architecture, shape=shape, weights=weights, quantization=_quantization(by_dtype),
        template=judge_template(template) if isinstance(template, str) else None, license=license if isinstance(license, str) else None,
        format="gguf", notices=(_SLOW,),
    )  # fmt: skip


_SLOW = Notice(
    "gguf_in_vllm",
    "vLLM reads GGUF of few architectures and slowly; safetensors in AWQ, GPTQ or FP8 serve better there. llama.cpp reads any.",
    "vLLM 对 GGUF 支持的架构少且较慢；建议使用 AWQ、GPTQ 或 FP8 的 safetensors。llama.cpp 则都支持。",
)


def _parts(file: Path) -> list[Path]:
    split = _SPLIT.match(file.name)
    if split is None:
        return [file]
    parts = [file.with_name(f"{split[1]}-{i:05d}-of-{split[3]}.gguf") for i in range(1, min(int(split[3]), 1000) + 1)]
    missing = [part.name for part in parts if not part.is_file()]
    if missing:
        raise ModelIncomplete(
            name=file.name, reason=f"{len(missing)} of {len(parts)} parts are not there, {missing[0]} for one",
            reason_zh=f"{len(parts)} 个分片中缺少 {len(missing)} 个，例如 {missing[0]}",
        )  # fmt: skip
    return parts


def _shape(header: GgufHeader, has_head: bool, name: str) -> Shape:
    layers, hidden = header.count("block_count"), header.count("embedding_length")
    if not layers or not hidden or layers > _MOST_LAYERS:
        raise ModelUnreadable(
            name=name, reason=f"its header gives {layers or 'no'} layers of {f'width {hidden}' if hidden else 'no width'}",
            reason_zh=f"文件头给出 {layers or 0} 层、宽度 {hidden or 0}",
            advice="Is it a language model's file?", advice_zh="这是语言模型的文件吗？",
        )  # fmt: skip
    heads = header.count("attention.head_count") or 1
    dim = header.count("attention.key_length") or hidden // max(heads, 1)
    rank = header.count("attention.kv_lora_rank")
    rope = header.count("rope.dimension_count") or 64
    experts = header.count("expert_count")
    return Shape(
        layers=_layers(header, layers, heads, dim, rank, rope), hidden=hidden, heads=heads, head_dim=dim,
        intermediate=header.count("feed_forward_length") or 4 * hidden,
        vocabulary=header.count("vocab_size") or header.lengths.get("tokenizer.ggml.tokens") or 32_000,
        context_tokens=header.count("context_length") or 4096, is_tied=not has_head, number_bytes=2,
        experts=Experts(
            experts, header.count("expert_used_count") or 2, header.count("expert_feed_forward_length") or header.count("feed_forward_length") or 0,
            layers - (header.count("leading_dense_block_count") or 0), header.count("expert_shared_count") or 0,
        ) if experts else None,
        latent=Latent(rank, rope, header.count("attention.q_lora_rank")) if rank else None,
    )  # fmt: skip


def _layers(header: GgufHeader, layers: int, heads: int, dim: int, rank: int | None, rope: int) -> tuple[LayerRun, ...]:
    if header.architecture in _ENCODERS:
        return (LayerRun("encoder", layers, heads, dim),)
    if rank:
        return (LayerRun("latent", layers, 1, rank + rope),)
    kv = header.count("attention.head_count_kv") or heads
    value_dim = header.count("attention.value_length")
    every, states = header.count("full_attention_interval"), header.count("ssm.state_size")
    if states and every:
        full = layers // every
        values = header.count("ssm.time_step_rank") or heads
        state = RecurrentState(
            "gated_delta_net", header.count("ssm.group_count") or 1, values, states, states, header.count("ssm.conv_kernel") or 4, 4
        )
        return (LayerRun("full", full, kv, dim, value_dim), LayerRun("recurrent", layers - full, state=state))
    window, pattern = header.count("attention.sliding_window"), header.values.get(f"{header.architecture}.attention.sliding_window_pattern")
    if window and isinstance(pattern, tuple):
        sliding = sum(bool(flag) for flag in pattern[:layers])
        return (LayerRun("full", layers - sliding, kv, dim, value_dim), LayerRun("sliding", sliding, kv, dim, value_dim, window))
    return (LayerRun("full", layers, kv, dim, value_dim),)


def _task(header: GgufHeader) -> Task:
    if header.architecture in _ENCODERS or header.count("pooling_type"):
        return "rerank" if header.count("pooling_type") == 4 else "embed"
    return "chat"


def _quantization(by_dtype: Counter[str]) -> Quantization | None:
    most = by_dtype.most_common(1)[0][0] if by_dtype else "F16"
    if most in ("F32", "F16", "BF16"):
        return None
    digits = re.search(r"\d", most)
    return Quantization(f"gguf:{most.lower()}", float(digits[0]) if digits else 8.0, 32)
