"""What a plan says: which service runs where and how, what it takes and gives, what was refused and why, what would help."""

from __future__ import annotations

from dataclasses import dataclass

from moorage.core.nouns import Notice
from moorage.plan.cards import Card
from moorage.plan.predict import Prediction
from moorage.plan.roofline import Speed
from moorage.plan.version import EngineVersion
from moorage.plan.wish import Wish


@dataclass(frozen=True, slots=True)
class Placed:
    """A service on its cards. ``prediction`` holds on each of them; its flags are what the engine is to be told.

    ``held_bytes`` is what it may take of each card at the most. ``users`` is how many requests of the whole context the promised cache holds.
    """

    wish: Wish
    cards: tuple[int, ...]
    prediction: Prediction
    held_bytes: int
    users: float
    speed: Speed
    order: int
    attention_backend: str | None = None
    dtype: str | None = None
    notices: tuple[Notice, ...] = ()

    @property
    def name(self) -> str:
        return self.wish.name


@dataclass(frozen=True, slots=True)
class Refused:
    """A service for which there is no place: why, card by card, and what would make it fit, best first."""

    wish: Wish
    reasons: tuple[Notice, ...]
    remedies: tuple[Notice, ...] = ()

    @property
    def name(self) -> str:
        return self.wish.name


@dataclass(frozen=True, slots=True)
class CardUse:
    """One card and who takes what of it, in bytes: others first, then services in their order."""

    card: Card
    parts: tuple[tuple[str, int], ...]

    @property
    def used_bytes(self) -> int:
        return sum(size for _, size in self.parts)

    @property
    def spare_bytes(self) -> int:
        return self.card.total_bytes - self.used_bytes


@dataclass(frozen=True, slots=True)
class StackPlan:
    """The whole: services in the order in which they are to be started, one after another, and what became of each card."""

    version: EngineVersion
    cards: tuple[CardUse, ...]
    placed: tuple[Placed, ...]
    refused: tuple[Refused, ...] = ()
    notices: tuple[Notice, ...] = ()

    @property
    def is_whole(self) -> bool:
        return not self.refused
