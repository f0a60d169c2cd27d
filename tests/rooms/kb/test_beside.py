"""Pictures beside a document, in a knowledge base."""

from __future__ import annotations

import asyncio
from pathlib import Path

from moorage.testing.documents import png
from moorage.wiring import open_home


def folder_with_pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    (folder / "img").mkdir(parents=True)
    (folder / "img" / "a.png").write_bytes(png())
    (folder / "a.md").write_text("# Net\n\nSee ![拓扑](img/a.png) and ![gone](img/b.png).", encoding="utf-8")
    return folder


def test_pictures_of_a_mirrored_folder_are_kept_and_shown(tmp_path: Path) -> None:
    folder = folder_with_pictures(tmp_path)
    with open_home(tmp_path / "data") as home:
        home.kb.mirror("kb", folder)
        asyncio.run(home.kb.work())
        text = home.kb.markdown("kb", "a.md")
        (name,) = home.store.pictures.names()
        assert f"![拓扑](/images/{name})" in text and "![gone](img/b.png)" in text
        assert [w.code for w in home.kb.document("kb", "a.md").warnings] == ["pictures_not_beside"]
        assert [d.name for d in home.kb.documents("kb")] == ["a.md"]  # the illustration is no document
        assert home.kb.text_form("kb", "a.md") == f"# Net\n\nSee ![image](/images/{name}) and ![image](img/b.png)."


def test_pictures_of_an_added_folder_come_along(tmp_path: Path) -> None:
    with open_home(tmp_path / "data") as home:
        home.kb.create("kb")
        home.kb.add("kb", [folder_with_pictures(tmp_path)])
        asyncio.run(home.kb.work())
        assert len(list(home.store.pictures.names())) == 1


def test_an_upload_sees_nothing_of_this_machine(tmp_path: Path) -> None:
    with open_home(tmp_path / "data") as home:
        home.kb.create("kb")
        home.kb.add_bytes("kb", "a.md", f"![x]({tmp_path}/a.png) ![y](../a.png)".encode())
        (tmp_path / "a.png").write_bytes(png())
        asyncio.run(home.kb.work())
        assert list(home.store.pictures.names()) == []
