"""``moorage up`` as a user starts and stops it, with models and documents in one file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from moorage.testing.backend import DONE, Backend, backend, delta, finish, stream
from tests.builders.homes import write_folder

PROGRAM = [sys.executable, "-c", "from moorage.cli import main; main()"]
SOURCE = str(Path(__file__).parents[2] / "src")


@contextmanager
def up(folder: Path) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """The running program and what it said on stdout."""
    environment = {**os.environ, "PYTHONPATH": SOURCE, "MOORAGE_LANGUAGE": "en"}
    with (folder / "talk").open("w") as talk:
        command = [*PROGRAM, "up", "--data", "data", "--port", "0", "--json"]
        running = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=talk, text=True, env=environment)
    try:
        assert running.stdout is not None
        said = "".join(iter(running.stdout.readline, "}\n")) + "}"
        yield running, json.loads(said)
    finally:
        running.kill()
        running.wait()


@pytest.fixture
def server() -> Iterator[Backend]:
    with backend(stream([delta("a"), delta("b"), delta("c"), finish(), DONE], between_s=0.3)) as running:
        yield running


def test_it_says_what_it_serves_and_lets_a_running_stream_end(tmp_path: Path, server: Backend) -> None:
    write_folder(tmp_path / "docs")
    models = {"qwen": {"url": server.url, "aliases": ["docs"]}}
    settings = {"models": models, "knowledge": {"docs": "./docs"}, "gateway": {"keys": "on"}}
    (tmp_path / "moorage.yaml").write_text(json.dumps(settings), encoding="utf-8")
    body = json.dumps({"model": "qwen", "messages": [{"role": "user", "content": "hi"}], "stream": True}).encode()

    with up(tmp_path) as (running, said):
        headers = {"authorization": f"Bearer {said['key']}", "content-type": "application/json"}
        request = urllib.request.Request(f"{said['url']}/v1/chat/completions", body, headers)
        with urllib.request.urlopen(request, timeout=30) as reply:
            first = reply.readline()
            running.send_signal(signal.SIGTERM)
            rest = reply.read()
        assert running.wait(30) == 0

    assert said["models"] == ["qwen"]
    assert first.startswith(b"data: {") and b'"content": "c"' in rest.replace(b'":"', b'": "') and rest.endswith(b"data: [DONE]\n\n")
    assert "'docs' has the name of a model" in (tmp_path / "talk").read_text()
