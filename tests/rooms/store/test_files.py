"""Files in the data folder: blobs, keys, archives."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from moorage.core.errors import AlreadyExists, ArchiveInvalid, NotFound, StoreTooNew
from moorage.store.archive import export_data, import_data
from moorage.store.blobs import Blobs
from moorage.store.folder import DataFolder


def test_the_same_content_is_stored_once(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    assert blobs.put(b"x") == blobs.put(b"x")
    assert len(list(blobs.names())) == 1
    assert blobs.read(blobs.put(b"x")) == b"x"


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "..", "", "a" * 15, "A" * 64, "a" * 64 + "/x", "a" * 64 + ".p/ng", "a" * 64 + "..png"]
)
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    assert Blobs(tmp_path).path(name) is None
    assert Blobs(tmp_path).read(name) is None


def test_a_key_is_known_by_its_hash_alone(tmp_path: Path) -> None:
    store = DataFolder(tmp_path)
    key = store.keys.create("laptop")
    assert len(key) > 40 and key.startswith("mk-")
    found = store.keys.find(key)
    assert found and found.name == "laptop"
    assert store.keys.find(key + "x") is None
    store.close()
    assert key.encode() not in (tmp_path / "moorage.db").read_bytes()


def test_a_revoked_key_is_refused(tmp_path: Path) -> None:
    store = DataFolder(tmp_path)
    key = store.keys.create("laptop")
    store.keys.delete("laptop")
    assert store.keys.find(key) is None
    with pytest.raises(NotFound):
        store.keys.delete("laptop")


def test_an_export_imported_elsewhere_is_the_same(tmp_path: Path) -> None:
    store = DataFolder(tmp_path / "a")
    store.knowledge.insert("kb")
    blob = store.originals.put(b"original")
    store.pictures.put_named("0123456789abcdef.png", b"picture")
    export_data(store, tmp_path / "out.zip")
    import_data(tmp_path / "out.zip", tmp_path / "b")
    other = DataFolder(tmp_path / "b")
    assert [k.name for k in other.knowledge.list()] == ["kb"]
    assert other.originals.read(blob) == b"original" and other.pictures.read("0123456789abcdef.png") == b"picture"


def test_an_export_never_overwrites(tmp_path: Path) -> None:
    (tmp_path / "out.zip").write_text("mine")
    with pytest.raises(AlreadyExists):
        export_data(DataFolder(tmp_path / "a"), tmp_path / "out.zip")
    assert (tmp_path / "out.zip").read_text() == "mine"


def test_an_import_never_touches_a_folder_in_use(tmp_path: Path) -> None:
    export_data(DataFolder(tmp_path / "a"), tmp_path / "out.zip")
    with pytest.raises(AlreadyExists):
        import_data(tmp_path / "out.zip", tmp_path / "a")


@pytest.mark.parametrize("member", ["../evil", "originals/../../evil", "/abs", "originals/" + "a" * 64 + ".tar.gz", "other/" + "a" * 64])
def test_an_archive_with_foreign_members_is_refused_whole(tmp_path: Path, member: str) -> None:
    export_data(DataFolder(tmp_path / "a"), tmp_path / "out.zip")
    with zipfile.ZipFile(tmp_path / "out.zip", "a") as archive:
        archive.writestr(member, "x")
    with pytest.raises(ArchiveInvalid):
        import_data(tmp_path / "out.zip", tmp_path / "b")
    assert not (tmp_path / "b").exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "out.zip"]


def test_archives_that_are_none_or_too_new_are_refused(tmp_path: Path) -> None:
    (tmp_path / "no.zip").write_text("no zip")
    with pytest.raises(ArchiveInvalid):
        import_data(tmp_path / "no.zip", tmp_path / "b")
    with zipfile.ZipFile(tmp_path / "new.zip", "w") as archive:
        archive.writestr("moorage.json", '{"format": 1, "schema": 999}')
    with pytest.raises(StoreTooNew):
        import_data(tmp_path / "new.zip", tmp_path / "b")
