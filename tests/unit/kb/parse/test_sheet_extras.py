"""What stands in a workbook beside its values: how numbers look, errors, links, comments, pictures, charts."""

from __future__ import annotations

import pytest

from moorage.core.errors import DocumentUnreadable
from moorage.kb.parse import Parsed, Source, limits, parse, sheet
from moorage.kb.parse.number_format import number_format
from moorage.kb.parse.soffice import convert, find_soffice
from moorage.testing.documents import archive, cell, ods, png, relationships, workbook, xlsx

SPREADSHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
DRAWING = (
    '<xdr:wsDr xmlns:xdr="http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing" '
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">{}</xdr:wsDr>'
)


def read(data: bytes, name: str = "a.xlsx") -> Parsed:
    return parse(Source(name, data))


def row(number: int, *cells: str) -> str:
    return f'<row r="{number}">{"".join(cells)}</row>'


def anchor(at: tuple[int, int], inside: str) -> str:
    start = f"<xdr:from><xdr:col>{at[1]}</xdr:col><xdr:row>{at[0]}</xdr:row></xdr:from>"
    return f"<xdr:twoCellAnchor>{start}{inside}</xdr:twoCellAnchor>"


def picture(alt: str = "") -> str:
    return f'<xdr:pic><xdr:nvPicPr><xdr:cNvPr id="1" name="p" descr="{alt}"/></xdr:nvPicPr><xdr:blipFill><a:blip r:embed="i1"/></xdr:blipFill></xdr:pic>'


def drawn(rows: str, *anchors: str) -> bytes:
    return workbook(
        rows,
        relations=[("d1", "drawing", "../drawings/drawing1.xml")],
        parts={
            "xl/drawings/drawing1.xml": DRAWING.format("".join(anchors)),
            "xl/drawings/_rels/drawing1.xml.rels": relationships([("i1", "image", "../media/a.png"), ("c1", "chart", "../charts/c.xml")]),
            "xl/media/a.png": png(),
        },
    )


@pytest.mark.parametrize(
    ("code", "value", "text"),
    [
        ("0.00%", 0.15, "15.00%"),
        ("#,##0.00", 1234567.891, "1,234,567.89"),
        ("¥#,##0.00;[Red]-¥#,##0.00", -12.5, "-¥12.50"),
        ("[$€-407] #,##0", 1234, "€ 1,234"),
        ("000000", 123, "000123"),
        ("000-0000-0000", 13800138000, "138-0013-8000"),
        ('0!.0,"万"', 123456, "12.3万"),
        ('[>=10000]0!.0,"万";0', 12, "12"),
        ('0.0,"k"', 45000.25, "45.0k"),
        ('G/通用格式"元"', 12.5, "12.5元"),
        ("0.00E+00", 45000.25, "4.50E+04"),
        ("#,##0_);(#,##0)", -1234, "(1,234)"),
        ("0.0#", 1.5, "1.5"),
        ("0.00", 0.125, "0.13"),
        ("0%", -0.004, "0%"),
        ("0.00", 1e300, "1e+300"),
        ("[$-804]aaaa;@", 45000, "星期三"),
        ("aaa", 45004.75, "日"),
        ('"周"aaa', 45000, "周三"),
    ],
)
def test_numbers_look_as_the_workbook_shows_them(code: str, value: float, text: str) -> None:
    rows = row(1, cell("A1", "n"), cell("B1", "v")) + row(2, cell("A2", "x"), cell("B2", value, style=1))

    assert f"| x | {text} |" in read(workbook(rows, formats=[code])).markdown


@pytest.mark.parametrize("code", ["General", "yyyy-mm-dd", "# ?/?", "[DBNum1][$-804]0", ";;;", '"' * 400, "[>", "@"])
def test_a_format_that_says_nothing_of_a_number_leaves_it_plain(code: str) -> None:
    assert number_format(code) is None


def test_a_date_is_shown_in_iso_form_whatever_its_format() -> None:
    rows = row(1, cell("A1", "n"), cell("B1", 45000, style=1), cell("C1", 45000.5, style=1))

    assert "| n | 2023-03-15 | 2023-03-15 12:00 |" in read(workbook(rows, formats=['yyyy"年"m"月"d"日"'])).markdown


def test_errors_and_truth_values_are_kept() -> None:
    rows = row(1, cell("A1", "n"), cell("B1", "#DIV/0!", kind="e", formula="1/0"), cell("C1", "1", kind="b"))

    assert "| n | #DIV/0! | TRUE |" in read(workbook(rows)).markdown


