"""Broken Word files are read on, and a person is told where something is missing."""

from __future__ import annotations

import pytest

from moorage.core.errors import DocumentUnreadable
from moorage.kb.parse import Source, parse
from moorage.testing.documents import archive, docx, heading_style, paragraph, picture, png, table

BODY = paragraph("配置网络", style="Heading1") + paragraph("网络拓扑如下图所示：") + paragraph(runs=picture("r9")) + paragraph("after")


@pytest.mark.parametrize(
    "relations",
    [
        pytest.param([("r9", "image", "NULL")], id="target-NULL"),
        pytest.param([("r9", "image", "../NULL")], id="target-up-NULL"),
        pytest.param([("r9", "image", "media/gone.png")], id="missing-part"),
        pytest.param([("r9", "image", "#_top")], id="target-bookmark"),
        pytest.param([], id="dangling-id"),
    ],
)
def test_a_broken_picture_link_is_told_by_the_paragraph_before_it(relations: list[tuple[str, str, str]]) -> None:
    parsed = parse(Source("a.docx", docx(BODY, styles=heading_style(1), relations=relations)))

    assert parsed.markdown == "# 配置网络\n\n网络拓扑如下图所示：\n\n[图片缺失]\n\nafter"
    assert [n.code for n in parsed.notices] == ["picture_missing"]
    assert parsed.notices[0].zh == "图片缺失：在段落“网络拓扑如下图所示：”之后，位于章节“配置网络”。"
    assert "网络拓扑如下图所示：" in parsed.notices[0].en


def test_an_external_picture_is_a_link_and_never_fetched() -> None:
    parsed = parse(Source("a.docx", docx(BODY, relations=[("r9", "image", "https://example.org/a.png")])))

    assert "![](https://example.org/a.png)" in parsed.markdown
    assert [n.code for n in parsed.notices] == ["picture_external"]


def test_a_picture_on_somebody_s_disk_is_missing() -> None:
    parsed = parse(Source("a.docx", docx(BODY, relations=[("r9", "image", "file:///D:/a.png")])))

    assert "[图片缺失]" in parsed.markdown
    assert "file:///" not in parsed.markdown


def test_a_missing_picture_in_a_cell_leaves_the_table_whole() -> None:
    parsed = parse(Source("a.docx", docx(table(["step", "shot"], ["open", paragraph(runs=picture("r1"))]))))

    assert parsed.markdown.endswith("| open | [image missing] |")


def test_a_thousand_missing_pictures_are_not_a_thousand_notices() -> None:
    parsed = parse(Source("a.docx", docx(paragraph("x", runs=picture("r1") * 1000))))

    assert len(parsed.notices) == 101
    assert parsed.notices[-1].en == "900 more pictures are missing."


def test_pictures_no_browser_shows_are_counted_by_type() -> None:
    emf = b"\x01\x00\x00\x00" + b"\x00" * 36 + b" EMF" + b"\x00" * 40

    parsed = parse(
        Source(
            "a.docx",
            docx(paragraph("x", runs=picture("r1") * 3), relations=[("r1", "image", "media/a.emf")], parts={"word/media/a.emf": emf}),
        )
    )

    assert [n.code for n in parsed.notices] == ["picture_not_shown"]
    assert "3 picture(s) of type EMF" in parsed.notices[0].en


def test_a_cut_off_main_part_gives_what_stands_before_the_cut() -> None:
    whole = (
        f'<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>{paragraph("kept")}{paragraph("lost")}'
    )

    parsed = parse(Source("a.docx", docx("", parts={"word/document.xml": whole[:-20]})))

    assert "kept" in parsed.markdown
    assert [n.code for n in parsed.notices] == ["part_damaged"]


def test_damaged_styles_do_not_stop_the_text() -> None:
    parsed = parse(Source("a.docx", docx(paragraph("text", style="Heading1"), parts={"word/styles.xml": b"\x00\x01 no xml"})))

    assert parsed.markdown == "text"
    assert [n.code for n in parsed.notices] == ["part_damaged"]


def test_a_field_that_never_ends_does_not_swallow_the_document() -> None:
    body = paragraph("a", runs='<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText>PAGE</w:instrText></w:r>') + paragraph("b")

    assert parse(Source("a.docx", docx(body))).markdown == "a\n\nb"


def test_without_a_main_part_the_reason_is_told() -> None:
    with pytest.raises(DocumentUnreadable, match="a\\.docx could not be read: its main part is missing"):
        parse(Source("a.docx", archive({"word/other.xml": "<x/>"})))


def test_entities_are_refused() -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b SYSTEM "file:///etc/passwd">]><x>&a;&b;</x>'

    with pytest.raises(DocumentUnreadable, match="entities"):
        parse(Source("a.docx", docx("", parts={"word/document.xml": bomb})))


def test_half_a_file_is_a_damaged_archive() -> None:
    data = docx(paragraph("x"), parts={"word/media/a.png": png()})

    with pytest.raises(DocumentUnreadable, match="damaged or cut off"):
        parse(Source("a.docx", data[: len(data) // 2]))
