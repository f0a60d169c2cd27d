"""Word's formulas (OMML) as LaTeX."""

from __future__ import annotations

import re
from collections.abc import Callable

from moorage.kb.parse.docx.names import MATH
from moorage.kb.parse.limits import NESTING
from moorage.kb.parse.xml import Element

_ACCENTS = {
    "\u0300": "grave", "\u0301": "acute", "\u0302": "hat", "\u0303": "tilde", "\u0304": "bar", "\u0305": "overline", "\u0306": "breve",
    "\u0307": "dot", "\u0308": "ddot", "\u030c": "check", "\u20d7": "vec", "^": "hat", "~": "tilde", "→": "vec", "¯": "bar", "˙": "dot",
}  # fmt: skip
_OPERATORS = {
    "∑": r"\sum", "∏": r"\prod", "∫": r"\int", "∬": r"\iint", "∭": r"\iiint", "∮": r"\oint", "⋃": r"\bigcup", "⋂": r"\bigcap", "∐": r"\coprod", "⋀": r"\bigwedge",
    "⋁": r"\bigvee", "∯": r"\oiint", "∰": r"\oiiint",
}  # fmt: skip
_SYMBOLS = {
    "α": r"\alpha", "β": r"\beta", "γ": r"\gamma", "δ": r"\delta", "ε": r"\varepsilon", "ζ": r"\zeta", "η": r"\eta", "θ": r"\theta", "λ": r"\lambda",
    "μ": r"\mu", "ν": r"\nu", "ξ": r"\xi", "π": r"\pi", "ρ": r"\rho", "σ": r"\sigma", "τ": r"\tau", "φ": r"\varphi", "χ": r"\chi", "ψ": r"\psi",
    "ω": r"\omega", "Γ": r"\Gamma", "Δ": r"\Delta", "Θ": r"\Theta", "Λ": r"\Lambda", "Π": r"\Pi", "Σ": r"\Sigma", "Φ": r"\Phi", "Ψ": r"\Psi",
    "Ω": r"\Omega", "×": r"\times", "÷": r"\div", "±": r"\pm", "∓": r"\mp", "⋅": r"\cdot", "·": r"\cdot", "≤": r"\leq", "≥": r"\geq", "≠": r"\neq",
    "≈": r"\approx", "≡": r"\equiv", "∞": r"\infty", "∂": r"\partial", "∇": r"\nabla", "∈": r"\in", "∉": r"\notin", "⊂": r"\subset", "⊆": r"\subseteq",
    "∪": r"\cup", "∩": r"\cap", "∀": r"\forall", "∃": r"\exists", "→": r"\rightarrow", "←": r"\leftarrow", "⇒": r"\Rightarrow", "⇔": r"\Leftrightarrow",
    "…": r"\ldots", "⋯": r"\cdots", "∝": r"\propto", "√": r"\surd", "∠": r"\angle", "⊥": r"\perp", "∥": r"\parallel", "%": r"\%", "#": r"\#", "&": r"\&",
}  # fmt: skip
_FUNCTIONS = frozenset("sin cos tan cot sec csc log ln lg exp lim max min sup inf det arg gcd sinh cosh tanh arcsin arccos arctan".split())
_COMMAND_END = re.compile(r"\\[A-Za-z]+$")
_NEW_ROW = r" \\ "
_BRACES = {"{": r"\{", "}": r"\}", "": ".", "‖": r"\|", "⟨": r"\langle", "⟩": r"\rangle"}


def latex(element: Element, depth: int = 0) -> str:
    """An ``m:oMath`` (or any part of one) as LaTeX on one line. What is not known is written as its parts."""
    if depth > NESTING:
        return "".join(element.itertext())
    text = ""
    for child in element:
        part = _node(child, depth)
        # A command takes a blank after it so that the next letter does not become part of its name.
        needs_blank = _COMMAND_END.search(text) is not None and part[:1].isalpha()
        text += f" {part}" if needs_blank else part
    return text.strip()


def _node(element: Element, depth: int) -> str:
    if not element.tag.startswith(MATH):
        return "" if element.tag.endswith("rPr") else latex(element, depth + 1)
    name = element.tag[len(MATH) :]
    if name.endswith("Pr"):
        return ""
    if name == "t":
        return _text(element.text or "")
    write = _WRITERS.get(name)
    return write(element, depth + 1) if write else latex(element, depth + 1)


def _text(text: str) -> str:
    word = text.strip()
    if word in _FUNCTIONS:
        return f"\\{word}"
    if len(word) > 1 and any("\u4e00" <= c <= "\u9fff" for c in word):
        return rf"\text{{{word}}}"
    parts = [_SYMBOLS.get(c, c) for c in text.replace("\\", r"\backslash ").replace("{", r"\{").replace("}", r"\}")]
    return "".join(f"{part} " if part.startswith("\\") and part[-1].isalpha() else part for part in parts).strip()


