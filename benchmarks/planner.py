"""The memory planner beside what others do, on recorded start-ups of vLLM.

    python benchmarks/planner.py [--data FILE_OR_FOLDER] [--facts FILE] [--json] [--rows] [--packing]

Each record is a start-up that somebody published: model, card, flags, and what the log said. Nothing that a log measured is an input to a
plan: weights are worked out from the published shape, so the error of that is in the figures (with the model's files they are exact).

kv_tokens_within_half_percent   given the logged KV bytes, the printed tokens within 0.5 % or one block; records with a draft model left out
kv_gib_within_bound             from the flags alone, the likely KV within 0.5 GiB or 2 % of the card; text models, flags stated
over_promise_rate               share of those where the promised (lowest) KV is more than 0.5 GiB above the logged one
false_fits                      recorded failures to start, for want of memory, that were said to fit

With --packing, 200 made-up stacks of 3 to 6 published models on 1 to 4 cards are planned as well: the longest time, the least spare room.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from planner_records import Log, is_records, quantization_of, read_logs, read_specs

from moorage.core.modelspec import ModelSpec
from moorage.plan.cards import CARDS, GIB, Card, card_of_size, find_card
from moorage.plan.flags import Flags
from moorage.plan.predict import Prediction, predict
from moorage.plan.stack import plan_stack
from moorage.plan.version import LATEST, parse_version
from moorage.plan.weights import bytes_per_weight, loaded_bytes, weights_of
from moorage.plan.wish import Wish

SHARED = Path(__file__).resolve().parents[2] / "shared" / "planner"
TARGETS = {
    "kv_tokens_within_half_percent": (">=", 0.95),
    "kv_gib_within_bound": (">=", 0.90),
    "over_promise_rate": ("<=", 0.05),
    "false_fits": ("<=", 0),
}
_TOO_LITTLE = re.compile(r"fail(?!_other)")
_NOT_COMPARABLE = re.compile(r"exclude|do not divide|inconsistent", re.IGNORECASE)
_CONTEXT_GIB = 0.5  # the snapshot is taken when the CUDA context exists
_SEED = 7
Figures = dict[str, object]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a record's flags come to, ready to plan."""

    log: Log
    spec: ModelSpec
    card: Card
    flags: Flags
    plan: Prediction

    @property
    def logged_gib(self) -> float | None:
        return self.log.number("available_kv_gib")


@dataclass(frozen=True, slots=True)
class Answer:
    """What one method says of one record: tokens for the logged bytes, KV in GiB (likely and promised), whether it fits."""

    tokens: float | None
    likely_gib: float | None
    promised_gib: float | None
    fits: bool | None


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "--data",
        type=Path,
        default=SHARED / "kv_logs_dev.jsonl",
        help="recorded start-ups, one JSON object a line, or a folder of such files",
    )
    parser.add_argument("--facts", type=Path, help="published model facts; default: model_facts.jsonl beside the data, else the shared one")
    parser.add_argument("--json", action="store_true", help="print JSON only")
    parser.add_argument("--rows", action="store_true", help="print every record")
    parser.add_argument("--packing", action="store_true", help="plan made-up stacks, too")
    options = parser.parse_args()
    folder = options.data if options.data.is_dir() else options.data.parent
    facts = options.facts or (beside if (beside := folder / "model_facts.jsonl").is_file() else SHARED / "model_facts.jsonl")
    files = record_files(options.data)
    if not files or not facts.is_file():
        sys.exit(f"There is no {facts if files else options.data}. Name recorded start-ups with --data and model facts with --facts.")
    logs = read_logs(files, facts)
    usable = [asked for asked in map(ask, logs) if asked]
    report = {
        **figures(usable, moorage),
        "baselines": {name: figures(usable, method) for name, method in BASELINES.items()},
        **account(logs, usable),
    }
    report["targets"] = {
        name: {"wanted": f"{sign} {goal}", "met": _met(report[name], sign, goal)} for name, (sign, goal) in TARGETS.items()
    }
    if options.packing:
        report["packing"] = packing(facts)
    if options.rows:
        for asked in usable:
            print(row(asked), file=sys.stderr)
    print(json.dumps(report, indent=2, ensure_ascii=False) if options.json else table(report))


def record_files(data: Path) -> list[Path]:
    """The file, or those of a folder that hold start-ups."""
    if data.is_dir():
        return [file for pattern in ("*.jsonl", "*.json") for file in sorted(data.glob(pattern)) if is_records(file)]
    return [data] if data.is_file() else []


