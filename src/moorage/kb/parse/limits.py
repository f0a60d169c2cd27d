"""How much a document may unpack to. The size of the file itself is the caller's business."""

from __future__ import annotations

from zipfile import ZipFile

from moorage.kb.parse.notices import unreadable

UNPACKED_BYTES = 512 * 1024 * 1024
MEMBERS = 20_000
RATIO = 200
RATIO_FROM_BYTES = 10 * 1024 * 1024
# Deeper than any real document (tables in tables, list in list), far from Python's recursion limit.
NESTING = 40
XML_BYTES = 128 * 1024 * 1024
HTML_OPEN_ELEMENTS = 512
PDF_PAGES = 5_000
# calamine fills the rectangle of a sheet: beyond this its cells are read one by one.
SHEET_CELLS = 20_000_000
SHEET_ROWS = 200_000
WORKBOOK_CELLS = 4_000_000
# What LibreOffice may take for one conversion, and write.
CONVERSION_S = 180.0
CONVERTED_BYTES = 512 * 1024 * 1024
PICTURE_PIXELS = 40_000_000


def check_archive(name: str, archive: ZipFile) -> None:
    """Raise DocumentUnreadable for a zip bomb. Sizes are those declared; reading never goes past a declared size."""
    members = archive.infolist()
    if len(members) > MEMBERS:
        raise unreadable(name, "zip_many")
    unpacked = sum(member.file_size for member in members)
    packed = sum(member.compress_size for member in members)
    if unpacked > UNPACKED_BYTES or (unpacked > RATIO_FROM_BYTES and unpacked > RATIO * max(packed, 1)):
        raise unreadable(name, "zip_bomb")
