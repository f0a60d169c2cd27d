"""Workbooks and CSV files become tables of a readable length."""

from __future__ import annotations

import datetime

import pytest

from moorage.core.errors import DocumentUnreadable
from moorage.kb.parse import Source, parse
from moorage.kb.parse.sheet import shown
from moorage.kb.parse.sheet_blocks import sheet_blocks
from moorage.testing.documents import xlsx


def test_every_sheet_is_a_heading_and_its_table() -> None:
    parsed = parse(Source("a.xlsx", xlsx({"价格": [["型号", "数量"], ["R740", 2]], "空": [], "Two": [["x", "y"], ["1", 2.5]]})))

    assert parsed.markdown == "## 价格\n\n| 型号 | 数量 |\n| --- | --- |\n| R740 | 2 |\n\n## Two\n\n| x | y |\n| --- | --- |\n| 1 | 2.5 |"


def test_merged_cells_are_repeated_and_a_title_row_is_text() -> None:
    parsed = parse(Source("a.xlsx", xlsx({"s": [["统计", None], ["a", "b"], ["x", 1], [None, 2]]}, merged=["A1:B1", "A3:A4"])))

    assert parsed.markdown == "## s\n\n统计\n\n| a | b |\n| --- | --- |\n| x | 1 |\n| x | 2 |"


def test_percents_are_shown_as_percents() -> None:
    assert "| a | 25% |" in parse(Source("a.xlsx", xlsx({"s": [["n", "share"], ["a", 0.25]]}, percent_column="B"))).markdown


def test_a_long_sheet_repeats_its_header_every_thirty_rows() -> None:
    parsed = parse(Source("a.xlsx", xlsx({"s": [["id", "name"], *([n, f"n{n}"] for n in range(65))]})))

    tables = parsed.markdown.split("\n\n")[1:]
    assert [t.count("\n") - 1 for t in tables] == [30, 30, 5]
    assert all(t.startswith("| id | name |") for t in tables)


def test_hidden_sheets_are_left_out_with_a_notice() -> None:
    parsed = parse(Source("a.xlsx", xlsx({"seen": [["a", "b"]], "secret": [["c", "d"]]}, hidden="secret")))

    assert "c" not in parsed.markdown
    assert [n.code for n in parsed.notices] == ["sheet_hidden"]


def test_tables_side_by_side_and_below_each_other_are_told_apart() -> None:
    grid = [["a", "b", "", "c"], ["1", "2", "", "3"], ["", "", "", ""], ["d", "e", "", ""], ["4", "5", "", ""]]

    assert [block.text.split("\n")[0] for block in sheet_blocks(grid)] == ["| a | b |", "| c |", "| d | e |"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3.0, "3"),
        (0.1 + 0.2, "0.3"),
        (1e20, "1e+20"),
        (float("nan"), "nan"),
        (True, "TRUE"),
        (datetime.datetime(2026, 3, 4), "2026-03-04"),
        (datetime.datetime(2026, 3, 4, 5, 6), "2026-03-04 05:06"),
        (datetime.date(2026, 3, 4), "2026-03-04"),
        (datetime.time(9, 5), "09:05"),
        (datetime.timedelta(hours=30, minutes=1), "30:01:00"),
        (" x ", "x"),
    ],
)
def test_a_value_is_shown_as_a_person_would_write_it(value: float, text: str) -> None:
    assert shown(value) == text


@pytest.mark.parametrize("data", ["a,b\n1,2\n", "a;b\n1;2\n", "a\tb\n1\t2\n"])
def test_the_delimiter_of_a_csv_is_found(data: str) -> None:
    assert parse(Source("a.csv", data.encode("gb18030"))).markdown == "| a | b |\n| --- | --- |\n| 1 | 2 |"


def test_quoted_fields_keep_commas_and_line_breaks() -> None:
    assert '| "x", 1 | y<br>z |' in parse(Source("a.csv", b'a,b\n"""x"", 1","y\nz"\n')).markdown


def test_a_chinese_csv_in_gb18030_is_read() -> None:
    assert "| 北京 | 1 |" in parse(Source("a.csv", "城市,数量\n北京,1\n上海,2\n".encode("gb18030"))).markdown


def test_a_csv_with_a_field_longer_than_can_be_is_told() -> None:
    with pytest.raises(DocumentUnreadable, match="check the quotes"):
        parse(Source("a.csv", b'a,b\n"' + b"x" * 200_000))


def test_a_workbook_without_its_sheets_is_told() -> None:
    from moorage.testing.documents import archive

    with pytest.raises(DocumentUnreadable, match=r"a\.xlsx could not be read: the workbook is damaged"):
        parse(Source("a.xlsx", archive({"xl/workbook.xml": "<x/>"})))
