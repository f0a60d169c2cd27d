"""Documents come in whole, once, and go out whole; one bad document stops no other."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from moorage.core.errors import AlreadyExists, BadInput, KnowledgeNotFound, NameInvalid, PathNotFound, StoreFull
from moorage.kb.knowledge import KnowledgeBases
from moorage.wiring import Home, open_home
from tests.builders.homes import HANDBOOK, filled_home, write_folder


def search(home: Home, query: str, name: str = "kb") -> list[str]:
    return [h.document.name for h in asyncio.run(home.kb.search(name, query)).hits]


def test_what_was_added_is_found_in_both_languages(tmp_path: Path) -> None:
    with filled_home(tmp_path) as home:
        assert search(home, "年假提前几天申请")[0] == "leave.md"
        assert search(home, "hotel refund")[0] == "travel.md"
        assert search(home, "HOTELS")[0] == "travel.md"
        assert search(home, "員工年假")[0] == "leave.md"  # traditional characters


def test_a_hit_points_into_the_document(tmp_path: Path) -> None:
    with filled_home(tmp_path) as home:
        hit = asyncio.run(home.kb.search("kb", "年假须提前几天申请")).hits[0]
        text = home.kb.markdown("kb", hit.document.id)
        assert text[hit.chunk.start : hit.chunk.end] == hit.chunk.text
        assert all(text[c.chunk.start : c.chunk.end] == c.chunk.text for c in hit.children)
        assert "年假须提前三天申请。" in [hit.chunk.text[a:b] for a, b in hit.highlights]


def test_a_changed_document_replaces_the_old_one(tmp_path: Path) -> None:
    with filled_home(tmp_path) as home:
        home.kb.add_bytes("kb", "travel.md", b"# Travel\n\nTrains are preferred now.")
        asyncio.run(home.kb.work())
        assert search(home, "trains preferred") == ["travel.md"]
        assert "travel.md" not in search(home, "hotels breakfast")
        assert len(home.kb.documents("kb")) == 2


def test_the_same_bytes_are_not_read_twice(tmp_path: Path) -> None:
    with filled_home(tmp_path) as home:
        before = {d.name: d.updated_at for d in home.kb.documents("kb")}
        for name, text in HANDBOOK.items():
            home.kb.add_bytes("kb", name, text.encode())
        asyncio.run(home.kb.work())
        assert {d.name: d.updated_at for d in home.kb.documents("kb")} == before


def test_other_chunk_limits_read_documents_again(tmp_path: Path) -> None:
    write_folder(tmp_path / "docs", {"a.md": "# A\n\n" + "\n\n".join(f"Paragraph {i} says something of its own." for i in range(40))})
    with open_home(tmp_path / "data") as home:
        home.kb.mirror("kb", tmp_path / "docs")
        asyncio.run(home.kb.work())
        many = home.kb.get("kb").chunks
    with open_home(tmp_path / "data", child_max=60, parent_max=200) as home:
        assert home.kb.sync("kb").changed == ("a.md",)
        asyncio.run(home.kb.work())
        assert home.kb.get("kb").chunks > many
        assert home.kb.sync("kb").unchanged == ("a.md",)


def test_one_bad_document_stops_no_other(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "docs")
    (folder / "binary.md").write_bytes(bytes(range(256)) * 40)
    (folder / "broken.docx").write_bytes(b"PK\x03\x04 not a zip")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 and nothing")
    (folder / "ignored.exe").write_bytes(b"MZ")
    with open_home(tmp_path / "data") as home:
        report = home.kb.mirror("kb", folder)
        asyncio.run(home.kb.work())
        failed = {j.document_name: j.reason("en") for j in home.kb.jobs("kb") if j.state == "failed"}
        assert set(failed) == {"binary.md", "broken.docx", "broken.pdf"} and all(failed.values())
        assert report.skipped == ("ignored.exe",)
        assert {d.name: d.state for d in home.kb.documents("kb")} == {
            "binary.md": "failed", "broken.docx": "failed", "broken.pdf": "failed", "leave.md": "ready", "travel.md": "ready",
        }  # fmt: skip
        assert search(home, "年假")[0] == "leave.md"


def test_a_failed_document_can_be_mended_and_retried(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "docs", {"a.md": "good"})
    (folder / "b.md").write_bytes(b"\0\1\2\3" * 100)
    with open_home(tmp_path / "data") as home:
        home.kb.mirror("kb", folder)
        asyncio.run(home.kb.work())
        (folder / "b.md").write_text("now it is text about walnuts")
        home.kb.retry("kb")
        asyncio.run(home.kb.work())
        assert [j for j in home.kb.jobs("kb") if j.state == "failed"] == []
        assert search(home, "walnuts") == ["b.md"]


def test_a_document_that_cannot_be_read_keeps_its_last_good_version(tmp_path: Path) -> None:
    with filled_home(tmp_path) as home:
        home.kb.add_bytes("kb", "travel.md", bytes(range(256)) * 40)
        asyncio.run(home.kb.work())
        assert home.kb.job_counts("kb")["failed"] == 1
        assert search(home, "hotel refund")[0] == "travel.md"


def test_sync_mirrors_the_folder(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "docs", {"a.md": "apples", "sub/b.md": "bananas", ".hidden.md": "no", "~$lock.docx": "no"})
    with open_home(tmp_path / "data") as home:
        assert home.kb.mirror("kb", folder).added == ("a.md", "sub/b.md")
        asyncio.run(home.kb.work())
        (folder / "a.md").unlink()
        (folder / "sub/b.md").write_text("blackberries")
        (folder / "c.md").write_text("cherries")
        report = home.kb.sync("kb")
        assert (report.added, report.changed, report.removed) == (("c.md",), ("sub/b.md",), ("a.md",))
        asyncio.run(home.kb.work())
        assert (search(home, "apples"), search(home, "bananas"), search(home, "blackberries"), search(home, "cherries")) == (
            [],
            [],
            ["sub/b.md"],
            ["c.md"],
        )


def test_what_was_added_beside_the_folder_stays(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "docs", {"a.md": "apples"})
    with open_home(tmp_path / "data") as home:
        home.kb.mirror("kb", folder)
        home.kb.add_bytes("kb", "own.md", b"walnuts")
        asyncio.run(home.kb.work())
        assert home.kb.sync("kb").removed == ()
        assert search(home, "walnuts") == ["own.md"]


@pytest.mark.skipif(os.name == "nt", reason="names that Windows does not allow")
def test_strange_file_names_are_read(tmp_path: Path) -> None:
    names = ['quo"te.md', "new\nline.md", "手册 终稿.md", "semi;colon'.md", "per%cent.md", "-dash.md"]
    fruits = ["apples", "bananas", "cherries", "dates", "elderberries", "figs"]
    folder = write_folder(tmp_path / "docs", dict(zip(names, fruits, strict=True)))
    (folder / os.fsdecode(b"bad\xff.md")).write_text("grapes")
    with open_home(tmp_path / "data") as home:
        home.kb.mirror("kb", folder)
        asyncio.run(home.kb.work())
        assert [j.reason("en") for j in home.kb.jobs("kb") if j.state == "failed"] == []
        assert search(home, "cherries") == ["手册 终稿.md"]
        assert search(home, "bananas") == ["new line.md"]
        assert len(search(home, "grapes")) == 1


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "docs")
    (folder / "leave.md").chmod(0)
    with open_home(tmp_path / "data") as home:
        home.kb.mirror("kb", folder)
        asyncio.run(home.kb.work())
        assert "Permission denied" in str([j.reason("en") for j in home.kb.jobs("kb") if j.state == "failed"])


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.md").write_text("secret words")
    folder = write_folder(tmp_path / "docs")
    (folder / "link.md").symlink_to(tmp_path / "secret.md")
    with open_home(tmp_path / "data") as home:
        assert "link.md" not in home.kb.mirror("kb", folder).added


def test_an_empty_folder_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    with open_home(tmp_path / "data") as home:
        assert home.kb.mirror("kb", tmp_path / "docs").added == ()
        asyncio.run(home.kb.work())
        assert search(home, "anything") == []


def test_an_empty_file_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with filled_home(tmp_path) as home, pytest.raises(BadInput, match="empty"):
        home.kb.add_bytes("kb", "x.md", b"")


def test_a_document_over_the_limit_is_refused(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "docs", {"big.md": "x" * 2000, "small.md": "walnut"})
    with open_home(tmp_path / "data", max_document_bytes=1000) as home:
        home.kb.mirror("kb", folder)
        asyncio.run(home.kb.work())
        assert "2000 bytes" in str([j.reason("en") for j in home.kb.jobs("kb") if j.state == "failed"])
        assert search(home, "walnut") == ["small.md"]
        with pytest.raises(BadInput, match="at most 1000"):
            home.kb.add_bytes("kb", "big.md", b"x" * 2000)


def test_files_of_terabytes_are_told_by_their_size_and_the_others_go_on(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "docs", {"small.md": "walnut"})
    for name in ("a.pdf", "b.docx", "c.txt"):
        with (folder / name).open("wb") as file:
            file.truncate(2**41)  # sparse: takes no room
    with open_home(tmp_path / "data") as home:
        home.kb.mirror("kb", folder)
        asyncio.run(home.kb.work())
        reasons = [j.reason("en") or "" for j in home.kb.jobs("kb") if j.state == "failed"]
        assert len(reasons) == 3 and all(f"{2**41} bytes" in reason for reason in reasons)
        assert search(home, "walnut") == ["small.md"]
        with pytest.raises(BadInput, match="at most"):
            home.kb.add("kb", [folder / "a.pdf"])


def test_wrong_names_are_said(tmp_path: Path) -> None:
    with open_home(tmp_path) as home:
        home.kb.create("kb")
        with pytest.raises(AlreadyExists):
            home.kb.create("kb")
        with pytest.raises(NameInvalid):
            home.kb.create("../x")
        with pytest.raises(KnowledgeNotFound):
            search(home, "x", "nope")
        with pytest.raises(PathNotFound):
            home.kb.add("kb", [tmp_path / "nope"])
        with pytest.raises(BadInput, match="mirrors no folder"):
            home.kb.sync("kb")


def test_removed_things_are_gone(tmp_path: Path) -> None:
    with filled_home(tmp_path) as home:
        home.kb.remove("kb", "travel.md")
        assert "travel.md" not in search(home, "hotel")
        home.kb.rm("kb")
        assert home.kb.ls() == []
        home.kb.create("kb")
        assert search(home, "年假") == []


def test_a_lost_index_is_built_again(tmp_path: Path) -> None:
    import shutil

    filled_home(tmp_path).close()
    shutil.rmtree(tmp_path / "index")
    with open_home(tmp_path) as home:
        assert search(home, "年假")[0] == "leave.md"


def test_a_damaged_index_is_built_again(tmp_path: Path) -> None:
    filled_home(tmp_path).close()
    for path in (tmp_path / "index").rglob("*"):
        if path.is_file():
            path.write_bytes(b"damaged")
    with open_home(tmp_path) as home:
        assert search(home, "年假")[0] == "leave.md"


def test_two_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    with open_home(tmp_path) as one, open_home(tmp_path) as two:
        one.kb.create("kb")

        async def both() -> None:
            async def fill(kb: KnowledgeBases, who: str) -> None:
                for i in range(15):
                    await asyncio.to_thread(kb.add_bytes, "kb", f"{who}{i}.md", f"walnut {who} {i}".encode())
                await kb.work("kb")

            await asyncio.gather(fill(one.kb, "one"), fill(two.kb, "two"))

        asyncio.run(both())
        assert one.kb.get("kb").documents == 30
        assert len(asyncio.run(two.kb.search("kb", "walnut", 100)).hits) == 30


def test_a_full_disk_stops_the_work_and_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with filled_home(tmp_path) as home:
        home.kb.add_bytes("kb", "new.md", b"walnuts")
        write = home.store.documents.write_hidden

        def full(*_: object) -> None:
            raise StoreFull(path=str(tmp_path))

        monkeypatch.setattr(home.store.documents, "write_hidden", full)
        with pytest.raises(StoreFull):
            asyncio.run(home.kb.work())
        assert search(home, "年假")[0] == "leave.md"
        monkeypatch.setattr(home.store.documents, "write_hidden", write)
        asyncio.run(home.kb.work())
        assert search(home, "walnuts") == ["new.md"]


@pytest.mark.skipif(os.name == "nt", reason="named pipes of Unix")
def test_a_named_pipe_in_a_folder_is_passed_over(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "docs", {"a.md": "apples"})
    os.mkfifo(folder / "pipe.txt")
    with open_home(tmp_path / "data") as home:
        assert home.kb.mirror("kb", folder).added == ("a.md",)
        with pytest.raises(PathNotFound):
            home.kb.add("kb", [folder / "pipe.txt"])


def test_a_folder_that_cannot_be_listed_loses_no_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_folder(tmp_path / "docs", {"a.md": "apples", "sub/b.md": "bananas"})
    with open_home(tmp_path / "data") as home:
        home.kb.mirror("kb", folder)
        asyncio.run(home.kb.work())
        scan = os.scandir

        def refuses(path: str) -> object:
            if str(path).endswith("sub"):
                raise PermissionError(13, "Permission denied", str(path))
            return scan(path)

        monkeypatch.setattr(os, "scandir", refuses)
        report = home.kb.sync("kb")
        assert (report.removed, report.unread) == ((), ("sub",))
        assert search(home, "bananas") == ["sub/b.md"]


def test_small_documents_do_not_wait_for_a_large_one(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "docs", {"a_large.txt": "A line of a long log. " * 150_000, "b.md": "bananas", "c.md": "cherries"})
    with open_home(tmp_path / "data") as home:
        home.kb.mirror("kb", folder)
        shown: list[set[str]] = []
        show = home.store.documents.show

        def seen(versions, jobs=()) -> None:  # type: ignore[no-untyped-def]
            show(versions, jobs)
            shown.append({d.name for d in home.kb.documents("kb") if d.state == "ready"})

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(home.store.documents, "show", seen)
            asyncio.run(home.kb.work())
        *first, last = shown
        assert first and all("a_large.txt" not in names for names in first)
        assert last == {"a_large.txt", "b.md", "c.md"}


def test_a_long_text_is_found_to_its_end_and_leaves_nothing_behind(tmp_path: Path) -> None:
    lines = [f"Line {i} of a log 第 {i} 行, which says something of its own about wharf{i % 977}." for i in range(60_000)]
    text = "\n\n".join([*lines, "The last line alone speaks of the kingfisher 翠鸟。"])
    write_folder(tmp_path / "docs", {"log.txt": text})
    left = tmp_path / "data" / "reading" / "of-a-killed-worker"
    left.mkdir(parents=True)
    with open_home(tmp_path / "data") as home:
        home.kb.mirror("kb", tmp_path / "docs")
        asyncio.run(home.kb.work())
        (document,) = home.kb.documents("kb")
        assert home.kb.markdown("kb", document.id) == text and document.characters == len(text)
        assert search(home, "kingfisher") == ["log.txt"] == search(home, "翠鸟")
    assert not left.exists() and not list((tmp_path / "data").glob("reading/*"))
