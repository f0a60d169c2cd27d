"""Every number of a plan is explained, in both languages, and the explanations agree with the numbers."""

from __future__ import annotations

import pytest

from moorage.plan.cards import parse_cards
from moorage.plan.detect import card_of, parse_smi
from moorage.plan.explain import explain
from moorage.plan.roofline import estimate_speed
from moorage.plan.stack import plan_stack
from moorage.plan.wish import Wish
from tests.builders import shapes


@pytest.mark.parametrize(
    "shape", [shapes.dense(), shapes.windowed(), shapes.recurrent(), shapes.latent(8), shapes.encoder(), shapes.seeing()]
)
def test_every_term_and_every_flag_is_explained(shape: shapes.Shape) -> None:
    plan = plan_stack([Wish("one", shapes.spec(shape, "chat" if shape.has_cache else "embed"))], parse_cards("2xH100"))
    service = plan.placed[0]
    lines = explain(service)

    assert {term.name for term in service.prediction.terms} <= {line.name for line in lines}
    assert all(line.reason.en and line.reason.zh and "\n" not in line.reason.en for line in lines)
    assert "held" in {line.name for line in lines}
    assert ("token" in {line.name for line in lines}) == shape.has_cache


def test_a_token_is_explained_by_its_layers() -> None:
    service = plan_stack([Wish("one", shapes.spec())], parse_cards("4090")).placed[0]
    token = next(line for line in explain(service) if line.name == "token")

    assert "112.0 KiB" in token.reason.en  # 28 layers x 2 x 8 heads x 128 numbers x 2 bytes
    assert "28 x 2 x 8 heads x 128" in token.reason.en


def test_speed_is_an_estimate_and_falls_with_the_context() -> None:
    wish = Wish("one", shapes.spec())
    card = parse_cards("4090")[0]
    layout = plan_stack([wish], [card]).placed[0].prediction.layout
    short, long = (estimate_speed(wish, card, 1, 1, layout, context, 1) for context in (100, 30_000))

    assert short.decode_one > long.decode_one > 0
    assert estimate_speed(wish, card, 1, 1, layout, 100, 16).decode_all > short.decode_all


def test_a_mixture_of_experts_reads_more_of_itself_for_more_requests() -> None:
    wish = Wish("moe", shapes.spec(shapes.recurrent()))
    card = parse_cards("H100")[0]
    layout = plan_stack([wish], [card]).placed[0].prediction.layout
    one, many = (estimate_speed(wish, card, 1, 1, layout, 100, users) for users in (1, 64))

    assert many.decode_all < 64 * one.decode_all


def test_cards_are_read_from_what_the_driver_prints() -> None:
    printed = "0, NVIDIA GeForce RTX 4090, 24564, 1024, 8.9\n1, NVIDIA L40S, 46068, 0, 8.9\nnoise\n2, [N/A], [N/A], [N/A], [N/A]\n"
    first, second = parse_smi(printed)

    assert (first.name, first.index, first.used_bytes) == ("RTX 4090", 0, 2**30)
    assert second.name == "L40S"


def test_a_card_with_more_memory_than_its_name_has_is_taken_by_its_memory() -> None:
    card = card_of(0, "NVIDIA GeForce RTX 4090", 49_140, 0)

    assert card.total_bytes > 46 * 2**30


def test_a_card_that_shares_the_machines_memory_has_what_is_available() -> None:
    (card,) = parse_smi("0, NVIDIA GB10, [N/A], [N/A], 12.1\n", available=100 * 2**30)

    assert card.is_unified
    assert card.free_bytes == 100 * 2**30
