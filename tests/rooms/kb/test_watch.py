"""Watching mirrored folders: what comes and goes is seen, what only looks gone is not."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import httpx2

from moorage.web.app import build_app
from moorage.wiring import Home, open_home
from tests.builders.homes import write_folder
from tests.builders.serving import served


def eventually(is_true: Callable[[], bool], seconds: float = 20) -> None:
    ends = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < ends, "never came true"
        time.sleep(0.1)


def names(home: Home) -> set[str]:
    return {d.name for d in home.kb.documents("kb") if d.state == "ready"}


def test_new_changed_and_removed_files_are_seen_while_the_server_runs(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "docs", {"a.md": "apples", "b.md": "bananas"})
    with open_home(tmp_path / "data") as home:
        home.kb.mirror("kb", folder)
        with served(build_app(home)) as url:
            eventually(lambda: names(home) == {"a.md", "b.md"})
            time.sleep(0.5)
            write_folder(folder, {"sub/c.md": "cherries", "a.md": "apricots"})
            (folder / "b.md").unlink()
            eventually(lambda: names(home) == {"a.md", "sub/c.md"})
            eventually(lambda: "apricots" in home.kb.markdown("kb", "a.md"))
            assert httpx2.post(f"{url}/api/kb/kb/search", json={"query": "cherries"}).json()["hits"][0]["document"]["name"] == "sub/c.md"


def test_a_folder_that_became_empty_or_is_gone_removes_nothing(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "docs", {"a.md": "apples"})
    with open_home(tmp_path / "data") as home:
        home.kb.mirror("kb", folder)
        (folder / "a.md").unlink()
        assert not home.kb.sync_changed("kb", {folder / "a.md"})
        shutil.rmtree(folder)
        assert not home.kb.sync_changed("kb", {folder / "a.md"})
        assert [d.name for d in home.kb.documents("kb")] == ["a.md"]


def test_only_what_changed_is_compared(tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    import asyncio

    from moorage.kb import knowledge

    folder = write_folder(tmp_path / "docs", {f"{i}.md": f"words {i}" for i in range(5)})
    with open_home(tmp_path / "data") as home:
        home.kb.mirror("kb", folder)
        asyncio.run(home.kb.work())
        read: list[str] = []
        real = knowledge.hash_of
        monkeypatch.setattr(knowledge, "hash_of", lambda path: (read.append(path.name), real(path))[1])
        (folder / "3.md").write_text("other words")
        assert home.kb.sync_changed("kb", {folder / "3.md"})
        assert read == ["3.md"]
