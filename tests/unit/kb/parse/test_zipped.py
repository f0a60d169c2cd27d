"""Zips of documents: a section for each, and nothing a hostile archive could gain by."""

from __future__ import annotations

import io
import struct
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import pytest

from moorage.core.errors import DocumentEncrypted, DocumentUnreadable
from moorage.core.nouns import Notice
from moorage.kb.parse import Source, limits, parse
from moorage.kb.parse.zipped import members, safe_path
from moorage.testing.documents import archive, docx, heading_style, paragraph, png


def names(data: bytes) -> list[str]:
    return [name for name, _ in members(data, "a.zip")]


def raw_name(name: bytes, content: bytes = b"x") -> bytes:
    """A zip whose one file has these bytes for a name, and no word about their encoding."""
    return archive({"N" * len(name): content}).replace(b"N" * len(name), name)


def marked(data: bytes, *, flags: int) -> bytes:
    """The same zip with flags set on its first entry."""
    at = data.index(b"PK\x01\x02")
    return data[:6] + struct.pack("<H", flags) + data[8 : at + 8] + struct.pack("<H", flags) + data[at + 10 :]


def test_each_file_is_a_section_in_natural_order_with_its_headings_below() -> None:
    report = docx(paragraph("概述", style="Heading1"), styles=heading_style(1))
    parsed = parse(Source("a.zip", archive({"10.md": "# ten", "2.txt": "two", "d/报告.docx": report})))

    assert parsed.markdown == "# 2.txt\n\ntwo\n\n# 10.md\n\n## ten\n\n# d/报告.docx\n\n## 概述"


def test_code_keeps_its_number_signs_and_underlined_headings_are_headings() -> None:
    assert parse(Source("a.zip", archive({"a.md": "Title\n===\n\n```\n# no\n```"}))).markdown == "# a.md\n\n## Title\n\n```\n# no\n```"


def test_pictures_that_a_file_shows_are_no_sections_and_others_are() -> None:
    data = archive(
        {"d/a.md": "![图](img/a%20b.png)", "d/img/a b.png": png(), "d/c.png": png(red=7), "d/p.html": "<html><img src='./c.png' alt='c'>"}
    )
    parsed = parse(Source("a.zip", data))

    first, second = (picture.name for picture in parsed.pictures)
    assert parsed.markdown == f"# d/a.md\n\n![图]({first})\n\n# d/p.html\n\n![c]({second})"


def test_what_is_lost_in_a_file_is_told_with_its_name() -> None:
    parsed = parse(Source("a.zip", archive({"b.bin": bytes(range(256)), "c.docx": docx(paragraph("x"))[:99]})))

    assert [(n.code, "c.docx" in n.en or "b.bin" in n.en) for n in parsed.notices if n.code != "no_text"] == [
        ("inside_unreadable", True),
        ("files_not_read", True),
    ]


def test_zips_in_zips_are_taken_apart_to_a_small_depth() -> None:
    data = archive({"a.txt": "deep"})
    for _ in range(6):
        data = archive({"z.zip": data})
    told: list[Notice] = []

    assert names(archive({"z.zip": archive({"a.txt": "x"})})) == ["z.zip/a.txt"]
    assert list(members(data, "a.zip", told)) == []
    assert [n.code for n in told] == ["nested_too_deeply"]


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd", "etc/passwd"),
        ("/abs/a.md", "abs/a.md"),
        ("C:\\docs\\a.md", "docs/a.md"),
        ("c:a.md", "a.md"),
        ("a/./b//c.md", "a/b/c.md"),
        ("a\u202egpj.exe", "agpj.exe"),
        ("..", "unnamed"),
        ("x" * 1000, "x" * 400),
    ],
)
def test_a_path_never_leads_out_of_its_folder(name: str, safe: str) -> None:
    assert safe_path(name) == safe


def test_two_files_that_become_one_path_are_both_kept() -> None:
    assert names(archive({"a.md": "1", "../a.md": "2"})) == ["a (2).md", "a.md"]


@pytest.mark.parametrize("encoding", ["gbk", "utf-8", "big5"])
def test_chinese_names_without_a_word_about_their_encoding_are_read(encoding: str) -> None:
    assert names(raw_name("會議紀錄/系統說明文件.txt".encode(encoding))) == ["會議紀錄/系統說明文件.txt"]


def test_links_are_not_followed() -> None:
    out = io.BytesIO()
    with ZipFile(out, "w") as zip_file:
        link = ZipInfo("link.txt")
        link.external_attr = 0o120777 << 16
        zip_file.writestr(link, "/etc/passwd")
        zip_file.writestr("a.txt", "x")
    told: list[Notice] = []

    assert [name for name, _ in members(out.getvalue(), "a.zip", told)] == ["a.txt"]
    assert [n.code for n in told] == ["links_not_followed"]


def test_files_with_a_password_are_named_and_a_zip_of_only_such_is_encrypted() -> None:
    told: list[Notice] = []

    assert [n for n, _ in members(marked(archive({"a.txt": "x", "b.txt": "y"}), flags=1), "a.zip", told)] == ["b.txt"]
    assert "a.txt" in told[0].zh
    with pytest.raises(DocumentEncrypted):
        list(members(marked(archive({"a.txt": "x"}), flags=1), "a.zip"))


def test_what_systems_leave_behind_is_left_out() -> None:
    assert names(archive({"__MACOSX/._a.md": "x", ".DS_Store": "x", "d/~$a.docx": "x", "d/Thumbs.db": "x", "d/": "", "a.md": "x"})) == [
        "a.md"
    ]


def test_bombs_are_refused_whether_flat_or_nested(monkeypatch: pytest.MonkeyPatch) -> None:
    flat = archive({"a.txt": b"\x00" * (30 * 1024 * 1024)})
    with pytest.raises(DocumentUnreadable, match="far more data"):
        parse(Source("a.zip", flat))

    monkeypatch.setattr(limits, "UNPACKED_BYTES", 100_000)
    nested = archive({f"{n}.zip": archive({"a.txt": bytes(range(256)) * 80}) for n in range(8)})
    with pytest.raises(DocumentUnreadable, match="far more data"):
        parse(Source("a.zip", nested))


def test_a_file_that_is_longer_than_it_says_gives_no_more_than_that() -> None:
    out = io.BytesIO()
    with ZipFile(out, "w", ZIP_DEFLATED) as zip_file:
        zip_file.writestr("a.txt", "y" * 1_000_000)
    data = out.getvalue()
    short = data.replace(struct.pack("<I", 1_000_000), struct.pack("<I", 10))
    told: list[Notice] = []

    assert sum(len(content) for _, content in members(short, "a.zip", told)) <= 10


def test_too_many_files_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MEMBERS", 10)

    with pytest.raises(DocumentUnreadable, match="too many"):
        parse(
            Source(
                "a.zip",
                archive({"z.zip": archive({f"{n}.txt": "x" for n in range(9)}), "y.zip": archive({f"{n}.txt": "x" for n in range(9)})}),
            )
        )
