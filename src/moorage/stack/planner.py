"""From the names of models to a plan: reads the models' files, the cards and the lessons, and lets the plan room reckon."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from moorage.core.errors import BadInput, CardsInvalid, PathNotFound, StoreUnreadable, VersionUnknown
from moorage.core.modelspec import ModelSpec
from moorage.engines.vllm.check import Checked
from moorage.models.find import Found, find_model
from moorage.models.hub.pull import Doing, Pulled, hub_of, pull, split_name
from moorage.models.read.folder import read_model
from moorage.plan.cards import Card, parse_cards
from moorage.plan.detect import detect_cards
from moorage.plan.kv import CACHE_FORMATS
from moorage.plan.learn import Lesson, apply, as_row, from_row, learn
from moorage.plan.predict import Prediction, Teacher
from moorage.plan.result import StackPlan
from moorage.plan.stack import plan_stack
from moorage.plan.startlog import read_start_log
from moorage.plan.terms import Range
from moorage.plan.version import LATEST, OLDEST, EngineVersion, parse_version
from moorage.plan.wish import Wish
from moorage.stack.forecast import Forecast, forecast
from moorage.stack.services import ServiceEntry, check_name
from moorage.store.lessons import keep_lesson, read_lessons

_MOST_LOG_BYTES = 64 * 2**20
_MOST_CARDS = 64


def inspect_model(name: str) -> ModelSpec:
    """What the files of a model say. Raises ModelNotFound, ModelIncomplete, ModelUnreadable, ModelUnknown."""
    found = find_model(name)
    return read_model(found.path, found.name)


def pull_model(
    name: str,
    revision: str | None = None,
    to: Path | None = None,
    endpoint: str | None = None,
    gguf: str | None = None,
    on_step: Doing | None = None,
) -> Pulled:
    """Fetches a model by its prefixed name; with ``HF_HUB_OFFLINE`` set, finds it in the cache. Raises BadInput, ModelNotFound, PullFailed,
    ExtraMissing."""
    kind, model = split_name(name)
    if os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on"):
        return Pulled(model, "cache", find_model(f"{kind}:{model}").path, 0, 0, 0)
    return pull(hub_of(kind, endpoint), model, revision, to, gguf, on_step)


def plan_services(
    entries: Sequence[ServiceEntry], gpus: str | None = None, vllm: str | None = None, lessons_folder: Path | None = None
) -> StackPlan:
    """Where each service would run and what it would take. ``gpus`` None asks this machine for its cards.

    Raises what ``inspect_model`` raises, CardsInvalid, VersionUnknown, BadInput.
    """
    cards, version = cards_of(gpus), version_of(vllm)
    return plan_stack([wish_of(entry) for entry in entries], cards, version, _teacher(lessons_folder))


def forecast_command(checked: Checked, gpus: str | None = None, files: str | None = None, lessons_folder: Path | None = None) -> Forecast:
    """What a checked command line will use of each card: of those that ``gpus`` names, else of this machine's. Raises CardsInvalid."""
    cards = cards_of(gpus) if gpus is not None else detect_cards()
    return forecast(checked, cards, files, _teacher(lessons_folder))


def _teacher(lessons_folder: Path | None) -> Teacher:
    """What earlier starts taught, as kept in the data folder."""
    known = [lesson for row in read_lessons(lessons_folder) if (lesson := from_row(row))] if lessons_folder else []

    def teacher(plan: Prediction) -> Range | None:
        return apply(known, plan)

    return teacher


def learn_from(log: Path, model: str, gpus: str | None, lessons_folder: Path) -> Lesson:
    """Keeps what a start-up log teaches of ``model`` on its card. Raises BadInput for a log that teaches nothing, PathNotFound,
    StoreUnreadable."""
    text = _log_text(log)
    spec = inspect_model(model)
    try:
        read = read_start_log(text)
        lesson = learn(spec, cards_of(gpus)[0], read)
    except ValueError as e:
        raise BadInput(
            reason=f"{log.name} teaches nothing: {e}. Give the whole output of `vllm serve` up to its first request.",
            reason_zh=f"{log.name} 中没有可学习的内容（{e}）。请提供 `vllm serve` 从启动到首个请求的完整输出。",
        ) from e
    try:
        keep_lesson(lessons_folder, as_row(lesson))
    except OSError as e:
        raise StoreUnreadable(path=str(lessons_folder), reason=e.strerror or type(e).__name__) from e
    return lesson


