"""Sizes and places as people read them, in both languages."""

from __future__ import annotations

from collections.abc import Sequence

from moorage.plan.cards import GIB


def gib(count: float) -> str:
    """``3.4 GiB``; small sizes in MiB."""
    if abs(count) < GIB / 10:
        return f"{count / 2**20:.0f} MiB"
    return f"{count / GIB:,.1f} GiB"


def places(cards: Sequence[int]) -> str:
    """``GPU 0`` or ``GPU 0+1``."""
    return "GPU " + "+".join(str(card) for card in cards)


def tokens(count: float) -> str:
    return f"{count:,.0f}"
