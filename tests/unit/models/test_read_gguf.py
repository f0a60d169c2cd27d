"""GGUF headers, whole and broken."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from moorage.core.errors import ModelIncomplete, ModelUnknown, ModelUnreadable
from moorage.models.read.folder import read_model
from moorage.models.read.gguf import read_gguf
from tests.builders.model_files import gguf

LLAMA: dict[str, object] = {
    "general.architecture": "llama", "general.name": "Small", "general.license": "mit", "llama.block_count": 32, "llama.embedding_length": 4096,
    "llama.attention.head_count": 32, "llama.attention.head_count_kv": 8, "llama.feed_forward_length": 14_336, "llama.context_length": 131_072,
    "tokenizer.ggml.tokens": [f"t{i}" for i in range(5000)], "tokenizer.chat_template": "{{ tools }}",
}  # fmt: skip
TENSORS = {"token_embd.weight": (12, (256, 4), 576), "blk.0.ffn_up_exps.weight": (8, (32, 2), 68)}


def test_a_file_is_read_by_its_header(tmp_path: Path) -> None:
    spec = read_model(gguf(tmp_path / "small.gguf", LLAMA, TENSORS))

    assert (spec.name, spec.format, spec.task, spec.license) == ("Small", "gguf", "chat", "mit")
    assert spec.shape and (spec.shape.layer_count, spec.shape.kv_heads, spec.shape.head_dim, spec.shape.vocabulary) == (32, 8, 128, 5000)
    assert spec.shape.is_tied
    assert spec.weights and (spec.weights.bytes, spec.weights.expert_bytes) == (644, 68)
    assert spec.template and spec.template.renders_tools
    assert spec.quantization and spec.quantization.bits == 4


def test_one_size_for_each_layer_counts_as_the_largest(tmp_path: Path) -> None:
    header = read_gguf(gguf(tmp_path / "x.gguf", {**LLAMA, "llama.attention.head_count_kv": [8, 4, 8]}))

    assert header.count("attention.head_count_kv") == 8


def test_an_encoder_gives_vectors(tmp_path: Path) -> None:
    values = {name.replace("llama.", "bert."): "bert" if value == "llama" else value for name, value in LLAMA.items()}
    spec = read_model(gguf(tmp_path / "x.gguf", values))

    assert spec.task == "embed"
    assert spec.shape and not spec.shape.has_cache


def test_parts_are_summed_and_a_missing_one_is_named(tmp_path: Path) -> None:
    first = gguf(tmp_path / "m-00001-of-00002.gguf", LLAMA, {"a": (1, (8, 8), 128)})
    with pytest.raises(ModelIncomplete, match="m-00002-of-00002"):
        read_model(first)

    gguf(tmp_path / "m-00002-of-00002.gguf", {"general.architecture": "llama"}, {"b": (1, (8, 8), 128)})
    weights = read_model(first).weights
    assert weights and weights.bytes == 256


def test_the_other_byte_order_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelUnknown, match="big-endian") as error:
        read_gguf(gguf(tmp_path / "x.gguf", LLAMA, order=">"))

    assert "大端" in error.value.say("zh")


def test_a_version_that_is_not_read_is_named(tmp_path: Path) -> None:
    file = tmp_path / "x.gguf"
    file.write_bytes(b"GGUF" + struct.pack("<IQQ", 99, 0, 0))

    with pytest.raises(ModelUnknown, match="99"):
        read_gguf(file)


def test_a_file_cut_anywhere_is_told_as_cut(tmp_path: Path) -> None:
    whole = gguf(tmp_path / "whole.gguf", {**LLAMA, "tokenizer.ggml.tokens": ["a"]}, TENSORS).read_bytes()
    cut = tmp_path / "cut.gguf"
    for length in range(len(whole)):
        cut.write_bytes(whole[:length])
        with pytest.raises(ModelUnreadable):
            read_gguf(cut)


@pytest.mark.parametrize(
    "data",
    [
        b"GGML" + b"\0" * 60,
        b"GGUF" + struct.pack("<IQQ", 3, 2**60, 0),
        b"GGUF" + struct.pack("<IQQ", 3, 0, 2**60),
        b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 2**60),
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 1) + b"a" + struct.pack("<IIQ", 9, 9, 2**60),
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 1) + b"a" + struct.pack("<I", 99),
        b"GGUF" + struct.pack("<IQQ", 3, 1, 0) + struct.pack("<Q", 1) + b"a" + struct.pack("<I", 2**31),
        b"GGUF" + struct.pack("<IQQ", 3, 1, 0) + struct.pack("<Q", 1) + b"a" + struct.pack("<IQIQ", 1, 2**62, 0, 0),
    ],
)
def test_a_hostile_header_is_refused(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "x.gguf"
    file.write_bytes(data)

    with pytest.raises(ModelUnreadable):
        read_gguf(file)
