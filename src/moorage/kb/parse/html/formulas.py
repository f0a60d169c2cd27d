"""Formulas of a page as TeX: what the page itself says in TeX, else its MathML."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from moorage.kb.parse.html.mathml import mathml_to_tex
from moorage.kb.parse.markdown import one_line

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser, LexborNode

_FRAME = re.compile(r"(?:^|\s)(?:katex|katex-display|mwe-math-element|MathJax|MathJax_Display|mjx-chtml|mathjax|math)(?:\s|$)")
_DISPLAYED = re.compile(r"katex-display|MathJax_Display|mwe-math-element-block")
_STYLE = re.compile(r"\A\{\\(?:displaystyle|textstyle)\s+(.*)\}\Z", re.DOTALL)
_IMAGES = (
    'img.mwe-math-fallback-image-inline, img.mwe-math-fallback-image-display, img.tex, img.latex, img.math, img.formula, img[eeimg="1"]'
)
_HIGHEST = 6  # elements between a formula and the frame that shows it


def find_formulas(tree: LexborHTMLParser) -> dict[int, str]:
    """The Markdown of each formula (``$…$``, or ``$$…$$`` on lines of its own) by the outermost element that shows it; further copies are empty."""
    found: dict[int, str] = {}
    for node in tree.css("math"):
        tex = _tex(node)
        if tex:
            frame, is_displayed = _frame(node)
            found.setdefault(frame.mem_id, _written(tex, is_displayed or node.attributes.get("display") == "block"))
    for node in tree.css('script[type^="math/tex"]'):
        found[node.mem_id] = _written(node.text(), "display" in (node.attributes.get("type") or ""))
        for shown in (node.prev, node.prev.prev if node.prev is not None else None):
            if shown is not None and "MathJax" in (shown.attributes.get("class") or "" if shown.tag != "-text" else ""):
                found[shown.mem_id] = ""
    for node in tree.css(_IMAGES):
        alt = node.attributes.get("alt") or ""
        if alt.strip() and alt.strip() != "[公式]":
            found.setdefault(node.mem_id, _written(alt, is_displayed="display" in (node.attributes.get("class") or "")))
    return found


def _tex(node: LexborNode) -> str:
    for annotation in node.css("annotation"):
        if (annotation.attributes.get("encoding") or "").lower() in ("application/x-tex", "latex", "tex", "application/x-latex"):
            return annotation.text()
    return node.attributes.get("alttext") or mathml_to_tex(node)


def _written(tex: str, is_displayed: bool) -> str:
    tex = tex.strip()
    while match := _STYLE.match(tex):
        tex = match[1].strip()
    tex = one_line(tex)
    if not tex:
        return ""
    return f"$$\n{tex}\n$$" if is_displayed else f"${tex}$"


def _frame(node: LexborNode) -> tuple[LexborNode, bool]:
    frame, is_displayed, above = node, False, node.parent
    for _ in range(_HIGHEST):
        if above is None or above.tag in ("body", "p", "td", "li"):
            break
        names = above.attributes.get("class") or ""
        if above.tag == "mjx-container" or _FRAME.search(names):
            frame = above
            is_displayed = is_displayed or bool(_DISPLAYED.search(names)) or above.attributes.get("display") == "true"
        above = above.parent
    return frame, is_displayed