def test_formulas_without_a_stored_result_are_told() -> None:
    rows = row(
        1, cell("A1", "n"), cell("B1", "", formula="SUM(C1:C9)"), cell("C1", 3, formula="1+2"), cell("D1", "", kind="str", formula="T(1)")
    )

    notices = read(workbook(rows)).notices

    assert [(n.code, n.en[:9]) for n in notices] == [("formula_without_result", "1 formula")]


def test_links_keep_their_address() -> None:
    rows = row(1, cell("A1", "here"), cell("B1", "there", kind="str", formula='HYPERLINK("https://example.org/b","there")'))
    data = workbook(
        rows, after='<hyperlinks><hyperlink ref="A1" r:id="h1"/></hyperlinks>', relations=[("h1", "hyperlink", "https://example.org/a")]
    )

    assert "| [here](https://example.org/a) | [there](https://example.org/b) |" in read(data).markdown


def test_comments_stand_in_their_cell_and_a_conversation_replaces_its_note() -> None:
    talk = "http://schemas.microsoft.com/office/spreadsheetml/2018/threadedcomments"
    notes = "".join(
        f'<comment ref="{at}"><text><r><t>{text}</t></r></text></comment>' for at, text in (("A1", "请复核"), ("B1", "[Threaded]"))
    )
    data = workbook(
        row(1, cell("A1", 1), cell("B1", "x")),
        relations=[("k1", "comments", "../comments1.xml"), ("k2", "threadedComment", "../threadedComments/t.xml")],
        parts={
            "xl/comments1.xml": f'<comments xmlns="{SPREADSHEET}"><commentList>{notes}</commentList></comments>',
            "xl/threadedComments/t.xml": f'<ThreadedComments xmlns="{talk}"><threadedComment ref="B1"><text>why?</text></threadedComment></ThreadedComments>',
        },
    )

    assert "| 1<br>[批注：请复核] | x<br>[Comment: why?] |" in read(data).markdown


def test_a_picture_stands_in_the_cell_it_is_anchored_to() -> None:
    rows = row(1, cell("A1", "型号"), cell("B1", "照片")) + row(2, cell("A2", "R740"))

    parsed = read(drawn(rows, anchor((1, 1), picture("正面"))))

    assert parsed.markdown.endswith(f"| R740 | ![正面]({parsed.pictures[0].name}) |")


def test_a_picture_far_from_all_cells_follows_them() -> None:
    parsed = read(drawn(row(1, cell("A1", "a"), cell("B1", "b")), anchor((900_000, 16_000), picture())))

    assert parsed.markdown.endswith(f"![]({parsed.pictures[0].name})")


def test_a_missing_picture_is_told() -> None:
    data = drawn(row(1, cell("A1", "a"), cell("B1", "b")), anchor((0, 0), picture().replace("i1", "i9")))

    assert [n.code for n in read(data).notices] == ["picture_missing"]


def test_pictures_that_are_the_value_of_a_cell_in_wps_are_shown() -> None:
    images = DRAWING.format(f"<cellImage>{picture('图').replace(chr(34) + 'p' + chr(34), chr(34) + 'ID_7F' + chr(34))}</cellImage>")
    data = workbook(
        row(1, cell("A1", "n"), cell("B1", '=DISPIMG("ID_7F",1)', kind="str", formula='_xlfn.DISPIMG("ID_7F",1)')),
        parts={
            "xl/cellimages.xml": images,
            "xl/_rels/cellimages.xml.rels": relationships([("i1", "image", "media/a.png")]),
            "xl/media/a.png": png(),
        },
    )

    parsed = read(data)

    assert f"| n | ![图]({parsed.pictures[0].name}) |" in parsed.markdown


def test_pictures_that_are_the_value_of_a_cell_in_excel_are_shown() -> None:
    rich = "http://schemas.microsoft.com/office/spreadsheetml/2017/richdata"
    metadata = (
        f'<metadata xmlns="{SPREADSHEET}" xmlns:x="{rich}"><futureMetadata name="XLRICHVALUE"><bk><extLst><ext><x:rvb i="0"/></ext></extLst></bk>'
        '</futureMetadata><valueMetadata><bk><rc t="1" v="0"/></bk></valueMetadata></metadata>'
    )
    keys = '<s t="_localImage"><k n="_rvRel:LocalImageIdentifier" t="i"/><k n="Text" t="s"/></s>'
    data = workbook(
        row(1, cell("A1", "n"), cell("B1", "#VALUE!", kind="e", extra=' vm="1"')),
        parts={
            "xl/metadata.xml": metadata,
            "xl/richData/rdrichvalue.xml": f'<rvData xmlns="{rich}"><rv s="0"><v>0</v><v>cat</v></rv></rvData>',
            "xl/richData/rdrichvaluestructure.xml": f'<rvStructures xmlns="{rich}">{keys}</rvStructures>',
            "xl/richData/richValueRel.xml": '<richValueRels xmlns="http://schemas.microsoft.com/office/spreadsheetml/2022/richvaluerel" '
            'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><rel r:id="i1"/></richValueRels>',
            "xl/richData/_rels/richValueRel.xml.rels": relationships([("i1", "image", "../media/a.png")]),
            "xl/media/a.png": png(),
        },
    )

    parsed = read(data)

    assert f"| n | ![cat]({parsed.pictures[0].name}) |" in parsed.markdown


