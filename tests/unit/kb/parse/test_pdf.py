"""PDF files: text in reading order, headings from the outline, pages for citations."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image

from moorage.core.errors import DocumentUnreadable
from moorage.kb.parse import Source, parse
from moorage.kb.parse.pdf.lines import read_pdf
from moorage.kb.parse.pdf.signs import unspaced
from moorage.testing.documents import pdf, scanned_pdf

FULL = "本文介绍系统的安装方法与使用说明，以及常见问题的处理办法和联系方"


def test_a_chinese_sentence_broken_by_a_line_is_joined_without_a_blank() -> None:
    parsed = parse(Source("a.pdf", pdf([(FULL, 72, 700, 12), ("式。", 72, 682, 12), ("Other text.", 72, 620, 12)])))

    assert parsed.markdown == f"{FULL}式。\n\nOther text."


def test_the_outline_makes_headings() -> None:
    pages = [[("第一章 总则", 72, 700, 12), ("text of it.", 72, 650, 12)], [("1.1 目的", 72, 700, 12), ("more text.", 72, 650, 12)]]

    parsed = parse(Source("a.pdf", pdf(*pages, outline=[("第一章 总则", 0), ("1.1 目的", 1)])))

    assert parsed.markdown == "# 第一章 总则\n\ntext of it.\n\n# 1.1 目的\n\nmore text."
    assert [(p.page, p.offset) for p in parsed.pages] == [(1, 0), (2, parsed.markdown.index("# 1.1"))]


def test_without_an_outline_larger_numbered_lines_are_headings() -> None:
    body = [("plain text that is long enough to be the body.", 72, 600 - 40 * n, 10) for n in range(4)]

    parsed = parse(Source("a.pdf", pdf([("1.2 Install", 72, 700, 14), *body])))

    assert parsed.markdown.startswith("## 1.2 Install\n\nplain text")


def test_scanned_pages_are_counted_as_needing_ocr() -> None:
    parsed = parse(Source("a.pdf", scanned_pdf(3)))

    assert [n.code for n in parsed.notices] == ["needs_ocr", "no_text"]
    assert parsed.notices[0].en == "3 of 3 pages have no text layer and need OCR: 1, 2, 3."


def test_a_damaged_pdf_is_told() -> None:
    with pytest.raises(DocumentUnreadable, match=r"a\.pdf could not be read: the PDF is damaged"):
        parse(Source("a.pdf", b"%PDF-1.7\nnothing more"))


def test_threads_wait_for_each_other() -> None:
    source = Source("a.pdf", pdf(*([(FULL, 72, 700, 12)] for _ in range(5))))

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(parse, [source] * 16))

    assert all(result == results[0] for result in results)


def grid(
    *, left: float = 100, bottom: float = 500, columns: int = 2, rows: int = 3, width: float = 150, height: float = 30, sides: bool = True
) -> str:
    """Operators that draw a table's lines."""
    level = [f"{left} {bottom + n * height} m {left + columns * width} {bottom + n * height} l S" for n in range(rows + 1)]
    inner = range(columns + 1) if sides else range(1, columns)
    return " ".join([*level, *(f"{left + n * width} {bottom} m {left + n * width} {bottom + rows * height} l S" for n in inner)])


CELLS = [
    ("Name", 110, 570, 10),
    ("Wert", 260, 570, 10),
    ("a|b", 110, 540, 10),
    ("1", 260, 540, 10),
    ("c", 110, 510, 10),
    ("2", 260, 510, 10),
]
TABLE = "| Name | Wert |\n| --- | --- |\n| a\\|b | 1 |\n| c | 2 |"


@pytest.mark.parametrize("sides", [True, False])
def test_a_ruled_table_stands_where_it_stood(sides: bool) -> None:
    lines = [("Before it.", 72, 700, 10), *CELLS, ("After it.", 72, 400, 10)]
    assert parse(Source("a.pdf", pdf(lines, drawings=[grid(sides=sides)]))).markdown == f"Before it.\n\n{TABLE}\n\nAfter it."


def test_a_table_of_thin_filled_bars_is_ruled_and_filled_shapes_are_no_lines() -> None:
    bars = [f"100 {500 + 30 * n} 300 0.5 re f" for n in range(4)] + [f"{100 + 150 * n} 500 0.5 90 re f" for n in range(3)]
    shapes = ["300 505 m 320 505 l 320 525 l 300 525 l h f", "120 545 m 130 548 140 551 150 554 c 150 560 l 120 560 l f"]
    assert parse(Source("a.pdf", pdf(CELLS, drawings=[" ".join([*bars, *shapes])]))).markdown == TABLE


