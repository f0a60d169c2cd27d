"""Pictures go when nothing shows them any more, and never before."""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moorage.core.errors import StoreUnreadable
from moorage.store import database
from moorage.store.documents import ChildDraft, HiddenVersion, ParentDraft, VersionDraft
from moorage.store.folder import DataFolder
from moorage.store.pictures.notes import note, noted
from moorage.store.pictures.upkeep import PictureUpkeep


def picture(word: str) -> tuple[str, bytes]:
    """(name, bytes)."""
    return f"{hashlib.sha256(word.encode()).hexdigest()[:32]}.png", word.encode()


A, B, C = picture("a"), picture("b"), picture("c")


def draft(name: str, *pictures: tuple[str, bytes]) -> VersionDraft:
    text = "".join(f"![x](/images/{picture_name})\n" for picture_name, _ in pictures) or "no pictures"
    parent = ParentDraft(text, 0, len(text), None, (), (ChildDraft(0, len(text)),))
    return VersionDraft(name, "h", len(text), "text/markdown", name, text, None, {}, (), "r", (parent,))


class Shelf:
    """A data folder with a knowledge base, written as the worker writes."""

    def __init__(self, folder: Path) -> None:
        self.store = DataFolder(folder)
        self.kb = self.store.knowledge.insert("kb").id

    def read(self, *pictures: tuple[str, bytes]) -> None:
        """What a reader does before a version is written."""
        note(self.store.picture_place.folder, [name for name, _ in pictures])
        for name, data in pictures:
            self.store.pictures.put_named(name, data)

    def write(self, name: str, *pictures: tuple[str, bytes], kb: int | None = None) -> list[HiddenVersion]:
        self.read(*pictures)
        self.store.documents.ensure(kb or self.kb, [name])
        return [v for v in self.store.documents.write_hidden(kb or self.kb, [draft(name, *pictures)]) if v is not None]

    def add(self, name: str, *pictures: tuple[str, bytes], kb: int | None = None) -> None:
        self.store.documents.show(self.write(name, *pictures, kb=kb))

    def remove(self, name: str, kb: int | None = None) -> None:
        found = next((d for d in self.store.documents.list(kb or self.kb) if d.name == name), None)
        if found:
            self.store.documents.remove(kb or self.kb, found.id, name)

    def collect(self) -> int:
        return self.store.picture_upkeep.collect()

    def holds(self, *pictures: tuple[str, bytes]) -> bool:
        """Exactly these, whole."""
        return {name: self.store.pictures.read(name) for name in self.store.pictures.names()} == dict(pictures)


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    made = Shelf(tmp_path / "data")
    yield made
    made.store.close()


def test_what_is_shown_stays(shelf: Shelf) -> None:
    shelf.add("a.md", A, B)
    assert shelf.collect() == 0 and shelf.holds(A, B)


def test_a_replaced_version_takes_its_own_pictures_with_it(shelf: Shelf) -> None:
    shelf.add("a.md", A, B)
    shelf.add("a.md", B, C)
    assert shelf.collect() == 1 and shelf.holds(B, C)


def test_a_removed_document_leaves_what_another_shows(shelf: Shelf) -> None:
    shelf.add("a.md", A, B)
    shelf.add("b.md", B)
    shelf.remove("a.md")
    assert shelf.collect() == 1 and shelf.holds(B)
    shelf.remove("b.md")
    assert shelf.collect() == 1 and shelf.holds()


def test_a_removed_knowledge_base_leaves_what_another_shows(shelf: Shelf) -> None:
    other = shelf.store.knowledge.insert("other").id
    shelf.add("a.md", A, B)
    shelf.add("a.md", B, kb=other)
    shelf.store.knowledge.delete("kb")
    assert shelf.collect() == 1 and shelf.holds(B)


def test_a_version_that_is_being_written_keeps_its_pictures(shelf: Shelf) -> None:
    shelf.add("a.md", A)
    hidden = shelf.write("b.md", A, B)
    shelf.remove("a.md")
    assert shelf.collect() == 0 and shelf.holds(A, B)
    shelf.store.documents.show(hidden)
    assert shelf.collect() == 0 and shelf.holds(A, B)


