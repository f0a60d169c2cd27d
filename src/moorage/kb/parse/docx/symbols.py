"""Signs of the fonts that have an alphabet of their own (Symbol, Wingdings): what they look like, as Unicode.

Word writes such a sign as a ``w:sym`` with font and code, or as a character of the private use area (code + F000) in a run of that font.
"""

from __future__ import annotations

import re

_PRIVATE = 0xF000
_PRIVATE_SIGN = re.compile("[\uf020-\uf0ff]")

_SYMBOL_LOW = " !∀#∃%&∋()∗+,−./0123456789:;<=>?≅ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ[∴]⊥_‾αβχδεφγηιϕκλμνοπθρστυϖωξψζ{|}∼"
_SYMBOL_HIGH = "€ϒ′≤⁄∞ƒ♣♦♥♠↔←↑→↓°±″≥×∝∂•÷≠≡≈…⏐⎯↵ℵℑℜ℘⊗⊕∅∩∪⊃⊇⊄⊂⊆∈∉∠∇®©™∏√⋅¬∧∨⇔⇐⇑⇒⇓◊〈®©™∑⎛⎜⎝⎡⎢⎣⎧⎨⎩⎪ 〉∫⌠⎮⌡⎞⎟⎠⎤⎥⎦⎫⎬⎭"
_SYMBOL = {0x20 + at: sign for at, sign in enumerate(_SYMBOL_LOW)} | {0xA0 + at: sign for at, sign in enumerate(_SYMBOL_HIGH)}
_WINGDINGS = (
    {0x81 + at: sign for at, sign in enumerate("①②③④⑤⑥⑦⑧⑨⑩")}
    | {0x8C + at: sign for at, sign in enumerate("❶❷❸❹❺❻❼❽❾❿")}
    | {
        0x21: "✏", 0x22: "✂", 0x28: "☎", 0x2A: "✉", 0x4A: "☺", 0x6C: "●", 0x6E: "■", 0x6F: "☐", 0x70: "☐", 0x71: "❑", 0x72: "❒", 0x74: "⧫",
        0x75: "◆", 0x76: "❖", 0x77: "⬥", 0x9F: "•", 0xA7: "▪", 0xA8: "☐", 0xAB: "★", 0xD8: "➢", 0xDF: "←", 0xE0: "→", 0xE1: "↑", 0xE2: "↓",
        0xE8: "➔", 0xEF: "⇦", 0xF0: "⇨", 0xF1: "⇧", 0xF2: "⇩", 0xF3: "⬄", 0xFB: "✗", 0xFC: "✓", 0xFD: "☒", 0xFE: "☑",
    }
)  # fmt: skip
_WINGDINGS_2 = {0x4F: "✗", 0x50: "✓", 0x51: "☒", 0x52: "☑", 0x53: "☒", 0x54: "☒", 0x97: "●", 0x98: "•", 0xA2: "■", 0xA3: "☐"}
_WINGDINGS_3 = {0x7D: "▶", 0x7C: "◀", 0x70: "▲", 0x71: "▼", 0x22: "→", 0x21: "←"}
# What text of any other font means by such a code. Other codes of it may be characters that somebody made: they stay.
_COMMON = {at: _WINGDINGS[at] for at in (0x6C, 0x6E, 0x6F, 0x75, 0x76, 0xA7, 0xA8, 0xD8, 0xE0, 0xFB, 0xFC, 0xFD, 0xFE)} | {
    0x52: "☑", 0x53: "☒", 0xB0: "°", 0xB4: "×", 0xB7: "•",
}  # fmt: skip
_FONTS = {"symbol": _SYMBOL, "wingdings": _WINGDINGS, "wingdings 2": _WINGDINGS_2, "wingdings 3": _WINGDINGS_3}


def sign(font: str, code: int) -> str:
    """The sign of a font with this code (with or without F000); empty for one that nothing in Unicode looks like."""
    low = code - _PRIVATE if _PRIVATE <= code < _PRIVATE + 0x100 else code
    table = _FONTS.get(font.strip().lower())
    if table is not None:
        return table.get(low, "")
    if low != code:
        return _COMMON.get(low, "")
    return chr(code) if 0x20 <= code < 0x110000 and not 0xD800 <= code < 0xE000 else ""


def plain(text: str, font: str) -> str:
    """Text with the private signs of its font as Unicode. Most text has none."""
    table = _FONTS.get(font.strip().lower(), _COMMON)
    return _PRIVATE_SIGN.sub(lambda found: table.get(ord(found[0]) - _PRIVATE, found[0] if table is _COMMON else ""), text)


def has_signs(text: str) -> bool:
    """Whether there is a private sign in a text."""
    return _PRIVATE_SIGN.search(text) is not None
