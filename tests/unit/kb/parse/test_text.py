"""Markdown and plain text are handed on as they are."""

from __future__ import annotations

import base64

from moorage.kb.parse import Source, parse
from moorage.testing.documents import png


def test_line_ends_become_plain() -> None:
    assert parse(Source("a.txt", b"a\r\nb\rc")).markdown == "a\nb\nc"


def test_the_first_heading_outside_code_is_the_title() -> None:
    assert parse(Source("a.md", b"```\n# no\n```\n\n# Yes #\n")).title == "Yes"


def test_front_matter_names_the_title() -> None:
    assert parse(Source("a.md", b'---\ntitle: "Named"\n---\n# Other\n')).title == "Named"


def test_a_plain_text_is_titled_by_its_file_name() -> None:
    assert parse(Source("docs/安装 说明.v2.txt", b"# not Markdown")).title == "安装 说明.v2"


def test_a_picture_in_a_data_address_becomes_a_picture() -> None:
    data = base64.b64encode(png()).decode()

    parsed = parse(Source("a.md", f"![x](data:image/png;base64,{data}) end".encode()))

    assert parsed.pictures[0].data == png()
    assert parsed.markdown == f"![x]({parsed.pictures[0].name}) end"


def test_a_picture_elsewhere_is_left_alone() -> None:
    assert parse(Source("a.md", b"![x](https://example.org/a.png)")).markdown == "![x](https://example.org/a.png)"
