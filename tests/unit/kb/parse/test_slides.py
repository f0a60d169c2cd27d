"""Presentations: a heading per slide, and the slide as the page."""

from __future__ import annotations

import io
from zipfile import ZipFile

import pytest

from moorage.core.errors import DocumentUnreadable
from moorage.kb.parse import Parsed, Source, parse
from moorage.testing.documents import archive, png, pptx, relationships, shape, slides_xml

CHART = 'xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart" xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'


def read(data: bytes) -> Parsed:
    return parse(Source("a.pptx", data))


def changed(data: bytes, *gone: str, **parts: str) -> bytes:
    with ZipFile(io.BytesIO(data)) as old:
        return archive({**{n: old.read(n) for n in old.namelist() if n not in gone}, **parts})


def codes(parsed: Parsed) -> list[str]:
    return [notice.code for notice in parsed.notices]


def line(text: str, properties: str) -> str:
    return f"<a:p><a:pPr{properties}</a:pPr><a:r><a:t>{text}</a:t></a:r></a:p>"


def frame(inside: str) -> str:
    return f"<p:graphicFrame><a:graphic><a:graphicData>{inside}</a:graphicData></a:graphic></p:graphicFrame>"


def test_titles_are_headings_and_slides_are_pages() -> None:
    parsed = read(pptx(("部署", ["解压", "启动"]), ("Second", ["one line"]), notes="say this"))

    assert parsed.markdown == "## 部署\n\n- 解压\n- 启动\n\n> **Notes:** say this\n\n## Second\n\none line"
    assert [(p.page, parsed.markdown[p.offset :].split("\n")[0]) for p in parsed.pages] == [(1, "## 部署"), (2, "## Second")]


def test_every_line_that_python_pptx_finds_is_read() -> None:
    from pptx import Presentation

    data = pptx(("甲", ["一", "二"]), ("乙", ["三"]), ("丙", []))

    theirs = [s.text_frame.text for slide in Presentation(io.BytesIO(data)).slides for s in slide.shapes if s.has_text_frame]
    assert [line for text in theirs for line in text.split("\n") if line not in read(data).markdown] == []


def test_shapes_are_read_from_top_to_bottom_and_column_by_column_where_they_stand_side_by_side() -> None:
    left = shape("left", at=(0, 1000), size=(2000, 3000))
    right = shape("right 1", at=(3000, 1100), size=(2000, 900)) + shape("right 2", at=(3000, 2500), size=(2000, 900))

    parsed = read(slides_xml(right + shape("below", at=(0, 5000)) + left + shape("T", kind="title", at=(0, 100))))

    assert parsed.markdown == "## T\n\nleft\n\nright 1\n\nright 2\n\nbelow"


def test_groups_are_read_whole_and_inside_in_order() -> None:
    group = f"<p:grpSp><p:grpSpPr><a:xfrm><a:off x='0' y='2000000'/><a:ext cx='1' cy='1'/></a:xfrm></p:grpSpPr>{shape('g2', at=(0, 9000))}{shape('g1', at=(0, 100))}</p:grpSp>"

    assert read(slides_xml(group + shape("first", at=(0, 1000)))).markdown == "## Slide 1\n\nfirst\n\ng1\n\ng2"


def test_bullets_and_numbers_are_those_the_slide_shows() -> None:
    number = '><a:buAutoNum type="arabicPeriod"/>'
    again = '><a:buAutoNum type="arabicPeriod" startAt="3"/>'
    lines = [line("a", number), line("a1", ' lvl="1"><a:buChar char="•"/>'), line("b", number), "plain", line("c", again)]

    assert read(slides_xml(shape(*lines))).markdown == "## Slide 1\n\n1. a\n   - a1\n2. b\n\nplain\n\n3. c"


def test_a_large_line_at_the_top_is_the_title_of_a_slide_that_has_none() -> None:
    parsed = read(slides_xml(shape("正文", at=(0, 3000)) + shape("架构总览", at=(0, 200), letters=3600)))

    assert parsed.markdown == "## 架构总览\n\n正文"


def test_a_slide_without_a_title_has_its_number_in_the_language_of_its_text() -> None:
    assert read(slides_xml(shape("text"), shape("文字"))).markdown == "## Slide 1\n\ntext\n\n## 幻灯片 2\n\n文字"


