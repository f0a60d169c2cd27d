"""Every file of the shared corpus is read or refused by name; headings are checked where Word's own contents list is known."""

from __future__ import annotations

from pathlib import Path

import pytest

from moorage.core.errors import DocumentUnreadable
from moorage.kb.parse import Parsed, Source, parse
from tests.unit.kb.chunk.laws import assert_laws

CORPUS = Path(__file__).resolve().parents[3].parent / "shared" / "corpus"
KINDS = ("docx", "pdf", "xlsx", "pptx", "html", "md")
FILES = sorted(path for kind in KINDS for path in (CORPUS / kind).glob("*")) if CORPUS.is_dir() else []

pytestmark = pytest.mark.skipif(not FILES, reason="the shared corpus of documents is not beside this checkout")


def read(name: str) -> Parsed:
    path = CORPUS / name
    if not path.is_file():
        pytest.skip(f"{name} is not in the corpus here")
    return parse(Source(path.name, path.read_bytes()))


def headings(name: str) -> list[str]:
    return [line for line in read(name).markdown.split("\n") if line.startswith("#")]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_file_is_read_or_refused_by_name(path: Path) -> None:
    try:
        parsed = parse(Source(path.name, path.read_bytes()))
    except DocumentUnreadable as error:
        assert path.name in str(error)
        return

    needs_ocr = any(notice.code == "needs_ocr" for notice in parsed.notices)
    assert parsed.markdown.strip() or needs_ocr
    assert all(picture.name in parsed.markdown for picture in parsed.pictures)
    offsets = [page.offset for page in parsed.pages]
    assert offsets == sorted(offsets)
    assert all(0 <= offset <= len(parsed.markdown) for offset in offsets)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_laws_of_splitting_hold_for_what_readers_write(path: Path) -> None:
    try:
        markdown = parse(Source(path.name, path.read_bytes())).markdown
    except DocumentUnreadable:
        pytest.skip("refused by name, as the test above asserts")
    for limits in ((300, 500), (1000, 2000)):
        assert_laws(markdown, *limits)


def test_chapters_and_sections_have_the_numbers_word_shows() -> None:
    found = headings("docx/zh_autonumber_manual.docx")

    for heading in ("# 第一章 概述", "## 1.1 适用范围", "## 1.2 硬件要求", "# 第二章 安装", "### 2.1.1 安装 Docker", "# 第三章 常见问题"):
        assert heading in found


def test_a_thesis_has_its_chapters_and_sections() -> None:
    found = headings("docx/seu_thesis_template.docx")

    for heading in (
        "# 第一章 模板简介",
        "## 1.1 来源",
        "### 1.4.1 图片",
        "# 第二章 其他常见问题",
        "# 第三章 东南大学学位论文文字格式",
        "## 3.4 印刷要求",
    ):
        assert heading in found


def test_a_standard_has_headings_by_its_own_styles() -> None:
    found = headings("docx/zh_nuclear_psr_part1.docx")

    for heading in ("## 1 范围", "## 2 规范性引用文件", "### 5.1 确定评价范围和内容", "### 7.3 核电厂文件更新"):
        assert heading in found


@pytest.mark.parametrize("name", ["docx/zh_null_target_word_NULL.docx", "docx/zh_dangling_embed_rid.docx"])
def test_a_broken_picture_is_told_by_its_place(name: str) -> None:
    parsed = read(name)

    assert [notice.code for notice in parsed.notices] == ["picture_missing"]
    assert "网络拓扑如下图所示" in parsed.notices[0].zh
    assert "2.1.2 配置网络" in parsed.notices[0].zh
    assert "# 第三章 常见问题" in parsed.markdown.split("\n")


def test_a_scan_is_told_as_needing_ocr() -> None:
    assert "needs_ocr" in [notice.code for notice in read("pdf/mineru_small_ocr.pdf").notices]


def test_a_pdf_outline_gives_the_headings_of_its_word_file() -> None:
    titles = {line.split(" ", 1)[1].split(" ", 1)[-1] for line in headings("pdf/seu_thesis_template.pdf")}

    expected = {line.split(" ", 1)[1].split(" ", 1)[-1] for line in headings("docx/seu_thesis_template.docx")}
    assert expected <= titles
