"""Whole folders as ModelSpecs, and every way in which one can be broken, each with one clear sentence."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from moorage.core.errors import ModelIncomplete, ModelNotFound, ModelUnknown, ModelUnreadable, MoorageError, PathNotFound
from moorage.models.read.folder import read_model
from moorage.models.read.safetensors import read_header
from tests.builders.model_files import QWEN, XLM, index, model_folder, safetensors

TENSORS = {
    "model.embed_tokens.weight": ("BF16", (1000, 64)),
    "model.layers.0.mlp.experts.0.w.weight": ("BF16", (64, 64)),
    "model.layers.28.mlp.weight": ("BF16", (64, 32)),
    "visual.blocks.0.weight": ("BF16", (64, 16)),
    "lm_head.weight": ("BF16", (1000, 64)),
}


def test_the_weights_are_counted_to_the_byte_without_reading_them(tmp_path: Path) -> None:
    weights = read_model(model_folder(tmp_path / "m", tensors=TENSORS)).weights

    assert weights and weights.is_exact
    assert weights.bytes == 2 * (1000 * 64 + 64 * 64 + 64 * 32 + 64 * 16)  # tied words once
    assert (weights.expert_bytes, weights.draft_bytes, weights.vision_bytes) == (8192, 4096, 2048)
    assert weights.by_dtype == {"BF16": weights.bytes}


def test_what_speaks_is_not_loaded(tmp_path: Path) -> None:
    weights = read_model(
        model_folder(tmp_path / "m", tensors={"thinker.model.x": ("BF16", (8, 8)), "talker.model.x": ("BF16", (99, 99))})
    ).weights

    assert weights and weights.bytes == 128


def test_quantization_below_the_text_part_is_found(tmp_path: Path) -> None:
    config = {
        "architectures": ["XForConditionalGeneration"],
        "text_config": {**QWEN, "quantization_config": {"quant_method": "awq", "bits": 4, "group_size": 64}},
    }
    found = read_model(model_folder(tmp_path / "m", config)).quantization

    assert found and (found.method, found.group) == ("awq", 64)


def test_several_files_are_summed_by_their_index_and_a_second_copy_is_not(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "m")
    index(folder, {"a.safetensors": {"x": ("BF16", (10, 10))}, "b.safetensors": {"y": ("F8_E4M3", (10, 10))}})
    safetensors(folder / "consolidated.safetensors", {"x": ("BF16", (999, 999))})

    weights = read_model(folder).weights

    assert weights and weights.by_dtype == {"BF16": 200, "F8_E4M3": 100}


def test_a_folder_without_weights_is_read_with_a_notice(tmp_path: Path) -> None:
    spec = read_model(model_folder(tmp_path / "m"))

    assert spec.weights is None
    assert [notice.code for notice in spec.notices] == ["no_weights"]


def test_pickles_are_measured_and_never_opened(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "m")
    (folder / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'false'\ntR." * 10)

    spec = read_model(folder)

    assert spec.format == "bin"
    assert spec.weights and not spec.weights.is_exact


@pytest.mark.parametrize(
    ("config", "card", "task"),
    [
        (QWEN, "", "chat"),
        ({**QWEN, "architectures": ["Qwen2_5_VLForConditionalGeneration"], "vision_config": {"depth": 32}}, "", "vision_chat"),
        (XLM, "", "embed"),
        ({**XLM, "architectures": ["XLMRobertaForSequenceClassification"], "id2label": {"0": "LABEL_0"}}, "", "rerank"),
        ({**XLM, "architectures": ["BertForSequenceClassification"], "id2label": {"0": "a", "1": "b"}}, "", "classify"),
        (QWEN, "pipeline_tag: text-ranking", "rerank"),
        (QWEN, "pipeline_tag: feature-extraction", "embed"),
        (QWEN, "pipeline_tag: text-generation", "chat"),
    ],
)
def test_the_task_is_told_by_the_files(tmp_path: Path, config: dict[str, object], card: str, task: str) -> None:
    folder = model_folder(tmp_path / "m", config)
    (folder / "README.md").write_text(f"---\nlicense: apache-2.0\n{card}\n---\n# A model", encoding="utf-8")

    spec = read_model(folder)

    assert spec.task == task
    assert spec.license == "apache-2.0"


def test_a_sentence_folder_tells_pooling_prompts_and_length(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "m")
    modules = [
        {"path": "", "type": "sentence_transformers.models.Transformer"},
        {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
        {"path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
    ]
    (folder / "modules.json").write_text(json.dumps(modules), encoding="utf-8")
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(
        '{"pooling_mode_lasttoken": true, "word_embedding_dimension": 1024}', encoding="utf-8"
    )
    (folder / "config_sentence_transformers.json").write_text('{"prompts": {"query": "Instruct: "}}', encoding="utf-8")
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 8192}', encoding="utf-8")

    spec = read_model(folder)

    assert spec.task == "embed"
    assert spec.context_tokens == 8192
    assert spec.pooling and (spec.pooling.method, spec.pooling.is_normalized, spec.pooling.dimension) == ("last", True, 1024)
    assert spec.pooling.prompts == {"query": "Instruct: "}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"quant_method": "awq", "bits": 4, "group_size": 128}, ("awq", 4.0, 128, None)),
        ({"quant_method": "gptq", "bits": 8, "group_size": -1}, ("gptq", 8.0, 128, None)),
        ({"quant_method": "fp8", "weight_block_size": [128, 128]}, ("fp8", 8.0, 128, None)),
        ({"quant_method": "mxfp4"}, ("mxfp4", 4.0, 32, None)),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, ("bitsandbytes", 4.0, 64, None)),
        ({"quant_method": "modelopt", "quant_algo": "NVFP4", "kv_cache_quant_algo": "FP8", "group_size": 16}, ("nvfp4", 4.0, 16, "fp8")),
        ({"quant_method": "compressed-tensors", "config_groups": {"group_0": {"weights": {"num_bits": 4, "type": "int", "group_size": 64}}}}, ("compressed-tensors", 4.0, 64, None)),
        ({"quant_method": "compressed-tensors", "config_groups": {"group_0": {"weights": {"num_bits": 8, "type": "float"}}}, "kv_cache_scheme": {"num_bits": 8}}, ("fp8", 8.0, 128, "fp8")),
    ],
)  # fmt: skip
def test_quantization_in_its_many_spellings(tmp_path: Path, settings: dict[str, object], expected: tuple[object, ...]) -> None:
    found = read_model(model_folder(tmp_path / "m", {**QWEN, "quantization_config": settings})).quantization

    assert found and (found.method, found.bits, found.group, found.kv_cache) == expected


@pytest.mark.parametrize(
    ("template", "tools", "thinking"),
    [
        ("{% for m in messages %}{{ m.content }}{% endfor %}", False, "none"),
        ("{% if tools %}{{ tools | tojson }}{% endif %}{% if enable_thinking is false %}x{% endif %}", True, "switch"),
        ("{% if add_generation_prompt %}assistant<think>{% endif %}", False, "always"),
        ("{% generation %}{{ tools }}{% endgeneration %}", True, "none"),
    ],
)
def test_a_template_is_judged_without_being_run(tmp_path: Path, template: str, tools: bool, thinking: str) -> None:
    folder = model_folder(tmp_path / "m")
    (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": template}), encoding="utf-8")

    found = read_model(folder).template

    assert found and (found.renders_tools, found.thinking) == (tools, thinking)


def test_an_unknown_architecture_is_planned_as_a_decoder_and_says_so(tmp_path: Path) -> None:
    spec = read_model(model_folder(tmp_path / "m", {**QWEN, "architectures": ["ZyxwvForCausalLM"]}, TENSORS))

    assert spec.task == "chat"
    assert "ZyxwvForCausalLM" in spec.notices[0].en
    assert "ZyxwvForCausalLM" in spec.notices[0].zh


# -- what is broken


def _broken(folder: Path) -> MoorageError:
    with pytest.raises(MoorageError) as error:
        read_model(folder)
    said = error.value.say("en"), error.value.say("zh")
    assert all("\n" not in text and len(text) < 500 for text in said)
    return error.value


def test_nothing_there(tmp_path: Path) -> None:
    assert isinstance(_broken(tmp_path / "no"), PathNotFound)
    assert isinstance(_broken(tmp_path), ModelNotFound)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"a": ' * 100_000, "version https://git-lfs.github.com/spec/v1\noid sha256:1", "\x00\x01"]
)
def test_settings_that_are_no_settings(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text, encoding="utf-8")

    assert isinstance(_broken(tmp_path), ModelUnreadable)


def test_settings_that_are_too_large_are_not_read(tmp_path: Path) -> None:
    with (tmp_path / "config.json").open("wb") as stream:
        stream.truncate(40 * 2**20)

    assert "bytes" in _broken(tmp_path).say()


def test_half_of_the_files_of_an_index(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "m")
    index(
        folder, {"model-00001-of-00002.safetensors": {"x": ("BF16", (4, 4))}, "model-00002-of-00002.safetensors": {"y": ("BF16", (4, 4))}}
    )
    (folder / "model-00002-of-00002.safetensors").unlink()

    assert "model-00002-of-00002" in _broken(folder).say()


def test_half_of_the_files_without_an_index(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "m")
    safetensors(folder / "model-00001-of-00003.safetensors", {"x": ("BF16", (4, 4))})

    assert "1 of 3" in _broken(folder).say()


def test_a_download_that_was_not_finished(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "m")
    (folder / "model.safetensors.incomplete").write_bytes(b"")

    assert isinstance(_broken(folder), ModelIncomplete)


def test_a_download_that_was_not_finished_in_the_cache_of_hugging_face(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "models--Org--Name" / "snapshots" / "abc")
    (tmp_path / "models--Org--Name" / "blobs").mkdir()
    (tmp_path / "models--Org--Name" / "blobs" / "0123.incomplete").write_bytes(b"")

    assert isinstance(_broken(folder), ModelIncomplete)


def test_a_link_that_leads_nowhere(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "m")
    (folder / "model.safetensors").symlink_to(tmp_path / "blobs" / "gone")

    assert "leads nowhere" in _broken(folder).say()


def test_a_folder_where_a_file_should_be(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "m")
    (folder / "tokenizer_config.json").mkdir()
    (folder / "pytorch_model.bin").mkdir()

    assert read_model(folder).weights is None


def test_weights_without_settings(tmp_path: Path) -> None:
    safetensors(tmp_path / "model.safetensors", {"x": ("BF16", (4, 4))})

    assert "config.json" in _broken(tmp_path).say()


def test_a_file_that_ends_too_early(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "m")
    safetensors(folder / "model.safetensors", TENSORS, cut=1)

    assert "ends after" in _broken(folder).say()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x01\x02",
        struct.pack("<Q", 100),
        struct.pack("<Q", 2**62) + b"{}",
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 4) + b"{{{{",
        struct.pack("<Q", 0),
    ],
)
def test_a_header_that_is_cut_or_none(tmp_path: Path, data: bytes) -> None:
    folder = model_folder(tmp_path / "m")
    (folder / "model.safetensors").write_bytes(data)

    assert isinstance(_broken(folder), ModelUnreadable)


@pytest.mark.parametrize(
    "entry",
    [
        {"dtype": "BF16", "shape": [4, 4], "data_offsets": [0, 31]},
        {"dtype": "BF16", "shape": [4, -4], "data_offsets": [0, 32]},
        {"dtype": "BF16", "shape": [2**62, 2**62], "data_offsets": [0, 32]},
        {"dtype": "BF16", "shape": [4], "data_offsets": [8, 0]},
        {"dtype": 7, "shape": [4], "data_offsets": [0, 8]},
        {"dtype": "BF16", "data_offsets": [0]},
        "tensor",
    ],
)
def test_a_tensor_that_cannot_be(tmp_path: Path, entry: object) -> None:
    data = json.dumps({"x": entry}).encode()
    file = tmp_path / "model.safetensors"
    file.write_bytes(struct.pack("<Q", len(data)) + data + b"\0" * 64)

    with pytest.raises(ModelUnreadable, match="'x'"):
        read_header(file, "model")


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "..\\x", ".hidden"])
def test_an_index_cannot_lead_out_of_its_folder(tmp_path: Path, name: str) -> None:
    folder = model_folder(tmp_path / "m")
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"x": name}}), encoding="utf-8")

    assert isinstance(_broken(folder), ModelUnreadable)


def test_a_module_cannot_lead_out_of_its_folder(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "m", XLM)
    (tmp_path / "config.json").write_text('{"pooling_mode_cls_token": true}', encoding="utf-8")
    (folder / "modules.json").write_text('[{"path": "..", "type": "x.Pooling"}]', encoding="utf-8")

    assert read_model(folder).pooling is None


def test_a_card_that_unfolds_without_end_is_left_out(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "m")
    bomb = "a: &a [x,x]\n" + "".join(f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)},*{chr(97 + i)}]\n" for i in range(20))
    (folder / "README.md").write_text(f"---\n{bomb}license: mit\n---\n", encoding="utf-8")

    assert read_model(folder).license is None


def test_a_file_of_another_kind(tmp_path: Path) -> None:
    file = tmp_path / "model.onnx"
    file.write_bytes(b"x")

    assert isinstance(_broken(file), ModelUnknown)


TINY = Path(__file__).resolve().parents[3].parent / "shared" / "tinymodels" / "trained" / "tiny-qwen3"


@pytest.mark.skipif(not TINY.is_dir(), reason="the tiny models are not beside the repository")
def test_a_real_tiny_model() -> None:
    spec = read_model(TINY)

    assert spec.task == "chat"
    assert spec.template and spec.template.renders_tools and spec.template.thinking == "switch"
    assert spec.weights and spec.weights.bytes == 1_525_952
