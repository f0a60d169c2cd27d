"""Pages, and parts of pages, whose letters do not run from left to right: wide tables set sideways, pages kept turned in the file,
Chinese in columns."""

# pypdfium2 ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportMissingTypeStubs=false

from __future__ import annotations

import ctypes
import math
from collections import Counter
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    import pypdfium2

_TURNED = 0.2  # radians
_SAMPLE = 120
_LEAST_SHARE = 0.04
_QUARTER = math.pi / 2
_CHINESE_FROM = 0x2E80
_PAIRS = 24
_LEAST_PAIRS = 8
_MOST = 0.7


def is_turned(text_page: object, index: int) -> bool:
    """Whether a character stands at another angle than the page."""
    from pypdfium2 import raw

    angle = raw.FPDFText_GetCharAngle(text_page, index)
    return _TURNED < angle < 2 * math.pi - _TURNED


def ways_of(text_page: object, count: int) -> tuple[int, ...]:
    """How the letters of a page run, in quarter turns clockwise, what most of them do first. Letters across the page run no way; where most do,
    there is none."""
    from pypdfium2 import raw

    found: Counter[int] = Counter()
    for index in range(0, count, max(1, count // _SAMPLE)):
        if raw.FPDFText_GetUnicode(text_page, index) > 32:
            angle = max(0.0, raw.FPDFText_GetCharAngle(text_page, index))
            quarters = round(angle / _QUARTER)
            found[quarters % 4 if abs(angle - quarters * _QUARTER) < _TURNED else -1] += 1
    if found[-1] * 2 > found.total():
        return ()
    usual = [way for way, times in found.most_common() if way >= 0 and times >= _LEAST_SHARE * found.total()]
    return tuple(usual) or (0,)


def is_vertical(text_page: object, count: int) -> bool:
    """Whether Chinese stands in columns from top to bottom: most signs stand below the one before them."""
    from pypdfium2 import raw

    below = pairs = 0
    for index in range(0, count - 1, max(1, count // _PAIRS)):
        after = next((at for at in range(index + 1, min(index + 4, count)) if raw.FPDFText_GetUnicode(text_page, at) > 32), None)
        if after is None or raw.FPDFText_GetUnicode(text_page, index) < _CHINESE_FROM:
            continue
        (x, y), (next_x, next_y) = _origin(text_page, index), _origin(text_page, after)
        pairs += 1
        below += abs(next_x - x) < y - next_y
    return pairs >= _LEAST_PAIRS and below > _MOST * pairs


def _origin(text_page: object, index: int) -> tuple[float, float]:
    from pypdfium2 import raw

    x, y = ctypes.c_double(), ctypes.c_double()
    raw.FPDFText_GetCharOrigin(text_page, index, x, y)
    return x.value, y.value


def set_upright(document: pypdfium2.PdfDocument, index: int, way: int) -> None:
    """Turns a page so that letters which run this way run from left to right, however a viewer would turn it. Whoever loads the page anew
    sees it so."""
    from pypdfium2 import raw

    page = document[index]
    try:
        left, bottom, right, top = cast("tuple[float, float, float, float]", page.get_cropbox())
        width, height = right - left, top - bottom
        matrix = {
            0: (1, 0, 0, 1, -left, -bottom),
            1: (0, 1, -1, 0, top, -left),
            2: (-1, 0, 0, -1, right, top),
            3: (0, -1, 1, 0, -bottom, right),
        }[way]
        raw.FPDFPage_TransFormWithClip(page.raw, raw.FS_MATRIX(*matrix), None)
        width, height = (width, height) if way % 2 == 0 else (height, width)
        page.set_rotation(0)
        page.set_mediabox(0, 0, width, height)
        page.set_cropbox(0, 0, width, height)
    finally:
        page.close()
