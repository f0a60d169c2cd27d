"""Files that were made to hurt, or broke on the way: one clear sentence each, in bounded memory."""

from __future__ import annotations

import json
import struct
import tracemalloc
from pathlib import Path

import pytest

from moorage.core.errors import ModelIncomplete, ModelUnreadable
from moorage.models.read.folder import read_model
from moorage.models.read.words import judge_template
from tests.builders.model_files import QWEN, gguf, model_folder

LARGE = 64 * 2**20


def tensors_file(folder: Path, header: dict[str, object] | bytes, data: int) -> Path:
    """A model folder with one safetensors file that has this header and so many bytes behind it."""
    model_folder(folder)
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + b"\0" * data)
    return folder


def tensor(start: int, end: int) -> dict[str, object]:
    return {"dtype": "BF16", "shape": [(end - start) // 2], "data_offsets": [start, end]}


@pytest.mark.parametrize(
    "template",
    [
        "{{ 'a' * 10**10 }}{{ tools }}",
        "{{ 2 ** 10**9 }}{{ tools }}",
        "{% for i in range(10**12) %}{{ tools }}{% endfor %}",
        "{{ ('%099999999999d' % 1) }}{{ tools }}",
        "{{ 'a' | center(10**10) }}{{ tools }}",
        "{% include '/etc/passwd' %}{{ ''.__class__.__mro__ }}{{ tools }}",
    ],
)
def test_a_template_is_parsed_and_nothing_in_it_is_worked_out(template: str) -> None:
    tracemalloc.start()
    found = judge_template(template)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.renders_tools and peak < LARGE


@pytest.mark.parametrize(
    "template", ["{% if a %}" * 5000 + "{% endif %}" * 5000, "{{ " + "(" * 20_000 + ")" * 20_000 + " }}", "{% for a in", "{% " * 50_000]
)
def test_a_template_that_cannot_be_parsed_is_looked_through(template: str) -> None:
    assert judge_template(template).renders_tools is False


@pytest.mark.parametrize(
    ("template", "tools"),
    [
        ("{% if tools is defined %}{% set tools = none %}{% endif %}", True),
        ("{% set tools = [] %}{{ tools }}", False),
        ("{% set tools = tools or [] %}", True),
        ("{% for tools in messages %}{{ tools }}{% endfor %}", False),
        ("{% macro show(tools) %}{{ tools }}{% endmacro %}{{ show(messages) }}", False),
        ("{% macro show(tools) %}{{ tools }}{% endmacro %}{{ show(tools) }}", True),
    ],
)
def test_names_that_a_template_makes_itself_are_not_asked_for(template: str, tools: bool) -> None:
    assert judge_template(template).renders_tools is tools


@pytest.mark.parametrize(
    ("header", "data"),
    [
        ({"a": tensor(0, 4), "b": tensor(0, 4)}, 4),
        ({"a": tensor(0, 4), "b": tensor(100, 104)}, 104),
        ({"a": tensor(4, 8)}, 8),
        ({"a": tensor(0, 4)}, 40),
        (b'{"a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]},"a":{"dtype":"BF16","shape":[2],"data_offsets":[4,8]}}', 8),
    ],
)
def test_tensors_that_overlap_or_leave_room_are_refused_as_engines_do(tmp_path: Path, header: dict[str, object] | bytes, data: int) -> None:
    with pytest.raises(ModelUnreadable, match="overlap"):
        read_model(tensors_file(tmp_path / "m", header, data))


def test_a_pointer_in_place_of_weights_is_named(tmp_path: Path) -> None:
    model_folder(tmp_path / "m")
    (tmp_path / "m" / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 4976698672\n")
    with pytest.raises(ModelIncomplete, match="Git LFS"):
        read_model(tmp_path / "m")


def test_an_unknown_number_format_is_counted_and_told(tmp_path: Path) -> None:
    spec = read_model(tensors_file(tmp_path / "m", {"a": {"dtype": "Q9", "shape": [2], "data_offsets": [0, 4]}}, 4))
    assert spec.weights and spec.weights.bytes == 4
    assert "format_unknown" in [notice.code for notice in spec.notices]


def test_settings_that_lead_nowhere_are_not_called_missing(tmp_path: Path) -> None:
    (tmp_path / "config.json").symlink_to("config.json")
    with pytest.raises(ModelIncomplete, match="leads nowhere"):
        read_model(tmp_path)


def test_a_web_page_in_place_of_settings_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("<!DOCTYPE html><html>please log in</html>")
    with pytest.raises(ModelUnreadable, match="web page"):
        read_model(tmp_path)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"layer_types": ["full_attention"]}, "1 of 28 layers"),
        ({"num_attention_heads": 0}, "at least 1"),
        ({"num_hidden_layers": 1e300}, "num_hidden_layers"),
        ({"num_hidden_layers": "28"}, "num_hidden_layers"),
        ({"quantization_config": {"quant_method": "awq", "bits": -4}}, "bits"),
    ],
)
def test_settings_that_contradict_themselves_are_named(tmp_path: Path, settings: dict[str, object], said: str) -> None:
    with pytest.raises(ModelUnreadable, match=said):
        read_model(model_folder(tmp_path / "m", {**QWEN, **settings}))


def test_a_long_name_of_an_architecture_is_not_shown_whole(tmp_path: Path) -> None:
    spec = read_model(model_folder(tmp_path / "m", {**QWEN, "architectures": ["A" * 100_000]}))
    assert spec.architecture and len(spec.architecture) <= 100


def test_gguf_tensors_that_overlap_are_refused(tmp_path: Path) -> None:
    values = {"general.architecture": "qwen3", "qwen3.block_count": 1, "qwen3.embedding_length": 8}
    file = gguf(tmp_path / "m.gguf", values, {"a": (0, (64,), 32), "b": (0, (64,), 256)})
    with pytest.raises(ModelUnreadable, match="overlap"):
        read_model(file)
