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
