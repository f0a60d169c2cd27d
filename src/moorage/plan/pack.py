"""Which service goes onto which cards. A bounded search: the largest first, cards that are alike tried once, nothing above 97 % of a card."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, islice
from math import log2

from moorage.plan.ability import lacks
from moorage.plan.cards import Card
from moorage.plan.demand import Demand, demand, ways
from moorage.plan.predict import Teacher
from moorage.plan.version import EngineVersion
from moorage.plan.wish import Wish

SPARE = 0.03
_UNIFIED_SPARE = 0.15
_MOST_STEPS = 8_000
_LIFT_STEPS = 2000
_MOST_GROUPS = 400  # sets of cards that are tried for one way of running; only dozens of cards, all unlike, have more
_ACROSS_PENALTY = 3.0  # for each doubling of the cards a model is cut over; ten would be all the cache that a service wants
_STAGE_PENALTY = 20.0  # stages wait for each other: only where nothing else fits


@dataclass(frozen=True, slots=True)
class Place:
    """A service on some cards, with its demand there and the cache that it was granted."""

    demand: Demand
    cards: tuple[int, ...]
    cache: int = 0

    @property
    def held(self) -> int:
        return self.demand.fixed + self.cache


_RANKS = 5
_NOBODY = (0.0,) * _RANKS


@dataclass(frozen=True, slots=True)
class _SoFar:
    """Who has a place, counted by rank, and what cutting them over cards costs."""

    who: tuple[float, ...] = _NOBODY
    cutting: float = 0.0

    def with_place(self, demand: Demand) -> _SoFar:
        who, way = list(self.who), demand.way
        who[demand.wish.rank] += 1
        return _SoFar(tuple(who), self.cutting + _ACROSS_PENALTY * log2(way.tp) + _STAGE_PENALTY * (way.pp - 1))


@dataclass(slots=True)
class _Search:
    """The state of one search: what is left of each card, the best found so far, and who is still to come from each step on."""

    cards: Sequence[Card]
    options: list[list[Demand]]
    left: list[int]
    most_steps: int
    steps: int = 0
    best: list[Place] = field(default_factory=list[Place])
    best_score: tuple[float, ...] = ()
    to_come: list[tuple[float, ...]] = field(default_factory=list[tuple[float, ...]])

    def __post_init__(self) -> None:
        ranks = [options[0].wish.rank if options else None for options in self.options]
        self.to_come = [tuple(float(ranks[at:].count(rank)) for rank in range(_RANKS)) for at in range(len(ranks) + 1)]

    def cannot_win(self, at: int, so_far: _SoFar) -> bool:
        """Whether even a place for everybody still to come, with all the cache they want, would be worse than the best found."""
        if not self.best_score:
            return False
        who = tuple(here + more for here, more in zip(so_far.who, self.to_come[at], strict=True))
        return (*who, 10 * sum(who) - so_far.cutting) < self.best_score[: _RANKS + 1]


def pack(wishes: Sequence[Wish], cards: Sequence[Card], version: EngineVersion, teacher: Teacher | None = None) -> list[Place]:
    """The best places found; services that are missing in it have none. Lengths that were left open are shortened before anybody is refused."""
    packer = _Packer(wishes, cards, version, teacher)
    best, chosen = packer.at([0] * len(wishes)), [0] * len(wishes)
    for level in range(1, max((len(steps) for steps in packer.levels), default=0)):
        if len(best) == len(wishes):
            break
        chosen_now = [min(level, len(steps) - 1) for steps in packer.levels]
        found = packer.at(chosen_now)
        if _who(found) > _who(best):
            best, chosen = found, chosen_now
    return _grant(packer.lift(best, chosen), cards)


def holds_all(wishes: Sequence[Wish], cards: Sequence[Card], version: EngineVersion, teacher: Teacher | None) -> bool:
    """Whether every service surely has a place, with the shortest contexts and the smallest caches; a short search, so that a no may be wrong."""
    packer = _Packer(wishes, cards, version, teacher)
    return len(packer.at([len(steps) - 1 for steps in packer.levels], _LIFT_STEPS)) == len(wishes)


class _Packer:
    """Packs the same services at different lengths and formats. Demands are reckoned once."""

    def __init__(self, wishes: Sequence[Wish], cards: Sequence[Card], version: EngineVersion, teacher: Teacher | None) -> None:
        self._wishes, self._cards, self._version, self._teacher = wishes, cards, version, teacher
        self.levels = [_levels(wish, cards) for wish in wishes]
        self._known: dict[tuple[int, int], list[Demand]] = {}

    def at(self, chosen: Sequence[int], most_steps: int = _MOST_STEPS) -> list[Place]:
        """The best places with each service at its chosen level."""
        options = [self._demands(i, level) for i, level in enumerate(chosen)]
        order = sorted(range(len(options)), key=lambda i: -min((d.floor for d in options[i]), default=0))
        search = _Search(self._cards, [options[i] for i in order], [room(card) for card in self._cards], most_steps)
        _try(search, 0, [], _SoFar())
        return search.best

    def lift(self, best: list[Place], chosen: Sequence[int]) -> list[Place]:
        """Services that were shortened for another's sake get back what there is room for, by rank."""
        levels = list(chosen)
        for i in sorted(range(len(levels)), key=lambda i: self._wishes[i].rank):
            for level in range(levels[i]):
                found = self.at([*levels[:i], level, *levels[i + 1 :]], _LIFT_STEPS)
                if _who(found) >= _who(best):
                    best, levels[i] = found, level
                    break
        return best

    def _demands(self, i: int, level: int) -> list[Demand]:
        """Every way of running the service, on each kind of card."""
        if (i, level) not in self._known:
            wish, (length, cache_format) = self._wishes[i], self.levels[i][level]
            possible = ways(wish, list(self._cards), length, cache_format)
            kinds = [card for card in {card.name: card for card in self._cards}.values() if lacks(wish.spec, card, self._version) is None]
            self._known[i, level] = [demand(wish, way, card, self._version, self._teacher) for way in possible for card in kinds]
        return self._known[i, level]


