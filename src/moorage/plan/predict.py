"""What one start-up will find: the budget, what it goes to, and the cache that is left, as a range with reasons."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import ceil

from moorage.core.modelspec import ModelSpec
from moorage.plan.cards import Card
from moorage.plan.flags import Flags, FullFlags, resolve
from moorage.plan.kv import CacheLayout, cache_layout
from moorage.plan.laws import Case, terms_of
from moorage.plan.terms import Range, Term, total
from moorage.plan.version import LATEST, EngineVersion

_STAGES_CHECKED_FROM = EngineVersion(0, 22)


@dataclass(frozen=True, slots=True)
class Prediction:
    """One model on one of its cards. ``cache.low`` is what may be promised; ``cache.likely`` is what the log will say.

    ``held_bytes`` is what the process takes of the card in all, the context and graphs outside the engine's budget included.
    """

    spec: ModelSpec
    card: Card
    flags: FullFlags
    version: EngineVersion
    layout: CacheLayout
    terms: tuple[Term, ...]
    budget_bytes: int
    cache: Range
    residual: Range | None = None

    @property
    def charged_bytes(self) -> int:
        """What others hold of the card and this service is charged for: all of it in the second engine's first releases, nothing since."""
        is_charged = EngineVersion(0, 8) <= self.version < EngineVersion(0, 9, 2) and not self.flags.is_v0
        return self.card.used_bytes if is_charged else 0

    @property
    def needed_bytes(self) -> int:
        """The cache without which the engine does not start: one request of the greatest length. Up to 0.21 the check counts the layers of
        all stages against the cache of one (vLLM issues 34076 and 43755)."""
        if not self.layout.groups:
            return 0
        layout, shape = self.layout, self.spec.shape
        if self.flags.pp > 1 and self.version < _STAGES_CHECKED_FROM and shape is not None:
            layout = cache_layout(shape, replace(layout.setup, pp=1))
        return layout.needed_bytes(self.flags.max_len)

    @property
    def fits(self) -> bool:
        """Whether it surely starts: even the least cache that is expected holds one request of the greatest length."""
        return self.cache.low >= self.needed_bytes and self.held.high <= self.card.free_bytes

    @property
    def may_fit(self) -> bool:
        """Whether it starts if all goes as expected."""
        return self.cache.likely >= self.needed_bytes and self.held.likely <= self.card.free_bytes

    @property
    def tokens(self) -> tuple[int, int, int]:
        """``GPU KV cache size`` for the least, the likely and the most cache."""
        low, likely, high = (self.layout.tokens(size, self.flags.max_len) for size in (self.cache.low, self.cache.likely, self.cache.high))
        return low, likely, high

    @property
    def concurrency(self) -> tuple[float, float, float]:
        """``Maximum concurrency`` likewise."""
        sizes = (self.cache.low, self.cache.likely, self.cache.high)
        low, likely, high = (self.layout.concurrency(size, self.flags.max_len) for size in sizes)
        return low, likely, high

    @property
    def held(self) -> Range:
        """What the process holds of the card while it serves."""
        outside = total(term.bytes for term in self.terms if not term.is_inside)
        if self.layout.groups and self.flags.said.cache_bytes is None:
            own = min(self.budget_bytes, self.card.total_bytes) - self.charged_bytes
            return Range(own + outside.low, own + outside.likely, own + outside.high)
        inside = total(term.bytes for term in self.terms if term.is_inside)
        cache = self.cache.likely
        return Range(inside.low + outside.low + cache, inside.likely + outside.likely + cache, inside.high + outside.high + cache)


Teacher = Callable[[Prediction], Range | None]
"""What earlier starts taught of such a start: bytes to add to the likely cache, with how sure they are; None for nothing."""


def predict(spec: ModelSpec, card: Card, flags: Flags, version: EngineVersion = LATEST, residual: Range | None = None) -> Prediction:
    """The law applied. ``residual`` is what an earlier start of the same thing taught: bytes to add to the cache, and how sure they are.

    Raises ValueError for a model whose shape is not known.
    """
    if spec.shape is None:
        raise ValueError(spec.name)
    full = resolve(flags, spec, card, version)
    terms = terms_of(Case(spec, spec.shape, card, full, version))
    layout = cache_layout(spec.shape, full.cache_setup(version))
    budget = ceil(card.total_bytes * full.utilization)
    plan = Prediction(spec, card, full, version, layout, tuple(terms), budget, Range(0, 0, 0), residual)
    return replace(plan, cache=_cache(layout, full, budget - plan.charged_bytes, terms, residual))


def _cache(layout: CacheLayout, flags: FullFlags, budget: int, terms: Sequence[Term], residual: Range | None) -> Range:
    if not layout.groups:
        return Range(0, 0, 0)
    if flags.said.cache_bytes is not None:
        return Range(flags.said.cache_bytes, flags.said.cache_bytes, flags.said.cache_bytes)
    inside = total(term.bytes for term in terms if term.is_inside)
    if residual is not None:
        left = budget - inside.likely
        return Range(left + residual.low, left + residual.likely, left + residual.high)
    return Range(budget - inside.high, budget - inside.likely, budget - inside.low)
