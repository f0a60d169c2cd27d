"""What a document is, told by its bytes first and by its name only among the kinds of text."""

from __future__ import annotations

import io
import re
import zlib
from zipfile import BadZipFile, ZipFile

from moorage.core.errors import DocumentEncrypted, FormatUnknown
from moorage.kb.parse.base import Source
from moorage.kb.parse.encoding import decode
from moorage.kb.parse.mime_kind import message_kind
from moorage.kb.parse.notices import unreadable
from moorage.kb.parse.ole import OLE2, root_streams

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
XLSB = "application/vnd.ms-excel.sheet.binary.macroenabled.12"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
XLS = "application/vnd.ms-excel"
ODS = "application/vnd.oasis.opendocument.spreadsheet"
DOC = "application/msword"
PPT = "application/vnd.ms-powerpoint"
WORKS = "application/vnd.ms-works"
RTF = "application/rtf"
ODT = "application/vnd.oasis.opendocument.text"
ODP = "application/vnd.oasis.opendocument.presentation"
WORD_2003 = "application/x-word-2003+xml"
EXCEL_2003 = "application/x-excel-2003+xml"
PDF = "application/pdf"
HTML = "text/html"
MARKDOWN = "text/markdown"
CSV = "text/csv"
TSV = "text/tab-separated-values"
PLAIN = "text/plain"
PNG, JPEG, GIF = "image/png", "image/jpeg", "image/gif"
WEBP, BMP, TIFF = "image/webp", "image/bmp", "image/tiff"
MHTML = "multipart/related"
EML = "message/rfc822"
EPUB = "application/epub+zip"
ZIP = "application/zip"