def _log_text(log: Path) -> str:
    try:
        with log.open("rb") as stream:
            return stream.read(_MOST_LOG_BYTES).decode("utf-8", "replace")
    except OSError as e:
        raise PathNotFound(path=str(log)) from e


def wish_of(entry: ServiceEntry) -> Wish:
    """An entry with its model read. Raises BadInput where the model cannot hold what is asked, NameInvalid."""
    check_name(entry.name)
    found = find_model(entry.model)
    spec = read_model(found.path, found.name)
    longest = spec.context_tokens
    if entry.context is not None and longest is not None and entry.context > longest:
        raise BadInput(
            reason=f"{entry.name}: a context of {entry.context:,} tokens is asked for; {spec.name} knows {longest:,} positions. Ask for at most those.",
            reason_zh=f"{entry.name}：要求上下文 {entry.context:,} 个 token，而 {spec.name} 只有 {longest:,} 个位置。请不要超过。",
        )
    if entry.kv_cache_dtype is not None and entry.kv_cache_dtype not in CACHE_FORMATS:
        raise BadInput(
            reason=f"{entry.name}: {entry.kv_cache_dtype!r} is no format of a cache that can be planned for. Write one of {', '.join(CACHE_FORMATS)}.",
            reason_zh=f"{entry.name}：{entry.kv_cache_dtype!r} 不是可规划的缓存格式。可用：{'、'.join(CACHE_FORMATS)}。",
        )
    return Wish(
        name=entry.name, spec=spec, context_tokens=entry.context, users=entry.users, max_seqs=entry.max_seqs, batched_tokens=entry.batched_tokens,
        cache_format=entry.kv_cache_dtype, tp=entry.tp, pp=entry.pp, is_eager=entry.eager, lora_rank=entry.lora_rank, cards=entry.cards,
        source=_source(found),
    )  # fmt: skip


def _source(found: Found) -> str:
    """What an engine is told: the name where it looks into the same cache, else the path. ModelScope's cache holds plain folders."""
    return found.name if found.hub == "hf" else str(found.path.absolute())


def cards_of(gpus: str | None) -> tuple[Card, ...]:
    """The cards that a text names, or this machine's. Raises CardsInvalid."""
    if gpus is None:
        found = detect_cards()
        if not found:
            raise BadInput(
                reason="No NVIDIA GPU answers here. Name the cards to plan for, e.g. --gpus 2x4090.",
                reason_zh="此处没有响应的 NVIDIA GPU。请写明要规划的显卡，例如 --gpus 2x4090。",
            )
        return found
    try:
        named = parse_cards(gpus)
    except ValueError as e:
        raise CardsInvalid(value=str(e) or gpus) from e
    if len(named) > _MOST_CARDS:
        raise BadInput(
            reason=f"{gpus!r} names {len(named)} cards; at most {_MOST_CARDS} are planned at once. Plan one machine after another.",
            reason_zh=f"{gpus!r} 共 {len(named)} 张卡，一次最多规划 {_MOST_CARDS} 张。请逐台机器规划。",
        )
    return named


def version_of(vllm: str | None) -> EngineVersion:
    """The version that a text names; the latest known for None. Raises VersionUnknown."""
    try:
        version = parse_version(vllm)
    except ValueError as e:
        raise VersionUnknown(version=vllm, oldest=OLDEST, newest=LATEST) from e
    if not OLDEST <= version < replace(LATEST, minor=LATEST.minor + 1):
        raise VersionUnknown(version=vllm, oldest=OLDEST, newest=LATEST)
    return version
