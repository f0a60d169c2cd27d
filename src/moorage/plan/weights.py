"""How many bytes of weights one card holds: from the files' exact total where there is one, else worked out from the shape."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from moorage.core.modelspec import LayerRun, ModelSpec, Quantization, Shape, Weights
from moorage.plan.version import LATEST, EngineVersion

_SPREAD = 1.003  # norms, small biases and the allocator's rounding; 7 logged loads with two cards lie 0.1 to 0.4 % above an even share
_MXFP4_ALIGN = 256  # vLLM pads the experts' width: gpt-oss, 2880 to 3072; both logged sizes agree to 0.1 GiB


@dataclass(frozen=True, slots=True)
class Parameters:
    """Counts of numbers, by what quantization does to them."""

    linear: int
    expert: int
    embedding: int
    vision: int

    @property
    def total(self) -> int:
        return self.linear + self.expert + self.embedding + self.vision


def count_parameters(shape: Shape) -> Parameters:
    """The parameters that the shape implies; within 3 % for the families vLLM serves."""
    layers = sum(run.count * _layer_parameters(run, shape) for run in shape.layers)
    experts = shape.experts
    expert = shared = 0
    dense_layers = sum(run.count for run in shape.layers) if not _has_lean_layers(shape) else 0
    if experts:
        expert = experts.layers * experts.count * (2 if _has_lean_layers(shape) else 3) * shape.hidden * experts.intermediate
        wide = experts.shared_intermediate or experts.intermediate * max(experts.shared, 0)
        shared = experts.layers * (3 * shape.hidden * (wide if experts.shared else 0) + shape.hidden * experts.count)
        dense_layers = max(dense_layers - experts.layers, 0)
    is_plain = all(run.sort == "encoder" for run in shape.layers)
    dense = dense_layers * (2 if is_plain else 3) * shape.hidden * shape.intermediate
    embedding = shape.vocabulary * shape.hidden * (1 if shape.is_tied or is_plain else 2)
    eyes = shape.vision
    vision = eyes.layers * (4 * eyes.hidden**2 + 3 * eyes.hidden * eyes.intermediate) + 2 * eyes.hidden * shape.hidden if eyes else 0
    return Parameters(layers + dense + shared, expert, embedding, vision)


def estimate_weights(shape: Shape, quantization: Quantization | None) -> Weights:
    """The bytes of a checkpoint that is not here. Embeddings stay in the model's own numbers; so do eyes."""
    counted = count_parameters(shape)
    linear = expert = float(shape.number_bytes)
    if quantization:
        expert = bytes_per_weight(quantization)
        linear = shape.number_bytes if quantization.method == "mxfp4" else expert
    sizes = (counted.linear * linear, counted.expert * expert, (counted.embedding + counted.vision) * shape.number_bytes)
    return Weights(
        bytes=round(sum(sizes)), is_exact=False, parameters=counted.total, expert_bytes=round(sizes[1]),
        vision_bytes=counted.vision * shape.number_bytes,
    )  # fmt: skip


def bytes_per_weight(quantization: Quantization) -> float:
    """One weight of a quantized layer with its share of scales and zero points."""
    share = {"nvfp4": 1.0, "mxfp4": 1.0, "awq": 2.5, "gptq": 2.5, "compressed-tensors": 2.0, "bitsandbytes": 1.0}
    group = quantization.group or 128
    if quantization.bits >= 8:
        return quantization.bits / 8 + 4 / group**2
    return quantization.bits / 8 + share.get(quantization.method, 2.5) / group


def weights_of(spec: ModelSpec) -> Weights | None:
    """The files' weights, or an estimate; None for a model without a shape."""
    if spec.weights or spec.shape is None:
        return spec.weights
    return estimate_weights(spec.shape, spec.quantization)


