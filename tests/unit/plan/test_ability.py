"""Builds that a card cannot compute with are refused, with the reason and a card that can."""

from __future__ import annotations

from dataclasses import replace

import pytest

from moorage.core.modelspec import Quantization
from moorage.plan.ability import lacks, slows
from moorage.plan.cards import Card, parse_cards
from moorage.plan.stack import plan_stack
from moorage.plan.version import EngineVersion
from moorage.plan.wish import Wish
from tests.builders import shapes


def _card(name: str) -> Card:
    return parse_cards(name)[0]


@pytest.mark.parametrize(
    ("method", "card", "can"),
    [("mxfp4", "T4", False), ("mxfp4", "3090", True), ("awq", "V100", False), ("awq", "T4", True), ("gptq", "V100", True), ("fp8", "3090", True)],
)  # fmt: skip
def test_a_build_wants_a_card_that_computes_with_it(method: str, card: str, can: bool) -> None:
    spec = replace(shapes.spec(), quantization=Quantization(method, 4, 128))

    assert (lacks(spec, _card(card)) is None) is can


def test_a_card_that_vllm_does_not_serve_is_refused() -> None:
    (refused,) = plan_stack([Wish("llm", shapes.spec())], parse_cards("P40")).refused

    assert [notice.code for notice in refused.reasons] == ["card_old"]


def test_fp8_came_to_turing_late() -> None:
    spec = replace(shapes.spec(), quantization=Quantization("fp8", 8, 128))

    assert lacks(spec, _card("T4"), EngineVersion(0, 11)) and lacks(spec, _card("T4"), EngineVersion(0, 20)) is None


def test_a_build_that_no_card_here_takes_is_refused_with_one_that_does() -> None:
    wish = Wish("oss", replace(shapes.spec(), quantization=Quantization("mxfp4", 4, 32)))
    (refused,) = plan_stack([wish], parse_cards("2xT4")).refused

    assert [notice.code for notice in refused.reasons] == ["card_cannot"]
    assert "larger_card" in [notice.code for notice in refused.remedies]


def test_of_mixed_cards_the_able_one_is_taken() -> None:
    wish = Wish("oss", replace(shapes.spec(), quantization=Quantization("mxfp4", 4, 32)))

    assert plan_stack([wish], parse_cards("T4,3090")).placed[0].cards == (1,)


def test_an_fp8_build_is_not_advised_where_it_does_not_run() -> None:
    big = replace(shapes.dense(36, 4096, 32, 8, 128, 12_288, 151_936), is_tied=False)
    (refused,) = plan_stack([Wish("llm", shapes.spec(big))], parse_cards("T4"), EngineVersion(0, 11)).refused

    assert [notice.en.split()[1] for notice in refused.remedies if notice.code == "other_build"] == ["AWQ"]


def test_fp8_weights_on_ampere_save_memory_only() -> None:
    spec = replace(shapes.spec(), quantization=Quantization("fp8", 8, 128))

    assert slows(spec, _card("3090")) and slows(spec, _card("4090")) is None
