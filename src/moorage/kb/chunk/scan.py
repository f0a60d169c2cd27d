"""Reads Markdown line by line and says what each line is: heading, text, or part of a table, code block or formula.

Follows CommonMark (and GFM for tables) in what concerns containers, fences, indented code and tables; knows nothing about
inline markup, sections or limits. Linear: every line is read at most twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from moorage.kb.chunk.headings import Heading, match_heading

BLANK: Final = 0
TEXT: Final = 1
ITEM: Final = 2  # a line of a list item or a quote
RULE: Final = 3
HEADING: Final = 4
CODE: Final = 5
TABLE: Final = 6
MATH: Final = 7

DEEPEST_NESTING = 40  # of quotes and lists; what is deeper is text, so that a line of a million ">" stays cheap


@dataclass(frozen=True, slots=True)
class Scan:
    """The lines of a text and what they are. ``atoms`` are inclusive line ranges that must stay whole.

    ``lists[i]`` is the number of the outermost list that line i belongs to, 0 for none.
    """

    lines: list[str]
    kinds: bytearray
    atoms: list[tuple[int, int]]
    headings: dict[int, Heading]
    lists: list[int]


@dataclass(frozen=True, slots=True)
class Block:
    """A heading, an atom, or a paragraph (a list is one too), as offsets into the text."""

    start: int
    end: int
    is_atom: bool = False
    heading: Heading | None = None


def scan(text: str) -> Scan:
    """What each line of a text is. Lines end at ``\\n`` only."""
    return _Scanner(text.split("\n")).run()


def blocks(text: str) -> list[Block]:
    """The headings, atoms and paragraphs of a cleaned text, in order, without the blank lines between them."""
    found = scan(text)
    starts = [0, *accumulate(len(line) + 1 for line in found.lines)]
    return [
        Block(starts[first], _trimmed(text, starts[first], starts[last + 1] - 1), found.kinds[first] >= CODE, found.headings.get(first))
        for first, last in _block_lines(found)
    ]


def _trimmed(text: str, start: int, end: int) -> int:
    return end if not text[end - 1].isspace() else start + len(text[start:end].rstrip())


def _block_lines(found: Scan) -> Iterator[tuple[int, int]]:
    kinds, lists = found.kinds, found.lists
    atoms = dict(found.atoms)
    first: int | None = None  # of the open paragraph
    last = at = 0
    while at < len(kinds):
        kind = kinds[at]
        if kind == BLANK:
            at += 1
            continue
        if first is not None and (kind >= HEADING or (at > last + 1 and not (lists[at] and lists[at] == lists[last]))):
            yield first, last
            first = None
        if kind >= HEADING:
            end = atoms.get(at, at)
            yield at, end
            at = end + 1
            continue
        first = at if first is None else first
        last = at
        at += 1
    if first is not None:
        yield first, last


@dataclass(slots=True)
class _Container:
    """An open quote (width 0) or list item, which goes on with lines indented by its width."""

    width: int
    marker: str
    number: int = 0
    starts_empty: bool = False


class _Scanner:
    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.kinds = bytearray(len(lines))
        self.atoms: list[tuple[int, int]] = []
        self.headings: dict[int, Heading] = {}
        self.lists = [0] * len(lines)
        self.open: list[_Container] = []
        self.in_paragraph = False
        self.lists_seen = 0

    def run(self) -> Scan:
        at = 0
        while at < len(self.lines):
            at = self._read(at)
        return Scan(self.lines, self.kinds, self.atoms, self.headings, self.lists)

    def _read(self, at: int) -> int:
        """Say what line ``at`` is, and where to go on: an atom takes all its lines at once."""
        raw = self.lines[at]
        if not self.open:
            if not raw:
                self.in_paragraph = False
                return at + 1
            if "|" not in raw and not _MAY_BE_SPECIAL.match(raw):
                self.kinds[at] = TEXT
                self.in_paragraph = True
                return at + 1
        line = _expanded(raw)
        matched, position = _enter(line, self.open)
        if _is_blank(line, position):
            return self._blank(at, matched)
        return self._leaf(at, line, *self._containers(line, matched, position))

    def _blank(self, at: int, matched: int) -> int:
        if self.lines[at].strip():
            self._mark(at, ITEM, self.open[:matched])
        del self.open[matched:]
        if self.open and self.open[-1].starts_empty:
            self.open.pop()
        self.in_paragraph = False
        return at + 1

    def _containers(self, line: str, matched: int, position: int) -> tuple[list[_Container], int, bool]:
        """The containers a line is in, new ones included, where its content begins, and whether it may go on with the open paragraph."""
        inside = self.open[:matched]
        continues = self.in_paragraph
        while len(inside) < DEEPEST_NESTING:
            column = _first_column(line, position)
            if column - position >= 4 or column >= len(line):
                break
            if line[column] == ">":
                inside.append(_Container(0, ">"))
                position = column + (2 if line.startswith(" ", column + 1) else 1)
            elif (match := _MARKER.match(line, column)) and not _RULE.match(line, column):
                if continues and matched == len(self.open) and not _may_interrupt(line, match):
                    break
                item, position = _new_item(line, position, match)
                item.number = self._list_number(item, inside)
                inside.append(item)
            else:
                break
            continues = False
        return inside, position, continues

    def _list_number(self, item: _Container, inside: list[_Container]) -> int:
        if inside:
            return inside[0].number
        if self.open and self.open[0].marker == item.marker:
            return self.open[0].number
        self.lists_seen += 1
        return self.lists_seen

    def _leaf(self, at: int, line: str, inside: list[_Container], position: int, continues: bool) -> int:
        column = _first_column(line, position)
        if column >= len(line):
            self._open_text(at, inside, in_paragraph=False)
            return at + 1
        if column - position >= 4:
            return self._text(at, inside) if continues else self._indented(at, inside)
        character = line[column]
        if character in "`~" and (match := _FENCE.match(line, column)):
            return self._fence(at, inside, match[1] or match[2])
        if character == "$" and (end := self._math_end(at, line, column, inside)) is not None:
            return self._atom(at, end, MATH, inside)
        if "|" in line and self._is_table_head(at, line[position:], inside):
            return self._table(at, inside)
        if not inside and (heading := match_heading(self.lines[at])):
            self.headings[at] = heading
            self._open_text(at, inside, in_paragraph=not heading.marks, kind=HEADING)
            return at + 1
        if character in "-*_" and _RULE.match(line, column):
            self._open_text(at, inside, in_paragraph=False, kind=ITEM if inside else RULE)
            return at + 1
        if character == "#" and _MARKED_HEADING.match(line, column):
            self._open_text(at, inside, in_paragraph=False)
            return at + 1
        if not continues:
            self._open_text(at, inside, in_paragraph=True)
            return at + 1
        return self._text(at, inside)

    def _text(self, at: int, inside: list[_Container]) -> int:
        """A line that goes on with the open paragraph. Its containers stay open even where it does not repeat their marks."""
        self._mark(at, ITEM if inside else TEXT, inside)
        return at + 1

    def _open_text(self, at: int, inside: list[_Container], *, in_paragraph: bool, kind: int | None = None) -> None:
        self.open = inside
        self.in_paragraph = in_paragraph
        self._mark(at, (ITEM if inside else TEXT) if kind is None else kind, inside)

    def _mark(self, at: int, kind: int, inside: list[_Container]) -> None:
        self.kinds[at] = kind
        self.lists[at] = inside[0].number if inside else 0

    def _atom(self, first: int, last: int, kind: int, inside: list[_Container]) -> int:
        self.open = inside
        self.in_paragraph = False
        count = last + 1 - first
        self.kinds[first : last + 1] = bytes((kind,)) * count
        if inside:
            self.lists[first : last + 1] = [inside[0].number] * count
        self.atoms.append((first, last))
        return last + 1

    def _inside(self, at: int, inside: list[_Container]) -> tuple[str, int] | None:
        """The line and where its content begins, or None where the containers have ended."""
        line = _expanded(self.lines[at])
        matched, position = _enter(line, inside)
        return (line, position) if matched == len(inside) else None

    def _fence(self, first: int, inside: list[_Container], fence: str) -> int:
        if not inside:
            return self._open_fence(first, fence)
        last = first
        for at in range(first + 1, len(self.lines)):
            found = self._inside(at, inside)
            if found is None:
                break
            if _closes(fence, *found):
                return self._atom(first, at, CODE, inside)
            if not _is_blank(*found):
                last = at
        return self._atom(first, last, CODE, inside)

    def _open_fence(self, first: int, fence: str) -> int:
        """A fence in no container, where most of them are: nothing but its end ends it."""
        last = first
        for at in range(first + 1, len(self.lines)):
            line = self.lines[at]
            if fence in line and _closes(fence, _expanded(line), 0):
                return self._atom(first, at, CODE, [])
            if line and not line.isspace():
                last = at
        return self._atom(first, last, CODE, [])

    def _indented(self, first: int, inside: list[_Container]) -> int:
        last = first
        for at in range(first + 1, len(self.lines)):
            found = self._inside(at, inside)
            if found is None:
                break
            if not found[0][found[1] :].strip(" "):
                continue
            if not found[0].startswith("    ", found[1]):
                break
            last = at
        return self._atom(first, last, CODE, inside)

    def _math_end(self, first: int, line: str, column: int, inside: list[_Container]) -> int | None:
        """The last line of the ``$$`` block that begins here. What has no end, or text after its end, is no block."""
        if not line.startswith("$$", column):
            return None
        if "$$" in line[column + 2 :]:
            return first if line.find("$$", column + 2) == len(line.rstrip()) - 2 else None
        for at in range(first + 1, len(self.lines)):
            found = self._inside(at, inside)
            if found is None or _ANY_FENCE.match(*found):
                return None
            if "$$" in found[0]:
                ends_here = found[0].find("$$", found[1]) == len(found[0].rstrip()) - 2
                return at if ends_here and _first_column(*found) - found[1] < 4 else None
        return None

    def _is_table_head(self, at: int, content: str, inside: list[_Container]) -> bool:
        if at + 1 >= len(self.lines) or "-" not in self.lines[at + 1] or not _DELIMITER_CHARACTERS.fullmatch(self.lines[at + 1]):
            return False
        found = self._inside(at + 1, inside)
        if found is None or _first_column(*found) - found[1] >= 4:
            return False
        delimiters = found[0][found[1] :].strip()
        return bool(_DELIMITER_ROW.fullmatch(delimiters)) and _cells(content) == _cells(delimiters)

    def _table(self, first: int, inside: list[_Container]) -> int:
        last = first + 1
        for at in range(first + 2, len(self.lines)):
            found = self._inside(at, inside)
            if found is None or _is_blank(*found) or _ENDS_A_TABLE.match(*found):
                break
            last = at
        return self._atom(first, last, TABLE, inside)


def _expanded(line: str) -> str:
    return line.expandtabs(4) if "\t" in line else line


def _is_blank(line: str, position: int) -> bool:
    if position < len(line) and not line[position].isspace():
        return False
    return _BLANK_REST.match(line, position) is not None


def _first_column(line: str, position: int) -> int:
    if not line.startswith(" ", position):
        return position
    match = _SPACES.match(line, position)
    return match.end() if match else position


def _enter(line: str, containers: list[_Container]) -> tuple[int, int]:
    """How many of the open containers a line goes on with, and where its content begins."""
    position = 0
    for depth, container in enumerate(containers):
        if container.marker == ">":
            match = _QUOTE.match(line, position)
            if match is None:
                return depth, position
            position = match.end()
        elif _first_column(line, position) - position >= container.width:
            position += container.width
        elif not _is_blank(line, position):
            return depth, position
    return len(containers), position


def _closes(fence: str, line: str, position: int) -> bool:
    column = _first_column(line, position)
    rest = line[column:].rstrip() if line.startswith(fence, column) and column - position < 4 else ""
    return bool(rest) and not rest.strip(fence[0])


def _new_item(line: str, position: int, marker: re.Match[str]) -> tuple[_Container, int]:
    end = marker.end()
    padding = _first_column(line, end) - end
    empty = _is_blank(line, end)
    if empty or padding > 4:
        padding = 1
    item = _Container(end + padding - position, line[end - 1], starts_empty=empty)
    return item, len(line) if empty else end + padding


def _may_interrupt(line: str, marker: re.Match[str]) -> bool:
    """Only a list that begins with 1 or a bullet, and has a text, may follow a paragraph without a blank line."""
    return marker[1] in (None, "1") and not _is_blank(line, marker.end())


def _cells(row: str) -> int:
    row = row.strip()
    return len(_PIPE.findall(row)) + 1 - row.startswith("|") - (len(row) > 1 and bool(_LAST_PIPE.search(row)))


_MAY_BE_SPECIAL = re.compile(r"[ \u3000]{0,3}(?:[#>\-+*0-9`~$_=第]|\s|$)")
_SPACES = re.compile(r" *")
_BLANK_REST = re.compile(r"\s*$")
_QUOTE = re.compile(r" {0,3}> ?")
_MARKER = re.compile(r"(?:[-+*]|([0-9]{1,9})[.)])(?= |$)")
_RULE = re.compile(r"(?:(?:-[ \t]*){3,}|(?:\*[ \t]*){3,}|(?:_[ \t]*){3,})$")
_FENCE = re.compile(r"(`{3,})[^`]*$|(~{3,})")
_ANY_FENCE = re.compile(r"[ \t>]*+(?:(?:[-+*]|[0-9]{1,9}[.)])[ \t]++)*+(?:`{3}|~{3})")
_MARKED_HEADING = re.compile(r"#{1,6}(?:\s|$)")
_PIPE = re.compile(r"(?<!\\)\|")
_LAST_PIPE = re.compile(r"(?<!\\)\|$")
_DELIMITER_CHARACTERS = re.compile(r"[ \t>|:\-]+")
_DELIMITER_ROW = re.compile(r"\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?")
_HTML_BLOCK = (
    "address|article|aside|base|basefont|blockquote|body|caption|center|col|colgroup|dd|details|dialog|dir|div|dl|dt|fieldset|figcaption|"
    "figure|footer|form|frame|frameset|h[1-6]|head|header|hr|html|iframe|legend|li|link|main|menu|menuitem|nav|noframes|ol|optgroup|option|"
    "p|param|pre|script|search|section|style|summary|table|tbody|td|textarea|tfoot|th|thead|title|tr|track|ul"
)
_ENDS_A_TABLE = re.compile(
    rf" {{4}}| {{0,3}}(?:>|`{{3,}}[^`]*$|~{{3}}|#{{1,6}}(?:\s|$)|(?:[-+*]|[0-9]{{1,9}}[.)])(?: |$)|{_RULE.pattern}|</?(?i:{_HTML_BLOCK})(?=[\s/>]|$)|<!--)"
)