def ask(log: Log) -> Asked | None:
    """The record as a question to a planner; None where the model is not known."""
    if log.spec is None:
        return None
    try:
        version = parse_version(log.text("vllm_version"))
    except ValueError:
        version = LATEST
    name, total = log.text("gpu") or "", log.positive("gpu_total_gib")
    card = find_card(name) or card_of_size(total or 24.0, name)
    card = replace(card, total_bytes=round(total * GIB)) if total else card
    free = log.number("free_gib_at_start")
    if free is not None:
        card = replace(card, used_bytes=max(card.total_bytes - round((free + _CONTEXT_GIB) * GIB), 0))
    spec, flags = _stored_as(log.spec, log.text("quantization")), flags_of(log)
    return Asked(log, spec, card, flags, predict(spec, card, flags, version))


def _stored_as(spec: ModelSpec, words: str | None) -> ModelSpec:
    quantization = quantization_of(words)
    if spec.weights and quantization and spec.shape:
        size = spec.weights.bytes * bytes_per_weight(quantization) / spec.shape.number_bytes
        return replace(spec, quantization=quantization, weights=replace(spec.weights, bytes=round(size)))
    return replace(spec, quantization=quantization)


def flags_of(log: Log) -> Flags:
    """The flags as the record states them; what it does not state is left to the engine's defaults."""
    more, drafts = log.text("extra_flags") or "", log.text("spec_decode") or ""
    rank, draft_tokens = re.search(r"rank (\d+)", more), re.search(r"n=(\d+)", drafts)
    cache = ((log.text("kv_cache_dtype") or "").split() or ["auto"])[0]
    offload = re.search(r"cpu-offload-gb (\d+)", more)
    return Flags(
        utilization=log.positive("gpu_memory_utilization"), max_len=_whole(log, "max_model_len"), max_seqs=_whole(log, "max_num_seqs"),
        batched_tokens=_whole(log, "max_num_batched_tokens"), cache_format=cache, tp=log.count("tp", 1), pp=log.count("pp", 1),
        is_eager=bool(log.flag("enforce_eager")), prefix_caching=log.flag("prefix_caching"), draft_tokens=int(draft_tokens[1]) if draft_tokens else 0,
        draft_layers=1 if drafts else 0, lora_rank=int(rank[1]) if rank else (16 if "lora" in more.lower() else 0), block_tokens=_whole(log, "block_size"),
        sees_pictures="language-model-only" not in more, has_cache_groups=not re.search(r"disable-hybrid|kv-transfer", more),
        offload_bytes=int(offload[1]) * GIB if offload else 0, is_v0=log.text("engine") == "V0",
    )  # fmt: skip


def _whole(log: Log, name: str) -> int | None:
    value = log.positive(name)
    return None if value is None else max(int(value), 1)


# -- the methods


def moorage(asked: Asked) -> Answer:
    plan, logged = asked.plan, asked.logged_gib
    tokens = plan.layout.tokens(round(logged * GIB), plan.flags.max_len) if logged is not None else None
    return Answer(tokens, plan.cache.likely / GIB, plan.cache.low / GIB, plan.fits)


def textbook(asked: Asked) -> Answer:
    """Parameters times two bytes, and 2 x layers x KV heads x head size x bytes for a token; the rest of the budget is cache."""
    return _simple(asked, _stored_bytes(asked), _plain_token_bytes(asked))


def gpustack(asked: Asked) -> Answer:
    """1.2 times the weights and 2 GiB (0.5 for other than language models); neither length nor flags count."""
    extra = 2.0 if asked.spec.task in ("chat", "vision_chat") else 0.5
    claimed = 1.2 * _stored_bytes(asked) / asked.flags.tp + extra * GIB
    left = (_budget(asked) - claimed) / GIB
    return Answer(None, left, left, claimed <= asked.card.total_bytes)


def hf_mem(asked: Asked) -> Answer:
    """Exact weights and the cache of one request; the cache's numbers are the checkpoint's, no latent attention, no activation."""
    quantization = asked.spec.quantization
    is_fp8 = quantization is not None and quantization.bits == 8
    return _simple(asked, _stored_bytes(asked), _plain_token_bytes(asked) * (0.5 if is_fp8 else 1.0))


def llm_d(asked: Asked) -> Answer:
    """Weights and constants for each architecture, measured on H100 with its defaults; GQA and latent attention."""
    family = (asked.spec.architecture or "").lower()
    activation = next((size for word, size in _LLM_D.items() if word in family), 5.5)
    extra = (activation + (0.55 if asked.flags.tp > 1 else 0.13)) * GIB
    latent = asked.spec.shape.latent if asked.spec.shape else None
    token = _plain_token_bytes(asked)
    if latent and asked.spec.shape:
        token = asked.spec.shape.layer_count * (latent.kv_rank + latent.rope_dim) * 2
    return _simple(asked, _stored_bytes(asked) + extra * asked.flags.tp, token)


