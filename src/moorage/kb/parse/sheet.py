"""Workbooks: xlsx, xls, xlsb and ods through calamine, which reads values but no display formats; those few we read ourselves."""

from __future__ import annotations

import datetime
import io
import re
from zipfile import is_zipfile

from moorage.core.errors import DocumentEncrypted
from moorage.core.nouns import Notice, Scalar
from moorage.kb.parse import sniff as kinds
from moorage.kb.parse.base import Parsed, Source
from moorage.kb.parse.limits import SHEET_CELLS
from moorage.kb.parse.markdown import Block, heading, join_blocks
from moorage.kb.parse.notices import sheet_damaged, sheets_hidden, unreadable
from moorage.kb.parse.opc import Package
from moorage.kb.parse.properties import core_properties
from moorage.kb.parse.sheet_blocks import sheet_blocks

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
# References beyond row 9,999 or column ZZ; nearer ones cannot span too much.
_FAR_CELL = re.compile(rb"\br\s*=\s*[\"'](?:([A-Za-z]{3,}|[A-Za-z]+(?=\d{5}))(\d+))[\"']")
_UNIQUE_STRINGS = re.compile(rb"uniqueCount\s*=\s*[\"'](\d+)")
_REPEATED = re.compile(rb"number-(?:columns|rows)-repeated\s*=\s*[\"'](\d+)")
_NEAR_ROWS = 9_999
_COLUMN_LETTERS = re.compile(rb"\br\s*=\s*[\"']([A-Za-z]{1,3})\d")
_ROWS_OF_A_SHEET = 1_048_576
_HEAD_BYTES = 4096
_DIGITS = 12
_BUILT_IN_PERCENT = {"9": 0, "10": 2}
_PERCENT = re.compile(r'(?:0|#)(?:\.(0+))?"?%')

Value = int | float | str | bool | datetime.time | datetime.date | datetime.datetime | datetime.timedelta
_Percents = dict[tuple[int, int], int]  # (row, column) -> decimals


class SheetParser:
    """Reads ``.xlsx``, ``.xlsm``, ``.xlsb``, ``.xls`` and ``.ods``: every sheet a heading and its tables."""

    name = "sheet"
    media_types = (kinds.XLSX, kinds.XLSB, kinds.XLS, kinds.ODS)
    suffixes = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")

    def parse(self, source: Source) -> Parsed:
        from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetVisibleEnum, WorksheetNotFound

        percents, metadata = _look_inside(source)
        notices: list[Notice] = []
        blocks: list[Block] = []
        try:
            workbook = CalamineWorkbook.from_filelike(io.BytesIO(source.data))
        except PasswordError as error:
            raise DocumentEncrypted(name=source.name) from error
        except (CalamineError, OSError, ValueError) as error:
            raise unreadable(source.name, "sheet_damaged") from error
        hidden = [sheet.name for sheet in workbook.sheets_metadata if sheet.visible != SheetVisibleEnum.Visible]
        for name in (name for name in workbook.sheet_names if name not in hidden):
            try:
                sheet = workbook.get_sheet_by_name(name)
                rows = sheet.to_python(skip_empty_area=True)
                grid = _texts(rows, sheet.start or (0, 0), percents.get(name, {}))
                _repeat_merged(grid, sheet.start or (0, 0), sheet.merged_cell_ranges or [])
            except (CalamineError, WorksheetNotFound, ValueError, OverflowError):
                notices.append(sheet_damaged(name))
                continue
            tables = sheet_blocks(grid)
            blocks += [heading(2, name), *tables] if tables else []
        if hidden:
            notices.append(sheets_hidden(hidden))
        title = str(metadata.pop("title", "")) or source.stem
        return Parsed(join_blocks(blocks), title, metadata, tuple(notices))


