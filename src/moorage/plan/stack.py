"""The story of planning: pack the services, give each its flags, start order, speed, and say what was refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from moorage.core.nouns import Notice
from moorage.plan.ability import slows
from moorage.plan.cards import Card
from moorage.plan.demand import CACHE_BYTES_FROM, cut_utilization, flags_for
from moorage.plan.flags import Flags
from moorage.plan.pack import Place, holds_all, pack
from moorage.plan.predict import Teacher, predict
from moorage.plan.remedies import refuse
from moorage.plan.result import CardUse, Placed, StackPlan
from moorage.plan.roofline import estimate_speed
from moorage.plan.version import LATEST, EngineVersion
from moorage.plan.wish import Wish
from moorage.plan.words import gib

_WHOLE_CARD_UNTIL = EngineVersion(0, 9, 2)


def plan_stack(wishes: Sequence[Wish], cards: Sequence[Card], version: EngineVersion = LATEST, teacher: Teacher | None = None) -> StackPlan:
    """Places every service that has a place and says of the others why not. ``teacher`` knows what earlier starts taught."""
    ground = _Ground(tuple(pack(wishes, cards, version, teacher)), tuple(cards), version, teacher)
    placed: list[Placed] = []
    taken = [card.used_bytes for card in cards]
    for place in sorted(ground.places, key=lambda place: (-place.held, place.demand.wish.name)):
        made = _settle(ground, place, max(taken[i] for i in place.cards), len(placed) + 1)
        for i in place.cards:
            taken[i] += made.held_bytes
        placed.append(made)
    there = {service.name for service in placed}
    refused = tuple(refuse(wish, ground.places, cards, version) for wish in wishes if wish.name not in there)
    if (
        refused
        and not all(wish.is_eager for wish in wishes)
        and holds_all([replace(w, is_eager=True) for w in wishes], cards, version, teacher)
    ):
        refused = tuple(replace(one, remedies=(*one.remedies, _EAGER)) for one in refused)
    return StackPlan(version, tuple(_use(card, placed) for card in cards), tuple(placed), refused, tuple(_notices(placed, cards, version)))


_EAGER = Notice(
    "eager",
    "--enforce-eager gives every service a place: without CUDA graphs they need less memory and are slower, embedders least of all.",
    "使用 --enforce-eager 可放下全部服务：不捕获 CUDA graph 更省显存，但会变慢（嵌入模型影响最小）。",
)


@dataclass(frozen=True, slots=True)
class _Ground:
    """What is settled before flags are given: who goes where, on what, for which version."""

    places: tuple[Place, ...]
    cards: tuple[Card, ...]
    version: EngineVersion
    teacher: Teacher | None

    def is_shared(self, place: Place) -> bool:
        """Whether another service, or somebody else, is on one of the place's cards."""
        cards = set(place.cards)
        return any(self.cards[i].used_bytes for i in cards) or any(other is not place and cards & set(other.cards) for other in self.places)


