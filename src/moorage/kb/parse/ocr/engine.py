"""rapidocr: a picture to lines of text with their places. The one file that knows it."""

# rapidocr and onnxruntime ship no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportMissingTypeStubs=false, reportMissingImports=false, reportAttributeAccessIssue=false, reportArgumentType=false

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from functools import cache
from statistics import mean
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

_LOCK = threading.Lock()  # one page at a time: it uses all processors itself
_TALL = 1.6
_UNSURE = 0.86


@dataclass(frozen=True, slots=True)
class ReadLine:
    """A line of text in a picture; places in pixels, ``top`` counted downwards. ``score`` is 0..1."""

    text: str
    left: float
    top: float
    right: float
    bottom: float
    score: float


def read_picture(picture: Image) -> list[ReadLine]:
    """The lines of a picture, upright or turned by 90, 180 or 270 degrees."""
    with _LOCK:
        lines = _read(picture)
        if _lies_on_its_side(lines):
            turned = [_read(picture.rotate(angle, expand=True)) for angle in (90, 270)]
            return max([lines, *turned], key=_merit)
        if lines and mean(line.score for line in lines) < _UNSURE:
            return max([lines, _read(picture.rotate(180))], key=_merit)
        return lines


def _merit(lines: list[ReadLine]) -> float:
    """How much was read, and how surely: a page upside down gives few and doubtful words."""
    return sum(len(line.text) * max(0.0, line.score - 0.5) for line in lines)


def _lies_on_its_side(lines: list[ReadLine]) -> bool:
    tall = sum(line.bottom - line.top > _TALL * (line.right - line.left) for line in lines)
    return tall * 2 > len(lines) > 2


def _read(picture: Image) -> list[ReadLine]:
    import numpy as np

    found = _engine()(np.asarray(picture)[:, :, ::-1])
    if found.boxes is None or found.txts is None:
        return []
    lines: list[ReadLine] = []
    for box, text, score in zip(found.boxes, found.txts, found.scores, strict=True):
        xs, ys = [float(p[0]) for p in box], [float(p[1]) for p in box]
        if text.strip():
            lines.append(ReadLine(text.strip(), min(xs), min(ys), max(xs), max(ys), float(score)))
    return lines


@cache
def _engine():  # type: ignore[no-untyped-def]
    from rapidocr import RapidOCR

    return RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.use_cls": False,  # turns single lines only, and costs a tenth of the time; whole pages are turned above
            "EngineConfig.onnxruntime.intra_op_num_threads": os.cpu_count() or 1,
        }
    )
