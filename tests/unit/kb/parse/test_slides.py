"""Presentations: a heading per slide, and the slide as the page."""

from __future__ import annotations

import io
from zipfile import ZipFile

import pytest

from moorage.core.errors import DocumentUnreadable
from moorage.kb.parse import Source, parse
from moorage.testing.documents import archive, png, pptx


def without(data: bytes, *names: str) -> bytes:
    with ZipFile(io.BytesIO(data)) as old:
        return archive({n: old.read(n) for n in old.namelist() if n not in names})


def test_titles_are_headings_and_slides_are_pages() -> None:
    parsed = parse(Source("a.pptx", pptx(("部署", ["解压", "启动"]), ("Second", ["one line"]), notes="say this")))

    assert parsed.markdown == "## 部署\n\n- 解压\n- 启动\n\n> say this\n\n## Second\n\none line"
    assert [(p.page, parsed.markdown[p.offset :].split("\n")[0]) for p in parsed.pages] == [(1, "## 部署"), (2, "## Second")]


def test_a_picture_is_taken_out() -> None:
    parsed = parse(Source("a.pptx", pptx(("t", ["x"]), image=png())))

    assert parsed.pictures[0].data == png()
    assert f"]({parsed.pictures[0].name})" in parsed.markdown


def test_a_missing_picture_is_a_notice() -> None:
    parsed = parse(Source("a.pptx", without(pptx(("网络", ["拓扑"]), image=png()), "ppt/media/image1.png")))

    assert [n.code for n in parsed.notices] == ["picture_missing"]
    assert "网络" in parsed.notices[0].zh
    assert "拓扑" in parsed.markdown


def test_an_empty_presentation_is_read_and_told() -> None:
    assert [n.code for n in parse(Source("a.pptx", pptx())).notices] == ["no_text"]


def test_a_presentation_without_its_main_part_is_told() -> None:
    with pytest.raises(DocumentUnreadable, match=r"a\.pptx could not be read: the presentation is damaged"):
        parse(Source("a.pptx", without(pptx(("t", [])), "ppt/presentation.xml")))
