"""Charts of office files as tables: the values that the file keeps beside the drawing. Slides and workbooks hold the same XML."""

from __future__ import annotations

import datetime
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

from moorage.kb.parse.markdown import Block, one_line, paragraph
from moorage.kb.parse.number_format import is_date_format, number_format, plain
from moorage.kb.parse.sheet_blocks import table_blocks
from moorage.kb.parse.xml import Element

CHART = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
_DRAWING = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_FAR_POINT = 1_000_000
_DAY_ZERO = datetime.datetime(1899, 12, 30)
_DAYS = range(1, 2_958_466)  # up to the year 9999


@dataclass(frozen=True, slots=True)
class _Series:
    name: str
    categories: dict[int, str]
    values: dict[int, str]
    sizes: dict[int, str] = field(default_factory=dict[int, str])


def chart_blocks(root: Element) -> list[Block]:
    """The title of a chart and a table of its series, a column each; series over different categories have tables of their own.
    Empty for a chart that keeps neither."""
    title = chart_title(root)
    blocks = [paragraph(title)] if title else []
    tables: dict[tuple[tuple[int, str], ...], list[_Series]] = {}
    for element in root.iter(CHART + "ser"):
        series = _series(element)
        if series.values:
            tables.setdefault(tuple(series.categories.items()), []).append(series)
    for series in tables.values():
        blocks += table_blocks(_table(series))
    return blocks


def chart_title(root: Element) -> str:
    """The title that was typed, or the one that stands in a cell."""
    chart = next(root.iter(CHART + "chart"), None)
    title = None if chart is None else chart.find(CHART + "title")
    if title is None:
        return ""
    typed = "".join("".join(p.itertext(_DRAWING + "t")) + " " for p in title.iter(_DRAWING + "p"))
    return one_line(typed) or one_line(" ".join(v.text or "" for v in title.iter(CHART + "v")))


def _table(series: list[_Series]) -> list[list[str]]:
    places = sorted({index for one in series for index in (*one.categories, *one.values)})
    has_sizes = any(one.sizes for one in series)
    header = [""]
    for number, one in enumerate(series, 1):
        name = one.name or f"#{number}"
        header += [name, ""] if has_sizes else [name]
    rows = [header]
    for index in places:
        row = [series[0].categories.get(index, "" if series[0].categories else str(index + 1))]
        for one in series:
            row += [one.values.get(index, ""), one.sizes.get(index, "")] if has_sizes else [one.values.get(index, "")]
        rows.append(row)
    return rows


def _series(element: Element) -> _Series:
    name = element.find(CHART + "tx")
    categories = element.find(CHART + "cat")
    values = element.find(CHART + "val")
    if values is None:
        categories, values = element.find(CHART + "xVal"), element.find(CHART + "yVal")
    return _Series(
        "" if name is None else one_line(" ".join(v.text or "" for v in name.iter(CHART + "v"))),
        {} if categories is None else _labels(categories),
        {} if values is None else dict(_points(values)),
        {} if (sizes := element.find(CHART + "bubbleSize")) is None else dict(_points(sizes)),
    )


def _labels(element: Element) -> dict[int, str]:
    """The categories; those of several levels (year over month) are joined, the outermost first."""
    levels = list(element.iter(CHART + "lvl"))
    if not levels:
        return dict(_points(element))
    outer = [sorted(_points(level)) for level in reversed(levels[1:])]
    joined: dict[int, str] = {}
    for index, text in _points(levels[0]):
        above = [level[at][1] for level in outer if (at := bisect_right(level, index, key=lambda point: point[0]) - 1) >= 0]
        joined[index] = " / ".join(part for part in (*above, text) if part)
    return joined


def _points(element: Element) -> Iterator[tuple[int, str]]:
    code = next(element.iter(CHART + "formatCode"), None)
    is_number = next(element.iter(CHART + "numCache", CHART + "numLit"), None) is not None
    for point in element.iter(CHART + "pt"):
        index, value = point.get("idx") or "", point.find(CHART + "v")
        if index.isdecimal() and int(index) < _FAR_POINT and value is not None:
            text = one_line(value.text or "")
            yield int(index), _number(text, point.get("formatCode") or (code.text if code is not None else "") or "") if is_number else text


def _number(text: str, code: str) -> str:
    try:
        value = float(text)
    except (ValueError, OverflowError):
        return text
    if value != value or abs(value) == float("inf"):
        return text
    if is_date_format(code) and int(value) in _DAYS:
        moment = _DAY_ZERO + datetime.timedelta(days=value)
        return moment.date().isoformat() if value == int(value) else moment.isoformat(" ", "minutes")
    show = number_format(code)
    return show(value) if show else plain(value)
