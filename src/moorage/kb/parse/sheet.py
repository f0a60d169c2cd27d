"""Workbooks: xlsx, xls and xlsb through calamine, which reads values fast and nothing beside them; the rest, and OpenDocument, we read ourselves."""

from __future__ import annotations

import datetime
import io
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING
from zipfile import is_zipfile

from moorage.core.errors import DocumentEncrypted
from moorage.core.nouns import Notice, Scalar
from moorage.kb.parse import notices
from moorage.kb.parse import sniff as kinds
from moorage.kb.parse.base import Parsed, Source
from moorage.kb.parse.far_cells import far_cells, shared_strings
from moorage.kb.parse.gallery import Gallery
from moorage.kb.parse.limits import SHEET_CELLS, SHEET_ROWS, WORKBOOK_CELLS
from moorage.kb.parse.markdown import Block, heading, join_blocks, link, one_line, paragraph
from moorage.kb.parse.number_format import plain
from moorage.kb.parse.opc import Package, mended
from moorage.kb.parse.opendocument import OpenSheet, open_sheets
from moorage.kb.parse.properties import core_properties
from moorage.kb.parse.sheet_blocks import Merge, sheet_blocks
from moorage.kb.parse.sheet_grid import Place, SheetGrid
from moorage.kb.parse.sheet_parts import Extras, Workbook, column_of
from moorage.kb.parse.xls_formats import Formats, xls_formats

if TYPE_CHECKING:
    from python_calamine import CalamineSheet, CalamineWorkbook

# References beyond row 9,999 or column ZZ; nearer ones cannot span too much.
_FAR_CELL = re.compile(rb"\br\s*=\s*[\"'](?:([A-Za-z]{3,}|[A-Za-z]+(?=\d{5}))(\d+))[\"']")
_COLUMN_LETTERS = re.compile(rb"\br\s*=\s*[\"']([A-Za-z]{1,3})\d")
_UNIQUE_STRINGS = re.compile(rb"uniqueCount\s*=\s*[\"'](\d+)")
_MERGED = re.compile(rb"<(?:\w+:)?mergeCell\s+ref=[\"']([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})[\"']")
_CJK = re.compile(r"[\u3400-\u9fff]")
_NEAR_ROWS = 9_999
_HEAD_BYTES = 4096
_DIGITS = 12

_PICTURE_HEADS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0\x00\x10JFIF")

Value = int | float | str | bool | datetime.time | datetime.date | datetime.datetime | datetime.timedelta


class SheetParser:
    """Reads ``.xlsx``, ``.xlsm``, ``.xlsb``, ``.xls``, ``.et`` and ``.ods``: every sheet a heading and its tables.

    Hidden sheets are left out with a notice; hidden rows and columns are read, as filters hide rows too. Numbers look as the workbook shows them
    (xlsx, xls and ods; xlsb is read without its number formats), dates are in ISO form, formulas are their stored results.
    """

    name = "sheet"
    media_types = (kinds.XLSX, kinds.XLSB, kinds.XLS, kinds.ODS)
    suffixes = (".xlsx", ".xlsm", ".xltx", ".xltm", ".xlsb", ".xls", ".xlt", ".et", ".ett", ".ods", ".ots")

    def parse(self, source: Source) -> Parsed:
        if not is_zipfile(io.BytesIO(source.data)):
            reading = _Reading(None, formats=xls_formats(source.data))
            reading.read(_opened(source))
            has_pictures = any(head in source.data for head in _PICTURE_HEADS)
            return reading.parsed(source, {}, [notices.pictures_left_out(source.suffix.lstrip(".") or "xls")] if has_pictures else [])
        with Package(source) as package:
            _check_strings(package)
            if package.has("content.xml") and not package.has("xl/workbook.xml"):
                reading = _Reading(Gallery(package, []))
                for sheet in open_sheets(package, WORKBOOK_CELLS):
                    reading.read_open(sheet)
            else:
                workbook = Workbook(package)
                reading = _Reading(workbook.gallery, workbook)
                reading.read(_opened(source, package), package)
            return reading.parsed(source, core_properties(package), package.notices)


