"""What a Word file says must come out as Markdown: headings with their numbers, tables, code, notes, boxes."""

from __future__ import annotations

from moorage.kb.parse import Source, parse
from moorage.testing.documents import docx, heading_style, list_definition, paragraph, picture, png, relationships, table

STYLES = heading_style(1, numbered="1") + heading_style(2, numbered="1") + heading_style(3, numbered="1")
CHAPTERS = list_definition("1", ("chineseCountingThousand", "第%1章"), ("decimal", "%1.%2"), ("decimal", "%1.%2.%3"), extra="legal")


def markdown(body: str, **more: object) -> str:
    return parse(Source("a.docx", docx(body, **more))).markdown  # type: ignore[arg-type]


def run(properties: str, text: str) -> str:
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


def field(code: str, result: str) -> str:
    def mark(kind: str) -> str:
        return f'<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>'

    return f"{mark('begin')}<w:r><w:instrText>{code}</w:instrText></w:r>{mark('separate')}<w:r><w:t>{result}</w:t></w:r>{mark('end')}"


def test_numbers_that_word_computes_are_written_before_headings() -> None:
    body = "".join(
        paragraph(t, style=f"Heading{n}") for n, t in ((1, "概述"), (2, "范围"), (2, "术语"), (1, "安装"), (2, "准备"), (3, "网络"))
    )

    text = markdown(body, styles=STYLES, numbering=CHAPTERS)

    assert text.split("\n\n") == ["# 第一章 概述", "## 1.1 范围", "## 1.2 术语", "# 第二章 安装", "## 2.1 准备", "### 2.1.1 网络"]


def test_a_number_comes_through_the_style_a_heading_is_based_on() -> None:
    own = '<w:style w:type="paragraph" w:styleId="Mine"><w:name w:val="章标题"/><w:basedOn w:val="Heading1"/></w:style>'

    assert markdown(paragraph("总则", style="Mine"), styles=STYLES + own, numbering=CHAPTERS) == "# 第一章 总则"


def test_number_zero_switches_numbering_off() -> None:
    off = '<w:numPr><w:numId w:val="0"/></w:numPr>'

    assert markdown(paragraph("前言", style="Heading1", properties=off), styles=STYLES, numbering=CHAPTERS) == "# 前言"


def test_a_list_that_starts_again_counts_from_its_start_override() -> None:
    again = '<w:num w:numId="2"><w:abstractNumId w:val="1"/><w:lvlOverride w:ilvl="0"><w:startOverride w:val="5"/></w:lvlOverride></w:num>'

    def heading(text: str, number: str) -> str:
        return paragraph(text, style="Heading1", properties=f'<w:numPr><w:ilvl w:val="0"/><w:numId w:val="{number}"/></w:numPr>')

    text = markdown(heading("甲", "1") + heading("乙", "2") + heading("丙", "2"), styles=STYLES, numbering=CHAPTERS + again)

    assert text.split("\n\n") == ["# 第一章 甲", "# 第五章 乙", "# 第六章 丙"]


def test_a_skipped_level_counts_as_used() -> None:
    body = paragraph("甲", style="Heading1") + paragraph("深", style="Heading3") + paragraph("浅", style="Heading2")

    text = markdown(body, styles=STYLES, numbering=list_definition("1", ("decimal", "%1"), ("decimal", "%1.%2"), ("decimal", "%1.%2.%3")))

    assert text.split("\n\n") == ["# 1 甲", "### 1.1.1 深", "## 1.2 浅"]


def test_the_outline_level_of_a_paragraph_makes_it_a_heading() -> None:
    assert markdown(paragraph("范围", properties='<w:outlineLvl w:val="1"/>')) == "## 范围"


def test_a_chinese_style_name_makes_a_heading() -> None:
    assert markdown(paragraph("范围", style="a3"), styles=heading_style(2, style_id="a3", name="标题 2")) == "## 范围"


