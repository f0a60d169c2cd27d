"""Chunks edited by hand: what is found afterwards, what is indexed again, and what outlives what."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx2
import pytest

from moorage.core.errors import DocumentChanged, DocumentNotReady
from moorage.core.nouns import Chunk
from moorage.kb.edit import Edit, EditImpossible, EditKind
from moorage.testing.model_server import model_server
from moorage.web.app import build_app
from moorage.wiring import Home, open_home
from tests.builders.homes import filled_home, write_folder
from tests.builders.serving import served
from tests.faces.test_cli import moorage

TEXT = "# Rules\n\n## Boats\n\nBoats are moored at the east pier.\n\nLines are doubled in a storm.\n\n## Fees\n\nA night costs ten euros.\n"
FLAGS = {"child_max": 60, "parent_max": 120}


def home_with(data: Path, **flags: object) -> Home:
    return filled_home(data, {"rules.md": TEXT, "other.md": "# Other\n\nNothing about it.\n"}, **FLAGS, **flags)


def child(home: Home, words: str) -> Chunk:
    return next(c for p in home.kb.chunks("kb", "rules.md") for c in p.children if words in c.text)


def edit(home: Home, kind: EditKind, words: str, at: int = 0, text: str = "", **more: str) -> str:
    state = home.kb.edit("kb", "rules.md", Edit(kind, child(home, words).id, at, text), **more)
    asyncio.run(home.kb.work())
    return state


def found(home: Home, query: str) -> list[str]:
    return [c.chunk.text for h in asyncio.run(home.kb.search("kb", query)).hits for c in h.children]


def test_new_words_are_found_in_their_place_and_old_ones_are_not(tmp_path: Path) -> None:
    with home_with(tmp_path) as home:
        edit(home, "text", "ten euros", text="A night costs twelve guilders.")

        hit = asyncio.run(home.kb.search("kb", "guilders")).hits[0]
        text = home.kb.markdown("kb", "rules.md")
        assert text[hit.chunk.start : hit.chunk.end] == hit.chunk.text
        assert [text[c.chunk.start : c.chunk.end] for c in hit.children] == [c.chunk.text for c in hit.children]
        assert not any("ten euros" in t for t in found(home, "euros"))
        assert "twelve guilders" in asyncio.run(home.kb.answer("kb", "What does a night cost in guilders?")).text


def test_chunks_behind_the_edit_keep_their_identity_and_move_along(tmp_path: Path) -> None:
    with home_with(tmp_path) as home:
        before = child(home, "ten euros")

        edit(home, "text", "east pier", text="## Boats\n\nBoats are moored at the far and windy west pier.")

        after = child(home, "ten euros")
        assert after.id == before.id and after.text == before.text and after.start > before.start
        assert any("ten euros" in t for t in found(home, "ten euros"))


def test_only_what_changed_is_embedded_again(tmp_path: Path) -> None:
    with model_server() as server, home_with(tmp_path, embedder=server.url, embedder_model="tiny") as home:
        server.requests.clear()

        edit(home, "text", "ten euros", text="A night costs twelve guilders.")

        texts = [t for r in server.asked("/embeddings") for t in r.body["input"] if t != "dimension"]
        assert len(texts) == 1 and texts[0].endswith("A night costs twelve guilders.")
        assert any("guilders" in t for t in found(home, "guilders"))


def test_what_is_switched_off_is_neither_found_nor_shown_beside_others(tmp_path: Path) -> None:
    with home_with(tmp_path) as home:
        edit(home, "off", "storm")

        assert not any("storm" in t for t in found(home, "storm lines doubled"))
        hit = asyncio.run(home.kb.search("kb", "east pier")).hits[0]
        assert "storm" not in hit.chunk.text and "[…]" in hit.chunk.text
        assert all("storm" not in line for line in home.kb.text_form("kb", "rules.md").splitlines())
        assert all("storm" not in c for line in home.kb.export("kb") for p in json.loads(line)["parents"] for c in p["children"])
        edit(home, "on", "storm")
        assert any("storm" in t for t in found(home, "storm lines doubled"))


def test_off_and_on_again_before_the_index_heard_of_it_leaves_it_found(tmp_path: Path) -> None:
    with home_with(tmp_path) as home:
        for kind in ("off", "on"):
            home.kb.edit("kb", "rules.md", Edit(kind, child(home, "storm").id))
        asyncio.run(home.kb.work())

        assert any("storm" in t for t in found(home, "storm lines doubled"))


def test_merged_and_split_chunks_are_found_as_what_they_are(tmp_path: Path) -> None:
    with home_with(tmp_path) as home:
        edit(home, "merge", "east pier")
        assert any("east pier" in t and "storm" in t for t in found(home, "storm"))

        edit(home, "split", "storm", at=child(home, "storm").text.index("Lines"))
        assert [t for t in found(home, "storm") if "storm" in t] == ["Lines are doubled in a storm."]


def test_an_edit_of_what_is_not_there_any_more_changes_nothing(tmp_path: Path) -> None:
    with home_with(tmp_path) as home:
        state = home.kb.chunk_state("kb", "rules.md")
        edit(home, "off", "storm", state=state)
        before = home.kb.chunks("kb", "rules.md")

        with pytest.raises(DocumentChanged):
            edit(home, "text", "ten euros", text="late", state=state)
        with pytest.raises(EditImpossible):
            edit(home, "merge", "ten euros")
        assert home.kb.chunks("kb", "rules.md") == before


def test_a_document_that_was_not_read_yet_has_nothing_to_edit(tmp_path: Path) -> None:
    with home_with(tmp_path) as home:
        home.kb.add_bytes("kb", "new.md", b"# New")

        with pytest.raises(DocumentNotReady, match=r"new\.md"):
            home.kb.edit("kb", "new.md", Edit("off", "c1"))


def test_edits_outlive_a_restart_other_settings_and_a_rebuilt_index(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "docs", {"rules.md": TEXT})
    with open_home(tmp_path / "data", **FLAGS) as home:
        home.kb.mirror("kb", folder)
        asyncio.run(home.kb.work())
        edit(home, "text", "ten euros", text="A night costs twelve guilders.")
    with open_home(tmp_path / "data", child_max=100, parent_max=200) as home:
        assert home.kb.sync("kb").changed == ()
        home.kb.rebuild("kb")
        asyncio.run(home.kb.work())

        assert any("guilders" in t for t in found(home, "guilders"))
        assert not any("ten euros" in t for t in found(home, "euros"))


def test_a_changed_file_replaces_edits_and_says_so(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "docs", {"rules.md": TEXT})
    with open_home(tmp_path / "data", **FLAGS) as home:
        home.kb.mirror("kb", folder)
        asyncio.run(home.kb.work())
        edit(home, "off", "storm")
        (folder / "rules.md").write_text(TEXT + "\nOne more line.\n")
        home.kb.sync("kb")
        asyncio.run(home.kb.work())

        document = home.kb.document("kb", "rules.md")
        assert [w.code for w in document.warnings] == ["edits_replaced"] and "1 edit" in document.warnings[0].en
        assert not any(c.is_off for p in home.kb.chunks("kb", "rules.md") for c in p.children)


def test_a_reset_ends_all_edits(tmp_path: Path) -> None:
    with home_with(tmp_path) as home:
        before = [c.text for p in home.kb.chunks("kb", "rules.md") for c in p.children]
        edit(home, "merge", "east pier")
        edit(home, "off", "ten euros")

        home.kb.reset("kb", "rules.md")
        asyncio.run(home.kb.work())

        assert [c.text for p in home.kb.chunks("kb", "rules.md") for c in p.children] == before
        assert any("ten euros" in t for t in found(home, "euros"))
        assert home.kb.document("kb", "rules.md").warnings == ()


def test_work_interrupted_before_the_index_heard_of_an_edit_goes_on(tmp_path: Path) -> None:
    with home_with(tmp_path) as home:
        home.kb.edit("kb", "rules.md", Edit("text", child(home, "ten euros").id, text="A night costs twelve guilders."))
    with open_home(tmp_path, **FLAGS) as home:
        asyncio.run(home.kb.work())

        assert any("guilders" in t for t in found(home, "guilders"))


def test_an_edit_is_the_same_over_http_and_on_the_command_line(tmp_path: Path) -> None:
    with home_with(tmp_path) as home, served(build_app(home)) as url:
        api = f"{url}/api/kb/kb"
        kept = httpx2.get(f"{api}/chunks", params={"document": "rules.md"}).json()
        body = {"document": "rules.md", "kind": "off", "chunk": child(home, "storm").id, "state": kept["state"]}
        after = httpx2.post(f"{api}/edit", json=body).json()
        assert [c["is_off"] for p in after["parents"] for c in p["children"] if "storm" in c["text"]] == [True]
        assert httpx2.post(f"{api}/edit", json=body).status_code == 409
        assert httpx2.post(f"{api}/edit", json={**body, "kind": "melt"}).status_code == 400
        assert httpx2.post(f"{api}/edit", json={**body, "state": after["state"], "chunk": "c999999"}).status_code == 400
    said = moorage("kb", "edit", "kb", "rules.md", "on", body["chunk"], "--json", data=tmp_path)
    assert [c["is_off"] for p in json.loads(said.stdout)["parents"] for c in p["children"]] == [False] * sum(
        len(p["children"]) for p in after["parents"]
    )
    assert moorage("kb", "edit", "kb", "rules.md", "text", body["chunk"], "--text", " ", data=tmp_path).returncode == 1
    assert "rules.md" in moorage("kb", "reset", "kb", "rules.md", data=tmp_path).stdout