KNOWN = "docx, pdf, xlsx, xls, xlsb, ods, csv, tsv, pptx, doc, ppt, rtf, odt, odp, wps, html, mhtml, epub, eml, zip, md, txt, png, jpg, gif, webp, bmp, tiff"
_PICTURES = (
    (b"\x89PNG\r\n\x1a\n", PNG), (b"\xff\xd8\xff", JPEG), (b"GIF87a", GIF), (b"GIF89a", GIF), (b"BM", BMP), (b"II*\x00", TIFF), (b"MM\x00*", TIFF),
)  # fmt: skip
_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
# One of these is in every office file, however damaged; a zip of documents may well have a folder named "word".
_OFFICE_PARTS = frozenset(
    ("[content_types].xml", "_rels/.rels", "word/document.xml", "ppt/presentation.xml", "xl/workbook.xml", "xl/workbook.bin")
)
_ODF = b"application/vnd.oasis.opendocument."
_ODF_KINDS = {b"text": ODT, b"spreadsheet": ODS, b"presentation": ODP}
_ODF_ENCRYPTED = re.compile(rb"<(?:\w+:)?encryption-data\b")
# Streams at the top of an OLE2 box; a Word file in a workbook has its streams further down.
_OLE2_KINDS = {
    "WordDocument": DOC, "Workbook": XLS, "Book": XLS, "PowerPoint Document": PPT, "CONTENTS": WORKS, "MatOST": WORKS,
}  # fmt: skip
_OFFICE_2003 = re.compile(rb'<\?mso-application\s+progid="(Word\.Document|Excel\.Sheet)"\s*\?>')
_SOMETHING = re.compile(rb"[^ \t\r\n\x00]")
# Only a document that begins as HTML is HTML; Markdown may well begin with a <div>.
_HTML = re.compile(r"\s*(<\?xml[^>]*>\s*)?(<!--(?:(?!-->).)*-->\s*)*<(!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL)
_TEXT_SUFFIXES = {".md": MARKDOWN, ".markdown": MARKDOWN, ".csv": CSV, ".tsv": TSV, ".html": HTML, ".htm": HTML, ".xhtml": HTML}


def sniff(source: Source) -> str | None:
    """The media type, or None for bytes of no known kind. Raises for an empty file and for what is told to be unreadable:
    documents with a password, damaged archives."""
    data = source.data
    if not _SOMETHING.search(data):
        raise unreadable(source.name, "empty")
    if data.startswith(_ZIP):
        return _sniff_zip(source)
    if data.startswith(OLE2):
        return _sniff_ole2(source)
    if b"%PDF-" in data[:1024] and data.lstrip()[:1] != b"<":
        return PDF
    picture = next((kind for magic, kind in _PICTURES if data.startswith(magic)), None)
    if picture is not None or (data[:4] == b"RIFF" and data[8:12] == b"WEBP"):
        return picture or WEBP
    return _sniff_text(source)


def _sniff_zip(source: Source) -> str | None:
    try:
        with ZipFile(io.BytesIO(source.data)) as archive:
            names = [name.replace("\\", "/").lstrip("/").lower() for name in archive.namelist()]
            odf = _sniff_odf(source, archive) if "mimetype" in names else None
    except (BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise unreadable(source.name, "zip_damaged") from error
    if "xl/workbook.bin" in names:
        return XLSB
    if "meta-inf/container.xml" in names and not odf:
        return EPUB
    if not odf and source.suffix in ("", ".zip") and not _OFFICE_PARTS.intersection(names):
        return ZIP
    for folder, media_type in (("word/", DOCX), ("ppt/", PPTX), ("xl/", XLSX)):
        if any(name.startswith(folder) for name in names):
            return media_type
    return odf


def _sniff_odf(source: Source, archive: ZipFile) -> str | None:
    """The kind that the part ``mimetype`` names; a template (``text-template``) is read like what it makes."""
    mimetype = _beginning(archive, "mimetype", 120).strip()
    if not mimetype.startswith(_ODF):
        return None
    if _ODF_ENCRYPTED.search(_beginning(archive, "META-INF/manifest.xml", 1_000_000)):
        raise DocumentEncrypted(name=source.name)
    return _ODF_KINDS.get(mimetype[len(_ODF) :].split(b"-")[0])


def _beginning(archive: ZipFile, part: str, most: int) -> bytes:
    try:
        with archive.open(part) as opened:
            return opened.read(most)
    except (KeyError, RuntimeError, EOFError, zlib.error):
        return b""


def _sniff_ole2(source: Source) -> str | None:
    """OLE2 is one box for many things; the streams at its top tell them apart. In a damaged box their names are searched for."""
    streams = root_streams(source.data)
    if not streams:
        streams = {name: b"" for name in ("EncryptedPackage", *_OLE2_KINDS) if name.encode("utf-16-le") in source.data}
    if "EncryptedPackage" in streams or _has_password(streams):
        raise DocumentEncrypted(name=source.name)
    for name, media_type in _OLE2_KINDS.items():
        if name in streams:
            return media_type
    raise _refused(source, "an old Office file; save it as .docx, .xlsx or .pptx", "旧版 Office 文件，请另存为 .docx、.xlsx 或 .pptx")


def _has_password(streams: dict[str, bytes]) -> bool:
    """Word sets a bit in the head of its text; PowerPoint begins its user's record with another number."""
    word, slides = streams.get("WordDocument", b""), streams.get("Current User", b"")
    return (len(word) > 11 and word[11] & 1 == 1) or slides[12:16] == b"\xdf\xc4\xd1\xf3"


def _sniff_text(source: Source) -> str | None:
    data = source.data
    if data.lstrip()[:5] == b"{\\rtf":
        return RTF
    probe = data[:4096]
    office = _OFFICE_2003.search(probe)
    if office:
        return WORD_2003 if office[1].startswith(b"Word") else EXCEL_2003
    # The cut may split a character; a few bytes less are tried before the bytes are called binary.
    if not any(decode(probe[: len(probe) - cut]) for cut in range(4)):
        return None
    message = message_kind(data, source.suffix)
    if message is not None and source.suffix not in _TEXT_SUFFIXES:
        return MHTML if message == "archive" else EML
    decoded = decode(probe)
    if _HTML.match(decoded[0] if decoded else probe.decode("latin-1")):
        return HTML
    return _TEXT_SUFFIXES.get(source.suffix, PLAIN)


def _refused(source: Source, en: str, zh: str) -> FormatUnknown:
    return FormatUnknown(name=source.name, reason=en, reason_zh=zh, known=KNOWN)
