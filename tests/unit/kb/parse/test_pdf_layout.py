"""The layout of PDF lines, without any PDF."""

from __future__ import annotations

import pytest

from moorage.kb.parse.markdown import join_blocks
from moorage.kb.parse.pdf.layout import layout, without_running_heads
from moorage.kb.parse.pdf.lines import OutlineEntry, PageText, TextLine
from moorage.kb.parse.pdf.signs import typed


def line(text: str, base: float, *, left: float = 72, right: float = 0, size: float = 10, bold: bool = False) -> TextLine:
    return TextLine(tuple(text.split("\t")), left, right or left + 5 * len(text), base, size, bold)


def page(*lines: TextLine) -> PageText:
    return PageText(lines, 600, 800)


def text(*pages: PageText) -> str:
    return join_blocks(block for blocks in layout(pages, ()) for block in blocks)


def test_a_hyphenated_word_is_joined() -> None:
    assert text(page(line("the knowl-", 500, right=300), line("edge base", 488, right=120))) == "the knowledge base"


@pytest.mark.parametrize(
    ("above", "below", "joined"),
    [
        ("a state-of-the-", "art crane", "a state-of-the-art crane"),
        ("in the years 2019-", "2021 and", "in the years 2019-2021 and"),
        ("with an A-", "frame", "with an A-frame"),
        ("of the inter-", "national office", "of the international office"),
        ("the well-known re-", "cord", "the well-known record"),
    ],
)
def test_a_hyphen_that_belongs_to_the_word_stays_at_a_line_end(above: str, below: str, joined: str) -> None:
    assert text(page(line(above, 500), line(below, 488))) == joined


def test_a_parted_word_is_joined_however_short_its_line_is() -> None:
    assert text(page(line("far to the right goes this line.", 512), line("the asso-", 500), line("ciation", 488))).endswith(
        "the association"
    )


def test_an_indented_line_begins_a_paragraph() -> None:
    full = [line("words of the first paragraph", 500, right=300), line("go on here without end", 488, right=298)]

    assert text(page(*full, line("Second", 476, left=96))).split("\n\n")[1] == "Second"


def test_bullets_with_hanging_lines_become_items() -> None:
    lines = [line("● first point goes on", 500, right=300), line("here", 488, left=90), line("● second", 476)]

    assert text(page(*lines)) == "- first point goes on here\n- second"


def test_running_heads_and_page_numbers_fall_away() -> None:
    pages = [page(line("公司手册", 780), line(f"content of page {n}.", 400), line(f"- {n} -", 30)) for n in range(1, 5)]

    assert text(*without_running_heads(pages)).split("\n\n") == [f"content of page {n}." for n in range(1, 5)]


def test_a_single_page_keeps_its_first_line() -> None:
    assert text(*without_running_heads([page(line("Only title", 780))])) == "Only title"


def test_rows_with_as_many_cells_become_a_table() -> None:
    rows = [line("Name\tCount", 500), line("a\t1", 480), line("b\t2", 460)]

    assert text(page(*rows)) == "| Name | Count |\n| --- | --- |\n| a | 1 |\n| b | 2 |"


def test_rows_with_different_cells_stay_lines() -> None:
    assert text(page(line("Name\tCount", 500), line("a\t1\tx", 480))) == "Name Count\na 1 x"


def test_a_sentence_over_a_page_end_is_one_paragraph() -> None:
    first = page(line("为了保障网络安全，维护网络空间主权和国家安全、社会公共利益，保护公民、法人和其他组织的合", 100))

    assert text(first, page(line("法权益，制定本法。", 700))).endswith("其他组织的合法权益，制定本法。")


def test_dotted_contents_lines_are_dropped() -> None:
    assert text(page(line("第一章 总则........1", 700), line("第二章 安装........5", 680), line("Text.", 400))) == "Text."


def columns(*sides: list[str], top: float = 700) -> list[TextLine]:
    """Two columns of full lines, in rows from left to right, as some programs write them."""
    rows = zip(*sides, strict=True)
    return [
        line(words, top - 12 * n, left=72 + 250 * side, right=72 + 250 * side + 220)
        for n, row in enumerate(rows)
        for side, words in enumerate(row)
    ]


LEFT = [f"left line {n} of a text that goes on and" for n in range(8)]
RIGHT = [f"right line {n} of a text that goes on and" for n in range(8)]


def test_two_columns_are_read_one_after_the_other() -> None:
    assert text(page(*columns(LEFT, RIGHT))) == " ".join([*LEFT, *RIGHT])


def test_a_title_over_both_columns_comes_first_and_a_note_below_last() -> None:
    title, note = (
        line("A title over both columns that is wide", 740, right=540),
        line("A note below both columns, also wide", 560, right=540),
    )
    assert text(page(title, *columns(LEFT, RIGHT), note)) == "\n\n".join([title.text, " ".join([*LEFT, *RIGHT]), note.text])


