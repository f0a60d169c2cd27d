"""What one real start teaches: how far the law was off for this model, card and version, so that the next plan is exact."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import cast

from moorage.core.modelspec import ModelSpec
from moorage.plan.cards import GIB, Card
from moorage.plan.flags import Flags
from moorage.plan.predict import Prediction, predict
from moorage.plan.startlog import StartLog
from moorage.plan.terms import Range
from moorage.plan.version import LATEST

_SAME = round(0.06 * GIB)  # logs round to hundredths of a GiB, and two starts differ by a few of them
_OTHER_FLAGS = round(0.35 * GIB)


@dataclass(frozen=True, slots=True)
class Lesson:
    """The difference between the logged cache and the likely one, and for what it holds. Plain values: it is kept as JSON."""

    model: str
    card: str
    version: str
    tp: int
    pp: int
    max_len: int
    max_seqs: int
    batched_tokens: int
    cache_format: str
    is_eager: bool
    residual_bytes: int
    logged_cache_bytes: int


def learn(spec: ModelSpec, card: Card, log: StartLog) -> Lesson:
    """The lesson of a log. Raises ValueError where the log does not give the cache's size, or its flags fixed that size."""
    if log.cache_flag_bytes is not None:
        raise ValueError("the cache's size was set by a flag, so there is nothing to learn")
    plan = predict(spec, _as_logged(card, log), flags_of(log), log.version or LATEST)
    logged = log.cache_bytes if log.cache_bytes is not None else _from_concurrency(plan, log)
    full, version = plan.flags, plan.version
    return Lesson(
        spec.name, card.name, str(version), log.tp, log.pp, full.max_len, full.max_seqs, full.batched_tokens, full.cache_format, log.is_eager,
        logged - plan.cache.likely, logged,
    )  # fmt: skip


def _from_concurrency(plan: Prediction, log: StartLog) -> int:
    """The cache's bytes where a log has only how many requests it holds."""
    if log.concurrency is None:
        raise ValueError("the cache's size is not in the log")
    return round(log.concurrency * plan.layout.needed_bytes(plan.flags.max_len))


def flags_of(log: StartLog) -> Flags:
    """The flags that the log states; what it does not state was the engine's default."""
    return Flags(
        utilization=log.utilization, max_len=log.max_len, max_seqs=log.max_seqs, batched_tokens=log.batched_tokens,
        cache_format=log.cache_format or "auto", tp=log.tp, pp=log.pp, is_eager=log.is_eager, is_v0=log.is_v0,
    )  # fmt: skip


def apply(lessons: Iterable[Lesson], plan: Prediction) -> Range | None:
    """What the lessons say of this plan's cache; the last of the same flags, else the last of the same model, card, version and cut."""
    near: Range | None = None
    for lesson in reversed(list(lessons)):
        if not _is_about(lesson, plan):
            continue
        if _has_flags(lesson, plan):
            return _around(lesson.residual_bytes, _SAME)
        near = near or _around(lesson.residual_bytes, min(_OTHER_FLAGS, (plan.cache.high - plan.cache.low) // 4))
    return near


def as_row(lesson: Lesson) -> dict[str, object]:
    return asdict(lesson)


def from_row(row: Mapping[str, object]) -> Lesson | None:
    """The lesson of a kept row; None for one that is not whole."""
    names = {field.name for field in fields(Lesson)}
    if not names <= set(row):
        return None
    kinds = {"model": str, "card": str, "version": str, "cache_format": str, "is_eager": bool}
    if any(not isinstance(row[name], kinds.get(name, int)) for name in names):
        return None
    return Lesson(**{name: cast("int", row[name]) for name in names})  # pyright: ignore[reportArgumentType]


def _is_about(lesson: Lesson, plan: Prediction) -> bool:
    same = (lesson.model, lesson.card, lesson.version) == (plan.spec.name, plan.card.name, str(plan.version))
    return same and (lesson.tp, lesson.pp) == (plan.flags.tp, plan.flags.pp)


def _has_flags(lesson: Lesson, plan: Prediction) -> bool:
    flags = plan.flags
    kept = (lesson.max_seqs, lesson.batched_tokens, lesson.cache_format, lesson.is_eager)
    return kept == (flags.max_seqs, flags.batched_tokens, flags.cache_format, flags.said.is_eager)


def _as_logged(card: Card, log: StartLog) -> Card:
    return replace(card, total_bytes=log.total_bytes) if log.total_bytes else card


def _around(residual: int, by: int) -> Range:
    return Range(residual - by, residual, residual + by)
