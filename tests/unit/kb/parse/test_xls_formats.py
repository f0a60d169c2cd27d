"""The number formats of old workbooks, from their records."""

from __future__ import annotations

import random
import struct

import pytest

from moorage.kb.parse import Source, parse
from moorage.kb.parse.soffice import convert, find_soffice
from moorage.kb.parse.xls_formats import formats_of, xls_formats
from moorage.testing.documents import cell, workbook

_KINDS = "".join(
    f'<Override PartName="/xl/{part}.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.{kind}+xml"/>'
    for part, kind in (("workbook", "sheet.main"), ("worksheets/sheet1", "worksheet"), ("styles", "styles"))
)
TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="xml" ContentType="application/xml"/>'
    f'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>{_KINDS}</Types>'
)


def record(kind: int, body: bytes = b"") -> bytes:
    return struct.pack("<HH", kind, len(body)) + body


def begin() -> bytes:
    return record(0x809, bytes(16))


def end() -> bytes:
    return record(0x0A)


def form(number: int, code: str, *, wide: bool = False) -> bytes:
    text = code.encode("utf-16-le") if wide else code.encode("latin-1")
    return record(0x41E, struct.pack("<HHB", number, len(code), wide) + text)


def style(number: int) -> bytes:
    return record(0xE0, struct.pack("<HH", 0, number) + bytes(16))


def stream(sheet: bytes, *formats: bytes) -> bytes:
    """A workbook of one sheet ``表`` with the styles: plain, percent, 164, 165."""
    name = "表".encode("utf-16-le")
    head = [begin(), *formats, *map(style, (0, 9, 164, 165))]
    length = len(b"".join(head)) + 4 + 8 + len(name) + len(end())
    return b"".join([*head, record(0x85, struct.pack("<IHBB", length, 0, 1, 1) + name), end(), begin(), sheet, end()])


def number(row: int, column: int, style_number: int) -> bytes:
    return record(0x203, struct.pack("<HHHd", row, column, style_number, 0.5))


def test_numbers_have_the_formats_of_their_cells() -> None:
    several = record(0xBD, struct.pack("<HH", 3, 1) + struct.pack("<HI", 1, 2) + struct.pack("<HI", 2, 2) + struct.pack("<H", 2))
    found = formats_of(stream(number(0, 0, 1) + number(1, 0, 0) + several, form(164, '0"件"', wide=True), form(165, "yyyy-mm-dd")))["表"]

    assert {place: show(2) for place, show in found.items()} == {(0, 0): "200%", (3, 1): "200%", (3, 2): "2件"}


def test_a_date_is_no_number_and_a_chart_in_a_sheet_is_no_sheet() -> None:
    found = formats_of(stream(number(0, 0, 3) + begin() + number(9, 9, 1) + end() + number(1, 0, 1), form(165, "yyyy-mm-dd")))["表"]

    assert set(found) == {(1, 0)}


def test_damaged_records_give_what_can_be_read_and_never_an_error() -> None:
    whole = stream(number(0, 0, 1) * 3, form(164, "0.0"))
    chance = random.Random(7)
    for cut in range(0, len(whole), 3):
        formats_of(whole[:cut])
        broken = bytearray(whole)
        broken[chance.randrange(len(whole))] = chance.randrange(256)
        formats_of(bytes(broken))
    assert xls_formats(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)) == {}


@pytest.mark.skipif(find_soffice() is None, reason="LibreOffice is not installed, which writes the workbook")
def test_an_old_workbook_shows_its_numbers_as_the_new_one_does() -> None:
    program = find_soffice()
    assert program is not None
    cells = cell("A1", "率") + cell("B1", 0.125, style=1) + cell("C1", 1234.5, style=2) + cell("D1", 45000, style=3)
    data = workbook(f'<row r="1">{cells}</row>', formats=["0.0%", "¥#,##0.00", "yyyy-mm-dd"], parts={"[Content_Types].xml": TYPES})
    old = convert(program, [("a.xlsx", data)], "xls")["a"]

    assert parse(Source("a.xls", old)).markdown == parse(Source("a.xlsx", data)).markdown
    assert "| 率 | 12.5% | ¥1,234.50 | 2023-03-15 |" in parse(Source("a.xls", old)).markdown
