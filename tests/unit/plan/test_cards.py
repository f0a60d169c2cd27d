"""Cards by the names that people, drivers and logs give them."""

from __future__ import annotations

import pytest

from moorage.plan.cards import GIB, card_of_size, find_card, names, parse_cards


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("4090", "RTX 4090"),
        ("NVIDIA GeForce RTX 4090", "RTX 4090"),
        ("NVIDIA GeForce RTX 4090 D", "RTX 4090 D"),
        ("RTX 4090 48GB (modded)", "RTX 4090 48GB"),
        ("NVIDIA A100-SXM4-80GB", "A100 80GB"),
        ("NVIDIA A100-SXM4-40GB", "A100 40GB"),
        ("NVIDIA H100 80GB HBM3", "H100"),
        ("Tesla T4", "T4"),
        ("NVIDIA L40S", "L40S"),
        ("NVIDIA L40", "L40"),
        ("NVIDIA A10G", "A10G"),
        ("A10", "A10"),
        ("NVIDIA H20", "H20"),
        ("NVIDIA RTX PRO 6000 Blackwell Workstation Edition", "RTX PRO 6000"),
        ("NVIDIA RTX 6000 Ada Generation", "RTX 6000 Ada"),
        ("4060 Ti 16GB", "RTX 4060 Ti 16GB"),
        ("NVIDIA GeForce RTX 3080", "RTX 3080 10GB"),
        ("3080 Ti", "RTX 3080 12GB"),
        ("3060 Ti", "RTX 3060 Ti"),
        ("NVIDIA GeForce RTX 3060", "RTX 3060 12GB"),
        ("NVIDIA GeForce RTX 4070 SUPER", "RTX 4070"),
        ("RTX 4070 Ti SUPER", "RTX 4070 Ti SUPER"),
        ("NVIDIA GeForce RTX 5060 Ti", "RTX 5060 Ti 16GB"),
        ("5060 Ti 8GB", "RTX 5060 8GB"),
        ("RTX 5060", "RTX 5060 8GB"),
        ("RTX 5070 Ti", "RTX 5070 Ti"),
        ("NVIDIA RTX A5000", "RTX A5000"),
        ("NVIDIA RTX 5000 Ada Generation", "RTX 5000 Ada"),
        ("Tesla P40", "P40"),
        ("NVIDIA A2", "A2"),
        ("NVIDIA TITAN RTX", "TITAN RTX"),
        ("Quadro RTX 6000", "Quadro RTX 6000"),
        ("H20-3e", "H20 141GB"),
        ("GB300", "B300"),
    ],
)
def test_a_card_is_known_by_any_of_its_names(written: str, meant: str) -> None:
    card = find_card(written)

    assert card
    assert card.name == meant


def test_several_cards_are_numbered() -> None:
    cards = parse_cards("2x3090, L40S")

    assert [card.index for card in cards] == [0, 1, 2]
    assert names(cards) == "2 x RTX 3090 + L40S"


def test_a_size_alone_is_a_card_of_which_little_is_known() -> None:
    (card,) = parse_cards("48GB")

    assert not card.is_known
    assert 46 * GIB < card.total_bytes < 48 * GIB
    assert card_of_size(24).bandwidth > 0


@pytest.mark.parametrize(
    "written", ["", "0x4090", "65xH100", "banana", "4x", "99999GB", "T4G", "MI50 32GB", "Ascend 910B 64GB", "RX 7900 XTX 24GB"]
)
def test_what_is_no_card_is_named(written: str) -> None:
    with pytest.raises(ValueError, match=written or "^$"):
        parse_cards(written)
