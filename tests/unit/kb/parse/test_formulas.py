"""Word's formulas as LaTeX that says the same: letters of other alphabets, words, functions, numbers of formulas."""

from __future__ import annotations

import pytest

from moorage.kb.parse.docx.omml import latex
from moorage.kb.parse.xml import read_xml

_MATH = "http://schemas.openxmlformats.org/officeDocument/2006/math"


def run(text: str, properties: str = "") -> str:
    return f'<m:r><m:rPr>{properties}</m:rPr><m:t xml:space="preserve">{text}</m:t></m:r>'


def written(xml: str) -> str:
    root, _ = read_xml(f'<m:oMath xmlns:m="{_MATH}">{xml}</m:oMath>'.encode())
    return latex(root)


@pytest.mark.parametrize(
    ("xml", "expected"),
    [
        (run("R", '<m:scr m:val="double-struck"/>'), r"\mathbb{R}"),
        (run("L", '<m:scr m:val="script"/>'), r"\mathcal{L}"),
        (run("g", '<m:scr m:val="fraktur"/>'), r"\mathfrak{g}"),
        (run("v", '<m:sty m:val="b"/>'), r"\mathbf{v}"),
        (run("=", '<m:sty m:val="b"/>'), "="),
        (run("x∈ℝ"), r"x\in \mathbb{R}"),
        (run("𝑓=𝜋𝑟"), r"f=\pi r"),
        (run("𝐯=ℎ"), r"\mathbf{v}=h"),
    ],
)
def test_letters_of_other_alphabets_are_told_apart(xml: str, expected: str) -> None:
    assert written(xml) == expected


def test_words_keep_the_blanks_between_them() -> None:
    assert written(run("group wit") + run("h ") + run("braces")) == r"group\ with\ braces"
    assert written(run("若 x>0 则 100%", "<m:nor/>")) == r"\text{若 x>0 则 100\%}"
    assert written(run("if x_1", "<m:nor/>")) == r"\text{if x\_1}"


def test_a_function_is_one_wherever_it_stands_in_a_run() -> None:
    assert written(run("y=ln[x]+argmax")) == r"y=\ln [x]+argmax"
    assert written(run("sin") + run("x")) == r"\sin x"


def test_the_number_of_a_formula_is_its_tag() -> None:
    array = f"<m:eqArr><m:e>{run('E&amp;=mc#(2-1)')}</m:e></m:eqArr>"
    in_brackets = f"<m:eqArr><m:e>{run('a=b#')}<m:d><m:e>{run('3')}</m:e></m:d></m:e></m:eqArr>"

    assert written(array) == r"E=mc \tag{2-1}"
    assert written(in_brackets) == r"a=b \tag{3}"


def test_lines_of_a_formula_are_aligned_where_word_aligns_them() -> None:
    array = f"<m:eqArr><m:e>{run('x&amp;=1')}</m:e><m:e>{run('y&amp;=2')}</m:e></m:eqArr>"

    assert written(array) == r"\begin{aligned} x&=1 \\ y&=2 \end{aligned}"


def test_signs_that_mean_something_to_latex_are_escaped() -> None:
    assert written(run("{a_b}$5%")) == r"\{a\_b\}\$5\%"
    assert written(run("a\\b")) == r"a\backslash b"
