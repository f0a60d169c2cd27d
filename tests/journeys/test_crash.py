"""A program that is killed at any moment loses no acknowledged document and shows no half one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import pytest

from benchmarks.crash import measure, write_documents

pytestmark = pytest.mark.slow


def test_an_ingest_killed_three_times_ends_whole() -> None:
    result = measure(times=3, documents=120)
    assert result["faults"] == [] and int(str(result["killed"])) >= 1


def start(folder: Path, data: Path) -> tuple[subprocess.Popen[str], str]:
    command = [sys.executable, "-c", "from moorage.cli import main; main()", "up", str(folder), "--data", str(data), "--port", "0"]
    program = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert program.stdout is not None
    return program, program.stdout.readline().strip()


def knowledge(url: str) -> dict[str, int]:
    for _ in range(200):
        try:
            return httpx2.get(f"{url}/api/kb/docs", timeout=5).json()
        except httpx2.HTTPError:
            time.sleep(0.05)
    raise AssertionError("the server did not answer")


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
def test_a_server_killed_while_it_reads_goes_on_where_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    write_documents(folder, 150, 1)
    first, url = start(folder, tmp_path / "data")
    upload = httpx2.post(f"{url}/api/kb/docs/add", files=[("file", ("uploaded.md", b"# Walnut\n\nAcknowledged walnut."))], timeout=60)
    assert upload.status_code == 202
    first.send_signal(signal.SIGKILL)
    first.wait()
    second, url = start(folder, tmp_path / "data")
    try:
        for _ in range(600):
            state = knowledge(url)
            if not state["waiting"]:
                break
            time.sleep(0.1)
        # `up` mirrors the folder again, and what was uploaded beside it stays.
        assert state["failed"] == 0 and state["documents"] == 151
        found = httpx2.post(f"{url}/api/kb/docs/search", json={"query": "acknowledged walnut"}, timeout=30).json()["hits"]
        assert found[0]["document"]["name"] == "uploaded.md"
    finally:
        second.send_signal(signal.SIGTERM)
        assert second.wait(20) == 0
