"""Models are found on this machine: by path, and by name in both caches."""

from __future__ import annotations

from pathlib import Path

import pytest

from moorage.core.errors import ModelNotFound
from moorage.models.find import find_model


def _snapshot(cache: Path, revision: str = "abc", points: str | None = "abc") -> Path:
    folder = cache / "models--Org--Name"
    (folder / "snapshots" / revision).mkdir(parents=True)
    if points:
        (folder / "refs").mkdir(exist_ok=True)
        (folder / "refs" / "main").write_text(points, encoding="utf-8")
    return folder / "snapshots" / revision


def test_a_path_goes_before_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "Org" / "Name").mkdir(parents=True)
    _snapshot(tmp_path / "hub")
    monkeypatch.chdir(tmp_path)

    assert find_model("Org/Name", {"HF_HUB_CACHE": str(tmp_path / "hub")}).path == Path("Org/Name")


@pytest.mark.parametrize("text", ["Org/Name", "hf:Org/Name"])
def test_a_name_is_found_in_the_cache_of_hugging_face(tmp_path: Path, text: str) -> None:
    snapshot = _snapshot(tmp_path)
    _snapshot(tmp_path, "newer", None)
    found = find_model(text, {"HF_HUB_CACHE": str(tmp_path)})

    assert (found.path, found.name) == (snapshot, "Org/Name")


def test_the_caches_follow_their_variables(tmp_path: Path) -> None:
    _snapshot(tmp_path / "hub")

    assert find_model("hf:Org/Name", {"HF_HOME": str(tmp_path)}).path.parent.name == "snapshots"


@pytest.mark.parametrize("place", ["models/Org/Name-1.5", "hub/models/Org/Name-1___5", "hub/Org/Name-1___5"])
def test_a_name_is_found_in_any_layout_of_modelscope(tmp_path: Path, place: str) -> None:
    (tmp_path / place).mkdir(parents=True)

    assert find_model("ms:Org/Name-1.5", {"MODELSCOPE_CACHE": str(tmp_path)}).path == tmp_path / place


@pytest.mark.parametrize("text", ["nope", "hf:../../etc", "hf:a/../b", "ms:Org/..", "hf:Org/Name/x", "hf:", "Org/Name"])
def test_what_is_not_here_is_said(tmp_path: Path, text: str) -> None:
    with pytest.raises(ModelNotFound):
        find_model(text, {"HF_HUB_CACHE": str(tmp_path), "MODELSCOPE_CACHE": str(tmp_path), "HOME": str(tmp_path)})


def test_a_pointer_cannot_lead_out_of_the_snapshots(tmp_path: Path) -> None:
    snapshot = _snapshot(tmp_path, "abc", "../../../..")

    assert find_model("hf:Org/Name", {"HF_HUB_CACHE": str(tmp_path)}).path == snapshot
