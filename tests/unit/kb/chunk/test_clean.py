"""Cleaning: one dialect, and cleaning twice is the same as once."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from moorage.kb.chunk import clean
from tests.unit.kb.chunk.cases import read_cases

_CASES = read_cases("clean.txt")


@pytest.mark.parametrize(("options", "source", "becomes"), [case[1:] for case in _CASES], ids=[case[0] for case in _CASES])
def test_a_text_is_cleaned(options: dict[str, Any], source: str, becomes: str) -> None:
    assert clean(source, **options).text == becomes
    assert clean(becomes, **options).text == becomes


def test_front_matter_becomes_metadata_with_its_types() -> None:
    metadata = clean("---\ntitle: 手册\ntags: [a, b]\nyear: 2024\n---\ntext").metadata
    assert metadata == {"title": "手册", "tags": ["a", "b"], "year": 2024}


def test_front_matter_that_yaml_cannot_read_gives_its_lines() -> None:
    assert clean("---\ntitle: a: b\n---\ntext").metadata == {"title": "a: b"}


def test_a_text_that_reads_like_front_matter_after_cleaning_is_not_lost_when_cleaned_again() -> None:
    once = clean("***\n\nkey: value\n\n***\n\ntext").text
    assert clean(once).text == once
    assert "key: value" in once


def test_an_embedded_picture_is_stored_and_gets_the_stored_address() -> None:
    stored: list[tuple[bytes, str]] = []

    def store(data: bytes, media_type: str) -> str:
        stored.append((data, media_type))
        return "https://h/p.png"

    uri = "data:image/png;base64," + base64.b64encode(b"picture").decode()
    text = clean(f'![a]({uri} "t")\n\n<table><tr><td><img src="{uri}"></td></tr></table>', store_image=store).text
    assert text == "![image](https://h/p.png)\n\n| ![image](https://h/p.png) |\n| --- |"
    assert stored == [(b"picture", "image/png")] * 2


def test_a_damaged_embedded_picture_is_left_out_without_an_error() -> None:
    assert clean("![a](data:image/png;base64,A)", store_image=lambda data, media_type: "x").text == "![image](data:,)"


def test_spans_cannot_blow_a_table_up() -> None:
    source = "<table>" + ("<tr><td rowspan=1000 colspan=1000>" + "x" * 100 + "</td></tr>") * 1000 + "</table>"
    assert len(clean(source).text) < 40 * len(source)


def test_deeply_nested_tables_are_read_without_recursion() -> None:
    assert clean("<table><tr><td>" * 5000 + "x" + "</td></tr></table>" * 5000).text == "x"
    assert "x" in clean("<table><tr><td>" * 50 + "x" + "</td></tr></table>" * 50).text
