"""Pages as pictures: of a PDF drawn by pdfium, of a picture its frames. Bounded in pixels."""

# pypdfium2 ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportMissingTypeStubs=false, reportArgumentType=false

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from moorage.core.errors import DocumentEncrypted
from moorage.kb.parse.base import Source
from moorage.kb.parse.notices import unreadable

if TYPE_CHECKING:
    from PIL.Image import Image

DOTS_PER_INCH = 130
MOST_SIDE = 2400
MOST_PIXELS = 100_000_000


def page_pictures(source: Source, pages: Sequence[int]) -> Iterator[tuple[int, Image]]:
    """The number and the picture of each page. Raises DocumentUnreadable."""
    return _pdf_pages(source, pages) if source.data.lstrip()[:5] == b"%PDF-" else _frames(source, pages)


def _pdf_pages(source: Source, pages: Sequence[int]) -> Iterator[tuple[int, Image]]:
    import pypdfium2
    from pypdfium2 import raw

    try:
        document = pypdfium2.PdfDocument(source.data)
    except pypdfium2.PdfiumError as error:
        if error.err_code == raw.FPDF_ERR_PASSWORD:
            raise DocumentEncrypted(name=source.name) from error
        raise unreadable(source.name, "pdf_damaged") from error
    try:
        for number in pages:
            page = document[number - 1]
            scale = min(DOTS_PER_INCH / 72, MOST_SIDE / max(page.get_width(), page.get_height(), 1.0))
            yield number, page.render(scale=scale).to_pil().convert("RGB")
            page.close()
    finally:
        document.close()


def _frames(source: Source, pages: Sequence[int]) -> Iterator[tuple[int, Image]]:
    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(source.data)) as opened:
                if opened.width * opened.height > MOST_PIXELS:
                    raise unreadable(source.name, "picture_large")
                for number in pages:
                    opened.seek(number - 1)
                    frame = ImageOps.exif_transpose(opened.convert("RGB"))
                    frame.thumbnail((MOST_SIDE, MOST_SIDE))
                    yield number, frame
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise unreadable(source.name, "picture_damaged") from error
