"""Why a service has no place, way by way, and what would give it one. Every remedy was tried against the same law before it is named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from moorage.core.modelspec import Quantization
from moorage.core.nouns import Notice
from moorage.plan.cards import CARDS, GIB, Card
from moorage.plan.demand import Demand, Way, demand, ways
from moorage.plan.pack import Place, room
from moorage.plan.result import Refused
from moorage.plan.version import EngineVersion
from moorage.plan.weights import estimate_weights
from moorage.plan.wish import Wish
from moorage.plan.words import gib, places, tokens

_LEAST_USEFUL = 1024
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
            left[i] -= min(place.held, place.demand.ceiling)
    length = wish.lengths()[-1]
    made = [demand(wish, way, cards[0], version) for way in ways(wish, list(cards), length, wish.cache_format or "auto")]
    if not made:
        return Refused(wish, (_cannot_be_cut(wish, cards),))
    reasons = tuple(_reason(option, left, cards) for option in made[:6])
    return Refused(wish, reasons, tuple(_remedies(wish, made, left, placed, cards, version)))


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


def _reason(option: Demand, left: Sequence[int], cards: Sequence[Card]) -> Notice:
    """One way and what it lacks on the best cards for it."""
    count = option.way.cards
    best = sorted(range(len(cards)), key=lambda i: -left[i])[:count]
    free = min(left[i] for i in best)
    cut, cut_zh = (f" cut over {count} cards", f"切分到 {count} 张卡上") if count > 1 else ("", "")
    cache = gib(option.least_cache)
    request = f"{option.wish.users or 1} x {tokens(option.way.max_len)}"
    return Notice(
        "no_room",
        f"{option.wish.name}{cut} needs {gib(option.floor)} on each card ({gib(option.fixed)} before any cache, {cache} for {request} tokens); {places(best)} has {gib(max(free, 0))} left.",
        f"{option.wish.name}{cut_zh}每张卡需 {gib(option.floor)}（缓存之外 {gib(option.fixed)}，{request} 个 token 的缓存 {cache}）；{places(best)} 还剩 {gib(max(free, 0))}。",
    )


def _remedies(
    wish: Wish, made: Sequence[Demand], left: Sequence[int], placed: Sequence[Place], cards: Sequence[Card], version: EngineVersion
) -> list[Notice]:
    found: list[Notice | None] = [
        _shorter(wish, left, cards, version), _fewer_users(wish, left, cards, version), _smaller_numbers(wish, left, cards, version),
        *(_other_build(wish, name, build, left, cards, version) for name, build in _BUILDS), _without_another(wish, made, left, placed), _larger_card(wish, version),
    ]  # fmt: skip
    return [notice for notice in found if notice]


def _fits(
    wish: Wish, length: int, left: Sequence[int], cards: Sequence[Card], version: EngineVersion, cache_format: str | None = None
) -> Way | None:
    """The first way in which it would have a place."""
    for way in ways(wish, list(cards), length, cache_format or wish.cache_format or "auto"):
        floor = demand(wish, way, cards[0], version).floor
        if sum(size >= floor for size in left) >= way.cards:
            return way
    return None


def _shorter(wish: Wish, left: Sequence[int], cards: Sequence[Card], version: EngineVersion) -> Notice | None:
    low, high = 0, wish.lengths()[-1]
    if wish.spec.shape is None or not wish.spec.shape.has_cache:
        return None
    while low + 256 < high:
        middle = (low + high) // 2
        low, high = (middle, high) if _fits(replace(wish, context_tokens=middle), middle, left, cards, version) else (low, middle)
    length = low // 256 * 256
    if length < _LEAST_USEFUL:
        return None
    return Notice("shorter", f"--context {length} would fit.", f"--context {length} 可以放下。")


def _fewer_users(wish: Wish, left: Sequence[int], cards: Sequence[Card], version: EngineVersion) -> Notice | None:
    for users in range((wish.users or 1) - 1, 0, -1):
        if _fits(replace(wish, users=users), wish.lengths()[-1], left, cards, version):
            return Notice("fewer_users", f"--users {users} would fit.", f"--users {users} 可以放下。")
    return None


def _smaller_numbers(wish: Wish, left: Sequence[int], cards: Sequence[Card], version: EngineVersion) -> Notice | None:
    if wish.cache_format or not all(card.has_fp8 for card in cards) or not _fits(wish, wish.lengths()[-1], left, cards, version, "fp8"):
        return None
    return Notice("fp8_cache", "A cache in 8 bits (--kv-cache-dtype fp8) would fit.", "改用 8 位缓存（--kv-cache-dtype fp8）可以放下。")


def _other_build(
    wish: Wish, name: str, build: Quantization, left: Sequence[int], cards: Sequence[Card], version: EngineVersion
) -> Notice | None:
    spec = wish.spec
    if spec.quantization is not None or spec.shape is None or not wish.writes:
        return None
    smaller = replace(wish, spec=replace(spec, quantization=build, weights=estimate_weights(spec.shape, build)))
    if not _fits(smaller, wish.lengths()[-1], left, cards, version):
        return None
    bits = 8 if build.bits == 8 else 4
    loss, loss_zh = (
        ("hardly any loss", "几乎无损")
        if bits == 8
        else ("about 2 % worse for 8 billion parameters, less for larger ones", "8B 模型约损失 2%，更大的更少")
    )
    return Notice(
        "other_build",
        f"An {name} build ({bits} bits, about {gib(smaller.spec.weights.bytes if smaller.spec.weights else 0)}; {loss}) would fit.",
        f"{name} 版本（{bits} 位，约 {gib(smaller.spec.weights.bytes if smaller.spec.weights else 0)}；{loss_zh}）可以放下。",
    )


def _without_another(wish: Wish, made: Sequence[Demand], left: Sequence[int], placed: Sequence[Place]) -> Notice | None:
    for place in sorted(placed, key=lambda p: -p.demand.wish.rank):
        freed = [size + (place.held if i in place.cards else 0) for i, size in enumerate(left)]
        if any(sum(size >= option.floor for size in freed) >= option.way.cards for option in made):
            other = place.demand.wish.name
            return Notice(
                "without_another",
                f"Without {other} on {places(place.cards)} it would fit.",
                f"若 {places(place.cards)} 上没有 {other}，则可以放下。",
            )
    return None


def _larger_card(wish: Wish, version: EngineVersion) -> Notice | None:
    """The smallest card, alone or in a pair, that would do."""
    length = wish.lengths()[-1]
    for count in (1, 2, 4, 8):
        for card in sorted(CARDS, key=lambda c: c.total_bytes):
            several = [card] * count
            if _fits(wish, length, [room(card)] * count, several, version):
                size = f"{card.total_bytes / GIB:.0f} GiB"
                what, what_zh = (f"{count} cards", f"{count} 张") if count > 1 else ("a card", "一张")
                return Notice(
                    "larger_card", f"It would fit on {what} of {size} with nothing else on.", f"在{what_zh}空闲的 {size} 显卡上可以放下。"
                )
    return None


def _cannot_be_cut(wish: Wish, cards: Sequence[Card]) -> Notice:
    heads = wish.spec.shape.heads if wish.spec.shape else 0
    return Notice(
        "cannot_be_cut",
        f"{wish.name} cannot be cut as asked over {len(cards)} cards: its {heads} attention heads must come out even.",
        f"{wish.name} 无法按要求切分到 {len(cards)} 张卡：{heads} 个注意力头须能整除。",
    )


_NO_SHAPE = Notice("no_shape", "Nothing is known of its sizes; give its folder.", "不知道其结构；请给出模型目录。")
