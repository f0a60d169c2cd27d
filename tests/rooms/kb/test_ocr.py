"""Scanned pages: recognised after everything else, once, and kept."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from moorage.kb.parse import Source, ocr, parse
from moorage.kb.parse.ocr.engine import ReadLine
from moorage.kb.parse.ocr.layout import to_markdown
from moorage.wiring import open_home

WORDS = ["BACKUP MANUAL", "Stop writing before you copy the folder.", "The backup runs every night at two."]
needs_ocr = pytest.mark.skipif(not ocr.is_available(), reason="the extra `ocr` is not installed")


def scan(angle: int = 0, kind: str = "PNG") -> bytes:
    page = Image.new("RGB", (900, 420), "white")
    draw = ImageDraw.Draw(page)
    for n, words in enumerate(WORDS):
        draw.text((60, 60 + 90 * n), words, fill="black", font=ImageFont.load_default(36 if n else 60))
    out = io.BytesIO()
    page.rotate(angle, expand=True, fillcolor="white").save(out, kind)
    return out.getvalue()


def letters(text: str) -> str:
    return "".join(c.lower() for c in text if c.isalnum())


@needs_ocr
@pytest.mark.parametrize("angle", [0, 90, 180, 270])
def test_a_page_is_read_however_it_lies(angle: int) -> None:
    ((number, text),) = ocr.recognise(Source("a.png", scan(angle)), [1])
    assert number == 1 and all(letters(words) in letters(text) for words in WORDS)


@needs_ocr
def test_a_page_of_a_pdf_is_read() -> None:
    ((_, text),) = ocr.recognise(Source("a.pdf", scan(kind="PDF")), [1])
    assert letters(WORDS[1]) in letters(text)


def test_a_picture_without_recognition_is_a_document_of_one_page_that_waits() -> None:
    parsed = parse(Source("网络.png", scan()))
    assert parsed.scanned_pages == (1,) and len(parsed.pictures) == 1 and parsed.markdown.startswith("![网络](")
    assert [n.code for n in parsed.notices] == ["needs_ocr"]
    again = parse(Source("网络.png", scan(), {1: "words"}))
    assert again.scanned_pages == () and again.notices == () and again.markdown.endswith("\n\nwords")


@needs_ocr
def test_a_scan_is_searchable_after_the_rest_and_never_read_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = scan(kind="PDF")
    with open_home(tmp_path / "data") as home:
        home.kb.create("kb")
        home.kb.add_bytes("kb", "scan.pdf", pages)
        home.kb.add_bytes("kb", "a.md", b"# Apples")
        asyncio.run(home.kb.work())
        assert letters(WORDS[2]) in letters(home.kb.markdown("kb", "scan.pdf"))
        assert home.kb.document("kb", "scan.pdf").warnings == ()
        hit = asyncio.run(home.kb.search("kb", "when does the backup run")).hits[0]
        assert (hit.document.name, hit.chunk.page) == ("scan.pdf", 1)
        assert {(j.kind, j.state) for j in home.kb.jobs("kb")} == {("ingest", "done"), ("ocr", "done")}

        monkeypatch.setattr("moorage.kb.ingest.RecognisePage", None)  # whoever asks again would fail
        home.kb.add_bytes("kb", "same-bytes.pdf", pages)
        asyncio.run(home.kb.work())
        assert letters(WORDS[2]) in letters(home.kb.markdown("kb", "same-bytes.pdf"))


def test_without_recognition_the_pages_are_counted_and_nothing_waits(tmp_path: Path) -> None:
    with open_home(tmp_path / "data", ocr="off") as home:
        home.kb.create("kb")
        home.kb.add_bytes("kb", "scan.pdf", scan(kind="PDF"))
        asyncio.run(home.kb.work())
        assert "needs_ocr" in [w.code for w in home.kb.document("kb", "scan.pdf").warnings]
        assert [j.kind for j in home.kb.jobs("kb")] == ["ingest"]


def line(text: str, left: float, top: float, width: float = 0, height: float = 20) -> ReadLine:
    return ReadLine(text, left, top, left + (width or 10 * len(text)), top + height, 0.99)


def test_wrapped_lines_become_paragraphs_and_large_ones_headings() -> None:
    lines = [
        line("备份手册", 50, 10, 200, 44),
        line("停止写入之后再复制", 50, 100, 400),
        line("目录。", 50, 130, 60),
        line("每天一次。", 50, 190, 100),
    ]
    assert to_markdown(lines) == "# 备份手册\n\n停止写入之后再复制目录。\n\n每天一次。"


def test_rows_of_aligned_cells_become_a_table() -> None:
    lines = [line(f"{name}{row}", left, 50 + 30 * row, 80) for row in range(3) for name, left in (("a", 50), ("b", 250), ("c", 450))]
    assert to_markdown(lines).splitlines() == ["| a0 | b0 | c0 |", "| --- | --- | --- |", "| a1 | b1 | c1 |", "| a2 | b2 | c2 |"]
