"""Which models a caller may name."""

from __future__ import annotations

from pathlib import Path

import pytest

from moorage.core.errors import ModelNotFound
from moorage.models.find import find_model
from moorage.models.reach import ModelOutOfReach, Reach, known_models, reachable
from tests.builders.model_files import QWEN, gguf, model_folder


@pytest.fixture
def caches(tmp_path: Path) -> dict[str, str]:
    """One model in either cache, in the layouts that are found in the wild."""
    model_folder(tmp_path / "hub" / "models--Org--Some--Name" / "snapshots" / "abc", QWEN)
    (tmp_path / "hub" / "datasets--Org--Data" / "snapshots" / "abc").mkdir(parents=True)
    (tmp_path / "hub" / "models--Org--Begun").mkdir()
    model_folder(tmp_path / "scope" / "hub" / "Org" / "Old-1___5", QWEN)
    model_folder(tmp_path / "scope" / "models" / "Org" / "New", QWEN)
    return {"HF_HUB_CACHE": str(tmp_path / "hub"), "MODELSCOPE_CACHE": str(tmp_path / "scope")}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    model_folder(tmp_path / "models" / "small", QWEN)
    model_folder(tmp_path / "models" / "Org" / "Name", QWEN)
    gguf(tmp_path / "models" / "a.gguf", {"general.architecture": "llama"})
    model_folder(tmp_path / "models" / "one" / "two" / "three" / "four", QWEN)
    model_folder(tmp_path / "secret", QWEN)
    return tmp_path / "models"


@pytest.mark.parametrize("text", ["small", "Org/Name", "a.gguf"])
def test_a_model_of_the_folder_is_named_by_its_path_in_it(folder: Path, caches: dict[str, str], text: str) -> None:
    assert Path(reachable(text, Reach(folder), caches)) == folder / text


@pytest.mark.parametrize(
    "text",
    ["/etc", "/etc/passwd", "../secret", "small/../../secret", "~", "~/models", ".", "", "..", "\\etc", "a\0b", "nope", "hf:../../etc",
     "hf:/etc", "ms:.", "file:///etc", "C:\\models", "Org/Name/../../../secret"],
)  # fmt: skip
def test_no_other_path_is_looked_at_for_a_stranger(folder: Path, caches: dict[str, str], text: str) -> None:
    with pytest.raises(ModelOutOfReach):
        reachable(text, Reach(folder), caches)


def test_what_is_there_and_what_is_not_get_the_same_answer(tmp_path: Path, caches: dict[str, str]) -> None:
    (tmp_path / "there").mkdir()
    said: list[str] = []
    for name in ("there", "else"):
        with pytest.raises(ModelOutOfReach) as refused:
            reachable(str(tmp_path / name), Reach(), caches)
        said.append(refused.value.say().replace(repr(str(tmp_path / name)), "-"))

    assert said[0] == said[1]


def test_a_path_below_the_working_folder_is_not_taken_for_a_name(
    tmp_path: Path, caches: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    model_folder(tmp_path / "Private" / "Model", QWEN)
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ModelNotFound):
        reachable("Private/Model", Reach(), caches)
    assert reachable("Private/Model", Reach(any_path=True), caches) == "Private/Model"


@pytest.mark.parametrize(
    ("text", "wanted"), [("Org/Some--Name", "hf:Org/Some--Name"), ("Org/New", "ms:Org/New"), ("ms:Org/Old-1.5", "ms:Org/Old-1.5")]
)
def test_a_name_is_looked_for_in_the_caches_alone(caches: dict[str, str], text: str, wanted: str) -> None:
    assert reachable(text, Reach(), caches) == wanted
    assert find_model(wanted, caches).path.is_dir()


def test_what_may_be_named_is_listed(folder: Path, caches: dict[str, str]) -> None:
    listed = known_models(Reach(folder), caches)

    assert set(listed) == {"Org/Name", "a.gguf", "small", "hf:Org/Some--Name", "ms:Org/New", "ms:Org/Old-1.5"}
    assert all(reachable(name, Reach(folder), caches) for name in listed)


def test_a_folder_that_is_not_there_lists_nothing(tmp_path: Path) -> None:
    nowhere = {"HF_HUB_CACHE": str(tmp_path / "a"), "MODELSCOPE_CACHE": str(tmp_path / "b")}

    assert known_models(Reach(tmp_path / "c"), nowhere) == []