def test_styles_that_are_based_on_each_other_in_a_circle_are_read() -> None:
    circle = "".join(
        f'<w:style w:type="paragraph" w:styleId="{a}"><w:name w:val="{a}"/><w:basedOn w:val="{b}"/></w:style>'
        for a, b in (("A", "B"), ("B", "A"))
    )

    assert markdown(paragraph("text", style="A"), styles=circle) == "text"


def test_bullets_and_numbers_become_a_nested_list() -> None:
    numbering = list_definition("1", ("decimal", "%1."), ("bullet", "·"))

    def item(text: str, level: int) -> str:
        return paragraph(text, properties=f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="1"/></w:numPr>')

    assert markdown(item("one", 0) + item("inner", 1) + item("two", 0), numbering=numbering) == "1. one\n   - inner\n2. two"


def test_merged_cells_are_repeated_in_every_place_they_cover() -> None:
    wide = f'<w:tc><w:tcPr><w:gridSpan w:val="2"/></w:tcPr>{paragraph("wide")}</w:tc>'
    top = f'<w:tc><w:tcPr><w:vMerge w:val="restart"/></w:tcPr>{paragraph("tall")}</w:tc>'
    below = f"<w:tc><w:tcPr><w:vMerge/></w:tcPr>{paragraph()}</w:tc>"

    text = markdown(table([wide, "c"], [top, "1", "2"], [below, "3", "4"]))

    assert text == "| wide | wide | c |\n| --- | --- | --- |\n| tall | 1 | 2 |\n| tall | 3 | 4 |"


def test_a_table_in_a_cell_is_flattened() -> None:
    text = markdown(table(["outer", "x"], ["y", table(["1", "2"], ["3", "4"])]))

    assert text.endswith("| y | 1 / 2<br>3 / 4 |")


def test_a_table_of_one_cell_is_a_frame_around_text() -> None:
    assert markdown(table(["only text"])) == "only text"


def test_tables_nested_without_end_are_read_as_text() -> None:
    inner = paragraph("deepest")
    for _ in range(60):
        inner = table([inner, "b"])

    assert "deepest" in markdown(inner)


def test_a_pipe_in_a_cell_is_escaped() -> None:
    assert "a\\|b" in markdown(table(["a|b", "c"], ["1", "2"]))


def test_a_picture_stays_where_it_was_and_is_named_by_its_content() -> None:
    body = paragraph("before") + paragraph(runs=picture("r1", "网络拓扑")) + paragraph("after")

    parsed = parse(Source("a.docx", docx(body, relations=[("r1", "image", "media/x.bin")], parts={"word/media/x.bin": png()})))

    assert [p.media_type for p in parsed.pictures] == ["image/png"]
    assert parsed.pictures[0].data == png()
    assert parsed.markdown == f"before\n\n![网络拓扑]({parsed.pictures[0].name})\n\nafter"


def test_a_text_box_is_taken_once_from_its_two_forms() -> None:
    box = f"<w:txbxContent>{paragraph('in the box')}</w:txbxContent>"
    both = (
        f"<w:r><mc:AlternateContent><mc:Choice Requires='wps'><w:drawing><wps:txbx>{box}</wps:txbx></w:drawing></mc:Choice>"
        f"<mc:Fallback><w:pict><v:textbox>{box}</v:textbox></w:pict></mc:Fallback></mc:AlternateContent></w:r>"
    )

    assert markdown(paragraph("line", runs=both)) == "line\n\nin the box"


def test_deleted_text_is_gone_and_inserted_text_stays() -> None:
    changes = "<w:del><w:r><w:delText>old</w:delText></w:r></w:del><w:ins><w:r><w:t>new</w:t></w:r></w:ins>"

    assert markdown(paragraph("a ", runs=changes)) == "a new"


def test_a_paragraph_whose_end_was_deleted_goes_on_with_the_next_one() -> None:
    deleted = "<w:rPr><w:del/></w:rPr>"
    style = heading_style(1)

    assert markdown(paragraph("foo", properties=deleted) + paragraph("bar")) == "foobar"
    assert markdown(paragraph("foo", properties=deleted) + paragraph("bar", style="Heading1"), styles=style) == "# foobar"
    assert markdown(paragraph("foo", properties=deleted) + table(["a", "b"])).split("\n\n")[0] == "foo"
    assert markdown(paragraph("x") + paragraph("foo", properties=deleted)) == "x\n\nfoo"


def test_a_table_of_contents_is_skipped() -> None:
    contents = paragraph(runs=field('TOC \\o "1-3"', "第一章 概述 1")) + paragraph("第二章 2", style="TOC1")
    style = '<w:style w:type="paragraph" w:styleId="TOC1"><w:name w:val="toc 1"/></w:style>'

    assert markdown(contents + paragraph("text"), styles=style) == "text"


def test_a_table_of_contents_that_never_ends_stops_at_the_next_heading() -> None:
    opened = '<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText>TOC</w:instrText></w:r><w:r><w:fldChar w:fldCharType="separate"/></w:r>'

    body = paragraph(runs=opened) + paragraph("entry 1") + paragraph("概述", style="Heading1") + paragraph("text")

    assert markdown(body, styles=heading_style(1)) == "# 概述\n\ntext"


def test_links_and_link_fields_keep_their_address() -> None:
    link = '<w:hyperlink r:id="r1"><w:r><w:t>site</w:t></w:r></w:hyperlink>'
    body = paragraph("a ", runs=link) + paragraph("b ", runs=field('HYPERLINK "https://b.example"', "other"))

    text = markdown(body, relations=[("r1", "hyperlink", "https://a.example/x")])

    assert text == "a [site](https://a.example/x)\n\nb [other](https://b.example)"


def test_a_link_in_a_heading_follows_it() -> None:
    link = '<w:hyperlink r:id="r1"><w:r><w:t>Docker</w:t></w:r></w:hyperlink>'

    text = markdown(
        paragraph("安装", style="Heading1", runs=link) + paragraph("x"),
        styles=heading_style(1),
        relations=[("r1", "hyperlink", "https://d.example")],
    )

    assert text == "# 安装Docker\n\n[Docker](https://d.example)\n\nx"


def test_a_note_follows_the_paragraph_that_refers_to_it() -> None:
    names = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    notes = f'<w:footnotes {names}><w:footnote w:id="2">{paragraph("the note")}</w:footnote></w:footnotes>'
    body = paragraph("claim", runs='<w:r><w:footnoteReference w:id="2"/></w:r>') + paragraph("next")

    text = markdown(body, relations=[("r1", "footnotes", "footnotes.xml")], parts={"word/footnotes.xml": notes})

    assert text == "claim[^1]\n\n[^1]: the note\n\nnext"


def test_lines_of_a_code_style_become_one_fence() -> None:
    style = '<w:style w:type="paragraph" w:styleId="C"><w:name w:val="HTML Preformatted"/></w:style>'

    text = markdown(paragraph("if x:", style="C") + paragraph("    y()", style="C") + paragraph("# 注释", style="C"), styles=style)

    assert text == "```\nif x:\n    y()\n# 注释\n```"


def test_a_line_in_a_monospaced_font_is_code_but_a_sentence_is_not() -> None:
    font = '<w:rFonts w:ascii="Consolas"/>'

    text = markdown(paragraph(runs=run(font, "ls -l /data")) + paragraph(runs=run(font, "This memo is set in a typewriter face.")))

    assert text == "```\nls -l /data\n```\n\nThis memo is set in a typewriter face."


def test_a_formula_becomes_latex() -> None:
    fraction = "<m:oMath><m:f><m:num><m:r><m:t>a</m:t></m:r></m:num><m:den><m:r><m:t>2</m:t></m:r></m:den></m:f></m:oMath>"

    assert markdown(paragraph("half is ", runs=fraction)) == r"half is $\frac{a}{2}$"


def test_hidden_text_is_not_shown() -> None:
    assert markdown(paragraph("seen", runs=run("<w:vanish/>", " unseen"))) == "seen"


def test_text_that_looks_like_markup_is_disarmed() -> None:
    assert (
        markdown(paragraph("# not a heading") + paragraph("```") + paragraph("     indented")) == "\\# not a heading\n\n\\```\n\nindented"
    )


def test_the_title_is_what_the_title_style_says() -> None:
    style = '<w:style w:type="paragraph" w:styleId="T"><w:name w:val="Title"/></w:style>'

    assert parse(Source("file.docx", docx(paragraph("部署手册", style="T"), styles=style))).title == "部署手册"
    assert parse(Source("folder/file.docx", docx(paragraph("x")))).title == "file"


def test_a_merged_cell_shows_its_picture_once() -> None:
    wide = f'<w:tc><w:tcPr><w:gridSpan w:val="2"/></w:tcPr>{paragraph("shot", runs=picture("r1"))}</w:tc>'
    top = f'<w:tc><w:tcPr><w:vMerge w:val="restart"/></w:tcPr>{paragraph(runs=picture("r1"))}</w:tc>'
    below = f"<w:tc><w:tcPr><w:vMerge/></w:tcPr>{paragraph()}</w:tc>"

    text = markdown(
        table([wide, "c"], [top, "1", "2"], [below, "3", "4"]),
        relations=[("r1", "image", "media/a.png")],
        parts={"word/media/a.png": png()},
    )

    rows = text.split("\n")
    assert [row.count("![") for row in rows] == [1, 0, 1, 0]
    assert rows[0].endswith("| shot | c |")
    assert rows[3] == "|  | 3 | 4 |"


def test_a_picture_that_floats_is_no_part_of_the_sentence() -> None:
    parts = {"word/media/a.png": png()}
    relations = [("r1", "image", "media/a.png")]
    style = heading_style(1)
    floating = picture("r1", "网络", is_floating=True)
    show = parse(Source("a.docx", docx(paragraph(runs=floating), relations=relations, parts=parts))).markdown

    def text(body: str) -> str:
        return markdown(body, relations=relations, parts=parts, styles=style)

    assert text(f"<w:p>{floating}<w:r><w:t>图 1</w:t></w:r></w:p>") == f"{show}\n\n图 1"
    assert text(paragraph("如下图：", runs=floating)) == f"如下图：\n\n{show}"
    assert text(f'<w:p><w:pPr><w:pStyle w:val="Heading1"/></w:pPr>{floating}<w:r><w:t>概述</w:t></w:r></w:p>') == f"# 概述\n\n{show}"


def test_a_picture_that_floats_beside_an_item_leaves_the_list_whole() -> None:
    def item(text: str, runs: str = "") -> str:
        return paragraph(text, properties='<w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr>', runs=runs)

    text = markdown(
        item("one", picture("r1", is_floating=True)) + item("two"),
        numbering=list_definition("1", ("decimal", "%1.")),
        relations=[("r1", "image", "media/a.png")],
        parts={"word/media/a.png": png()},
    )

    first, shown, last = text.split("\n")
    assert (first, last) == ("1. one", "2. two")
    assert shown.startswith("   ![](")


def test_letters_below_an_item_stay_in_its_list() -> None:
    numbering = list_definition("1", ("decimal", "%1)"), ("lowerLetter", "%2)"), ("decimal", "（%3）"))

    def item(text: str, level: int) -> str:
        return paragraph(text, properties=f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="1"/></w:numPr>')

    body = item("one", 0) + item("inner", 1) + item("deep", 2) + item("two", 0)

    assert markdown(body, numbering=numbering) == "1) one\n   - a) inner\n     - （1） deep\n2) two"


def test_a_letter_without_a_list_above_it_is_a_paragraph() -> None:
    item = paragraph("first", properties='<w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr>')

    assert markdown(item, numbering=list_definition("1", ("lowerLetter", "%1)"))) == "a) first"


def test_raised_figures_are_kept_apart_and_raised_words_are_not_changed() -> None:
    up = '<w:vertAlign w:val="superscript"/>'
    runs = run(up, "-5") + run("", " m") + run(up, "2") + run("", " 见文献") + run(up, "[3]") + run('<w:vertAlign w:val="subscript"/>', "2")

    assert markdown(paragraph("10", runs=runs)) == "10⁻⁵ m² 见文献[3]2"


def form_field(data: str, code: str, result: str = "") -> str:
    begin = f'<w:r><w:fldChar w:fldCharType="begin"><w:ffData>{data}</w:ffData></w:fldChar></w:r>'
    return field(code, result).replace('<w:r><w:fldChar w:fldCharType="begin"/></w:r>', begin)


def test_a_list_of_a_form_shows_what_was_chosen() -> None:
    entries = '<w:listEntry w:val="请选择"/><w:listEntry w:val="（送审稿）"/>'

    assert (
        markdown(paragraph("标准", runs=form_field(f'<w:ddList><w:result w:val="1"/>{entries}</w:ddList>', " FORMDROPDOWN ")))
        == "标准（送审稿）"
    )
    assert markdown(paragraph(runs=form_field(f"<w:ddList>{entries}</w:ddList>", " FORMDROPDOWN "))) == "请选择"
    assert markdown(paragraph(runs=form_field(f"<w:ddList>{entries}</w:ddList>", " FORMDROPDOWN ", "已存"))) == "已存"
    assert markdown(paragraph("x", runs=form_field('<w:ddList><w:result w:val="9"/></w:ddList>', " FORMDROPDOWN "))) == "x"


def test_the_boxes_of_a_form_show_whether_they_are_ticked() -> None:
    def box(state: str) -> str:
        return form_field(f"<w:checkBox>{state}</w:checkBox>", " FORMCHECKBOX ")

    body = paragraph("是", runs=box('<w:default w:val="0"/><w:checked/>')) + paragraph("否", runs=box('<w:default w:val="0"/>'))

    assert markdown(body) == "是☑\n\n否☐"


def test_lines_of_stars_and_equals_signs_stay_text() -> None:
    assert markdown(paragraph("*****")) == "\\*****"
    assert markdown(paragraph("a", runs="<w:r><w:br/><w:t>====</w:t></w:r>")) == "a\n\\===="
    assert markdown(paragraph("a", runs="<w:r><w:br/><w:t>---</w:t></w:r>")) == "a\n\\---"
    assert markdown(paragraph("**重要**")) == "**重要**"


def test_a_chart_is_its_title_and_its_values() -> None:
    names = (
        'xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart" xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
    )
    title = "<c:title><c:tx><c:rich><a:p><a:r><a:t>产量</a:t></a:r></a:p></c:rich></c:tx></c:title>"
    values = "<c:ser><c:cat><c:pt idx='0'><c:v>一月</c:v></c:pt></c:cat><c:val><c:pt idx='0'><c:v>3</c:v></c:pt></c:val></c:ser>"
    chart = f"<c:chartSpace {names}><c:chart>{title}{values}</c:chart></c:chartSpace>"
    drawing = '<w:r><w:drawing><wp:inline><c:chart r:id="r1"/></wp:inline></w:drawing></w:r>'

    text = markdown(
        paragraph("前") + paragraph(runs=drawing), relations=[("r1", "chart", "charts/c.xml")], parts={"word/charts/c.xml": chart}
    )

    assert text == "前\n\n产量\n\n|  | #1 |\n| --- | --- |\n| 一月 | 3 |"


def test_a_picture_in_a_note_comes_along() -> None:
    names = (
        'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" '
        'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
        'xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing" '
        'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
    )
    notes = f'<w:footnotes {names}><w:footnote w:id="2">{paragraph("see", runs=picture("p1"))}</w:footnote></w:footnotes>'

    parsed = parse(
        Source(
            "a.docx",
            docx(
                paragraph("x", runs='<w:r><w:footnoteReference w:id="2"/></w:r>'),
                relations=[("r1", "footnotes", "footnotes.xml")],
                parts={
                    "word/footnotes.xml": notes,
                    "word/_rels/footnotes.xml.rels": relationships([("p1", "image", "media/a.png")]),
                    "word/media/a.png": png(),
                },
            ),
        )
    )

    assert [picture.name in parsed.markdown for picture in parsed.pictures] == [True]
    assert parsed.notices == ()


def test_numbers_that_word_counts_in_empty_cells_are_written() -> None:
    counted = paragraph(properties='<w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr>')

    text = markdown(table(["序号", "项目"], [counted, "甲"], [counted, "乙"]), numbering=list_definition("1", ("decimal", "%1")))

    assert text.endswith("| 1 | 甲 |\n| 2 | 乙 |")


def test_signs_of_the_symbol_fonts_are_told_by_their_font() -> None:
    def sign(font: str, code: str) -> str:
        return f'<w:r><w:sym w:font="{font}" w:char="{code}"/></w:r>'

    runs = (
        sign("Symbol", "F06D")
        + run("", "m ")
        + sign("Symbol", "F0A3")
        + run("", " 5 ")
        + sign("Wingdings", "F0FE")
        + sign("Wingdings 2", "F0A3")
    )
    typed = run('<w:rFonts w:ascii="Symbol" w:hAnsi="Symbol"/>', " \uf0b1") + run('<w:rFonts w:ascii="Wingdings"/>', " \uf0e0")

    assert markdown(paragraph(runs=runs + typed)) == "μm ≤ 5 ☑☐ ± →"
    assert markdown(paragraph("\uf0b7 项 \uf0c9")) == "• 项 \uf0c9"
    assert markdown(paragraph("a", runs=sign("Symbol", "zz") + sign("Arial", "0041") + sign("Arial", "D800"))) == "aA"


def code_only(code: str) -> str:
    """A field that keeps no result."""
    return field(code, "").replace("<w:r><w:t></w:t></w:r>", "")


def test_old_formula_fields_show_what_word_draws() -> None:
    def shown(code: str) -> str:
        return markdown(paragraph("第", runs=code_only(code)))

    assert shown(r" eq \o\ac(○,1)") == "第①"
    assert shown(r" EQ \f(1,2)") == "第1/2"
    assert shown(r" EQ \f(a+b,2)") == "第(a+b)/2"
    assert shown(r" EQ \r(3,x)") == "第√(x)"
    assert shown(r' EQ \* jc2 \* "Font:宋体" \* hps10 \o\ad(\s\up 9(pīn),拼)') == "第拼"
    assert shown(r" EQ \f(1,2") == "第1/2"
    assert shown(" PAGE ") == "第"


def test_a_web_page_inside_a_word_file_is_read_in_its_place() -> None:
    page = "<html><body><h1>概述</h1><p>正文</p></body></html>".encode()

    parsed = parse(
        Source(
            "a.docx",
            docx(
                paragraph("前") + '<w:altChunk r:id="r1"/>' + paragraph("后") + '<w:altChunk r:id="gone"/>',
                relations=[("r1", "aFChunk", "afchunk.html")],
                parts={"word/afchunk.html": page},
            ),
        )
    )

    assert parsed.markdown == "前\n\n# 概述\n\n正文\n\n后"
    assert parsed.notices == ()


def test_word_files_in_word_files_end() -> None:
    inner = docx(paragraph("deep"))
    for _ in range(8):
        inner = docx('<w:altChunk r:id="r1"/>', relations=[("r1", "aFChunk", "chunk.docx")], parts={"word/chunk.docx": inner})

    parsed = parse(Source("a.docx", inner))

    assert "nested_too_deeply" in [notice.code for notice in parsed.notices]


def test_words_drawn_as_a_picture_are_read() -> None:
    drawn = '<w:r><w:pict><v:shape><v:textpath string="关于  印发办法的通知"/></v:shape></w:pict></w:r>'

    assert markdown(paragraph("", runs=drawn) + paragraph("各部门：")) == "关于 印发办法的通知\n\n各部门："


def test_a_part_that_should_be_taken_in_and_is_not_there_is_told() -> None:
    found = parse(Source("a.docx", docx(paragraph("前") + '<w:altChunk r:id="r1"/>', relations=[("r1", "aFChunk", "gone.htm")])))

    assert found.markdown == "前"
    assert [notice.code for notice in found.notices] == ["part_damaged"] and "word/gone.htm" in found.notices[0].say("zh")
