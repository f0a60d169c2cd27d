"""How vLLM cuts the cache into blocks, and so how many tokens some bytes hold. Exact where the version's rule is known: the figures
are those that vLLM prints as ``GPU KV cache size`` and ``Maximum concurrency``. Knows nothing of how many bytes there are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil

from moorage.core.modelspec import LayerRun, RecurrentState, Shape
from moorage.plan.version import LATEST, EngineVersion

BLOCK_TOKENS = 16
_GROUPED_FROM = EngineVersion(0, 9, 2)  # before, every layer was given the cache of a full one
_CHUNKS_WHOLE_FROM = EngineVersion(0, 10, 1)  # chunked layers were slower in groups (vLLM pull request 21761) ...
_CHUNKS_GROUPED_FROM = EngineVersion(0, 13)  # ... until the tables of a step were kept (29627)
_PRINTS_CONCURRENCY_FROM = EngineVersion(0, 20, 1)  # tokens = concurrency x length; before, blocks / groups x block
_TWO_BATCHES_FROM = EngineVersion(0, 26)  # freed on the processed token: two batches may be in flight (vLLM pull request 47728)
_STATE_COPY_FROM = EngineVersion(0, 26)  # prefix caching is on for hybrids as well: one more state for each request
_CAN_COPY_STATE_FROM = EngineVersion(0, 14)  # before, the flag was accepted and states were not kept
_SPARSE_ROW = 656  # DeepSeek-V3.2: 512 fp8 numbers, 4 scales of 4 bytes, 64 bf16 numbers
_COMPRESSED_ROW = 584  # DeepSeek-V4: the same idea with smaller scales
_COMPRESSED_INDEX = 132
_COMPRESSED_STEP = 576
_PACKED_FROM = EngineVersion(0, 30)  # pages of several sizes share a block; before, a block had every size for each layer
CACHE_FORMATS = (
    "auto", "fp8", "fp8_e4m3", "fp8_e5m2", "fp8_inc", "fp8_ds_mla", "fp8_per_token_head", "nvfp4", "int8_per_token_head", "int4_per_token_head", "float16", "bfloat16",
)  # fmt: skip
"""What ``--kv-cache-dtype`` takes, of vLLM 0.32; formats whose size is not known are left out."""
_NUMBER_BYTES = {"fp8": 1.0, "int8": 1.0, "nvfp4": 0.5625, "int4": 0.53125, "float32": 4.0, "float16": 2.0, "bfloat16": 2.0}


@dataclass(frozen=True, slots=True)
class CacheSetup:
    """What decides the cache's form besides the model. ``draft_layers`` are layers of a draft model that keep a cache, too."""

    version: EngineVersion = LATEST
    tp: int = 1
    pp: int = 1
    dcp: int = 1
    number_format: str = "auto"
    block_tokens: int | None = None
    batched_tokens: int = 2048
    prefix_caching: bool | None = None
    draft_tokens: int = 0
    draft_layers: int = 0
    is_v0: bool = False
    has_groups: bool = True

    @property
    def is_grouped(self) -> bool:
        return self.has_groups and not self.is_v0 and self.version >= _GROUPED_FROM


@dataclass(frozen=True, slots=True)
class CacheGroup:
    """Layers that share one table of blocks. A group with ``states`` takes that many blocks for each request, whatever its length."""

    layers: int
    block_tokens: int
    page_bytes: int
    reach: int | None = None
    extra_blocks: int = 0
    states: int | None = None

    def blocks(self, tokens: int) -> int:
        """Blocks that one request of ``tokens`` holds at most."""
        if self.states is not None:
            return self.states
        held = tokens if self.reach is None else min(self.reach, tokens)
        return ceil(held / self.block_tokens) + self.extra_blocks


