"""A program that is killed at any moment loses no picture that a document shows, and keeps none that nothing shows."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from moorage.kb.parse.pictures import as_picture
from moorage.testing.documents import png
from moorage.wiring import open_home

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="SIGKILL")]
_DOCUMENTS = 60


def write(folder: Path, turn: int) -> None:
    """Documents with a picture of their own for this turn, and one that all share."""
    folder.mkdir(exist_ok=True)
    for n in range(_DOCUMENTS):
        (folder / f"{n}-{turn}.png").write_bytes(png(red=n, width=2 + turn))
        (folder / f"{n}.md").write_text(f"# Page {n}\n\n![own]({n}-{turn}.png)\n\n![shared](0-0.png)\n")


def sync(folder: Path, data: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", "from moorage.cli import main; main()", "kb", "sync", "kb", str(folder), "--data", str(data)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.mark.parametrize("pictures_before_the_end", [1, 20, 45])
def test_a_program_killed_while_it_reads_pictures(tmp_path: Path, pictures_before_the_end: int) -> None:
    folder, data = tmp_path / "docs", tmp_path / "data"
    with open_home(data) as home:
        home.kb.create("kb")
    for turn in range(2):
        write(folder, turn)
        before = len(list((data / "pictures").glob("??/*")))
        program = sync(folder, data)
        until = time.monotonic() + 60
        while program.poll() is None and len(list((data / "pictures").glob("??/*"))) < before + pictures_before_the_end:
            assert time.monotonic() < until, "it read nothing"
        program.send_signal(signal.SIGKILL)
        program.wait()
    for n in range(_DOCUMENTS // 2):  # what was begun is not to be finished
        (folder / f"{n}.md").unlink()
    assert sync(folder, data).wait(120) == 0
    wanted = [as_picture(png(red=n, width=3)) for n in range(_DOCUMENTS // 2, _DOCUMENTS)] + [as_picture(png(red=0))]
    with open_home(data) as home:
        texts = [home.kb.markdown("kb", d.id) for d in home.kb.documents("kb")]
        shown = {name for text in texts for name in re.findall(r"/images/(\w+\.png)", text)}
        assert len(texts) == _DOCUMENTS // 2 and shown == {p.name for p in wanted if p}
        assert set(home.store.pictures.names()) == shown
        assert all(home.picture(p.name) == p.data for p in wanted if p)
    assert [path for path in (data / "pictures").rglob("*") if path.is_file() and path.name not in shown] == []
