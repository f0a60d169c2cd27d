"""The lines of a PDF as pdfium finds them: text, place and size. The one file that knows pypdfium2."""

# pypdfium2 ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportMissingTypeStubs=false

from __future__ import annotations

import ctypes
import re
from collections.abc import Collection, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from moorage.core.errors import DocumentEncrypted
from moorage.kb.parse.base import Picture, Source
from moorage.kb.parse.limits import PDF_PAGES
from moorage.kb.parse.notices import unreadable
from moorage.kb.parse.pdf.images import Gallery, Shown, images_on
from moorage.kb.parse.pdf.rules import RuledTable, ruled_tables
from moorage.kb.parse.pdf.signs import SIGNS, closed, typed, unspaced, with_raised
from moorage.kb.parse.pdf.turned import is_turned, is_vertical, set_upright, ways_of
from moorage.kb.parse.tables import pipe_table

if TYPE_CHECKING:
    import pypdfium2

_BOLD = re.compile(rb"bold|black|heavy|semibold|hei|\xe9\xbb\x91", re.IGNORECASE)
_TYPEWRITER = re.compile(
    rb"courier|consolas|mono(?!type)|menlo|monaco|inconsolata|cmtt|typewriter|lucidaconsole|lucida console|fixedsys|andale", re.IGNORECASE
)
_RAISED = 0.2  # times the type size
_CHINESE_FROM = "\u2e80"
_SCAN_CHARACTERS = 20
_CELL_GAP = 1.8  # times the type size; justified text stays below
_PIECE_GAP = 0.7
_PIECE = "\x1f"
_PIECES = re.compile(r"[\t\x1f]")
_LONGEST_TITLE = 300
_MARGIN = 0.1
_PART_LINES = 3
_PART_CHARACTERS = 60
_PAGES_AT_ONCE = 64
_MOST_PARTS = 16


@dataclass(frozen=True, slots=True)
class TextLine:
    """A line of a page; places in points from the lower left corner, ``base`` is what its letters stand on.

    ``cells`` are its parts between wide gaps: one for running text, more for a row of a table; ``spans`` are where they begin and end.
    ``pieces`` are the same parted at smaller gaps, too, which may stand between narrow columns or in justified text: (text, begin, end).
    ``code`` is a line in letters of one width as it was typed, without its indent, and ``letter`` is that width. A line
    with a ``block`` is no text but a finished piece of Markdown: a table or a picture, ``size`` high.
    """

    cells: tuple[str, ...]
    left: float
    right: float
    base: float
    size: float
    is_bold: bool = False
    spans: tuple[tuple[float, float], ...] = ()
    block: str = ""
    pieces: tuple[tuple[str, float, float], ...] = ()
    code: str = ""
    letter: float = 0.0

    @property
    def text(self) -> str:
        return " ".join(self.cells)


@dataclass(frozen=True, slots=True)
class PageText:
    """A page as lines in reading order."""

    lines: tuple[TextLine, ...]
    width: float
    height: float
    has_image: bool = False


@dataclass(frozen=True, slots=True)
class OutlineEntry:
    """A bookmark: its level from 0 and its page from 0."""

    title: str
    level: int
    page: int


@dataclass(frozen=True, slots=True)
class PdfText:
    """Everything that is read from a PDF."""

    pages: tuple[PageText, ...]
    outline: tuple[OutlineEntry, ...] = ()
    properties: Mapping[str, str] = field(default_factory=dict[str, str])
    damaged: tuple[int, ...] = ()
    pictures: tuple[Picture, ...] = ()
    pictures_left_out: int = 0
    pages_left_out: int = 0


