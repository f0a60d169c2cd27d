"""What a model is, as its own files tell: its task, its shape, its weights, its words. Frozen, small, without I/O; who reads the files
and who plans memory from them both know these nouns and not each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from moorage.core.nouns import Notice

Task = Literal["chat", "vision_chat", "embed", "rerank", "classify"]
LayerSort = Literal["full", "sliding", "chunked", "latent", "recurrent", "encoder"]
StateSort = Literal["gated_delta_net", "kda", "mamba1", "mamba2", "linear", "short_conv"]


@dataclass(frozen=True, slots=True)
class RecurrentState:
    """The state that a recurrent layer keeps for each request, whatever its length.

    ``temporal_bytes`` is the size of one number of the state; the convolution's numbers have the model's own size.
    """

    sort: StateSort
    key_heads: int
    value_heads: int
    key_dim: int
    value_dim: int
    kernel: int = 4
    temporal_bytes: int = 2


@dataclass(frozen=True, slots=True)
class LayerRun:
    """Layers of one sort. ``kv_heads`` and ``head_dim`` are the whole model's, not one card's.

    ``window`` is a sliding layer's reach or a chunked layer's chunk. A ``latent`` layer (MLA) keeps ``head_dim`` numbers a token in all,
    plus ``index_dim`` for a sparse layer's index. A layer that ``is_shared`` reads another layer's cache and has none of its own.
    """

    sort: LayerSort
    count: int
    kv_heads: int = 0
    head_dim: int = 0
    value_dim: int | None = None
    window: int | None = None
    index_dim: int = 0
    is_shared: bool = False
    state: RecurrentState | None = None


@dataclass(frozen=True, slots=True)
class Experts:
    """A mixture of experts: ``count`` in each of ``layers`` layers, ``active`` of them for a token."""

    count: int
    active: int
    intermediate: int
    layers: int
    shared: int = 0
    shared_intermediate: int | None = None


@dataclass(frozen=True, slots=True)
class Latent:
    """Multi-head latent attention: the ranks and dimensions that its projections have."""

    kv_rank: int
    rope_dim: int
    q_rank: int | None = None
    nope_dim: int = 128
    value_dim: int = 128


@dataclass(frozen=True, slots=True)
class Vision:
    """The part that sees. ``item_tokens`` is the most that one picture becomes in the text."""

    layers: int
    hidden: int
    intermediate: int
    item_tokens: int


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of a model that decide its memory and speed."""

    layers: tuple[LayerRun, ...]
    hidden: int
    heads: int
    head_dim: int
    intermediate: int
    vocabulary: int
    context_tokens: int
    is_tied: bool = False
    number_bytes: int = 2
    experts: Experts | None = None
    latent: Latent | None = None
    vision: Vision | None = None
    draft_layers: int = 0
    """Layers for predicting more than one token (MTP) that the checkpoint carries; they are loaded only when used."""
    compress_ratios: Mapping[int, int] = field(default_factory=dict[int, int])
    """Compressed caches (DeepSeek-V4): how many layers keep one state for each so many tokens."""

    @property
    def layer_count(self) -> int:
        return sum(run.count for run in self.layers)

    @property
    def kv_heads(self) -> int:
        """The most key-value heads that any layer has."""
        return max((run.kv_heads for run in self.layers), default=0)

    @property
    def has_cache(self) -> bool:
        """Whether an engine keeps a cache for it: an encoder needs none."""
        return any(run.sort != "encoder" for run in self.layers)

    @property
    def is_hybrid(self) -> bool:
        """Whether some layers keep a state and no cache that grows."""
        return any(run.sort == "recurrent" for run in self.layers)


@dataclass(frozen=True, slots=True)
class Quantization:
    """How the weights are stored. ``bits`` counts one weight of a quantized layer without its scales; ``group`` is how many share a scale.

    ``kv_cache`` is the cache's number format where the checkpoint brings scales for it, e.g. ``fp8``.
    """

    method: str
    bits: float
    group: int | None = None
    kv_cache: str | None = None


@dataclass(frozen=True, slots=True)
class Weights:
    """The weights on disk. ``bytes`` is what an engine loads; ``is_exact`` is False where it was worked out from the shape."""

    bytes: int
    is_exact: bool = True
    by_dtype: Mapping[str, int] = field(default_factory=dict[str, int])
    parameters: int | None = None
    expert_bytes: int = 0
    vision_bytes: int = 0
    draft_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Template:
    """What a chat template can render. ``thinking`` is ``switch`` when the caller chooses, ``always`` when it thinks anyway. ``text`` is the
    template itself: the marks in it tell which parser reads the model's answers."""

    renders_tools: bool = False
    thinking: Literal["none", "switch", "always"] = "none"
    text: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Pooling:
    """How an embedder makes one vector of many: its method, whether it is of length one, and the texts to put before (by name)."""

    method: str
    is_normalized: bool = False
    dimension: int | None = None
    prompts: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model and what it does. Of one that is only an address, the name and the task are known and the rest is None."""

    name: str
    task: Task
    context_tokens: int | None = None
    architecture: str | None = None
    shape: Shape | None = None
    weights: Weights | None = None
    quantization: Quantization | None = None
    template: Template | None = None
    pooling: Pooling | None = None
    license: str | None = None
    format: Literal["safetensors", "gguf", "bin", "none"] = "none"
    notices: tuple[Notice, ...] = ()
