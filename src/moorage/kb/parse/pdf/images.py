"""The pictures of a PDF, where they stand. Each stream is decoded once, however often it is shown."""

# pypdfium2 ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportMissingTypeStubs=false

from __future__ import annotations

import hashlib
import io
from collections import Counter
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
        from pypdfium2 import PdfiumError, raw

        found: list[Shown] = []
        for thing in page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE], max_depth=3):
            try:
                left, bottom, right, top = thing.get_bounds()
                is_small = right - left < _SMALLEST or top - bottom < _SMALLEST
                if is_small or (right - left) * (top - bottom) > _BACKGROUND * width * height or len(found) > 100:
                    continue
                name = self._name_of(cast("pypdfium2.PdfImage", thing))
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
            picture = _decoded(thing)
            self._names[key] = picture.name if picture else None
            if picture is None:
                self.left_out += 1
            else:
                self.pictures[picture.name] = picture
                self._bytes += len(picture.data)
        return self._names[key]


def _decoded(thing: pypdfium2.PdfImage) -> Picture | None:
    """JPEG as it is; everything else as PNG. None for a picture of one colour, which shows nothing."""
    if thing.get_filters() == ["DCTDecode"]:
        data = thing.get_data(decode_simple=False)
        picture = as_picture(bytes(data))
        if picture is not None and data[:3] == b"\xff\xd8\xff" and b"Adobe" not in bytes(data[:2048]):
            return picture
    image = thing.get_bitmap(render=False).to_pil()
    if image.mode not in ("L", "RGB", "RGBA", "1"):
        image = image.convert("RGB")
    if all(low == high for low, high in _extrema(image.getextrema())):
        return None
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=3)
    return as_picture(out.getvalue())


def _extrema(found: object) -> list[tuple[float, float]]:
    pairs = found if isinstance(found, tuple) else ()
    return [p for p in pairs if isinstance(p, tuple)] or [pairs]  # pyright: ignore[reportReturnType]