@dataclass(frozen=True, slots=True)
class CacheLayout:
    """The groups of one model on one card. One block of the pool costs ``block_bytes`` and serves any group."""

    groups: tuple[CacheGroup, ...]
    block_bytes: int
    setup: CacheSetup
    is_exact: bool = True

    def blocks_per_request(self, tokens: int) -> int:
        return sum(group.blocks(ceil(tokens / self.setup.dcp)) for group in self.groups)

    def needed_bytes(self, tokens: int) -> int:
        """What one request of this length needs: below it, vLLM refuses to start."""
        return self.blocks_per_request(tokens) * self.block_bytes

    def concurrency(self, cache_bytes: int, tokens: int) -> float:
        """``Maximum concurrency`` for requests of ``tokens``."""
        needed = self.blocks_per_request(tokens)
        return (max(cache_bytes, 0) // self.block_bytes) / needed if needed else 0.0

    def tokens(self, cache_bytes: int, max_len: int) -> int:
        """``GPU KV cache size`` in tokens, by the rule of the version."""
        if not self.groups:
            return 0
        if self.setup.version >= _PRINTS_CONCURRENCY_FROM and not self.setup.is_v0:
            return int(self.concurrency(cache_bytes, max_len) * max_len)
        smallest = min(group.block_tokens for group in self.groups)
        return max(cache_bytes, 0) // self.block_bytes // len(self.groups) * smallest * self.setup.dcp

    def longest(self, cache_bytes: int, limit: int) -> int:
        """The longest request, up to ``limit``, that these bytes hold; 0 for none."""
        low, high = 0, limit
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self.needed_bytes(middle) <= cache_bytes else (low, middle - 1)
        return low

    @property
    def bytes_per_token(self) -> float:
        """What one more token of a long request costs; 0 where nothing grows."""
        return sum(self.block_bytes / g.block_tokens for g in self.groups if g.states is None and g.reach is None) / self.setup.dcp


def cache_layout(shape: Shape, setup: CacheSetup) -> CacheLayout:
    """The cache of ``shape`` on one card. A model without a cache (an encoder) has no groups."""
    runs = [replace(run, count=ceil(run.count / setup.pp)) for run in shape.layers if run.sort != "encoder" and not run.is_shared]
    if not runs:
        return CacheLayout((), 1, setup)
    if shape.compress_ratios:
        return _compressed(shape, setup)
    growing = _with_draft([run for run in runs if run.sort != "recurrent"], setup.draft_layers)
    states = [run for run in runs if run.sort == "recurrent"]
    block = setup.block_tokens or BLOCK_TOKENS
    sizes = [(run, _bytes_per_token(run, shape, setup)) for run in growing]
    if states and not setup.is_v0:
        return _hybrid(sizes, states, shape, setup, block)
    is_grouped = setup.is_grouped and not (_has_chunks(growing) and _CHUNKS_WHOLE_FROM <= setup.version < _CHUNKS_GROUPED_FROM)
    if not is_grouped or all(run.sort in ("full", "latent") for run, _ in sizes):
        page = sum(round(size * block) * run.count for run, size in sizes)
        return CacheLayout((CacheGroup(sum(run.count for run in growing), block, page),), max(page, 1), setup)
    return _grouped(sizes, setup, block)


def _has_chunks(runs: list[LayerRun]) -> bool:
    return any(run.sort == "chunked" for run in runs)


def _grouped(sizes: list[tuple[LayerRun, float]], setup: CacheSetup, block: int) -> CacheLayout:
    """Layers that see all beside layers that see a window: pages are made equal, groups have as many layers as the rarest sort."""
    largest = max(size for _, size in sizes)
    page = round(largest * block)
    members = [(run, block * max(1, round(largest / size))) for run, size in sizes]
    per_group = _group_size([run.count for run, _ in members])
    groups = tuple(
        group for run, tokens in members for group in [_group_of(run, per_group, tokens, page, setup)] * ceil(run.count / per_group)
    )
    return CacheLayout(groups, page * per_group, setup)


def _group_of(run: LayerRun, layers: int, block_tokens: int, page: int, setup: CacheSetup) -> CacheGroup:
    in_flight = setup.batched_tokens * (max(2, setup.pp) if setup.version >= _TWO_BATCHES_FROM else 1)
    if run.sort == "sliding" and run.window:
        return CacheGroup(layers, block_tokens, page, reach=run.window - 1 + in_flight, extra_blocks=1)
    if run.sort == "chunked" and run.window:
        return CacheGroup(layers, block_tokens, page, reach=run.window + in_flight)
    return CacheGroup(layers, block_tokens, page)


def _hybrid(sizes: list[tuple[LayerRun, float]], states: list[LayerRun], shape: Shape, setup: CacheSetup, block: int) -> CacheLayout:
    """Layers with a state beside layers with a cache: the cache's block grows until its page holds a state."""
    state = max(state_bytes(run.state, setup, shape.number_bytes) for run in states if run.state)
    copies = _state_copies(setup)
    if not sizes:
        layers = sum(run.count for run in states)
        return CacheLayout((CacheGroup(layers, shape.context_tokens, state, states=copies),), state * layers, setup)
    largest = max(size for _, size in sizes)
    step = max(block, 128) if shape.latent else block
    tokens = max(block, step * ceil(state / (step * largest)))
    page = round(largest * tokens)
    per_group = _group_size([run.count for run, _ in sizes] + [run.count for run in states])
    groups = [
        group
        for run, size in sizes
        for group in [_group_of(run, per_group, tokens * max(1, round(largest / size)), page, setup)] * ceil(run.count / per_group)
    ]
    for run in states:
        groups += [CacheGroup(per_group, tokens, page, states=copies)] * ceil(run.count / per_group)
    return CacheLayout(tuple(groups), page * per_group, setup)


def _state_copies(setup: CacheSetup) -> int:
    is_cached = setup.prefix_caching if setup.prefix_caching is not None else setup.version >= _STATE_COPY_FROM
    return 1 + setup.draft_tokens + (1 if is_cached and setup.version >= _CAN_COPY_STATE_FROM else 0)


def state_bytes(state: RecurrentState, setup: CacheSetup, number_bytes: int = 2) -> int:
    """One recurrent layer's state of one request on one card: the convolution's window and the state itself."""
    window = state.kernel - 1 + setup.draft_tokens
    if state.sort == "mamba2":
        groups = state.key_heads if state.key_heads % setup.tp == 0 else setup.tp
        width = state.value_heads * state.value_dim + 2 * groups * state.key_dim
    elif state.sort in ("mamba1", "short_conv"):
        width = state.value_heads * state.value_dim
    elif state.sort == "linear":
        width = 0
    else:
        width = 2 * state.key_dim * state.key_heads + state.value_dim * state.value_heads
    kept = 0 if state.sort == "short_conv" else state.value_heads * state.value_dim * state.key_dim
    return width // setup.tp * window * number_bytes + kept // setup.tp * state.temporal_bytes


def _group_size(counts: list[int]) -> int:
    """vLLM's own rule: the rarest sort decides, unless the commonest has less than half as many again."""
    return max(counts) if max(counts) < 1.5 * min(counts) else min(counts)


def _with_draft(runs: list[LayerRun], layers: int) -> list[LayerRun]:
    """A draft head's layers join the first run of layers that see everything, as vLLM counts them."""
    if not layers or not runs:
        return runs
    host = next((i for i, run in enumerate(runs) if run.sort in ("full", "latent")), 0)
    return [replace(run, count=run.count + layers) if i == host else run for i, run in enumerate(runs)]


def _bytes_per_token(run: LayerRun, shape: Shape, setup: CacheSetup) -> float:
    """One layer, one token, one card. Heads are copied where there are more cards than heads; a latent cache is copied always."""
    number = number_bytes(setup.number_format, shape.number_bytes)
    if run.sort == "latent":
        return _latent_bytes(run, number, setup)
    heads = max(1, run.kv_heads // setup.tp)
    return heads * (run.head_dim + (run.value_dim if run.value_dim is not None else run.head_dim)) * number


def _latent_bytes(run: LayerRun, number: float, setup: CacheSetup) -> float:
    if run.index_dim:
        is_rows = setup.number_format in ("auto", "fp8", "fp8_ds_mla") or setup.number_format.startswith("fp8")
        return (_SPARSE_ROW if is_rows else run.head_dim * number) + run.index_dim + 4 * run.index_dim / 128
    dim = run.head_dim
    if setup.is_v0 and EngineVersion(0, 7, 2) <= setup.version < EngineVersion(0, 9):
        dim = ceil(dim / 128) * 128  # rows were padded to 640 numbers for alignment
    return dim * number


def number_bytes(number_format: str, model_bytes: int = 2) -> float:
    """Bytes of one number in the cache; ``auto`` is the model's own, at most two bytes."""
    name = number_format.lower()
    known = next((size for prefix, size in _NUMBER_BYTES.items() if name.startswith(prefix)), None)
    return known if known is not None else float(model_bytes)


def _compressed(shape: Shape, setup: CacheSetup) -> CacheLayout:
    """DeepSeek-V4: a window of whole rows in every layer, one row for 4 or 128 tokens in most, an index beside the former, and the state of
    each compressor. The state's blocks of 4 and 8 tokens are many: a request costs gigabytes however short it is."""
    layers = ceil(shape.layer_count / setup.pp)
    by_four, by_many = (ceil(shape.compress_ratios.get(ratio, 0) / setup.pp) for ratio in (4, 128))
    in_flight = setup.batched_tokens * (max(2, setup.pp) if setup.version >= _TWO_BATCHES_FROM else 1)
    row, index, rare = (_aligned(count) for count in (64 * _COMPRESSED_ROW, 64 * _COMPRESSED_INDEX, 2 * _COMPRESSED_ROW))
    half = ceil(layers / 2)
    packed = by_four * (row + index) + by_many * rare
    block = packed if setup.version >= _PACKED_FROM else half * (row + index + rare)
    window = CacheGroup(half, 64, row, reach=127 + in_flight, extra_blocks=1)
    states = [
        CacheGroup(count, tokens, block, reach=reach - 1 + in_flight, extra_blocks=1)
        for count, tokens, reach in ((by_four, 4, 8), (by_many, 8, 128))
        if count
    ]
    return CacheLayout((window, window, CacheGroup(by_four + by_many, 256, block), *states), max(block, 1), setup, is_exact=False)


def _aligned(size: int) -> int:
    return ceil(size / _COMPRESSED_STEP) * _COMPRESSED_STEP
