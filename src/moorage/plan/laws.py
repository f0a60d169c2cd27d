"""What a start-up of vLLM costs besides the cache. Each law is a mechanism with constants from recorded start-ups; each gives a range.

The constants were fitted on 64 published start-up logs (vLLM 0.6.4 to 0.31): 36 state an activation peak, 31 the cache that was left.
"""

from __future__ import annotations

from dataclasses import dataclass

from moorage.core.modelspec import ModelSpec, Shape
from moorage.core.nouns import Notice
from moorage.plan.cards import GIB, Card
from moorage.plan.flags import FullFlags
from moorage.plan.terms import Range, Term, around
from moorage.plan.version import EngineVersion
from moorage.plan.weights import loaded_bytes, lora_bytes, weights_of

_SORTING = 38.9  # bytes for each logit of PyTorch's sort: mean of 15 logged peaks, standard deviation 1.4
_FUSED = 15.1  # the same with FlashInfer's or Triton's kernel: 2 logged peaks, 14.7 and 17.0, and 3 caches that agree
_IN_PLACE = 4.2  # the second model runner works on one copy of the logits in 32 bits: 1 logged peak
_RECURRENT = 32  # bytes for each token and number of a value: 3 logged caches agree within 0.3 GiB, one with 64,000 tokens
_PICTURE_TOKENS = 16_384
_EXPERT_PIECE = 32_768
_TRITON_FROM = EngineVersion(0, 17)
_SECOND_RUNNER_FROM = EngineVersion(0, 31)
_GRAPHS_COUNTED_FROM = EngineVersion(0, 20)
_V0_SNAPSHOT_FROM = EngineVersion(0, 6, 6)  # before, what others held on the card was counted as well
_OWN_MEMORY_FROM = EngineVersion(0, 9, 2)
_EARLY_SNAPSHOT_FROM = EngineVersion(0, 11, 1)


@dataclass(frozen=True, slots=True)
class Case:
    """One model with its flags on one of its cards, for one version."""

    spec: ModelSpec
    shape: Shape
    card: Card
    flags: FullFlags
    version: EngineVersion


def terms_of(case: Case) -> list[Term]:
    """Every use of the card's memory but the cache, largest first of what the budget counts, then what lies outside it."""
    peak = activation(case)
    made = [
        weights(case),
        peak,
        eyes(case, peak.bytes),
        states(case),
        adapters(case),
        workspace(case),
        foreign(case),
        shared(case),
        *graphs(case),
    ]
    return [term for term in [*made, *context(case)] if term.bytes.high]


