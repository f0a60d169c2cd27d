"""Fetching a model with the real library from a stand-in for the hub on this machine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from moorage.core.errors import ModelNotFound, PullFailed
from moorage.models.hub.base import RemoteFile
from moorage.models.hub.huggingface import HuggingFace
from moorage.models.hub.pull import pull
from moorage.models.read.folder import read_model
from moorage.stack.planner import pull_model
from tests.builders.hub_server import hub_server
from tests.builders.model_files import QWEN, model_folder, safetensors

pytest.importorskip("huggingface_hub", reason="the extra `hub` is not installed")


@pytest.fixture
def files(tmp_path: Path) -> dict[str, bytes]:
    weights = safetensors(tmp_path / "w", {"x": ("BF16", (64, 64))}).read_bytes()
    return {
        "config.json": json.dumps(QWEN).encode(),
        "model.safetensors": weights,
        "pytorch_model.bin": b"pickle",
        "onnx/model.onnx": b"onnx",
        "README.md": b"# hi",
    }


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True, raising=False)


def test_what_an_engine_needs_is_fetched_checked_and_can_be_read(tmp_path: Path, files: dict[str, bytes]) -> None:
    with hub_server(files) as address:
        pulled = pull(HuggingFace(address), "Org/Name", folder=tmp_path / "here")

    there = {path.name for path in pulled.path.rglob("*") if path.is_file() and ".cache" not in path.parts}
    assert there == {"config.json", "model.safetensors", "README.md"}
    assert (pulled.files, pulled.checked) == (3, 1)
    assert read_model(pulled.path).weights


def test_a_file_with_another_checksum_is_removed_and_named(tmp_path: Path, files: dict[str, bytes]) -> None:
    listed = {**files, "model.safetensors": b"y" * len(files["model.safetensors"])}
    with hub_server(files, listed) as address, pytest.raises(PullFailed, match="checksum"):
        pull(HuggingFace(address), "Org/Name", folder=tmp_path / "here")

    assert not (tmp_path / "here" / "model.safetensors").exists()


def test_a_disk_without_room_is_told_before_anything_is_fetched(
    tmp_path: Path, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 9, 1))  # type: ignore[attr-defined]
    with hub_server(files) as address, pytest.raises(PullFailed, match="free"):
        pull(HuggingFace(address), "Org/Name", folder=tmp_path / "here")

    assert not (tmp_path / "here").exists()


def test_a_hub_that_does_not_answer_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(PullFailed) as error:
        pull(HuggingFace("http://127.0.0.1:9"), "Org/Name", folder=tmp_path / "here")

    assert "--endpoint" in error.value.say("en") and "--endpoint" in error.value.say("zh")


def test_what_breaks_off_goes_on_where_it_stopped(tmp_path: Path, files: dict[str, bytes]) -> None:
    large = safetensors(tmp_path / "w2", {"x": ("BF16", (3000, 4000))}).read_bytes()  # the library keeps pieces of ten megabytes
    ranges: list[str] = []
    with hub_server({**files, "model.safetensors": large}, breaks={"model.safetensors": 15_000_000}, ranges=ranges) as address:
        pulled = pull(HuggingFace(address), "Org/Name", folder=tmp_path / "here")

    assert pulled.checked == 1 and (tmp_path / "here" / "model.safetensors").read_bytes() == large
    assert ranges and ranges[0].startswith("bytes=10")


def test_what_is_there_already_is_not_fetched_again(tmp_path: Path, files: dict[str, bytes]) -> None:
    with hub_server(files) as address:
        pull(HuggingFace(address), "Org/Name", folder=tmp_path / "here")
    with hub_server({**files, "model.safetensors": b"gone"}, listed=files) as address:
        again = pull(HuggingFace(address), "Org/Name", folder=tmp_path / "here")

    assert again.checked == 1 and (tmp_path / "here" / "model.safetensors").read_bytes() == files["model.safetensors"]


def test_a_mirror_may_be_named_by_the_environment(tmp_path: Path, files: dict[str, bytes]) -> None:
    program = "import sys; from moorage.stack.planner import pull_model; print(pull_model('hf:Org/Name', to=__import__('pathlib').Path(sys.argv[1])).files)"
    with hub_server(files) as address:
        environ = {**os.environ, "HF_ENDPOINT": address, "HF_HOME": str(tmp_path / "home"), "HF_HUB_DISABLE_XET": "1"}
        done = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / "here")], env=environ, capture_output=True, text=True, timeout=60
        )

    assert done.stdout.strip() == "3", done.stderr[-500:]


def test_offline_nothing_is_asked_and_the_cache_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    with pytest.raises(ModelNotFound, match="cache"):
        pull_model("hf:Org/Name", endpoint="http://127.0.0.1:9")
    folder = model_folder(tmp_path / "home" / "hub" / "models--Org--Name" / "snapshots" / "abc")
    assert pull_model("hf:Org/Name", endpoint="http://127.0.0.1:9").path == folder


class _Liar:
    """A hub that says it fetched and did not."""

    name = "Liar"

    def listing(self, model: str, revision: str | None) -> tuple[RemoteFile, ...]:
        return (RemoteFile("config.json", 2), RemoteFile("model.safetensors", 10))

    def place(self) -> Path:
        return Path.cwd()

    def fetch(self, model: str, revision: str | None, files: object, folder: Path | None) -> Path:
        assert folder
        folder.mkdir()
        (folder / "config.json").write_text("{}")
        return folder


def test_a_file_that_did_not_come_is_named(tmp_path: Path) -> None:
    with pytest.raises(PullFailed, match=r"model\.safetensors"):
        pull(_Liar(), "Org/Name", folder=tmp_path / "here")