def loaded_bytes(spec: ModelSpec, tp: int = 1, pp: int = 1, with_draft: bool = False, version: EngineVersion = LATEST) -> int:
    """What "Model loading took" will say on the fullest card: the share of the weights, tables of positions, padding."""
    weights, shape = weights_of(spec), spec.shape
    if weights is None or shape is None:
        return 0
    total = weights.bytes - (0 if with_draft else weights.draft_bytes)
    if weights.by_dtype.get("F32", 0) > weights.bytes // 2:
        total //= 2  # `--dtype auto` reads a checkpoint in 32 bits as 16
    if spec.quantization and spec.quantization.method == "mxfp4":
        total += round(weights.expert_bytes * (ceil(shape.hidden / _MXFP4_ALIGN) * _MXFP4_ALIGN / shape.hidden - 1))
    if pp > 1:
        total = _stage_bytes(total, shape, pp)
    copied = _copied_heads(shape, tp)
    share = total / tp * (_SPREAD if tp > 1 else 1.0) + copied / pp
    return round(share) + _position_table(shape) + _absorbed_bytes(shape, version) // (tp * pp)


def lora_bytes(shape: Shape, rank: int, adapters: int = 1, tp: int = 1) -> int:
    """The places that vLLM keeps for adapters, used or not."""
    wide = shape.heads * shape.head_dim
    narrow = shape.kv_heads * shape.head_dim
    sides = 2 * (shape.hidden + wide) + 2 * (shape.hidden + narrow) + 3 * (shape.hidden + shape.intermediate)
    return adapters * rank * sides * shape.layer_count * shape.number_bytes // tp + adapters * rank * shape.vocabulary * 2


def _stage_bytes(total: int, shape: Shape, pp: int) -> int:
    """The fullest stage: its layers and one end of the vocabulary."""
    end = shape.vocabulary * shape.hidden * shape.number_bytes
    ends = end if shape.is_tied else 2 * end
    layers = max(total - ends, 0)
    return round(layers * ceil(shape.layer_count / pp) / max(shape.layer_count, 1)) + end


def _copied_heads(shape: Shape, tp: int) -> int:
    """Key and value projections that are kept on several cards because there are fewer heads than cards."""
    extra = 0
    for run in shape.layers:
        if run.kv_heads and tp > run.kv_heads and run.sort not in ("latent", "recurrent"):
            extra += run.count * 2 * shape.hidden * run.head_dim * shape.number_bytes * (tp - run.kv_heads) // tp
    return extra


def _absorbed_bytes(shape: Shape, version: EngineVersion) -> int:
    """Latent attention keeps its up-projections a second time, in 16 bits; 0.7 kept them multiplied into their neighbours, which is larger."""
    latent = shape.latent
    if latent is None:
        return 0
    layers = sum(run.count for run in shape.layers if run.sort == "latent")
    if EngineVersion(0, 7) <= version < EngineVersion(0, 8):
        return layers * 2 * shape.heads * latent.kv_rank * ((latent.q_rank or shape.hidden) + shape.hidden)
    return layers * 2 * shape.heads * latent.kv_rank * (latent.nope_dim + latent.value_dim)


def _position_table(shape: Shape) -> int:
    """Sines and cosines for every position: 32 MiB for 128 k positions of 128 numbers."""
    if not shape.has_cache:
        return 0
    dim = shape.latent.rope_dim if shape.latent else shape.head_dim
    return shape.context_tokens * dim * 2


def _layer_parameters(run: LayerRun, shape: Shape) -> int:
    hidden = shape.hidden
    if run.sort == "recurrent" and run.state:
        state = run.state
        values, keys = state.value_heads * state.value_dim, state.key_heads * state.key_dim
        if state.sort == "mamba2":
            return hidden * (2 * values + 2 * keys + state.value_heads) + values * hidden
        return hidden * (2 * keys + 2 * values + 2 * state.value_heads) + values * hidden
    if shape.latent and run.sort == "latent":
        latent = shape.latent
        wide = shape.heads * (latent.nope_dim + latent.rope_dim)
        query = hidden * latent.q_rank + latent.q_rank * wide if latent.q_rank else hidden * wide
        key = hidden * (latent.kv_rank + latent.rope_dim) + latent.kv_rank * shape.heads * (latent.nope_dim + latent.value_dim)
        return query + key + shape.heads * latent.value_dim * hidden
    wide = shape.heads * run.head_dim
    gate = wide * hidden if any(r.state and r.state.sort == "gated_delta_net" for r in shape.layers) else 0
    return 2 * hidden * wide + 2 * hidden * run.kv_heads * run.head_dim + gate


def _has_lean_layers(shape: Shape) -> bool:
    """Whether a layer is either a mixer or an MLP and not both (Nemotron-H)."""
    return any(run.state and run.state.sort == "mamba2" for run in shape.layers)
