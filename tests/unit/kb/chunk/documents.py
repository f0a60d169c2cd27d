"""A generator of nasty Markdown documents."""

from __future__ import annotations

from hypothesis import strategies as st

_words = st.sampled_from(
    "安装 配置数据库 the quick brown fox 系统。 其次， 因此； 「引用」。 done. e.g. a;b;c 第三章介绍了架构 1.2 3.14 2.1GB 长期运行的服务！ really? …… ，、 ： "
    "`code span` `a|b` [链接](http://a.example/x) ![图](./img/a.png) ![](b/c.png) $x^2+1$ $5 \\` * _ **粗体** <br> <b>x</b> | \\| [ ] ![ ]( ` `` ~ <img src='i/j.png'> "
    "https://example.com/a?b=c;d! <https://example.com/?q=1;2> [a][b] [![图](i.png)](http://x.example/y) &nbsp; C# #标签 \u3000 字字字字字字字字字字字字字字字字字字字字字".split(
        " "
    )
)
_sentence = st.lists(_words, min_size=1, max_size=14).map(" ".join) | st.lists(_words, min_size=1, max_size=14).map("".join)
_line = _sentence
_paragraph = st.lists(_line, min_size=1, max_size=4).map("\n".join)
_heading = st.sampled_from(
    (
        "# 标题,## 第二级,### 3 安装,#### 四,# 第一章 总则,# 1.1 目的,# 小结,# 1.2 范围,## 1.1.1 深,第一章 总则,第二章,第一节 细则,1.1 目的,1.2 环境要求,1.1.1 适用对象,"
        "5.2.1安全要求,##3.5,#第八章,#概述,第一部分：总论,   # 缩进,　1.3 全角,# `码` 与 [链](u),## 长标题长标题长标题长标题长标题长标题长标题长标题长标题长标题长标题,#include <x>,#前端 #后端,##,1.2 范围 …… 3"
    ).split(",")
) | _sentence.map(lambda text: "# " + text)
_setext = st.builds(
    lambda title, line: f"{title}\n{line}",
    _line | _heading,
    st.sampled_from(["===", "------", "---", "=======", "***", "  ---", "___", "--", "="]),
)
_rule = st.sampled_from(
    ["---", "***", "______", "- - -", "========", "------", "======", "    ------", "  ***", "---\na: 1\n---", "***\n\nb: 2\n\n***"]
)
_code_line = st.sampled_from(
    [
        "x = 1",
        "# 不是标题",
        "1.2 不是标题",
        "------",
        "======",
        "+----------+------+",
        "",
        "",
        "    深",
        "| a | b |",
        "|---|---|",
        "$$",
        "``",
        "<table><tr><td>x",
        "![a](b.png)",
        "字" * 40,
    ]
)
_code_lines = st.lists(_code_line, min_size=0, max_size=7)
_fence = st.builds(
    lambda lines, mark, closed: "\n".join([mark + "sh", *lines, *([mark] if closed else [])]),
    _code_lines,
    st.sampled_from(["```", "~~~", "````", "  ```"]),
    st.sampled_from([True, True, True, True, True, False]),
)
_indented = _code_lines.map(lambda lines: "\n".join("    " + line if line else "" for line in ["首行", *lines]))
_math = st.builds(
    lambda lines: "\n".join(["$$", *lines, "$$"]), st.lists(st.sampled_from(["x = y", "\\frac{1}{2}", "", "# a", "a $ b"]), max_size=5)
) | st.sampled_from(["$$x$$", "$$ a", "$$x$$ 后文", "$$\nx\n$$ 后文"])
_cell = st.lists(_words, min_size=0, max_size=4).map(" ".join)
_table = st.builds(
    lambda head, rows, delimiter: "\n".join([f"| {head} | b |", delimiter, *rows]),
    _cell,
    st.lists(st.builds("| {} | {} |".format, _cell, _cell) | _line, max_size=6),
    st.sampled_from(["|---|---|", "|:------|-----:|", "--|--", "| - | - |", "|---|"]),
)
_html_cell = st.sampled_from(
    [
        "x",
        "a|b",
        "<p>一</p><p>二</p>",
        "a<br>b",
        "<img src='i.png'>",
        "<table><tr><td>内</td><td>y</td></tr><tr><td>z</td></tr></table>",
        "![m](./m.png)",
        "&lt;table&gt;",
        "",
        "字" * 30,
    ]
)
_html_row = st.lists(
    st.builds("<td{}>{}</td>".format, st.sampled_from(["", "", " rowspan=2", ' colspan="2"', " rowspan=0"]), _html_cell), max_size=4
).map(lambda cells: "<tr>" + "".join(cells) + "</tr>")
_html_table = st.builds(
    lambda rows, gap, before, after: before + gap.join(["<table>", *rows, "</table>"]) + after,
    st.lists(_html_row, max_size=4),
    st.sampled_from(["\n", "", "\n\n", "\n    "]),
    st.sampled_from(["", "", "文 ", "  ", "> ", "- "]),
    st.sampled_from(["", "", " 后文", " <table><tr><td>2</td></tr></table>"]),
)
_leaf = st.one_of(_paragraph, _heading, _setext, _rule, _fence, _indented, _math, _table, _html_table)


def _indent(block: str, first: str, rest: str) -> str:
    lines = block.split("\n")
    return "\n".join([first + lines[0], *(rest + line if line else line for line in lines[1:])])


_gap = st.sampled_from(["\n\n", "\n\n", "\n", "\n\n\n", "\n \t\n\n", "\n　\n"])


def _joined(blocks: list[str], gaps: list[str]) -> str:
    return "".join(block + gap for block, gap in zip(blocks, gaps, strict=False))


def _sequence(blocks: st.SearchStrategy[str], most: int) -> st.SearchStrategy[str]:
    return st.builds(_joined, st.lists(blocks, min_size=1, max_size=most), st.lists(_gap, min_size=most, max_size=most))


def _contained(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    body = _sequence(inner, 3).map(lambda text: text.strip("\n"))
    item = st.builds(
        lambda text, mark: _indent(text, mark, " " * len(mark)), body, st.sampled_from(["- ", "* ", "1. ", "2. ", "10) ", "-   ", "1.  "])
    )
    items = _sequence(item, 4).map(lambda text: text.strip("\n"))
    quote = body.map(lambda text: "\n".join(("> " + line).rstrip() for line in text.split("\n")))
    return items | quote


_block = _leaf | _leaf | st.recursive(_leaf, _contained, max_leaves=5)
documents = _sequence(_block, 9)
limits = st.sampled_from([(10, 20), (20, 60), (60, 150), (60, 60), (150, 400), (300, 1000)])
