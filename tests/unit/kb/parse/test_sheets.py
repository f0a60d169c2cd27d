"""Workbooks and CSV files become tables of a readable length."""

from __future__ import annotations

import datetime

import pytest

from moorage.core.errors import DocumentUnreadable
from moorage.kb.parse import Source, delimited, parse
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


def test_a_delimiter_that_also_stands_in_texts_is_told_by_the_other_rows() -> None:
    rows = "".join(f"n{n};{n},5;x, y and z\n" for n in range(20))

    assert "| n3 | 3,5 | x, y and z |" in parse(Source("a.csv", f"a;b;c\n{rows}".encode())).markdown


def test_excels_line_about_the_delimiter_is_no_data() -> None:
    assert parse(Source("a.csv", b"sep=;\r\na;b\r\n1;2\r\n")).markdown == "| a | b |\n| --- | --- |\n| 1 | 2 |"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le", "utf-16-be"])
def test_a_chinese_csv_is_read_in_every_usual_encoding(encoding: str) -> None:
    text = "城市,数量,备注\n" + "".join(f"北京{n},{n},无\n" for n in range(40))

    assert "| 北京7 | 7 | 无 |" in parse(Source("a.csv", text.encode(encoding))).markdown


def test_rows_of_different_lengths_keep_all_their_fields() -> None:
    assert parse(Source("a.csv", b"a,b\n1\n1,2,3\n")).markdown == "| a | b |  |\n| --- | --- | --- |\n| 1 |  |  |\n| 1 | 2 | 3 |"


def test_a_quote_that_is_never_closed_loses_no_rows() -> None:
    lines = "".join(f"{n},x\n" for n in range(40_000))

    parsed = parse(Source("a.csv", f'id,name\n1,"open\n{lines}'.encode()))

    assert [n.code for n in parsed.notices] == ["quotes_ignored"]
    assert "| 39999 | x |" in parsed.markdown


def test_a_title_line_above_a_csv_is_text() -> None:
    assert parse(Source("a.csv", b"Sales 2026,,\nid,name,n\n1,x,2\n")).markdown.startswith("Sales 2026\n\n| id | name | n |")


def test_a_csv_of_too_many_rows_is_cut_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "SHEET_ROWS", 10)

    parsed = parse(Source("a.csv", b"a,b\n" + b"1,2\n" * 30))

    assert [n.code for n in parsed.notices] == ["sheet_cut"]


def test_a_header_of_two_rows_is_joined() -> None:
    rows = [["部门", "收入", None, "支出", None], [None, "一月", "二月", "一月", "二月"], ["甲", 1, 2, 3, 4], ["乙", 5, 6, 7, 8]]

    parsed = parse(Source("a.xlsx", xlsx({"s": rows}, merged=["A1:A2", "B1:C1", "D1:E1"])))

    assert "| 部门 | 收入 / 一月 | 收入 / 二月 | 支出 / 一月 | 支出 / 二月 |\n| --- | --- | --- | --- | --- |\n| 甲 |" in parsed.markdown


def test_a_form_with_merged_values_has_no_header_of_two_rows() -> None:
    rows = [["姓名", "张三", None, "性别"], ["地址", "北京", None, "男"], ["电话", "1", None, "x"]]

    assert "| 姓名 | 张三 | 张三 | 性别 |" in parse(Source("a.xlsx", xlsx({"s": rows}, merged=["B1:C1", "B2:C2"]))).markdown


def test_rows_of_numbers_alone_have_an_empty_header() -> None:
    assert [b.text for b in sheet_blocks([["1.5", "2"], ["3", "4"]])] == ["|  |  |\n| --- | --- |\n| 1.5 | 2 |\n| 3 | 4 |"]


def test_a_table_that_goes_on_after_an_empty_row_keeps_its_header() -> None:
    grid = [["品名", "数量"], ["甲", "1"], ["", ""], ["乙", "2"], ["丙", "3"], ["", ""], ["地区", "说明"], ["北京", "无"]]

    assert [block.text.split("\n")[0] for block in sheet_blocks(grid)] == ["| 品名 | 数量 |", "| 品名 | 数量 |", "| 地区 | 说明 |"]


def test_a_merged_line_through_the_table_says_its_text_once_and_one_below_it_is_text() -> None:
    rows = [["a", "b", "c"], ["一、收入", None, None], ["x", 1, 2], ["注：单位万元", None, None]]

    parsed = parse(Source("a.xlsx", xlsx({"s": rows}, merged=["A2:C2", "A4:C4"])))

    assert "| 一、收入 |  |  |" in parsed.markdown
    assert parsed.markdown.endswith("| x | 1 | 2 |\n\n注：单位万元")


def test_a_title_over_two_tables_side_by_side_is_text_above_both() -> None:
    grid = [["t", "t", "t", "t", "t"], ["a", "b", "", "c", "d"], ["1", "2", "", "3", "4"]]

    assert [block.text.split("\n")[0] for block in sheet_blocks(grid)] == ["t", "| a | b |", "| c | d |"]


def test_quoted_fields_keep_commas_and_line_breaks() -> None:
    assert '| "x", 1 | y<br>z |' in parse(Source("a.csv", b'a,b\n"""x"", 1","y\nz"\n')).markdown


def test_a_chinese_csv_in_gb18030_is_read() -> None:
    assert "| 北京 | 1 |" in parse(Source("a.csv", "城市,数量\n北京,1\n上海,2\n".encode("gb18030"))).markdown


def test_a_workbook_without_its_sheets_is_told() -> None:
    from moorage.testing.documents import archive

    with pytest.raises(DocumentUnreadable, match=r"a\.xlsx could not be read: the workbook is damaged"):
        parse(Source("a.xlsx", archive({"xl/workbook.xml": "<x/>"})))


def test_a_very_long_field_is_read() -> None:
    parsed = parse(Source("a.csv", b"a,b\n" + b"x" * 200_000 + b",1\n"))

    assert parsed.markdown.endswith("xx | 1 |") and parsed.notices == ()