def weights(case: Case) -> Term:
    flags = case.flags
    known = weights_of(case.spec)
    loaded = loaded_bytes(case.spec, flags.tp, flags.pp, with_draft=flags.said.draft_layers > 0, version=case.version)
    loaded = max(loaded - flags.said.offload_bytes // (flags.tp * flags.pp), 0)
    is_exact = bool(known and known.is_exact)
    spread = _weight_spread(case, is_exact)
    share = _share(flags)
    source, source_zh = ("from the headers of its files", "取自模型文件头") if is_exact else ("worked out from its shape", "由模型结构推算")
    return Term(
        "weights",
        around(loaded, loaded * (1 - spread / 2), loaded * (1 + spread)),
        Notice("weights", f"Weights, {source}{share[0]}.", f"权重，{source_zh}{share[1]}。"),
    )


def _weight_spread(case: Case, is_exact: bool) -> float:
    """Kernels repack quantized weights; a count from the shape misses what a checkpoint leaves unquantized."""
    quantized = case.spec.quantization is not None
    if is_exact:
        return 0.015 if quantized else 0.004
    return 0.05 if quantized else 0.015


def activation(case: Case) -> Term:
    """The larger of one pass over a full batch and one drawing of a token for every request; they do not happen at once."""
    flags = case.flags
    forward = forward_bytes(case.shape, flags.batched_tokens, flags.tp)
    low, likely, high = (_per_logit(case)[i] * min(flags.max_seqs, flags.batched_tokens) * case.shape.vocabulary for i in range(3))
    if case.spec.task not in ("chat", "vision_chat"):
        low = likely = high = 0.0
    peak = around(max(forward, likely), max(forward * 0.8, low), max(forward * 1.25, high * 1.05))
    if likely > forward:
        reason = Notice(
            "activation_sampler",
            f"Peak while tokens are drawn for {flags.max_seqs} requests at once from {case.shape.vocabulary:,} words; it falls with --max-num-seqs.",
            f"为 {flags.max_seqs} 个并发请求从 {case.shape.vocabulary:,} 个词中采样时的峰值；降低 --max-num-seqs 可减少。",
        )
    else:
        reason = Notice(
            "activation_forward",
            f"Peak of one pass over {flags.batched_tokens:,} tokens; it falls with --max-num-batched-tokens.",
            f"一次前向计算 {flags.batched_tokens:,} 个 token 的峰值；降低 --max-num-batched-tokens 可减少。",
        )
    return Term("activation", peak, reason)


def forward_bytes(shape: Shape, tokens: int, tp: int) -> float:
    """The widest moment of a layer: gate, up and their product, beside three copies of the hidden state. With experts, what each of a
    token's own experts is given and gives back, whole on every card, in pieces of 32,768 tokens."""
    experts = shape.experts
    dense = 3 * shape.intermediate / tp if not experts or shape.layer_count > experts.layers else 0.0
    plain = 2.0 * tokens * (dense + 3 * shape.hidden)
    if not experts:
        return plain
    inner = experts.intermediate / tp
    routed = experts.active * (max(2 * inner, shape.hidden) + inner)
    return max(plain, 2.0 * min(tokens, _EXPERT_PIECE) * routed + 6.0 * tokens * shape.hidden)


def _per_logit(case: Case) -> tuple[float, float, float]:
    version = case.version
    if case.flags.is_v0:
        return 30.0, _SORTING, _SORTING
    if version < EngineVersion(0, 12):
        return _FUSED, _SORTING, _SORTING  # FlashInfer is used where it is installed, and the flags do not tell
    if version < _TRITON_FROM:
        return _FUSED, _SORTING, _SORTING
    return _IN_PLACE, (_IN_PLACE if version >= _SECOND_RUNNER_FROM else _FUSED), _FUSED


def eyes(case: Case, peak: Range) -> Term:
    """What seeing adds to the peak. The trial run looks at the largest picture first and keeps what came of it while the text runs: the two
    peaks do not add up, so only what the first has above the second counts, and what is kept. 4 logged caches agree within 0.4 GiB."""
    vision = case.shape.vision
    if vision is None or not case.flags.said.sees_pictures:
        return _nothing("vision")
    tokens = max(case.flags.batched_tokens, min(vision.item_tokens, _PICTURE_TOKENS))
    kept = 2.0 * min(tokens, _PICTURE_TOKENS) * case.shape.hidden
    seeing = 4.0 * tokens * (3 * vision.hidden + 2 * vision.intermediate)
    return Term(
        "vision",
        around(
            kept + max(seeing - peak.likely, 0),
            kept / 2 + max(0.3 * seeing - peak.likely, 0),
            2 * kept + max(2 * seeing, 1.5 * GIB) - min(peak.likely, max(2 * seeing, 1.5 * GIB)) + 0.2 * GIB,
        ),
        Notice(
            "vision",
            "Trial of the largest picture, as far as it is above the peak of text, and what it became; --limit-mm-per-prompt or "
            "--language-model-only lessens it.",
            "最大图片的试运行中超出文本峰值的部分及其结果；可用 --limit-mm-per-prompt 或 --language-model-only 减少。",
        ),
    )


def states(case: Case) -> Term:
    """The recurrent layers' work on one batch, in 32 bits: queries, keys, values, gates and the states between pieces of 64 tokens."""
    width = max((run.state.value_heads * run.state.value_dim for run in case.shape.layers if run.state), default=0)
    if not width:
        return _nothing("recurrent_workspace")
    likely = _RECURRENT * case.flags.batched_tokens * width / case.flags.tp
    return Term(
        "recurrent_workspace",
        around(likely, likely / 2, likely * 1.6 + 0.4 * GIB),
        Notice(
            "recurrent_workspace",
            f"Work space of the recurrent layers for {case.flags.batched_tokens:,} tokens; it falls with --max-num-batched-tokens.",
            f"循环层处理 {case.flags.batched_tokens:,} 个 token 的工作区；降低 --max-num-batched-tokens 可减少。",
        ),
    )


def adapters(case: Case) -> Term:
    rank = case.flags.said.lora_rank
    if not rank:
        return _nothing("lora")
    kept = lora_bytes(case.shape, rank, tp=case.flags.tp)
    return Term(
        "lora",
        around(kept + 0.2 * GIB, kept, kept * 1.5 + 0.5 * GIB),
        Notice("lora", f"Room for LoRA adapters of rank {rank}.", f"为秩 {rank} 的 LoRA 适配器预留。"),
    )


def workspace(case: Case) -> Term:
    """FlashInfer's work space, where an fp8 cache is read by it: every card but Hopper, from when it became the choice there."""
    is_fp8 = case.flags.cache_format.startswith("fp8")
    if not is_fp8 or case.card.capability == 90 or case.shape.latent or case.version < EngineVersion(0, 9):
        return _nothing("workspace")
    return Term(
        "workspace",
        around(0.39 * GIB, 0, 0.5 * GIB),
        Notice("workspace", "Work space of the attention kernel that reads an fp8 cache.", "读取 fp8 缓存的注意力内核工作区。"),
    )


def foreign(case: Case) -> Term:
    """Memory that PyTorch does not know of and the budget counts: the communication library, kernels' code, libraries' work spaces."""
    is_shared, version = case.flags.tp > 1, case.version
    if case.flags.is_v0:
        if version < _V0_SNAPSHOT_FROM:
            size = around(0.35 * GIB, 0.1 * GIB, 1.8 * GIB)
        else:
            size = around((0.3 if is_shared else 0.15) * GIB, 0.03 * GIB, (0.6 if is_shared else 0.4) * GIB)
    elif version < _OWN_MEMORY_FROM:
        size = around((0.8 if is_shared else 0.7) * GIB, 0.4 * GIB, 1.2 * GIB)
    elif version < _EARLY_SNAPSHOT_FROM:
        size = around(0.5 * GIB, 0.3 * GIB, 0.7 * GIB) if is_shared else around(0.12 * GIB, 0.02 * GIB, 0.25 * GIB)
    else:
        size = around(0.12 * GIB, 0.04 * GIB, 0.4 * GIB) if is_shared else around(0.08 * GIB, 0.03 * GIB, 0.25 * GIB)
    if not case.flags.is_v0 and version < _OWN_MEMORY_FROM:
        return Term(
            "other",
            size,
            Notice(
                "other_whole_card",
                "Before 0.9.2 everything on the card counts as this service's, the CUDA context and neighbours included.",
                "0.9.2 之前，卡上的一切（含 CUDA 上下文与其他进程）都计入本服务。",
            ),
        )
    return Term("other", size, Notice("other", "Libraries' own memory (communication, kernels).", "各类库自身占用（通信、内核）。"))


def shared(case: Case) -> Term:
    """On unified memory what the rest of the machine takes meanwhile, the page cache of the weights above all, counts as the engine's."""
    if not case.card.is_unified:
        return _nothing("shared")
    total = case.card.total_bytes
    return Term(
        "shared",
        around(0.01 * total, 0, 0.08 * total),
        Notice("shared", "Unified memory: the machine's page cache counts, too.", "统一内存：系统页缓存也会计入。"),
    )


def graphs(case: Case) -> list[Term]:
    """CUDA graphs: what is held back for them inside the budget, or what must stay free outside it."""
    if case.flags.said.is_eager:
        return []
    is_outside = case.flags.is_v0 or case.version < _GRAPHS_COUNTED_FROM
    return [Term("graphs", _graph_bytes(case, is_outside), _GRAPHS_OUTSIDE if is_outside else _GRAPHS_INSIDE, is_inside=not is_outside)]


_GRAPHS_OUTSIDE = Notice(
    "graphs_outside",
    "CUDA graphs, captured after the cache is laid out: outside the budget, must stay free; --enforce-eager saves them.",
    "CUDA graph 在缓存分配之后捕获：不计入预算，须留空；--enforce-eager 可省去。",
)
_GRAPHS_INSIDE = Notice(
    "graphs",
    "Held back for CUDA graphs since 0.20; --enforce-eager saves it and costs speed.",
    "0.20 起为 CUDA graph 预留；--enforce-eager 可省去，但会变慢。",
)


def _graph_bytes(case: Case, is_outside: bool) -> Range:
    """Captured: 0.1 to 0.7 GiB in 14 logs, 1.0 for 60 GiB of weights, up to 1.6 where adapters have graphs of their own. Held back: one
    graph for each batch size up to twice the requests, 0.2 GiB for a few, 0.4 to 1.7 for 256 requests; most with recurrent layers."""
    if not case.shape.has_cache:
        return around(0.15 * GIB, 0, 0.4 * GIB)
    is_large = loaded_bytes(case.spec, case.flags.tp, case.flags.pp) > 16 * GIB
    adapters = 0.8 if case.flags.said.lora_rank else 0.0
    if is_outside:
        return around(0.5 * GIB, 0.05 * GIB, ((1.9 if is_large else 1.0) + adapters) * GIB)
    sizes = min(1.0, case.flags.max_seqs / 256)
    likely = 0.12 + (0.6 if case.shape.is_hybrid else 0.28) * sizes
    most = 0.5 + (1.7 if case.shape.is_hybrid else 1.2 if is_large else 0.8) * sizes + adapters
    return around(likely * GIB, 0.1 * GIB, most * GIB)


def context(case: Case) -> list[Term]:
    """The CUDA context of each process, and the communication library's buffers: outside the budget where they come before its snapshot."""
    if not case.flags.is_v0 and case.version < _OWN_MEMORY_FROM:
        return []
    reason = Notice("context", "CUDA context of the process, outside the engine's budget.", "进程的 CUDA 上下文，不计入引擎预算。")
    made = [Term("context", around(0.4 * GIB, 0.3 * GIB, 0.5 * GIB), reason, is_inside=False)]
    if case.flags.tp * case.flags.pp > 1 and case.version >= _EARLY_SNAPSHOT_FROM:
        reason = Notice(
            "nccl", "Buffers for talking to the other cards, outside the budget since 0.11.1.", "卡间通信缓冲区，0.11.1 起不计入预算。"
        )
        made.append(Term("nccl", around(0.45 * GIB, 0.3 * GIB, 0.6 * GIB), reason, is_inside=False))
    return made


def _share(flags: FullFlags) -> tuple[str, str]:
    parts = flags.tp * flags.pp
    return (f", one of {parts} parts", f"，共 {parts} 份之一") if parts > 1 else ("", "")


def _nothing(name: str) -> Term:
    return Term(name, Range(0, 0, 0), Notice(name, "", ""))
