"""The sizes of a model from its ``config.json``, whichever family's words it is written in."""

from __future__ import annotations

from collections import Counter

from moorage.core.errors import ModelUnknown
from moorage.core.modelspec import Experts, Latent, LayerRun, Shape, Vision
from moorage.models.read.families import filled, is_family
from moorage.models.read.fields import Fields
from moorage.models.read.layers import Heads, read_layers

_TEXT_PARTS = ("text_config", "llm_config", "language_config", "text_model_config")
_ENCODERS = ("bert", "roberta", "electra", "deberta", "mpnet", "new", "modernbert", "nomic_bert", "gte")
_MOST_LAYERS = 2048
_MOST_WIDTH = 2**20
_MOST_CONTEXT = 2**27
_ITEM_TOKENS = 16_384
# Where several of these are given, the engine takes the smallest.
_POSITIONS = (
    "max_position_embeddings", "n_positions", "max_seq_len", "seq_length", "max_target_positions", "max_sequence_length", "max_seq_length", "seq_len",
    "max_position_embedding",
)  # fmt: skip


def text_part(config: Fields) -> Fields:
    """The settings of the part that reads and writes text, which models with eyes or ears keep below the top."""
    thinker = config.part("thinker_config")
    inside = (thinker or config).part(*_TEXT_PARTS)
    if inside is None or (inside.count("hidden_size", "n_embd", "d_model") is None and not is_family(inside)):
        return config
    return filled(inside)


