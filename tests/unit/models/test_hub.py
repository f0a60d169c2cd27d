"""Which files of a published model are chosen, and names that name none."""

from __future__ import annotations

import pytest

from moorage.core.errors import BadInput
from moorage.models.hub.base import RemoteFile
from moorage.models.hub.choose import is_safe, needed
from moorage.models.hub.modelscope import remote_file
from moorage.models.hub.pull import split_name


def _chosen(*paths: str, gguf: str | None = None) -> list[str]:
    return [file.path for file in needed([RemoteFile(path, 10) for path in paths], gguf)]


def test_one_copy_of_the_weights_is_chosen() -> None:
    chosen = _chosen(
        "config.json",
        "model-00001-of-00001.safetensors",
        "consolidated.safetensors",
        "pytorch_model.bin",
        "model.gguf",
        "flax_model.msgpack",
        "onnx/model.onnx",
        "fig.png",
    )

    assert chosen == ["config.json", "model-00001-of-00001.safetensors"]


def test_pickles_are_taken_where_there_is_nothing_else() -> None:
    assert _chosen("config.json", "pytorch_model.bin", "tf_model.h5") == ["config.json", "pytorch_model.bin"]


def test_words_and_modules_come_along() -> None:
    wanted = [
        "1_Pooling/config.json",
        "chat_template.jinja",
        "merges.txt",
        "model.safetensors",
        "modules.json",
        "sentencepiece.bpe.model",
        "tokenizer.json",
    ]

    assert _chosen(*wanted) == wanted


def test_of_several_gguf_builds_one_must_be_named() -> None:
    builds = ("a-Q4_K_M.gguf", "a-Q8_0.gguf")

    assert _chosen(*builds) == []
    assert _chosen(*builds, gguf="*Q4_K_M*") == ["a-Q4_K_M.gguf"]
    assert _chosen("b-00001-of-00002.gguf", "b-00002-of-00002.gguf") == ["b-00001-of-00002.gguf", "b-00002-of-00002.gguf"]


@pytest.mark.parametrize("path", ["../x.json", "/etc/x.json", "a/../../x.json", "a\\x.json", "x\0.json", ""])
def test_a_path_that_leads_out_is_never_fetched(path: str) -> None:
    assert not is_safe(path)
    assert _chosen(path, "model.safetensors") == ["model.safetensors"]


@pytest.mark.parametrize(
    ("written", "meant"), [("hf:Org/Name", ("hf", "Org/Name")), ("ms:Org/Name", ("ms", "Org/Name")), ("Org/Name", ("hf", "Org/Name"))]
)
def test_a_name_says_where_it_is_from(written: str, meant: tuple[str, str]) -> None:
    assert split_name(written) == meant


@pytest.mark.parametrize("written", ["", "x", "xx:Org/Name", "hf:Org", "hf:a/../b", "hf:/x", "a/b/c"])
def test_what_names_no_model_is_refused(written: str) -> None:
    with pytest.raises(BadInput, match="hf:ORG/NAME"):
        split_name(written)


def test_entries_of_modelscope_are_files_with_their_sums() -> None:
    assert remote_file({"Path": "a.safetensors", "Size": 5, "Sha256": "a" * 64, "Type": "blob"}) == RemoteFile("a.safetensors", 5, "a" * 64)
    assert remote_file({"Path": "folder", "Type": "tree"}) is None
    assert remote_file({"Path": "a.json", "Size": 5, "Sha256": ""}) == RemoteFile("a.json", 5, None)