def read_pdf(source: Source) -> PdfText:
    """The text of all pages. Not for several threads at once. Raises DocumentEncrypted or DocumentUnreadable."""
    document = _opened(source)
    try:
        count = len(document)
        outline, properties = _outline(document), document.get_metadata_dict(skip_empty=True)
    finally:
        document.close()
    pages: list[PageText] = []
    damaged: list[int] = []
    gallery = Gallery()
    for several in _parts(min(count, PDF_PAGES)):
        _read_pages(source, several, pages, damaged, gallery)
        source.on_page(len(pages), min(count, PDF_PAGES))
    logos = gallery.repeated()
    pages = [_without_pictures(page, logos) for page in pages] if logos else pages
    return PdfText(
        tuple(pages),
        outline,
        properties,
        tuple(damaged),
        tuple(picture for name, picture in gallery.pictures.items() if name not in logos),
        gallery.left_out,
        max(0, count - PDF_PAGES),
    )


def _parts(count: int) -> list[range]:
    """Page indices in parts for which the document is opened anew: pdfium keeps all it has met until a document is closed, which came to 100 MB
    for 400 pages. At most sixteen parts, as the way to a page begins at the first one each time."""
    step = max(_PAGES_AT_ONCE, -(-count // _MOST_PARTS))
    return [range(first, min(first + step, count)) for first in range(0, count, step)]


def _opened(source: Source) -> pypdfium2.PdfDocument:
    import pypdfium2
    from pypdfium2 import raw

    try:
        return pypdfium2.PdfDocument(source.data)
    except pypdfium2.PdfiumError as error:
        if error.err_code == raw.FPDF_ERR_PASSWORD:
            raise DocumentEncrypted(name=source.name) from error
        raise unreadable(source.name, "pdf_damaged") from error


def _read_pages(source: Source, indices: range, pages: list[PageText], damaged: list[int], gallery: Gallery) -> None:
    import pypdfium2

    document = _opened(source)
    try:
        for index in indices:
            try:
                pages.append(_read_page(document, index, gallery))
            except pypdfium2.PdfiumError:
                damaged.append(index + 1)
                pages.append(PageText((), 0, 0))
    finally:
        document.close()


def _outline(document: pypdfium2.PdfDocument) -> tuple[OutlineEntry, ...]:
    import pypdfium2

    entries: list[OutlineEntry] = []
    try:
        for bookmark in document.get_toc(max_depth=10):
            target = bookmark.get_dest()
            page = target.get_index() if target else None
            title = " ".join(bookmark.get_title().split())
            if page is not None and 0 < len(title) <= _LONGEST_TITLE:
                entries.append(OutlineEntry(title, bookmark.level, page))
    except pypdfium2.PdfiumError:
        return tuple(entries)
    return tuple(entries)


def _read_page(document: pypdfium2.PdfDocument, index: int, gallery: Gallery) -> PageText:
    """A page; what is set sideways on it stands below the rest."""
    with _loaded(document, index) as (page, text_page):
        count = text_page.count_chars()
        columns, ways = is_vertical(text_page.raw, count), ways_of(text_page.raw, count)
        if not columns and (not ways or (ways == (0,) and not page.get_rotation())):
            return _read_straight(page, text_page, gallery, drops_turned=bool(ways))
    if columns:  # they run like lines that are turned, only that their letters stand upright
        ways = (1,)
    set_upright(document, index, ways[0])
    with _loaded(document, index) as (page, text_page):
        found = _read_straight(page, text_page, gallery, drops_turned=not columns, is_mixed=len(ways) > 1)
    if columns:
        return replace(found, lines=tuple(replace(line, cells=tuple(map(closed, line.cells))) for line in found.lines))
    for before, way in pairwise(ways):
        set_upright(document, index, (way - before) % 4)
        with _loaded(document, index) as (page, text_page):
            found = _with_part(found, _read_straight(page, text_page, None, is_mixed=True))
    return found


@contextmanager
def _loaded(document: pypdfium2.PdfDocument, index: int) -> Generator[tuple[pypdfium2.PdfPage, pypdfium2.PdfTextPage]]:
    page = document[index]
    try:
        text_page = page.get_textpage()
        try:
            yield page, text_page
        finally:
            text_page.close()
    finally:
        page.close()


def _read_straight(
    page: pypdfium2.PdfPage, text_page: pypdfium2.PdfTextPage, gallery: Gallery | None, *, drops_turned: bool = True, is_mixed: bool = False
) -> PageText:
    """What runs from left to right on a page. Without a gallery its pictures are left where they are."""
    width, height = page.get_size()
    lines = _read_lines(text_page.raw, text_page.count_chars(), drops_turned=drops_turned)
    tables = ruled_tables(page.raw, text_page.raw)
    if is_mixed:  # the letters of a table run one way; seen from another one they are no rows
        tables = [table for table in tables if any(_is_inside(line, table) for line in lines)]
    if gallery is None:
        return PageText(tuple(_with_things(lines, tables, [])), width, height)
    if _is_sparse(lines):
        return PageText(tuple(lines), width, height, any(True for _ in images_on(page)))
    return PageText(tuple(_with_things(lines, tables, gallery.on_page(page, width, height))), width, height)


def _with_part(page: PageText, part: PageText) -> PageText:
    """A page with what runs another way on it put below. A mark in the margin is no part, nor are the heads and feet of a page."""
    inner = [line for line in part.lines if line.block or _MARGIN * part.height < line.base < (1 - _MARGIN) * part.height]
    if not any(line.block for line in inner) and (len(inner) < _PART_LINES or sum(len(line.text) for line in inner) < _PART_CHARACTERS):
        return page
    above = [replace(line, base=line.base + part.height) for line in page.lines]
    return PageText((*above, *inner), max(page.width, part.width), page.height + part.height, page.has_image)


def _is_sparse(lines: Sequence[TextLine]) -> bool:
    """Next to no text, or signs that no font can tell (private use, replacement): then a picture on the page is a scan."""
    text = "".join(line.text for line in lines)
    return len(text) < _SCAN_CHARACTERS or sum(c == "\ufffd" or "\ue000" <= c <= "\uf8ff" for c in text) * 2 > len(text)


def _with_things(lines: Sequence[TextLine], tables: Sequence[RuledTable], shown: Sequence[Shown]) -> list[TextLine]:
    """Tables in the place of the lines inside them, and pictures before the first line that begins below them."""
    kept = [line for line in lines if not any(_is_inside(line, table) for table in tables)]
    things = [
        TextLine(
            (),
            t.left,
            t.right,
            t.bottom,
            t.top - t.bottom,
            block=pipe_table([[cell.replace("|", "\\|") for cell in row] for row in t.rows]),
        )
        for t in tables
    ]
    things += [TextLine((), p.left, p.right, p.bottom, p.top - p.bottom, block=f"![image]({p.name})") for p in shown]
    for thing in sorted(things, key=lambda each: each.base + each.size):
        kept.insert(_place(kept, thing), thing)
    return kept


def _is_inside(line: TextLine, table: RuledTable) -> bool:
    middle = line.base + 0.3 * line.size
    return table.bottom - 1 <= middle <= table.top + 1 and line.left >= table.left - 4 and line.right <= table.right + 4


def _place(lines: Sequence[TextLine], thing: TextLine) -> int:
    """Behind the nearest line above it in its own columns; at the top where there is none."""
    above = [
        i
        for i, line in enumerate(lines)
        if line.base >= thing.base + thing.size / 2 and line.left < thing.right and thing.left < line.right
    ]
    return min(above, key=lambda i: lines[i].base) + 1 if above else 0


def _without_pictures(page: PageText, names: Collection[str]) -> PageText:
    blocks = {f"![image]({name})" for name in names}
    return replace(page, lines=tuple(line for line in page.lines if line.block not in blocks))


def _read_lines(text_page: object, count: int, *, drops_turned: bool) -> list[TextLine]:
    """Character by character, by their places: pdfium's own line ends are wrong where a page is set glyph by glyph."""
    from pypdfium2 import raw

    code_at, origin_at = raw.FPDFText_GetUnicode, raw.FPDFText_GetCharOrigin
    x, y = ctypes.c_double(), ctypes.c_double()
    lines: list[TextLine] = []
    making = _Line(text_page)
    for index in range(count):
        code = code_at(text_page, index)
        if code <= 32 or code == 0xFFFE or code == 0xA0:
            making.add_blank(is_break=code in (10, 13), is_hyphen=code == 2 or code == 0xFFFE)
            continue
        if 0xD800 <= code <= 0xDFFF or code > 0x10FFFF or not origin_at(text_page, index, x, y):
            continue
        if making.goes_on(code, index, x.value, y.value):
            continue
        if not making.takes(x.value, y.value):
            lines += making.finished()
            making = _Line(text_page)
        if drops_turned and making.is_empty and is_turned(text_page, index):
            continue  # a mark in the margin, or a watermark across the page
        making.add(chr(code), index, x.value, y.value)
    return lines + making.finished()


class _Line:
    """A line in the making."""

    __slots__ = (
        "_base",
        "_characters",
        "_cuts",
        "_half",
        "_indices",
        "_is_broken",
        "_is_open",
        "_level",
        "_lift",
        "_page",
        "_places",
        "_raised",
        "_reach",
        "_signs",
        "_size",
        "_x",
    )

    def __init__(self, text_page: object) -> None:
        self._page = text_page
        self._characters: list[str] = []
        self._indices: list[int] = []
        self._x = 0.0
        self._base = 0.0
        self._is_open = False  # a character came last, and no blank or line end
        self._is_broken = False
        self._size = 0.0
        self._half = 0.0
        self._reach = 0.0
        self._cuts: list[tuple[float, float]] = []
        self._raised: list[int] = []  # positions of letters that stand above those before them
        self._level = 0.0
        self._lift = 0.0
        self._signs: list[str] = []
        self._places: list[float] = []

    @property
    def is_empty(self) -> bool:
        return not self._indices

    def goes_on(self, code: int, index: int, x: float, y: float) -> bool:
        """Adds a character that stands behind another of its line, as most do; False leaves it to ``takes`` and ``add``."""
        if not self._is_open or x < self._x - self._half or not -self._reach <= y - self._base <= self._reach:
            return False
        if y - self._level > self._lift:  # a raised one
            return False
        self._level = y
        sign = chr(code)
        self._characters.append(sign)
        self._signs.append(sign)
        self._indices.append(index)
        self._places.append(x)
        self._x = x
        return True

    def add(self, sign: str, index: int, x: float, y: float) -> None:
        if not self._indices:
            self._base = self._level = y
            self._size, _ = _font(self._page, index)
            size = self._size or 10.0
            self._half, self._reach, self._lift = 0.5 * size, max(0.6 * size, 4.5), _RAISED * size
        if y - self._level > self._lift:
            self._raised.append(len(self._characters))
        else:
            self._level = y
        self._characters.append(sign)
        self._indices.append(index)
        self._signs.append(sign)
        self._places.append(x)
        self._x = x
        self._is_open, self._is_broken = True, False

    def add_blank(self, *, is_break: bool, is_hyphen: bool) -> None:
        """A blank, a line end, or the mark that pdfium puts for a hyphen at a line end."""
        self._is_broken = self._is_broken or is_break
        self._is_open = False
        if is_hyphen:
            self._characters.append("-")
        elif not is_break:
            self._characters.append(" ")

    def takes(self, x: float, y: float) -> bool:
        """Whether a character at this place still belongs to the line. Raised and lowered ones do."""
        if not self._indices:
            return True
        size = self._size or 10.0
        if abs(y - self._base) > self._reach or x < self._x - self._half:
            return False
        if self._is_broken or self._characters[-1] == " ":
            gap = x - _box(self._page, self._indices[-1])[2]
            if gap > _PIECE_GAP * size:
                self._characters.append("\t" if gap > _CELL_GAP * size else _PIECE)
                self._cuts.append((x - gap, x))
            elif gap > 0.2 * size:
                self._characters.append(" ")
        return True

    def finished(self) -> list[TextLine]:
        if not self._indices:
            return []
        left = _box(self._page, self._indices[0])[0]
        right = max(_box(self._page, self._indices[-1])[2], left)
        starts, ends = [left, *(x for _, x in self._cuts)], [*(x for x, _ in self._cuts), right]
        text = "".join(with_raised(self._characters, self._raised)).translate(SIGNS)
        found = zip(_PIECES.split(text), [*_PIECES.findall(text), ""], starts, ends, strict=True)
        pieces = [(" ".join(part.split()), cut, start, end) for part, cut, start, end in found]
        if len(pieces) > 1 and pieces[0][0] == "o":  # Word's bullet of the second level; the word has no such gap behind it
            pieces[0] = ("◦", *pieces[0][1:])
        cells = _cells(pieces)
        if not cells:
            return []
        size, is_bold = self._usual_font()
        code, letter = self._typed() if self._is_typewritten() else ("", 0.0)
        kept = tuple((unspaced(part), start, end) for part, _, start, end in pieces if part)
        spans = tuple((start, end) for _, start, end in cells)
        return [
            TextLine(tuple(unspaced(part) for part, *_ in cells), left, right, self._base, size, is_bold, spans, "", kept, code, letter)
        ]

    def _is_typewritten(self) -> bool:
        """Whether its letters are of one width; Chinese ones, in a comment, come from another font."""
        letters = [at for at, sign in zip(self._indices, self._signs, strict=False) if sign < _CHINESE_FROM]
        last = len(letters) - 1
        return bool(letters) and all(_is_typewriter(self._page, letters[last * at // 4]) for at in (2, 0, 4, 1, 3))

    def _typed(self) -> tuple[str, float]:
        """The line as it was typed, and the width of its letters: blanks are told by how far the letters are apart."""
        if any(sign >= _CHINESE_FROM for sign in self._signs):
            return " ".join("".join(self._characters).translate(SIGNS).split()), 0.0
        return typed(self._signs, self._places)

    def _usual_font(self) -> tuple[float, bool]:
        """The font of its middle; where the first letter has another size, of what is usual: a raised figure may stand in the middle."""
        count = len(self._indices)
        middle = _font(self._page, self._indices[count // 2])
        if count < 4 or abs(middle[0] - self._size) < 0.1:
            return middle
        return sorted((middle, *(_font(self._page, self._indices[count * at // 8]) for at in (1, 3, 5, 6))))[2]


def _cells(pieces: Sequence[tuple[str, str, float, float]]) -> list[tuple[str, float, float]]:
    """Pieces (text, what cuts them from the next one, begin, end) as cells: those with a small gap between them are one."""
    cells: list[tuple[str, float, float]] = []
    is_open = False
    for text, cut, start, end in pieces:
        if text and is_open and cells:
            before, begin, _ = cells[-1]
            cells[-1] = (f"{before} {text}", begin, end)
        elif text:
            cells.append((text, start, end))
        is_open = cut == _PIECE and (is_open or bool(text))
    return cells


def _box(text_page: object, index: int) -> tuple[float, float, float, float]:
    from pypdfium2 import raw

    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    raw.FPDFText_GetCharBox(text_page, index, left, right, bottom, top)
    return left.value, bottom.value, right.value, top.value


def _is_typewriter(text_page: object, index: int) -> bool:
    from pypdfium2 import raw

    name = ctypes.create_string_buffer(128)
    raw.FPDFText_GetFontInfo(text_page, index, name, 128, None)
    return bool(_TYPEWRITER.search(name.value))


def _font(text_page: object, index: int) -> tuple[float, bool]:
    """The size as seen (the text matrix scales the font's own size, which may say 1.0) and whether the type is bold."""
    from pypdfium2 import raw

    matrix = raw.FS_MATRIX()
    scale = (matrix.c**2 + matrix.d**2) ** 0.5 if raw.FPDFText_GetMatrix(text_page, index, matrix) else 1.0
    name = ctypes.create_string_buffer(128)
    raw.FPDFText_GetFontInfo(text_page, index, name, 128, None)
    is_bold = raw.FPDFText_GetFontWeight(text_page, index) >= 600 or bool(_BOLD.search(name.value))
    return raw.FPDFText_GetFontSize(text_page, index) * (scale or 1.0), is_bold
