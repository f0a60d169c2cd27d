"""PDF files: pdfium reads the lines, the layout is ours."""

from __future__ import annotations

import re
import threading

from moorage.core.nouns import Notice, Scalar
from moorage.kb.parse.base import PageStart, Parsed, Source
from moorage.kb.parse.markdown import Block, join_blocks, one_line
from moorage.kb.parse.notices import page_damaged, pages_without_text, pdf_pages_left_out, pdf_pictures_left_out
from moorage.kb.parse.pdf.layout import layout, without_running_heads
from moorage.kb.parse.pdf.lines import PdfText, read_pdf
from moorage.kb.parse.sniff import PDF

# pdfium keeps global state: one call at a time in the whole process.
_PDFIUM = threading.Lock()
_SCAN_CHARACTERS = 20
_NO_TITLE = re.compile(
    r"^(untitled|\(.*\)|无标题|microsoft (word|powerpoint|excel)\b.*|.*\.(docx?|pptx?|xlsx?|indd|dvi|tex|pdf|wps|rtf|md|html?))$",
    re.IGNORECASE,
)
_PROPERTIES = {"Author": "author", "Subject": "subject", "Keywords": "keywords", "CreationDate": "created", "ModDate": "modified"}
_DATE = re.compile(r"^D:(\d{4})(\d\d)(\d\d)")
_LONGEST = 500


class PdfParser:
    """Reads ``.pdf``. Threads wait for each other: pdfium is not made for them."""

    name = "pdf"
    media_types = (PDF,)
    suffixes = (".pdf",)

    def __init__(self) -> None:
        self._lock = _PDFIUM

    def parse(self, source: Source) -> Parsed:
        with self._lock:
            text = read_pdf(source)
        scanned = _scanned(text)
        blocks = layout(without_running_heads(text.pages), text.outline)
        for number in scanned:
            if recognised := source.page_texts.get(number, "").strip():
                blocks[number - 1] = [Block(recognised)]
        markdown, starts = _joined(blocks)
        waiting = tuple(number for number in scanned if number not in source.page_texts)
        title = one_line(text.properties.get("Title", ""))
        return Parsed(
            markdown,
            title if title and not _NO_TITLE.match(title) else source.stem,
            _metadata(text),
            _notices(text, waiting),
            starts,
            text.pictures,
            waiting,
        )


def _joined(pages: list[list[Block]]) -> tuple[str, tuple[PageStart, ...]]:
    """The pages as one text. A paragraph that goes on over a page end is one already: the page starts at its next block."""
    parts: list[str] = []
    starts: list[PageStart] = []
    length = 0
    for number, blocks in enumerate(pages, start=1):
        text = join_blocks(blocks)
        if text and length:
            parts.append("\n\n")
            length += 2
        starts.append(PageStart(number, length))
        parts.append(text)
        length += len(text)
    return "".join(parts), tuple(starts)


def _metadata(text: PdfText) -> dict[str, Scalar]:
    found: dict[str, Scalar] = {}
    for name, key in _PROPERTIES.items():
        value = text.properties.get(name, "").strip()
        if value:
            found[key] = _DATE.sub(r"\1-\2-\3", value)[:10] if _DATE.match(value) else value[:_LONGEST]
    return found


def _scanned(text: PdfText) -> list[int]:
    """The numbers of pages that show a picture and have next to no text."""
    return [n for n, page in enumerate(text.pages, 1) if page.has_image and sum(len(line.text) for line in page.lines) < _SCAN_CHARACTERS]


def _notices(text: PdfText, waiting: tuple[int, ...]) -> tuple[Notice, ...]:
    scans = (pages_without_text(list(waiting), len(text.pages)),) if waiting else ()
    cut = (pdf_pages_left_out(text.pages_left_out, len(text.pages)),) if text.pages_left_out else ()
    pictures = (pdf_pictures_left_out(text.pictures_left_out),) if text.pictures_left_out else ()
    return (*scans, *cut, *pictures, *(page_damaged(number) for number in text.damaged))


__all__ = ["PdfParser"]
