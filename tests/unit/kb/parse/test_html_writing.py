"""How the parts of a page are written: definitions, code, formulas, cells, items."""

from __future__ import annotations

import pytest

from moorage.kb.parse import Source, parse


def markdown(html: str) -> str:
    return parse(Source("a.html", f"<body>{html}".encode())).markdown


def test_definitions_stand_below_their_terms() -> None:
    assert markdown("<dl><dt>a<dd>one<dt>b<dt>c<dd>two<dd><ul><li>x</ul></dl>") == "a\n: one\n\nb\nc\n: two\n\n- x"


def test_what_follows_a_list_in_an_item_stays_behind_it() -> None:
    assert markdown("<ul><li>a<ul><li>b</ul>c<li>d</ul>") == "- a\n  - b\n\n  c\n- d"


def test_code_and_tables_hang_below_their_item() -> None:
    assert markdown("<ol><li>run<pre>x\n\ny</pre><li><pre>z</pre></ol>") == "1. run\n   ```\n   x\n\n   y\n   ```\n2.\n   ```\n   z\n   ```"
    assert markdown("<ul><li>t<table><tr><td>a<td>b</table></ul>") == "- t\n\n  | a | b |\n  | --- | --- |"


def test_tasks_keep_their_boxes() -> None:
    assert (
        markdown("<ul><li><input type=checkbox checked> done<li><label><input type=checkbox> open</label></ul>") == "- [x] done\n- [ ] open"
    )


@pytest.mark.parametrize(
    ("html", "language"),
    [
        ("<pre><code class='language-python hljs'>x</code></pre>", "python"),
        ("<pre class='brush: java'>x</pre>", "java"),
        ("<div class='highlight highlight-source-shell'><pre>x</pre></div>", "shell"),
        ("<div class='highlight-c++ notranslate'><div class=highlight><pre>x</pre></div></div>", "c++"),
        ("<pre class='sourceCode haskell'><code>x</code></pre>", "haskell"),
        ("<pre data-lang=go>x</pre>", "go"),
        ("<pre class='language-none'>x</pre>", ""),
        ("<pre class='language-plaintext'>x</pre>", ""),
    ],
)
def test_the_language_of_code_is_found_where_pages_write_it(html: str, language: str) -> None:
    assert markdown(html) == f"```{language}\nx\n```"


def test_lines_of_code_are_lines_however_they_are_marked() -> None:
    assert markdown("<pre>a<br>b<div>c</div><div>d</div><span class=lineno>1</span>e</pre>") == "```\na\nb\nc\nd\ne\n```"


def test_numbers_beside_code_are_left_out() -> None:
    table = "<table class=highlighttable><tr><td class=linenos><pre>1\n2</pre></td><td class=code><pre>a\nb</pre></td></tr></table>"

    assert markdown(table) == "```\na\nb\n```"


@pytest.mark.parametrize(
    "formula",
    [
        "<span class=katex><span class=katex-mathml><math><semantics><mi>x</mi><annotation encoding='application/x-tex'>x^2</annotation></semantics></math></span>"
        "<span class=katex-html aria-hidden=true>x2</span></span>",
        "<span class=mwe-math-element><span style='display: none'><math alttext='{\\displaystyle x^2}'><mi>x</mi></math></span><img src=a.svg aria-hidden=true></span>",
        "<span class=MathJax_Preview>x2</span><span class=MathJax>x2</span><script type='math/tex'>x^2</script>",
        "<img class=tex src=a.png alt='x^2'>",
        "<img src='//www.zhihu.com/equation?tex=x' alt='x^2' eeimg=1>",
        "<math><msup><mi>x</mi><mn>2</mn></msup></math>".replace("{2}", "2"),
    ],
)
def test_formulas_are_tex_once(formula: str) -> None:
    assert markdown(f"<p>let {formula} be").replace("x^{2}", "x^2") == "let $x^2$ be"


def test_a_displayed_formula_stands_on_its_own() -> None:
    formula = "<math display=block><mfrac><mi>a</mi><msqrt><mi>b</mi></msqrt></mfrac></math>"

    assert markdown(f"<p>so {formula} holds") == "so\n\n$$\n\\frac{a}{\\sqrt{b}}\n$$\n\nholds"


