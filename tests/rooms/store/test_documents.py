"""Documents become visible as a whole, or not at all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from moorage.core.errors import AlreadyExists, DocumentNotFound, KnowledgeNotFound
from moorage.core.nouns import Notice
from moorage.store.documents import ChildDraft, HiddenVersion, ParentDraft, VersionDraft
from moorage.store.folder import DataFolder


def draft(name: str = "a.md", text: str = "hello world", content_hash: str = "h1") -> VersionDraft:
    parent = ParentDraft(text, 0, len(text), 1, ("Top",), (ChildDraft(0, 5, 1), ChildDraft(6, len(text), 2)))
    return VersionDraft(
        name, content_hash, 11, "text/markdown", "A title", text, 2, {"author": "me"}, (Notice("n", "en", "zh"),), "r", (parent,)
    )


def written(store: DataFolder, knowledge_id: int, made: VersionDraft) -> list[HiddenVersion]:
    store.documents.ensure(knowledge_id, [made.name])
    return [version for version in store.documents.write_hidden(knowledge_id, [made]) if version is not None]


@pytest.fixture
def store(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path / "data")


def test_a_version_is_invisible_until_it_is_shown(store: DataFolder) -> None:
    kb = store.knowledge.insert("kb")
    hidden = written(store, kb.id, draft())
    assert [d.state for d in store.documents.list(kb.id)] == ["waiting"]
    assert store.documents.children(hidden[0].child_ids) == {}
    store.documents.show(hidden)
    document = store.documents.list(kb.id)[0]
    assert (document.state, document.title, document.chunks, document.pages, document.warnings[0].say("zh")) == (
        "ready",
        "A title",
        2,
        2,
        "zh",
    )
    assert [c.text for c in store.documents.children(hidden[0].child_ids).values()] == ["hello", "world"]


class Long:
    """A long text, of which only the length and the bytes are known."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __len__(self) -> int:
        return len(self._text)

    def utf8(self) -> bytes:
        return self._text.encode()


def test_a_text_that_comes_as_its_bytes_is_stored_as_text(store: DataFolder) -> None:
    kb = store.knowledge.insert("kb")
    hidden = written(store, kb.id, replace(draft(), markdown=Long("你好 world 𠮷")))
    store.documents.show(hidden)
    (document,) = store.documents.list(kb.id)
    assert store.documents.markdown(document.id) == "你好 world 𠮷" and document.characters == 10


def test_a_new_version_replaces_the_old_one_in_one_step(store: DataFolder) -> None:
    kb = store.knowledge.insert("kb")
    first = written(store, kb.id, draft())
    store.documents.show(first)
    second = written(store, kb.id, draft(text="other words", content_hash="h2"))
    assert store.documents.markdown(first[0].document_id) == "hello world"
    store.documents.show(second)
    assert store.documents.markdown(first[0].document_id) == "other words"
    assert store.documents.children(first[0].child_ids) == {}
    generation = store.knowledge.generation(kb.id)
    assert generation and store.documents.leftovers(generation.id) == [first[0].id]


def test_ids_of_chunks_are_never_used_twice(store: DataFolder) -> None:
    kb = store.knowledge.insert("kb")
    seen: set[int] = set()
    for i in range(4):
        hidden = written(store, kb.id, draft(content_hash=str(i)))
        assert not seen & set(hidden[0].child_ids)
        seen |= set(hidden[0].child_ids)
        store.documents.show(hidden)


def test_what_an_interrupted_ingest_left_is_dropped(store: DataFolder) -> None:
    kb = store.knowledge.insert("kb")
    shown = written(store, kb.id, draft())
    store.documents.show(shown)
    hidden = written(store, kb.id, draft(content_hash="h2"))
    assert store.documents.drop_hidden() == 1
    generation = store.knowledge.generation(kb.id)
    assert generation and store.documents.leftovers(generation.id) == [hidden[0].id]
    assert len(store.documents.children(shown[0].child_ids)) == 2


def test_a_removed_document_leaves_nothing_but_its_leftovers(store: DataFolder) -> None:
    kb = store.knowledge.insert("kb")
    hidden = written(store, kb.id, draft())
    store.documents.show(hidden)
    store.documents.write_vectors("m|2|", [(hidden[0].child_ids[0], b"\0" * 8)])
    store.documents.remove(kb.id, hidden[0].document_id, "a.md")
    assert store.documents.list(kb.id) == []
    with store.database.read() as c:
        assert [c.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in ("versions", "parents", "children", "vectors")] == [
            0,
            0,
            0,
            0,
        ]
        assert c.execute("SELECT count(*) FROM index_leftovers").fetchone()[0] == 1


def test_names_that_are_not_there_are_said(store: DataFolder) -> None:
    kb = store.knowledge.insert("kb")
    with pytest.raises(DocumentNotFound, match="nope"):
        store.documents.get(kb.id, "kb", "nope")
    with pytest.raises(KnowledgeNotFound, match="there is: kb"):
        store.knowledge.get("other")
    with pytest.raises(AlreadyExists):
        store.knowledge.insert("kb")


def test_swapping_generations_leaves_one_current(store: DataFolder) -> None:
    kb = store.knowledge.insert("kb")
    old = store.knowledge.generation(kb.id)
    building = store.knowledge.begin_generation(kb.id, "m|3|", 3)
    assert store.knowledge.begin_generation(kb.id, "m|3|", 3) == building
    assert store.knowledge.swap_generation(kb.id) == old
    current = store.knowledge.generation(kb.id)
    assert current and (current.id, current.embedding, current.dimension) == (building.id, "m|3|", 3)
    assert store.knowledge.generation(kb.id, "building") is None


def test_a_document_removed_while_it_was_read_does_not_come_back(store: DataFolder) -> None:
    kb = store.knowledge.insert("kb")
    assert store.documents.write_hidden(kb.id, [draft()]) == [None]
    assert store.documents.list(kb.id) == []
