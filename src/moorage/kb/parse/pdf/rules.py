"""Tables drawn with lines: the lines and the words in a cell come from pdfium, what is between them from the lattice of the lines."""

# pypdfium2 ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportMissingTypeStubs=false

from __future__ import annotations

import ctypes
import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from moorage.kb.parse.pdf.lattice import Stroke, merged, tables
from moorage.kb.parse.pdf.signs import SIGNS

_MOST_OBJECTS = 20_000
_MOST_SEGMENTS = 4_000
_THIN = 2.5  # points: a rectangle so thin is a line
_SHORT = 6.0
_BOUNDS_ERROR = 0.01  # bounds are single precision
_TALLEST_FILL = 120.0
_BOX_SEGMENTS = 6
_MOST_PAIRS = 1_000_000
_MOST_NESTED = 500
_SNAP = 3.0
_FILLED_SHARE = 0.3
_LONGEST_CELL = 20_000
_MARKER = re.compile(r"^(?:[•●○▪■◆·\-–]|[（(]?(?:\d{1,3}|[a-z]|[一二三四五六七八九十]{1,3})[)）.、])\s*\S")
_CJK = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]")

Matrix = tuple[float, float, float, float, float, float]
Segment = tuple[float, float, float, float]
Cell = tuple[float, float, float, float]
"""Left, top, right, bottom; places grow downwards."""
Shape = tuple[Segment, bool]
"""A straight line, or the place of a coloured box (True)."""
_UNMOVED: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class RuledTable:
    """A table with its place in points from the lower left corner; a cell over several places is repeated in each."""

    left: float
    bottom: float
    right: float
    top: float
    rows: tuple[tuple[str, ...], ...]


def ruled_tables(page: object, text_page: object) -> list[RuledTable]:
    """The tables of a page (raw handles), from top to bottom. Not for several threads at once."""
    shapes = list(_segments(page))
    level, upright = _strokes(line for line, is_box in shapes if not is_box)
    level += _coloured(upright, [box for box, is_box in shapes if is_box])
    if len(level) < 3 or not upright:
        return []
    level, upright = merged(level), merged(upright)
    found = [
        table
        for group in tables(level, [*upright, *_open_sides(level, upright)])
        if (table := _table_or_inner(text_page, group)) is not None
    ]
    outer = [table for table in found if not any(_is_within(table, other) for other in found)]
    return sorted(outer, key=lambda t: -t.top)


def _table_or_inner(text_page: object, cells: Sequence[Cell]) -> RuledTable | None:
    """The table of these cells. A table that stands in one of its cells is text of that cell; in a frame of one row it is the table."""
    if len(cells) > _MOST_NESTED:
        return _table(text_page, cells)
    outer = [cell for cell in cells if not any(_holds(other, cell) for other in cells)]
    if len(outer) == len(cells):
        return _table(text_page, cells)
    return _table(text_page, outer) or _table(text_page, [cell for cell in cells if not any(_holds(cell, other) for other in cells)])


def _holds(outer: Cell, inner: Cell) -> bool:
    is_inside = outer[0] <= inner[0] + 1 and outer[1] <= inner[1] + 1 and outer[2] >= inner[2] - 1 and outer[3] >= inner[3] - 1
    return is_inside and outer != inner and (outer[2] - outer[0]) * (outer[3] - outer[1]) > (inner[2] - inner[0]) * (inner[3] - inner[1])


def _is_within(inner: RuledTable, outer: RuledTable) -> bool:
    return inner is not outer and _holds(
        (outer.left, -outer.top, outer.right, -outer.bottom), (inner.left, -inner.top, inner.right, -inner.bottom)
    )


def _coloured(upright: Sequence[Stroke], boxes: Sequence[Segment]) -> list[Stroke]:
    """The upper and lower edges of coloured cells, as headers often have no lines there: of boxes with an upright line at a side. Others are
    marks behind words."""
    if len(boxes) * len(upright) > _MOST_PAIRS:
        return []
    found: list[Stroke] = []
    for left, low, right, high in boxes:
        middle = -(low + high) / 2
        if any(min(abs(line.at - left), abs(line.at - right)) <= _SNAP and line.start <= middle <= line.end for line in upright):
            found += [Stroke(-high, left, right), Stroke(-low, left, right)]
    return found