def test_tables_repeat_merged_cells() -> None:
    def cell(text: str, merge: str = "") -> str:
        return f"<a:tc {merge}><a:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></a:txBody></a:tc>"

    merged = cell("x", 'gridSpan="2"') + cell("", 'hMerge="1"')
    rows = f"<a:tr>{merged}</a:tr><a:tr>{cell('1')}{cell('a|b')}</a:tr>"

    assert "| x | x |\n| --- | --- |\n| 1 | a\\|b |" in read(slides_xml(frame(f"<a:tbl>{rows}</a:tbl>"))).markdown


def test_a_chart_is_its_title_and_a_table_of_its_values() -> None:
    def points(kind: str, *values: str) -> str:
        inside = "".join(f'<c:pt idx="{n}"><c:v>{value}</c:v></c:pt>' for n, value in enumerate(values))
        return f"<c:{kind}Ref><c:{kind}Cache>{'<c:formatCode>0.0%</c:formatCode>' if kind == 'num' else ''}{inside}</c:{kind}Cache></c:{kind}Ref>"

    series = f"<c:ser><c:tx>{points('str', '占比')}</c:tx><c:cat>{points('str', '一月', '二月')}</c:cat><c:val>{points('num', '0.5', '0.25')}</c:val></c:ser>"
    title = "<c:title><c:tx><c:rich><a:p><a:r><a:t>销售</a:t></a:r></a:p></c:rich></c:tx></c:title>"
    chart = f"<c:chartSpace {CHART}><c:chart>{title}<c:plotArea><c:barChart>{series}</c:barChart></c:plotArea></c:chart></c:chartSpace>"
    deck = slides_xml(frame('<c:chart r:id="c1"/>'), relations=[("c1", "chart", "../charts/c.xml")], parts={"ppt/charts/c.xml": chart})

    assert "销售\n\n|  | 占比 |\n| --- | --- |\n| 一月 | 50.0% |\n| 二月 | 25.0% |" in read(deck).markdown


def test_a_chart_that_keeps_nothing_is_told() -> None:
    deck = slides_xml(frame('<c:chart r:id="c1"/>'), relations=[("c1", "chart", "../charts/c.xml")])

    assert codes(read(deck)) == ["drawing_not_read", "no_text"]


def test_a_diagram_is_a_nested_list() -> None:
    def point(name: str, text: str, kind: str = "node") -> str:
        return f'<dgm:pt modelId="{name}" type="{kind}"><dgm:t><a:p><a:r><a:t>{text}</a:t></a:r></a:p></dgm:t></dgm:pt>'

    names = 'xmlns:dgm="http://schemas.openxmlformats.org/drawingml/2006/diagram" xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
    links = [("0", "1", 0), ("0", "3", 1), ("1", "2", 0)]
    connections = "".join(f'<dgm:cxn srcId="{a}" destId="{b}" srcOrd="{n}"/>' for a, b, n in links)
    points = point("0", "", "doc") + point("3", "部署") + point("1", "设计") + point("2", "评审") + point("9", "shown", "pres")
    deck = slides_xml(
        frame('<dgm:relIds r:dm="d1"/>'),
        relations=[("d1", "diagramData", "../diagrams/data1.xml")],
        parts={"ppt/diagrams/data1.xml": f"<dgm:dataModel {names}>{points}{connections}</dgm:dataModel>"},
    )

    assert "- 设计\n  - 评审\n- 部署" in read(deck).markdown
    assert "shown" not in read(deck).markdown


def test_links_keep_their_address() -> None:
    text = '<a:p><a:r><a:rPr><a:hlinkClick r:id="l1"/></a:rPr><a:t>here</a:t></a:r></a:p>'

    assert "[here](https://example.org/)" in read(slides_xml(shape(text), relations=[("l1", "hyperlink", "https://example.org/")])).markdown


def test_sections_are_headings_above_their_slides() -> None:
    names = 'xmlns:p14="http://schemas.microsoft.com/office/powerpoint/2010/main"'
    sections = f'<p14:sectionLst {names}><p14:section name="背景"><p14:sldIdLst><p14:sldId id="257"/></p14:sldIdLst></p14:section></p14:sectionLst>'

    parsed = read(slides_xml(shape("a", kind="title"), shape("b", kind="title"), list_xml=sections))

    assert parsed.markdown == "## a\n\n# 背景\n\n## b"
    assert parsed.markdown[parsed.pages[1].offset :].startswith("# 背景")


def test_hidden_slides_and_sound_are_told() -> None:
    sound = '<p:pic><p:nvPicPr><p:nvPr><a:audioFile r:link="x"/></p:nvPr></p:nvPicPr></p:pic>'

    parsed = read(slides_xml(shape("a"), shape("b") + sound, hidden=[1]))

    assert codes(parsed) == ["slide_hidden", "media_left_out"]
    assert "a" in parsed.markdown
    assert parsed.notices[0].zh == "隐藏的幻灯片也已读取：1。"


