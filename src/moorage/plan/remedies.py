"""Why a service has no place, way by way, and what would give it one. Every remedy was tried against the same law before it is named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from moorage.core.modelspec import Quantization
from moorage.core.nouns import Notice
from moorage.plan.ability import lacks
from moorage.plan.cards import CARDS, GIB, Card
from moorage.plan.demand import Demand, demand, is_divisible, ways
from moorage.plan.pack import Place, room
from moorage.plan.result import Refused
from moorage.plan.version import EngineVersion
from moorage.plan.weights import estimate_weights, weights_of
from moorage.plan.wish import Wish
from moorage.plan.words import gib, places, tokens

_LEAST_USEFUL = 1024
_MOST_REASONS = 3
_BUILDS = (("FP8", Quantization("fp8", 8, 128)), ("AWQ", Quantization("awq", 4, 128)))


def refuse(wish: Wish, placed: Sequence[Place], cards: Sequence[Card], version: EngineVersion) -> Refused:
    """The refusal of ``wish``, seen from what the placed services have left."""
    if wish.spec.shape is None:
        return Refused(wish, (_NO_SHAPE,))
    impossible = _not_there(wish, cards)
    if impossible:
        return Refused(wish, (impossible,))
    left = [room(card) for card in cards]
    for place in placed:
        for i in place.cards:
            left[i] -= place.demand.floor  # what they have above it they would give up
    ground = _Ground(tuple(cards), tuple(left), version, tuple(place.demand.wish.name for place in placed))
    made = ground.demands(wish)
    if not made:
        unable = [lacks(wish.spec, cards[i], version) for i in ground.open_to(wish)]
        reason = unable[0] if unable and all(unable) else None
        return Refused(wish, (reason or _cannot_be_cut(wish, cards),), tuple(_remedies(wish, made, ground, placed)) if reason else ())
    by_count: dict[tuple[int, str], Demand] = {}
    for option in sorted(made, key=lambda option: option.floor):
        by_count.setdefault((option.way.cards, option.card), option)
    nearest = list(by_count.values())[:_MOST_REASONS]
    return Refused(wish, tuple(_reason(option, ground) for option in nearest), tuple(_remedies(wish, made, ground, placed)))


@dataclass(frozen=True, slots=True)
class _Ground:
    """The cards, and what is left of each."""

    cards: tuple[Card, ...]
    left: tuple[int, ...]
    version: EngineVersion
    others: tuple[str, ...] = ()

    def demands(self, wish: Wish, length: int | None = None, cache_format: str | None = None) -> list[Demand]:
        """Every way of running it on each kind of card; at its shortest length where none is named."""
        cards = [self.cards[i] for i in self.open_to(wish)]
        possible = ways(wish, cards, length or wish.lengths()[-1], cache_format or wish.cache_format or "auto")
        kinds = [card for card in {card.name: card for card in cards}.values() if lacks(wish.spec, card, self.version) is None]
        return [
            demand(wish, way, card, self.version) for way in possible for card in kinds if way.cards <= len(self.open_to(wish, card.name))
        ]

    def open_to(self, wish: Wish, kind: str | None = None) -> list[int]:
        """The places of the cards on which the wish may go, all or those of a kind."""
        allowed = wish.cards
        return [i for i, card in enumerate(self.cards) if kind in (None, card.name) and (allowed is None or card.index in allowed)]

    def holds(self, wish: Wish, length: int | None = None, cache_format: str | None = None) -> bool:
        """Whether it would have a place."""
        return any(self.has_room(option) for option in self.demands(wish, length, cache_format))

    def has_room(self, option: Demand) -> bool:
        return sum(self.left[i] >= option.floor for i in self.open_to(option.wish, option.card)) >= option.way.cards


def _not_there(wish: Wish, cards: Sequence[Card]) -> Notice | None:
    """Cards that were asked for and are not there."""
    here = {card.index for card in cards}
    allowed = here & set(wish.cards) if wish.cards is not None else here
    asked = (wish.tp or 1) * (wish.pp or 1)
    if wish.cards is not None and not set(wish.cards) <= here:
        missing = places(sorted(set(wish.cards) - here))
        return Notice(
            "no_such_card",
            f"{wish.name} is to run on {missing}, which is not here; there is {places(sorted(here))}.",
            f"{wish.name} 指定了不存在的 {missing}；现有 {places(sorted(here))}。",
        )
    if asked > len(allowed):
        return Notice(
            "too_few_cards",
            f"{wish.name} is to be cut over {asked} cards, and there are {len(allowed)}.",
            f"{wish.name} 要切分到 {asked} 张卡，但只有 {len(allowed)} 张。",
        )
    return None


def _reason(option: Demand, ground: _Ground) -> Notice:
    """One way and what it lacks on the best cards for it."""
    count, wish = option.way.cards, option.wish
    best = sorted(ground.open_to(wish, option.card), key=lambda i: -ground.left[i])[:count]
    free = max(min(ground.left[i] for i in best), 0)
    where = places(sorted(ground.cards[i].index for i in best))
    cut, cut_zh = (f" cut over {count} cards", f"切分到 {count} 张卡上") if count > 1 else ("", "")
    parts, parts_zh = _parts(option)
    beside, beside_zh = ("", "")
    if ground.others:
        beside, beside_zh = f" beside what {', '.join(ground.others)} need at least", f"（扣除 {'、'.join(ground.others)} 的最低需求）"
    each, each_zh = (" on each card", "每张卡") if count > 1 else ("", "")
    return Notice(
        "no_room",
        f"{wish.name}{cut} needs {gib(option.floor)}{each}{parts}; {where} has {gib(free)} left{beside}.",
        f"{wish.name} {cut_zh}{each_zh}需 {gib(option.floor)}{parts_zh}；{where} 还剩 {gib(free)}{beside_zh}。",
    )


def _parts(option: Demand) -> tuple[str, str]:
    """What is cache of it; nothing where there is none."""
    if not option.least_cache:
        return "", ""
    request, cache = f"{option.wish.users or 1} x {tokens(option.way.max_len)}", gib(option.least_cache)
    return (
        f" ({gib(option.fixed)} before any cache, {cache} for {request} tokens)",
        f"（缓存之外 {gib(option.fixed)}，{request} 个 token 的缓存 {cache}）",
    )


def _remedies(wish: Wish, made: Sequence[Demand], ground: _Ground, placed: Sequence[Place]) -> list[Notice]:
    found: list[Notice | None] = [
        _shorter(wish, ground), _fewer_users(wish, ground), _smaller_numbers(wish, ground), *(_other_build(wish, name, build, ground) for name, build in _BUILDS),
        _without_another(made, ground, placed), _larger_card(wish, ground.version),
    ]  # fmt: skip
    return [notice for notice in found if notice]


def _shorter(wish: Wish, ground: _Ground) -> Notice | None:
    if wish.spec.shape is None or not wish.spec.shape.has_cache:
        return None
    low, high = 0, wish.lengths()[-1]
    while low + 256 < high:
        middle = (low + high) // 2
        low, high = (middle, high) if ground.holds(replace(wish, context_tokens=middle), middle) else (low, middle)
    length = low // 256 * 256
    return Notice("shorter", f"--context {length} would fit.", f"--context {length} 可以放下。") if length >= _LEAST_USEFUL else None


def _fewer_users(wish: Wish, ground: _Ground) -> Notice | None:
    """Halving finds a number near enough; users are thousands at the most."""
    low, high = 0, wish.users or 1
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (middle, high) if ground.holds(replace(wish, users=middle, max_seqs=wish.seqs)) else (low, middle)
    return Notice("fewer_users", f"--users {low} would fit.", f"--users {low} 可以放下。") if low else None


def _smaller_numbers(wish: Wish, ground: _Ground) -> Notice | None:
    if wish.cache_format or not all(card.has_fp8 for card in ground.cards) or not ground.holds(wish, cache_format="fp8"):
        return None
    return Notice("fp8_cache", "A cache in 8 bits (--kv-cache-dtype fp8) would fit.", "改用 8 位缓存（--kv-cache-dtype fp8）可以放下。")


def _other_build(wish: Wish, name: str, build: Quantization, ground: _Ground) -> Notice | None:
    spec = wish.spec
    if spec.quantization is not None or spec.shape is None or not wish.writes:
        return None
    weights = estimate_weights(spec.shape, build)
    if not ground.holds(replace(wish, spec=replace(spec, quantization=build, weights=weights))):
        return None
    loss, loss_zh = _LOSS[build.bits == 8]
    size = f"{build.bits:g} bits, about {gib(weights.bytes)}"
    return Notice(
        "other_build",
        f"An {name} build ({size}; {loss}) would fit.",
        f"{name} 版本（{build.bits:g} 位，约 {gib(weights.bytes)}；{loss_zh}）可以放下。",
    )


_LOSS = {
    True: ("hardly any loss", "几乎无损"),
    False: ("about 2 % worse for 8 billion parameters, less for larger ones", "8B 模型约损失 2%，更大的更少"),
}


def _without_another(made: Sequence[Demand], ground: _Ground, placed: Sequence[Place]) -> Notice | None:
    for place in sorted(placed, key=lambda p: -p.demand.wish.rank):
        freed = tuple(size + (place.demand.floor if i in place.cards else 0) for i, size in enumerate(ground.left))
        if any(replace(ground, left=freed).has_room(option) for option in made):
            other, where = place.demand.wish.name, places(tuple(ground.cards[i].index for i in place.cards))
            return Notice("without_another", f"Without {other} on {where} it would fit.", f"若 {where} 上没有 {other}，则可以放下。")
    return None


def _larger_card(wish: Wish, version: EngineVersion) -> Notice | None:
    """The least memory, on one card or on several of a kind, that would do."""
    free, weights = replace(wish, cards=None), weights_of(wish.spec)
    least = weights.bytes if weights else 0
    able = [
        (count, card) for count in (1, 2, 4, 8) for card in CARDS if count * room(card) > least and lacks(wish.spec, card, version) is None
    ]
    for count, card in sorted(able, key=lambda pair: (pair[0] * pair[1].total_bytes, pair[0])):
        # A way over fewer of these cards was tried already: they are less memory.
        cuts = [way for way in ways(free, [card] * count, free.lengths()[-1], free.cache_format or "auto") if way.cards == count]
        if any(demand(free, way, card, version).floor <= room(card) for way in cuts):
            size = f"{card.total_bytes / GIB:.0f} GiB"
            what, what_zh = (f"{count} cards", f"{count} 张") if count > 1 else ("a card", "一张")
            en = f"It would fit on {what} of {size} with nothing else on, such as {card.name}."
            return Notice("larger_card", en, f"在{what_zh}空闲的 {size} 显卡（如 {card.name}）上可以放下。")
    return None


def _cannot_be_cut(wish: Wish, cards: Sequence[Card]) -> Notice:
    shape, parts = wish.spec.shape, wish.tp or len(cards)
    heads = shape.heads if shape else 0
    even = ", ".join(str(tp) for tp in range(1, 17) if is_divisible(wish, tp))
    return Notice(
        "cannot_be_cut",
        f"{wish.name} cannot be cut into {parts} equal parts: it has {heads} attention heads. --tp can be {even or '1'}.",
        f"{wish.name} 无法等分为 {parts} 份：它有 {heads} 个注意力头。--tp 可取 {even or '1'}。",
    )


_NO_SHAPE = Notice("no_shape", "Nothing is known of its sizes; give its folder.", "不知道其结构；请给出模型目录。")