def test_an_empty_frame_is_no_table() -> None:
    parsed = parse(Source("a.pdf", pdf([("Words beside a drawing of boxes.", 72, 700, 10)], drawings=[grid()])))
    assert parsed.markdown == "Words beside a drawing of boxes."


NOISE = bytes((i * 37) % 256 for i in range(30 * 30 * 3))


def test_a_picture_stands_between_the_lines_around_it() -> None:
    lines = [("The net looks like this, as drawn:", 72, 700, 10), ("And the text goes on below it.", 72, 500, 10)]
    parsed = parse(Source("a.pdf", pdf(lines, drawings=["q 100 0 0 100 72 550 cm /I Do Q"], image=(30, 30, NOISE))))
    (picture,) = parsed.pictures
    assert parsed.markdown == f"{lines[0][0]}\n\n![image]({picture.name})\n\n{lines[1][0]}" and picture.media_type == "image/png"


@pytest.mark.parametrize(
    ("mode", "colours", "media_type"), [("RGB", "RGB", "image/jpeg"), ("L", "Gray", "image/jpeg"), ("CMYK", "CMYK", "image/png")]
)
def test_a_jpeg_stays_as_it_is_but_for_one_of_printing_colours(mode: str, colours: str, media_type: str) -> None:
    jpeg = io.BytesIO()
    noise = Image.frombytes("RGB", (30, 30), NOISE).convert(mode)
    noise.save(jpeg, "JPEG")
    lines = [("The net looks like this, as drawn:", 72, 700, 10)]
    shown = pdf(lines, drawings=["q 100 0 0 100 72 550 cm /I Do Q"], image=(30, 30, jpeg.getvalue()), colours=colours)
    (picture,) = parse(Source("a.pdf", shown)).pictures
    assert picture.media_type == media_type and (picture.data == jpeg.getvalue()) == (media_type == "image/jpeg")


def test_a_jpeg_of_one_colour_is_left_out() -> None:
    jpeg = io.BytesIO()
    Image.new("RGB", (400, 400), "navy").save(jpeg, "JPEG")
    lines = [("The net looks like this, as drawn:", 72, 700, 10)]
    shown = pdf(lines, drawings=["q 100 0 0 100 72 550 cm /I Do Q"], image=(400, 400, jpeg.getvalue()))
    assert parse(Source("a.pdf", shown)).pictures == ()


def test_a_logo_on_every_page_is_left_out() -> None:
    pages = [[(f"The words of page number {n} are its own.", 72, 600, 10)] for n in range(5)]
    parsed = parse(Source("a.pdf", pdf(*pages, drawings=["q 60 0 0 60 500 760 cm /I Do Q"] * 5, image=(30, 30, NOISE))))
    assert parsed.pictures == () and "![" not in parsed.markdown


def test_a_mark_along_the_margin_is_left_out() -> None:
    lines = [(f"Line {n} of a text that is read as usual.", 72, 700 - 40 * n, 10) for n in range(5)]
    parsed = parse(Source("a.pdf", pdf(lines, drawings=["BT /F1 12 Tf 0 1 -1 0 30 300 Tm (DRAFT COPY) Tj ET"])))
    assert "Line 0" in parsed.markdown and "D" not in parsed.markdown


def test_what_was_recognised_stands_on_its_page() -> None:
    scan = scanned_pdf(3)
    assert parse(Source("a.pdf", scan)).scanned_pages == (1, 2, 3)
    parsed = parse(Source("a.pdf", scan, {2: "# 第二页\n\n文字", 1: ""}))
    assert parsed.scanned_pages == (3,) and parsed.markdown == "# 第二页\n\n文字"
    assert any("3" in n.en for n in parsed.notices)


def test_pages_beyond_the_limit_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("moorage.kb.parse.pdf.lines.PDF_PAGES", 2)
    parsed = parse(Source("a.pdf", pdf(*[[(f"The words of page {n}.", 72, 400, 10)] for n in range(5)])))
    assert "page 1" in parsed.markdown and "page 2" not in parsed.markdown
    assert [n.code for n in parsed.notices] == ["pages_left_out"]


def test_a_long_pdf_is_read_in_parts_as_if_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    pages = [[(f"Chapter {n}", 72, 700, 10), (f"The words of page {n}.", 72, 400, 10)] for n in range(9)]
    source = Source("a.pdf", pdf(*pages, outline=[(f"Chapter {n}", n) for n in range(9)]))
    whole = parse(source)
    monkeypatch.setattr("moorage.kb.parse.pdf.lines._PAGES_AT_ONCE", 2)
    assert parse(source) == whole
    assert [p.page for p in whole.pages] == list(range(1, 10)) and "# Chapter 8\n\nThe words of page 8." in whole.markdown