def test_a_figure_between_columns_parts_them_into_two_bands() -> None:
    upper, lower = columns(LEFT, RIGHT), columns(LEFT, RIGHT, top=500)
    figure = TextLine((), 72, 540, 560, 60, block="![image](a.png)")
    assert text(page(*upper, figure, *lower)).count("![image](a.png)") == 1
    before, after = text(page(*upper, figure, *lower)).split("![image](a.png)")
    assert before.split() == after.split() == " ".join([*LEFT, *RIGHT]).split()


def test_lines_that_run_through_both_columns_are_cut_at_the_gutter() -> None:
    through = [
        TextLine((a, b), 72, 542, 700 - 12 * n, 10, spans=((72, 292), (322, 542))) for n, (a, b) in enumerate(zip(LEFT, RIGHT, strict=True))
    ]
    assert text(page(*through)) == " ".join([*LEFT, *RIGHT])


def test_a_table_without_rules_is_not_read_as_columns() -> None:
    rows = [
        TextLine((f"item {n}", f"{n}", f"{n * 2}.00"), 72, 420, 700 - 12 * n, 10, spans=((72, 110), (300, 310), (400, 420)))
        for n in range(9)
    ]
    assert text(page(*rows)).splitlines()[0] == "| item 0 | 0 | 0.00 |"


def test_a_larger_line_without_a_number_is_a_heading_by_its_size() -> None:
    body = [line("plain words of the body that fill a line and end here.", 600 - 30 * n, right=400) for n in range(12)]
    found = text(page(line("The Title", 740, size=20), line("Abstract", 700, size=14), *body)).split("\n\n")
    assert found[:2] == ["# The Title", "## Abstract"]


def test_a_table_that_goes_on_over_a_page_end_is_one() -> None:
    first = "| a | b |\n| --- | --- |\n| 1 | words that go |"
    pages = [
        page(TextLine((), 72, 500, 100, 50, block=first)),
        page(TextLine((), 72, 500, 700, 50, block="|  | on |\n| --- | --- |\n| 2 | end |")),
    ]
    assert text(*pages) == "| a | b |\n| --- | --- |\n| 1 | words that go on |\n| 2 | end |"
    again = [pages[0], page(TextLine((), 72, 500, 700, 50, block="| a | b |\n| --- | --- |\n| 2 | end |"))]
    assert text(*again) == "| a | b |\n| --- | --- |\n| 1 | words that go |\n| 2 | end |"


def row(base: float, *pieces: tuple[str, float, float], gap: float = 18) -> TextLine:
    """A line whose parts (text, begin, end) are cells where they are further apart than ``gap``."""
    cells: list[tuple[str, float, float]] = []
    for text, left, right in pieces:
        if cells and left - cells[-1][2] <= gap:
            cells[-1] = (f"{cells[-1][0]} {text}", cells[-1][1], right)
        else:
            cells.append((text, left, right))
    spans = tuple((left, right) for _, left, right in cells)
    return TextLine(tuple(cell[0] for cell in cells), pieces[0][1], pieces[-1][2], base, 10, spans=spans, pieces=pieces)


def test_a_table_without_lines_has_its_empty_cells() -> None:
    rows = [
        row(500, ("Code", 72, 110), ("Place", 120, 150), ("Count", 200, 230)),
        row(480, ("A-1", 72, 90), ("North", 120, 150)),
        row(460, ("B-07", 121, 145), ("12", 201, 212)),
    ]

    assert text(page(*rows)) == "| Code | Place | Count |\n| --- | --- | --- |\n| A-1 | North |  |\n|  | B-07 | 12 |"


def test_a_cell_on_two_lines_is_one_cell() -> None:
    rows = [
        row(500, ("Food", 200, 225), ("Count", 300, 330)),
        row(470, ("Leaves", 72, 105), ("Ash, Elm,", 200, 240)),
        row(456, ("Maple", 200, 228)),
        row(470, ("50", 300, 312)),
        row(440, ("Grain", 72, 100), ("Corn", 200, 220), ("200", 300, 318)),
        row(426, ("Barley", 200, 230)),
    ]

    found = text(page(*rows, line("Words below.", 380)))

    assert (
        found
        == "|  | Food | Count |\n| --- | --- | --- |\n| Leaves | Ash, Elm, Maple | 50 |\n| Grain | Corn Barley | 200 |\n\nWords below."
    )


def test_lines_side_by_side_that_are_no_rows_stay_apart() -> None:
    blocks = [
        row(500, ("First box", 72, 120)),
        row(488, ("goes on", 72, 110)),
        row(500, ("Second box", 300, 360)),
        row(488, ("too", 300, 320)),
    ]

    assert text(page(*blocks)) == "First box goes on\n\nSecond box too"


def test_a_wide_blank_in_one_row_is_no_column() -> None:
    rows = [
        row(500, ("Name", 72, 100), ("Place", 300, 330)),
        row(480, ("Chair", 72, 95), ("XXX", 108, 125), ("Room", 300, 330)),
        row(460, ("Desk", 72, 95), ("Hall", 300, 330)),
    ]

    assert text(page(*rows)).splitlines()[2] == "| Chair XXX | Room |"


