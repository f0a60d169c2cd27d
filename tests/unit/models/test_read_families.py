"""Families whose settings say little, or say it in words of their own, are read as the engine reads them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from moorage.core.errors import ModelUnknown
from moorage.models.read.fields import Fields
from moorage.models.read.folder import read_model
from moorage.models.read.shape import read_shape
from tests.builders.model_files import QWEN, XLM, model_folder

GEMMA3 = {
    "architectures": ["Gemma3ForConditionalGeneration"], "model_type": "gemma3", "mm_tokens_per_image": 256,
    "text_config": {"model_type": "gemma3_text", "hidden_size": 2560, "intermediate_size": 10240, "num_hidden_layers": 34,
                    "rope_scaling": {"factor": 8.0, "rope_type": "linear"}, "sliding_window": 1024},
    "vision_config": {"hidden_size": 1152, "image_size": 896, "num_hidden_layers": 27, "patch_size": 14},
}  # fmt: skip
SMALL = {"num_hidden_layers": 4, "hidden_size": 256, "num_attention_heads": 8, "vocab_size": 1000, "max_position_embeddings": 512}


def shape(**settings: object):
    return read_shape(Fields(settings, "m", "config.json"))


def counts(**settings: object) -> dict[str, int]:
    return {run.sort: run.count for run in shape(**{**SMALL, **settings}).layers}


def test_what_a_family_takes_for_granted_need_not_be_said(tmp_path: Path) -> None:
    spec = read_model(model_folder(tmp_path / "gemma", GEMMA3))
    assert spec.task == "vision_chat" and spec.shape
    assert (spec.shape.heads, spec.shape.head_dim, spec.shape.kv_heads, spec.shape.vocabulary) == (8, 256, 4, 262_208)
    assert {run.sort: run.count for run in spec.shape.layers} == {"sliding": 29, "full": 5}


def test_positions_that_are_scaled_already_are_not_scaled_again(tmp_path: Path) -> None:
    assert read_model(model_folder(tmp_path / "gemma", GEMMA3)).context_tokens == 131_072


def test_a_text_part_that_names_its_family_alone_has_that_familys_sizes() -> None:
    part = {"model_type": "llama", "vocab_size": 32_064, "max_position_embeddings": 4096}
    made = shape(architectures=["LlavaForConditionalGeneration"], model_type="llava", text_config=part, vision_config={"hidden_size": 1024})
    assert (made.layer_count, made.hidden, made.kv_heads, made.vocabulary, made.context_tokens) == (32, 4096, 32, 32_064, 4096)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"model_type": "falcon_h1", "mamba_d_state": 64, "mamba_n_heads": 8, "mamba_d_head": 32}, {"full": 4, "recurrent": 4}),
        ({"layers_block_type": ["mamba", "hybrid", "mamba", "hybrid"], "mamba_d_state": 64, "num_hidden_layers": 4}, {"full": 2, "recurrent": 4}),
        ({"layers_block_type": ["linear_attention", "moe", "full_attention", "mlp"], "num_hidden_layers": None}, {"full": 1, "recurrent": 1}),
        ({"attn_type_list": [0, 0, 0, 1], "head_dim": 32}, {"full": 1, "recurrent": 3}),
        ({"layer_types": ["hybrid_sliding", "hybrid", "hybrid_sliding", "hybrid_sliding"], "sliding_window": 64}, {"full": 1, "sliding": 3}),
        ({"block_configs": [{"attention": {"no_op": True}}, {"attention": {"n_heads_in_group": 4}}] * 2}, {"full": 2}),
    ],
)  # fmt: skip
def test_layers_of_mixed_families(settings: dict[str, object], expected: dict[str, int]) -> None:
    assert counts(**settings) == expected


def test_pruned_models_say_their_heads_layer_by_layer() -> None:
    made = shape(**{**SMALL, "block_configs": [{"attention": {"n_heads_in_group": 4}}] * 4, "num_key_value_heads": None})
    assert made.kv_heads == 2


def test_falcons_heads_share_one_though_it_names_many() -> None:
    assert shape(**SMALL, model_type="falcon", multi_query=True, new_decoder_architecture=False, num_kv_heads=8).kv_heads == 1
    assert shape(**SMALL, model_type="falcon", multi_query=True, new_decoder_architecture=True, num_kv_heads=4).kv_heads == 4


def test_of_several_lengths_the_smallest_counts() -> None:
    assert shape(**{**SMALL, "max_position_embeddings": 32_768, "seq_length": 8192}).context_tokens == 8192


def test_experts_may_be_in_every_other_layer() -> None:
    made = shape(**SMALL, num_experts=16, num_experts_per_tok=2, expert_layer_period=2, expert_layer_offset=1)
    assert made.experts and made.experts.layers == 2


@pytest.mark.parametrize(
    ("architecture", "settings", "task"),
    [
        ("CLIPModel", {"vision_config": {"hidden_size": 64}}, "embed"),
        ("ColPaliForRetrieval", {"vision_config": {"hidden_size": 64}}, "embed"),
        ("JinaForRanking", {}, "rerank"),
        ("Qwen2ForRewardModel", {}, "classify"),
        ("XLMRobertaForTokenClassification", {}, "classify"),
        ("ChatGLMModel", {}, "chat"),
        ("Qwen2ForCausalLM", {"is_causal": False}, "embed"),
        ("Qwen2ForCausalLM", {}, "chat"),
    ],
)
def test_the_task_is_told_by_the_architecture(tmp_path: Path, architecture: str, settings: dict[str, object], task: str) -> None:
    assert read_model(model_folder(tmp_path / "m", {**SMALL, "architectures": [architecture], **settings})).task == task


def test_models_that_read_with_one_half_and_write_with_the_other_are_named(tmp_path: Path) -> None:
    whisper = {"architectures": ["WhisperForConditionalGeneration"], "is_encoder_decoder": True, "d_model": 384, "decoder_layers": 4}
    with pytest.raises(ModelUnknown, match="WhisperForConditionalGeneration"):
        read_model(model_folder(tmp_path / "whisper", whisper))


@pytest.mark.parametrize(("file", "word"), [("adapter_config.json", "lora"), ("model_index.json", "pictures"), ("params.json", "Mistral")])
def test_what_is_no_model_of_text_is_told_by_its_file(tmp_path: Path, file: str, word: str) -> None:
    (tmp_path / file).write_text("{}")
    (tmp_path / "adapter_model.safetensors").write_bytes(b"")
    with pytest.raises(ModelUnknown, match=word):
        read_model(tmp_path)


def test_known_families_come_without_a_notice(tmp_path: Path) -> None:
    names = [
        "Ministral3ForCausalLM",
        "PaddleOCRVLForConditionalGeneration",
        "StableLmForCausalLM",
        "ApertusForCausalLM",
        "Qwen3ForCausalLM",
    ]
    for name in names:
        spec = read_model(model_folder(tmp_path / name, {**QWEN, "architectures": [name]}))
        assert "architecture_unknown" not in [notice.code for notice in spec.notices], name


def test_an_encoder_is_cut_where_its_tokenizer_cuts(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "bge", {**XLM, "position_embedding_type": "absolute", "max_position_embeddings": 8194})
    (folder / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 4096}))
    assert read_model(folder).context_tokens == 4096
    (folder / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 10**30}))
    assert read_model(folder).context_tokens == 8192
