"""What a document is, told by its bytes first and by its name only among the kinds of text."""

from __future__ import annotations

import io
import re
from zipfile import BadZipFile, ZipFile

from moorage.core.errors import DocumentEncrypted, FormatUnknown
from moorage.kb.parse.base import Source
from moorage.kb.parse.encoding import decode
from moorage.kb.parse.notices import unreadable

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
XLSB = "application/vnd.ms-excel.sheet.binary.macroenabled.12"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
XLS = "application/vnd.ms-excel"
ODS = "application/vnd.oasis.opendocument.spreadsheet"
PDF = "application/pdf"
HTML = "text/html"
MARKDOWN = "text/markdown"
CSV = "text/csv"
TSV = "text/tab-separated-values"
PLAIN = "text/plain"

KNOWN = "docx, pdf, xlsx, xls, xlsb, ods, csv, tsv, pptx, html, md, txt"
OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_ODF_MIMETYPE = b"mimetypeapplication/vnd.oasis.opendocument."
# Only a document that begins as HTML is HTML; Markdown may well begin with a <div>.
_HTML = re.compile(r"\s*(<\?xml[^>]*>\s*)?(<!--(?:(?!-->).)*-->\s*)*<(!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL)
_TEXT_SUFFIXES = {".md": MARKDOWN, ".markdown": MARKDOWN, ".csv": CSV, ".tsv": TSV, ".html": HTML, ".htm": HTML, ".xhtml": HTML}


def sniff(source: Source) -> str | None:
    """The media type, or None for bytes of no known kind. Raises for an empty file and for what is told to be unreadable:
    old Word files, documents with a password, damaged archives."""
    data = source.data
    if not data.strip(b" \t\r\n\x00"):
        raise unreadable(source.name, "empty")
    if data.startswith(_ZIP):
        return _sniff_zip(source)
    if data.startswith(OLE2):
        return _sniff_ole2(source)
    if b"%PDF-" in data[:1024] and data.lstrip()[:1] != b"<":
        return PDF
    return _sniff_text(source)


def _sniff_zip(source: Source) -> str | None:
    try:
        with ZipFile(io.BytesIO(source.data)) as archive:
            names = [name.replace("\\", "/").lstrip("/").lower() for name in archive.namelist()]
    except (BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise unreadable(source.name, "zip_damaged") from error
    if "xl/workbook.bin" in names:
        return XLSB
    for folder, media_type in (("word/", DOCX), ("ppt/", PPTX), ("xl/", XLSX)):
        if any(name.startswith(folder) for name in names):
            return media_type
    return _sniff_odf(source)


def _sniff_odf(source: Source) -> str | None:
    head = source.data[30:120]
    if not head.startswith(_ODF_MIMETYPE):
        return None
    if head.startswith(_ODF_MIMETYPE + b"spreadsheet"):
        return ODS
    raise _refused(
        source, "an OpenDocument text or presentation; save it as .docx or .pptx", "OpenDocument 文本或演示文稿，请另存为 .docx 或 .pptx"
    )


def _sniff_ole2(source: Source) -> str | None:
    """OLE2 is one box for many things. The names of its streams, in UTF-16, tell them apart."""
    data = source.data
    if "EncryptedPackage".encode("utf-16-le") in data:
        raise DocumentEncrypted(name=source.name)
    if "WordDocument".encode("utf-16-le") in data:
        raise _refused(source, "an old Word file; save it as .docx", "旧版 Word 文件，请另存为 .docx")
    if "PowerPoint Document".encode("utf-16-le") in data:
        raise _refused(source, "an old PowerPoint file; save it as .pptx", "旧版 PowerPoint 文件，请另存为 .pptx")
    if "Workbook\0".encode("utf-16-le") in data or "Book\0".encode("utf-16-le") in data:
        return XLS
    raise _refused(source, "an old Office file; save it as .docx, .xlsx or .pptx", "旧版 Office 文件，请另存为 .docx、.xlsx 或 .pptx")


def _sniff_text(source: Source) -> str | None:
    data = source.data
    if data.startswith(b"{\\rtf"):
        raise _refused(source, "a rich text file; save it as .docx", "RTF 文件，请另存为 .docx")
    probe = data[:4096]
    # The cut may split a character; a few bytes less are tried before the bytes are called binary.
    if not any(decode(probe[: len(probe) - cut]) for cut in range(4)):
        return None
    decoded = decode(probe)
    if _HTML.match(decoded[0] if decoded else probe.decode("latin-1")):
        return HTML
    return _TEXT_SUFFIXES.get(source.suffix, PLAIN)


def _refused(source: Source, en: str, zh: str) -> FormatUnknown:
    return FormatUnknown(name=source.name, reason=en, reason_zh=zh, known=KNOWN)