def _settle(ground: _Ground, place: Place, before: int, order: int) -> Placed:
    """A place as flags: bytes of cache on a card that is shared, a share of the card on one of its own. ``before`` bytes are taken already."""
    wish, way, version = place.demand.wish, place.demand.way, ground.version
    card = replace(ground.cards[place.cards[0]], used_bytes=before)
    flags = _flags(ground, place, card)
    plan = predict(wish.spec, card, flags, version)
    residual = ground.teacher(plan) if ground.teacher else None
    if residual is not None:
        plan = predict(wish.spec, card, flags, version, residual)
    has_share = flags.cache_bytes is None and bool(plan.layout.groups)
    held = plan.budget_bytes - plan.charged_bytes + place.demand.outside if has_share else place.held
    users = plan.layout.concurrency(plan.cache.low, way.max_len) if plan.layout.groups else 0.0
    speed = estimate_speed(wish, card, way.tp, way.pp, plan.layout, way.max_len // 2, max(1, min(round(users), wish.seqs)))
    return Placed(
        wish=wish, cards=tuple(ground.cards[i].index for i in place.cards), prediction=plan, held_bytes=held, users=users, speed=speed, order=order,
        attention_backend=_backend(wish, card), dtype=None if card.has_bf16 else "half", notices=tuple(_advice(place, card)),
    )  # fmt: skip


def _flags(ground: _Ground, place: Place, card: Card) -> Flags:
    demand, version = place.demand, ground.version
    budget = demand.inside + place.cache
    if EngineVersion(0, 8) <= version < _WHOLE_CARD_UNTIL:
        budget += card.used_bytes  # everything on the card counts as its own
    utilization = cut_utilization(budget, card)
    if demand.least_cache and version >= CACHE_BYTES_FROM and ground.is_shared(place):
        return flags_for(demand.wish, demand.way, card, cache_bytes=place.cache, utilization=utilization)
    return flags_for(demand.wish, demand.way, card, utilization=utilization)


def _use(card: Card, placed: Sequence[Placed]) -> CardUse:
    others = [("others", card.used_bytes)] if card.used_bytes else []
    return CardUse(card, (*others, *((service.name, service.held_bytes) for service in placed if card.index in service.cards)))


def _backend(wish: Wish, card: Card) -> str | None:
    """gpt-oss gives each head a sink, which on Ampere and Ada only the Triton kernel knows."""
    is_sinking = "GptOss" in (wish.spec.architecture or "")
    return "TRITON_ATTN" if is_sinking and 80 <= card.capability < 90 else None


def _advice(place: Place, card: Card) -> list[Notice]:
    wish, way = place.demand.wish, place.demand.way
    length, cache_format, tp = way.max_len, way.cache_format, way.tp
    made: list[Notice] = [*wish.spec.notices, *([slow] if (slow := slows(wish.spec, card)) else [])]
    asked = wish.lengths()[0]
    if length < asked:
        made.append(Notice(
            "shortened", f"The context was shortened from {asked:,} to {length:,} tokens to fit; name one with --context to keep it.",
            f"为放得下，上下文从 {asked:,} 缩短到 {length:,} 个 token；可用 --context 指定。",
        ))  # fmt: skip
    if cache_format == "fp8" and wish.cache_format is None:
        made.append(
            Notice("fp8_chosen", "The cache is kept in 8 bits to fit; quality hardly changes.", "为放得下，缓存采用 8 位；质量几乎不变。")
        )
    if wish.cache_format and wish.cache_format.startswith("fp8") and not card.has_fp8:
        made.append(
            Notice(
                "fp8_unfit",
                f"{card.name} has no 8-bit floats: many kernels refuse an fp8 cache there.",
                f"{card.name} 不支持 8 位浮点，许多内核会拒绝 fp8 缓存。",
            )
        )
    if tp > 1 and not card.has_nvlink:
        made.append(
            Notice(
                "no_nvlink",
                "These cards talk over PCIe: cutting a model over them loses 10 to 40 % of its speed.",
                "这些卡通过 PCIe 通信：张量并行会损失 10% 到 40% 的速度。",
            )
        )
    if not card.has_bf16:
        made.append(
            Notice("no_bf16", f"{card.name} has no bfloat16; --dtype half is said.", f"{card.name} 不支持 bfloat16，使用 --dtype half。")
        )
    if wish.spec.quantization is None and wish.writes and (length < asked or tp > 1) and wish.spec.shape and wish.spec.shape.hidden >= 2048:
        made.append(Notice(
            "quantization", "An FP8 build halves the weights at hardly any loss; AWQ in 4 bits quarters them, about 2 % worse at 8 billion parameters, nothing at 70 (arXiv 2411.02355).",
            "FP8 版本权重减半、几乎无损；4 位 AWQ 减为四分之一，8B 约损失 2%，70B 几乎无损（arXiv 2411.02355）。",
        ))  # fmt: skip
    return made


def _notices(placed: Sequence[Placed], cards: Sequence[Card], version: EngineVersion) -> list[Notice]:
    made: list[Notice] = []
    if len(placed) > 1:
        made.append(Notice(
            "one_after_another", "Start them in this order, each when the one before answers /health: memory that changes during a start is charged to it.",
            "请按此顺序启动，前一个 /health 就绪后再启动下一个：启动期间变化的显存会计入该服务。",
        ))  # fmt: skip
    if EngineVersion(0, 8) <= version < _WHOLE_CARD_UNTIL and len(placed) > 1:
        made.append(Notice(
            "cumulative", "Before 0.9.2 a service counts the whole card as its own, so the shares add up from one to the next.",
            "0.9.2 之前每个服务把整张卡计为自己的，因此占比逐个累加。",
        ))  # fmt: skip
    for card in cards:
        if not card.is_known:
            made.append(
                Notice(
                    "card_unknown",
                    f"{card.name} is taken for an Ampere card of {gib(card.total_bytes)}; name the card for a surer plan.",
                    f"{card.name} 按 {gib(card.total_bytes)} 的 Ampere 卡处理；写明型号更准确。",
                )
            )
            break
    return made