_LLM_D = {"llama": 4.8, "gptoss": 7.38, "qwen": 5.6, "mistral": 2.12, "deepseek": 5.5}
BASELINES: Mapping[str, Callable[[Asked], Answer]] = {"textbook": textbook, "gpustack": gpustack, "hf_mem": hf_mem, "llm_d": llm_d}


def _simple(asked: Asked, weights: float, token_bytes: float) -> Answer:
    left = _budget(asked) - weights / asked.flags.tp
    logged = asked.logged_gib
    tokens = logged * GIB / token_bytes if logged is not None and token_bytes else None
    needed = (asked.flags.max_len or asked.plan.flags.max_len) * token_bytes
    return Answer(tokens, left / GIB, left / GIB, left >= needed)


def _budget(asked: Asked) -> float:
    return asked.card.total_bytes * asked.plan.flags.utilization


def _stored_bytes(asked: Asked) -> float:
    weights = weights_of(asked.spec)
    return weights.bytes if weights else loaded_bytes(asked.spec)


def _plain_token_bytes(asked: Asked) -> float:
    shape = asked.spec.shape
    number = 1 if asked.flags.cache_format.startswith("fp8") else 2
    return 2 * shape.layer_count * shape.kv_heads * shape.head_dim * number / asked.flags.tp if shape else 0.0


# -- stacks


def packing(facts: Path, stacks: int = 200) -> Figures:
    """Plans stacks drawn with a fixed seed; every one holds at least one model that writes."""
    draw = random.Random(_SEED)
    specs = [spec for spec in read_specs(facts) if (weights := weights_of(spec)) and weights.bytes < 80 * GIB]
    writers = [spec for spec in specs if spec.task in ("chat", "vision_chat")]
    seconds, spares, placed, asked = [], [], 0, 0
    for _ in range(stacks):
        chosen = [draw.choice(writers), *(draw.choice(specs) for _ in range(draw.randint(2, 5)))]
        wishes = [Wish(f"{i}", spec) for i, spec in enumerate(chosen)]
        cards = tuple(replace(card, index=i) for i, card in enumerate(draw.choices(CARDS, k=1) * draw.randint(1, 4)))
        began = time.process_time()
        plan = plan_stack(wishes, cards)
        seconds.append(time.process_time() - began)
        spares += [use.spare_bytes / use.card.total_bytes for use in plan.cards]
        placed, asked = placed + len(plan.placed), asked + len(wishes)
    return {
        "stacks": stacks,
        "longest_cpu_s": round(max(seconds), 3),
        "least_spare": round(min(spares), 4),
        "placed": f"{placed} of {asked}",
    }


# -- the measures


def figures(records: Sequence[Asked], method: Callable[[Asked], Answer]) -> Figures:
    by_tokens = [_is_token_hit(asked, method(asked)) for asked in records if _has_tokens(asked)]
    by_size = [(asked, method(asked)) for asked in records if _has_size(asked)]
    near = [abs((answer.likely_gib or 0.0) - (asked.logged_gib or 0.0)) <= _bound(asked) for asked, answer in by_size]
    over = [
        (answer.promised_gib or 0.0) - max(asked.logged_gib or 0.0, 0.0) > 0.5 and (answer.promised_gib or 0) > 0
        for asked, answer in by_size
    ]
    wrong = [asked.log.name for asked in records if _is_failure(asked) and method(asked).fits]
    known = [hit for hit in by_tokens if hit is not None]
    return {
        "kv_tokens_within_half_percent": round(sum(known) / len(known), 4) if known else None,
        "kv_gib_within_bound": _share(near),
        "over_promise_rate": _share(over),
        "false_fits": len(wrong),
        "false_fit_records": wrong,
    }


def _share(flags: Sequence[bool]) -> float | None:
    return round(sum(flags) / len(flags), 4) if flags else None


def _is_token_hit(asked: Asked, answer: Answer) -> bool | None:
    if answer.tokens is None:
        return None
    printed = asked.log.number("kv_tokens") or 0.0
    block = min((group.block_tokens for group in asked.plan.layout.groups), default=16)
    return abs(answer.tokens - printed) <= max(0.005 * printed, block)


def _bound(asked: Asked) -> float:
    return max(0.5, 0.02 * asked.card.total_bytes / GIB)


def _is_comparable(asked: Asked) -> bool:
    return not _NOT_COMPARABLE.search(asked.log.text("notes") or "")


