"""A count as Word writes it: 3 as 3, iii, C, 三, 叁, 丙 or ③."""

from __future__ import annotations

from collections.abc import Callable

_CHINESE = "零一二三四五六七八九"
_LEGAL_SIMPLIFIED = "零壹贰叁肆伍陆柒捌玖"
_LEGAL_TRADITIONAL = "零壹貳參肆伍陸柒捌玖"
_STEMS = "甲乙丙丁戊己庚辛壬癸"
_BRANCHES = "子丑寅卯辰巳午未申酉戌亥"
_ROMAN = (
    (1000, "M"),
    (900, "CM"),
    (500, "D"),
    (400, "CD"),
    (100, "C"),
    (90, "XC"),
    (50, "L"),
    (40, "XL"),
    (10, "X"),
    (9, "IX"),
    (5, "V"),
    (4, "IV"),
    (1, "I"),
)
_GREATEST = 32767


def numeral(count: int, style: str) -> str:
    """The count in a ``w:numFmt`` style; an unknown style is decimal, ``none`` and ``bullet`` are empty."""
    if style in ("none", "bullet"):
        return ""
    write = _WRITERS.get(style)
    return write(count) if write and 0 < count <= _GREATEST else str(count)


def _thousands(digits: str, units: str, short_ten: bool) -> Callable[[int], str]:
    def write(count: int) -> str:
        if count >= 10_000:
            rest = count % 10_000
            gap = digits[0] if 0 < rest < 1000 else ""
            return write(count // 10_000) + "万" + (gap + write(rest) if rest else "")
        text, gap = "", False
        for power in (3, 2, 1, 0):
            digit = count // 10**power % 10
            if digit:
                text += (digits[0] if gap and text else "") + digits[digit] + (units[power - 1] if power else "")
            gap = not digit
        return text[1:] if short_ten and 10 <= count < 20 else text

    return write


def _positional(digits: str) -> Callable[[int], str]:
    return lambda count: "".join(digits[int(d)] for d in str(count))


def _counting(count: int) -> str:
    """``chineseCounting`` is positional from a hundred on."""
    return _CHINESE_THOUSAND(count) if count < 100 else _positional("○" + _CHINESE[1:])(count)


def _roman(count: int) -> str:
    text = ""
    for worth, letters in _ROMAN:
        text += letters * (count // worth)
        count %= worth
    return text


def _letters(count: int) -> str:
    """Word repeats the letter: z is followed by aa, bb, cc."""
    return chr(ord("a") + (count - 1) % 26) * ((count - 1) // 26 + 1)


def _cycle(signs: str) -> Callable[[int], str]:
    return lambda count: signs[count - 1] if count <= len(signs) else str(count)


def _run(first: int, last: int) -> Callable[[int], str]:
    return _cycle("".join(map(chr, range(first, last + 1))))


def _circled(count: int) -> str:
    return chr(0x2460 + count - 1) if count <= 20 else chr(0x3251 + count - 21) if count <= 35 else str(count)


def _ordinal(count: int) -> str:
    ending = "th" if count % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(count % 10, "th")
    return f"{count}{ending}"


_CHINESE_THOUSAND = _thousands(_CHINESE, "十百千", short_ten=True)

_WRITERS: dict[str, Callable[[int], str]] = {
    "decimalZero": lambda count: f"{count:02}",
    "upperRoman": _roman,
    "lowerRoman": lambda count: _roman(count).lower(),
    "upperLetter": lambda count: _letters(count).upper(),
    "lowerLetter": _letters,
    "ordinal": _ordinal,
    "chineseCounting": _counting,
    "chineseCountingThousand": _CHINESE_THOUSAND,
    "taiwaneseCounting": _counting,
    "taiwaneseCountingThousand": _CHINESE_THOUSAND,
    "japaneseCounting": _CHINESE_THOUSAND,
    "ideographDigital": _positional("○" + _CHINESE[1:]),
    "japaneseDigitalTenThousand": _positional("〇" + _CHINESE[1:]),
    "taiwaneseDigital": _positional("○" + _CHINESE[1:]),
    "chineseLegalSimplified": _thousands(_LEGAL_SIMPLIFIED, "拾佰仟", short_ten=False),
    "ideographLegalTraditional": _thousands(_LEGAL_TRADITIONAL, "拾佰仟", short_ten=False),
    "japaneseLegal": _thousands(_LEGAL_TRADITIONAL, "拾佰仟", short_ten=False),
    "ideographTraditional": _cycle(_STEMS),
    "ideographZodiac": _cycle(_BRANCHES),
    "ideographEnclosedCircle": _run(0x3280, 0x3289),
    "decimalEnclosedCircle": _circled,
    "decimalEnclosedCircleChinese": _circled,
    "decimalEnclosedParen": _run(0x2474, 0x2487),
    "decimalEnclosedFullstop": _run(0x2488, 0x249B),
    "decimalFullWidth": _positional("０１２３４５６７８９"),
    "decimalFullWidth2": _positional("０１２３４５６７８９"),
    "decimalHalfWidth": str,
    "numberInDash": lambda count: f"- {count} -",
}
