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


@pytest.mark.parametrize("name", ["a.jar", "a.ofd", "a.pages", "a.docx"])
def test_a_zip_that_is_a_file_of_another_program_is_unknown(name: str) -> None:
    with pytest.raises(FormatUnknown):
        parse(Source(name, archive({"a.txt": "x"})))


@pytest.mark.parametrize("name", ["a.zip", "a", "word.zip"])
def test_a_zip_of_documents_is_not_taken_for_an_office_file(name: str) -> None:
    assert parser_for(Source(name, archive({"word/a.txt": "x", "xl/b.md": "y"}))).name == "zip"


def test_an_office_file_named_zip_is_that_office_file() -> None:
    assert parser_for(Source("a.zip", docx(paragraph("x")))).name == "docx"


@pytest.mark.parametrize(
    ("name", "head", "parser"),
    [
        ("a.eml", "Subject: x\n\nhello", "mail"),
        ("a", "From: a@b.example\nTo: c@d.example\nSubject: x\nDate: Mon, 1 Jan 2024 00:00:00 +0800\n\nhello", "mail"),
        ("a.txt", "Received: by x\nFrom: a@b.example\nMIME-Version: 1.0\nContent-Type: text/plain\n\nhello", "mail"),
        ("a.doc", "MIME-Version: 1.0\nContent-Type: multipart/related; boundary=x\n\n--x\n", "mhtml"),
        ("a.mht", "From: <Saved by Blink>\nSubject: x\nContent-Type: text/html\n\n<p>x", "mhtml"),
        ("a.txt", "Subject: x\nDate: today\n\nnotes", "text"),
        ("a.md", "From: a\nTo: b\nSubject: x\nDate: y\n\nnotes", "text"),
        ("a.log", "INFO: started\nERROR: stopped\n\nend", "text"),
    ],
)
def test_messages_are_told_from_notes_that_begin_like_them(name: str, head: str, parser: str) -> None:
    assert parser_for(Source(name, head.encode())).name == parser


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
