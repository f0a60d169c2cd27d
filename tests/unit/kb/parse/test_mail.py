"""Mails: who wrote to whom, the text in whatever charset, pictures in place, attachments as sections."""

from __future__ import annotations

from base64 import b64encode

import pytest

from moorage.core.errors import DocumentUnreadable
from moorage.kb.parse import Source, parse
from moorage.testing.documents import archive, docx, heading_style, mail, paragraph, png


def read(data: bytes) -> str:
    return parse(Source("a.eml", data)).markdown


def test_a_mail_begins_with_its_subject_and_a_short_head() -> None:
    parsed = parse(Source("a.eml", mail("正文。", subject="周报 第3期")))

    assert (
        parsed.markdown
        == "# 周报 第3期\n\n发件人：张三 <zhang@example.org>\n收件人：li@example.org\n日期：2024-01-01T09:00:00+08:00\n\n正文。"
    )
    assert parsed.title == "周报 第3期"
    assert parsed.metadata["author"] == "张三 <zhang@example.org>"
    assert parsed.metadata["created"] == "2024-01-01T09:00:00+08:00"


def test_a_mail_in_english_has_an_english_head() -> None:
    assert "\nTo: li@example.org" in read(mail("text", subject="Report"))


def test_the_html_text_is_read_with_its_pictures_and_headings_below_the_subject() -> None:
    parsed = parse(Source("a.eml", mail("plain", "<h1>标题</h1><p>见图 <img src='cid:p1' alt='图'></p>", inline={"p1": png()})))

    assert f"## 标题\n\n见图 ![图]({parsed.pictures[0].name})" in parsed.markdown
    assert "plain" not in parsed.markdown
    assert parsed.markdown.count(parsed.pictures[0].name) == 1
    assert parsed.notices == ()


def test_a_picture_that_is_not_in_the_mail_is_told() -> None:
    parsed = parse(Source("a.eml", mail(html="<p>网络拓扑：<img src='cid:gone'>")))

    assert [n.code for n in parsed.notices] == ["picture_missing"]
    assert "图片缺失" in parsed.markdown


def test_attachments_are_sections_with_their_headings_below() -> None:
    report = docx(paragraph("概述", style="Heading1") + paragraph("内容"), styles=heading_style(1))
    parsed = parse(Source("a.eml", mail("见附件", attachments={"报告.docx": report, "图.png": png(), "x.bin": b"\x00\x01\xff" * 50})))

    assert parsed.markdown.endswith(
        f"见附件\n\n## 附件：报告.docx\n\n### 概述\n\n内容\n\n## 附件：图.png\n\n![]({parsed.pictures[0].name})"
    )
    assert [n.en for n in parsed.notices] == ["1 file(s) inside are of no kind that can be read: x.bin."]


def test_an_attachment_that_is_damaged_leaves_the_rest() -> None:
    parsed = parse(Source("a.eml", mail("text", attachments={"a.docx": docx(paragraph("x"))[:200], "b.txt": "好".encode()})))

    assert "## 附件：b.txt\n\n好" in parsed.markdown
    assert [n.code for n in parsed.notices] == ["inside_unreadable"]
    assert "a.docx" in parsed.notices[0].zh


def test_mails_in_mails_and_zips_in_mails_are_read_to_a_small_depth() -> None:
    inner = mail("innermost")
    for _ in range(8):
        inner = mail("around", attachments={"m.eml": inner})
    parsed = parse(Source("a.eml", mail("top", attachments={"z.zip": archive({"a.md": "# 题"})})))

    assert "## 附件：z.zip\n\n### a.md\n\n#### 题" in parsed.markdown
    deep = parse(Source("a.eml", inner))
    assert "innermost" not in deep.markdown
    assert [n.code for n in deep.notices] == ["nested_too_deeply"]


@pytest.mark.parametrize("charset", ["gb2312", "gbk", "gb18030", "utf-8", "big5"])
@pytest.mark.parametrize("form", ["B", "Q"])
def test_subjects_are_read_in_their_charset(charset: str, form: str) -> None:
    raw = "系統會議".encode(charset) if charset != "gb2312" else "系统会议".encode(charset)
    word = b64encode(raw).decode() if form == "B" else "".join(f"={byte:02X}" for byte in raw)
    text = f"Subject: =?{charset}?{form}?{word}?=\r\nFrom: a@b.example\r\n\r\nx".encode()

    assert parse(Source("a.eml", text)).title in ("系統會議", "系统会议")


def test_a_character_cut_between_two_encoded_words_is_whole_again() -> None:
    raw = "会议".encode()
    words = " ".join(f"=?utf-8?B?{b64encode(piece).decode()}?=" for piece in (raw[:4], raw[4:]))

    assert parse(Source("a.eml", f"Subject: {words}\r\nTo: a@b.example\r\n\r\nx".encode())).title == "会议"


def test_headers_of_raw_gbk_are_read() -> None:
    data = (
        "Subject: 关于系统升级的通知\nFrom: 张三 <a@b.example>\n".encode("gbk")
        + b"Content-Type: text/plain; charset=gb2312\n\n"
        + "正文内容".encode("gbk")
    )

    assert read(data).startswith("# 关于系统升级的通知\n\n发件人：张三 <a@b.example>\n\n正文内容")


def test_a_raw_gbk_name_of_an_attachment_is_read() -> None:
    head = b"Subject: x\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nhi\n--b\n"
    part = 'Content-Type: text/plain; name="说明文档.txt"\nContent-Disposition: attachment; filename="说明文档.txt"\n\n内容很多\n--b--\n'.encode(
        "gbk"
    )

    assert "## Attachment: 说明文档.txt\n\n内容很多" in read(head + part)


def test_flowed_text_is_joined() -> None:
    assert read(b"Subject: x\nContent-Type: text/plain; format=flowed\n\na long \nline\nnext").endswith("a long line\nnext")


def test_a_mail_of_nothing_but_a_head_is_read() -> None:
    assert read(b"Subject: only\nFrom: a@b.example\n\n") == "# only\n\nFrom: a@b.example"


def test_multiparts_nested_like_no_mail_are_refused() -> None:
    data = b"Subject: x\n" + b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(3000))

    with pytest.raises(DocumentUnreadable, match="nested"):
        parse(Source("a.eml", data))


def test_damaged_parts_and_strange_headers_do_not_stop_the_reading() -> None:
    data = (
        b"Subject: =?bogus?B?????=\nDate: never\nTo: <<>>,\nContent-Type: multipart/mixed; boundary\n"
        b"Content-Disposition: attachment; filename*0*=''%%%\n\nbody text"
    )

    assert "body text" in read(data) or parse(Source("a.eml", data)).notices
