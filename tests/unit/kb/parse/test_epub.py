"""Books: chapters in reading order, their headings from the table of contents where they have none."""

from __future__ import annotations

import pytest

from moorage.core.errors import DocumentUnreadable
from moorage.kb.parse import Source, parse
from moorage.testing.documents import epub, png

ENCRYPTED = "<encryption><EncryptedData><EncryptionMethod Algorithm='{}'/></EncryptedData></encryption>"


def read(**book: object) -> str:
    return parse(Source("a.epub", epub(**book))).markdown  # type: ignore[arg-type]


def test_chapters_come_in_the_order_of_the_spine_with_title_and_author() -> None:
    parsed = parse(Source("a.epub", epub({"2.xhtml": "<h1>一</h1><p>a</p>", "1.xhtml": "<h1>二</h1>"})))

    assert parsed.markdown == "# 一\n\na\n\n# 二"
    assert (parsed.title, parsed.metadata["author"]) == ("书", "作者")


@pytest.mark.parametrize("is_old", [False, True])
def test_a_chapter_without_heading_gets_that_of_the_contents(is_old: bool) -> None:
    assert read(chapters={"a.xhtml": "<p>text</p>"}, contents=[("第一章 开始", "a.xhtml")], is_old=is_old) == "# 第一章 开始\n\ntext"


def test_a_heading_that_is_only_a_paragraph_is_not_written_twice() -> None:
    assert read(chapters={"a.xhtml": "<p class='t'>开始</p><p>text</p>"}, contents=[("开始", "a.xhtml")]) == "# 开始\n\ntext"


def test_headings_inside_a_file_are_found_by_their_ids() -> None:
    chapters = {"a.xhtml": "<p>before</p><p id='x'>一节</p><p>text</p><p><a id='y'/>more</p>"}

    assert read(chapters=chapters, contents=[("章", "a.xhtml"), ("一节", "a.xhtml#x"), ("二节", "a.xhtml#y")]) == (
        "# 章\n\nbefore\n\n# 一节\n\ntext\n\n# 二节\n\nmore"
    )


def test_pictures_stand_in_the_text_and_a_framed_cover_is_one() -> None:
    chapters = {"t/a.xhtml": "<p><img src='../i/%E5%9B%BE.png' alt='图'/></p><svg><image xlink:href='../i/b.png'/></svg>"}
    parsed = parse(Source("a.epub", epub(chapters, parts={"OEBPS/i/图.png": png(), "OEBPS/i/b.png": png(red=3)})))

    assert [p.name in parsed.markdown for p in parsed.pictures] == [True, True]
    assert parsed.notices == ()


def test_elements_closed_in_one_swallow_nothing() -> None:
    assert read(chapters={"a.xhtml": "<script src='x'/><p>a<a id='n'/>b</p><div/><p>c</p>"}) == "ab\n\nc"


def test_a_missing_chapter_and_a_missing_picture_are_told() -> None:
    book = epub({"a.xhtml": "<p>x<img src='no.png'/></p>", "b.xhtml": "y"}, parts={"OEBPS/b.xhtml": b""})
    parsed = parse(Source("a.epub", book))

    assert [n.code for n in parsed.notices] == ["picture_missing", "chapter_missing"]
    assert parsed.notices[0].en.startswith("OEBPS/a.xhtml: ")


def test_a_protected_book_says_so_and_hidden_fonts_are_no_protection() -> None:
    protected = epub({"a.xhtml": "x"}, parts={"META-INF/encryption.xml": ENCRYPTED.format("http://www.w3.org/2001/04/xmlenc#aes128-cbc")})
    fonts = epub({"a.xhtml": "<p>x</p>"}, parts={"META-INF/encryption.xml": ENCRYPTED.format("http://www.idpf.org/2008/embedding")})

    with pytest.raises(DocumentUnreadable, match="DRM"):
        parse(Source("a.epub", protected))
    assert parse(Source("a.epub", fonts)).markdown == "x"


def test_entities_that_unfold_are_refused_and_a_named_dtd_is_not_asked_for() -> None:
    bomb = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa">]><package><manifest/></package>'

    with pytest.raises(DocumentUnreadable, match="entities"):
        parse(Source("a.epub", epub({"a.xhtml": "x"}, parts={"OEBPS/book.opf": bomb})))


def test_a_book_without_its_list_of_parts_is_unreadable() -> None:
    with pytest.raises(DocumentUnreadable, match="main part"):
        parse(Source("a.epub", epub({"a.xhtml": "x"}, parts={"OEBPS/book.opf": "not xml"})))