def test_text_boxes_follow_the_table() -> None:
    box = "<xdr:sp><xdr:txBody><a:p><a:r><a:t>说明文字</a:t></a:r></a:p></xdr:txBody></xdr:sp>"

    assert read(drawn(row(1, cell("A1", "a"), cell("B1", "b")), anchor((0, 0), box))).markdown.endswith("\n\n说明文字")


def test_a_chart_without_values_is_told() -> None:
    data = drawn(row(1, cell("A1", "a"), cell("B1", "b")), anchor((0, 5), '<xdr:graphicFrame><c:chart r:id="c1"/></xdr:graphicFrame>'))

    assert [n.code for n in read(data).notices] == ["drawing_not_read"]


def test_hidden_rows_are_read_and_told() -> None:
    parsed = read(workbook(row(1, cell("A1", "a"), cell("B1", "b")) + f'<row r="2" hidden="1">{cell("A2", "kept")}{cell("B2", "x")}</row>'))

    assert "kept" in parsed.markdown
    assert [n.code for n in parsed.notices] == ["rows_hidden"]


def test_a_sheet_of_too_many_rows_is_cut_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet, "SHEET_ROWS", 100)

    parsed = read(xlsx({"s": [["id", "n"], *([n, "x"] for n in range(300))]}))

    assert "| 98 | x |" in parsed.markdown
    assert "| 99 | x |" not in parsed.markdown
    assert [n.en for n in parsed.notices] == [
        "Of the sheet s only the first 100 rows were read (it has 301); split it, or keep such data in a database."
    ]


def test_far_cells_keep_their_formats_dates_texts_and_merged_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    strings = f'<sst xmlns="{SPREADSHEET}"><si><r><t>甲</t></r><r><t>乙</t></r><rPh><t>x</t></rPh></si></sst>'
    rows = row(1, cell("A1", "0", kind="s"), cell("B1", "b")) + row(
        1_048_576, cell("XFC1048576", 0.5, style=1), cell("XFD1048576", 45000, style=2)
    )
    data = workbook(
        rows,
        formats=["0%", "yyyy-mm-dd"],
        after='<mergeCells><mergeCell ref="A1:A2"/></mergeCells>',
        parts={"xl/sharedStrings.xml": strings},
    )

    assert read(data).markdown == "## s\n\n| 甲乙 | b |\n| --- | --- |\n\n| 50% | 2023-03-15 |\n| --- | --- |"


def test_a_merged_range_of_the_whole_sheet_costs_nothing() -> None:
    merged = "".join('<mergeCell ref="A1:XFD1048576"/>' for _ in range(2000))
    rows = row(1, cell("A1", "t"), cell("B1", "")) + row(2, cell("A2", ""), cell("B2", "x"))

    assert "t" in read(workbook(rows, after=f"<mergeCells>{merged}</mergeCells>")).markdown


def test_opendocument_cells_are_read_as_they_look() -> None:
    def one(text: str, attributes: str = "", inside: str = "") -> str:
        return f"<table:table-cell {attributes}>{inside}<text:p>{text}</text:p></table:table-cell>"

    note = "<office:annotation><text:p>see</text:p></office:annotation>"
    day = 'office:value-type="date" office:date-value="2026-03-04T00:00:00"'
    rows = (
        f"<table:table-row>{one('a')}{one('b')}{one('c')}</table:table-row>"
        f"<table:table-row>{one('15.00%', 'office:value-type=' + chr(34) + 'percentage' + chr(34) + ' office:value=' + chr(34) + '0.15' + chr(34))}"
        f"{one('4 Mar', day)}{one('x', inside=note)}</table:table-row>"
        '<table:table-row table:number-rows-repeated="1048000"><table:table-cell table:number-columns-repeated="16384"/></table:table-row>'
        f"<table:table-row>{one('z', 'table:number-columns-repeated=' + chr(34) + '2' + chr(34))}</table:table-row>"
    )

    parsed = read(ods(rows), "a.ods")

    assert parsed.markdown == "## s\n\n| a | b | c |\n| --- | --- | --- |\n| 15.00% | 2026-03-04 | x<br>[Comment: see] |\n\nz"


