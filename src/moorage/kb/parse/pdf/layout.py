"""From lines to headings and paragraphs. Pure: knows no PDF library."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from moorage.kb.parse.columns import Box, column_bands
from moorage.kb.parse.markdown import Block, heading, item, paragraph
from moorage.kb.parse.pdf.code_lines import code_block, joined_code, means_code
from moorage.kb.parse.pdf.line_tables import CJK, cells_of, hangs, in_rows, is_hyphenated, join_lines, joined_tables, table_of
from moorage.kb.parse.pdf.lines import OutlineEntry, PageText, TextLine

_DIGITS = re.compile(r"\d+")
_BLANKS = re.compile(r"\s+")
_FIGURES = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿ", "0123456789+-=()n")
_PAGE_NUMBER = re.compile(
    r"^[-—–·.\s]*(?:第\s*)?(?:\d{1,4}|[ivxlc]{1,7}|[IVXLC]{1,7})(?:\s*页)?(?:\s*[/,，]?\s*(?:of|共)?\s*\d{1,4}\s*页?)?[-—–·.\s]*$"
)
_CONTENTS_LINE = re.compile(r"(?:\.\s?){4,}\s*[\divxlcIVXLC]+$|…{2,}\s*[\divxlcIVXLC]+$|·{4,}\s*\d+$")
_BARE_CONTENTS_LINE = re.compile(r"^(?:\d{1,2}(?:\.\d{1,2}){0,4}\.?|第\s?[一二三四五六七八九十\d]+\s?[章节])\s*\S.*\s\d{1,3}$")
_NUMBERED = re.compile(
    r"^(?:第\s?[一二三四五六七八九十百零〇\d]{1,6}\s?(?P<word>[编篇部卷章节])|(?P<dots>[1-9]\d?(?:\.\d{1,2}){0,5})[.、]?(?=[\s\u4e00-\u9fff])|(?P<letter>附录\s?[A-Z]|Appendix [A-Z]))\s*\S?"
)
_ENDS_SENTENCE = re.compile(r"[。！？；：.!?;:”』」）)]$")
_ENDS_HEADING = re.compile(r"[。；，,;]$")
_ITEM = re.compile(r"^(?P<bullet>[•●○▪■◆◦‣➢·–])\s*(?P<rest>\S.*)$")
_STARTS_ITEM = re.compile(
    r"^(?:[•●○▪■◆◦‣➢]|[（(]?(?:\d{1,3}|[一二三四五六七八九十]{1,3}|[a-zA-Z]|[ivx]{1,4})[)）.、](?!\d)|[①-⑳]|\[\d+\]|第[一二三四五六七八九十百\d]+[条章节])"
)
_ZONE = 0.12
_RUNNING_PAGES = 3
_CONTENTS_TAIL = 120
_LONGEST_HEADING = 80
_FEW_ENTRIES = 3
_LARGER = 1.2
_MOST_TITLES = 0.25
_PITCH_LINES = 6
_SAME_SIZE = 0.07
_NO_PARAGRAPH = ("#", "|", "![", "```")
_FOOT = 0.25


@dataclass(frozen=True, slots=True)
class _Usual:
    """What most of the document is like: its type size, and the distance of its lines; ``titles`` are the larger sizes of headings, largest
    first; ``has_code`` says that typewriter letters mean code."""

    size: float
    pitch: float
    titles: tuple[float, ...] = ()
    has_code: bool = False


def without_running_heads(pages: Sequence[PageText]) -> tuple[PageText, ...]:
    """The pages without headers, footers and page numbers: lines in the outer zones that return at the same height."""
    seen: Counter[tuple[str, int]] = Counter()
    for page in pages:
        seen.update({_running_key(line) for line in page.lines if _is_outer(line, page)})
    feet = [_foot(page) for page in pages]
    has_feet = sum(foot is not None for foot in feet) * 2 >= max(len(pages), 4)
    often = max(2, min(_RUNNING_PAGES, len(pages)))

    def is_running(line: TextLine, page: PageText) -> bool:
        if len(pages) < 2 or line.block:
            return False
        if not _is_outer(line, page):
            return has_feet and any(line is foot for foot in feet)
        text, height = _running_key(line)
        return _PAGE_NUMBER.match(line.text) is not None or sum(seen[(text, height + shift)] for shift in (-1, 0, 1)) >= often

    return tuple(replace(page, lines=tuple(line for line in page.lines if not is_running(line, page))) for page in pages)


def layout(pages: Sequence[PageText], outline: Sequence[OutlineEntry]) -> list[list[Block]]:
    """The blocks of every page, in order."""
    body = _body_size(pages)
    usual = _Usual(
        body, _usual_pitch([page.lines for page in pages]), _title_sizes(pages, body), means_code([x for page in pages for x in page.lines])
    )
    titles = _titles_by_page(outline)
    has_outline = _is_of_use(outline, pages)
    columns: list[list[Block]] = []
    page_of: list[int] = []
    for index, page in enumerate(pages):
        wanted = [*titles.get(index, ())]
        for lines in in_columns(_without_contents(page.lines)):
            columns.append(_page_blocks(in_rows(lines), wanted, usual, has_outline=has_outline))
            page_of.append(index)
    blocks: list[list[Block]] = [[] for _ in pages]
    for index, column in zip(page_of, _joined_over_pages(columns), strict=True):
        blocks[index] += column
    return blocks


def in_columns(lines: Sequence[TextLine]) -> list[list[TextLine]]:
    """The columns of a page in reading order, a full-width part being one, too. Lines that run over a gutter are cut there; a page without columns
    stays as it is."""
    pieces = [(line, at) for line in lines for at in range(max(1, len(line.cells)))]
    boxes = [_box_of(line, at) for line, at in pieces]
    bands = column_bands(boxes)
    if len(bands) < 2:
        return [list(lines)]
    ordered: list[list[TextLine]] = []
    for band in bands:
        parts: dict[int, list[tuple[TextLine, int]]] = {}
        for position in band:
            parts.setdefault(id(pieces[position][0]), []).append(pieces[position])
        found = [_part(cells[0][0], [at for _, at in cells]) for cells in parts.values()]
        ordered.append(sorted(found, key=lambda line: -(line.base + (line.size if line.block else 0.0))))
    return ordered


def _box_of(line: TextLine, at: int) -> Box:
    left, right = line.spans[at] if at < len(line.spans) else (line.left, line.right)
    return Box(left, line.base, right, line.base + line.size)


def _part(line: TextLine, cells: list[int]) -> TextLine:
    if line.block or len(cells) == len(line.cells):
        return line
    spans = tuple(line.spans[at] for at in cells)
    left, right = spans[0][0], spans[-1][1]
    pieces = tuple(piece for piece in line.pieces if left <= (piece[1] + piece[2]) / 2 <= right)
    return replace(line, cells=tuple(line.cells[at] for at in cells), left=left, right=right, spans=spans, pieces=pieces)


def _page_blocks(lines: list[TextLine], wanted: list[OutlineEntry], usual: _Usual, *, has_outline: bool) -> list[Block]:
    blocks: list[Block] = []
    group: list[TextLine] = []
    rows: list[TextLine] = []
    levels: list[float] = []  # where the items of the open list begin, outermost first
    edges, pitch = _right_edges(lines), _usual_pitch([lines], otherwise=usual.pitch)

    def flush() -> None:
        if group:
            text = join_lines([line.text for line in group])
            bullet = _ITEM.match(text)
            if bullet and bullet["bullet"] != "–":
                levels[:] = [left for left in levels if blocks and blocks[-1].is_item and left < group[0].left - 3]
                blocks.append(item(bullet["rest"], indent=2 * len(levels)))
                levels.append(group[0].left)
            else:
                blocks.append(paragraph(text))
            group.clear()
        blocks.extend(table_of(rows))
        rows.clear()

    index = 0
    while index < len(lines):
        found = _outline_heading(lines, index, wanted)
        code = _code_at(lines, index) if found is None and usual.has_code else []
        if code and (block := code_block(code)) is not None:
            flush()
            blocks.append(block)
            index += len(code)
            continue
        if found is None and not has_outline:
            found = _sized_heading(lines, index, usual.size) or _large_heading(lines, index, usual)
        if found is not None:
            flush()
            level, text, used = found
            blocks.append(heading(level, text))
            blocks += [Block(each.block) for each in lines[index : index + used] if each.block]
            index += used
            continue
        line = lines[index]
        index += 1
        if line.block:
            flush()
            blocks.append(Block(line.block))
            continue
        if len(cells_of(line)) > 1 or hangs(line, rows):
            if group:
                flush()
            rows.append(line)
            continue
        if rows:
            flush()
        if group and not _goes_on(group[-1], line, edges, pitch, is_first=len(group) == 1):
            flush()
        group.append(line)
    flush()
    return blocks


def _code_at(lines: Sequence[TextLine], index: int) -> list[TextLine]:
    """The lines of code from this one on."""
    found: list[TextLine] = []
    for line in lines[index:]:
        if not line.code or (found and not 0 < found[-1].base - line.base < 3.5 * line.size):
            break
        found.append(line)
    return found


def _outline_heading(lines: list[TextLine], index: int, wanted: list[OutlineEntry]) -> tuple[int, str, int] | None:
    """The bookmark that begins at this line: its title may stand on up to three lines."""
    first = len(_bare(lines[index].text))
    for entry in wanted:
        title = _bare(entry.title)
        text = ""
        for used, line in enumerate(lines[index : index + 3], start=1):
            if line.block and used == 1:
                break
            text += _bare(line.text)
            number = len(text) - len(title)  # of letters before the title, all on its first line
            if text == title or (text.endswith(title) and number <= min(8, first - 1) and _NUMBERED.match(lines[index].text)):
                wanted.remove(entry)
                return entry.level + 1, join_lines([x.text for x in lines[index : index + used] if not x.block]), used
            if not title.startswith(text) and not _NUMBERED.match(text):
                break
    return None


def _sized_heading(lines: list[TextLine], index: int, body_size: float) -> tuple[int, str, int] | None:
    """A numbered line in larger or bolder type than the body."""
    line = lines[index]
    number = _NUMBERED.match(line.text)
    if number is None or len(line.text) > _LONGEST_HEADING or _ENDS_HEADING.search(line.text) or _bare(line.text).isdigit():
        return None
    is_larger = line.size > body_size * 1.08
    is_bolder = line.is_bold and line.size > body_size * 0.97 and not _all_bold_around(lines, index)
    if not (is_larger or is_bolder):
        return None
    dots = number["dots"]
    by_word = 2 if number["word"] == "节" else 1
    return dots.count(".") + 1 if dots else by_word, line.text, 1


def _large_heading(lines: list[TextLine], index: int, usual: _Usual) -> tuple[int, str, int] | None:
    """A line, or up to three of the same size, in plainly larger type than the body: titles that carry no number."""
    first = lines[index]
    level = next((n for n, size in enumerate(usual.titles, 1) if abs(first.size - size) <= 0.5), None)
    if level is None:
        return None
    used = [first]
    for line in lines[index + 1 : index + 3]:
        if abs(line.size - first.size) > 0.3 or line.block or not 0 < used[-1].base - line.base < 2 * first.size:
            break
        used.append(line)
    text = join_lines([line.text for line in used])
    return (level, text, len(used)) if _may_be_title(text) else None


def _may_be_title(text: str) -> bool:
    return (
        2 <= len(text) <= _LONGEST_HEADING
        and not _ENDS_HEADING.search(text)
        and any(c.isalpha() for c in text)
        and not text.endswith((".", "!"))
    )


def _title_sizes(pages: Sequence[PageText], body: float) -> tuple[float, ...]:
    """Sizes plainly above the body's that few lines have, largest first, near ones as one; at most four."""
    lines = [line for page in pages for line in page.lines if line.cells]
    larger = Counter(round(line.size * 2) / 2 for line in lines if line.size >= _LARGER * body and _may_be_title(line.text))
    if not body or larger.total() > _MOST_TITLES * len(lines):
        return ()
    sizes: list[float] = []
    for size in sorted(larger, reverse=True):
        if not sizes or sizes[-1] - size > 0.5:
            sizes.append(size)
    return tuple(sizes[:4])


