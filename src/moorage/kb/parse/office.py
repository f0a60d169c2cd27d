"""Old and foreign office formats through LibreOffice, where it is installed: it writes docx, pptx or xlsx, which our parsers read.

Also pictures that no browser shows (EMF, WMF, TIFF) as PNG.
"""

from __future__ import annotations

import gzip
import io
import warnings
import zlib
from collections.abc import Sequence
from dataclasses import replace

from moorage.core.errors import DocumentUnreadable
from moorage.kb.parse import sniff as kinds
from moorage.kb.parse.base import Parsed, Parser, Source
from moorage.kb.parse.limits import PICTURE_PIXELS
from moorage.kb.parse.notices import conversion_failed, converted, office_missing
from moorage.kb.parse.soffice import ConversionFailed, convert, find_soffice

# Media type -> what LibreOffice is told it is, and what it is to write.
_TARGETS = {
    kinds.DOC: ("doc", "docx"),
    kinds.WORKS: ("wps", "docx"),
    kinds.RTF: ("rtf", "docx"),
    kinds.ODT: ("odt", "docx"),
    kinds.WORD_2003: ("xml", "docx"),
    kinds.PPT: ("ppt", "pptx"),
    kinds.ODP: ("odp", "pptx"),
    kinds.EXCEL_2003: ("xml", "xlsx"),
}
_VECTOR_S = 60.0
_VECTOR_MOST = 200
# 200 dots per inch on the sheet of paper that LibreOffice puts a drawing on; the empty paper around it is cut off.
_VECTOR_TARGET = 'png:draw_png_Export:{"PixelWidth":{"type":"long","value":"1654"},"PixelHeight":{"type":"long","value":"2339"}}'
_VECTOR_BYTES = 32 * 1024 * 1024
_MARGIN = 4
# Never EPS: Pillow starts Ghostscript for it.
_RASTER_FORMATS = ("TIFF", "BMP", "DIB", "ICO", "JPEG2000", "PCX", "TGA", "PPM")


class OfficeParser:
    """Reads ``.doc``, ``.wps``, ``.rtf``, ``.odt``, ``.ppt``, ``.dps``, ``.odp`` and Office 2003 XML by way of LibreOffice.

    The one exception to the promise of ``Parser``: it starts LibreOffice and writes the document into a temporary folder that is gone
    afterwards. LibreOffice runs without macros, links and network proxies, in a profile of its own, and is ended after three minutes.
    The same source gives the same result with the same LibreOffice.
    """

    name = "office"
    media_types = tuple(_TARGETS)
    suffixes = (".doc", ".dot", ".wps", ".wpt", ".rtf", ".odt", ".ott", ".ppt", ".pps", ".pot", ".dps", ".dpt", ".odp", ".otp")

    def parse(self, source: Source) -> Parsed:
        suffix, target = _TARGETS[kinds.sniff(source) or ""]
        program = find_soffice()
        if program is None:
            raise _unreadable(source, office_missing(suffix, target))
        try:
            made = convert(program, [(f"document.{suffix}", source.data)], target)["document"]
        except (ConversionFailed, KeyError) as error:
            raise _unreadable(source, conversion_failed(target)) from error
        parsed = _parser(target).parse(replace(source, data=made))
        return replace(parsed, notices=(converted(suffix, target), *parsed.notices))


def pictures_to_png(pictures: Sequence[tuple[bytes, str]]) -> list[bytes | None]:
    """Pictures (bytes, suffix) as PNG, in their order. All EMF, WMF and SVG pictures take one start of LibreOffice, and are None without it."""
    found: list[bytes | None] = [None] * len(pictures)
    vectors: dict[int, tuple[str, bytes]] = {}
    for index, (data, suffix) in enumerate(pictures):
        data = _unpacked(data)
        kind = _vector_kind(data, suffix)
        if kind is None:
            found[index] = _raster_to_png(data)
        elif len(vectors) < _VECTOR_MOST and len(data) <= _VECTOR_BYTES:
            vectors[index] = (f"p{index}.{kind}", data)
    for index, png in _vectors_to_png(vectors).items():
        found[index] = png
    return found


def _vectors_to_png(vectors: dict[int, tuple[str, bytes]]) -> dict[int, bytes | None]:
    program = find_soffice() if vectors else None
    if program is None:
        return {}
    try:
        made = convert(program, list(vectors.values()), _VECTOR_TARGET, timeout_s=_VECTOR_S + len(vectors))
    except ConversionFailed:
        return {}
    return {index: _cropped(made[stem]) for index in vectors if (stem := f"p{index}") in made}


def _unpacked(data: bytes) -> bytes:
    """EMZ and WMZ are EMF and WMF in gzip."""
    if not data.startswith(b"\x1f\x8b"):
        return data
    try:
        with gzip.open(io.BytesIO(data)) as packed:
            return packed.read(_VECTOR_BYTES + 1)
    except (OSError, EOFError, zlib.error):
        return data


def _vector_kind(data: bytes, suffix: str) -> str | None:
    if data[40:44] == b" EMF":
        return "emf"
    if data.startswith((b"\xd7\xcd\xc6\x9a", b"\x01\x00\x09\x00", b"\x02\x00\x09\x00")):
        return "wmf"
    return "svg" if suffix.lower().lstrip(".") == "svg" and b"<svg" in data[:4096] else None


def _raster_to_png(data: bytes) -> bytes | None:
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=_RASTER_FORMATS) as opened:
                if opened.width * opened.height > PICTURE_PIXELS:
                    return None
                return _saved(opened.convert("RGBA" if "A" in opened.getbands() or "transparency" in opened.info else "RGB"))
    except (OSError, ValueError, SyntaxError, EOFError, MemoryError, Image.DecompressionBombError, zlib.error):
        return None


def _cropped(png: bytes) -> bytes | None:
    """The drawing without the paper around it; None for empty paper."""
    from PIL import Image, ImageChops

    with Image.open(io.BytesIO(png), formats=("PNG",)) as opened:
        page = Image.new("RGB", opened.size, "white")
        page.paste(opened, mask=opened.getchannel("A") if opened.mode == "RGBA" else None)
    box = ImageChops.difference(page, Image.new("RGB", page.size, "white")).getbbox()
    if box is None:
        return None
    left, top, right, bottom = box
    return _saved(
        page.crop((max(0, left - _MARGIN), max(0, top - _MARGIN), min(page.width, right + _MARGIN), min(page.height, bottom + _MARGIN)))
    )


def _saved(picture: object) -> bytes:
    from PIL.Image import Image

    assert isinstance(picture, Image)
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def _parser(target: str) -> Parser:
    if target == "docx":
        from moorage.kb.parse.docx import DocxParser

        return DocxParser()
    if target == "pptx":
        from moorage.kb.parse.slides import SlidesParser

        return SlidesParser()
    from moorage.kb.parse.sheet import SheetParser

    return SheetParser()


def _unreadable(source: Source, reason: tuple[str, str]) -> DocumentUnreadable:
    return DocumentUnreadable(name=source.name, reason=reason[0], reason_zh=reason[1])
