"""The reader over docling, with the real docling where it is installed. Office files need none of its models."""

from __future__ import annotations

import pytest

from moorage.core.errors import DocumentUnreadable
from moorage.kb.parse import Source
from moorage.kb.parse.docling import DoclingParser

pytest.importorskip("docling", reason="docling is not installed: pip install 'moorage[docling]'")


PAGE = b"<!doctype html><html><body><h1>Title</h1><p>Some words.</p></body></html>"


def test_a_document_is_read_by_docling() -> None:
    parsed = DoclingParser().parse(Source("a.html", PAGE))

    assert "# Title" in parsed.markdown and "Some words." in parsed.markdown


def test_the_content_decides_and_not_the_name() -> None:
    parsed = DoclingParser().parse(Source("a.pdf", PAGE))

    assert "Some words." in parsed.markdown


def test_what_docling_cannot_read_has_its_reason() -> None:
    with pytest.raises(DocumentUnreadable, match=r"a\.pdf.*docling"):
        DoclingParser().parse(Source("a.pdf", b"%PDF-1.4 broken"))
