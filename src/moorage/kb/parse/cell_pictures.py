"""Pictures that stand in cells of a workbook as their value: those of WPS (``DISPIMG``) and those of Excel ("place in cell")."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TypeVar

from moorage.kb.parse.gallery import Gallery, description
from moorage.kb.parse.opc import Package
from moorage.kb.parse.xml import Element

_DISPIMG = re.compile(r"""^=?\s*(?:_xlfn\.)?DISPIMG\(\s*"([^"]+)"\s*,?\s*\d*\s*\)\s*$""")
_DRAWING = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_SHEET_DRAWING = "{http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing}"
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_WPS = "xl/cellimages.xml"
_RICH = "xl/richData/richValueRel.xml"
PARTS = (_WPS, _RICH)
_IDENTIFIER = "_rvRel:LocalImageIdentifier"
T = TypeVar("T")


class CellPictures:
    """Finds the picture of a cell by its formula or by its number among the values of the workbook."""

    def __init__(self, package: Package) -> None:
        self._named = dict(_wps_pictures(package)) if package.has(_WPS) else {}
        self._numbered = _excel_pictures(package) if package.has(_RICH) else {}

    def by_formula(self, text: str, gallery: Gallery, before: str, section: str) -> str | None:
        """The picture of a cell whose text is a WPS picture formula; None for any other text."""
        found = _DISPIMG.match(text) if "DISPIMG" in text else None
        if found is None:
            return None
        relation, alt = self._named.get(found[1], ("", ""))
        return gallery.show(_WPS, relation, alt, before, section)

    def by_number(self, number: int, gallery: Gallery, before: str, section: str) -> str | None:
        """The picture of a cell that carries this number (its ``vm`` attribute); None where it has another kind of value."""
        found = self._numbered.get(number)
        return None if found is None else gallery.show(_RICH, found[0], found[1], before, section)


def _wps_pictures(package: Package) -> Iterator[tuple[str, tuple[str, str]]]:
    root = package.xml(_WPS)
    for picture in () if root is None else root.iter(_SHEET_DRAWING + "pic"):
        properties = next(picture.iter(_SHEET_DRAWING + "cNvPr"), None)
        blip = next(picture.iter(_DRAWING + "blip"), None)
        if properties is not None and blip is not None:
            relation = blip.get(_RELATION + "embed") or blip.get(_RELATION + "link") or ""
            yield properties.get("name") or "", (relation, description(properties.get("descr")))


def _excel_pictures(package: Package) -> dict[int, tuple[str, str]]:
    """From the number of a cell's value over three lists to (relationship, alternative text)."""
    roots = [
        package.xml(part) for part in ("xl/metadata.xml", "xl/richData/rdrichvalue.xml", "xl/richData/rdrichvaluestructure.xml", _RICH)
    ]
    metadata, values, structures, relations = roots
    if metadata is None or values is None or structures is None or relations is None:
        return {}
    future = [e for e in _children(metadata, "futureMetadata") if e.get("name") == "XLRICHVALUE"]
    rich = [_number(next((e.get("i") for e in block.iter() if _local(e) == "rvb"), None)) for block in (future[0] if future else ())]
    cells = [block for group in metadata.findall(_MAIN + "valueMetadata") for block in group]
    keys = [[key.get("n") or "" for key in structure] for structure in structures]
    targets = [e.get(_RELATION + "id") or "" for e in relations]
    found: dict[int, tuple[str, str]] = {}
    for number, block in enumerate(cells, start=1):
        record = next(iter(block), None)
        value = _at(list(values), _at(rich, _number(None if record is None else record.get("v"))))
        names = None if value is None else _at(keys, _number(value.get("s")))
        if value is None or names is None or _IDENTIFIER not in names:
            continue
        said = dict(zip(names, (e.text or "" for e in value), strict=False))
        target = _at(targets, _number(said.get(_IDENTIFIER)))
        if target is not None:
            found[number] = (target, description(said.get("Text")))
    return found


def _children(root: Element, name: str) -> list[Element]:
    return [child for child in root if _local(child) == name]


def _local(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _at(items: list[T], index: int | None) -> T | None:
    return items[index] if index is not None and 0 <= index < len(items) else None


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() and len(text) < 10 else None
