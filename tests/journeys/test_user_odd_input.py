"""What a user may have lying about or send by accident: each costs one sentence at most, never a hanging or failing service."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from moorage.web.app import build_app
from moorage.wiring import Home, open_home
from tests.builders.serving import served

LONE_SURROGATE = json.dumps("\ud800 年假")


def moorage(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from moorage.cli import main; main()", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return open_home(data=tmp_path / "data")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe_in_a_folder_does_not_stop_the_others(tmp_path: Path) -> None:
    folder, data = tmp_path / "docs", str(tmp_path / "data")
    folder.mkdir()
    os.mkfifo(folder / "pipe.txt")
    (folder / "heron.md").write_text("The heron stands on one leg.", "utf-8")
    moorage("kb", "create", "docs", "--data", data)
    moorage("kb", "sync", "docs", str(folder), "--data", data)
    listed = json.loads(moorage("kb", "ls", "docs", "--data", data, "--json").stdout)
    assert [d["name"] for d in listed if d["state"] == "ready"] == ["heron.md"]


@pytest.mark.parametrize("stream", ["false", "true"])
def test_a_question_with_half_a_character_is_answered_or_refused_with_a_sentence(home: Home, stream: str) -> None:
    with home:
        home.kb.create("docs")
        with served(build_app(home)) as address:
            body = f'{{"question": {LONE_SURROGATE}, "stream": {stream}}}'
            reply = httpx2.post(f"{address}/api/kb/docs/ask", content=body, headers={"content-type": "application/json"}, timeout=20)
    assert reply.status_code in (200, 400)
    assert "unexpected_failure" not in reply.text
