"""Words first, meaning after: what an embedder adds, and what a changed, dead or wrong one does not break."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from moorage.kb.results import SearchResult
from moorage.testing.model_server import TROUBLES, model_server
from moorage.wiring import Home, open_home
from tests.builders.homes import filled_home


def search(home: Home, query: str = "hotel refund") -> SearchResult:
    return asyncio.run(home.kb.search("kb", query))


def lacking_vectors(home: Home, embedding: str) -> int:
    """How many visible chunks have no vector of this embedding."""
    versions = home.store.documents.visible_versions(home.store.knowledge.get("kb").id)
    return sum(v.chunks - len(home.store.documents.vectors(v.version_id, embedding)) for v in versions)


def codes(result: SearchResult) -> list[str]:
    return [n.code for n in result.notices]


def test_documents_get_vectors_and_are_found_by_both(tmp_path: Path) -> None:
    with model_server() as server, filled_home(tmp_path, embedder=server.url, embedder_model="tiny") as home:
        assert home.kb.get("kb").embedder == "tiny"
        assert search(home).hits[0].document.name == "travel.md" and codes(search(home)) == []
        row = home.store.knowledge.get("kb")
        generation = home.store.knowledge.generation(row.id)
        assert generation and generation.dimension == 64 and generation.embedding.startswith("tiny|64|")
        assert lacking_vectors(home, generation.embedding) == 0


def test_a_dead_embedder_keeps_no_document_from_being_found(tmp_path: Path) -> None:
    with filled_home(tmp_path, embedder="http://127.0.0.1:9/v1", embedder_model="gone") as home:
        result = search(home)
        assert result.hits[0].document.name == "travel.md" and codes(result) == ["vectors_pending"]
        failed = [j for j in home.kb.jobs("kb") if j.state == "failed"]
        assert [j.kind for j in failed] == ["embed"] and "127.0.0.1:9" in (failed[0].reason("en") or "")


def test_a_failed_embedding_is_made_up_for_by_a_retry(tmp_path: Path) -> None:
    with model_server(trouble="html") as server, filled_home(tmp_path, embedder=server.url, embedder_model="tiny") as home:
        assert home.kb.job_counts("kb")["failed"] == 1
        server.trouble = None
        home.kb.retry("kb")
        asyncio.run(home.kb.work())
        assert home.kb.get("kb").embedder == "tiny" and codes(search(home)) == []


def test_an_embedder_that_dies_later_leaves_words(tmp_path: Path) -> None:
    with model_server() as server, filled_home(tmp_path, embedder=server.url, embedder_model="tiny") as home:
        server.trouble = TROUBLES["reset"]
        result = search(home)
        assert result.hits[0].document.name == "travel.md" and codes(result) == ["words_only"]


def test_a_changed_embedder_is_refused_with_a_sentence_then_swapped_in(tmp_path: Path) -> None:
    with model_server() as old, filled_home(tmp_path, embedder=old.url, embedder_model="old"):
        pass
    with model_server(dimension=32) as new, open_home(tmp_path, embedder=new.url, embedder_model="new") as home:
        before = search(home)
        assert codes(before) == ["words_only"] and "`moorage kb rebuild kb`" in before.notices[0].say() and before.hits
        home.kb.refresh_vectors()
        asyncio.run(home.kb.work())
        assert home.kb.get("kb").embedder == "new" and codes(search(home)) == []
        assert search(home).hits[0].document.name == "travel.md"
        generation = home.store.knowledge.generation(home.store.knowledge.get("kb").id)
        assert generation and generation.dimension == 32
        with home.store.database.read() as c:
            assert {r[0].split("|")[0] for r in c.execute("SELECT DISTINCT embedding FROM vectors")} == {"new"}


def test_a_rebuild_that_was_cut_off_goes_on(tmp_path: Path) -> None:
    files = {f"d{i}.md": f"walnut number{i}" for i in range(6)}
    with filled_home(tmp_path, files):
        pass
    with model_server() as server, open_home(tmp_path, embedder=server.url, embedder_model="tiny") as home:
        home.kb.rebuild("kb")
        write = home.store.documents.write_vectors
        calls = 0

        def dies(*args: object) -> None:
            nonlocal calls
            calls += 1
            if calls == 4:
                raise KeyboardInterrupt
            write(*args)  # type: ignore[arg-type]

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(home.store.documents, "write_vectors", dies)
            with pytest.raises(KeyboardInterrupt):
                asyncio.run(home.kb.work())
        assert home.kb.get("kb").embedder is None
        sent = len(server.requests)
        asyncio.run(home.kb.work())
        assert home.kb.get("kb").embedder == "tiny"
        assert len(server.requests) - sent <= 5  # only what was missing


def test_documents_that_arrive_during_a_rebuild_are_in_it(tmp_path: Path) -> None:
    files = {f"d{i}.md": f"walnut number{i}" for i in range(6)}
    with filled_home(tmp_path, files):
        pass
    with model_server() as server, open_home(tmp_path, embedder=server.url, embedder_model="tiny") as home:
        home.kb.rebuild("kb")
        write = home.store.documents.write_vectors
        added = False

        def adds(*args: object) -> None:
            nonlocal added
            if not added:
                added = True
                home.kb.add_bytes("kb", "late.md", b"cashew is late")
            write(*args)  # type: ignore[arg-type]

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(home.store.documents, "write_vectors", adds)
            asyncio.run(home.kb.work())
        assert asyncio.run(home.kb.search("kb", "cashew")).hits[0].document.name == "late.md"
        row = home.store.knowledge.get("kb")
        generation = home.store.knowledge.generation(row.id)
        assert generation and lacking_vectors(home, generation.embedding) == 0


def test_without_an_embedder_old_vectors_do_no_harm(tmp_path: Path) -> None:
    with model_server() as server, filled_home(tmp_path, embedder=server.url, embedder_model="tiny"):
        pass
    with open_home(tmp_path) as home:
        assert search(home).hits[0].document.name == "travel.md" and codes(search(home)) == []
        home.kb.add_bytes("kb", "new.md", b"walnut news")
        asyncio.run(home.kb.work())
        assert asyncio.run(home.kb.search("kb", "walnut")).hits[0].document.name == "new.md"


def test_meaning_finds_what_words_do_not(tmp_path: Path) -> None:
    with (
        model_server() as server,
        filled_home(tmp_path, {"a.md": "abcdefgh ijklmn", "b.md": "zzz yyy"}, embedder=server.url, embedder_model="tiny") as home,
    ):
        assert asyncio.run(home.kb.search("kb", "abcdefghx")).hits[0].document.name == "a.md"
