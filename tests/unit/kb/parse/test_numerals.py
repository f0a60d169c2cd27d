"""Counts as Word writes them."""

from __future__ import annotations

import pytest

from moorage.kb.parse.docx.numerals import numeral


@pytest.mark.parametrize(
    ("count", "style", "text"),
    [
        (7, "decimal", "7"),
        (7, "decimalZero", "07"),
        (14, "upperRoman", "XIV"),
        (1, "lowerLetter", "a"),
        (28, "lowerLetter", "bb"),
        (10, "chineseCountingThousand", "十"),
        (12, "chineseCountingThousand", "十二"),
        (20, "chineseCountingThousand", "二十"),
        (105, "chineseCountingThousand", "一百零五"),
        (110, "chineseCountingThousand", "一百一十"),
        (1005, "chineseCountingThousand", "一千零五"),
        (3050, "chineseCountingThousand", "三千零五十"),
        (12, "chineseCounting", "十二"),
        (105, "chineseCounting", "一○五"),
        (10, "ideographDigital", "一○"),
        (12, "chineseLegalSimplified", "壹拾贰"),
        (3, "ideographTraditional", "丙"),
        (2, "ideographZodiac", "丑"),
        (11, "decimalEnclosedCircle", "⑪"),
        (21, "decimalEnclosedCircle", "㉑"),
        (3, "decimalEnclosedParen", "⑶"),
        (2, "ordinal", "2nd"),
        (12, "decimalFullWidth", "１２"),
        (5, "none", ""),
        (5, "somethingNew", "5"),
        (0, "upperRoman", "0"),
        (99, "ideographTraditional", "99"),
    ],
)
def test_a_count_is_written_in_its_style(count: int, style: str, text: str) -> None:
    assert numeral(count, style) == text
