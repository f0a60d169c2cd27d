"""Checks written for the clients' own environment, and the processes that carry them out: one for each module, started when it is first needed."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from tests.builders.pip_environment import pip_environment

HERE = Path(__file__).parent
INSIDE = HERE / "inside"
REQUIREMENTS = HERE / "requirements.txt"


def clients_python() -> Path:
    """The interpreter of the environment with the clients; three quarters of a minute the first time. Raises NoPackageIndex, EnvironmentFailed."""
    return pip_environment("clients", REQUIREMENTS, "--no-deps")


def checks_of(module: str) -> list[str]:
    """The public functions of a module in ``inside`` that take a door and give nothing, in its order. The module is read and not imported."""
    tree = ast.parse((INSIDE / f"{module}.py").read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")]
    return [node.name for node in functions if ast.unparse(node.args) == "door: Door" and ast.unparse(node.returns or node) == "None"]


@dataclass
class Clients:
    """Carries out checks. ``door`` is the address, the key and the rest that ``talk.Door`` holds."""

    python: Path
    door: Mapping[str, object]
    _stack: ExitStack
    _running: dict[str, subprocess.Popen[str]] = field(default_factory=dict[str, "subprocess.Popen[str]"])

    def failure(self, module: str, name: str) -> str | None:
        """What goes wrong in a check, with the traceback of its process; None when all is well."""
        child = self._running.get(module) or self._start(module)
        assert child.stdin is not None and child.stdout is not None
        child.stdin.write(json.dumps(name) + "\n")
        child.stdin.flush()
        line = child.stdout.readline()
        if not line:
            del self._running[module]
            return f"{module}.py ended with {child.wait()}"
        return json.loads(line)["failed"]

    def _start(self, module: str) -> subprocess.Popen[str]:
        command = [str(self.python), str(INSIDE / "talk.py"), module, json.dumps(self.door)]
        child: subprocess.Popen[str] = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=_environment(), cwd=INSIDE
        )
        self._running[module] = child
        self._stack.callback(_stop, child)
        return child


@contextmanager
def clients(python: Path, door: Mapping[str, object]) -> Iterator[Clients]:
    with ExitStack() as stack:
        yield Clients(python, door, stack)


def _stop(child: subprocess.Popen[str]) -> None:
    assert child.stdin is not None
    child.stdin.close()
    try:
        child.wait(10)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _environment() -> dict[str, str]:
    """Nothing of this process that would change what a client does, and nobody is called from it."""
    changed = ("PYTHON", "OPENAI_", "ANTHROPIC_", "COHERE_", "CO_API", "LANGCHAIN_", "LANGSMITH_", "JINA")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(changed) and "proxy" not in name.lower()}
    return {**kept, "DO_NOT_TRACK": "1", "LANGSMITH_TRACING": "false", "NLTK_DATA": "/nowhere"}


# The program under test, as a user runs it

_MOORAGE = [sys.executable, "-c", "from moorage.cli import main; main()"]


@dataclass(frozen=True)
class Stand:
    """A folder with a stack file and data, and the gateway that serves it."""

    folder: Path

    @property
    def place(self) -> list[str]:
        return ["--config", str(self.folder / "moorage.yaml"), "--data", str(self.folder / "data")]

    @contextmanager
    def serving(self, stack: Mapping[str, object]) -> Iterator[Mapping[str, Any]]:
        """Runs ``moorage gateway``; yields the door."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "moorage.yaml").write_text(json.dumps(stack), encoding="utf-8")  # JSON is YAML
        log = self.folder / "gateway.log"
        command = [*_MOORAGE, "gateway", *self.place, "--port", "0", "--json"]
        with log.open("w") as said, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, text=True) as process:
            try:
                assert process.stdout is not None
                announced = _announced(process.stdout)
                assert announced is not None, log.read_text(encoding="utf-8")
                yield {"url": announced["url"], "key": announced["key"], "program": _MOORAGE, "more": {"place": self.place}}
            finally:
                process.terminate()
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()


def _announced(lines: IO[str]) -> dict[str, Any] | None:
    """What a gateway says when it is ready; None when it ends without a word."""
    said = ""
    for line in lines:
        said += line
        if line == "}\n":
            return json.loads(said)
    return None
