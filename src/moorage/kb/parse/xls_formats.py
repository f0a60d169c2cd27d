"""How the numbers of an old workbook (.xls) look. calamine gives its values without their number formats, which are read here from its records."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from moorage.kb.parse.number_format import BUILT_IN, is_date_format, number_format
from moorage.kb.parse.ole import stream_of

Place = tuple[int, int]
"""Row and column of a cell, from 0."""
Formats = dict[Place, Callable[[float], str]]

_BOUND_SHEET, _FORMAT, _STYLE, _BEGIN, _END = 0x85, 0x41E, 0xE0, 0x809, 0x0A
_NUMBER, _SMALL_NUMBER, _SMALL_NUMBERS, _FORMULA = 0x203, 0x27E, 0xBD, 0x06
_ONE_CELL = frozenset((_NUMBER, _SMALL_NUMBER, _FORMULA))
_WIDE = 1  # flag of a text with two bytes a character


@dataclass(slots=True)
class _Globals:
    """What a workbook says once for all of its sheets."""

    sheets: dict[int, str] = field(default_factory=dict[int, str])  # the name by where the sheet begins
    codes: dict[int, str] = field(default_factory=dict[int, str])
    styles: list[int] = field(default_factory=list[int])


def xls_formats(data: bytes) -> dict[str, Formats]:
    """The number formats of the cells of each sheet; empty where the file cannot be understood."""
    stream = stream_of(data, "Workbook")
    return formats_of(stream) if stream else {}


def formats_of(stream: bytes) -> dict[str, Formats]:
    """The same from the records of a workbook."""
    told = _Globals(codes=dict(BUILT_IN))
    found: dict[str, Formats] = {}
    shows: dict[int, Callable[[float], str]] = {}
    cells: Formats | None = None
    depth = 0
    try:
        for start, kind, body in _records(stream):
            if kind == _BEGIN:
                depth += 1
                if depth == 1 and start in told.sheets:
                    shows = shows or _shows(told)
                    cells = found.setdefault(told.sheets[start], {})
            elif kind == _END:
                depth -= 1
                cells = cells if depth else None
            elif cells is not None and depth == 1:
                for place, style in _styled(kind, body):
                    if style in shows:
                        cells[place] = shows[style]
            elif cells is None:
                _tell(told, kind, body)
    except struct.error:
        return found
    return found


def _records(stream: bytes) -> Iterator[tuple[int, int, bytes]]:
    at = 0
    while at + 4 <= len(stream):
        kind, size = struct.unpack_from("<HH", stream, at)
        yield at, kind, stream[at + 4 : at + 4 + size]
        at += 4 + size


def _tell(told: _Globals, kind: int, body: bytes) -> None:
    if kind == _BOUND_SHEET:
        start, length, flags = struct.unpack_from("<I2xBB", body)
        told.sheets[start] = _text(body[8:], length, flags)
    elif kind == _FORMAT:
        number, length, flags = struct.unpack_from("<HHB", body)
        told.codes[number] = _text(body[5:], length, flags)
    elif kind == _STYLE:
        told.styles.append(struct.unpack_from("<2xH", body)[0])


def _text(data: bytes, length: int, flags: int) -> str:
    return data[: 2 * length].decode("utf-16-le", "replace") if flags & _WIDE else data[:length].decode("latin-1")


def _shows(told: _Globals) -> dict[int, Callable[[float], str]]:
    codes = {style: told.codes.get(number, "") for style, number in enumerate(told.styles)}
    return {style: show for style, code in codes.items() if not is_date_format(code) and (show := number_format(code))}


def _styled(kind: int, body: bytes) -> Iterator[tuple[Place, int]]:
    """The places and styles of the numbers in a record."""
    if kind in _ONE_CELL:
        row, column, style = struct.unpack_from("<HHH", body)
        yield (row, column), style
    elif kind == _SMALL_NUMBERS:
        row, first = struct.unpack_from("<HH", body)
        for step in range((len(body) - 6) // 6):
            yield (row, first + step), struct.unpack_from("<H", body, 4 + 6 * step)[0]
