"""Web archives: one page with its pictures, wherever it was saved."""

from __future__ import annotations

import pytest

from moorage.core.errors import DocumentUnreadable
from moorage.kb.parse import Source, parse
from moorage.testing.documents import mhtml, png


def test_pictures_are_found_by_address_and_by_id() -> None:
    page = "<body><h1>题</h1><img src='../img/a.png' alt=a><img src='cid:x@y' alt=b><img src='https://wiki.example.org/img/a.png'>"
    parsed = parse(Source("a.mhtml", mhtml(page, {"https://wiki.example.org/img/a.png": png(), "cid:x@y": png(red=9)})))

    first, second = (picture.name for picture in parsed.pictures)
    assert parsed.markdown == f"# 题\n\n![a]({first})![b]({second})![]({first})"
    assert parsed.notices == ()


def test_links_are_made_whole_with_the_address_of_the_page() -> None:
    assert parse(Source("a.mht", mhtml("<p><a href='b'>b</a>", {}))).markdown == "[b](https://wiki.example.org/pages/b)"


def test_the_subject_is_the_title_where_the_page_has_none() -> None:
    assert parse(Source("a.mht", mhtml("<p>x", {}))).title == "页面"


def test_word_s_pictures_beside_a_file_address_are_found() -> None:
    page = mhtml("<img src='a.files/image001.png'>", {"file:///C:/x/a.files/image001.png": png()}, address="file:///C:/x/a.htm")

    assert len(parse(Source("a.mht", page)).pictures) == 1


def test_a_missing_picture_of_the_box_is_told_and_one_on_the_web_stays_linked() -> None:
    parsed = parse(Source("a.mht", mhtml("<p>before<img src=cid:none><p><img src='https://x.example/a.png'>", {})))

    assert [n.code for n in parsed.notices] == ["picture_missing"]
    assert "![](https://x.example/a.png)" in parsed.markdown


def test_an_archive_without_a_page_is_unreadable() -> None:
    with pytest.raises(DocumentUnreadable):
        parse(
            Source("a.mht", b"MIME-Version: 1.0\nContent-Type: multipart/related; boundary=x\n\n--x\nContent-Type: image/png\n\nx\n--x--")
        )