def _all_bold_around(lines: list[TextLine], index: int) -> bool:
    near = lines[max(0, index - 3) : index] + lines[index + 1 : index + 4]
    return len(near) >= 3 and all(line.is_bold for line in near)


def _goes_on(above: TextLine, below: TextLine, edges: dict[int, float], pitch: float, *, is_first: bool) -> bool:
    """Whether ``below`` belongs to the paragraph of ``above``. ``pitch`` is the usual distance of two lines."""
    size = max(above.size, below.size, 1.0)
    step = above.base - below.base
    if abs(above.size - below.size) > _SAME_SIZE * size or not 0 < step <= 4.5 * size:
        return False
    if is_hyphenated(above.text, below.text) and step <= 2 * size:
        return True
    if step > min(1.25 * pitch, 3 * size) and not _is_plainly_cut(above, below, edges):
        return False
    starts_item = _STARTS_ITEM.match(below.text) is not None
    if _ITEM.match(below.text) or (starts_item and below.left <= above.left + 0.5 * size):
        return False
    is_hanging = is_first and _STARTS_ITEM.match(above.text) is not None
    shift = below.left - above.left
    if shift > 0.8 * size and not is_hanging:
        return False
    edge = edges.get(_column(above.left if is_hanging else below.left), above.right)
    is_full = above.right >= edge - 2.2 * size
    is_long = above.right - above.left >= 0.6 * (edge - above.left) and above.right > below.right - 2 * size
    return is_full or (is_long and not _ENDS_SENTENCE.search(above.text))


