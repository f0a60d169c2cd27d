"""Pictures as documents: one page a frame. The words in them come from character recognition (see ``ocr``)."""

from __future__ import annotations

import io
import warnings

from moorage.kb.parse import sniff as kinds
from moorage.kb.parse.base import PageStart, Parsed, Source
from moorage.kb.parse.notices import pages_without_text, unreadable
from moorage.kb.parse.pictures import as_picture

_MOST_FRAMES = 500


class ImageParser:
    """Reads ``.png``, ``.jpg``, ``.gif``, ``.webp``, ``.bmp`` and ``.tiff``: the picture itself, and what was recognised on it."""

    name = "image"
    media_types = (kinds.PNG, kinds.JPEG, kinds.GIF, kinds.WEBP, kinds.BMP, kinds.TIFF)
    suffixes = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tif", ".tiff")

    def parse(self, source: Source) -> Parsed:
        frames, shown = _look(source)
        picture = as_picture(shown)
        if picture is None:
            raise unreadable(source.name, "picture_damaged")
        parts = [f"![{source.stem}]({picture.name})"]
        starts: list[PageStart] = []
        length = len(parts[0])
        for page in range(1, frames + 1):
            text = source.page_texts.get(page, "").strip()
            starts.append(PageStart(page, 0 if page == 1 else length))
            if text:
                parts.append(text)
                length += 2 + len(text)
        waiting = tuple(page for page in range(1, frames + 1) if page not in source.page_texts)
        told = (pages_without_text(list(waiting), frames),) if waiting else ()
        return Parsed("\n\n".join(parts), source.stem, {}, told, tuple(starts), (picture,), waiting)


def _look(source: Source) -> tuple[int, bytes]:
    """How many frames with text there may be, and the bytes of a picture that a browser shows."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(source.data)) as opened:
                is_tiff = opened.format == "TIFF"
                frames = min(_MOST_FRAMES, getattr(opened, "n_frames", 1)) if is_tiff else 1
                if not is_tiff:
                    opened.verify()
                    return frames, source.data
                out = io.BytesIO()
                opened.convert("RGB").save(out, "PNG")
                return frames, out.getvalue()
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise unreadable(source.name, "picture_damaged") from error