def test_a_coloured_header_without_lines_is_a_row_of_its_table() -> None:
    lines = [
        ("Name", 80, 645, 10),
        ("Count", 180, 645, 10),
        ("a", 80, 625, 10),
        ("1", 180, 625, 10),
        ("b", 80, 605, 10),
        ("2", 180, 605, 10),
    ]
    header = "0.8 0.9 1 rg 72 640 100 20 re f 172 640 100 20 re f"
    rules = "72 620 m 272 620 l S 72 600 m 272 600 l S 172 600 m 172 660 l S"

    text = parse(Source("a.pdf", pdf(lines, drawings=[f"{header} {rules}"]))).markdown

    assert text == "| Name | Count |\n| --- | --- |\n| a | 1 |\n| b | 2 |"


def test_coloured_marks_behind_words_make_no_table() -> None:
    lines = [("marked words of one line", 80, 645, 10), ("and of the next line.", 80, 625, 10)]
    marks = "1 1 0 rg 78 640 60 14 re f 138 640 60 14 re f 78 620 60 14 re f 138 620 60 14 re f"

    assert "|" not in parse(Source("a.pdf", pdf(lines, drawings=[marks]))).markdown


def test_a_line_has_the_size_of_most_of_its_letters() -> None:
    raised = "BT /F1 12 Tf 72 700 Td (The rule came into force) Tj 6 Ts /F1 6 Tf (3\\)) Tj 0 Ts /F1 12 Tf ( in the year of the rat) Tj ET"

    [page] = read_pdf(Source("a.pdf", pdf([], drawings=[raised]))).pages

    assert [line.size for line in page.lines] == [12.0]


def test_a_typed_listing_between_other_text_is_a_fence() -> None:
    body = [(f"文字说明第{n}条，本段为正文内容。", 72, 600 - 30 * n, 10) for n in range(8)]
    made = pdf([("if x:", 72, 700, 10), ("return  x", 96, 688, 10), *body])

    text = parse(Source("a.pdf", made.replace(b"/BaseFont/Helvetica", b"/BaseFont/Courier  "))).markdown

    assert text.startswith("```\nif x:\n    return  x\n```")


WORDS = ("What stands above the tables.", 72, 720, 10)
INNER = [(text, x, y, 8) for text, x, y in (("1", 185, 612), ("2", 225, 612), ("3", 185, 597), ("4", 225, 597))]


def test_a_table_in_a_cell_is_text_of_that_cell() -> None:
    lines = [WORDS, ("a", 80, 645, 10), ("b", 180, 645, 10), ("c", 80, 605, 10), *INNER]
    outer = "72 640 200 20 re S 72 590 200 50 re S 172 590 m 172 660 l S"
    inner = "180 592 40 14 re S 220 592 40 14 re S 180 606 40 14 re S 220 606 40 14 re S"

    text = parse(Source("a.pdf", pdf(lines, drawings=[f"{outer} {inner}"]))).markdown

    assert text.split("\n\n")[1] == "| a | b |\n| --- | --- |\n| c | 1 2 3 4 |"


def test_a_table_in_a_frame_of_one_row_is_the_table() -> None:
    frame = "72 592 100 28 re S 172 592 100 28 re S"
    inner = "172 592 50 14 re S 222 592 50 14 re S 172 606 50 14 re S 222 606 50 14 re S"

    text = parse(Source("a.pdf", pdf([WORDS, ("c", 80, 605, 10), *INNER], drawings=[f"{frame} {inner}"]))).markdown

    assert text.split("\n\n")[1] == "| c | 1 | 2 |\n| --- | --- | --- |\n| c | 3 | 4 |"


def test_bullets_from_a_font_of_signs_make_items() -> None:
    assert parse(Source("a.pdf", pdf([("\uf0b7 第一项", 72, 700, 10), ("\uf0b7 第二项", 72, 686, 10)]))).markdown == "- 第一项\n- 第二项"


def test_raised_figures_are_kept_apart() -> None:
    raised = "BT /F1 12 Tf 72 700 Td (about 10) Tj 6 Ts /F1 7 Tf (-5) Tj 0 Ts /F1 12 Tf ( per year, see) Tj 6 Ts /F1 7 Tf ([3]) Tj ET"

    text = parse(Source("a.pdf", pdf([], drawings=[raised]))).markdown

    assert text == "about 10⁻⁵ per year, see[3]"


def test_a_line_that_runs_uphill_has_no_raised_figures() -> None:
    steps = " ".join(f"1 0 0 1 {72 + 8 * n} {700 + 0.5 * n} Tm ({n % 10}) Tj" for n in range(12))

    text = parse(Source("a.pdf", pdf([("Words above the sloping line.", 72, 730, 12)], drawings=[f"BT /F1 12 Tf {steps} ET"]))).markdown

    assert "⁵" not in text