def _is_plainly_cut(above: TextLine, below: TextLine, edges: dict[int, float]) -> bool:
    """A full line in the middle of a sentence, however far the next one is: some files are set with very wide lines."""
    edge = edges.get(_column(below.left), above.right)
    is_full = above.right >= edge - above.size and len(above.text) > 20
    return is_full and not _ENDS_SENTENCE.search(above.text) and below.left <= above.left + 0.8 * above.size


def _usual_pitch(pages: Sequence[Sequence[TextLine]], otherwise: float = 0.0) -> float:
    """The distance most lines have from the next one; ``otherwise`` where there are too few to tell."""
    steps: Counter[float] = Counter()
    for lines in pages:
        for above, below in pairwise(lines):
            step = above.base - below.base
            if 0.5 * above.size < step < 3 * above.size:
                steps[round(step * 2) / 2] += 1
    return steps.most_common(1)[0][0] if steps and steps.total() >= _PITCH_LINES else otherwise or max(steps, default=0.0)


def _right_edges(lines: Sequence[TextLine]) -> dict[int, float]:
    """How far lines reach to the right, by where they begin: the edge of their column."""
    edges: dict[int, float] = defaultdict(float)
    for line in lines:
        for near in (-1, 0, 1):
            edges[_column(line.left) + near] = max(edges[_column(line.left) + near], line.right)
    return dict(edges)


