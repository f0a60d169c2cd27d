"""Numbers as a workbook shows them: the format codes of Excel (``0.00%``, ``#,##0``, ``¥#,##0.00;(…)``, ``000000``). Knows no file format.

Dates are not its business, and what it does not know (fractions, Chinese numerals) is shown as a plain number.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache

# Those that a file uses without defining them. Currencies (5 to 8, 41 to 44) depend on the country and are left without sign.
BUILT_IN = {
    1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 5: "#,##0", 6: "#,##0", 7: "#,##0.00", 8: "#,##0.00", 9: "0%", 10: "0.00%", 11: "0.00E+00",
    37: "#,##0;(#,##0)", 38: "#,##0;(#,##0)", 39: "#,##0.00;(#,##0.00)", 40: "#,##0.00;(#,##0.00)", 41: "#,##0", 42: "#,##0", 43: "#,##0.00",
    44: "#,##0.00", 48: "0.0E+0",
}  # fmt: skip
_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"|[\\!](?P<escaped>.)|(?:_|\*)(?P<space>.)|\[(?P<bracket>[^\]]*)\]|(?P<general>General|G/通用格式)|(?P<power>[eE][+-])'
    r"|(?P<digit>[0#?])|(?P<mark>[.,%])|(?P<unknown>[@/yYmMdDhHsSeEbB])|(?P<other>.)",
    re.DOTALL,
)
_CONDITION = re.compile(r"(<=|>=|<>|<|>|=)\s*(-?[\d.]+)$")
_COLOUR_OR_PLACE = re.compile(
    r"(?:color ?\d+|black|blue|cyan|green|magenta|red|white|yellow|\$-[\dA-Fa-f,]+|[黑蓝青绿红白黄]色?|洋红色?|颜色 ?\d+)$", re.IGNORECASE
)
_CURRENCY = re.compile(r"\$([^-\]]*)(?:-[\dA-Fa-f,]+)?$")
_WEEKDAY = re.compile(r"(?:\[\$[^\]]*\])?\"?([^\"a;@0#?]{0,4}?)\"?(a{3,4})(?:;@)?$", re.IGNORECASE)
_DAYS_OF_WEEK = "日一二三四五六"
_GENERAL = ("General", "G/通用格式")
_LONGEST_CODE = 255
_MOST_DECIMALS = 30
_Item = tuple[str, str]  # kind (text, digit, mark, general, power) and the character(s)


@dataclass(frozen=True, slots=True)
class _Section:
    items: tuple[_Item, ...]
    condition: tuple[str, float] | None = None


def plain(value: float) -> str:
    """A number without a format: no ``.0``, no binary dust."""
    return str(int(value)) if -1e15 < value < 1e15 and value == int(value) else f"{value:.12g}"


@lru_cache(maxsize=4096)
def number_format(code: str) -> Callable[[float], str] | None:
    """How a number looks in this format; None where a plain number says as much, and for dates and text."""
    if len(code) > _LONGEST_CODE:
        return None
    if found := _WEEKDAY.match(code):
        return lambda value: found[1] + ("星期" if len(found[2]) == 4 else "") + _DAYS_OF_WEEK[int(value - 1) % 7]
    sections = [_section(text) for text in _split(code)]
    numeric = [section for section in sections[:3] if section is not None]
    is_known = len(numeric) == len(sections[:3])
    has_digits = any(kind == "digit" for section in numeric for kind, _ in section.items)
    says_more = any(kind == "text" for section in numeric for kind, _ in section.items) and any(section.condition for section in numeric)
    has_unit = any(("general", text) in section.items and len(section.items) > 1 for section in numeric for text in _GENERAL)
    if not is_known or not (has_digits or says_more or has_unit):
        return None

    def show(value: float) -> str:
        try:
            return _show(value, numeric)
        except (InvalidOperation, OverflowError, ValueError):
            return plain(value)

    return show


def is_date_format(code: str) -> bool:
    """Whether the format shows a date: a year, or a month and a day, outside of quotes."""
    letters = "".join(match["unknown"] for match in _TOKEN.finditer(code[:_LONGEST_CODE]) if match["unknown"]).lower()
    return "y" in letters or ("m" in letters and "d" in letters)


def _show(value: float, sections: list[_Section]) -> str:
    if value != value or value in (float("inf"), float("-inf")):
        return plain(value)
    section, drops_sign = _choose(value, sections)
    if not section.items:
        return "" if value == 0 else plain(value)  # ;;; hides what it shows, not what we read
    text = _filled(abs(value), section.items).strip()
    is_negative = value < 0 and not drops_sign and any(c in "123456789" for c in text)
    return f"-{text}" if is_negative else text


def _choose(value: float, sections: list[_Section]) -> tuple[_Section, bool]:
    """The section for a value, and whether it writes the sign itself."""
    if any(section.condition for section in sections):
        for section in sections:
            if section.condition is None or _holds(value, section.condition):
                return section, False
        return sections[-1], False
    if value < 0 and len(sections) > 1:
        return sections[1], True
    return (sections[2], False) if value == 0 and len(sections) > 2 else (sections[0], False)


def _holds(value: float, condition: tuple[str, float]) -> bool:
    sign, limit = condition
    return {"<": value < limit, "<=": value <= limit, ">": value > limit, ">=": value >= limit, "=": value == limit, "<>": value != limit}[
        sign
    ]


def _filled(value: float, items: tuple[_Item, ...]) -> str:
    """The items of a section with the digits of a value in their places."""
    if any(kind == "general" for kind, _ in items):
        return "".join(plain(value) if kind == "general" else text for kind, text in items if kind != "mark")
    point = items.index(("mark", ".")) if ("mark", ".") in items else len(items)
    before = [index for index, (kind, _) in enumerate(items[:point]) if kind == "digit"]
    last = before[-1] if before else -1
    commas = [index for index, item in enumerate(items[:point]) if item == ("mark", ",")]
    after = [text for kind, text in items[point:] if kind == "digit"]
    power = next((index for index, (kind, _) in enumerate(items) if kind == "power"), None)
    if power is not None:
        return _scientific(value, items, power)
    scaled = (
        Decimal(repr(value))
        * Decimal(100) ** items.count(("mark", "%"))
        / Decimal(1000) ** (sum(index > last for index in commas) + items[point:].count(("mark", ",")))
    )
    decimals = min(len(after), _MOST_DECIMALS)
    whole, _, rest = f"{scaled.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP):f}".partition(".")
    needed = len("".join(after).rstrip("#?"))
    rest = rest[:needed] + rest[needed:].rstrip("0")
    digits = whole.lstrip("0").rjust(sum(items[index][1] == "0" for index in before), "0")
    if any(index < last for index in commas):
        digits = _grouped(digits)
        head, tail = items[: before[0]], items[last + 1 : point]
        front = _texts(head) + digits + _texts(tail)
    else:
        front = _placed(digits, items[:point])
    return front + (f".{rest}" if rest else "") + _texts(items[point:])


def _scientific(value: float, items: tuple[_Item, ...], power: int) -> str:
    decimals = 0
    if ("mark", ".") in items[:power]:
        decimals = sum(kind == "digit" for kind, _ in items[items.index(("mark", ".")) : power])
    digits = sum(kind == "digit" for kind, _ in items[power:])
    mantissa, _, exponent = f"{value:.{min(decimals, _MOST_DECIMALS)}E}".partition("E")
    sign = "-" if exponent.startswith("-") else "+" if items[power][1].endswith("+") else ""
    return f"{mantissa}E{sign}{exponent[1:].lstrip('0').rjust(max(digits, 1), '0')}"


def _placed(digits: str, items: tuple[_Item, ...]) -> str:
    """Digits from the right into their places, what stands between the places kept; the first place takes all that are left."""
    first = next((index for index, (kind, _) in enumerate(items) if kind == "digit"), None)
    parts: list[str] = []
    for index in range(len(items) - 1, -1, -1):
        kind, text = items[index]
        if kind == "digit":
            take = len(digits) if index == first else 1
            parts.append(digits[len(digits) - take :] if take else "")
            digits = digits[: len(digits) - take]
        elif kind == "text" or text == "%":
            parts.append(text)
    return "".join(reversed(parts))


def _grouped(digits: str) -> str:
    head = len(digits) % 3
    return ",".join([*([digits[:head]] if head else []), *(digits[at : at + 3] for at in range(head, len(digits), 3))])


def _texts(items: tuple[_Item, ...]) -> str:
    return "".join(text for kind, text in items if kind == "text" or text == "%")


def _split(code: str) -> list[str]:
    parts: list[str] = [""]
    for match in _TOKEN.finditer(code):
        if match[0] == ";":
            parts.append("")
        else:
            parts[-1] += match[0]
    return parts


def _section(text: str) -> _Section | None:
    """The items of a section; None for what is not a number or not known."""
    items: list[_Item] = []
    condition: tuple[str, float] | None = None
    for match in _TOKEN.finditer(text):
        kind, found = match.lastgroup or "", match[match.lastgroup or 0]
        if kind == "unknown":
            return None
        if kind == "bracket":
            limit = _CONDITION.match(found)
            currency = _CURRENCY.match(found)
            if limit:
                condition = (limit[1], float(limit[2]))
            elif currency:
                items.append(("text", currency[1]))
            elif not _COLOUR_OR_PLACE.match(found):
                return None
        elif kind in ("quoted", "escaped", "other"):
            items.append(("text", found))
        elif kind != "space":
            items.append((kind, found))
    return _Section(tuple(items), condition)
