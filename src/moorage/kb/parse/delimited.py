"""CSV and TSV as tables."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable

from moorage.core.errors import FormatUnknown
from moorage.core.nouns import Notice
from moorage.kb.parse import sniff as kinds
from moorage.kb.parse.base import Parsed, Source
from moorage.kb.parse.encoding import decode
from moorage.kb.parse.limits import SHEET_ROWS
from moorage.kb.parse.markdown import Block, join_blocks, paragraph
from moorage.kb.parse.notices import quotes_ignored, sheet_cut
from moorage.kb.parse.sheet_blocks import table_blocks

_PROBE_CHARACTERS = 65_536
_PROBE_ROWS = 100
_DELIMITERS = ",;\t|"
# Excel's own line for telling the delimiter; it is no data.
_NAMED = re.compile(r"sep=(.)\r?\n", re.IGNORECASE)
_TITLE_ROWS = 5


class DelimitedParser:
    """Reads ``.csv`` and ``.tsv``: the delimiter is found, the encoding too."""

    name = "delimited"
    media_types = (kinds.CSV, kinds.TSV)
    suffixes = (".csv", ".tsv", ".tab")

    def parse(self, source: Source) -> Parsed:
        decoded = decode(source.data)
        if decoded is None:
            raise FormatUnknown(name=source.name, reason="it holds no text", reason_zh="内容不是文本", known=kinds.KNOWN)
        text, notices = decoded
        named = _NAMED.match(text)
        text = text[named.end() :] if named else text
        delimiter = named[1] if named else _delimiter(text, "\t" if source.suffix in (".tsv", ".tab") else ",")
        rows, told = _rows(source.name, text, delimiter)
        return Parsed(join_blocks(_blocks(rows)), source.stem, notices=(*notices, *told))


def _blocks(rows: list[list[str]]) -> list[Block]:
    """The table; a few lines of one cell above it are its title."""
    first = next((index for index, row in enumerate(rows[: _TITLE_ROWS + 1]) if sum(bool(cell.strip()) for cell in row) > 1), 0)
    titles = [paragraph(" ".join(filter(None, map(str.strip, row)))) for row in rows[:first]]
    return [*titles, *table_blocks(rows[first:])]


def _rows(name: str, text: str, delimiter: str) -> tuple[list[list[str]], list[Notice]]:
    """The rows that hold something. A quote that is never closed would take the rest of the file into one field: then quotes are letters."""
    try:
        rows, is_cut = _filled(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
        told: list[Notice] = []
    except csv.Error:
        rows, is_cut = _filled(line.split(delimiter) for line in text.splitlines())
        told = [quotes_ignored()] if '"' in text else []
    return rows, [*told, *([sheet_cut(name, SHEET_ROWS)] if is_cut else [])]


def _filled(lines: Iterable[list[str]]) -> tuple[list[list[str]], bool]:
    rows: list[list[str]] = []
    for row in lines:
        if any(cell and not cell.isspace() for cell in row):
            if len(rows) == SHEET_ROWS:
                return rows, True
            rows.append(row)
    return rows, False


def _delimiter(text: str, expected: str) -> str:
    """The delimiter by which most of the first rows have the same number of fields, more than one; of equals the expected one, then the one
    that makes more fields."""
    probe = text[:_PROBE_CHARACTERS]
    best, best_score = expected, (0.0, False, 0)
    for delimiter in dict.fromkeys(expected + _DELIMITERS):
        widths: Counter[int] = Counter()
        try:
            for row in csv.reader(io.StringIO(probe, newline=""), delimiter=delimiter):
                widths[len(row)] += bool(row)
                if widths.total() >= _PROBE_ROWS:
                    break
        except csv.Error:
            continue
        total = widths.total()
        width, count = max(((w, n) for w, n in widths.items() if w > 1), key=lambda found: (found[1], found[0]), default=(0, 0))
        score = (round(count / total, 2) if total else 0.0, delimiter == expected, width)
        if score > best_score:
            best, best_score = delimiter, score
    return best
