"""Docling as a reader, for those who want its layout models: slow, large, good at tables in PDFs. Needs the extra ``docling``.

It never fetches anything: where its models are not on this machine, it says so.
"""

# docling ships types that need all of PyTorch to be read.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportMissingImports=false, reportUnknownParameterType=false

from __future__ import annotations

import io
import os
import threading
from functools import cache

from moorage.core.errors import DocumentUnreadable
from moorage.kb.parse import sniff as kinds
from moorage.kb.parse.base import PageStart, Parsed, Picture, Source
from moorage.kb.parse.notices import page_damaged
from moorage.kb.parse.pictures import as_picture

_MODELS = "; its models must be on this machine: run `docling-tools models download`, and set DOCLING_ARTIFACTS_PATH"
_LOCK = threading.Lock()
_PAGE_BREAK = "<!-- moorage page break -->"
_PICTURE = "<!-- moorage picture -->"


class DoclingParser:
    """Reads PDF, Word, PowerPoint, Excel, HTML and pictures through docling's ``DocumentConverter``."""

    name = "docling"
    media_types = (kinds.PDF, kinds.DOCX, kinds.PPTX, kinds.XLSX, kinds.HTML, kinds.PNG, kinds.JPEG, kinds.TIFF)
    suffixes = (".pdf", ".docx", ".pptx", ".xlsx", ".html", ".png", ".jpg", ".tiff")

    def parse(self, source: Source) -> Parsed:
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
        with _LOCK:
            return _parse(source)


def _parse(source: Source) -> Parsed:
    from docling.datamodel.base_models import DocumentStream
    from docling.exceptions import ConversionError
    from docling_core.types.doc import ImageRefMode

    try:
        result = _converter().convert(DocumentStream(name=_name(source), stream=io.BytesIO(source.data)))
        document = result.document
        markdown = document.export_to_markdown(
            image_mode=ImageRefMode.PLACEHOLDER, image_placeholder=_PICTURE, page_break_placeholder=_PAGE_BREAK
        )
    except (ConversionError, OSError, ValueError, RuntimeError, ImportError) as error:
        reason = " ".join(str(error).split())[:300]
        hint = _MODELS if "HF_HUB_OFFLINE" in reason or "artifacts" in reason.lower() else ""
        raise DocumentUnreadable(name=source.name, reason=f"docling: {reason}{hint}") from error
    pictures = _pictures(document)
    markdown, starts = _pages(_with_pictures(markdown, pictures))
    damaged = tuple(page_damaged(e.page_no) for e in getattr(result, "errors", ()) if getattr(e, "page_no", None))
    has_pages = len(starts) > 1 or bool(getattr(document, "pages", None))
    return Parsed(markdown, source.stem, {}, damaged, starts if has_pages else (), tuple(p for p in pictures if p is not None))


def _pictures(document: object) -> list[Picture | None]:
    found: list[Picture | None] = []
    for item in getattr(document, "pictures", ()):
        image = item.get_image(document)
        if image is None:
            found.append(None)
            continue
        out = io.BytesIO()
        image.save(out, "PNG")
        found.append(as_picture(out.getvalue()))
    return found


def _with_pictures(markdown: str, pictures: list[Picture | None]) -> str:
    head, *rest = markdown.split(_PICTURE)
    written = [head]
    for at, text in enumerate(rest):
        picture = pictures[at] if at < len(pictures) else None
        written += [f"![image]({picture.name})" if picture else "", text]
    return "".join(written)


def _pages(markdown: str) -> tuple[str, tuple[PageStart, ...]]:
    starts: list[PageStart] = []
    written: list[str] = []
    length = 0
    for number, page in enumerate(markdown.split(_PAGE_BREAK), start=1):
        text = page.strip()
        if written:
            written.append("\n\n")
            length += 2
        starts.append(PageStart(number, length))
        written.append(text)
        length += len(text)
    return "".join(written), tuple(starts)


def _name(source: Source) -> str:
    """docling chooses by the suffix, which may be wrong; ours was told by content."""
    suffix = {kinds.PDF: ".pdf", kinds.DOCX: ".docx", kinds.PPTX: ".pptx", kinds.XLSX: ".xlsx", kinds.HTML: ".html"}
    return f"document{suffix.get(kinds.sniff(source) or '', source.suffix)}"


@cache
def _converter():  # type: ignore[no-untyped-def]
    from docling.document_converter import DocumentConverter

    return DocumentConverter()
