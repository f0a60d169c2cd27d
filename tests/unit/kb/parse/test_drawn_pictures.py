"""Pictures that no browser shows: drawn by LibreOffice where it is installed, told with what to do where it is not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from moorage.kb.parse import Parsed, Source, parse
from moorage.kb.parse.soffice import find_soffice
from moorage.testing.documents import docx, paragraph, picture, png, wmf

needs_libreoffice = pytest.mark.skipif(find_soffice() is None, reason="LibreOffice is not installed here")


def with_drawings(*drawings: bytes, more: str = "") -> Parsed:
    body = "".join(paragraph(f"图 {n}：", runs=picture(f"r{n}")) for n in range(len(drawings))) + more
    relations = [(f"r{n}", "image", f"media/{n}.wmf") for n in range(len(drawings))]
    return parse(Source("a.docx", docx(body, relations=relations, parts={f"word/media/{n}.wmf": data for n, data in enumerate(drawings)})))


@needs_libreoffice
def test_drawings_of_a_word_file_become_pictures_in_their_place() -> None:
    parsed = with_drawings(wmf(1000, 600), wmf(300, 900))

    assert [p.media_type for p in parsed.pictures] == ["image/png", "image/png"]
    assert parsed.markdown == "\n\n".join(f"图 {n}：![]({p.name})" for n, p in enumerate(parsed.pictures))
    assert parsed.notices == ()


@needs_libreoffice
def test_a_drawing_that_cannot_be_drawn_is_told_and_the_others_are_shown() -> None:
    parsed = with_drawings(b"\xd7\xcd\xc6\x9a" + b"\x00" * 30, wmf())

    assert len(parsed.pictures) == 1
    assert [notice.code for notice in parsed.notices] == ["picture_not_shown"]
    assert "图 0" in parsed.notices[0].zh


def test_without_libreoffice_a_drawing_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("moorage.kb.parse.soffice._PLACES", ())

    parsed = with_drawings(wmf())

    assert parsed.markdown == "图 0："
    assert [notice.code for notice in parsed.notices] == ["picture_not_shown"]
    assert "install LibreOffice" in parsed.notices[0].en
    assert "WMF" in parsed.notices[0].zh


def test_a_file_inside_the_file_is_told_but_an_equation_is_not() -> None:
    def embedded(program: str) -> str:
        return paragraph("附表", runs=f'<w:r><w:object><o:OLEObject Type="Embed" ProgID="{program}" r:id="r9"/></w:object></w:r>')

    assert [n.code for n in parse(Source("a.docx", docx(embedded("Excel.Sheet.12")))).notices] == ["object_left_out"]
    assert "附表" in parse(Source("a.docx", docx(embedded("Excel.Sheet.12")))).notices[0].zh
    assert parse(Source("a.docx", docx(embedded("Equation.DSMT4")))).notices == ()


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for LibreOffice is a shell script")
def test_a_drawing_that_nothing_shows_costs_no_conversion(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    started = tmp_path / "started"
    program = tmp_path / "soffice"
    program.write_text(f"#!/bin/sh\n: > {started}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    beside = '<a:blip r:embed="r1"><a:extLst><a:ext><asvg:svgBlip xmlns:asvg="urn:x" r:embed="r2"/></a:ext></a:extLst></a:blip>'
    body = paragraph("图：", runs=f"<w:r><w:drawing><wp:inline>{beside}</wp:inline></w:drawing></w:r>")
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>'

    relations = [("r1", "image", "media/a.png"), ("r2", "image", "media/a.svg")]
    parts: dict[str, str | bytes] = {"word/media/a.png": png(), "word/media/a.svg": svg}

    parsed = parse(Source("a.docx", docx(body, relations=relations, parts=parts)))

    assert [picture.media_type for picture in parsed.pictures] == ["image/png"]
    assert not started.exists()
    parse(Source("a.docx", docx(paragraph(runs=picture("r2")), relations=relations, parts=parts)))
    assert started.exists()