def _part(element: Element, name: str, depth: int) -> str:
    child = element.find(MATH + name)
    return "" if child is None else latex(child, depth)


def _setting(element: Element, properties: str, name: str) -> str | None:
    found = element.find(f"{MATH}{properties}/{MATH}{name}")
    return None if found is None else found.get(MATH + "val") or ""


def _fraction(element: Element, depth: int) -> str:
    top, bottom = _part(element, "num", depth), _part(element, "den", depth)
    if _setting(element, "fPr", "type") == "noBar":
        return rf"\genfrac{{}}{{}}{{0pt}}{{}}{{{top}}}{{{bottom}}}"
    return rf"\frac{{{top}}}{{{bottom}}}"


def _script(element: Element, depth: int) -> str:
    base, under, over = _part(element, "e", depth), _part(element, "sub", depth), _part(element, "sup", depth)
    plain = base if len(base) == 1 or (base.startswith("\\") and base[1:].isalpha()) else f"{{{base}}}"
    return plain + (f"_{{{under}}}" if under else "") + (f"^{{{over}}}" if over else "")


def _before(element: Element, depth: int) -> str:
    return f"{{}}_{{{_part(element, 'sub', depth)}}}^{{{_part(element, 'sup', depth)}}}{_part(element, 'e', depth)}"


def _root(element: Element, depth: int) -> str:
    degree = _part(element, "deg", depth)
    return rf"\sqrt{f'[{degree}]' if degree else ''}{{{_part(element, 'e', depth)}}}"


def _operator(element: Element, depth: int) -> str:
    sign = _setting(element, "naryPr", "chr")
    under, over = _part(element, "sub", depth), _part(element, "sup", depth)
    head = _OPERATORS.get(sign if sign is not None else "∫", sign or r"\int")
    return head + (f"_{{{under}}}" if under else "") + (f"^{{{over}}}" if over else "") + f" {_part(element, 'e', depth)}"


def _delimited(element: Element, depth: int) -> str:
    left, right, between = (_setting(element, "dPr", name) for name in ("begChr", "endChr", "sepChr"))
    left, right = "(" if left is None else left, ")" if right is None else right
    inner = f" {'|' if between is None else between} ".join(latex(e, depth) for e in element.findall(MATH + "e"))
    return rf"\left{_BRACES.get(left, left)} {inner} \right{_BRACES.get(right, right)}"


def _function(element: Element, depth: int) -> str:
    return f"{_part(element, 'fName', depth)} {_part(element, 'e', depth)}"


def _accent(element: Element, depth: int) -> str:
    sign = _setting(element, "accPr", "chr")
    return rf"\{_ACCENTS.get(sign if sign is not None else chr(0x302), 'hat')}{{{_part(element, 'e', depth)}}}"


def _bar(element: Element, depth: int) -> str:
    return rf"\{'overline' if _setting(element, 'barPr', 'pos') == 'top' else 'underline'}{{{_part(element, 'e', depth)}}}"


def _matrix(element: Element, depth: int) -> str:
    rows = [" & ".join(latex(e, depth) for e in row.findall(MATH + "e")) for row in element.findall(MATH + "mr")]
    return rf"\begin{{matrix}} {_NEW_ROW.join(rows)} \end{{matrix}}"


def _equations(element: Element, depth: int) -> str:
    rows = [latex(e, depth) for e in element.findall(MATH + "e")]
    if len(rows) == 1:
        return rows[0]
    return rf"\begin{{aligned}} {_NEW_ROW.join(rows)} \end{{aligned}}"


def _limit_below(element: Element, depth: int) -> str:
    return f"{_part(element, 'e', depth)}_{{{_part(element, 'lim', depth)}}}"


def _limit_above(element: Element, depth: int) -> str:
    return rf"\overset{{{_part(element, 'lim', depth)}}}{{{_part(element, 'e', depth)}}}"


def _group(element: Element, depth: int) -> str:
    return rf"\{'overbrace' if _setting(element, 'groupChrPr', 'pos') == 'top' else 'underbrace'}{{{_part(element, 'e', depth)}}}"


_WRITERS: dict[str, Callable[[Element, int], str]] = {
    "f": _fraction, "sSup": _script, "sSub": _script, "sSubSup": _script, "sPre": _before, "rad": _root, "nary": _operator, "d": _delimited,
    "func": _function, "acc": _accent, "bar": _bar, "m": _matrix, "eqArr": _equations, "limLow": _limit_below, "limUpp": _limit_above,
    "groupChr": _group,
}  # fmt: skip
