"""CSV and TSV as tables."""

from __future__ import annotations

import csv
import io

from moorage.core.errors import FormatUnknown
from moorage.kb.parse import sniff as kinds
from moorage.kb.parse.base import Parsed, Source
from moorage.kb.parse.encoding import decode
from moorage.kb.parse.markdown import join_blocks
from moorage.kb.parse.notices import unreadable
from moorage.kb.parse.sheet_blocks import table_blocks

_PROBE_CHARACTERS = 8192
_DELIMITERS = ",;\t|"


class DelimitedParser:
    """Reads ``.csv`` and ``.tsv``: the delimiter is found, the encoding too."""

    name = "delimited"
    media_types = (kinds.CSV, kinds.TSV)
    suffixes = (".csv", ".tsv")

    def parse(self, source: Source) -> Parsed:
        decoded = decode(source.data)
        if decoded is None:
            raise FormatUnknown(name=source.name, reason="it holds no text", reason_zh="内容不是文本", known=kinds.KNOWN)
        text, notices = decoded
        try:
            rows = [
                row for row in csv.reader(io.StringIO(text, newline=""), _dialect(text, source.suffix)) if any(cell.strip() for cell in row)
            ]
        except csv.Error as error:
            raise unreadable(source.name, "csv_damaged") from error
        return Parsed(join_blocks(table_blocks(rows)), source.stem, notices=notices)


def _dialect(text: str, suffix: str) -> type[csv.Dialect]:
    if suffix == ".tsv":
        return csv.excel_tab
    try:
        found = csv.Sniffer().sniff(text[:_PROBE_CHARACTERS], _DELIMITERS)
    except csv.Error:
        return csv.excel
    found.doublequote = True
    return found
