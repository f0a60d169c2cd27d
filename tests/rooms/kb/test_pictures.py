"""The pictures of a knowledge base come and go with its documents, in a folder and in a bucket."""

from __future__ import annotations

import asyncio
import base64
import logging
from dataclasses import replace
from pathlib import Path

import pytest

from moorage.kb.edit import Edit
from moorage.kb.parse.pictures import as_picture
from moorage.kb.read import Recipe
from moorage.kb.reader import Order
from moorage.store.archive import export_data
from moorage.store.folder import DataFolder
from moorage.store.pictures import PicturePlace
from moorage.testing.documents import png
from moorage.wiring import Home, import_home, open_documents, open_home


def shows(*reds: int) -> bytes:
    """A document with a picture of each colour."""
    pictures = "\n\n".join(f"![red {red}](data:image/png;base64,{base64.b64encode(png(red=red)).decode()})" for red in reds)
    return f"# A page\n\nSome words.\n\n{pictures}\n".encode()


def name(red: int) -> str:
    picture = as_picture(png(red=red))
    assert picture
    return picture.name


def there(home: Home) -> list[str]:
    return list(home.store.pictures.names())


def names(*reds: int) -> list[str]:
    return sorted(map(name, reds))


def filled(data: Path, *, images_url: str | None = None, **documents: bytes) -> Home:
    home = open_home(data, images_url=images_url)
    home.kb.create("kb")
    for document, content in documents.items():
        home.kb.add_bytes("kb", f"{document}.md", content)
    asyncio.run(home.kb.work())
    return home


def test_a_changed_document_takes_the_pictures_it_no_longer_shows_with_it(tmp_path: Path) -> None:
    with filled(tmp_path, a=shows(1, 2), b=shows(2)) as home:
        assert there(home) == names(1, 2)
        home.kb.add_bytes("kb", "a.md", shows(3))
        asyncio.run(home.kb.work())
        assert there(home) == names(2, 3)


def test_a_removed_document_takes_its_pictures_with_it_at_once(tmp_path: Path) -> None:
    with filled(tmp_path, a=shows(1, 2), b=shows(2)) as home:
        home.kb.remove("kb", "a.md")
        assert there(home) == names(2)


def test_a_removed_knowledge_base_takes_its_pictures_with_it_at_once(tmp_path: Path) -> None:
    with filled(tmp_path, a=shows(1, 2)) as home:
        home.kb.create("other")
        home.kb.add_bytes("other", "x.md", shows(2))
        asyncio.run(home.kb.work())
        home.kb.rm("kb")
        assert there(home) == names(2)