def test_dates_footers_and_slide_numbers_are_left_out() -> None:
    assert read(slides_xml(shape("x") + shape("7", kind="sldNum") + shape("acme", kind="ftr"))).markdown == "## Slide 1\n\nx"


def test_comments_follow_the_slide() -> None:
    comments = (
        '<p:cmLst xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"><p:cm><p:text>请核对</p:text></p:cm></p:cmLst>'
    )
    deck = slides_xml(shape("x"), relations=[("k", "comments", "../comments/c.xml")], parts={"ppt/comments/c.xml": comments})

    assert read(deck).markdown.endswith("> **批注：** 请核对")


def test_a_picture_is_taken_out() -> None:
    parsed = read(pptx(("t", ["x"]), image=png()))

    assert parsed.pictures[0].data == png()
    assert f"]({parsed.pictures[0].name})" in parsed.markdown


def test_a_missing_picture_is_a_notice() -> None:
    parsed = read(changed(pptx(("网络", ["拓扑"]), image=png()), "ppt/media/image1.png"))

    assert codes(parsed) == ["picture_missing"]
    assert "网络" in parsed.notices[0].zh
    assert "拓扑" in parsed.markdown


@pytest.mark.parametrize("target", ["NULL", "../NULL", "../../../etc/passwd", "#_top"])
def test_a_picture_that_points_nowhere_stops_nothing(target: str) -> None:
    pic = '<p:pic><p:blipFill><a:blip r:embed="i1"/></p:blipFill></p:pic>'

    parsed = read(slides_xml(shape("x") + pic, shape("y"), relations=[("i1", "image", target)]))

    assert codes(parsed) == ["picture_missing"]
    assert "x" in parsed.markdown and "y" in parsed.markdown


def test_a_linked_picture_is_never_fetched() -> None:
    pic = '<p:pic><p:blipFill><a:blip r:link="i1"/></p:blipFill></p:pic>'

    assert codes(read(slides_xml(pic, relations=[("i1", "image", "https://example.org/a.png")]))) == ["picture_external"]


def test_an_empty_presentation_is_read_and_told() -> None:
    assert codes(read(pptx())) == ["no_text"]


def test_slides_are_read_by_name_where_their_list_is_gone() -> None:
    deck = pptx(*((f"t{n}", [f"x{n}"]) for n in range(1, 12)))

    parsed = read(changed(deck, "ppt/presentation.xml"))

    assert codes(parsed) == ["slides_by_name"]
    assert [line for line in parsed.markdown.split("\n") if line.startswith("#")] == [f"## t{n}" for n in range(1, 12)]


def test_a_slide_that_is_listed_and_not_there_is_told_by_its_number() -> None:
    parsed = read(changed(slides_xml(shape("a"), shape("b"), shape("c")), "ppt/slides/slide2.xml"))

    assert [notice.en for notice in parsed.notices] == ["Page 2 could not be read."]
    assert parsed.markdown == "## Slide 1\n\na\n\n## Slide 3\n\nc"
    assert [page.page for page in parsed.pages] == [1, 2, 3]


def test_relationships_that_lead_nowhere_stop_nothing() -> None:
    deck = slides_xml(shape("kept"), relations=[("r9", "slideLayout", "NULL"), ("r8", "notesSlide", "../NULL")])
    broken = changed(
        deck, **{"_rels/.rels": relationships([("rId1", "officeDocument", "/ppt/presentation.xml"), ("r2", "thumbnail", "NULL")])}
    )

    assert "kept" in read(broken).markdown


def test_a_presentation_without_slides_or_a_list_of_them_is_told() -> None:
    with pytest.raises(DocumentUnreadable, match=r"a\.pptx could not be read: the presentation is damaged"):
        read(archive({"[Content_Types].xml": "<x/>", "ppt/presProps.xml": "<x/>"}))


def test_groups_nested_a_thousand_deep_end() -> None:
    deep = "<p:grpSp>" * 1000 + shape("deep") + "</p:grpSp>" * 1000

    assert "top" in read(slides_xml(shape("top") + deep, shape("next"))).markdown


def test_raised_figures_are_kept_apart() -> None:
    line = '<a:p><a:r><a:t>10</a:t></a:r><a:r><a:rPr baseline="30000"/><a:t>6</a:t></a:r><a:r><a:rPr baseline="-25000"/><a:t>2</a:t></a:r></a:p>'

    assert "10⁶2" in parse(Source("a.pptx", slides_xml(shape(line)))).markdown