def _has_tokens(asked: Asked) -> bool:
    return (
        _is_comparable(asked)
        and (asked.log.number("kv_tokens") or 0) > 0
        and (asked.logged_gib or 0) > 0
        and not asked.log.text("spec_decode")
    )


def _has_size(asked: Asked) -> bool:
    """A text model on a known card with a memory of its own, with the flags that decide: how much of the card, and how long."""
    return asked.spec.task in ("chat", "embed", "rerank") and _is_stated(asked)


def _is_stated(asked: Asked) -> bool:
    stated = all(asked.log.number(name) is not None for name in ("gpu_memory_utilization", "max_model_len", "tp"))
    is_known = asked.log.number("gpu_total_gib") is not None or (asked.card.is_known and not asked.card.is_unified)
    return _is_comparable(asked) and not asked.log.text("spec_decode") and stated and is_known and asked.logged_gib is not None


def _is_failure(asked: Asked) -> bool:
    """A start that failed for want of memory, on a card and for a length that are known."""
    is_known = asked.log.number("gpu_total_gib") is not None or (asked.log.text("gpu") is not None and asked.card.is_known)
    is_stated = asked.log.number("gpu_memory_utilization") is not None or asked.log.number("max_model_len") is not None
    return bool(_TOO_LITTLE.match(asked.log.text("outcome") or "")) and is_known and is_stated and asked.log.number("tp") is not None


def account(logs: Sequence[Log], usable: Sequence[Asked]) -> Figures:
    """How many records each figure rests on, and which were left out."""
    return {
        "records": len(logs),
        "counted": {
            "tokens": sum(map(_has_tokens, usable)), "gib": sum(map(_has_size, usable)), "failures": sum(map(_is_failure, usable)),
        },
        "unknown_model": [log.name for log in logs if log.spec is None],
        "not_comparable": [asked.log.name for asked in usable if not _is_comparable(asked)],
        "with_pictures_gib_within_bound": _share([
            abs(asked.plan.cache.likely / GIB - (asked.logged_gib or 0.0)) <= _bound(asked)
            for asked in usable if _is_stated(asked) and asked.spec.task == "vision_chat"
        ]),
        "started_but_not_promised": sum(asked.log.text("outcome") == "ok" and _has_size(asked) and not asked.plan.fits for asked in usable),
        "range_holds": _share([
            asked.plan.cache.low / GIB - 0.01 <= (asked.logged_gib or 0.0) <= asked.plan.cache.high / GIB + 0.01 for asked in usable if _has_size(asked)
        ]),
    }  # fmt: skip


def _met(value: object, sign: str, goal: float) -> bool | None:
    if not isinstance(value, (int, float)):
        return None
    return value >= goal if sign == ">=" else value <= goal


def table(report: Mapping[str, object]) -> str:
    names = ["kv_tokens_within_half_percent", "kv_gib_within_bound", "over_promise_rate", "false_fits"]
    methods = {"moorage": report, **report["baselines"]}  # type: ignore[dict-item]
    lines = [f"{'':10}" + "".join(f"{name:>32}" for name in names)]
    for method, values in methods.items():
        lines.append(f"{method:10}" + "".join(f"{'n/a' if values[name] is None else values[name]!s:>32}" for name in names))  # type: ignore[index]
    lines += [
        f"{key}: {report[key]}"
        for key in (
            "records",
            "counted",
            "with_pictures_gib_within_bound",
            "started_but_not_promised",
            "range_holds",
            "unknown_model",
            "not_comparable",
            "targets",
            "packing",
        )
        if key in report
    ]
    return "\n".join(lines)


def row(asked: Asked) -> str:
    plan, logged = asked.plan, asked.logged_gib
    marks = ("T" if _has_tokens(asked) else "-") + ("G" if _has_size(asked) else "-") + ("F" if _is_failure(asked) else "-")
    tokens = plan.layout.tokens(round(logged * GIB), plan.flags.max_len) if logged else None
    sizes = " ".join(f"{size / GIB:7.2f}" for size in (plan.cache.low, plan.cache.likely, plan.cache.high))
    wrong = " <<" if _has_size(asked) and abs(plan.cache.likely / GIB - (logged or 0)) > _bound(asked) else ""
    missed = " <tokens" if _has_tokens(asked) and not _is_token_hit(asked, moorage(asked)) else ""
    return f"{asked.log.name:34} {marks} kv {logged} of {sizes}  tokens {asked.log.row.get('kv_tokens')} {tokens}  {asked.log.text('outcome')} fits {plan.fits}{wrong}{missed}"


if __name__ == "__main__":
    main()
