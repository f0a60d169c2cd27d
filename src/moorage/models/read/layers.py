"""Which layers a model has and what each keeps for a request, from the many ways in which configurations say so."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from moorage.core.modelspec import LayerRun, LayerSort, RecurrentState
from moorage.models.read.fields import Fields

_WORDS: dict[str, LayerSort] = {
    "full_attention": "full", "attention": "full", "full": "full", "global": "full", "sliding_attention": "sliding", "sliding": "sliding",
    "local": "sliding", "local_attention": "sliding", "chunked_attention": "chunked", "linear_attention": "recurrent", "mamba": "recurrent",
    "mamba2": "recurrent", "recurrent": "recurrent", "conv": "recurrent",
}  # fmt: skip
_PARTS: dict[str, LayerSort] = {
    "sliding": "sliding", "local": "sliding", "chunk": "chunked", "linear": "recurrent", "mamba": "recurrent", "delta": "recurrent",
}  # fmt: skip
_NO_MIXER = {"moe", "mlp", "ffn", "dense"}
_LETTERS: dict[str, LayerSort] = {"*": "full", "M": "recurrent"}
_EVERY = {"gemma3": 6, "gemma3_text": 6, "gemma2": 2, "cohere2": 4}
_BOTH: list[LayerSort] = ["full", "recurrent"]  # a layer that mixes tokens in both ways keeps a cache and a state
_BOTH_EVERYWHERE = {"falcon_h1"}
_ALWAYS_WINDOWED = {"mistral", "phi3small", "starcoder2"}


@dataclass(frozen=True, slots=True)
class Heads:
    """The heads of attention layers, and of those that see everything where they differ."""

    kv: int
    dim: int
    value_dim: int | None
    full_kv: int
    full_dim: int


def read_layers(config: Fields, count: int, heads: Heads, latent_dim: int | None, index_dim: int) -> tuple[LayerRun, ...]:
    """Runs of layers of one sort, in no particular order: memory does not care which comes first."""
    sorts = Counter(_sorts(config, count))
    shared = min(config.count("num_kv_shared_layers", most=count) or 0, count)
    runs: list[LayerRun] = []
    borrowing = _sorts_of_last(config, count, shared)
    for sort, number in sorts.items():
        borrowed = min(borrowing.get(sort, 0), number)
        run = _run(sort, number - borrowed, config, heads, latent_dim, index_dim)
        runs += [run] if run.count else []
        runs += [_shared(run, borrowed)] if borrowed else []
    return tuple(runs)


def _sorts_of_last(config: Fields, count: int, shared: int) -> Counter[LayerSort]:
    """The sorts of the last layers, which in some models read the caches of earlier ones."""
    return Counter(_sorts(config, count)[count - shared :]) if shared else Counter()


def _shared(run: LayerRun, count: int) -> LayerRun:
    return LayerRun(run.sort, count, run.kv_heads, run.head_dim, run.value_dim, run.window, run.index_dim, True, run.state)


def _run(sort: LayerSort, count: int, config: Fields, heads: Heads, latent_dim: int | None, index_dim: int) -> LayerRun:
    if sort == "recurrent":
        return LayerRun("recurrent", count, state=read_state(config))
    if sort == "sliding":
        return LayerRun("sliding", count, heads.kv, heads.dim, heads.value_dim, window=_window(config))
    if sort == "chunked":
        return LayerRun("chunked", count, heads.kv, heads.dim, window=config.count("attention_chunk_size") or 8192)
    if latent_dim:
        return LayerRun("latent", count, 1, latent_dim, index_dim=index_dim)
    return LayerRun("full", count, heads.full_kv, heads.full_dim, heads.value_dim)


def _sorts(config: Fields, count: int) -> list[LayerSort]:
    """One sort for each layer that mixes tokens; a layer that is only an MLP has none."""
    named = config.words("layer_types", "layers_block_type")
    if named and len(named) < count:
        raise config.wrong("layer_types", named[:3], f"it names {len(named)} of {count} layers", f"只列出 {count} 层中的 {len(named)} 层")
    if named:
        hybrid = _BOTH if config.count("mamba_d_state", "ssm_state_size") else _BOTH[:1]
        sorts: list[list[LayerSort]] = [hybrid if word == "hybrid" else [_sort_of(word)] for word in named[:count] if word not in _NO_MIXER]
        return [sort for both in sorts for sort in both]
    kinds = config.counts("attn_type_list")  # MiniMax: 0 is linear attention
    if 0 in kinds:
        return ["full" if kind else "recurrent" for kind in kinds[:count]]
    blocks = [block.part("attention") for block in config.parts("block_configs")][:count]
    if any(blocks):
        return ["full" for block in blocks if block and not block.flag("no_op") and not block.flag("replace_with_linear")]
    pattern = config.text("hybrid_override_pattern")
    if pattern:
        return [_LETTERS[letter] for letter in pattern[: 4 * count] if letter in _LETTERS]
    linear = config.part("linear_attn_config")
    if linear and linear.counts("kda_layers"):
        states = len(linear.counts("kda_layers"))
        return _repeat("recurrent", min(states, count)) + _repeat("full", count - states)
    every = config.count("full_attention_interval", most=count)
    if every:
        return ["full" if (i + 1) % every == 0 else "recurrent" for i in range(count)]
    period = config.count("attn_layer_period", most=count)
    if period:
        offset = config.count("attn_layer_offset", most=count) or 0
        return ["full" if i % period == offset else "recurrent" for i in range(count)]
    if config.values.get("attn_layer_indices") is not None:
        seen = set(config.counts("attn_layer_indices"))
        return ["full" if i in seen else "recurrent" for i in range(count)]
    return _attention_sorts(config, count)


def _sort_of(word: str) -> LayerSort:
    """What a layer's name means; a name that nobody knows is told by its parts, and else taken for one that sees everything."""
    found: list[LayerSort] = [sort for part, sort in _PARTS.items() if part in word]
    if word in _WORDS:
        return _WORDS[word]
    return found[0] if found else "full"


