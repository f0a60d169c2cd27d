"""The house stands as drawn: what it costs to enter, who may import whom, what it needs from outside."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import moorage

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "moorage"
IMPORT_BUDGET_S = 0.15

COST = """
import sys, time
before, began = set(sys.modules), time.process_time()
import moorage
print(time.process_time() - began)
print(*sorted({name.split(".")[0] for name in set(sys.modules) - before}))
"""


def test_importing_the_package_is_cheap_and_loads_nothing_of_others() -> None:
    runs = [subprocess.run([sys.executable, "-c", COST], capture_output=True, text=True, check=True).stdout.splitlines() for _ in range(3)]

    foreign = set(runs[0][1].split()) - sys.stdlib_module_names - {"moorage"}
    assert foreign == set()
    assert min(float(run[0]) for run in runs) <= IMPORT_BUDGET_S


def test_the_core_imports_none_of_our_other_rooms() -> None:
    used = {(file.name, name) for file, name in _imports(SOURCE / "core") if name.split(".")[0] == "moorage"}

    assert {(file, name) for file, name in used if not name.startswith("moorage.core")} == set()


def test_only_declared_packages_are_imported() -> None:
    extras = [line for name, lines in _project()["optional-dependencies"].items() if name != "dev" for line in lines]
    extras += ["docling-core", "urllib3", "pynvml"]  # they come with docling, minio and nvidia-ml-py
    declared = {_distribution(line) for line in [*_project()["dependencies"], *extras]}
    provided_by = packages_distributions()
    ours = {"moorage", "pytest", "pptx"}  # moorage.testing is for tests: it may ask for pytest, and makes slides with python-pptx
    foreign = {name.split(".")[0] for _, name in _imports(SOURCE)} - sys.stdlib_module_names - ours

    undeclared = {name for name in foreign if not declared & {_distribution(found) for found in provided_by.get(name, [name])}}
    assert undeclared == set()


def test_the_version_is_the_same_everywhere() -> None:
    assert moorage.__version__ == _project()["version"]
    assert f"## {moorage.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_locks_name_no_index_and_pin_every_declared_package() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text(encoding="utf-8")
        pinned = {_distribution(line) for line in text.splitlines() if "==" in line}

        assert "://" not in text
        assert {_distribution(line) for line in _project()["dependencies"]} <= pinned


def test_an_old_python_can_read_the_setup_program_and_say_which_one_is_needed() -> None:
    source = (ROOT / "dev.py").read_text(encoding="utf-8")

    ast.parse(source, feature_version=(3, 7))
    assert source.index("if sys.version_info < (3, 11)") < source.index("def ")


def _project() -> dict[str, list[str]]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def _distribution(requirement: str) -> str:
    """The normalised name at the front of a requirement."""
    name = requirement.split("[")[0].split(";")[0]
    for sign in "=<>~! ":
        name = name.split(sign)[0]
    return name.lower().replace("_", "-").replace(".", "-")


def _imports(folder: Path) -> Iterator[tuple[Path, str]]:
    """Every module that a file below ``folder`` imports, anywhere in it."""
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from ((file, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield file, node.module