def read_shape(config: Fields) -> Shape:
    """The shape. Raises ModelUnreadable where a size is missing or out of all reason."""
    text = text_part(config)
    if config.flag("is_encoder_decoder") and not config.part(*_TEXT_PARTS):
        raise _two_parts(config)
    layers = len(text.words("layers_block_type")) or text.size("num_hidden_layers", "n_layer", "num_layers", "n_layers", most=_MOST_LAYERS)
    hidden = text.size("hidden_size", "n_embd", "d_model", "dim", most=_MOST_WIDTH)
    heads = text.count("num_attention_heads", "n_head", "n_heads", "num_heads", most=65_536)
    if heads == 0 and not text.count("ssm_state_size", "mamba_d_state", "state_size"):
        raise text.wrong("num_attention_heads", 0, "it must be at least 1", "至少应为 1")
    heads = heads or 1
    latent = _latent(text)
    head_dim = text.count("head_dim", "attention_head_dim", "kv_channels", most=65_536) or max(hidden // heads, 1)
    number = 4 if (text.text("torch_dtype", "dtype") or config.text("torch_dtype", "dtype")) == "float32" else 2
    return Shape(
        layers=_runs(config, text, layers, _heads(text, heads, head_dim), latent), hidden=hidden, heads=heads, head_dim=head_dim,
        intermediate=text.count("intermediate_size", "ffn_hidden_size", "n_inner", most=2**24) or 4 * hidden,
        vocabulary=text.count("vocab_size", "padded_vocab_size", most=2**24) or config.size("vocab_size", most=2**24),
        context_tokens=read_context(config, text), is_tied=_is_tied(config, text), number_bytes=min(number, 2), experts=_experts(text, layers),
        latent=latent, vision=_vision(config), draft_layers=text.count("num_nextn_predict_layers", "mtp_num_hidden_layers", most=64) or 0,
        compress_ratios=dict(Counter(text.counts("compress_ratios")[:_MOST_LAYERS])),
    )  # fmt: skip


def _two_parts(config: Fields) -> ModelUnknown:
    kind = next(iter(config.words("architectures")), config.text("model_type") or "")
    return ModelUnknown(
        name=config.model, reason=f"{kind} reads with one half and writes with the other, as models of speech and translation do",
        reason_zh=f"{kind} 为编码器-解码器结构，常见于语音与翻译模型",
        advice="Models that chat, see, embed, rank or classify are read here; serve this one by itself.",
        advice_zh="此处仅支持对话、视觉、嵌入、重排与分类模型；请单独部署该模型。",
    )  # fmt: skip


def is_encoder(config: Fields) -> bool:
    """Whether every token sees every other, so that no cache is kept."""
    kind = (config.text("model_type") or "").lower()
    causal = any("causal" in name.lower() or "conditional" in name.lower() for name in config.words("architectures"))
    if config.flag("is_causal") is False or config.flag("use_bidirectional_attention"):
        return True
    return not causal and (kind in _ENCODERS or any(kind.endswith(word) for word in ("bert", "roberta")) or "-bert" in kind)


def read_context(config: Fields, text: Fields) -> int:
    """The most tokens of a request, as the engine derives it: positions, less the two that RoBERTa keeps, times what rotary scaling adds."""
    said = [positions for name in _POSITIONS if (positions := text.count(name, most=_MOST_CONTEXT))]
    said = said or [positions for name in _POSITIONS if (positions := config.count(name, most=_MOST_CONTEXT))]
    positions = text.count("model_max_length", most=_MOST_CONTEXT) or min(said, default=2048)
    if "roberta" in (text.text("model_type") or "") and positions % 256 == 2:
        return positions - 2
    scaling = text.part("rope_scaling", "rope_parameters")
    if scaling is None:
        return positions
    kind, factor = scaling.text("rope_type", "type") or "", scaling.values.get("factor")
    if (
        "gemma3" in (text.text("model_type") or "")  # its positions are already scaled
        or kind in ("su", "longrope", "llama3", "mrope", "default", "proportional")
        or not isinstance(factor, (int, float))
        or not 1 <= factor <= 10_000
    ):
        return positions
    original = scaling.count("original_max_position_embeddings", most=_MOST_CONTEXT)
    return min(max(positions, round((original or positions) * factor)) if kind == "yarn" else round(positions * factor), _MOST_CONTEXT)


def _runs(config: Fields, text: Fields, count: int, heads: Heads, latent: Latent | None) -> tuple[LayerRun, ...]:
    if is_encoder(config):
        return (LayerRun("encoder", count, heads.kv, heads.dim),)
    latent_dim = latent.kv_rank + latent.rope_dim if latent else None
    return read_layers(text, count, heads, latent_dim, text.count("index_head_dim", most=65_536) or 0)


def _heads(text: Fields, heads: int, head_dim: int) -> Heads:
    kv = text.count(
        "num_key_value_heads", "num_kv_heads", "n_head_kv", "multi_query_group_num", "num_attention_groups", "num_query_groups", most=65_536
    )
    if (kv is None and text.flag("multi_query")) or (text.flag("multi_query") and text.flag("new_decoder_architecture") is False):
        kv = 1  # Falcon 7B names as many as it has heads, and shares one
    kv = _kv_of_blocks(text, heads) or heads if kv is None else kv
    return Heads(
        kv=max(kv, 1), dim=head_dim, value_dim=text.count("v_head_dim", most=65_536) if text.count("kv_lora_rank") is None else None,
        full_kv=text.count("num_global_key_value_heads", "num_global_kv_heads", most=65_536) or max(kv, 1),
        full_dim=text.count("global_head_dim", most=65_536) or head_dim,
    )  # fmt: skip


def _kv_of_blocks(text: Fields, heads: int) -> int | None:
    """The most KV heads of any layer, where each layer is described by itself as so many heads in a group (Nemotron's pruned models)."""
    sizes = [
        attention.count("n_heads_in_group", most=heads) for block in text.parts("block_configs") if (attention := block.part("attention"))
    ]
    return max((heads // size for size in sizes if size), default=None)


def _latent(text: Fields) -> Latent | None:
    rank = text.count("kv_lora_rank", most=_MOST_WIDTH)
    if not rank:
        return None
    return Latent(
        rank, text.count("qk_rope_head_dim", most=65_536) or 64, text.count("q_lora_rank", most=_MOST_WIDTH) or None,
        text.count("qk_nope_head_dim", most=65_536) or 128, text.count("v_head_dim", most=65_536) or 128,
    )  # fmt: skip


def _experts(text: Fields, layers: int) -> Experts | None:
    count = text.count("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts", most=65_536)
    if not count or count < 2:
        return None
    active = text.count(
        "num_experts_per_tok", "num_experts_per_token", "experts_per_token", "moe_top_k", "moe_k", "top_k_experts", most=65_536
    )
    inner = text.count("moe_intermediate_size", "expert_ffn_hidden_size", "intermediate_size", most=2**24) or 0
    dense = text.count("first_k_dense_replace", "num_dense_layers", most=layers) or 0
    step = text.count("decoder_sparse_step", "moe_layer_freq", "interleave_moe_layer_step", most=layers) or 1
    pattern = text.text("hybrid_override_pattern")
    blocks = text.words("layers_block_type")
    named = pattern.count("E") if pattern else blocks.count("moe")
    period = text.count("expert_layer_period", most=layers)
    step = period or step
    sparse = named if named else max((layers - dense) // step - len(text.counts("mlp_only_layers")), 0)
    shared = text.count("n_shared_experts", "num_shared_experts", "moe_num_shared_experts", most=4096) or 0
    wide = text.count(
        "shared_expert_intermediate_size", "moe_shared_expert_intermediate_size", "share_expert_dim", "shared_intermediate_size", most=2**24
    )
    return Experts(count, active or 2, inner, min(sparse, layers), shared or (1 if wide else 0), wide)


def _is_tied(config: Fields, text: Fields) -> bool:
    said = text.flag("tie_word_embeddings")
    said = said if said is not None else config.flag("tie_word_embeddings")
    return said if said is not None else (text.text("model_type") or "").startswith(("gemma", "cohere"))


def _vision(config: Fields) -> Vision | None:
    eyes = (config.part("thinker_config") or config).part("vision_config", "vision_tower_config", "vit_config", "visual")
    if eyes is None:
        return None
    hidden = eyes.count("embed_dim", "hidden_size", "width", "embed_dim_per_layer", most=_MOST_WIDTH) or 1152
    return Vision(
        layers=eyes.count("depth", "num_hidden_layers", "layers", most=_MOST_LAYERS) or 24, hidden=hidden,
        intermediate=eyes.count("intermediate_size", "mlp_dim", most=2**24) or 4 * hidden, item_tokens=_item_tokens(config, eyes),
    )  # fmt: skip


def _item_tokens(config: Fields, eyes: Fields) -> int:
    """The most tokens of one picture. Pictures of any size (Qwen's kind) are capped by the processor at 16,384."""
    fixed = config.count("mm_tokens_per_image", "image_seq_length", "vision_soft_tokens_per_image", most=2**20)
    if fixed:
        return fixed
    size, patch = eyes.count("image_size", most=65_536), eyes.count("patch_size", most=65_536)
    if size and patch and not eyes.count("spatial_merge_size"):
        return max((size // patch) ** 2, 1)
    return _ITEM_TOKENS
