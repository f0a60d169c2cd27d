"""What a pasted command line will use of each card: its flags read as the planner's, its model found on this machine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from moorage.core.errors import ModelNotFound, ModelUnreadable, PathNotFound
from moorage.core.modelspec import ModelSpec
from moorage.core.nouns import Notice
from moorage.engines.vllm.check import Checked
from moorage.models.find import find_model
from moorage.models.read.folder import read_model
from moorage.plan.cards import Card
from moorage.plan.predict import Prediction, Teacher, predict
from moorage.plan.result import CardUse, Placed, StackPlan
from moorage.plan.roofline import estimate_speed
from moorage.plan.terms import total
from moorage.plan.version import EngineVersion, parse_version
from moorage.plan.wish import Wish
from moorage.plan.words import gib, places, tokens
from moorage.stack.given import GivenFlags, given_flags

Verdict = Literal["fits", "may_fit", "does_not_fit", "unknown"]
_SEVERAL = re.compile(r"\d+(?:,\d+)*")


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a command will do on its cards. ``plan`` holds the one service; it is None where nothing can be said, and ``notices`` tell why.

    ``fits`` promises the start, ``may_fit`` expects it, ``does_not_fit`` expects it to fail.
    """

    verdict: Verdict
    notices: tuple[Notice, ...]
    plan: StackPlan | None = None


def forecast(checked: Checked, cards: tuple[Card, ...], files: str | None = None, teacher: Teacher | None = None) -> Forecast:
    """The forecast of a checked command on ``cards``. ``files`` is where the model lies, if the command's own name does not lead there."""
    model = checked.mended.model
    if files is None and (model is None or model == "MODEL"):
        return _unknown(_NO_MODEL)
    try:
        found = find_model(files or _on_this_machine(checked, model or ""))
        spec = read_model(found.path, found.name)
    except (ModelNotFound, ModelUnreadable, PathNotFound) as e:
        return _unknown(_no_files(model or "", e.say("en"), e.say("zh")))
    if spec.shape is None:
        return _unknown(_no_files(spec.name, "its sizes are not known", "不知道其结构"))
    if not cards:
        return _unknown(_NO_CARDS)
    given = given_flags(checked, spec)
    chosen = _cards(checked, given, cards)
    if len(chosen) < given.cards:
        return _unknown(_too_few(given.cards, len(chosen)))
    return _forecast(checked, given, spec, cards, chosen[: given.cards], teacher)


def _forecast(
    checked: Checked, given: GivenFlags, spec: ModelSpec, cards: tuple[Card, ...], chosen: list[Card], teacher: Teacher | None
) -> Forecast:
    version = parse_version(str(checked.at))
    each = [_predict(given, spec, card, version, teacher) for card in chosen]
    least = min(each, key=lambda plan: (plan.cache.low, plan.card.free_bytes))
    service = _placed(given, spec, least, chosen)
    held = {plan.card.index: plan.held.likely for plan in each}
    uses = tuple(CardUse(card, tuple(_parts(card, service.name, held))) for card in cards)
    verdict: Verdict = "fits" if all(plan.fits for plan in each) else "may_fit" if all(plan.may_fit for plan in each) else "does_not_fit"
    notices = (*given.notices, *_verdict(verdict, least, each))
    return Forecast(verdict, notices, StackPlan(version, uses, (service,)))


def _predict(given: GivenFlags, spec: ModelSpec, card: Card, version: EngineVersion, teacher: Teacher | None) -> Prediction:
    """The prediction on one card; ``--max-model-len auto`` takes what the cache holds."""
    flags = given.flags
    plan = predict(given.spec, card, flags, version)
    residual = teacher(plan) if teacher else None
    if given.finds_length:
        longest = plan.layout.longest(max(plan.cache.likely, 0), spec.context_tokens or plan.flags.max_len)
        flags = replace(flags, max_len=max(longest, 1))
    return predict(given.spec, card, flags, version, residual)


