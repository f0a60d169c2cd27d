"""The parsers by media type: ours, loaded when used, and those of other packages (entry points ``moorage.parsers``).

A package adds a parser with one line, ``name = "package.module:Class"``; the class is made without arguments and may read a
media type of ours, in whose place it is then used.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec

from moorage.core.errors import DocumentUnreadable, ExtraMissing, FormatUnknown, MoorageError, SettingInvalid
from moorage.kb.parse import sniff as kinds
from moorage.kb.parse.base import Parsed, Parser, Source
from moorage.kb.parse.notices import no_text, reader_failed, wrong_suffix

GROUP = "moorage.parsers"

_TEXT = "moorage.kb.parse.text:TextParser"
_SHEET = "moorage.kb.parse.sheet:SheetParser"
_DELIMITED = "moorage.kb.parse.delimited:DelimitedParser"
_OFFICE = "moorage.kb.parse.office:OfficeParser"
_IMAGE = "moorage.kb.parse.image:ImageParser"
_BUILT_IN = {
    **dict.fromkeys((kinds.PNG, kinds.JPEG, kinds.GIF, kinds.WEBP, kinds.BMP, kinds.TIFF), _IMAGE),
    kinds.DOCX: "moorage.kb.parse.docx:DocxParser",
    kinds.PDF: "moorage.kb.parse.pdf:PdfParser",
    kinds.XLSX: _SHEET,
    kinds.XLSB: _SHEET,
    kinds.XLS: _SHEET,
    kinds.ODS: _SHEET,
    kinds.DOC: _OFFICE,
    kinds.WORKS: _OFFICE,
    kinds.RTF: _OFFICE,
    kinds.ODT: _OFFICE,
    kinds.WORD_2003: _OFFICE,
    kinds.PPT: _OFFICE,
    kinds.ODP: _OFFICE,
    kinds.EXCEL_2003: _OFFICE,
    kinds.CSV: _DELIMITED,
    kinds.TSV: _DELIMITED,
    kinds.PPTX: "moorage.kb.parse.slides:SlidesParser",
    kinds.HTML: "moorage.kb.parse.html:HtmlParser",
    kinds.MHTML: "moorage.kb.parse.mhtml:MhtmlParser",
    kinds.EPUB: "moorage.kb.parse.epub:EpubParser",
    kinds.EML: "moorage.kb.parse.mail:MailParser",
    kinds.ZIP: "moorage.kb.parse.zipped:ZipParser",
    kinds.MARKDOWN: _TEXT,
    kinds.PLAIN: _TEXT,
}
# Readers that are chosen by name: where they are, the package they need, the extra that brings it.
_HEAVY = {"docling": ("moorage.kb.parse.docling:DoclingParser", "docling", "docling")}


def parse(source: Source, prefer: str = "") -> Parsed:
    """The document as Markdown: the one front door. ``prefer`` names a heavy reader, which is asked first for the media types it reads; where it fails,
    ours reads the document and a notice says so. Raises DocumentUnreadable or a subclass of it, ExtraMissing, SettingInvalid."""
    media_type, parser = _choose(source)
    preferred = _heavy(prefer) if prefer else None
    if preferred is not None and media_type in preferred.media_types:
        parser, parsed = preferred, _parse_heavily(preferred, parser, source)
    else:
        parsed = parser.parse(source)
    notices = parsed.notices
    if source.suffix in known_suffixes() and source.suffix not in parser.suffixes:
        notices = (wrong_suffix(source.suffix, parser.suffixes[0].lstrip(".") if parser.suffixes else media_type), *notices)
    if not parsed.markdown.strip():
        notices = (*notices, no_text())
    return replace(parsed, notices=notices)


def _parse_heavily(preferred: Parser, ours: Parser, source: Source) -> Parsed:
    try:
        return preferred.parse(source)
    except DocumentUnreadable as error:
        parsed = ours.parse(source)
        return replace(parsed, notices=(reader_failed(preferred.name, error), *parsed.notices))


def _heavy(name: str) -> Parser:
    """A heavy reader by its name: one of ours, or of another package. Raises ExtraMissing, SettingInvalid."""
    plug_in = next((parser for parser in _plug_ins() if parser.name == name), None)
    if plug_in is not None:
        return plug_in
    if name not in _HEAVY:
        known = ", ".join(sorted({*_HEAVY, *(parser.name for parser in _plug_ins())}))
        raise SettingInvalid(
            name="reader", value=name, source="settings", reason="there is no such reader", advice=f"Known readers: {known}."
        )
    target, package, extra = _HEAVY[name]
    if find_spec(package) is None:
        raise ExtraMissing(feature=f"The reader {name}", extra=extra)
    return _load(target)


def parser_for(source: Source) -> Parser:
    """The parser for these bytes. Raises FormatUnknown, or DocumentUnreadable for what can be seen to be unreadable."""
    return _choose(source)[1]


def media_type_of(source: Source) -> str:
    """The media type, told by content first. Raises like ``parser_for``."""
    return _choose(source)[0]


@cache
def known_suffixes() -> tuple[str, ...]:
    """Every suffix that some parser reads, sorted, with dot and in lower case."""
    parsers = [*_plug_ins(), *(_load(target) for target in dict.fromkeys(_BUILT_IN.values()))]
    return tuple(sorted({suffix for parser in parsers for suffix in parser.suffixes}))


def _choose(source: Source) -> tuple[str, Parser]:
    media_type = kinds.sniff(source)
    for parser in _plug_ins():
        if media_type in parser.media_types:
            return str(media_type), parser
    if media_type is None or (media_type == kinds.PLAIN and source.suffix not in _load(_TEXT).suffixes):
        for parser in _plug_ins():
            if source.suffix in parser.suffixes:
                return parser.media_types[0], parser
    if media_type is None:
        raise FormatUnknown(
            name=source.name, reason="its bytes are of no known kind", reason_zh="内容不属于任何已知格式", known=", ".join(known_suffixes())
        )
    return media_type, _load(_BUILT_IN[media_type])


@cache
def _load(target: str) -> Parser:
    module, name = target.split(":")
    parser: Parser = getattr(import_module(module), name)()
    return parser


@cache
def _plug_ins() -> tuple[Parser, ...]:
    parsers: list[Parser] = []
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        try:
            made: object = entry.load()()
        except (ImportError, AttributeError, TypeError) as error:
            raise MoorageError(reason=f"the parser plug-in {entry.name} ({entry.value}) cannot be loaded: {error}") from error
        if not isinstance(made, Parser):
            raise MoorageError(reason=f"the parser plug-in {entry.name} ({entry.value}) is not a Parser")
        parsers.append(made)
    return tuple(parsers)