def _column(left: float) -> int:
    return int(left // 24)


def _joined_over_pages(pages: list[list[Block]]) -> list[list[Block]]:
    """A paragraph cut by the end of a page or column in the middle of a sentence goes on with the next one's first block."""
    last: list[Block] | None = None
    for blocks in pages:
        if last and blocks and _is_cut(last[-1], blocks[0]):
            last[-1] = Block(join_lines([last[-1].text, blocks.pop(0).text]))
        elif last and blocks and (joined := joined_code(last[-1].text, blocks[0].text) or joined_tables(last[-1].text, blocks[0].text)):
            last[-1] = Block(joined)
            blocks.pop(0)
        last = blocks or last
    return pages


def _is_cut(above: Block, below: Block) -> bool:
    if above.is_item or below.is_item or above.text.startswith(_NO_PARAGRAPH) or below.text.startswith(_NO_PARAGRAPH):
        return False
    if _STARTS_ITEM.match(below.text) or _ENDS_SENTENCE.search(above.text) or len(above.text) < 40:
        return False
    return below.text[:1].islower() or bool(CJK.match(above.text[-1:]) and CJK.match(below.text[:1]))


def _without_contents(lines: Sequence[TextLine]) -> list[TextLine]:
    """A printed table of contents repeats the headings and says nothing else."""
    dotted = [line for line in lines if not line.block and _CONTENTS_LINE.search(line.text[-_CONTENTS_TAIL:])]
    bare = [line for line in lines if not line.block and _BARE_CONTENTS_LINE.match(line.text)]
    if len(bare) >= 5 and len(bare) * 2 > len(lines):
        dotted += bare
    return [line for line in lines if len(dotted) < 2 or line not in dotted]


def _is_of_use(outline: Sequence[OutlineEntry], pages: Sequence[PageText]) -> bool:
    """Whether the bookmarks are those of the headings: more than a few, and most are lines of their pages. An excerpt keeps the bookmarks of the whole."""
    texts: dict[int, str] = {}
    found = 0
    for entry in outline:
        if entry.page < len(pages):
            text = texts.setdefault(entry.page, _bare("".join(line.text for line in pages[entry.page].lines)))
            found += _bare(entry.title) in text
    return len(outline) >= _FEW_ENTRIES and found * 2 > len(outline)


def _titles_by_page(outline: Sequence[OutlineEntry]) -> dict[int, list[OutlineEntry]]:
    titles: dict[int, list[OutlineEntry]] = defaultdict(list)
    for entry in outline:
        titles[entry.page].append(entry)
    return titles


def _body_size(pages: Sequence[PageText]) -> float:
    """The size most characters have, to half a point."""
    sizes: Counter[float] = Counter()
    for page in pages:
        for line in page.lines:
            sizes[round(line.size * 2) / 2] += len(line.text)
    return sizes.most_common(1)[0][0] if sizes else 10.0


def _is_outer(line: TextLine, page: PageText) -> bool:
    return line.base > page.height * (1 - _ZONE) or line.base < page.height * _ZONE


def _foot(page: PageText) -> TextLine | None:
    """The number below the text of a page with wide margins."""
    texts = [line for line in page.lines if not line.block]
    last = min(texts, key=lambda line: line.base, default=None)
    if last is None or last.base > page.height * _FOOT or not _PAGE_NUMBER.match(last.text):
        return None
    return last if all(line is last or line.base - last.base > 1.5 * last.size for line in texts) else None


def _running_key(line: TextLine) -> tuple[str, int]:
    return _DIGITS.sub("#", _bare(line.text)), round(line.base / 3)


def _bare(text: str) -> str:
    """Without blanks, and figures that are not raised: bookmarks know none."""
    return _BLANKS.sub("", text).translate(_FIGURES)
