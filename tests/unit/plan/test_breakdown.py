"""What a bar shows of a service adds up to what the plan says it may hold."""

from __future__ import annotations

from dataclasses import replace

import pytest

from moorage.core.modelspec import Quantization, Shape
from moorage.plan.breakdown import breakdown
from moorage.plan.cards import GIB, parse_cards
from moorage.plan.predict import Prediction, Teacher
from moorage.plan.result import Placed
from moorage.plan.stack import plan_stack
from moorage.plan.terms import Range
from moorage.plan.version import EngineVersion
from moorage.plan.wish import Wish
from tests.builders import shapes

LARGE = replace(shapes.dense(64, 5120, 64, 8, 128, 25_600, 151_936), is_tied=False)
VERSIONS = [EngineVersion(0, 7), EngineVersion(0, 9, 1), EngineVersion(0, 11), EngineVersion(0, 33)]


def _placed(cards: str, version: EngineVersion, teacher: Teacher | None = None) -> tuple[Placed, ...]:
    wishes = [_llm(LARGE), Wish("embed", shapes.spec(shapes.dense(), "embed")), Wish("m3", shapes.spec(shapes.encoder(), "embed"))]
    return plan_stack(wishes, parse_cards(cards), version, teacher).placed


def _llm(shape: Shape) -> Wish:
    return Wish("llm", replace(shapes.spec(shape, "chat", "llm"), quantization=Quantization("awq", 4, 128)))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("cards", ["2x4090", "80GB", "4x24GB"])
@pytest.mark.parametrize("taught", [None, -2, 0, 3])
def test_the_parts_add_up_and_none_is_negative(cards: str, version: EngineVersion, taught: int | None) -> None:
    def teacher(plan: Prediction) -> Range | None:
        known = taught is not None and plan.spec.name == "llm"
        return Range(taught * GIB - 10, taught * GIB, taught * GIB + 10) if known else None

    placed = _placed(cards, version, teacher)

    assert len(placed) == 3
    for service in placed:
        parts = breakdown(service)
        assert sum(size for _, size in parts) == service.held_bytes
        assert all(size > 0 for _, size in parts)
        assert len({name for name, _ in parts}) == len(parts)


def test_weights_and_the_promised_cache_are_shown_as_they_were_reckoned() -> None:
    llm = next(service for service in _placed("2x4090", EngineVersion(0, 11)) if service.name == "llm")
    parts = dict(breakdown(llm))

    weights = next(term for term in llm.prediction.terms if term.name == "weights")
    assert parts["weights"] == weights.bytes.high
    assert parts["cache"] == llm.prediction.cache.low
    assert parts.get("margin", 0) < 0.01 * llm.held_bytes


def test_a_service_without_a_cache_shows_none() -> None:
    m3 = next(service for service in _placed("2x4090", EngineVersion(0, 11)) if service.name == "m3")

    assert "cache" not in dict(breakdown(m3))