def _placed(given: GivenFlags, spec: ModelSpec, plan: Prediction, chosen: list[Card]) -> Placed:
    layout, flags = plan.layout, plan.flags
    wish = Wish(given.name or spec.name, given.spec, flags.max_len, max_seqs=flags.max_seqs, tp=flags.tp, pp=flags.pp)
    users = layout.concurrency(max(plan.cache.low, 0), flags.max_len) if layout.groups else 0.0
    speed = estimate_speed(wish, plan.card, flags.tp, flags.pp, layout, flags.max_len // 2, max(1, min(round(users), flags.max_seqs)))
    return Placed(wish, tuple(card.index for card in chosen), plan, plan.held.high, users, speed, 1)


def _parts(card: Card, name: str, held: dict[int, int]) -> Iterator[tuple[str, int]]:
    if card.used_bytes:
        yield "others", card.used_bytes
    if card.index in held:
        yield name, held[card.index]


def _cards(checked: Checked, given: GivenFlags, cards: tuple[Card, ...]) -> list[Card]:
    """The cards that the command sees: those that it names, else all of them in their order."""
    named = checked.mended.variables.get("CUDA_VISIBLE_DEVICES") or _docker_devices(checked)
    if not named or not _SEVERAL.fullmatch(named):
        return list(cards)
    by_index = {card.index: card for card in cards}
    return [by_index[i] for i in map(int, named.split(",")) if i in by_index]


def _docker_devices(checked: Checked) -> str | None:
    container = checked.command.container
    for name, value in container.options if container else ():
        if name == "--gpus" and value and "device=" in value:
            return value.strip("\"'").partition("device=")[2].strip("\"'")
    return None


def _on_this_machine(checked: Checked, model: str) -> str:
    """A path in a container as the path that is mounted there."""
    container = checked.command.container
    for name, value in container.options if container else ():
        outside, sign, inside = (value or "").partition(":")
        inside = inside.split(":")[0].rstrip("/")
        if name in ("-v", "--volume") and sign and (model == inside or model.startswith(f"{inside}/")):
            return str(Path(outside).expanduser()) + model[len(inside) :]
    return model


def _verdict(verdict: Verdict, least: Prediction, each: list[Prediction]) -> Iterator[Notice]:
    where = places(tuple(plan.card.index for plan in each))
    low, likely, _ = least.tokens
    held, free = gib(least.held.likely), gib(least.card.free_bytes)
    cache, cache_zh = (
        (f", room for about {tokens(likely)} tokens", f"，可缓存约 {tokens(likely)} 个 token") if least.layout.groups else ("", "")
    )
    if verdict == "fits":
        at_least, at_least_zh = (f" (at least {tokens(low)})", f"（至少 {tokens(low)}）") if least.layout.groups else ("", "")
        yield Notice(
            "fits",
            f"It starts: about {held} on each card ({where}){cache}{at_least}.",
            f"可以启动：每张卡约 {held}（{where}）{cache_zh}{at_least_zh}。",
        )
        return
    if verdict == "may_fit":
        yield Notice(
            "may_fit", f"It probably starts, with little to spare: about {held} on each card ({where}){cache}.",
            f"大概可以启动，但余量很小：每张卡约 {held}（{where}）{cache_zh}。",
        )  # fmt: skip
    elif least.held.likely > least.card.free_bytes:
        yield Notice(
            "too_much", f"It does not start: it would take {held} on each card ({where}), and {free} are free.",
            f"无法启动：每张卡需 {held}（{where}），空闲仅 {free}。",
        )  # fmt: skip
    else:
        yield _no_cache(least, where)
    yield from _longest(least)


def _no_cache(least: Prediction, where: str) -> Notice:
    if least.cache.likely <= 0:
        inside = total(term.bytes for term in least.terms if term.is_inside).likely
        return Notice(
            "no_cache",
            f"It does not start: the model needs about {gib(inside)} on {where} before any cache, and its share is {gib(least.budget_bytes - least.charged_bytes)}.",
            f"无法启动：缓存之外模型约需 {gib(inside)}（{where}），而其份额为 {gib(least.budget_bytes - least.charged_bytes)}。",
        )
    left, needed = gib(max(least.cache.likely, 0)), gib(least.needed_bytes)
    length = tokens(least.flags.max_len)
    return Notice(
        "no_cache",
        f"It does not start: about {left} are left for the cache on {where}, and one request of {length} tokens needs {needed}.",
        f"无法启动：{where} 约剩 {left} 用于缓存，而一个 {length} token 的请求需要 {needed}。",
    )


def _longest(least: Prediction) -> Iterator[Notice]:
    """The length that surely fits, where a useful one is left."""
    longest = least.layout.longest(max(least.cache.low, 0), least.flags.max_len) // 256 * 256 if least.layout.groups else 0
    if 1024 <= longest < least.flags.max_len:
        yield Notice("shorter", f"--max-model-len {longest} surely fits.", f"--max-model-len {longest} 一定放得下。")
    yield Notice(
        "plan",
        "`moorage plan` with the same model and --gpus chooses flags that fit.",
        "用 `moorage plan` 指定同样的模型与 --gpus，可得到放得下的参数。",
    )


def _unknown(reason: Notice) -> Forecast:
    return Forecast("unknown", (reason,))


def _no_files(model: str, why: str, why_zh: str) -> Notice:
    return Notice(
        "no_files",
        f"What it will use of the cards is not said: {why} `--files FOLDER` names a folder with config.json for {model or 'the model'}.",
        f"无法估算显存占用：{why_zh}可用 `--files 目录` 指定 {model or '该模型'} 的 config.json 所在目录。",
    )


def _too_few(wanted: int, there: int) -> Notice:
    return Notice(
        "too_few_cards",
        f"It does not start: it is cut over {wanted} cards, and it sees {there}. Name others with --gpus.",
        f"无法启动：命令要求 {wanted} 张卡，仅可见 {there} 张。可用 --gpus 指定。",
    )


_NO_MODEL = Notice("no_model", "What it will use of the cards is not said: the line names no model.", "无法估算显存占用：命令中没有模型。")
_NO_CARDS = Notice(
    "no_cards",
    "What it will use of the cards is not said: no NVIDIA GPU answers here. Name the cards, e.g. --gpus 2x4090.",
    "无法估算显存占用：此处没有响应的 NVIDIA GPU。请写明显卡，例如 --gpus 2x4090。",
)
