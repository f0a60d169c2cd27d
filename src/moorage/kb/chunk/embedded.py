"""Finds the HTML tables of a Markdown text and puts pipe tables in their place, in list items and quotes as well."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator

from moorage.kb.chunk.inline import inline
from moorage.kb.chunk.scan import BLANK, CODE, MATH, TABLE, Scan, scan
from moorage.kb.chunk.tables import html_to_cell, html_to_tables


def convert_html_tables(text: str) -> str:
    """The Markdown text with each HTML table outside code as a pipe table between blank lines."""
    if not _OPENING.search(text):
        return text
    tables = _Tables(text)
    written: list[str] = []
    at = 0
    for start, end in tables.found():
        if start < at:
            continue
        before, table, after = tables.replacement(start, end, at)
        written += (text[at : start - before], table)
        at = end + after
    return "".join((*written, text[at:]))


class _Tables:
    """The HTML tables of one Markdown text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.scan: Scan = scan(text)
        self.starts = _line_starts(self.scan.lines)
        self.line = 0

    def found(self) -> Iterator[tuple[int, int]]:
        """Outermost tables that begin outside code and have an end."""
        ends = _matching_ends(self.text)
        region = (-1, -1)
        codes: list[tuple[int, int]] = []
        for start, end in ends:
            line = self._line_of(start)
            if self.scan.kinds[line] in (CODE, MATH):
                continue
            if not region[0] <= start < region[1]:
                region = self._paragraph_around(line)
                codes = [(span.start, span.end) for span in inline(self.text, *region).codes]
            code = bisect_right(codes, (start, 0)) - 1
            if code < 0 or start >= codes[code][1]:
                yield start, end

    def _line_of(self, offset: int) -> int:
        while self.line + 1 < len(self.starts) and self.starts[self.line + 1] <= offset:
            self.line += 1
        return self.line

    def _paragraph_around(self, line: int) -> tuple[int, int]:
        """Where inline code that could hide a tag on this line may begin and end."""
        kinds = self.scan.kinds
        first = last = line
        if kinds[line] != TABLE:
            while first > 0 and kinds[first - 1] not in (BLANK, CODE, MATH, TABLE):
                first -= 1
            while last + 1 < len(kinds) and kinds[last + 1] not in (BLANK, CODE, MATH, TABLE):
                last += 1
        return self.starts[first], self.starts[last] + len(self.scan.lines[last])

    def replacement(self, start: int, end: int, floor: int) -> tuple[int, str, int]:
        """How many characters before the table go with it, what stands in its place, and how many after it go."""
        line = self._line_of(start)
        source = self.text[start:end]
        if self.scan.kinds[line] == TABLE and "\n" not in source:
            return 0, html_to_cell(source), 0
        head = self.text[max(self.starts[line], floor) : start]
        quote = head if head.strip() and _QUOTE_MARKS.fullmatch(head) else ""
        if quote:
            source = _LINE_QUOTE.sub("\n", source)
        is_item = bool(_ITEM_MARK.fullmatch(head))
        indent = head if not head.strip() and self.scan.lists[line] else " " * len(head) if is_item else quote
        rows = "\n".join(f"{indent}{row}".rstrip() for row in html_to_tables(source).split("\n"))
        opening, before = self._opening(line, head, floor, indent.rstrip())
        if is_item:
            opening, before, rows = "", 0, rows[len(head) :]
        closing, after = self._closing(end, indent.rstrip())
        return before, opening + rows + closing, after

    def _opening(self, line: int, head: str, floor: int, blank: str) -> tuple[str, int]:
        """What goes before the table so that a blank line stands there, and how much of the head it replaces."""
        if head.strip(" \t>"):
            return "\n\n", len(head) - len(head.rstrip())
        is_first = line == 0 or floor > self.starts[line - 1]  # behind another table a blank line is there already
        if is_first or self.scan.lines[line - 1].strip() in ("", blank):
            return "", len(head)
        return f"{blank}\n", len(head)

    def _closing(self, end: int, blank: str) -> tuple[str, int]:
        match = _BLANKS.match(self.text, end)
        at = match.end() if match else end
        if at < len(self.text) and self.text[at] != "\n":
            return "\n\n", at - end
        is_blank = _BLANK_LINE.match(self.text, at + 1) is not None
        return "" if is_blank else f"\n{blank}", at - end


def _matching_ends(text: str) -> list[tuple[int, int]]:
    """Every ``<table`` with the end of its ``</table>``, in order of their beginnings."""
    pairs: list[tuple[int, int]] = []
    open_tags: list[int] = []
    for match in _TABLE_TAG.finditer(text):
        if match[0][1] != "/":
            open_tags.append(match.start())
        elif open_tags:
            pairs.append((open_tags.pop(), match.end()))
    return sorted(pairs)


def _line_starts(lines: list[str]) -> list[int]:
    starts = [0]
    for line in lines[:-1]:
        starts.append(starts[-1] + len(line) + 1)
    return starts


_TABLE_TAG = re.compile(r"<table(?=[\s>/])|</table\s*>", re.IGNORECASE)
_OPENING = re.compile(r"<table(?=[\s>/])", re.IGNORECASE)
_QUOTE_MARKS = re.compile(r"(?:[ \t]*>)+[ \t]*")
_LINE_QUOTE = re.compile(r"\n(?:[ \t]*>)+")
_ITEM_MARK = re.compile(r"[ \t]*(?:[-+*]|[0-9]{1,9}[.)])[ \t]+")
_BLANKS = re.compile(r"[ \t]*")
_BLANK_LINE = re.compile(r"[ \t>]*(?:\n|\Z)")
