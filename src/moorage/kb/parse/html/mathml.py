"""Presentation MathML as TeX: what pages write that were made without TeX."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moorage.kb.parse.limits import NESTING
from moorage.kb.parse.markdown import one_line

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

_SIGNS = {
    "∑": r"\sum", "∏": r"\prod", "∫": r"\int", "∞": r"\infty", "≤": r"\le", "≥": r"\ge", "≠": r"\ne", "×": r"\times", "÷": r"\div",
    "±": r"\pm", "·": r"\cdot", "⋅": r"\cdot", "→": r"\to", "∈": r"\in", "∂": r"\partial", "∇": r"\nabla", "≈": r"\approx", "√": r"\surd",
    "α": r"\alpha", "β": r"\beta", "γ": r"\gamma", "δ": r"\delta", "ε": r"\varepsilon", "θ": r"\theta", "λ": r"\lambda", "μ": r"\mu",
    "π": r"\pi", "ρ": r"\rho", "σ": r"\sigma", "τ": r"\tau", "φ": r"\varphi", "ϕ": r"\phi", "ω": r"\omega", "Δ": r"\Delta", "Σ": r"\Sigma",
    "Ω": r"\Omega", "Φ": r"\Phi", "−": "-", "\u2061": "", "\u2062": "", "\u2063": ",", "{": r"\{", "}": r"\}", "%": r"\%", "&": r"\&", "#": r"\#",
}  # fmt: skip
_OVER = {"¯": r"\bar", "‾": r"\bar", "^": r"\hat", "ˆ": r"\hat", "~": r"\tilde", "˜": r"\tilde", r"\to": r"\vec", "⃗": r"\vec", "˙": r"\dot", "̇": r"\dot"}  # fmt: skip
_BIG = (r"\sum", r"\prod", r"\int", r"\lim")


def mathml_to_tex(node: LexborNode, depth: int = 0) -> str:
    """The formula below a node as TeX; what is nested absurdly deep, as plain text."""
    if depth > NESTING:
        return one_line(node.text(separator=" "))
    children = [child for child in node.iter() if (child.tag or "") not in ("annotation", "annotation-xml")]
    name = (node.tag or "").rpartition(":")[2]
    if name in ("mi", "mn", "mo", "mtext", "ms"):
        return _token(name, one_line(node.text()))
    parts = [mathml_to_tex(child, depth + 1) for child in children]
    if name == "mtr":
        return " & ".join(parts)
    if name == "mtable":
        return r"\begin{matrix} " + r" \\ ".join(parts) + r" \end{matrix}"
    if name == "mfenced":
        attributes = node.attributes
        separator = (attributes.get("separators") or ",").strip()[:1]
        return f"{attributes.get('open') or '('}{separator.join(parts)}{attributes.get('close') or ')'}"
    return _layout(name, parts)


def _token(name: str, text: str) -> str:
    if name == "mtext":
        return rf"\text{{{text}}}" if text else ""
    if name == "mi" and len(text) > 1 and text.isascii() and text.isalpha():
        return rf"\{text}" if text in ("sin", "cos", "tan", "log", "ln", "exp", "lim", "max", "min", "det") else rf"\mathrm{{{text}}}"
    return "".join(_SIGNS.get(sign, sign) for sign in text)


def _layout(name: str, parts: list[str]) -> str:
    match name, parts:
        case "mfrac", [above, below]:
            return rf"\frac{{{above}}}{{{below}}}"
        case "msqrt", _:
            return rf"\sqrt{{{_row(parts)}}}"
        case "mroot", [body, index]:
            return rf"\sqrt[{index}]{{{body}}}"
        case "msup", [body, above]:
            return f"{_base(body)}^{{{above}}}"
        case "msub", [body, below]:
            return f"{_base(body)}_{{{below}}}"
        case (("msubsup" | "munderover"), [body, below, above]):
            return f"{_base(body)}_{{{below}}}^{{{above}}}"
        case "mover", [body, above]:
            return f"{_OVER[above]}{{{body}}}" if above in _OVER else rf"\overset{{{above}}}{{{body}}}"
        case "munder", [body, below]:
            return f"{body}_{{{below}}}" if body.startswith(_BIG) else rf"\underset{{{below}}}{{{body}}}"
        case _:
            return _row(parts)


def _row(parts: list[str]) -> str:
    return " ".join(part for part in parts if part)


def _base(body: str) -> str:
    return body if len(body) == 1 or (body.startswith("\\") and body[1:].isalpha()) else f"{{{body}}}"