def _open_sides(level: Sequence[Stroke], upright: Sequence[Stroke]) -> list[Stroke]:
    """The left and right borders of tables that are drawn without: where three or more level lines begin and end alike, with an upright one
    between them."""
    groups: dict[tuple[int, int], list[Stroke]] = {}
    for line in level:
        groups.setdefault((round(line.start / _SNAP), round(line.end / _SNAP)), []).append(line)
    sides: list[Stroke] = []
    for lines in groups.values():
        left, right = lines[0].start, lines[0].end
        first, last = min(line.at for line in lines), max(line.at for line in lines)
        if len(lines) < 3:
            continue
        beside = [line for line in upright if line.start < last and line.end > first]
        if any(left + _SNAP < line.at < right - _SNAP for line in beside):
            sides += [Stroke(x, first, last) for x in (left, right) if all(abs(line.at - x) > _SNAP for line in beside)]
    return sides


def _table(text_page: object, cells: Sequence[Cell]) -> RuledTable | None:
    xs = sorted({x for c in cells for x in (c[0], c[2])})
    ys = sorted({y for c in cells for y in (c[1], c[3])})
    rows, columns = len(ys) - 1, len(xs) - 1
    if rows < 2 or columns < 2 or rows * columns > 50_000:
        return None
    grid = [[""] * columns for _ in range(rows)]
    filled = 0
    for x0, top, x1, bottom in cells:
        text = _text_in(text_page, x0, -top, x1, -bottom)
        filled += bool(text)
        for row in range(bisect_left(ys, top), bisect_left(ys, bottom)):
            for column in range(bisect_left(xs, x0), bisect_left(xs, x1)):
                grid[row][column] = text
    if filled < 2 or filled < _FILLED_SHARE * len(cells):
        return None
    kept = [row for row in grid if any(row)]
    used = [c for c in range(columns) if any(row[c] for row in kept)]
    if len(kept) < 2 or len(used) < 2:
        return None
    return RuledTable(xs[0], -ys[-1], xs[-1], -ys[0], tuple(tuple(row[c] for c in used) for row in kept))


def _text_in(text_page: object, left: float, top: float, right: float, bottom: float) -> str:
    from pypdfium2 import raw

    place = (text_page, left, top, right, bottom)
    count = min(raw.FPDFText_GetBoundedText(*place, None, 0), _LONGEST_CELL)
    if count <= 0:
        return ""
    buffer = (ctypes.c_ushort * (count + 1))()
    raw.FPDFText_GetBoundedText(*place, buffer, count)
    lines = bytes(buffer)[: count * 2].decode("utf-16-le", "ignore").replace("\x00", "").replace("\ufffe", "").translate(SIGNS).splitlines()
    return _joined([" ".join(line.split()) for line in lines if line.strip()])


def _joined(lines: Sequence[str]) -> str:
    """The lines of a cell: wrapped text as one, items below each other."""
    text = ""
    for line in lines:
        if not text:
            text = line
        elif _MARKER.match(line):
            text += f"<br>{line}"
        else:
            text += line if _CJK.match(text[-1:]) and _CJK.match(line[:1]) else f" {line}"
    return text


def _strokes(segments: Iterator[Segment]) -> tuple[list[Stroke], list[Stroke]]:
    """Segments that are level, and those that are upright. Heights grow downwards."""
    level: list[Stroke] = []
    upright: list[Stroke] = []
    for x0, y0, x1, y1 in segments:
        left, right, low, high = min(x0, x1), max(x0, x1), min(y0, y1), max(y0, y1)
        if high - low <= _THIN and right - left >= _SHORT:
            level.append(Stroke(-(low + high) / 2, left, right))
        elif right - left <= _THIN and high - low >= _SHORT:
            upright.append(Stroke((left + right) / 2, -high, -low))
    return level, upright


def _segments(page: object) -> Iterator[Shape]:
    """The straight lines and the coloured boxes of the page's drawings; not those of a drawing so rich that it is a picture."""
    from pypdfium2 import raw

    count = raw.FPDFPage_CountObjects(page)
    if count > _MOST_OBJECTS:
        return
    found = 0
    for index in range(count):
        thing = raw.FPDFPage_GetObject(page, index)
        kind = raw.FPDFPageObj_GetType(thing)
        if kind in (raw.FPDF_PAGEOBJ_PATH, raw.FPDF_PAGEOBJ_FORM):  # most objects of a page are its words
            for segment in _of_object(thing, kind, _UNMOVED, 0):
                found += 1
                if found > _MOST_SEGMENTS:
                    return
                yield segment


def _of_object(thing: object, kind: int, outer: Matrix, depth: int) -> Iterator[Shape]:
    from pypdfium2 import raw

    if kind == raw.FPDF_PAGEOBJ_PATH:
        yield from _of_path(thing, outer)
    elif kind == raw.FPDF_PAGEOBJ_FORM and depth < 2:
        inner = _times(_matrix(thing), outer)
        for index in range(min(raw.FPDFFormObj_CountObjects(thing), _MOST_OBJECTS)):
            part = raw.FPDFFormObj_GetObject(thing, index)
            yield from _of_object(part, raw.FPDFPageObj_GetType(part), inner, depth + 1)


