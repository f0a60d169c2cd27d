"""Chinese text files come in many encodings; a binary file is none of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.kb.parse import Source, parse
from moorage.kb.parse.encoding import decode

TEXT = "第一章 总则\n为了保障网络安全，维护网络空间主权，制定本法。Network, 2016.\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030", "gbk"])
def test_chinese_text_is_read_in_every_usual_encoding(encoding: str) -> None:
    parsed = parse(Source("a.txt", TEXT.encode(encoding)))

    assert parsed.markdown == TEXT
    assert parsed.notices == ()


def test_big_endian_utf_16_is_told_by_its_mark() -> None:
    assert parse(Source("a.txt", b"\xfe\xff" + TEXT.encode("utf-16-be"))).markdown == TEXT


def test_accented_western_text_is_not_taken_for_chinese() -> None:
    decoded = decode("Le café où l'été s'arrête à Genève, très loin".encode("cp1252"))

    assert decoded is not None
    assert "café où l'été" in decoded[0]
    assert [n.code for n in decoded[1]] == ["encoding_guessed"]


def test_one_broken_byte_does_not_make_a_file_unreadable() -> None:
    data = (TEXT * 20).encode() + b"\xff end"

    parsed = parse(Source("a.md", data))

    assert "维护网络空间主权" in parsed.markdown
    assert [n.code for n in parsed.notices] == ["characters_replaced"]


@given(st.text(alphabet=st.characters(exclude_categories=("Cs", "Cc")), min_size=1))
def test_utf_8_always_comes_back_as_it_was(text: str) -> None:
    decoded = decode(text.encode())

    assert decoded is not None
    assert decoded[0] == text.removeprefix("\ufeff")


TRADITIONAL = "第一章 總則\n為了保障網路安全，維護網路空間主權與國家安全，特制定本辦法。Network, 2016.\n"


@pytest.mark.parametrize("encoding", ["big5", "big5hkscs", "gbk", "gb18030", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("times", [1, 400])
def test_traditional_chinese_is_told_by_its_usual_characters(encoding: str, times: int) -> None:
    parsed = parse(Source("a.txt", (TRADITIONAL * times).encode(encoding)))

    assert parsed.markdown == TRADITIONAL * times
    assert parsed.notices == ()


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", [TEXT, "plain English, nothing else\n", "为了保障网络安全维护网络空间主权", "\t版本\t1\r\n"])
def test_utf_16_without_its_mark_is_told(encoding: str, text: str) -> None:
    decoded = decode(text.encode(encoding))

    assert decoded == (text, ())


@pytest.mark.parametrize("text", ["naïve", "España año «qué»", "£5 or so", "the price is 5°C"])
def test_short_western_text_is_not_taken_for_chinese(text: str) -> None:
    decoded = decode(text.encode("cp1252"))

    assert decoded is not None
    assert decoded[0] == text
    assert [n.code for n in decoded[1]] == ["encoding_guessed"]


@pytest.mark.parametrize("size", [40, 500, 5000])
def test_bytes_of_anything_else_are_no_text(size: int) -> None:
    import random

    chance = random.Random(3)

    assert [decode(chance.randbytes(size)) for _ in range(40)] == [None] * 40


@pytest.mark.parametrize("label", ["undefined", "idna", "unicode_escape", "rot13", "zip", "no-such", "utf-16", "x" * 1000])
def test_a_document_can_name_no_encoding_that_is_none(label: str) -> None:
    assert decode("版本说明".encode("gbk"), label) == ("版本说明", ())


@pytest.mark.parametrize(
    ("label", "codec"), [("Shift_JIS", "cp932"), ("euc-kr", "cp949"), ("windows-1251", "cp1251"), ("ISO-8859-2", "iso-8859-2")]
)
def test_an_encoding_that_a_document_names_is_used(label: str, codec: str) -> None:
    text = {"cp932": "東京の天気", "cp949": "한국어 문서", "cp1251": "Привет мир", "iso-8859-2": "źdźbło"}[codec]

    assert decode(text.encode(codec), label) == (text, ())


def test_a_line_of_two_million_characters_is_one_line() -> None:
    parsed = parse(Source("a.txt", ("很长的一行，" * 400_000).encode("gb18030")))

    assert len(parsed.markdown) == 2_400_000


@pytest.mark.parametrize("data", [b"te\x00xt\x00with\x00zeros", b"\x01\x02\x03\x04" * 50, b"ab\x00\xff" * 100])
def test_text_with_zeros_or_controls_is_refused(data: bytes) -> None:
    assert decode(data) is None


def test_a_zero_in_a_text_is_a_damaged_character() -> None:
    decoded = decode("第一行\x00\n".encode() + "正文。".encode() * 200)

    assert decoded is not None
    text, notices = decoded
    assert text.startswith("第一行\ufffd\n正文。") and [notice.code for notice in notices] == ["characters_replaced"]