def test_an_opendocument_sheet_that_repeats_a_row_a_million_times_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet, "WORKBOOK_CELLS", 1000)
    cells = '<table:table-cell table:number-columns-repeated="10"><text:p>x</text:p></table:table-cell>'

    parsed = read(ods(f'<table:table-row table:number-rows-repeated="1048576">{cells}</table:table-row>'), "a.ods")

    assert [n.code for n in parsed.notices] == ["sheet_cut"]
    assert limits.WORKBOOK_CELLS > 1000


def test_a_workbook_with_entities_is_refused() -> None:
    from moorage.core.errors import DocumentUnreadable

    bomb = '<!DOCTYPE x [<!ENTITY a "b">]><worksheet><sheetData/></worksheet>'

    with pytest.raises(DocumentUnreadable, match="XML entities"):
        read(archive({"xl/workbook.xml": bomb, "_rels/.rels": relationships([("r", "officeDocument", "xl/workbook.xml")])}))


TO = "<xdr:to><xdr:col>3</xdr:col><xdr:row>5</xdr:row></xdr:to>"


def test_pictures_of_an_old_workbook_are_told() -> None:
    program = find_soffice()
    if program is None:
        pytest.skip("LibreOffice is not installed here")
    office = "application/vnd.openxmlformats-officedocument"
    kinds = "".join(
        f'<Override PartName="/xl/{part}" ContentType="{office}.{kind}+xml"/>'
        for part, kind in (
            ("workbook.xml", "spreadsheetml.sheet.main"),
            ("worksheets/sheet1.xml", "spreadsheetml.worksheet"),
            ("styles.xml", "spreadsheetml.styles"),
            ("drawings/drawing1.xml", "drawing"),
        )
    )
    rels = "application/vnd.openxmlformats-package.relationships+xml"
    defaults = f'<Default Extension="rels" ContentType="{rels}"/><Default Extension="xml" ContentType="application/xml"/>'
    defaults += '<Default Extension="png" ContentType="image/png"/>'
    types = f'<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">{defaults}{kinds}</Types>'
    cells = row(1, cell("A1", "甲"))
    drawing = DRAWING.format(anchor((1, 1), picture()).replace("</xdr:from>", "</xdr:from>" + TO))
    parts: dict[str, str | bytes] = {
        "[Content_Types].xml": types,
        "xl/drawings/drawing1.xml": drawing,
        "xl/drawings/_rels/drawing1.xml.rels": relationships([("i1", "image", "../media/a.png")]),
        "xl/media/a.png": png(40, 40),
    }
    shown = workbook(cells, after='<drawing r:id="d1"/>', relations=[("d1", "drawing", "../drawings/drawing1.xml")], parts=parts)

    def old(data: bytes) -> bytes:
        return convert(program, [("a.xlsx", data)], "xls")["a"]

    assert [n.code for n in read(old(shown), "a.xls").notices] == ["pictures_left_out"]
    assert read(old(workbook(cells, parts={"[Content_Types].xml": types})), "a.xls").notices == ()


def test_a_sheet_with_signs_that_xml_forbids_is_read_all_the_same() -> None:
    rows = row(1, cell("A1", "n"), cell("B1", "v")) + row(2, cell("A2", "甲AAA"), cell("B2", 0.5, style=1))
    found = read(workbook(rows.replace("AAA", "&#xD83D;&nbsp;乙"), formats=["0%"]))

    assert "| 甲 乙 | 50% |" in found.markdown.replace("\xa0", " ")
    assert [notice.code for notice in found.notices] == ["part_damaged"]


def test_a_workbook_with_damaged_shared_strings_is_read_as_far_as_it_goes() -> None:
    strings = '<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>甲&#xDC00;</t></si><si><t>乙</t></si></sst>'
    rows = row(1, cell("A1", "0", kind="s"), cell("B1", "1", kind="s"))
    links = relationships([("rId1", "worksheet", "worksheets/sheet1.xml"), ("rIdT", "sharedStrings", "sharedStrings.xml")])
    found = read(workbook(rows, parts={"xl/sharedStrings.xml": strings, "xl/_rels/workbook.xml.rels": links}))

    assert "| 甲 | 乙 |" in found.markdown


def test_a_workbook_without_its_list_of_sheets_says_so() -> None:
    with pytest.raises(DocumentUnreadable, match="damaged"):
        read(workbook(row(1, cell("A1", "n")), parts={"xl/workbook.xml": "<workbook/>"}))
