"""Writes the table of vLLM's flags again, from unpacked source distributions.

python tests/engine/flag_table.py FOLDER > src/moorage/engines/vllm/flags.txt

FOLDER holds one folder per version, named for it, each with the package ``vllm`` in it. Nothing of it is run: the options are read from
the syntax tree, their kinds from the annotations of the argument classes.
"""

from __future__ import annotations

import ast
import datetime
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from packaging.version import Version

ARGUMENT_CLASSES = ("EngineArgs", "AsyncEngineArgs", "FrontendArgs", "BaseFrontendArgs")
FRONTEND_CLASSES = ("FrontendArgs", "BaseFrontendArgs")
Found = Iterable[tuple[str, str]]
# Registered through code that changes what the annotation says; seen in the parser of 0.32.
KINDS = {
    "--hf-token": "optional", "--allowed-origins": "one", "--allowed-methods": "one", "--allowed-headers": "one", "--middleware": "one",
    "--device-ids": "one", "--custom-histogram-buckets": "one", "--api-key": "many",
}  # fmt: skip


def main(folder: Path) -> None:
    versions = sorted((path.name for path in folder.iterdir() if (path / "vllm").is_dir()), key=Version)
    print("# What vLLM's server takes, by version: name, first and last version that has it, and for flags what follows them.")
    print(
        f"# Read from the source distributions of vLLM {versions[0]} to {versions[-1]} by tests/engine/flag_table.py on {datetime.date.today()}."
    )
    print("# Releases without a source distribution are not listed; a name counts for them only when its neighbours on both sides have it.")
    print(*(f"version {version}" for version in versions), sep="\n")
    readers = {"flag": flags, "short": shorts, "variable": variables, "tool-parser": tool_parsers, "reasoning-parser": reasoning_parsers}
    for section, read in readers.items():
        for name, first, last, kind in spans(folder, versions, read):
            print(*filter(None, (section, name, first, last, kind)))


def spans(folder: Path, versions: list[str], read: Callable[[Path], Found]) -> Iterator[tuple[str, str, str, str]]:
    """(name, first version, last version, newest kind) of everything that ``read`` finds."""
    seen: dict[str, tuple[str, str, str]] = {}
    for version in versions:
        for name, kind in read(folder / version / "vllm"):
            first = seen[name][0] if name in seen else version
            seen[name] = (first, version, kind)
    return ((name, *found) for name, found in sorted(seen.items()))


def flags(root: Path) -> Found:
    return ((name, KINDS.get(name, kind)) for name, kind in _options(root).items() if name.startswith("--"))


def shorts(root: Path) -> Found:
    """Short options, with the long one they stand for."""
    return ((name, kind) for name, kind in _options(root).items() if not name.startswith("--"))


def variables(root: Path) -> Found:
    text = (root / "envs.py").read_text(encoding="utf-8")
    return ((name, "") for name in re.findall(r'^    "(VLLM_\w+)":', text, re.MULTILINE))


def tool_parsers(root: Path) -> Found:
    return _parsers(root, ("entrypoints/openai/tool_parsers/*.py", "tool_parsers/*.py"))


def reasoning_parsers(root: Path) -> Found:
    return _parsers(root, ("reasoning/*.py", "entrypoints/openai/reasoning_parsers/*.py"))


def _parsers(root: Path, patterns: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for file in (file for pattern in patterns for file in root.glob(pattern)):
        text = file.read_text(encoding="utf-8", errors="replace")
        for registered in re.findall(r"register_module\(\s*(?:name=)?(\[[^\]]*\]|\"[^\"]+\"|'[^']+')", text):
            yield from ((name, "") for name in re.findall(r"[\"']([^\"']+)[\"']", registered))
        for table in re.findall(r"_PARSERS_TO_REGISTER\w*[^=]*=\s*\{(.*?)\n\}", text, re.DOTALL):
            yield from ((name, "") for name in re.findall(r'^\s{4}"([\w.-]+)":\s*\(', table, re.MULTILINE))


def _options(root: Path) -> dict[str, str]:
    """Every option: long ones with what follows them (switch, one, many, optional), short ones with the long one they stand for."""
    found: dict[str, str] = {}
    for file in [root / "engine" / "arg_utils.py", *sorted(root.glob("entrypoints/**/*.py"))]:
        text = file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""
        serves = file.name in ("arg_utils.py", "cli_args.py", "serve.py") or "class FrontendArgs" in text
        if serves and "bench" not in str(file) and "run_batch" not in str(file):
            _options_of(ast.parse(text), found)
    return found


def _options_of(tree: ast.Module, found: dict[str, str]) -> None:
    kinds: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name in ARGUMENT_CLASSES:
            fields = {
                n.target.id: _kind(n.annotation) for n in node.body if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)
            }
            kinds |= fields
            if node.name in FRONTEND_CLASSES:
                found |= {f"--{name.replace('_', '-')}": kind for name, kind in fields.items()}
    for node in ast.walk(tree):
        if isinstance(node, ast.Tuple) and len(node.elts) == 2 and (name := _text(node.elts[0])).startswith("--"):
            found.setdefault(name, kinds.get(_field(name), "one"))  # options registered in a loop over (name, type)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "add_argument":
            names = [text for argument in node.args if (text := _text(argument)).startswith("-")]
            long = [name for name in names if name.startswith("--")]
            for name in long:
                found[name] = _explicit_kind(node) or kinds.get(_field(name)) or kinds.get(_field(long[0]), "one")
            found |= {name: long[0] for name in names if long and not name.startswith("--")}


def _kind(annotation: ast.expr) -> str:
    text = ast.unparse(annotation)
    return "switch" if re.search(r"\bbool\b", text) else "many" if re.search(r"\b(?:list|List|tuple|set)\b", text) else "one"


def _explicit_kind(call: ast.Call) -> str | None:
    said = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords if keyword.arg}
    if "store_true" in said.get("action", "") or "Boolean" in said.get("action", ""):
        return "switch"
    many = said.get("nargs", "")
    return "many" if "+" in many or "*" in many else "optional" if "?" in many else None


def _text(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _field(option: str) -> str:
    return option.removeprefix("--").replace("-", "_")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
