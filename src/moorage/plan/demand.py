"""What one service would take of each card for one way of running it: so many cards, so long a context, such a cache."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from moorage.plan.cards import GIB, Card
from moorage.plan.flags import Flags
from moorage.plan.predict import Prediction, Teacher, predict
from moorage.plan.terms import Range, total
from moorage.plan.version import EngineVersion
from moorage.plan.wish import Wish

CACHE_BYTES_FROM = EngineVersion(0, 10, 2)
_QUANT_STEP = 128
_SHARE_STEPS = 10_000  # shares of a card are said in hundredths of a percent, rounded up
_LARGEST_VECTORS_CACHE = 4 * GIB  # an embedder reads a prompt once: more cache gains it nothing


@dataclass(frozen=True, slots=True)
class Way:
    """One way of running a service: over ``tp * pp`` cards, with this length and format of cache."""

    tp: int
    pp: int
    max_len: int
    cache_format: str

    @property
    def cards(self) -> int:
        return self.tp * self.pp


@dataclass(frozen=True, slots=True)
class Demand:
    """Bytes on each of its cards, which are all of the kind ``card``. ``fixed`` is everything but the cache, at its highest; below ``floor`` it does not start, and above
    ``most_cache`` it gains nothing: every request that may run at once has room."""

    wish: Wish
    way: Way
    card: str
    fixed: int
    outside: int
    rounding: int
    least_cache: int
    wanted_cache: int
    most_cache: int
    block_bytes: int

    @property
    def inside(self) -> int:
        """What the engine's own budget must hold besides the cache."""
        return self.fixed - self.outside - self.rounding

    @property
    def floor(self) -> int:
        return self.fixed + self.least_cache

    @property
    def ceiling(self) -> int:
        return self.fixed + max(self.wanted_cache, self.least_cache)


def flags_for(wish: Wish, way: Way, card: Card, cache_bytes: int | None = None, utilization: float | None = None) -> Flags:
    """The flags that are said for a service: nothing that costs memory is left to a default."""
    is_large = card.total_bytes >= 70 * GIB
    shape = wish.spec.shape
    batched = wish.batched_tokens or (8192 if is_large and wish.writes else 2048)
    if shape is not None and (not shape.has_cache or not wish.writes):
        batched = wish.batched_tokens or max(way.max_len, 2048)
    return Flags(
        utilization=utilization, cache_bytes=cache_bytes, max_len=way.max_len, max_seqs=wish.seqs, batched_tokens=batched,
        cache_format=way.cache_format, tp=way.tp, pp=way.pp, is_eager=wish.is_eager, prefix_caching=wish.prefix_caching, lora_rank=wish.lora_rank,
    )  # fmt: skip


def demand(wish: Wish, way: Way, card: Card, version: EngineVersion, teacher: Teacher | None = None) -> Demand:
    """The demand on a card of this kind. Raises ValueError for a model without a shape."""
    plan = predict(wish.spec, card, flags_for(wish, way, card, cache_bytes=0), version)
    inside, outside = _fixed_bytes(plan, teacher(plan) if teacher else None)
    rounding = ceil(card.total_bytes / _SHARE_STEPS)
    least, wanted, most = _caches(wish, way, plan)
    return Demand(
        wish, way, card.name, inside + outside + rounding, outside, rounding, least, wanted, most, max(plan.layout.block_bytes, 1)
    )


def _fixed_bytes(plan: Prediction, residual: Range | None) -> tuple[int, int]:
    """What is needed inside the engine's budget besides the cache, and outside it; at the most, or as an earlier start taught."""
    inside = total(term.bytes for term in plan.terms if term.is_inside)
    outside = total(term.bytes for term in plan.terms if not term.is_inside)
    return (inside.high if residual is None else inside.likely - residual.low), outside.high


def _caches(wish: Wish, way: Way, plan: Prediction) -> tuple[int, int, int]:
    """The least cache with which it starts and serves its users, the cache that is wished, and the most that is of use."""
    layout = plan.layout
    if not layout.groups:
        return 0, 0, 0
    one, spare = layout.needed_bytes(way.max_len), layout.block_bytes  # one block is kept back by the engine
    least = max(one * (wish.users or 1) if wish.writes else one, plan.needed_bytes) + spare
    if not wish.writes:
        wanted = max(least, min(2 * one + spare, _LARGEST_VECTORS_CACHE))
        return least, wanted, wanted
    wanted = least if wish.users else max(least, 4 * one + spare)
    return least, wanted, max(wanted, one * wish.seqs + spare)


def ways(wish: Wish, cards: list[Card], max_len: int, cache_format: str) -> list[Way]:
    """Over how many cards a service can be cut: heads, groups of quantized weights and layers must come out even."""
    shape = wish.spec.shape
    if shape is None:
        return []
    made: list[Way] = []
    if wish.tp or wish.pp:
        return [Way(wish.tp or 1, wish.pp or 1, max_len, cache_format)] if is_divisible(wish, wish.tp or 1) else []
    for tp in (1, 2, 4, 8, 16):
        if tp <= len(cards) and is_divisible(wish, tp):
            made.append(Way(tp, 1, max_len, cache_format))
    if wish.writes and shape.layer_count >= 8:
        made += [
            Way(tp, pp, max_len, cache_format) for pp in (2, 3, 4) for tp in (1, 2, 4) if tp * pp <= len(cards) and is_divisible(wish, tp)
        ]
    return made


def is_divisible(wish: Wish, tp: int) -> bool:
    """Whether the model can be cut into ``tp`` equal parts."""
    shape = wish.spec.shape
    if shape is None or tp == 1:
        return shape is not None
    if not shape.has_cache or shape.heads % tp:
        return False
    quantization = wish.spec.quantization
    width = shape.experts.intermediate if shape.experts and shape.experts.intermediate else shape.intermediate
    if quantization is not None and quantization.group and quantization.method in ("awq", "gptq", "fp8", "compressed-tensors"):
        return width % (tp * min(quantization.group, _QUANT_STEP)) == 0
    return all(run.kv_heads % tp == 0 or tp % max(run.kv_heads, 1) == 0 for run in shape.layers if run.sort in ("full", "sliding"))


def cut_utilization(plan_bytes: int, card: Card) -> float:
    """A share of the card that is at least so many bytes, in hundredths of a percent as people write it."""
    return min(ceil(plan_bytes / card.total_bytes * _SHARE_STEPS) / _SHARE_STEPS, 0.99)
