"""From lines to headings and paragraphs. Pure: knows no PDF library."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from moorage.kb.parse.markdown import Block, heading, item, paragraph
from moorage.kb.parse.pdf.lines import OutlineEntry, PageText, TextLine
from moorage.kb.parse.tables import pipe_table

_DIGITS = re.compile(r"\d+")
_BLANKS = re.compile(r"\s+")
_CJK = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]")
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
_MARKER = re.compile(
    r"^(?:[•●○▪■◆◦‣➢·–-]|[（(]?(?:\d{1,3}|[a-zA-Z]|[一二三四五六七八九十]{1,3})[)）.、]|\d{1,2}(?:\.\d{1,2}){1,4}\.?|第[一二三四五六七八九十百\d]+[条章节]|[①-⑳]|\[\d+\])$"
)
_TABLE_ROWS = 3
_CONTENTS_TAIL = 120
_LONGEST_HEADING = 80
_PITCH_LINES = 6


@dataclass(frozen=True, slots=True)
class _Usual:
    """What most of the document is like: its type size, and the distance of its lines."""

    size: float
    pitch: float


def without_running_heads(pages: Sequence[PageText]) -> tuple[PageText, ...]:
    """The pages without headers, footers and page numbers: lines in the outer zones that return at the same height."""
    seen: Counter[tuple[str, int]] = Counter()
    for page in pages:
        seen.update({_running_key(line) for line in page.lines if _is_outer(line, page)})
    often = max(2, min(_RUNNING_PAGES, len(pages)))

    def is_running(line: TextLine, page: PageText) -> bool:
        if len(pages) < 2 or not _is_outer(line, page):
            return False
        text, height = _running_key(line)
        return _PAGE_NUMBER.match(line.text) is not None or sum(seen[(text, height + shift)] for shift in (-1, 0, 1)) >= often

    return tuple(replace(page, lines=tuple(line for line in page.lines if not is_running(line, page))) for page in pages)


def layout(pages: Sequence[PageText], outline: Sequence[OutlineEntry]) -> list[list[Block]]:
    """The blocks of every page, in order."""
    usual = _Usual(_body_size(pages), _usual_pitch([page.lines for page in pages]))
    titles = _titles_by_page(outline)
    blocks: list[list[Block]] = []
    for index, page in enumerate(pages):
        wanted = [*titles.get(index, ())]
        lines = _without_contents(page.lines)
        blocks.append(_page_blocks(lines, wanted, usual, has_outline=bool(outline)))
    return _joined_over_pages(blocks)


def _page_blocks(lines: list[TextLine], wanted: list[OutlineEntry], usual: _Usual, *, has_outline: bool) -> list[Block]:
    blocks: list[Block] = []
    group: list[TextLine] = []
    rows: list[tuple[str, ...]] = []
    edges, pitch = _right_edges(lines), _usual_pitch([lines], otherwise=usual.pitch)

    def flush() -> None:
        if group:
            text = _join_lines([line.text for line in group])
            bullet = _ITEM.match(text)
            blocks.append(item(bullet["rest"]) if bullet and bullet["bullet"] != "–" else paragraph(text))
            group.clear()
        blocks.extend(_table(rows))
        rows.clear()

    index = 0
    while index < len(lines):
        found = _outline_heading(lines, index, wanted)
        if found is None and not has_outline:
            found = _sized_heading(lines, index, usual.size)
        if found is not None:
            flush()
            level, text, used = found
            blocks.append(heading(level, text))
            index += used
            continue
        line = lines[index]
        index += 1
        cells = _cells(line)
        if len(cells) > 1:
            if group:
                flush()
            rows.append(cells)
            continue
        if rows:
            flush()
        if group and not _goes_on(group[-1], line, edges, pitch, is_first=len(group) == 1):
            flush()
        group.append(line)
    flush()
    return blocks


def _cells(line: TextLine) -> tuple[str, ...]:
    """The cells of a line; the gap after a number or bullet is none between cells."""
    if len(line.cells) > 1 and _MARKER.match(line.cells[0]):
        return (f"{line.cells[0]} {line.cells[1]}", *line.cells[2:])
    return line.cells


def _table(rows: Sequence[tuple[str, ...]]) -> list[Block]:
    """Lines with gaps: a table where all have as many cells, else lines that stay lines."""
    if len(rows) >= _TABLE_ROWS and len({len(row) for row in rows}) == 1:
        return [Block(pipe_table(rows))]
    return [paragraph("\n".join(" ".join(row) for row in rows))] if rows else []


def _outline_heading(lines: list[TextLine], index: int, wanted: list[OutlineEntry]) -> tuple[int, str, int] | None:
    """The bookmark that begins at this line: its title may stand on up to three lines."""
    for entry in wanted:
        title = _bare(entry.title)
        text = ""
        for used, line in enumerate(lines[index : index + 3], start=1):
            text += _bare(line.text)
            if text == title or (text.endswith(title) and len(text) - len(title) <= 8 and _NUMBERED.match(lines[index].text)):
                wanted.remove(entry)
                return entry.level + 1, _join_lines([x.text for x in lines[index : index + used]]), used
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


def _all_bold_around(lines: list[TextLine], index: int) -> bool:
    near = lines[max(0, index - 3) : index] + lines[index + 1 : index + 4]
    return len(near) >= 3 and all(line.is_bold for line in near)


def _goes_on(above: TextLine, below: TextLine, edges: dict[int, float], pitch: float, *, is_first: bool) -> bool:
    """Whether ``below`` belongs to the paragraph of ``above``. ``pitch`` is the usual distance of two lines."""
    size = max(above.size, below.size, 1.0)
    step = above.base - below.base
    if abs(above.size - below.size) > 0.15 * size or not 0 < step <= 4.5 * size:
        return False
    if step > min(1.25 * pitch, 3 * size) and not _is_plainly_cut(above, below, edges):
        return False
    starts_item = _STARTS_ITEM.match(below.text) is not None
    if _ITEM.match(below.text) or (starts_item and below.left <= above.left + 0.5 * size):
        return False
    hangs = is_first and _STARTS_ITEM.match(above.text) is not None
    shift = below.left - above.left
    if shift > 0.8 * size and not hangs:
        return False
    edge = edges.get(_column(above.left if hangs else below.left), above.right)
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


def _join_lines(texts: list[str]) -> str:
    joined = texts[0]
    for text in texts[1:]:
        if joined.endswith("-") and len(joined) > 1 and joined[-2].isalpha() and text[:1].islower():
            joined = joined[:-1] + text
        elif _CJK.match(joined[-1:]) or _CJK.match(text[:1]):
            joined += text
        else:
            joined += f" {text}"
    return joined


def _joined_over_pages(pages: list[list[Block]]) -> list[list[Block]]:
    """A paragraph cut by a page end in the middle of a sentence goes on with the next page's first block."""
    last: list[Block] | None = None
    for blocks in pages:
        if last and blocks and _is_cut(last[-1], blocks[0]):
            last[-1] = Block(_join_lines([last[-1].text, blocks.pop(0).text]))
        last = blocks or last
    return pages


def _is_cut(above: Block, below: Block) -> bool:
    if above.is_item or below.is_item or above.text.startswith("#") or below.text.startswith(("#", "![")):
        return False
    if _STARTS_ITEM.match(below.text) or _ENDS_SENTENCE.search(above.text) or len(above.text) < 40:
        return False
    return below.text[:1].islower() or bool(_CJK.match(above.text[-1:]) and _CJK.match(below.text[:1]))


def _without_contents(lines: Sequence[TextLine]) -> list[TextLine]:
    """A printed table of contents repeats the headings and says nothing else."""
    dotted = [line for line in lines if _CONTENTS_LINE.search(line.text[-_CONTENTS_TAIL:])]
    bare = [line for line in lines if _BARE_CONTENTS_LINE.match(line.text)]
    if len(bare) >= 5 and len(bare) * 2 > len(lines):
        dotted += bare
    return [line for line in lines if len(dotted) < 2 or line not in dotted]


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


def _running_key(line: TextLine) -> tuple[str, int]:
    return _DIGITS.sub("#", _bare(line.text)), round(line.base / 3)


def _bare(text: str) -> str:
    return _BLANKS.sub("", text)
