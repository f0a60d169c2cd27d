"""The cells of an xlsx sheet one by one, for sheets whose cells stand so far apart that the area between them fills no memory of ours."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from moorage.kb.parse.number_format import is_date_format, number_format, plain
from moorage.kb.parse.opc import Package
from moorage.kb.parse.sheet_parts import MAIN, Place, place_of
from moorage.kb.parse.xml import Element, stream_xml

_DAY_ZERO = datetime.datetime(1899, 12, 30)


def far_cells(data: bytes, strings: Sequence[str], styles: Sequence[str], most: int) -> dict[Place, str]:
    """The cells that hold something, at most ``most`` of them, by place."""
    cells: dict[Place, str] = {}
    for begins, cell in stream_xml(data, MAIN + "c"):
        if begins:
            continue
        place = place_of((cell.get("r") or "").encode())
        text = _text(cell, strings, styles)
        if place is not None and text:
            cells[place] = text
            if len(cells) >= most:
                break
    return cells


def shared_strings(package: Package) -> list[str]:
    """The texts that cells refer to by number, without the reading aids of East Asian scripts."""
    found: list[str] = []
    for begins, string in stream_xml(package.read("xl/sharedStrings.xml") or b"", MAIN + "si"):
        if not begins:
            runs = (t for child in string if child.tag != MAIN + "rPh" for t in child.iter(MAIN + "t"))
            found.append("".join(t.text or "" for t in runs))
    return found


def _text(cell: Element, strings: Sequence[str], styles: Sequence[str]) -> str:
    kind = cell.get("t") or "n"
    value = cell.find(MAIN + "v")
    text = "" if value is None else (value.text or "").strip()
    if kind == "inlineStr":
        return "".join(t.text or "" for t in cell.iter(MAIN + "t")).strip()
    if kind == "s":
        return strings[int(text)].strip() if text.isdecimal() and len(text) < 9 and int(text) < len(strings) else ""
    if kind == "b":
        return {"1": "TRUE", "0": "FALSE"}.get(text, text)
    style = cell.get("s") or ""
    code = styles[int(style)] if style.isdecimal() and len(style) < 9 and int(style) < len(styles) else ""
    return _number(text, code) if kind == "n" else text


def _number(text: str, code: str) -> str:
    try:
        value = float(text)
        if is_date_format(code):
            moment = _DAY_ZERO + datetime.timedelta(days=value)
            return moment.date().isoformat() if value == int(value) else moment.isoformat(" ", "minutes")
    except (ValueError, OverflowError):
        return text
    show = number_format(code)
    return show(value) if show else plain(value)