def test_a_file_that_left_the_folder_takes_its_pictures_with_it(tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.md").write_bytes(shows(1))
    (folder / "b.md").write_bytes(shows(2))
    with open_home(tmp_path / "data") as home:
        home.kb.mirror("kb", folder)
        asyncio.run(home.kb.work())
        (folder / "a.md").unlink()
        home.kb.sync("kb")
        asyncio.run(home.kb.work())
        assert there(home) == names(2)


def test_while_another_process_reads_documents_it_alone_removes_pictures(tmp_path: Path) -> None:
    with filled(tmp_path, a=shows(1), b=shows(2)) as home:
        worker = DataFolder(tmp_path)
        assert worker.try_work_lock()
        home.kb.remove("kb", "a.md")  # what it showed may be in a version that is being read there
        assert there(home) == names(1, 2)
        worker.close()
        asyncio.run(home.kb.work())
        assert there(home) == names(2)


def test_a_server_removes_pictures_while_it_waits_for_work(tmp_path: Path) -> None:
    async def scene(home: Home) -> None:
        serving = asyncio.create_task(home.kb.worker.serve())
        while home.store.try_work_lock():  # until the worker has it
            home.store.release_work_lock()
            await asyncio.sleep(0.01)
        await asyncio.to_thread(home.kb.remove, "kb", "a.md")
        for _ in range(1000):
            if there(home) == names(2):
                break
            await asyncio.sleep(0.02)
        serving.cancel()

    with filled(tmp_path, a=shows(1), b=shows(2)) as home:
        asyncio.run(scene(home))
        assert there(home) == names(2)


def test_a_reading_that_was_killed_leaves_nothing_behind(tmp_path: Path) -> None:
    with filled(tmp_path / "data", a=shows(1)) as home:
        (tmp_path / "b.md").write_bytes(shows(1, 2))
        Order("b.md", tmp_path / "b.md", Recipe(1000, 2000), home.store.picture_place, 2**20).carry_out(lambda step, done, total: None)
        assert there(home) == names(1, 2)
        asyncio.run(home.kb.work())
        assert there(home) == names(1)


def test_a_published_picture_outlives_the_document(tmp_path: Path) -> None:
    with filled(tmp_path / "data", images_url="https://h/images", a=shows(1, 2)) as home:
        asyncio.run(home.doc.chunk_bytes("x.md", shows(2, 3)))
        home.kb.rm("kb")
        assert there(home) == names(2, 3)


def test_pictures_that_a_command_published_outlive_the_document(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with open_documents(data, images_url="https://h/images") as documents:
        assert not data.exists()
        asyncio.run(documents.chunk_bytes("x.md", shows(2)))
    with filled(data, a=shows(1, 2)) as home:
        home.kb.rm("kb")
        assert there(home) == names(2)


def test_an_edit_may_show_a_picture_and_take_it_out_again(tmp_path: Path) -> None:
    with filled(tmp_path, a=shows(1), b=b"# B\n\nOnly words.\n") as home:
        chunk = home.kb.chunks("kb", "b.md")[0].children[-1]
        home.kb.edit("kb", "b.md", Edit("text", chunk.id, text=f"See ![it](/images/{name(1)})."))
        home.kb.remove("kb", "a.md")
        assert there(home) == names(1)
        chunk = home.kb.chunks("kb", "b.md")[0].children[-1]
        home.kb.edit("kb", "b.md", Edit("text", chunk.id, text="Words again."))
        asyncio.run(home.kb.work())
        assert there(home) == names(1)  # the edit may be taken back
        home.kb.remove("kb", "b.md")
        assert there(home) == []


def in_bucket(data: Path, place: PicturePlace) -> Home:
    return open_home(data, pictures=place.url, s3_endpoint=place.endpoint, s3_region=place.region, s3_key=place.key, s3_secret=place.secret)


def test_pictures_in_a_bucket_come_and_go_as_in_a_folder(tmp_path: Path, bucket: PicturePlace) -> None:
    with in_bucket(tmp_path, bucket) as home:
        home.kb.create("kb")
        home.kb.add_bytes("kb", "a.md", shows(1, 2))
        home.kb.add_bytes("kb", "b.md", shows(2))
        asyncio.run(home.kb.work())
        assert there(home) == names(1, 2) and home.picture(name(1)) == png(red=1)
        home.kb.add_bytes("kb", "a.md", shows(3))
        asyncio.run(home.kb.work())
        assert there(home) == names(2, 3)
        home.kb.rm("kb")
        assert there(home) == []


def test_a_bucket_that_cannot_be_used_fails_the_document_with_the_reason_and_a_retry_reads_it(tmp_path: Path, bucket: PicturePlace) -> None:
    wrong = PicturePlace(bucket.folder, bucket.url, bucket.endpoint, bucket.region, bucket.key, "wrong-secret-value")
    with in_bucket(tmp_path, wrong) as home:
        home.kb.create("kb")
        home.kb.add_bytes("kb", "a.md", shows(1))
        home.kb.add_bytes("kb", "b.md", b"# B\n\nOnly words.\n")
        asyncio.run(home.kb.work())
        (failed,) = [j for j in home.kb.jobs("kb") if j.state == "failed"]
        assert failed.document_name == "a.md" and "`s3_secret`" in failed.reason("en") and "不匹配" in failed.reason("zh")
        assert home.kb.document("kb", "b.md").state == "ready"
    with in_bucket(tmp_path, bucket) as home:
        home.kb.retry("kb")
        asyncio.run(home.kb.work())
        assert home.kb.document("kb", "a.md").state == "ready" and there(home) == names(1)


def test_a_bucket_that_is_away_stops_no_removal_and_is_tidied_later(
    tmp_path: Path, bucket: PicturePlace, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    with in_bucket(tmp_path, bucket) as home:
        home.kb.create("kb")
        home.kb.add_bytes("kb", "a.md", shows(1))
        asyncio.run(home.kb.work())
    wrong = PicturePlace(bucket.folder, bucket.url, bucket.endpoint, bucket.region, bucket.key, "wrong-secret-value")
    with in_bucket(tmp_path, wrong) as home:
        home.kb.rm("kb")
        assert home.kb.ls() == []
    assert "stay for now" in caplog.text and "wrong-secret-value" not in caplog.text
    with in_bucket(tmp_path, bucket) as home:
        assert there(home) == names(1)
        asyncio.run(home.kb.work())
        assert there(home) == []


def test_an_archive_takes_pictures_from_a_folder_to_a_bucket_and_back(tmp_path: Path, bucket: PicturePlace) -> None:
    with filled(tmp_path / "first", a=shows(1, 2)) as home:
        export_data(home.store, tmp_path / "first.zip")
    with in_bucket(tmp_path / "x", bucket) as home:
        settings = replace(home.settings, data=tmp_path / "second")
    import_home(tmp_path / "first.zip", settings)
    assert not (tmp_path / "second" / "pictures").exists()
    with in_bucket(tmp_path / "second", bucket) as home:
        assert home.picture(name(1)) == png(red=1) and there(home) == names(1, 2)
        export_data(home.store, tmp_path / "second.zip")
    import_home(tmp_path / "second.zip", replace(settings, data=tmp_path / "third", pictures=""))
    with open_home(tmp_path / "third") as home:
        assert there(home) == names(1, 2)
        home.kb.rm("kb")
        assert there(home) == []
