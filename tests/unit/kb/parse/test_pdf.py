"""PDF files: text in reading order, headings from the outline, pages for citations."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from moorage.core.errors import DocumentUnreadable
from moorage.kb.parse import Source, parse
from moorage.testing.documents import pdf, scanned_pdf

FULL = "本文介绍系统的安装方法与使用说明，以及常见问题的处理办法和联系方"


def test_a_chinese_sentence_broken_by_a_line_is_joined_without_a_blank() -> None:
    parsed = parse(Source("a.pdf", pdf([(FULL, 72, 700, 12), ("式。", 72, 682, 12), ("Other text.", 72, 620, 12)])))

    assert parsed.markdown == f"{FULL}式。\n\nOther text."


def test_the_outline_makes_headings() -> None:
    pages = [[("第一章 总则", 72, 700, 12), ("text of it.", 72, 650, 12)], [("1.1 目的", 72, 700, 12), ("more text.", 72, 650, 12)]]

    parsed = parse(Source("a.pdf", pdf(*pages, outline=[("第一章 总则", 0), ("1.1 目的", 1)])))

    assert parsed.markdown == "# 第一章 总则\n\ntext of it.\n\n# 1.1 目的\n\nmore text."
    assert [(p.page, p.offset) for p in parsed.pages] == [(1, 0), (2, parsed.markdown.index("# 1.1"))]


def test_without_an_outline_larger_numbered_lines_are_headings() -> None:
    body = [("plain text that is long enough to be the body.", 72, 600 - 40 * n, 10) for n in range(4)]

    parsed = parse(Source("a.pdf", pdf([("1.2 Install", 72, 700, 14), *body])))

    assert parsed.markdown.startswith("## 1.2 Install\n\nplain text")


def test_scanned_pages_are_counted_as_needing_ocr() -> None:
    parsed = parse(Source("a.pdf", scanned_pdf(3)))

    assert [n.code for n in parsed.notices] == ["needs_ocr", "no_text"]
    assert parsed.notices[0].en == "3 of 3 pages have no text layer and need OCR: 1, 2, 3."


def test_a_damaged_pdf_is_told() -> None:
    with pytest.raises(DocumentUnreadable, match=r"a\.pdf could not be read: the PDF is damaged"):
        parse(Source("a.pdf", b"%PDF-1.7\nnothing more"))


def test_threads_wait_for_each_other() -> None:
    source = Source("a.pdf", pdf(*([(FULL, 72, 700, 12)] for _ in range(5))))

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(parse, [source] * 16))

    assert all(result == results[0] for result in results)