def test_a_version_that_was_never_shown_leaves_its_pictures_over(shelf: Shelf) -> None:
    shelf.add("a.md", A)
    shelf.write("b.md", A, B)
    assert shelf.store.documents.drop_hidden() == 1
    assert shelf.collect() == 1 and shelf.holds(A)


def test_a_reading_that_ended_before_a_version_was_written_leaves_its_pictures_over(shelf: Shelf) -> None:
    shelf.add("a.md", A)
    shelf.read(A, B)
    assert shelf.collect() == 1 and shelf.holds(A)
    assert list(noted(shelf.store.picture_place.folder)) == []


def test_a_reader_that_was_killed_while_it_wrote_leaves_no_half_picture(shelf: Shelf) -> None:
    shelf.add("a.md", A)
    shelf.collect()
    half = shelf.store.path / "pictures" / ".halves" / ".0123"
    half.write_bytes(b"half")
    shelf.read(A)
    shelf.collect()
    assert not half.exists() and shelf.holds(A)


def test_a_document_that_was_removed_while_it_was_read_leaves_its_pictures_over(shelf: Shelf) -> None:
    shelf.read(A)
    assert shelf.store.documents.write_hidden(shelf.kb, [draft("gone.md", A)]) == [None]
    assert shelf.collect() == 1 and shelf.holds()


def test_a_published_picture_stays_whatever_becomes_of_the_document(shelf: Shelf) -> None:
    shelf.add("a.md", A, B)
    shelf.store.picture_upkeep.publish(*A)
    shelf.remove("a.md")
    assert shelf.collect() == 1 and shelf.holds(A)


def test_what_no_browser_shows_is_not_published(shelf: Shelf) -> None:
    shelf.store.picture_upkeep.publish(A[0].replace(".png", ".tiff"), b"x")
    assert shelf.holds()


def test_a_document_may_show_a_picture_of_another(shelf: Shelf) -> None:
    shelf.add("a.md", A)
    shelf.store.documents.ensure(shelf.kb, ["b.md"])
    shelf.store.documents.show([v for v in shelf.store.documents.write_hidden(shelf.kb, [draft("b.md", A)]) if v is not None])
    shelf.remove("a.md")
    assert shelf.collect() == 0 and shelf.holds(A)


def test_what_others_keep_in_the_same_place_is_left_alone(shelf: Shelf) -> None:
    shelf.store.pictures.put_named(*C)
    shelf.add("a.md", A)
    shelf.remove("a.md")
    assert shelf.collect() == 1 and shelf.holds(C)


def test_they_go_in_parts(shelf: Shelf) -> None:
    shelf.add("a.md", A, B, C)
    shelf.remove("a.md")
    assert [shelf.store.picture_upkeep.collect(2) for _ in range(3)] == [2, 1, 0]


class Failing:
    """A place that loses its connection after some pictures were removed."""

    def __init__(self, store: DataFolder, after: int) -> None:
        self._store = store.pictures
        self._after = after

    def delete(self, names: Iterable[str]) -> None:
        for n, name in enumerate(names):
            if n == self._after:
                raise StoreUnreadable(path="there", reason="it went away")
            self._store.delete([name])

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)


@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_removal_that_was_cut_off_goes_on(shelf: Shelf, after: int) -> None:
    shelf.add("a.md", A, B, C)
    shelf.add("b.md", B)
    shelf.remove("a.md")
    store = shelf.store
    cut_off = PictureUpkeep(store.database, Failing(store, after), store.picture_place, store.path / "pictures.lock")  # type: ignore[arg-type]
    if after < 2:
        with pytest.raises(StoreUnreadable):
            cut_off.collect()
    shelf.collect()
    assert shelf.holds(B) and shelf.collect() == 0


class Meddled:
    """A place where someone publishes a picture at the moment when it is to be removed."""

    def __init__(self, store: DataFolder, other: DataFolder, one: tuple[str, bytes]) -> None:
        self._store = store.pictures
        self.publisher = threading.Thread(target=other.picture_upkeep.publish, args=one)

    def delete(self, names: Iterable[str]) -> None:
        self.publisher.start()
        self.publisher.join(0.3)
        self._store.delete(names)

    def tidy(self) -> None:
        self._store.tidy()


