"""The flags of a mended command line as the planner's: numbers read as the engine reads them, switches and variables included."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from moorage.core.modelspec import ModelSpec, Quantization, Task
from moorage.core.nouns import Notice
from moorage.engines.vllm.check import Checked
from moorage.engines.vllm.draft import read_object
from moorage.plan.cards import GIB
from moorage.plan.flags import Flags
from moorage.plan.version import EngineVersion, parse_version
from moorage.plan.weights import estimate_weights

_NUMBER = re.compile(r"(-?\d+(?:\.\d+)?)([kKmMgGtT]?)")
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_TASKS: dict[str, Task] = {"embed": "embed", "embedding": "embed", "score": "rerank", "classify": "classify", "reward": "classify"}
_AT_LOADING = {
    "fp8": Quantization("fp8", 8, 128),
    "bitsandbytes": Quantization("bitsandbytes", 4, 64),
    "int8": Quantization("int8", 8, 128),
}
_DEFAULT_RANK = 16


@dataclass(frozen=True, slots=True)
class GivenFlags:
    """What a command line says about memory. ``cards`` is how many it is cut over; ``finds_length`` that the engine looks for the length."""

    flags: Flags
    spec: ModelSpec
    cards: int
    finds_length: bool = False
    name: str | None = None
    notices: tuple[Notice, ...] = ()


def given_flags(checked: Checked, spec: ModelSpec) -> GivenFlags:
    """The flags of ``checked`` for a model: what it does not say is None, and so the engine's default."""
    line = _Line(checked)
    length = line.text("--max-model-len")
    flags = Flags(
        utilization=line.share("--gpu-memory-utilization"), cache_bytes=line.count("--kv-cache-memory-bytes"),
        max_len=line.count("--max-model-len"), max_seqs=line.count("--max-num-seqs"), batched_tokens=line.count("--max-num-batched-tokens"),
        cache_format=line.text("--kv-cache-dtype") or "auto", tp=line.count("--tensor-parallel-size") or 1,
        pp=line.count("--pipeline-parallel-size") or 1, dcp=line.count("--decode-context-parallel-size") or 1, block_tokens=line.count("--block-size"),
        is_eager=line.is_on("--enforce-eager") or False, prefix_caching=line.is_on("--enable-prefix-caching"), **_drafts(line),
        lora_rank=(line.count("--max-lora-rank") or _DEFAULT_RANK) if line.is_on("--enable-lora") else 0,
        offload_bytes=round((line.number("--cpu-offload-gb") or 0) * GIB), is_v0=_is_v0(checked), sees_pictures=_sees(line),
        has_cache_groups=not line.is_on("--disable-hybrid-kv-cache-manager"),
    )  # fmt: skip
    replicas = line.count("--data-parallel-size") or 1
    return GivenFlags(
        flags, _as_loaded(line, spec), flags.tp * flags.pp * replicas, length in ("auto", "-1"), line.first("--served-model-name"), tuple(_notices(line))
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Line:
    """The mended flags by name. A value that is no number counts as not given; the check has said so already."""

    checked: Checked

    def text(self, name: str) -> str | None:
        found = [given for given in self.checked.mended.flags if given.name == name and not given.path]
        return " ".join(found[-1].values) if found and found[-1].values else None

    def first(self, name: str) -> str | None:
        return (self.text(name) or "").split(" ")[0] or None

    def is_on(self, name: str) -> bool | None:
        """A switch: None where it is not given."""
        found = [given for given in self.checked.mended.flags if given.name == name and not given.path]
        return (not found[-1].is_off and found[-1].values[:1] != ("False",)) if found else None

    def number(self, name: str) -> float | None:
        found = _NUMBER.fullmatch(self.text(name) or "")
        return float(found[1]) * _UNITS[found[2]] if found else None

    def count(self, name: str) -> int | None:
        number = self.number(name)
        return round(number) if number is not None and number >= 1 else None

    def share(self, name: str) -> float | None:
        number = self.number(name)
        return number if number is not None and 0 < number <= 1 else None


def _drafts(line: _Line) -> dict[str, int]:
    config = read_object(line.text("--speculative-config") or "")
    count = config.get("num_speculative_tokens")
    if not config or config.get("method") in ("ngram", "suffix"):
        return {}
    return {"draft_tokens": count if isinstance(count, int) and count > 0 else 1, "draft_layers": 1}


def _is_v0(checked: Checked) -> bool | None:
    """The older engine, where the variable that chose it still counts."""
    chosen = checked.mended.variables.get("VLLM_USE_V1")
    return chosen == "0" if chosen in ("0", "1") and parse_version(str(checked.at)) < EngineVersion(0, 11) else None


def _sees(line: _Line) -> bool:
    limits = read_object(line.text("--limit-mm-per-prompt") or "")
    return not line.is_on("--language-model-only") and not (limits and all(limits.get(kind) == 0 for kind in ("image", "video")))


def _as_loaded(line: _Line, spec: ModelSpec) -> ModelSpec:
    """The model as the line makes it: pooling, or quantized while it is loaded."""
    task = _TASKS.get(line.text("--convert") or line.text("--task") or "")
    if line.text("--runner") == "generate" and spec.task not in ("chat", "vision_chat"):
        task = "chat"
    spec = replace(spec, task=task) if task else spec
    build = _AT_LOADING.get(line.text("--quantization") or "")
    if build is None or spec.quantization is not None or spec.shape is None:
        return spec
    return replace(spec, quantization=build, weights=estimate_weights(spec.shape, build))


def _notices(line: _Line) -> Iterator[Notice]:
    if line.text("--quantization") in _AT_LOADING:
        yield Notice(
            "quantized_at_loading",
            "Quantized while it is loaded: the whole weights pass through memory layer by layer, and the start takes longer.",
            "加载时量化：完整权重会逐层经过显存，启动更慢。",
        )
    if line.text("--speculative-config"):
        yield Notice(
            "draft", "A draft model's own weights are not counted here.", "此处未计入草稿模型自身的权重。"
        )  # fmt: skip
