"""The pictures of a PDF, where they stand. Each stream is decoded once, however often it is shown."""

# pypdfium2 ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportMissingTypeStubs=false

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from moorage.kb.parse.base import Picture
from moorage.kb.parse.pictures import as_picture

if TYPE_CHECKING:
    import pypdfium2

_SMALLEST = 28.0  # points: smaller ones are icons, bullets and rules
_FEWEST_PIXELS = 24
_MOST_PIXELS = 30_000_000
_MOST_PICTURES = 500
_MOST_BYTES = 200 * 2**20
_BACKGROUND = 0.8  # of the page
_REPEATED = 3  # pages that show the same picture: a logo
_DEEPEST = 3  # forms in forms
_EMPTY_SHARE = 24  # pixels a byte: a JPEG that is smaller may be of one colour
_PLAIN_COLOURS = frozenset((1, 2, 4, 5, 7))  # FPDF_COLORSPACE_ of grey and red-green-blue, plain, calibrated or by ICC profile


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture on a page, in points from the lower left corner."""

    name: str
    left: float
    bottom: float
    right: float
    top: float


@dataclass(slots=True)
class Gallery:
    """Collects the pictures of a document page by page; ``left_out`` counts those over the limits or that cannot be decoded."""

    pictures: dict[str, Picture] = field(default_factory=dict[str, Picture])
    left_out: int = 0
    _names: dict[str, str | None] = field(default_factory=dict[str, str | None])
    _pages: Counter[str] = field(default_factory=Counter[str])
    _bytes: int = 0

    def on_page(self, page: pypdfium2.PdfPage, width: float, height: float) -> list[Shown]:
        """The pictures of a page that are large enough to mean something and do not fill it."""
        from pypdfium2 import PdfiumError

        found: list[Shown] = []
        for thing in images_on(page):
            try:
                left, bottom, right, top = thing.get_bounds()
                is_small = right - left < _SMALLEST or top - bottom < _SMALLEST
                if is_small or (right - left) * (top - bottom) > _BACKGROUND * width * height or len(found) > 100:
                    continue
                name = self._name_of(thing)
            except PdfiumError:
                self.left_out += 1
                continue
            if name is not None and all(s.name != name or abs(s.left - left) + abs(s.top - top) > 2 for s in found):
                found.append(Shown(name, left, bottom, right, top))
        self._pages.update({shown.name for shown in found})
        return found

    def repeated(self) -> set[str]:
        """Names of pictures that stand on many pages: logos and ornaments."""
        return {name for name, pages in self._pages.items() if pages > _REPEATED}

    def _name_of(self, thing: pypdfium2.PdfImage) -> str | None:
        width, height = thing.get_px_size()
        if min(width, height) < _FEWEST_PIXELS:
            return None
        if width * height > _MOST_PIXELS or len(self.pictures) >= _MOST_PICTURES or self._bytes > _MOST_BYTES:
            self.left_out += 1
            return None
        key = hashlib.sha256(thing.get_data(decode_simple=False)).hexdigest() + f"{width}x{height}"
        if key not in self._names:
            picture = _decoded(thing, width * height)
            self._names[key] = picture.name if picture else None
            if picture is None:
                self.left_out += 1
            else:
                self.pictures[picture.name] = picture
                self._bytes += len(picture.data)
        return self._names[key]


def images_on(page: pypdfium2.PdfPage) -> Iterator[pypdfium2.PdfImage]:
    """The pictures of a page and of the forms on it. pypdfium2's own iterator makes an object of everything on the page, of every word, too."""
    from pypdfium2 import raw

    yield from _images_in(page, page.raw, raw.FPDFPage_CountObjects, raw.FPDFPage_GetObject, 1)


def _images_in(
    page: pypdfium2.PdfPage, outer: object, count: Callable[[object], int], thing_at: Callable[[object, int], object], depth: int
) -> Iterator[pypdfium2.PdfImage]:
    from pypdfium2 import PdfImage, PdfObject, raw

    for index in range(count(outer)):
        thing = thing_at(outer, index)
        kind = raw.FPDFPageObj_GetType(thing)
        if kind == raw.FPDF_PAGEOBJ_IMAGE:
            yield cast(PdfImage, PdfObject(thing, page=page, pdf=page.pdf))
        elif kind == raw.FPDF_PAGEOBJ_FORM and depth < _DEEPEST:
            yield from _images_in(page, thing, raw.FPDFFormObj_CountObjects, raw.FPDFFormObj_GetObject, depth + 1)


def _decoded(thing: pypdfium2.PdfImage, pixels: int) -> Picture | None:
    """JPEG as it is where every browser shows it alike; everything else as PNG. None for a picture of one colour, which shows nothing."""
    jpeg = bytes(thing.get_data(decode_simple=False)) if thing.get_filters() == ["DCTDecode"] else b""
    is_shown = _jpeg_components(jpeg) in (1, 3) and thing.get_metadata().colorspace in _PLAIN_COLOURS
    if is_shown and len(jpeg) * _EMPTY_SHARE > pixels:
        return as_picture(jpeg)
    image = thing.get_bitmap(render=False).to_pil()
    if image.mode not in ("L", "RGB", "RGBA", "1"):
        image = image.convert("RGB")
    if all(low == high for low, high in _extrema(image.getextrema())):
        return None
    if is_shown:
        return as_picture(jpeg)
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=3)
    return as_picture(out.getvalue())


def _jpeg_components(data: bytes) -> int:
    """How many colours a JPEG mixes: one or three, or four for print, which screens show wrongly. 0 for what is no JPEG."""
    at = 2 if data[:3] == b"\xff\xd8\xff" else len(data)
    while at + 9 < len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return data[at + 9]
        at += 1 if marker == 0xFF else 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return 0


def _extrema(found: object) -> list[tuple[float, float]]:
    pairs = found if isinstance(found, tuple) else ()
    return [p for p in pairs if isinstance(p, tuple)] or [pairs]  # pyright: ignore[reportReturnType]
