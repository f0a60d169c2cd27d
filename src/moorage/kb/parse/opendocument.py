"""OpenDocument spreadsheets. They keep what each cell shows beside its value, which no library hands out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from moorage.kb.parse.gallery import description
from moorage.kb.parse.limits import NESTING
from moorage.kb.parse.markdown import link
from moorage.kb.parse.opc import Package
from moorage.kb.parse.sheet_grid import Place
from moorage.kb.parse.sheet_parts import place_of
from moorage.kb.parse.xml import Element, stream_xml

_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_DRAW = "{urn:oasis:names:tc:opendocument:xmlns:drawing:1.0}"
_STYLE = "{urn:oasis:names:tc:opendocument:xmlns:style:1.0}"
_SVG = "{urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0}"
_LINK = "{http://www.w3.org/1999/xlink}"
_CELLS = (_TABLE + "table-cell", _TABLE + "covered-table-cell")
_ROWS = 1_048_576
_COLUMNS = 16_384
_MIDNIGHT = re.compile(r"T00:00:00(?:\.0+)?$")


@dataclass(slots=True)
class OpenSheet:
    """A sheet: what its cells show, by place, and what stands beside that. ``is_cut`` says that there were more cells."""

    name: str
    is_hidden: bool = False
    is_cut: bool = False
    hidden_rows: int = 0
    cells: dict[Place, str] = field(default_factory=dict[Place, str])
    merged: list[tuple[Place, Place]] = field(default_factory=list[tuple[Place, Place]])
    comments: dict[Place, str] = field(default_factory=dict[Place, str])
    pictures: list[tuple[Place, str, str]] = field(default_factory=list[tuple[Place, str, str]])  # part, alt


def open_sheets(package: Package, most_cells: int) -> list[OpenSheet]:
    """The sheets in order, of all together at most ``most_cells`` cells."""
    data = package.read("content.xml") or b""
    reader = _Reader(set(_hidden_styles(data)), most_cells)
    for begins, element in stream_xml(data, _TABLE + "table", _TABLE + "table-row", _TABLE + "shapes"):
        reader.meet(element, begins=begins)
    return reader.sheets


def _hidden_styles(data: bytes) -> Iterator[str]:
    for begins, style in stream_xml(data, _STYLE + "style"):
        if not begins and any(properties.get(_TABLE + "display") == "false" for properties in style):
            yield style.get(_STYLE + "name") or ""


class _Reader:
    def __init__(self, hidden_styles: set[str], most_cells: int) -> None:
        self.sheets: list[OpenSheet] = []
        self._hidden_styles = hidden_styles
        self._left = most_cells
        self._row = 0

    def meet(self, element: Element, *, begins: bool) -> None:
        """Takes the next element: a sheet that begins, or a row or the drawings of one that have been read whole."""
        if element.tag == _TABLE + "table" and begins:
            self.sheets.append(
                OpenSheet(element.get(_TABLE + "name") or "", (element.get(_TABLE + "style-name") or "") in self._hidden_styles)
            )
            self._row = 0
        elif self.sheets and not begins and element.tag == _TABLE + "shapes":
            self.sheets[-1].pictures += [(_anchor(frame), *found) for frame in element.iter(_DRAW + "frame") if (found := _picture(frame))]
        elif self.sheets and not begins and element.tag == _TABLE + "table-row":
            self._read_row(element, self.sheets[-1])

    def _read_row(self, element: Element, sheet: OpenSheet) -> None:
        times = _repeats(element, "number-rows-repeated", _ROWS)
        sheet.hidden_rows += element.get(_TABLE + "visibility") in ("collapse", "filter")
        column = 0
        cells: dict[int, str] = {}
        for cell in element:
            if cell.tag not in _CELLS:
                continue
            across = _repeats(cell, "number-columns-repeated", _COLUMNS)
            text = _shown(cell)
            for at in range(column, min(column + across, _COLUMNS)) if text else ():
                cells[at] = text
            self._beside(cell, (self._row, column), sheet)
            column = min(column + across, _COLUMNS)
        for row in range(self._row, min(self._row + times, _ROWS)) if cells else ():
            if len(cells) > self._left:
                sheet.is_cut = True
                break
            self._left -= len(cells)
            sheet.cells.update({(row, at): text for at, text in cells.items()})
        self._row = min(self._row + times, _ROWS)

    def _beside(self, cell: Element, place: Place, sheet: OpenSheet) -> None:
        down, across = _repeats(cell, "number-rows-spanned", _ROWS), _repeats(cell, "number-columns-spanned", _COLUMNS)
        if down > 1 or across > 1:
            sheet.merged.append((place, (place[0] + down - 1, place[1] + across - 1)))
        for child in cell:
            if child.tag == _OFFICE + "annotation":
                text = "\n".join(_paragraphs(child))
                if text:
                    sheet.comments[place] = text
            elif child.tag == _DRAW + "frame" and (found := _picture(child)):
                sheet.pictures.append((place, *found))


def _shown(cell: Element) -> str:
    """What a cell shows; of a date its value, as its parts may be written in any order."""
    moment = cell.get(_OFFICE + "date-value") if cell.get(_OFFICE + "value-type") == "date" else None
    if moment:
        return _MIDNIGHT.sub("", moment).replace("T", " ").removesuffix(":00") if "T" in moment else moment
    return "\n".join(_paragraphs(cell)).strip()


def _paragraphs(element: Element) -> Iterator[str]:
    for paragraph in element:
        if paragraph.tag == _TEXT + "p":
            yield "".join(_pieces(paragraph))


def _pieces(element: Element, depth: int = 0) -> Iterator[str]:
    yield element.text or ""
    for child in element if depth < NESTING else ():
        if child.tag == _TEXT + "s" or child.tag == _TEXT + "tab":
            yield " "
        elif child.tag == _TEXT + "line-break":
            yield "\n"
        elif child.tag == _TEXT + "a":
            yield link("".join(_pieces(child, depth + 1)), child.get(_LINK + "href") or "")
        else:
            yield from _pieces(child, depth + 1)
        yield child.tail or ""


def _picture(frame: Element) -> tuple[str, str] | None:
    """The part and the description of a picture; None for charts and what is only linked."""
    image = frame.find(_DRAW + "image")
    if image is None or frame.find(_DRAW + "object") is not None:
        return None
    said = next((e.text for e in frame.iter(_SVG + "desc", _SVG + "title") if e.text), "")
    return (image.get(_LINK + "href") or "").removeprefix("./"), description(said)


def _anchor(frame: Element) -> Place:
    """Where a floating picture ends; only that is told of it."""
    reference = (frame.get(_TABLE + "end-cell-address") or "").rpartition(".")[2].encode()
    return place_of(reference) or (0, 0)


def _repeats(element: Element, name: str, most: int) -> int:
    text = element.get(_TABLE + name) or "1"
    return max(1, min(int(text), most)) if text.isdecimal() and len(text) < 12 else 1