def _attention_sorts(config: Fields, count: int) -> list[LayerSort]:
    kind = config.text("model_type") or ""
    if kind in ("mamba", "mamba2", "falcon_mamba"):
        return _repeat("recurrent", count)
    if kind in _BOTH_EVERYWHERE:
        return _repeat("full", count) + _repeat("recurrent", count)
    if config.count("attention_chunk_size"):
        plain = config.counts("no_rope_layers")
        every = config.count("no_rope_layer_interval", most=count) or 4
        return ["full" if (plain[i] == 0 if i < len(plain) else (i + 1) % every == 0) else "chunked" for i in range(count)]
    if not config.count("sliding_window") or config.flag("use_sliding_window") is False:
        return _repeat("full", count)
    every = config.count("sliding_window_pattern", "_sliding_window_pattern", most=count) or _EVERY.get(kind)
    if every:
        return ["full" if (i + 1) % every == 0 else "sliding" for i in range(count)]
    if config.flag("use_sliding_window") and config.count("max_window_layers", most=10_000):
        plain_layers = min(config.count("max_window_layers") or 0, count)
        return _repeat("full", plain_layers) + _repeat("sliding", count - plain_layers)
    return _repeat("sliding" if kind in _ALWAYS_WINDOWED else "full", count)


def _repeat(sort: LayerSort, count: int) -> list[LayerSort]:
    return [sort for _ in range(count)]


def _window(config: Fields) -> int:
    return config.count("sliding_window", "sliding_window_size", "attention_window_size") or 4096


def read_state(config: Fields) -> RecurrentState:
    """The state of a recurrent layer: gated delta nets, Kimi's, Mamba's and short convolutions."""
    number = 4 if config.text("mamba_ssm_dtype", "ssm_dtype", "mamba_ssm_cache_dtype") == "float32" else 2
    if config.count("linear_num_value_heads"):
        return RecurrentState(
            "gated_delta_net", config.size("linear_num_key_heads", most=4096), config.size("linear_num_value_heads", most=4096),
            config.size("linear_key_head_dim", most=65_536), config.size("linear_value_head_dim", most=65_536),
            config.count("linear_conv_kernel_dim", most=64) or 4, number,
        )  # fmt: skip
    if config.counts("attn_type_list"):
        heads, dim = config.size("num_attention_heads", most=4096), config.size("head_dim", most=65_536)
        return RecurrentState("linear", heads, heads, dim, dim, 1, 4)
    linear = config.part("linear_attn_config")
    if linear:
        heads, dim = linear.size("num_heads", most=4096), linear.size("head_dim", most=65_536)
        return RecurrentState("kda", heads, heads, dim, dim, linear.count("short_conv_kernel_size", most=64) or 4, 4)
    kernel = config.count("conv_kernel", "mamba_d_conv", "d_conv", "conv_L_cache", most=64) or 4
    if config.count("conv_L_cache"):
        return RecurrentState("short_conv", 1, 1, 1, config.size("conv_dim", "hidden_size"), kernel, number)
    heads = config.count("mamba_num_heads", "mamba_n_heads", "num_heads", most=65_536)
    states = config.count("ssm_state_size", "mamba_d_state", "state_size", most=65_536) or 128
    if heads is None:
        wide = config.count("intermediate_size", "d_inner") or config.size("hidden_size") * (
            config.count("mamba_expand", "expand", most=64) or 2
        )
        return RecurrentState("mamba1", 1, 1, states, wide, kernel, number)
    return RecurrentState(
        "mamba2", config.count("n_groups", "mamba_n_groups", most=65_536) or 1, heads, states,
        config.count("mamba_head_dim", "mamba_d_head", "head_dim", most=65_536) or 64, kernel, number,
    )  # fmt: skip