def _of_path(path: object, outer: Matrix) -> Iterator[Shape]:
    from pypdfium2 import raw

    fill, stroke = ctypes.c_int(), ctypes.c_int()
    raw.FPDFPath_GetDrawMode(path, fill, stroke)
    inner = _matrix(path)
    bounds = _bounds(path, inner, outer)
    if not (fill.value or stroke.value) or (bounds is not None and _has_no_line(path, bounds, is_drawn=bool(stroke.value))):
        return
    lines, points = _walked(path, _times(inner, outer))
    if stroke.value:
        yield from ((line, False) for line in lines)
    elif points:  # many programs draw a line as a thin filled rectangle
        left, right = min(p[0] for p in points), max(p[0] for p in points)
        low, high = min(p[1] for p in points), max(p[1] for p in points)
        if min(right - left, high - low) <= _THIN:
            yield (left, low, right, high), False
        elif high - low <= _TALLEST_FILL and len(points) <= _BOX_SEGMENTS:
            yield (left, low, right, high), True


def _bounds(path: object, inner: Matrix, outer: Matrix) -> Segment | None:
    """Where a path lies on the page; None where a slanted matrix makes its bounds mean nothing."""
    from pypdfium2 import raw

    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    if not (_is_straight(inner) and _is_straight(outer)) or not raw.FPDFPageObj_GetBounds(path, left, bottom, right, top):
        return None
    return (*_moved(outer, left.value, bottom.value), *_moved(outer, right.value, top.value))


def _has_no_line(path: object, bounds: Segment, *, is_drawn: bool) -> bool:
    """Whether a path's bounds tell that it is no line and no box: letters and shapes are drawn of thousands of points, which need not be asked for."""
    from pypdfium2 import raw

    width, height = abs(bounds[2] - bounds[0]), abs(bounds[3] - bounds[1])
    if is_drawn:
        return max(width, height) < _SHORT
    is_box = height <= _TALLEST_FILL and raw.FPDFPath_CountSegments(path) <= _BOX_SEGMENTS
    return min(width, height) > _THIN + _BOUNDS_ERROR and not is_box


def _is_straight(m: Matrix) -> bool:
    """Whether what is level stays level or becomes upright."""
    return (not m[1] and not m[2]) or (not m[0] and not m[3])


def _walked(path: object, matrix: Matrix) -> tuple[list[Segment], list[tuple[float, float]]]:
    """The straight lines of a path, and all its points."""
    from pypdfium2 import raw

    segment_at, point_of, type_of, closes = (
        raw.FPDFPath_GetPathSegment, raw.FPDFPathSegment_GetPoint, raw.FPDFPathSegment_GetType, raw.FPDFPathSegment_GetClose,
    )  # fmt: skip
    x, y = ctypes.c_float(), ctypes.c_float()
    points: list[tuple[float, float]] = []
    lines: list[Segment] = []
    start = last = (0.0, 0.0)
    for index in range(min(raw.FPDFPath_CountSegments(path), _MOST_SEGMENTS)):
        segment = segment_at(path, index)
        point_of(segment, x, y)
        point = _moved(matrix, x.value, y.value)
        kind = type_of(segment)
        if kind == raw.FPDF_SEGMENT_MOVETO:
            start = point
        elif kind == raw.FPDF_SEGMENT_LINETO:
            lines.append((*last, *point))
        points.append(point)
        last = point
        if closes(segment):
            lines.append((*point, *start))
    return lines, points


def _matrix(thing: object) -> Matrix:
    from pypdfium2 import raw

    m = raw.FS_MATRIX()
    return (m.a, m.b, m.c, m.d, m.e, m.f) if raw.FPDFPageObj_GetMatrix(thing, m) else _UNMOVED


def _times(m: Matrix, n: Matrix) -> Matrix:
    return (
        m[0] * n[0] + m[1] * n[2], m[0] * n[1] + m[1] * n[3], m[2] * n[0] + m[3] * n[2], m[2] * n[1] + m[3] * n[3],
        m[4] * n[0] + m[5] * n[2] + n[4], m[4] * n[1] + m[5] * n[3] + n[5],
    )  # fmt: skip


def _moved(m: Matrix, x: float, y: float) -> tuple[float, float]:
    return m[0] * x + m[2] * y + m[4], m[1] * x + m[3] * y + m[5]
