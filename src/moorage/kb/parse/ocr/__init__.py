"""Character recognition for scanned pages and pictures: a stage between two readings of a document. Needs the extra ``ocr``.

A parser says which pages are pictures of text (``Parsed.scanned_pages``); what is recognised here goes back to it as ``Source.page_texts``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from moorage.core.errors import ExtraMissing
from moorage.kb.parse.base import Source

SECONDS_PER_PAGE = 4.0
"""A first guess for a page of text on two cores; the pace so far is better."""


def is_available() -> bool:
    """Whether the extra is installed. Imports nothing."""
    return find_spec("rapidocr") is not None and find_spec("onnxruntime") is not None


def identity() -> str:
    """Names the recogniser; texts are kept under it."""
    try:
        return f"rapidocr-{version('rapidocr')}"
    except PackageNotFoundError:
        return "rapidocr"


def recognise(source: Source, pages: Sequence[int]) -> Iterator[tuple[int, str]]:
    """The number and the Markdown of each page, one after the other; '' for a page without words. A page takes seconds.

    Pages count from 1; those of a picture are its frames. Raises ExtraMissing, DocumentUnreadable.
    """
    if not is_available():
        raise ExtraMissing(feature="Reading scanned pages", extra="ocr")
    from moorage.kb.parse.ocr.engine import read_picture
    from moorage.kb.parse.ocr.layout import to_markdown
    from moorage.kb.parse.ocr.render import page_pictures

    for number, picture in page_pictures(source, pages):
        yield number, to_markdown(read_picture(picture))