class _Reading:
    """The blocks of the sheets read so far, and what is to be told about them."""

    def __init__(self, gallery: Gallery | None, workbook: Workbook | None = None, formats: Mapping[str, Formats] | None = None) -> None:
        self._gallery = gallery
        self._formats = formats or {}
        self._workbook = workbook
        self._blocks: list[Block] = []
        self._notices: list[Notice] = []
        self._hidden: list[str] = []
        self._hidden_rows: list[str] = []
        self._without_result: dict[str, int] = {}
        self._unread_charts = 0
        self._cells_left = WORKBOOK_CELLS
        self._strings: list[str] | None = None

    def read(self, opened: CalamineWorkbook, package: Package | None = None) -> None:
        """Every visible sheet of a workbook that calamine opened."""
        from python_calamine import CalamineError, SheetVisibleEnum, WorksheetNotFound

        for known in opened.sheets_metadata:
            if known.visible != SheetVisibleEnum.Visible:
                self._hidden.append(known.name)
                continue
            data = self._workbook.data(known.name) if self._workbook else b""
            extras = self._workbook.extras(known.name, data) if self._workbook else Extras(formats=self._formats.get(known.name, {}))
            try:
                if package is not None and self._workbook and _is_far(data):
                    grid, ranges = self._far(package, self._workbook, data), _merged_ranges(data)
                elif known.name in opened.sheet_names and not (self._workbook and b"chartsheet" in data[:_HEAD_BYTES]):
                    sheet = opened.get_sheet_by_name(known.name)
                    grid, ranges = self._near(sheet, extras), sheet.merged_cell_ranges or []
                else:
                    grid, ranges = SheetGrid([], (0, 0)), []
            except (CalamineError, WorksheetNotFound, ValueError, OverflowError):
                if package is None or self._workbook is None or not (grid := self._far(package, self._workbook, data)).rows:
                    self._notices.append(notices.sheet_damaged(known.name))
                    continue
                self._notices.append(notices.part_damaged(self._workbook.parts[known.name]))
                ranges = _merged_ranges(data)
            self._finish(known.name, grid, ranges, extras)

    def read_open(self, sheet: OpenSheet) -> None:
        """A sheet of an OpenDocument workbook."""
        if sheet.is_hidden:
            self._hidden.append(sheet.name)
            return
        if sheet.is_cut:
            self._notices.append(notices.sheet_cut(sheet.name, max((row for row, _ in sheet.cells), default=-1) + 1))
        extras = Extras(comments=sheet.comments, hidden=sheet.hidden_rows)
        grid = SheetGrid.of_cells(sheet.cells)
        merges = grid.repeat_merged(sheet.merged)
        shown = [
            (place, self._gallery.show_part(part, alt, sheet.name, sheet.name)) for place, part, alt in sheet.pictures if self._gallery
        ]
        self._add(sheet.name, grid, merges, extras, shown)

    def parsed(self, source: Source, metadata: dict[str, Scalar], told: list[Notice] | None = None) -> Parsed:
        """All that was read."""
        found = [*(told or []), *self._notices, *(self._gallery.notices() if self._gallery else ())]
        found += [notices.sheets_hidden(self._hidden)] if self._hidden else []
        found += [notices.rows_hidden(self._hidden_rows)] if self._hidden_rows else []
        found += (
            [notices.formulas_without_result(sum(self._without_result.values()), list(self._without_result))]
            if self._without_result
            else []
        )
        found += [notices.drawings_not_read("chart(s)", "图表", self._unread_charts)] if self._unread_charts else []
        title = str(metadata.pop("title", "")) or source.stem
        pictures = tuple(self._gallery.pictures.values()) if self._gallery else ()
        return Parsed(join_blocks(self._blocks), title, metadata, tuple(found), pictures=pictures)

    def _near(self, sheet: CalamineSheet, extras: Extras) -> SheetGrid:
        rows_allowed = min(SHEET_ROWS, self._cells_left // max(sheet.width, 1))
        if sheet.height > rows_allowed:
            self._notices.append(notices.sheet_cut(sheet.name, rows_allowed, sheet.height))
        rows = (
            sheet.to_python(skip_empty_area=True, nrows=rows_allowed)
            if sheet.height > rows_allowed
            else sheet.to_python(skip_empty_area=True)
        )
        self._cells_left -= min(sheet.height, rows_allowed) * sheet.width
        top, left = sheet.start or (0, 0)
        grid = [[shown(value) for value in row] for row in rows]
        for (row, column), show in extras.formats.items():
            value = rows[row - top][column - left] if 0 <= row - top < len(rows) and 0 <= column - left < len(rows[row - top]) else None
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                grid[row - top][column - left] = show(value)
        return SheetGrid(grid, (top, left))

    def _far(self, package: Package, workbook: Workbook, data: bytes) -> SheetGrid:
        if self._strings is None:
            self._strings = shared_strings(package)
        cells = far_cells(data, self._strings, workbook.styles, self._cells_left)
        self._cells_left -= len(cells)
        return SheetGrid.of_cells(cells)

    def _finish(self, name: str, grid: SheetGrid, ranges: list[tuple[Place, Place]], extras: Extras) -> None:
        """Puts errors, pictures and links into the cells of an xlsx sheet, then its merged ranges and what stands beside them."""
        for place, text in extras.errors.items():
            if (at := grid.at(place)) and not grid.rows[at[0]][at[1]]:
                grid.rows[at[0]][at[1]] = text
        self._show_cell_pictures(name, grid, extras)
        for place, address in extras.links.items():
            if at := grid.at(place):
                grid.rows[at[0]][at[1]] = link(grid.rows[at[0]][at[1]], address)
        merges = grid.repeat_merged(ranges)
        gallery = self._gallery
        shown = (
            [(place, gallery.show(part, relation, alt, name, name)) for place, part, relation, alt in extras.pictures] if gallery else []
        )
        self._add(name, grid, merges, extras, shown)

    def _show_cell_pictures(self, name: str, grid: SheetGrid, extras: Extras) -> None:
        if self._workbook is None or self._gallery is None:
            return
        for place, number in extras.values.items():
            at = grid.at(place)
            picture = self._workbook.cell_pictures.by_number(number, self._gallery, name, name) if at else None
            if at and picture:
                grid.rows[at[0]][at[1]] = picture
        for row in grid.rows:
            for column, text in enumerate(row):
                if "DISPIMG" in text:
                    row[column] = self._workbook.cell_pictures.by_formula(text, self._gallery, name, name) or text

    def _add(self, name: str, grid: SheetGrid, merges: list[Merge], extras: Extras, pictures: list[tuple[Place, str]]) -> None:
        """The blocks of a sheet whose values are in place."""
        after: list[Block] = []
        start = grid.start
        for place, text in extras.comments.items():
            said = _comment(text)
            after += [] if grid.add(place, said) else [paragraph(said)]
        for place, picture in pictures:
            after += [] if not picture or grid.add(place, picture) else [paragraph(picture)]
        down, right = start[0] - grid.start[0], start[1] - grid.start[1]
        merges = [(top + down, left + right, bottom + down, last + right) for top, left, bottom, last in merges]
        blocks = [*sheet_blocks(grid.rows, merges), *after, *extras.blocks]
        self._blocks += [heading(2, name), *blocks] if any(block.text for block in blocks) else []
        self._hidden_rows += [name] if extras.hidden else []
        if extras.without_result:
            self._without_result[name] = extras.without_result
        self._unread_charts += extras.unread_charts


def shown(value: Value) -> str:
    """A value as a person would write it: dates in ISO form, no ``.0``, no binary dust."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, (int, float)):
        return plain(value)
    if isinstance(value, datetime.datetime):
        is_day = value.time() == datetime.time()
        return value.date().isoformat() if is_day else value.isoformat(" ", "seconds" if value.second else "minutes")
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, datetime.time):
        return value.isoformat("seconds" if value.second else "minutes")
    seconds = int(value.total_seconds())
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _opened(source: Source, package: Package | None = None) -> CalamineWorkbook:
    """The workbook; where calamine refuses it for a damaged part, what is left of its parts."""
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError

    try:
        opened = CalamineWorkbook.from_filelike(io.BytesIO(source.data))
    except PasswordError as error:
        raise DocumentEncrypted(name=source.name) from error
    except (CalamineError, OSError, ValueError) as error:
        if package is None:
            raise notices.unreadable(source.name, "sheet_damaged") from error
        return _opened(Source(source.name, mended(package)))
    if not opened.sheets_metadata:
        raise notices.unreadable(source.name, "sheet_damaged")
    return opened


def _check_strings(package: Package) -> None:
    """calamine takes this number at its word and ends the whole process when there is no memory for it."""
    strings = package.read("xl/sharedStrings.xml") or b""
    if any(int(match[1]) > len(strings) for match in _UNIQUE_STRINGS.finditer(strings[:_HEAD_BYTES])):
        raise notices.unreadable(package.name, "sheet_damaged")


def _is_far(data: bytes) -> bool:
    """Whether cells stand in far corners: calamine fills the rectangle between the first and the last one, which would fill the memory."""
    far = [(match[1], int(match[2][:_DIGITS])) for match in _FAR_CELL.finditer(data)]
    if not far:
        return False
    rows = max(row for _, row in far)
    columns = max(column_of(letters.upper()) for letters in {*_COLUMN_LETTERS.findall(data), *(letters for letters, _ in far)})
    return max(rows, _NEAR_ROWS) * columns > SHEET_CELLS


def _merged_ranges(data: bytes) -> list[tuple[Place, Place]]:
    return [
        ((int(top) - 1, column_of(left) - 1), (int(bottom) - 1, column_of(right) - 1)) for left, top, right, bottom in _MERGED.findall(data)
    ]


def _comment(text: str) -> str:
    flat = one_line(text)
    return f"[批注：{flat}]" if _CJK.search(flat) else f"[Comment: {flat}]"
