"""Hostile archives are refused before they are unpacked."""

from __future__ import annotations

import io
from zipfile import ZipFile

import pytest

from moorage.core.errors import DocumentUnreadable
from moorage.kb.parse import Source, limits, parse
from moorage.testing.documents import archive, docx, paragraph, xlsx


def test_a_zip_bomb_is_refused() -> None:
    bomb = docx(paragraph("x"), parts={"word/media/a.png": b"\x00" * (30 * 1024 * 1024)})

    with pytest.raises(DocumentUnreadable, match="far more data"):
        parse(Source("a.docx", bomb))


def test_too_many_parts_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MEMBERS", 10)

    with pytest.raises(DocumentUnreadable, match="too many parts"):
        parse(Source("a.docx", docx(paragraph("x"), parts={f"word/{n}.xml": "<x/>" for n in range(20)})))


@pytest.mark.parametrize(
    "cells",
    [
        '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>',
        '<row r="1"><c r="A1"><v>1</v></c><c r="XFD1048576"><v>1</v></c></row>',
        '<row r="1"><c r="A1"><v>1</v></c><c r="ZZ1"><v>1</v></c></row><row r="1048576"><c r="A1048576"><v>1</v></c></row>',
        "<row r='1'><c  r = 'xfd1048576'><v>1</v></c></row>",
    ],
)
def test_a_sheet_of_cells_in_far_corners_is_refused(cells: str) -> None:
    data = f'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{cells}</sheetData></worksheet>'

    with pytest.raises(DocumentUnreadable, match="too large an area"):
        parse(Source("a.xlsx", _with_part(xlsx({"s": [["a"]]}), "xl/worksheets/sheet1.xml", data)))


def test_a_sheet_of_twelve_thousand_rows_is_read() -> None:
    data = xlsx({"s": [["id", "name"], *([n, "x"] for n in range(100_000))]})

    assert "| 11999 | x |" in parse(Source("a.xlsx", data)).markdown


def test_a_workbook_that_claims_more_strings_than_bytes_is_refused() -> None:
    strings = '<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" uniqueCount="99999999999"><si><t>a</t></si></sst>'

    with pytest.raises(DocumentUnreadable, match="workbook is damaged"):
        parse(Source("a.xlsx", _with_part(xlsx({"s": [["a"]]}), "xl/sharedStrings.xml", strings)))


def test_html_nested_thousands_deep_is_read_and_a_hundred_thousand_is_refused() -> None:
    def nested(depth: int) -> Source:
        return Source("a.html", b"<html><body>" + b"<div>" * depth + b"deep</body></html>")

    assert "deep" in parse(nested(4_000)).markdown
    with pytest.raises(DocumentUnreadable, match="nested too deeply"):
        parse(nested(100_000))


def _with_part(data: bytes, name: str, content: str) -> bytes:
    with ZipFile(io.BytesIO(data)) as old:
        return archive({**{n: old.read(n) for n in old.namelist()}, name: content})
