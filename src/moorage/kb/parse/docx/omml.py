"""Word's formulas (OMML) as LaTeX."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from moorage.kb.parse.docx.names import MATH
from moorage.kb.parse.limits import NESTING
from moorage.kb.parse.xml import Element, child_of

_ACCENTS = {
    "\u0300": "grave", "\u0301": "acute", "\u0302": "hat", "\u0303": "tilde", "\u0304": "bar", "\u0305": "overline", "\u0306": "breve",
    "\u0307": "dot", "\u0308": "ddot", "\u030c": "check", "\u20d7": "vec", "^": "hat", "~": "tilde", "→": "vec", "¯": "bar", "˙": "dot",
}  # fmt: skip
_OPERATORS = {
    "∑": r"\sum", "∏": r"\prod", "∫": r"\int", "∬": r"\iint", "∭": r"\iiint", "∮": r"\oint", "⋃": r"\bigcup", "⋂": r"\bigcap", "∐": r"\coprod", "⋀": r"\bigwedge",
    "⋁": r"\bigvee", "∯": r"\oiint", "∰": r"\oiiint",
}  # fmt: skip
_NAMED = """
α alpha β beta γ gamma δ delta ε varepsilon ϵ epsilon ζ zeta η eta θ theta ϑ vartheta ι iota κ kappa λ lambda μ mu ν nu ξ xi π pi ϖ varpi
ρ rho ϱ varrho σ sigma ς varsigma τ tau υ upsilon φ varphi ϕ phi χ chi ψ psi ω omega Γ Gamma Δ Delta Θ Theta Λ Lambda Ξ Xi Π Pi Σ Sigma
Υ Upsilon Φ Phi Ψ Psi Ω Omega × times ÷ div ± pm ∓ mp ⋅ cdot · cdot ∘ circ ∙ bullet ∗ ast ⊕ oplus ⊖ ominus ⊗ otimes ⊙ odot ∧ wedge ∨ vee
∪ cup ∩ cap ∖ setminus ≤ leq ≥ geq ≪ ll ≫ gg ≠ neq ≈ approx ≡ equiv ≅ cong ≃ simeq ∼ sim ∝ propto ∈ in ∉ notin ∋ ni ⊂ subset ⊃ supset
⊆ subseteq ⊇ supseteq ∅ emptyset ∞ infty ∂ partial ∇ nabla ∀ forall ∃ exists ¬ neg → rightarrow ← leftarrow ↑ uparrow ↓ downarrow
↔ leftrightarrow ⇒ Rightarrow ⇐ Leftarrow ⇔ Leftrightarrow ↦ mapsto … ldots ⋯ cdots ⋮ vdots ⋱ ddots √ surd ∠ angle ⊥ perp ∥ parallel
∑ sum ∏ prod ∐ coprod ∫ int ∬ iint ∭ iiint ∮ oint ⟨ langle ⟩ rangle ⌈ lceil ⌉ rceil ⌊ lfloor ⌋ rfloor ℓ ell ℏ hbar ′ prime
""".split()
_SYMBOLS = (
    {sign: f"\\{name}" for sign, name in zip(_NAMED[::2], _NAMED[1::2], strict=True)}
    | {sign: f"\\{sign}" for sign in "%#&$_{}"}
    | {"\\": r"\backslash"}
)
# Letters of another alphabet: what Word writes into a run's properties, and what Unicode has in the names of its own letters.
_ALPHABETS = {
    "double-struck": r"\mathbb",
    "fraktur": r"\mathfrak",
    "script": r"\mathcal",
    "sans-serif": r"\mathsf",
    "monospace": r"\mathtt",
}
_ESCAPES = str.maketrans({sign: f"\\{sign}" for sign in "%#&$_{}"})
_UNICODE_ALPHABETS = (
    ("DOUBLE-STRUCK", r"\mathbb"), ("FRAKTUR", r"\mathfrak"), ("BLACK-LETTER", r"\mathfrak"), ("SCRIPT", r"\mathcal"), ("SANS-SERIF", r"\mathsf"),
    ("MONOSPACE", r"\mathtt"), ("BOLD", r"\mathbf"), ("MATHEMATICAL", ""), ("PLANCK", ""),
)  # fmt: skip
_FUNCTIONS = frozenset("sin cos tan cot sec csc log ln lg exp lim max min sup inf det arg gcd sinh cosh tanh arcsin arccos arctan".split())
_FUNCTION = re.compile(rf"(?<![A-Za-z\\])({'|'.join(sorted(_FUNCTIONS, key=len, reverse=True))})(?![A-Za-z])")
_BETWEEN_WORDS = re.compile(r"\\text\{[^}]*\}|(?<![\\A-Za-z])([A-Za-z]+) +(?=[A-Za-z])")
_BLANKS = re.compile(r" {2,}")
_NUMBER_AT_END = re.compile(r"\\#\s*(?:\\left\s*)?[(（]\s*(.+?)\s*(?:\\right\s*)?[)）]\s*$")
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
    if depth:
        return text.strip()
    # LaTeX drops blanks: one between two words has to be asked for.
    return _BETWEEN_WORDS.sub(lambda found: f"{found[1]}\\ " if found[1] else found[0], _BLANKS.sub(" ", text.strip()))


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


def _run(element: Element, depth: int) -> str:
    said = "".join(t.text or "" for t in element.findall(MATH + "t"))
    text = "".join(_node(child, depth) for child in element)
    if not any(c.isalpha() for c in said):
        return text
    if child_of(child_of(element, MATH + "rPr"), MATH + "nor") is not None and len(said.strip()) > 1:
        return text if text.startswith(r"\text") else rf"\text{{{said.translate(_ESCAPES)}}}"
    command = _ALPHABETS.get(_setting(element, "rPr", "scr") or "")
    if not command and _setting(element, "rPr", "sty") == "b":  # a vector; bold italics are what a formula in a heading has
        command = r"\mathbf"
    return f"{command}{{{text}}}" if command else text


def _text(text: str) -> str:
    word = text.strip()
    if len(word) > 1 and any("\u4e00" <= c <= "\u9fff" for c in word):
        return rf"\text{{{word.translate(_ESCAPES)}}}"
    signs = "".join(f"{sign} " if sign[0] == "\\" and sign[-1].isalpha() else sign for sign in map(_sign, text))
    written = _FUNCTION.sub(r"\\\1 ", signs)
    return written if text[-1:].isspace() else written.rstrip()


def _sign(c: str) -> str:
    if c in _SYMBOLS or c.isascii():
        return _SYMBOLS.get(c, c)
    name = unicodedata.name(c, "")
    command = next((command for word, command in _UNICODE_ALPHABETS if word in name), None)
    if command is None:
        return c
    plain = unicodedata.normalize("NFKC", c)
    plain = _SYMBOLS.get(plain, plain)
    return f"{command}{{{plain}}}" if command else plain


def _part(element: Element, name: str, depth: int) -> str:
    child = child_of(element, MATH + name)
    return "" if child is None else latex(child, depth)


def _setting(element: Element, properties: str, name: str) -> str | None:
    found = child_of(child_of(element, MATH + properties), MATH + name)
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
    rows = [_NUMBER_AT_END.sub(r" \\tag{\1}", latex(e, depth)) for e in element.findall(MATH + "e")]
    if len(rows) == 1:  # a formula with its number: an ampersand would align it with others
        return rows[0].replace(r"\&", "")
    rows = [row.replace(r"\&", "&") for row in rows]
    return rf"\begin{{aligned}} {_NEW_ROW.join(rows)} \end{{aligned}}"


def _limit_below(element: Element, depth: int) -> str:
    return f"{_part(element, 'e', depth)}_{{{_part(element, 'lim', depth)}}}"


def _limit_above(element: Element, depth: int) -> str:
    return rf"\overset{{{_part(element, 'lim', depth)}}}{{{_part(element, 'e', depth)}}}"


def _group(element: Element, depth: int) -> str:
    return rf"\{'overbrace' if _setting(element, 'groupChrPr', 'pos') == 'top' else 'underbrace'}{{{_part(element, 'e', depth)}}}"


_WRITERS: dict[str, Callable[[Element, int], str]] = {
    "r": _run, "f": _fraction, "sSup": _script, "sSub": _script, "sSubSup": _script, "sPre": _before, "rad": _root, "nary": _operator, "d": _delimited,
    "func": _function, "acc": _accent, "bar": _bar, "m": _matrix, "eqArr": _equations, "limLow": _limit_below, "limUpp": _limit_above,
    "groupChr": _group,
}  # fmt: skip
