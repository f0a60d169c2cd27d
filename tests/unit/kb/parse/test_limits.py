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


def test_xml_nested_a_hundred_thousand_deep_is_told_and_what_stands_before_is_kept() -> None:
    deep = "<w:sdt><w:sdtContent>" * 100_000 + paragraph("deep") + "</w:sdtContent></w:sdt>" * 100_000

    parsed = parse(Source("a.docx", docx(paragraph("Before") + deep)))

    assert parsed.markdown == "Before" and [notice.code for notice in parsed.notices] == ["part_damaged"]


@pytest.mark.parametrize(
    "cells",
    [
        '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>',
        '<row r="1"><c r="A1"><v>1</v></c><c r="XFD1048576"><v>1</v></c></row>',
        '<row r="1"><c r="A1"><v>1</v></c><c r="ZZ1"><v>1</v></c></row><row r="1048576"><c r="A1048576"><v>1</v></c></row>',
        "<row r='1'><c  r = 'xfd1048576'><v>1</v></c></row>",
    ],
)
def test_a_sheet_of_cells_in_far_corners_is_read_without_the_emptiness_between(cells: str) -> None:
    data = f'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{cells}</sheetData></worksheet>'

    parsed = parse(Source("a.xlsx", _with_part(xlsx({"s": [["a"]]}), "xl/worksheets/sheet1.xml", data)))

    assert parsed.markdown.count("1") == cells.count("<v>")


def test_a_sheet_of_a_hundred_thousand_rows_is_read_to_its_end() -> None:
    data = xlsx({"s": [["id", "name"], *([n, "x"] for n in range(100_000))]})

    assert "| 99999 | x |" in parse(Source("a.xlsx", data)).markdown


def test_a_workbook_that_claims_more_strings_than_bytes_is_refused() -> None:
    strings = '<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" uniqueCount="99999999999"><si><t>a</t></si></sst>'

    with pytest.raises(DocumentUnreadable, match="workbook is damaged"):
        parse(Source("a.xlsx", _with_part(xlsx({"s": [["a"]]}), "xl/sharedStrings.xml", strings)))


@pytest.mark.parametrize("tag", ["div", "span", "b", "x-y", "blockquote", "ul><li", "table><tr><td"])
def test_html_nested_a_hundred_thousand_deep_keeps_its_text(tag: str) -> None:
    page = f"<html><body>{f'<{tag}>' * 100_000}deep<h1>after</h1></body></html>"

    assert "deep" in parse(Source("a.html", page.encode())).markdown


def test_html_goes_on_as_usual_after_what_is_nested_too_deeply() -> None:
    page = "<body>" + "<div>" * 10_000 + "deep" + "</div>" * 10_000 + "<h1>after</h1><table><tr><td>a<td>b</table>"

    assert parse(Source("a.html", page.encode())).markdown == "deep\n\n# after\n\n| a | b |\n| --- | --- |"


def test_a_spanned_cell_is_repeated_only_so_often() -> None:
    rows = f"<tr><td colspan=1000 rowspan=1000>{'x' * 1000}</td></tr>" * 1000

    assert len(parse(Source("a.html", f"<body><table>{rows}</table>".encode())).markdown) < 10_000_000


def test_a_table_of_one_long_and_many_short_rows_is_written_as_text() -> None:
    table = "<table><tr>" + "<td>1" * 1000 + "</tr>" + "<tr><td>x" * 10_000 + "</table>"

    assert len(parse(Source("a.html", b"<body>" + table.encode())).markdown) < 100_000


def _with_part(data: bytes, name: str, content: str) -> bytes:
    with ZipFile(io.BytesIO(data)) as old:
        return archive({**{n: old.read(n) for n in old.namelist()}, name: content})
