"""Shapes from the settings of many families, in the words that each uses."""

from __future__ import annotations

from pathlib import Path

import pytest

from moorage.core.errors import ModelUnreadable
from moorage.core.modelspec import LayerRun, Shape
from moorage.models.read.fields import Fields
from moorage.models.read.shape import read_shape
from tests.builders.model_files import QWEN, XLM


def _shape(**config: object) -> Shape:
    return read_shape(Fields(config, "model", "config.json"))


def _counts(shape: Shape) -> dict[str, int]:
    return {run.sort: sum(r.count for r in shape.layers if r.sort == run.sort) for run in shape.layers}


TEXT = {name: value for name, value in QWEN.items() if name != "architectures"}


def test_an_ordinary_decoder() -> None:
    shape = _shape(**QWEN)

    assert shape.layers == (LayerRun("full", 28, 8, 128),)
    assert (shape.hidden, shape.vocabulary, shape.context_tokens, shape.is_tied) == (1024, 151_936, 40_960, True)


def test_an_encoder_keeps_no_cache_and_roberta_keeps_two_positions_for_itself() -> None:
    shape = _shape(**XLM)

    assert not shape.has_cache
    assert shape.context_tokens == 8192


def test_the_text_part_is_found_below_the_top() -> None:
    for name in ("text_config", "llm_config", "language_config"):
        shape = _shape(architectures=["XForConditionalGeneration"], vision_config={"depth": 32, "hidden_size": 1280}, **{name: TEXT})
        assert shape.layer_count == 28
        assert shape.vision
    assert _shape(thinker_config={"text_config": TEXT, "vision_config": {"depth": 2}}).vision


def test_experts_of_several_families() -> None:
    qwen = _shape(**{**QWEN, "num_experts": 128, "num_experts_per_tok": 8, "moe_intermediate_size": 768}).experts
    mixtral = _shape(**{**QWEN, "num_local_experts": 8, "num_experts_per_tok": 2}).experts
    deepseek = _shape(
        **{
            **QWEN,
            "n_routed_experts": 256,
            "num_experts_per_tok": 8,
            "moe_intermediate_size": 2048,
            "n_shared_experts": 1,
            "first_k_dense_replace": 3,
        }
    ).experts

    assert qwen and (qwen.count, qwen.active, qwen.intermediate, qwen.layers) == (128, 8, 768, 28)
    assert mixtral and (mixtral.count, mixtral.intermediate) == (8, 3072)
    assert deepseek and (deepseek.shared, deepseek.layers) == (1, 25)


def test_latent_attention_keeps_its_rank_and_the_rotary_part() -> None:
    shape = _shape(**{**QWEN, "kv_lora_rank": 512, "qk_rope_head_dim": 64, "q_lora_rank": None, "index_head_dim": 128})

    assert shape.layers == (LayerRun("latent", 28, 1, 576, index_dim=128),)
    assert shape.latent and shape.latent.q_rank is None


@pytest.mark.parametrize(
    ("settings", "counts"),
    [
        ({"layer_types": ["sliding_attention", "full_attention"] * 14, "sliding_window": 128}, {"sliding": 14, "full": 14}),
        ({"model_type": "gemma3_text", "sliding_window": 512}, {"sliding": 24, "full": 4}),
        ({"model_type": "gemma2", "sliding_window": 4096}, {"sliding": 14, "full": 14}),
        ({"model_type": "mistral", "sliding_window": 4096}, {"sliding": 28}),
        ({"model_type": "qwen2", "sliding_window": 4096, "use_sliding_window": False, "max_window_layers": 21}, {"full": 28}),
        ({"model_type": "qwen2", "sliding_window": 4096, "use_sliding_window": True, "max_window_layers": 21}, {"full": 21, "sliding": 7}),
        ({"model_type": "llama4_text", "attention_chunk_size": 8192}, {"chunked": 21, "full": 7}),
        ({"full_attention_interval": 4, "linear_num_key_heads": 16, "linear_num_value_heads": 32, "linear_key_head_dim": 128, "linear_value_head_dim": 128}, {"recurrent": 21, "full": 7}),
        ({"hybrid_override_pattern": "MEM*EM*-", "mamba_num_heads": 64, "mamba_head_dim": 64, "ssm_state_size": 128}, {"recurrent": 3, "full": 2}),
        ({"layers_block_type": ["mamba", "moe", "attention", "moe"], "mamba_num_heads": 64}, {"recurrent": 1, "full": 1}),
        ({"linear_attn_config": {"kda_layers": [1, 2, 3], "full_attn_layers": [4], "num_heads": 32, "head_dim": 128}}, {"recurrent": 3, "full": 25}),
        ({"attn_layer_period": 7, "attn_layer_offset": 3, "mamba_d_state": 16}, {"full": 4, "recurrent": 24}),
    ],
)  # fmt: skip
def test_sorts_of_layers(settings: dict[str, object], counts: dict[str, int]) -> None:
    assert _counts(_shape(**{**QWEN, **settings})) == counts


def test_layers_that_see_everything_may_have_heads_of_their_own() -> None:
    shape = _shape(
        **{
            **QWEN,
            "layer_types": ["sliding_attention", "full_attention"] * 14,
            "sliding_window": 1024,
            "global_head_dim": 512,
            "num_global_key_value_heads": 2,
        }
    )

    assert {(run.sort, run.kv_heads, run.head_dim) for run in shape.layers} == {("full", 2, 512), ("sliding", 8, 128)}


def test_layers_that_read_anothers_cache_have_none() -> None:
    shape = _shape(**{**QWEN, "num_kv_shared_layers": 10})

    assert [(run.count, run.is_shared) for run in shape.layers] == [(18, False), (10, True)]


def test_scaled_positions_lengthen_the_context_as_the_engine_does() -> None:
    def context(**scaling: object) -> int:
        return _shape(**{**QWEN, "max_position_embeddings": 32_768, "rope_scaling": scaling}).context_tokens

    assert context(rope_type="yarn", factor=4.0, original_max_position_embeddings=32_768) == 131_072
    assert context(rope_type="linear", factor=2.0) == 65_536
    assert context(rope_type="llama3", factor=8.0) == 32_768
    assert context(rope_type="yarn", factor=float("inf")) == 32_768


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("num_hidden_layers", 10**9),
        ("hidden_size", -1),
        ("hidden_size", "wide"),
        ("vocab_size", 2**40),
        ("num_hidden_layers", 0),
        ("num_attention_heads", True),
    ],
)
def test_a_size_out_of_all_reason_is_named(name: str, value: object) -> None:
    with pytest.raises(ModelUnreadable, match=name) as error:
        _shape(**{**QWEN, name: value})

    assert name in error.value.say("zh")


def test_a_size_that_is_missing_is_named() -> None:
    with pytest.raises(ModelUnreadable, match="num_hidden_layers"):
        _shape(hidden_size=1024)


def test_nothing_in_the_settings_is_a_path_or_a_program(tmp_path: Path) -> None:
    shape = _shape(**{**QWEN, "auto_map": {"AutoModel": "../../evil.py"}, "trust_remote_code": True})

    assert shape.layer_count == 28
    assert list(tmp_path.iterdir()) == []
