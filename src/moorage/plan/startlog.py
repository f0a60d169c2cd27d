"""A start-up log of vLLM as numbers: what was asked for, what it found. Tolerates missing lines, colours, prefixes and other processes' talk."""

from __future__ import annotations

import re
from dataclasses import dataclass

from moorage.plan.cards import GIB
from moorage.plan.version import EngineVersion, parse_version

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_NUMBER = r"(-?\d+(?:[.,]\d+)*)"
_MOST_LINES = 200_000


@dataclass(frozen=True, slots=True)
class StartLog:
    """What a log says; None is what it does not. Sizes in bytes. Of several cards the smallest cache counts, as it does for vLLM."""

    version: EngineVersion | None = None
    model: str | None = None
    tp: int = 1
    pp: int = 1
    max_len: int | None = None
    max_seqs: int | None = None
    batched_tokens: int | None = None
    utilization: float | None = None
    cache_format: str | None = None
    cache_flag_bytes: int | None = None
    is_eager: bool = False
    is_v0: bool = False
    total_bytes: int | None = None
    free_bytes: int | None = None
    weights_bytes: int | None = None
    cache_bytes: int | None = None
    cache_tokens: int | None = None
    concurrency: float | None = None
    graphs_bytes: int | None = None


def read_start_log(text: str) -> StartLog:
    """The numbers in a log. Raises ValueError where it says neither the cache's size nor its tokens."""
    lines = [_COLOURS.sub("", line) for line in text.splitlines()[:_MOST_LINES]]
    whole = "\n".join(lines)
    caches = [*_sizes(r"Available KV cache memory:\s*" + _NUMBER + r"\s*(GiB|GB|MiB)", whole), *_v0_caches(whole)]
    tokens = [
        *_counts(r"(?:GPU|CPU|XPU|NPU) KV cache size:\s*" + _NUMBER + r" tokens", whole),
        *(16 * n for n in _counts(r"# (?:GPU|cuda) blocks:\s*" + _NUMBER, whole)),
    ]
    if not caches and not tokens:
        raise ValueError("neither the cache's size nor its tokens")
    weights = _sizes(r"(?:Model loading took|Loading model weights took)\s*" + _NUMBER + r"\s*(GiB|GB|MiB)", whole)
    free = re.search(rf"\({_NUMBER}/{_NUMBER} GiB\) on startup", whole)
    graphs = _sizes(r"Graph capturing finished in .*?took\s*" + _NUMBER + r"\s*(GiB|GB|MiB)", whole)
    return StartLog(
        version=_version(whole), model=_model(whole), tp=_flag_count(whole, "tensor_parallel_size") or 1, pp=_flag_count(whole, "pipeline_parallel_size") or 1,
        max_len=_flag_count(whole, "max_seq_len", "max_model_len"), max_seqs=_flag_count(whole, "max_num_seqs"),
        batched_tokens=_flag_count(whole, "max_num_batched_tokens"), utilization=_flag_number(whole, "gpu_memory_utilization") or _desired(whole),
        cache_format=_flag_text(whole, "kv_cache_dtype"), cache_flag_bytes=_flag_count(whole, "kv_cache_memory_bytes", "kv_cache_memory"),
        is_eager=bool(re.search(r"enforce_eager['\"]?\s*[=:]\s*True", whole)), is_v0=bool(re.search(r"V0 LLM engine|# (GPU|cuda) blocks:", whole)),
        total_bytes=round(_float(free[2]) * GIB) if free else None, free_bytes=round(_float(free[1]) * GIB) if free else None,
        weights_bytes=max(weights, default=None), cache_bytes=min(caches, default=None), cache_tokens=min(tokens, default=None),
        concurrency=min((_float(m) for m in re.findall(r"Maximum concurrency for [\d,]+ tokens per request:\s*" + _NUMBER + "x", whole)), default=None),
        graphs_bytes=max(graphs, default=None),
    )  # fmt: skip


def _version(text: str) -> EngineVersion | None:
    found = re.search(r"(?:vLLM API server version|LLM engine \(v?|vLLM version)\s*v?(\d+\.\d+[\w.+]*)", text)
    return parse_version(found[1]) if found else None


def _model(text: str) -> str | None:
    found = re.search(r"(?:config: model=|model_tag['\"]?: |['\"]model['\"]: |model=)['\"]([^'\"]+)['\"]", text)
    return found[1] if found else None


def _desired(text: str) -> float | None:
    """The share that was asked for, from the hint at the end of a start."""
    found = re.search(rf"Desired GPU memory utilization is \({_NUMBER},|The current --gpu-memory-utilization={_NUMBER}", text)
    return _float(found[1] or found[2]) if found else None


def _v0_caches(text: str) -> list[int]:
    return _sizes(r"rest of the memory reserved for KV Cache is\s*" + _NUMBER + r"\s*(GiB|GB|MiB)", text)


def _flag_count(text: str, *names: str) -> int | None:
    value = _flag_number(text, *names)
    return int(value) if value is not None else None


def _flag_number(text: str, *names: str) -> float | None:
    for name in names:
        found = re.search(rf"\b{name}['\"]?\s*[=:]\s*{_NUMBER}", text)
        if found:
            return _float(found[1])
    return None


def _flag_text(text: str, name: str) -> str | None:
    found = re.search(rf"\b{name}['\"]?\s*[=:]\s*['\"]?(\w+)", text)
    return found[1] if found and found[1] != "None" else None


def _sizes(pattern: str, text: str) -> list[int]:
    units = {"GiB": GIB, "GB": GIB, "MiB": 2**20}  # vLLM wrote GB for GiB in its first years
    return [round(_float(number) * units[unit]) for number, unit in re.findall(pattern, text)]


def _counts(pattern: str, text: str) -> list[int]:
    return [int(_float(number)) for number in re.findall(pattern, text)]


def _float(text: str) -> float:
    return float(text.replace(",", ""))