def test_a_picture_that_is_published_while_it_is_removed_stays(shelf: Shelf, tmp_path: Path) -> None:
    shelf.add("a.md", A, B)
    shelf.remove("a.md")
    store, other = shelf.store, DataFolder(tmp_path / "data")
    meddled = Meddled(store, other, A)
    PictureUpkeep(store.database, meddled, store.picture_place, store.path / "pictures.lock").collect()  # type: ignore[arg-type]
    meddled.publisher.join()
    other.close()
    assert shelf.holds(A)
    assert shelf.collect() == 0 and shelf.holds(A)


_DOCUMENTS, _PICTURES = ["a.md", "b.md"], [A, B, C]
_some = st.lists(st.sampled_from(_PICTURES), unique=True)
_steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from(_DOCUMENTS), _some),
        st.tuples(st.just("remove"), st.sampled_from(_DOCUMENTS), st.just([])),
        st.tuples(st.just("cut off while read"), st.just(""), _some),
        st.tuples(st.just("cut off while written"), st.sampled_from(_DOCUMENTS), _some),
        st.tuples(st.just("publish"), st.just(""), _some),
        st.tuples(st.just("collect"), st.just(""), st.just([])),
    ),
    max_size=12,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(steps=_steps)
def test_whatever_happens_exactly_what_is_shown_or_published_remains(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str, list[tuple[str, bytes]]]]
) -> None:
    shelf = Shelf(tmp_path_factory.mktemp("shelf"))
    shown: dict[str, list[tuple[str, bytes]]] = {}
    published: set[tuple[str, bytes]] = set()
    acts: dict[str, Callable[[str, list[tuple[str, bytes]]], object]] = {
        "add": lambda name, some: (shelf.add(name, *some), shown.update({name: some})),
        "remove": lambda name, some: (shelf.remove(name), shown.pop(name, None)),
        "cut off while read": lambda name, some: shelf.read(*some),
        "cut off while written": lambda name, some: (shelf.write(name, *some), shelf.store.documents.drop_hidden()),
        "publish": lambda name, some: ([shelf.store.picture_upkeep.publish(*one) for one in some], published.update(some)),
        "collect": lambda name, some: shelf.collect(),
    }
    for verb, name, some in steps:
        acts[verb](name, some)
        there = set(shelf.store.pictures.names())
        assert {one for some in shown.values() for one, _ in some} | {one for one, _ in published} <= there
    shelf.collect()
    assert shelf.holds(*(one for some in shown.values() for one in some), *published)
    shelf.store.close()


def test_a_data_folder_from_before_knows_what_its_documents_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    until_pictures = tuple(step for step in database.migrations() if step[0] <= 3)
    monkeypatch.setattr(database, "migrations", lambda: until_pictures)
    jpeg = (A[0].replace(".png", ".jpeg"), b"j")
    shelf = Shelf(tmp_path)
    shelf.add("a.md", A, jpeg)
    shelf.add("b.md", jpeg, C)
    shelf.add("plain.md")
    shelf.store.close()
    with sqlite3.connect(tmp_path / "moorage.db") as c:
        c.executescript(
            "DROP TRIGGER pictures_of_a_version_gone; DROP TABLE version_pictures; DROP TABLE published_pictures; DROP TABLE picture_leftovers;"
            "UPDATE versions SET markdown = markdown || 'see /images/ and ![](/images/logo.png), /images/';"
            "PRAGMA user_version = 2;"
        )
    again = DataFolder(tmp_path)
    with again.database.read() as c:
        found = {row["name"] for row in c.execute("SELECT name FROM version_pictures")}
    assert found == {A[0], jpeg[0], C[0]}
    document = next(d for d in again.documents.list(shelf.kb) if d.name == "a.md")
    again.documents.remove(shelf.kb, document.id, "a.md")
    assert again.picture_upkeep.collect() == 1
    assert sorted(again.pictures.names()) == sorted([jpeg[0], C[0]])