def test_lines_with_gaps_that_stand_in_no_columns_stay_lines() -> None:
    rows = [
        row(500, ("one", 72, 100), ("two", 200, 240)),
        row(480, ("a longer piece of text that runs through", 72, 260), ("x", 300, 310)),
        row(460, ("b", 90, 100), ("c", 130, 140), ("d", 330, 340)),
    ]

    assert text(page(*rows)) == "one two\na longer piece of text that runs through x\nb c d"


def test_items_further_to_the_right_are_items_of_the_one_above() -> None:
    lines = [line("● one", 500), line("○ inner", 488, left=90), line("■ deep", 476, left=108), line("● two", 464)]

    assert (
        text(page(*lines, line("Words.", 440), line("○ alone", 400, left=90))) == "- one\n  - inner\n    - deep\n- two\n\nWords.\n\n- alone"
    )


def test_a_heading_in_slightly_larger_type_is_no_part_of_the_paragraph_below() -> None:
    lines = [line("(3) The rule about the text that is meant", 500, right=300, size=11), line("It goes on here.", 484, left=80, size=10)]

    assert text(page(*lines)).split("\n\n")[1] == "It goes on here."


def test_page_numbers_above_a_wide_margin_fall_away() -> None:
    pages = [page(line(f"content of page {n}.", 400), line(f"{n}", 140)) for n in range(1, 4)]

    assert text(*without_running_heads(pages)).split("\n\n") == [f"content of page {n}." for n in range(1, 4)]


def test_a_number_that_only_one_page_ends_with_stays() -> None:
    pages = [page(line("content.", 400), line("42", 140)), *(page(line(f"more {n}.", 400), line(f"text {n}.", 140)) for n in range(4))]

    assert "42" in text(*without_running_heads(pages))


def code(text: str, base: float, left: float = 72) -> TextLine:
    return TextLine((text,), left, left + 6 * len(text), base, 10, code=text, letter=6)


BODY = [line(f"plain words number {n} of the body that end here.", 380 - 30 * n, right=400) for n in range(12)]


def outlined(*lines: TextLine, titles: tuple[str, ...]) -> str:
    [blocks] = layout([page(*lines)], [OutlineEntry(title, 0, 0) for title in titles])
    return join_blocks(blocks)


def test_a_table_before_a_heading_of_the_outline_stays() -> None:
    shown = TextLine((), 72, 500, 600, 50, block="| a | b |\n| --- | --- |\n| 1 | 2 |")

    found = outlined(line("第一章 概述", 700), shown, line("第二章 安装", 560), titles=("第一章 概述", "第二章 安装", "第三章 使用"))

    assert found.split("\n\n") == ["# 第一章 概述", shown.block, "# 第二章 安装"]


def test_a_heading_with_a_raised_figure_is_found_in_the_outline() -> None:
    assert outlined(line("Area in m²", 700), line("Text.", 660), titles=("Area in m2", "b", "Text")).startswith("# Area in m²")


def test_a_picture_beside_a_heading_on_two_lines_follows_it() -> None:
    shown = TextLine((), 300, 500, 600, 100, block="![image](x.png)")

    found = outlined(
        line("Words of a", 700), shown, line("long title", 685), line("Text.", 660), titles=("Words of a long title", "b", "c")
    )

    assert found.split("\n\n") == ["# Words of a long title", shown.block, "Text."]


def test_an_item_before_a_heading_of_the_outline_is_no_part_of_it() -> None:
    lines = [line("1 概述", 700), line("3. 启动容器", 600), line("第三章 常见问题", 580), line("2.1 部署 手", 500), line("册说明", 480)]

    found = outlined(*lines, titles=("1 概述", "第三章 常见问题", "部署手册说明"))

    assert found.split("\n\n") == ["# 1 概述", "3. 启动容器", "# 第三章 常见问题", "# 2.1 部署 手册说明"]


def test_lines_of_code_are_a_fence_with_their_indents() -> None:
    lines = [code("def f(x):", 500), code("return x", 488, 96), code("", 476), code("f(1)", 464)]

    found = text(page(*(each for each in lines if each.code), *BODY)).split("\n\n")

    assert "\n\n".join(found[:2]) == "```\ndef f(x):\n    return x\n\nf(1)\n```"


def test_code_that_goes_on_over_a_page_end_is_one_fence() -> None:
    found = text(page(*BODY, code("a = [1,", 40)), page(code("     2]", 780), *BODY))

    assert "```\na = [1,\n     2]\n```" in found


def test_typewriter_letters_are_no_code_where_all_is_typed() -> None:
    assert "```" not in text(page(*(code(f"x = {n};", 700 - 12 * n) for n in range(20))))


def test_a_sentence_and_an_address_in_typewriter_letters_are_no_code() -> None:
    assert "```" not in text(page(code("This memo is set in a typewriter face.", 500), *BODY))
    assert "```" not in text(page(code("{ann,bob}@example.org", 500), code("https://example.org/x", 488), *BODY))


def test_blanks_of_typewriter_letters_are_told_by_their_places() -> None:
    assert typed("ifx:", [10, 16, 28, 34]) == ("if x:", 6)
    assert typed("a", [10]) == ("a", 0.0)
    assert typed("", []) == ("", 0.0)
