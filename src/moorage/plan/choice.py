"""Why a plan gives a flag the value it has: one sentence for each flag that is said. The numbers behind it are in ``explain``."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from moorage.core.nouns import Notice
from moorage.plan.result import Placed
from moorage.plan.serve import serve_flags
from moorage.plan.words import gib, places, tokens


def reason_of(service: Placed, flag: str) -> Notice | None:
    """Why the plan says ``flag`` (named as in ``serve_flags``) to this service, or why it leaves it out. None for a flag that plans never say."""
    reason = _REASONS.get(flag)
    return reason(service) if reason else None


def reasons(service: Placed) -> dict[str, Notice]:
    """The reason for each flag that is said."""
    return {flag: reason for flag in serve_flags(service) if (reason := reason_of(service, flag))}


def _name(service: Placed) -> Notice:
    return _because("Clients ask for the service by this name.", "客户端以此名称请求该服务。")


def _length(service: Placed) -> Notice:
    wish, flags = service.wish, service.prediction.flags
    limit, length = wish.spec.context_tokens, tokens(flags.max_len)
    if wish.context_tokens is not None:
        return _because("The context that was asked for.", "按要求的上下文。")
    if flags.max_len < wish.lengths()[0]:
        return _because(
            f"The longest of those tried ({tokens(wish.lengths()[0])}, then halves) that fits on {places(service.cards)}.",
            f"从 {tokens(wish.lengths()[0])} 起逐次减半，{places(service.cards)} 上可容纳的最长值。",
        )
    if limit is not None and flags.max_len == limit:
        return _because(f"All that the model knows: {length} positions.", f"模型的全部位置：{length}。")
    return _because(
        f"The usual context where none is named; the model knows {tokens(limit or 0)} positions, and each token of the context costs cache.",
        f"未指定时的常用值；模型支持 {tokens(limit or 0)} 个位置，而上下文的每个 token 都占用缓存。",
    )


def _seqs(service: Placed) -> Notice:
    wish = service.wish
    if wish.max_seqs:
        return _because("As asked for.", "按要求。")
    per = "each request that may run at once costs memory while tokens are drawn" if wish.writes else "more at once gain an embedder little"
    per_zh = "每个并发请求在采样时都占用显存" if wish.writes else "更多并发对嵌入模型帮助不大"
    if wish.users:
        return _because(f"Twice the {wish.users} users, at least 8; {per}.", f"{wish.users} 个用户的两倍，至少 8；{per_zh}。")
    return _because(
        f"A middle value instead of the engine's 256 to 1,024: {per}. Name --users to set it.",
        f"取中间值而非引擎默认的 256 至 1,024：{per_zh}。可用 --users 指定。",
    )


def _batched(service: Placed) -> Notice:
    wish, shape = service.wish, service.wish.spec.shape
    if wish.batched_tokens:
        return _because("As asked for.", "按要求。")
    if shape is not None and (not shape.has_cache or not wish.writes):
        return _because("The longest text is read in one step.", "最长的文本在一步内读完。")
    peak = next((term.bytes.high for term in service.prediction.terms if term.name == "activation"), 0)
    return _because(
        f"So many tokens a step keep the peak at {gib(peak)} at the most; cards of 70 GiB and more get 8,192, smaller ones 2,048.",
        f"每步的 token 数使峰值不超过 {gib(peak)}；70 GiB 及以上显卡取 8,192，更小的取 2,048。",
    )


def _chunked(service: Placed) -> Notice:
    flags = service.prediction.flags
    if flags.is_v0 and flags.batched_tokens < flags.max_len:
        return _because(
            "Before 0.8 a step must hold a whole prompt unless it may be cut.", "0.8 之前除非允许分块，否则每步须容纳整个提示。"
        )
    return _because("Not said: prompts are cut into steps by default.", "未指定：默认分块处理提示。")


def _share(service: Placed) -> Notice:
    plan = service.prediction
    total, budget = gib(plan.card.total_bytes), gib(plan.budget_bytes)
    if plan.flags.said.cache_bytes is not None:
        return _because(
            f"Only checked at the start: so much ({budget} of {total}) must be free then. The cache is said in bytes.",
            f"仅在启动时检查：须有 {budget}（共 {total}）空闲。缓存以字节指定。",
        )
    if not plan.layout.groups:
        return _because(
            f"Only checked at the start: {budget} of {total} must be free. Without a cache nothing is filled up.",
            f"仅在启动时检查：{total} 中须有 {budget} 空闲。无缓存则不会占满。",
        )
    if plan.charged_bytes:
        return _because(
            f"{budget} of {total}, with the {gib(plan.charged_bytes)} that others hold: before 0.9.2 they count as this service's.",
            f"{total} 中的 {budget}，含其他进程占用的 {gib(plan.charged_bytes)}：0.9.2 之前计入本服务。",
        )
    return _because(
        f"{budget} of {total}: weights, peak and cache. The rest stays for what the engine does not count, and at least 3 % stays free.",
        f"{total} 中的 {budget}：权重、峰值与缓存。其余留给引擎不计入的部分，并至少保留 3%。",
    )


def _cache_bytes(service: Placed) -> Notice:
    plan = service.prediction
    if not plan.layout.groups:
        return _because("Not said: an encoder keeps no cache.", "未指定：编码器没有缓存。")
    if plan.flags.said.cache_bytes is None:
        return _because(
            "Not said: the card is the service's own, or the version is before 0.10.2, so the share of the card decides.",
            "未指定：该卡由此服务独占，或版本早于 0.10.2，由占比决定。",
        )
    return _because(
        f"The card is shared, so the cache is fixed: {tokens(plan.tokens[0])} tokens, {service.users:.1f} requests of the whole context at once.",
        f"卡为共享，故固定缓存：{tokens(plan.tokens[0])} 个 token，可同时容纳 {service.users:.1f} 个完整上下文的请求。",
    )


def _cache_format(service: Placed) -> Notice:
    if service.wish.cache_format:
        return _because("As asked for.", "按要求。")
    if service.prediction.flags.said.cache_format == "auto":
        return _because("Not said: a cache in 16 bits fits.", "未指定：16 位缓存放得下。")
    return _because("Only so it fits: 8 bits halve the cache.", "只有 8 位才放得下：缓存减半。")


def _tensor(service: Placed) -> Notice:
    flags = service.prediction.flags
    if service.wish.tp:
        return _because("As asked for.", "按要求。")
    if flags.tp == 1:
        return _because("Not said: one card holds every layer whole.", "未指定：单卡可容纳完整的每一层。")
    return _because(
        f"Cut over {flags.tp} cards: on fewer it does not fit, or the cache that is wanted does not.",
        f"切分到 {flags.tp} 张卡：更少的卡放不下模型或所需缓存。",
    )


def _stages(service: Placed) -> Notice:
    flags = service.prediction.flags
    if service.wish.pp:
        return _because("As asked for.", "按要求。")
    if flags.pp == 1:
        return _because("Not said: no stages are needed; they wait for each other.", "未指定：无需流水线并行；各级会相互等待。")
    return _because(
        f"Layers in {flags.pp} stages, as equal parts of every layer cannot be had on these cards.",
        f"分为 {flags.pp} 级，因为这些卡无法等分每一层。",
    )


def _dtype(service: Placed) -> Notice:
    card = service.prediction.card.name
    if service.dtype:
        return _because(f"{card} has no bfloat16.", f"{card} 不支持 bfloat16。")
    return _because("Not said: the model's own number format.", "未指定：使用模型自身的数据类型。")


def _backend(service: Placed) -> Notice:
    card = service.prediction.card.name
    if service.attention_backend:
        return _because(
            f"gpt-oss gives every head a sink, which on {card} only this kernel reads.",
            f"gpt-oss 的每个头带有 sink，{card} 上只有此内核支持。",
        )
    return _because("Not said: the engine chooses the best kernel for the card.", "未指定：引擎会为该卡选择最佳内核。")


def _eager(service: Placed) -> Notice:
    if service.wish.is_eager:
        return _because("As asked for: no CUDA graphs.", "按要求：不使用 CUDA graph。")
    return _because("Not said: CUDA graphs are worth their memory.", "未指定：CUDA graph 占用的显存是值得的。")


def _adapters(service: Placed) -> Notice:
    rank = service.wish.lora_rank
    if rank:
        return _because(f"Adapters up to rank {rank} are to be served.", f"需要服务秩不超过 {rank} 的适配器。")
    return _because("Not said: no adapters are wished.", "未指定：不需要适配器。")


def _pooling(service: Placed) -> Notice:
    if service.wish.writes:
        return _because("Not said: the model writes.", "未指定：该模型用于生成。")
    return _because(f"By its files the model is for {service.wish.spec.task}.", f"模型文件表明其用途为 {service.wish.spec.task}。")


def _overrides(service: Placed) -> Notice:
    if "hf-overrides" in serve_flags(service):
        return _because(
            "The model is published as one that writes; it ranks by whether it would say yes or no.",
            "该模型以生成模型形式发布；按其回答 yes 或 no 的倾向打分。",
        )
    return _because("Not said: the model's settings hold.", "未指定：使用模型自身配置。")


def _because(en: str, zh: str) -> Notice:
    return Notice("choice", en, zh)


_REASONS: Mapping[str, Callable[[Placed], Notice]] = {
    "enable-chunked-prefill": _chunked,
    "served-model-name": _name, "max-model-len": _length, "max-num-seqs": _seqs, "max-num-batched-tokens": _batched, "gpu-memory-utilization": _share,
    "kv-cache-memory-bytes": _cache_bytes, "kv-cache-dtype": _cache_format, "tensor-parallel-size": _tensor, "pipeline-parallel-size": _stages,
    "dtype": _dtype, "attention-backend": _backend, "enforce-eager": _eager, "enable-lora": _adapters, "max-lora-rank": _adapters, "runner": _pooling,
    "convert": _pooling, "task": _pooling, "hf-overrides": _overrides,
}  # fmt: skip
