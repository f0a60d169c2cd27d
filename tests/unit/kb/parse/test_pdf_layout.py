"""The layout of PDF lines, without any PDF."""

from __future__ import annotations

from moorage.kb.parse.markdown import join_blocks
from moorage.kb.parse.pdf.layout import layout, without_running_heads
from moorage.kb.parse.pdf.lines import PageText, TextLine


def line(text: str, base: float, *, left: float = 72, right: float = 0, size: float = 10, bold: bool = False) -> TextLine:
    return TextLine(tuple(text.split("\t")), left, right or left + 5 * len(text), base, size, bold)


def page(*lines: TextLine) -> PageText:
    return PageText(lines, 600, 800)


def text(*pages: PageText) -> str:
    return join_blocks(block for blocks in layout(pages, ()) for block in blocks)


def test_a_hyphenated_word_is_joined() -> None:
    assert text(page(line("the knowl-", 500, right=300), line("edge base", 488, right=120))) == "the knowledge base"


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
