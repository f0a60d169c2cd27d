"""A document is what its bytes say; its name decides only among kinds of text."""

from __future__ import annotations

import pytest

from moorage.core.errors import DocumentEncrypted, DocumentUnreadable, FormatUnknown
from moorage.kb.parse import Source, known_suffixes, media_type_of, parse, parser_for
from moorage.testing.documents import archive, docx, paragraph, pdf, xlsx

OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600
LINE = pdf([("hello there", 72, 700, 12)])


@pytest.mark.parametrize(
    ("name", "data", "parser"),
    [
        ("a.docx", docx(paragraph("x")), "docx"),
        ("a.xlsx", xlsx({"s": [["a"]]}), "sheet"),
        ("a.pdf", LINE, "pdf"),
        ("no-suffix", LINE, "pdf"),
        ("a.md", b"# x", "text"),
        ("a.md", b"<div align=center>\n# x", "text"),
        ("a.log", b"a line", "text"),
        ("a.csv", b"a,b\n1,2", "delimited"),
        ("a.html", b"<p>fragment", "html"),
        ("page", b"\n<!-- x --><!DOCTYPE html><p>x", "html"),
        ("A.DOCX", docx(paragraph("x")), "docx"),
        ("../../etc/a.md\x00\u202e", b"x", "text"),
    ],
)
def test_content_is_looked_at_before_the_name(name: str, data: bytes, parser: str) -> None:
    assert parser_for(Source(name, data)).name == parser


def test_a_pdf_named_docx_is_read_as_pdf_with_a_notice() -> None:
    parsed = parse(Source("a.docx", LINE))

    assert parsed.markdown == "hello there"
    assert [n.en for n in parsed.notices] == ["Named .docx, but it is pdf; read as that."]


@pytest.mark.parametrize("name", ["a.md", "a.txt", "a.csv", "a.html", "a.png", "a"])
def test_binary_bytes_are_of_no_known_format_whatever_their_name(name: str) -> None:
    with pytest.raises(FormatUnknown, match=r"Known: .*docx"):
        parse(Source(name, bytes(range(256)) * 20))


@pytest.mark.parametrize("data", [b"", b"  \r\n", b"\x00" * 100])
def test_an_empty_file_is_told_as_empty(data: bytes) -> None:
    with pytest.raises(DocumentUnreadable, match=r"a\.docx could not be read: the file is empty"):
        parse(Source("a.docx", data))


@pytest.mark.parametrize(("stream", "target"), [("WordDocument", "docx"), ("PowerPoint Document", "pptx")])
def test_old_office_files_say_what_to_do_without_libreoffice(stream: str, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("moorage.kb.parse.office.find_soffice", lambda: None)
    with pytest.raises(DocumentUnreadable, match=f"apt install libreoffice.*save the file as .{target}"):
        parse(Source("a.doc", OLE2 + stream.encode("utf-16-le")))


def test_an_old_office_file_of_no_known_kind_says_what_to_save_it_as() -> None:
    with pytest.raises(FormatUnknown, match=r"save it as \.docx, \.xlsx or \.pptx"):
        parse(Source("a.doc", OLE2 + "Other".encode("utf-16-le")))


def test_an_office_file_with_a_password_says_so() -> None:
    with pytest.raises(DocumentEncrypted, match="needs a password"):
        parse(Source("a.docx", OLE2 + "EncryptedPackage".encode("utf-16-le")))


def test_a_zip_of_anything_else_is_unknown() -> None:
    with pytest.raises(FormatUnknown):
        parse(Source("a.zip", archive({"a.txt": "x"})))


def test_the_reason_is_kept_in_both_languages() -> None:
    with pytest.raises(DocumentUnreadable) as caught:
        parse(Source("a.docx", b""))

    assert caught.value.values["reason_zh"] == "文件是空的"


def test_the_known_suffixes_are_sorted_and_lower_case() -> None:
    suffixes = known_suffixes()

    assert {".md", ".txt", ".docx", ".pdf", ".xlsx", ".pptx", ".html", ".csv"} <= set(suffixes)
    assert list(suffixes) == sorted(suffix.lower() for suffix in suffixes)


def test_the_media_type_is_told_without_reading_the_document() -> None:
    assert media_type_of(Source("a.md", b"x")) == "text/markdown"
    assert media_type_of(Source("a.bin", LINE)) == "application/pdf"