def turned(way: int, rows: list[str], *, frame: str = "") -> str:
    """Operators that show rows turned by quarters clockwise, and a drawing turned with them."""
    matrix = {0: "1 0 0 1 0 0", 1: "0 -1 1 0 0 842", 2: "-1 0 0 -1 595 842", 3: "0 1 -1 0 595 0"}[way]
    shown = " ".join(f"1 0 0 1 80 {450 - 20 * n} Tm ({row}) Tj" for n, row in enumerate(rows))
    return f"q {matrix} cm BT /F1 11 Tf {shown} ET {frame} Q\n"


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.parametrize("way", [0, 1, 2, 3])
def test_a_page_is_read_however_it_is_turned_in_the_file(way: int, rotate: int) -> None:
    rows = [f"{n}. Line number {n} of a page." for n in range(1, 6)]

    assert parse(Source("a.pdf", pdf([], drawings=[turned(way, rows)], rotate=rotate))).markdown.split() == " ".join(rows).split()


def test_a_table_set_sideways_below_upright_text_is_read_as_a_table() -> None:
    upright = [(f"{n}. Words of the upright text stand here.", 72, 780 - 20 * n, 11) for n in range(5)]
    rows = ["Berth", "North", "South", "East"]
    frame = "".join(f"70 {464 - 20 * n} m 270 {464 - 20 * n} l S " for n in range(5)) + "".join(
        f"{x} 464 m {x} 384 l S " for x in (70, 170, 270)
    )
    numbers = "BT /F1 11 Tf " + " ".join(f"1 0 0 1 180 {450 - 20 * n} Tm ({n} depth) Tj" for n in range(4)) + " ET"
    text = parse(Source("a.pdf", pdf(upright, drawings=[turned(3, rows, frame=frame + numbers)]))).markdown

    assert text.index("4. Words") < text.index("| Berth | 0 depth |")
    assert "| East | 3 depth |" in text and text.count("North") == 1


def test_a_paragraph_set_sideways_follows_the_rest_and_a_mark_in_the_margin_does_not() -> None:
    upright = [(f"{n}. Words of the upright text stand here.", 72, 700 - 20 * n, 11) for n in range(9)]
    rows = ["This paragraph is set sideways, as a", "remark beside a drawing often is, and it", "has words that nobody wants to lose."]
    text = parse(
        Source("a.pdf", pdf(upright, drawings=[turned(3, rows) + turned(1, ["Downloaded by somebody on some day in winter"])]))
    ).markdown

    assert text.endswith(" ".join(rows)) and "Downloaded" not in text


def test_chinese_in_columns_is_read_from_top_to_bottom_and_from_right_to_left() -> None:
    columns = ["臣亮言先帝创业未半", "而中道崩殂今天下三", "分益州疲弊此诚危急"]
    signs = [(sign, 500 - 24 * n, 700 - 18 * at, 14) for n, column in enumerate(columns) for at, sign in enumerate(column)]

    assert "".join(parse(Source("a.pdf", pdf(signs))).markdown.split()) == "".join(columns)
    assert "臣亮言先帝创业未半" in parse(Source("a.pdf", pdf(signs))).markdown


def test_the_letter_that_word_takes_for_a_bullet_makes_an_item_and_the_word_does_not() -> None:
    items = [
        ("\u2022 Ropes and buoys", 72, 700, 10),
        ("o", 90, 686, 10),
        ("thin ropes", 108, 686, 10),
        ("o", 90, 672, 10),
        ("thick ropes", 108, 672, 10),
    ]
    words = [("O barco o cais o mar", 72, 640, 10), ("o porto e tudo", 72, 628, 10)]

    text = parse(Source("a.pdf", pdf(items + words))).markdown

    assert "- Ropes and buoys\n  - thin ropes\n  - thick ropes" in text and "o porto" in text


def test_a_gap_before_a_chinese_stop_is_no_blank() -> None:
    text = parse(Source("a.pdf", pdf([("以应对老化、修改", 72, 700, 10), (" ", 152, 700, 10), ("、运行经验", 156, 700, 10)]))).markdown

    assert text == "以应对老化、修改、运行经验"


@pytest.mark.parametrize(
    ("set_wide", "read"),
    [
        ("中 华 人 民 共 和 国 行 业 标 准", "中华人民共和国行业标准"),
        ("关 于 ListNum 的 具 体 原 理 ， 详 见 https://a.example", "关于 ListNum 的具体原理，详见 https://a.example"),
        ("目 录", "目 录"),
        ("姓名 部门 电话 地址 邮编 备注", "姓名 部门 电话 地址 邮编 备注"),
        ("他说 ”好” 。", "他说 ”好” 。"),
    ],
)
def test_chinese_that_is_set_wide_is_read_without_blanks(set_wide: str, read: str) -> None:
    assert unspaced(set_wide) == read