def room(card: Card) -> int:
    """What may be used of a card at the most. Memory that the machine shares is the system's as well."""
    return int(card.total_bytes * (1 - (_UNIFIED_SPARE if card.is_unified else SPARE))) - card.used_bytes


def _levels(wish: Wish, cards: Sequence[Card]) -> list[tuple[int, str]]:
    """Lengths and formats from the wished for to the barely useful: first a smaller cache, then a shorter one."""
    formats = (
        [wish.cache_format] if wish.cache_format else ["auto", *(["fp8"] if wish.writes and all(card.has_fp8 for card in cards) else [])]
    )
    if wish.spec.shape is not None and not wish.spec.shape.has_cache:
        formats = ["auto"]
    return [(length, cache_format) for length in wish.lengths() for cache_format in formats]


def _try(search: _Search, at: int, placed: list[Place], so_far: _SoFar) -> None:
    search.steps += 1
    if search.steps > search.most_steps or search.cannot_win(at, so_far):
        return
    if at == len(search.options):
        score = _score(search, placed, so_far)
        if not search.best_score or score > search.best_score:
            search.best, search.best_score = list(placed), score
        return
    for place in _places(search, search.options[at]):
        for card in place.cards:
            search.left[card] -= place.demand.floor
        _try(search, at + 1, [*placed, place], so_far.with_place(place.demand))
        for card in place.cards:
            search.left[card] += place.demand.floor
    _try(search, at + 1, placed, so_far)  # without it


def _places(search: _Search, options: list[Demand]) -> Iterator[Place]:
    """Sets of cards with room, sets that are alike once; fuller cards first, so that large holes stay whole."""
    for option in options:
        able = sorted((i for i in range(len(search.cards)) if _is_able(search, i, option)), key=lambda i: search.left[i])
        alike = [list(cards) for _, cards in groupby(able, key=lambda i: search.left[i])]
        for group in islice(_unlike(alike, option.way.cards), _MOST_GROUPS):
            yield Place(option, tuple(sorted(group)))


def _unlike(alike: Sequence[Sequence[int]], count: int) -> Iterator[tuple[int, ...]]:
    """Sets of so many cards that differ in more than which of the cards that are alike they take."""
    if count == 0:
        yield ()
    elif count <= sum(map(len, alike)):
        first, others = alike[0], alike[1:]
        for taken in range(min(count, len(first)), -1, -1):
            for rest in _unlike(others, count - taken):
                yield (*first[:taken], *rest)


def _is_able(search: _Search, i: int, option: Demand) -> bool:
    card, allowed = search.cards[i], option.wish.cards
    return card.name == option.card and search.left[i] >= option.floor and (allowed is None or card.index in allowed)


def _score(search: _Search, placed: list[Place], so_far: _SoFar) -> tuple[float, ...]:
    """Who has a place, then the cache that was wanted against the cost of cutting, then the cache beyond that, then an even rest."""
    granted = _grant(placed, search.cards)
    wanted = sum(min(1.0, place.cache / place.demand.wanted_cache) if place.demand.wanted_cache else 1.0 for place in granted)
    rest = min(search.left, default=0) / max(card.total_bytes for card in search.cards)
    writers = [place for place in granted if place.demand.wish.writes and place.demand.most_cache]
    more = sum(place.cache / place.demand.most_cache for place in writers)
    return (*so_far.who, round(10 * wanted) - so_far.cutting, round(more, 2), rest)


def _who(placed: Sequence[Place]) -> tuple[float, ...]:
    """How many of each rank have a place: one that writes outweighs any number that rank."""
    return tuple(float(sum(place.demand.wish.rank == rank for place in placed)) for rank in range(_RANKS))


def _grant(placed: Sequence[Place], cards: Sequence[Card]) -> list[Place]:
    """Shares out what is left: first up to what was wanted, by rank, then the rest to those that write, as far as it is of use."""
    left = [room(card) for card in cards]
    caches = [place.demand.least_cache for place in placed]
    for place in placed:
        for card in place.cards:
            left[card] -= place.demand.floor
    order = sorted(range(len(placed)), key=lambda i: placed[i].demand.wish.rank)
    for i in order:
        _raise(caches, i, placed[i], left, placed[i].demand.wanted_cache - caches[i])
    writers = [i for i in order if placed[i].demand.wish.writes and placed[i].demand.least_cache]
    for turn, i in enumerate(writers):
        rivals = [j for j in writers[turn:] if set(placed[j].cards) & set(placed[i].cards)]
        share = min((left[card] for card in placed[i].cards), default=0) // max(len(rivals), 1)
        _raise(caches, i, placed[i], left, min(share, placed[i].demand.most_cache - caches[i]))
    return [Place(place.demand, place.cards, cache) for place, cache in zip(placed, caches, strict=True)]


def _raise(caches: list[int], i: int, place: Place, left: list[int], by: int) -> None:
    step = max(min(by, *(left[card] for card in place.cards)), 0) // place.demand.block_bytes * place.demand.block_bytes
    caches[i] += step
    for card in place.cards:
        left[card] -= step