@pytest.mark.parametrize(
    ("mathml", "tex"),
    [
        ("<munderover><mo>∑</mo><mrow><mi>i</mi><mo>=</mo><mn>1</mn></mrow><mi>n</mi></munderover>", r"\sum_{i = 1}^{n}"),
        ("<mtable><mtr><mtd><mi>a</mi></mtd><mtd><mi>b</mi></mtd></mtr></mtable>", r"\begin{matrix} a & b \end{matrix}"),
        ("<mover><mi>x</mi><mo>→</mo></mover>", r"\vec{x}"),
        ("<mi>sin</mi><mi>α</mi>", r"\sin \alpha"),
        ("<mtext>若</mtext><mroot><mi>x</mi><mn>3</mn></mroot>", r"\text{若} \sqrt[3]{x}"),
    ],
)
def test_mathml_becomes_tex(mathml: str, tex: str) -> None:
    assert markdown(f"<p><math>{mathml}</math>") == f"${tex}$"


def test_raised_numbers_do_not_run_into_what_they_are_raised_from() -> None:
    assert markdown("<p>10<sup>6</sup> H<sub>2</sub>O m<sup>2</sup> 1<sup>st</sup>") == "10⁶ H2O m² 1st"


def test_readings_above_characters_are_left_out() -> None:
    assert markdown("<p><ruby>汉<rp>(</rp><rt>hàn</rt><rp>)</rp>字<rt>zì</rt></ruby>") == "汉字"


def test_text_that_was_struck_out_is_marked() -> None:
    assert markdown("<p>price <del>10</del> 8 <q>ok</q>") == "price ~~10~~ 8 “ok”"


def test_a_span_ends_with_its_part_of_the_table() -> None:
    html = "<table><thead><tr><th rowspan=5>a<th>b</thead><tbody><tr><td>c<td>d<tr><td rowspan=0>e<td>f<tr><td>g</tbody></table>"

    assert markdown(html) == "| a | b |\n| --- | --- |\n| c | d |\n| e | f |\n| e | g |"


def test_lists_code_and_tables_in_cells_are_lines() -> None:
    cell = "<ul><li>x<li>y</ul><pre>p\nq</pre><table><tr><td>1<td>2<tr><td>3<td>4</table>"

    assert markdown(f"<table><tr><th>h<th>i<tr><td>{cell}<td><h4>t</h4>u</table>") == (
        "| h | i |\n| --- | --- |\n| - x<br>- y<br>p<br>q<br>1 / 2<br>3 / 4 | t<br>u |"
    )


@pytest.mark.parametrize(
    "table",
    [
        "<table role=presentation><tr><td><p>a</p><td><p>b</p></table>",
        "<table><tr><td><h1>a</h1><p>b</table>",
        "<table><tr><td><p>a<p>b</table>",
        "<table><tr><td>a<tr><td><table><tr><td>b</table></table>",
    ],
)
def test_tables_that_only_place_things_are_no_tables(table: str) -> None:
    assert markdown(table).replace("# ", "") == "a\n\nb"


def test_lists_of_word_are_lists() -> None:
    def item(level: int, sign: str, text: str) -> str:
        style = f"mso-list:l0 level{level} lfo1"
        return f"<p class=MsoListParagraph style='{style}'><![if !supportLists]><span style='mso-list:Ignore'>{sign}<span>&nbsp;&nbsp;</span></span><![endif]>{text}</p>"

    assert markdown(item(1, "1.", "a") + item(2, "·", "b") + item(1, "二、", "c")) == "1. a\n  - b\n- 二、 c"


def test_blocks_inside_links_and_spans_are_blocks() -> None:
    assert markdown("<a href='https://x.example'><div>a</div><p>b</p></a><span><span><h2>c</h2></span></span>") == "a\n\nb\n\n## c"


def test_a_heading_by_role_is_a_heading() -> None:
    assert markdown("<div role=heading aria-level=3>t</div><p>x") == "### t\n\nx"


def test_quotes_hold_lists_and_code() -> None:
    assert markdown("<blockquote><ul><li>a</ul><pre>b</pre></blockquote>") == "> - a\n>\n> ```\n> b\n> ```"


def test_figures_are_pictures_with_their_captions() -> None:
    assert markdown("<figure><img src=a.png alt=图><figcaption>图 1</figcaption></figure>") == "![图](a.png)\n\n图 1"
