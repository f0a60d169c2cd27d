"""Every number of a plan with where it comes from, in the order in which a person would reckon."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from moorage.core.modelspec import LayerRun, Shape
from moorage.core.nouns import Notice
from moorage.plan.predict import Prediction
from moorage.plan.result import Placed
from moorage.plan.terms import Range
from moorage.plan.words import gib, tokens


@dataclass(frozen=True, slots=True)
class Line:
    """One number: its name, its bytes where it has any, and the sentence that explains it."""

    name: str
    bytes: Range | None
    reason: Notice


def explain(service: Placed) -> list[Line]:
    """The reckoning of one service on one of its cards."""
    plan = service.prediction
    return [*_budget(service), *(_term(plan, inside=True)), *_cache(plan), *(_term(plan, inside=False)), _held(service), *_speed(service)]


def _budget(service: Placed) -> Iterator[Line]:
    plan, said = service.prediction, service.prediction.flags.said
    card = plan.card
    share = f"{plan.flags.utilization:.4g}"
    if said.cache_bytes is not None:
        yield Line("cache_flag", Range(said.cache_bytes, said.cache_bytes, said.cache_bytes), Notice(
            "cache_flag",
            f"--kv-cache-memory-bytes {said.cache_bytes}: the card is shared, so the cache is said in bytes; --gpu-memory-utilization {share} only has to be free at the start.",
            f"--kv-cache-memory-bytes {said.cache_bytes}：卡为共享，故直接指定缓存字节数；--gpu-memory-utilization {share} 只需在启动时空闲。",
        ))  # fmt: skip
    elif plan.layout.groups:
        yield Line("budget", Range(plan.budget_bytes, plan.budget_bytes, plan.budget_bytes), Notice(
            "budget",
            f"--gpu-memory-utilization {share} of the {gib(card.total_bytes)} that CUDA sees on {card.name} (less than its name says).",
            f"--gpu-memory-utilization {share} × {card.name} 上 CUDA 可见的 {gib(card.total_bytes)}（小于标称值）。",
        ))  # fmt: skip
    else:
        yield Line("start_share", None, Notice(
            "start_share",
            f"--gpu-memory-utilization {share}: without a cache it is only checked at the start; the service takes what follows.",
            f"--gpu-memory-utilization {share}：无缓存时仅在启动时检查；实际占用如下。",
        ))  # fmt: skip


def _term(plan: Prediction, *, inside: bool) -> Iterator[Line]:
    for term in plan.terms:
        if term.is_inside == inside:
            yield Line(term.name, term.bytes, term.reason)


def _cache(plan: Prediction) -> Iterator[Line]:
    layout, shape = plan.layout, plan.spec.shape
    if not layout.groups or shape is None:
        return
    low, likely, _ = plan.tokens
    left, left_zh = ("What is left for the cache; at least this is promised.", "留给缓存的部分，承诺不低于下限。")
    if plan.flags.said.cache_bytes is not None:
        left, left_zh = "The cache, exactly.", "缓存，精确值。"
    yield Line("cache", plan.cache, Notice(
        "cache",
        f"{left} The log will say about {tokens(likely)} tokens, at least {tokens(low)}.",
        f"{left_zh}日志将显示约 {tokens(likely)} 个 token，至少 {tokens(low)}。",
    ))  # fmt: skip
    yield Line("token", None, _token(plan, shape))
    one = layout.needed_bytes(plan.flags.max_len)
    concurrency = plan.concurrency
    yield Line("request", Range(one, one, one), Notice(
        "request",
        f"One request of {tokens(plan.flags.max_len)} tokens takes this; {concurrency[0]:.2f} of them fit at once (\"Maximum concurrency\" about {concurrency[1]:.2f}x).",
        f"一个 {tokens(plan.flags.max_len)} token 的请求占用此量；可同时容纳 {concurrency[0]:.2f} 个（“Maximum concurrency”约 {concurrency[1]:.2f}x）。",
    ))  # fmt: skip


def _token(plan: Prediction, shape: Shape) -> Notice:
    layout, setup = plan.layout, plan.layout.setup
    parts = [text for run in shape.layers if (text := _run_words(run, setup.tp))]
    growing = layout.bytes_per_token
    more, more_zh = "", ""
    if len(layout.groups) > 1:
        size = layout.groups[0].block_tokens
        more = f" vLLM puts them into {len(layout.groups)} groups with blocks of {size} tokens; windows and states stop growing."
        more_zh = f"vLLM 将其分为 {len(layout.groups)} 组，每块 {size} 个 token；滑动窗口与状态不再增长。"
    return Notice(
        "token",
        f"One more token of a long request costs {growing / 1024:,.1f} KiB on each card ({'; '.join(parts)}; {_numbers(plan.flags.cache_format)}).{more}",
        f"长请求每增加一个 token，每张卡占用 {growing / 1024:,.1f} KiB（{'；'.join(parts)}；{_numbers(plan.flags.cache_format)}）。{more_zh}",
    )


def _numbers(cache_format: str) -> str:
    return "16 bit" if cache_format == "auto" else cache_format


def _run_words(run: LayerRun, tp: int) -> str:
    if run.is_shared or run.sort == "encoder":
        return ""
    if run.sort == "recurrent":
        return f"{run.count} recurrent"
    if run.sort == "latent":
        return f"{run.count} latent x {run.head_dim}"
    heads = max(1, run.kv_heads // tp)
    window = f" in a window of {run.window:,}" if run.window else ""
    return f"{run.count} x 2 x {heads} heads x {run.head_dim}{window}"


def _held(service: Placed) -> Line:
    held = service.held_bytes
    return Line("held", Range(held, held, held), Notice(
        "held",
        f"All that {service.name} may take of each card, at the most.",
        f"{service.name} 在每张卡上最多占用的总量。",
    ))  # fmt: skip


def _speed(service: Placed) -> Iterator[Line]:
    speed = service.speed
    if not speed.prefill:
        return
    if speed.decode_one:
        yield Line("speed", None, Notice(
            "speed",
            f"Estimate, from reading weights and cache at 80 % of the bandwidth: at most {speed.decode_one:.0f} tokens/s for one, {speed.decode_all:.0f} for {speed.users} at once; prompts at most {speed.prefill:,.0f} tokens/s.",
            f"估算（按 80% 带宽读取权重与缓存）：单请求至多 {speed.decode_one:.0f} token/s，{speed.users} 个并发共 {speed.decode_all:.0f}；读取提示至多 {speed.prefill:,.0f} token/s。",
        ))  # fmt: skip
    else:
        yield Line("speed", None, Notice(
            "speed", f"Estimate: texts are read at most at {speed.prefill:,.0f} tokens/s.", f"估算：读取文本至多 {speed.prefill:,.0f} token/s。",
        ))  # fmt: skip