def shown(value: Value, percent_decimals: int | None = None) -> str:
    """A value as a person would write it: dates in ISO form, no ``.0``, no binary dust, percents as percents."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, (int, float)):
        if percent_decimals is not None:
            return f"{value * 100:.{percent_decimals}f}%"
        return str(int(value)) if -1e15 < value < 1e15 and value == int(value) else f"{value:.12g}"
    if isinstance(value, datetime.datetime):
        is_day = value.time() == datetime.time()
        return value.date().isoformat() if is_day else value.isoformat(" ", "seconds" if value.second else "minutes")
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, datetime.time):
        return value.isoformat("seconds" if value.second else "minutes")
    seconds = int(value.total_seconds())
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _texts(rows: list[list[Value]], start: tuple[int, int], percents: _Percents) -> list[list[str]]:
    if not percents:
        return [[shown(value) for value in row] for row in rows]
    top, left = start
    return [[shown(value, percents.get((top + r, left + c))) for c, value in enumerate(row)] for r, row in enumerate(rows)]


def _repeat_merged(grid: list[list[str]], start: tuple[int, int], ranges: list[tuple[tuple[int, int], tuple[int, int]]]) -> None:
    """Put the value of a merged range in every cell of it that the grid holds."""
    top, left = start
    for (first_row, first_column), (last_row, last_column) in ranges:
        row, column = first_row - top, first_column - left
        if not (0 <= row < len(grid) and 0 <= column < len(grid[row])):
            continue
        text = grid[row][column]
        for line in grid[row : last_row - top + 1]:
            line[column : last_column - left + 1] = [text] * len(line[column : last_column - left + 1])


def _look_inside(source: Source) -> tuple[dict[str, _Percents], dict[str, Scalar]]:
    """Limits, percent cells by sheet, and properties; only what is a zip has them."""
    if not is_zipfile(io.BytesIO(source.data)):
        return {}, {}
    with Package(source) as package:
        _check_counts(package)
        sheets = _sheet_parts(package)
        styles = _percent_styles(package) if sheets else {}
        percents: dict[str, _Percents] = {}
        for name, part in sheets.items():
            data = package.read(part) or b""
            _check_area(source.name, data)
            if styles:
                percents[name] = _percent_cells(data, styles)
        return percents, core_properties(package)


def _sheet_parts(package: Package) -> dict[str, str]:
    main = package.related("", "officeDocument") or "xl/workbook.xml"
    root = package.xml(main) if main.endswith(".xml") else None
    relations = package.relationships(main) if root is not None else {}
    sheets = [] if root is None else list(root.iter(_MAIN + "sheet"))
    found = {sheet.get("name") or "": relations.get(sheet.get(_RELATION + "id") or "") for sheet in sheets}
    return {name: relation.target for name, relation in found.items() if relation is not None}


def _check_counts(package: Package) -> None:
    """calamine takes these numbers at their word and ends the whole process when there is no memory for them."""
    strings = package.read("xl/sharedStrings.xml") or b""
    if any(int(match[1]) > len(strings) for match in _UNIQUE_STRINGS.finditer(strings[:_HEAD_BYTES])):
        raise unreadable(package.name, "sheet_damaged")
    repeats = package.read("content.xml") or b""
    if any(int(match[1]) > _ROWS_OF_A_SHEET for match in _REPEATED.finditer(repeats)):
        raise unreadable(package.name, "sheet_wide")


def _check_area(name: str, data: bytes) -> None:
    """calamine fills the rectangle between the first and the last cell: two cells in far corners would fill the memory."""
    far = [(match[1], int(match[2][:_DIGITS])) for match in _FAR_CELL.finditer(data)]
    if not far:
        return
    rows = max(row for _, row in far)
    columns = max(_column(letters.upper()) for letters in {*_COLUMN_LETTERS.findall(data), *(letters for letters, _ in far)})
    if max(rows, _NEAR_ROWS) * columns > SHEET_CELLS:
        raise unreadable(name, "sheet_wide")


def _percent_styles(package: Package) -> dict[bytes, int]:
    """The cell styles that show percents, with their decimals."""
    root = package.xml("xl/styles.xml")
    if root is None:
        return {}
    formats = dict(_BUILT_IN_PERCENT)
    for element in root.iter(_MAIN + "numFmt"):
        match = _PERCENT.search(element.get("formatCode") or "")
        if match:
            formats[element.get("numFmtId") or ""] = len(match[1] or "")
    cells = root.find(_MAIN + "cellXfs")
    ids = [] if cells is None else [element.get("numFmtId") or "" for element in cells]
    return {str(index).encode(): formats[number] for index, number in enumerate(ids) if number in formats}


def _percent_cells(data: bytes, styles: dict[bytes, int]) -> _Percents:
    wanted = re.compile(rb'<(?:\w+:)?c r="([A-Z]{1,3})(\d+)" s="(' + b"|".join(styles) + rb')"')
    return {(int(match[2]) - 1, _column(match[1]) - 1): styles[match[3]] for match in wanted.finditer(data)}


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number
