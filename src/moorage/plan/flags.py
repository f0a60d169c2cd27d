"""The flags of an engine that decide memory, and what vLLM puts where nothing is said. The defaults depend on version, card and task."""

from __future__ import annotations

from dataclasses import dataclass, replace

from moorage.core.modelspec import ModelSpec
from moorage.plan.cards import GIB, Card
from moorage.plan.kv import CacheSetup
from moorage.plan.version import EngineVersion

_UTILIZATION_RAISED = EngineVersion(0, 20)
_MANY_SEQUENCES_UNTIL = EngineVersion(0, 8, 4)  # V1 began with 1024 everywhere and went back (vLLM pull request 16158)
_LARGEST_CARDS_FROM = EngineVersion(0, 28)
_CHUNKED_ABOVE = 32_768  # V0 cut prompts into pieces only above this length
_POOLING_TOKENS = 32_768


@dataclass(frozen=True, slots=True)
class Flags:
    """What is said on an engine's command line. None is "not said"; ``resolve`` fills it as the engine would.

    ``cache_bytes`` is ``--kv-cache-memory-bytes``: the cache is exactly that and ``utilization`` only matters at start. ``offload_bytes``
    of weights stay in the machine's memory. ``has_cache_groups`` is False with ``--disable-hybrid-kv-cache-manager`` and what implies it.
    """

    utilization: float | None = None
    cache_bytes: int | None = None
    max_len: int | None = None
    max_seqs: int | None = None
    batched_tokens: int | None = None
    cache_format: str = "auto"
    tp: int = 1
    pp: int = 1
    dcp: int = 1
    block_tokens: int | None = None
    is_eager: bool = False
    prefix_caching: bool | None = None
    draft_tokens: int = 0
    draft_layers: int = 0
    lora_rank: int = 0
    offload_bytes: int = 0
    is_v0: bool | None = None
    sees_pictures: bool = True
    has_cache_groups: bool = True


@dataclass(frozen=True, slots=True)
class FullFlags:
    """Flags with every value known, and whether the first engine (V0) runs."""

    utilization: float
    max_len: int
    max_seqs: int
    batched_tokens: int
    cache_format: str
    is_v0: bool
    said: Flags

    @property
    def tp(self) -> int:
        return self.said.tp

    @property
    def pp(self) -> int:
        return self.said.pp

    def cache_setup(self, version: EngineVersion) -> CacheSetup:
        said = self.said
        return CacheSetup(
            version=version, tp=said.tp, pp=said.pp, dcp=said.dcp, number_format=self.cache_format, block_tokens=said.block_tokens,
            batched_tokens=self.batched_tokens, prefix_caching=said.prefix_caching, draft_tokens=said.draft_tokens,
            draft_layers=said.draft_layers, is_v0=self.is_v0,
            has_groups=said.has_cache_groups,
        )  # fmt: skip


def resolve(said: Flags, spec: ModelSpec, card: Card, version: EngineVersion) -> FullFlags:
    """The flags as the engine's API server would complete them."""
    is_v0 = said.is_v0 if said.is_v0 is not None else version < EngineVersion(0, 8)
    max_len = said.max_len or spec.context_tokens or 4096
    max_seqs = said.max_seqs or _default_seqs(card, version, is_v0)
    batched = said.batched_tokens or _default_batch(spec, card, version, is_v0, max_len)
    if not is_v0 and said.batched_tokens is None:
        batched = min(batched, max(max_seqs * max_len, 16))
    cache_format = said.cache_format
    if cache_format == "auto" and spec.quantization and spec.quantization.kv_cache and version >= EngineVersion(0, 12):
        cache_format = spec.quantization.kv_cache  # before, scales in a checkpoint did not change the cache's format
    utilization = said.utilization or (0.92 if version >= _UTILIZATION_RAISED else 0.9)
    return FullFlags(utilization, max_len, max_seqs, batched, cache_format, is_v0, replace(said))


def _is_large(card: Card) -> bool:
    return card.total_bytes >= 70 * GIB and "a100" not in card.name.lower()


def _default_seqs(card: Card, version: EngineVersion, is_v0: bool) -> int:
    if is_v0:
        return 256
    return 1024 if version <= _MANY_SEQUENCES_UNTIL or _is_large(card) else 256


def _default_batch(spec: ModelSpec, card: Card, version: EngineVersion, is_v0: bool, max_len: int) -> int:
    is_pooling = spec.task in ("embed", "rerank", "classify")
    if is_v0:
        if is_pooling:
            return max(max_len, _POOLING_TOKENS)
        return max(max_len, 2048) if max_len <= _CHUNKED_ABOVE or spec.task == "vision_chat" else 2048
    tokens = 8192 if _is_large(card) else 2048
    if card.total_bytes >= 160 * GIB and version >= _LARGEST_CARDS_FROM:
        tokens = 16_384
    if is_pooling and spec.shape is not None and not spec.shape.has_cache:
        return max(tokens, max_len)
    return tokens
