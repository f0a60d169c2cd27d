"""What a service's share of a card goes to, part by part: what a bar shows. The parts add up to what it may hold at the most."""

from __future__ import annotations

from moorage.plan.result import Placed

CACHE = "cache"
MARGIN = "margin"


def breakdown(service: Placed) -> tuple[tuple[str, int], ...]:
    """The parts with their bytes, by the names of the terms: those inside the engine's budget at their highest, the cache that is promised,
    what is outside the budget. ``margin`` is what rounding and care leave over."""
    plan = service.prediction
    outside = {term.name: term.bytes.high for term in plan.terms if not term.is_inside}
    cache = min(plan.cache.low, service.held_bytes - sum(outside.values())) if plan.layout.groups else 0
    inside = _fitted(service, service.held_bytes - cache - sum(outside.values()))
    parts = [*inside.items(), (CACHE, cache), *outside.items()]
    margin = service.held_bytes - sum(size for _, size in parts)
    return tuple((name, size) for name, size in [*parts, (MARGIN, margin)] if size > 0)


def _fitted(service: Placed, room: int) -> dict[str, int]:
    """The parts inside the budget, at most ``room`` together. A start that was learned from may have shown that they need less than their
    highest: then each gives way by as much as it is uncertain, and beyond that by its size."""
    terms = [term for term in service.prediction.terms if term.is_inside]
    highest, unsure = sum(term.bytes.high for term in terms), sum(term.bytes.high - term.bytes.low for term in terms)
    given = min(max(highest - room, 0) / unsure, 1.0) if unsure else 0.0
    sizes = {term.name: term.bytes.high - round(given * (term.bytes.high - term.bytes.low)) for term in terms}
    whole = sum(sizes.values())
    if whole <= room:
        return sizes
    return {name: size * max(room, 0) // whole for name, size in sizes.items()}
