"""How fast a service could be at most, from what the card can read and reckon. An estimate to compare plans by, never a promise."""

from __future__ import annotations

from dataclasses import dataclass

from moorage.core.modelspec import Shape
from moorage.plan.cards import Card
from moorage.plan.kv import CacheLayout
from moorage.plan.weights import bytes_per_weight, count_parameters, weights_of
from moorage.plan.wish import Wish

_OF_BANDWIDTH = 0.8
_OF_TFLOPS = 0.5
_WITH_NVLINK = 0.9
_WITHOUT_NVLINK = 0.7  # over PCIe 10 to 40 % are lost; the middle of it
_LAYER_S = 20e-6  # what starting a layer's kernels costs, whatever their size
_MEETING_S = 25e-6  # what two meetings of the cards in a layer cost at least


@dataclass(frozen=True, slots=True)
class Speed:
    """Tokens a second: ``decode_one`` for a single request, ``decode_all`` for ``users`` at once, ``prefill`` for reading a prompt."""

    decode_one: float
    decode_all: float
    prefill: float
    users: int


def estimate_speed(wish: Wish, card: Card, tp: int, pp: int, layout: CacheLayout, context: int, users: int) -> Speed:
    """The rate at which weights and cache can be read (decode) and numbers multiplied (prefill), with what cutting the model costs."""
    shape, weights = wish.spec.shape, weights_of(wish.spec)
    if shape is None or weights is None:
        return Speed(0.0, 0.0, 0.0, users)
    together = 1.0 if tp == 1 else _WITH_NVLINK if card.has_nvlink else _WITHOUT_NVLINK
    bandwidth = card.bandwidth * 1e9 * _OF_BANDWIDTH * together
    per_step = _active_bytes(wish, shape, weights.bytes, 1) / tp / pp
    batch_step = _active_bytes(wish, shape, weights.bytes, users) / tp / pp
    cache = layout.bytes_per_token * context if layout.groups else 0.0
    active = _active_parameters(shape)
    flops = card.tflops * 1e12 * _OF_TFLOPS * together * tp
    waiting = shape.layer_count * (_LAYER_S + (_MEETING_S if tp > 1 else 0.0))
    seconds = max((batch_step + users * cache) / bandwidth, 2 * active * users / flops) + waiting / pp
    return Speed(
        decode_one=1 / ((per_step + cache) / bandwidth + waiting / pp) / pp if wish.writes else 0.0, decode_all=users / seconds / pp if wish.writes else 0.0,
        prefill=flops / (2 * active), users=users,
    )  # fmt: skip


def _active_bytes(wish: Wish, shape: Shape, total: int, users: int) -> float:
    """The weights that one step reads: of the experts, those that so many tokens choose between them."""
    experts = shape.experts
    if experts is None or experts.count == 0:
        return float(total)
    counted = count_parameters(shape)
    each = bytes_per_weight(wish.spec.quantization) if wish.spec.quantization else float(shape.number_bytes)
    all_experts = min(counted.expert * each, 0.97 * total)
    chosen = 1 - (1 - experts.active / experts.count) ** max(users, 1)
    return total - all_experts * (1 - chosen)


def _active_parameters(shape: Shape) -> float:
    counted, experts = count_parameters(shape), shape.experts
    routed = counted.expert * experts.active / experts.count if experts and experts.count else 0.0
    words = shape.vocabulary * shape.hidden
    return max(counted.linear + routed + words, 1.0)
