"""Our parsers keep the promises of ``Parser``, and another package's parser is found by its entry point."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from moorage.core.errors import MoorageError
from moorage.kb.parse import Source, known_suffixes, parse, parser_for, registry
from moorage.testing.documents import archive, docx, epub, mail, mhtml, paragraph, pdf, picture, png, pptx, table, xlsx
from moorage.testing.parser_conformance import ParserConformance

ECHO = """
from moorage.kb.parse import Parsed

class Echo:
    name = "echo"
    media_types = ("text/x-echo",)
    suffixes = (".echo",)

    def parse(self, source):
        return Parsed(source.data.decode() * 2, source.stem)
"""


class TestDocx(ParserConformance):
    parser = "moorage.kb.parse.docx:DocxParser"

    @classmethod
    def source(cls) -> Source:
        body = paragraph("text", runs=picture("r1")) + table(["a", "b"], ["c", "d"])
        return Source("a.docx", docx(body, relations=[("r1", "image", "media/a.png")], parts={"word/media/a.png": png()}))


class TestPdf(ParserConformance):
    parser = "moorage.kb.parse.pdf:PdfParser"

    @classmethod
    def source(cls) -> Source:
        return Source("a.pdf", pdf([("第一章 总则", 72, 700, 18)], [("text", 72, 700, 12)], outline=[("第一章 总则", 0)]))


class TestSheet(ParserConformance):
    parser = "moorage.kb.parse.sheet:SheetParser"

    @classmethod
    def source(cls) -> Source:
        return Source("a.xlsx", xlsx({"s": [["a", "b"], ["x", 0.5]]}, percent_column="B", merged=["A1:A2"]))


class TestDelimited(ParserConformance):
    parser = "moorage.kb.parse.delimited:DelimitedParser"

    @classmethod
    def source(cls) -> Source:
        return Source("a.csv", b"a,b\n1,2\n")


class TestSlides(ParserConformance):
    parser = "moorage.kb.parse.slides:SlidesParser"

    @classmethod
    def source(cls) -> Source:
        return Source("a.pptx", pptx(("t", ["a", "b"]), ("u", ["c"]), image=png(), notes="n"))


class TestHtml(ParserConformance):
    parser = "moorage.kb.parse.html:HtmlParser"

    @classmethod
    def source(cls) -> Source:
        return Source("a.html", "<h1>题</h1><ul><li>a<table><tr><td>x<td>y</table></ul><pre>z</pre>".encode())


class TestMhtml(ParserConformance):
    parser = "moorage.kb.parse.mhtml:MhtmlParser"

    @classmethod
    def source(cls) -> Source:
        return Source("a.mhtml", mhtml("<h1>题</h1><img src='cid:a'>", {"cid:a": png()}))


class TestEpub(ParserConformance):
    parser = "moorage.kb.parse.epub:EpubParser"

    @classmethod
    def source(cls) -> Source:
        return Source("a.epub", epub({"a.xhtml": "<p>x<img src='i.png'/></p>"}, contents=[("题", "a.xhtml")], parts={"OEBPS/i.png": png()}))


class TestMail(ParserConformance):
    parser = "moorage.kb.parse.mail:MailParser"

    @classmethod
    def source(cls) -> Source:
        return Source("a.eml", mail("text", "<p>正文<img src='cid:p'>", inline={"p": png()}, attachments={"b.md": b"# x"}))


class TestZip(ParserConformance):
    parser = "moorage.kb.parse.zipped:ZipParser"

    @classmethod
    def source(cls) -> Source:
        return Source("a.zip", archive({"a.md": "![](b.png)", "b.png": png(), "c.zip": archive({"d.txt": "好"})}))


class TestText(ParserConformance):
    parser = "moorage.kb.parse.text:TextParser"

    @classmethod
    def source(cls) -> Source:
        return Source("a.md", "# 题\r\n\r\ntext".encode())


@pytest.fixture
def plug_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installed package with one entry point, as pip would leave it."""
    (tmp_path / "echo_parser.py").write_text(ECHO)
    info = tmp_path / "echo_parser-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: echo-parser\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[moorage.parsers]\necho = echo_parser:Echo\n")
    monkeypatch.syspath_prepend(tmp_path)
    _forget()
    yield info
    _forget()


def _forget() -> None:
    registry.known_suffixes.cache_clear()
    registry._plug_ins.cache_clear()  # pyright: ignore[reportPrivateUsage]


def test_another_package_s_parser_reads_its_suffix(plug_in: Path) -> None:
    assert ".echo" in known_suffixes()
    assert parser_for(Source("a.echo", b"hi")).name == "echo"
    assert parse(Source("a.echo", b"hi")).markdown == "hihi"


def test_ours_still_read_theirs(plug_in: Path) -> None:
    assert parser_for(Source("a.docx", docx(paragraph("x")))).name == "docx"
    assert parser_for(Source("a.txt", b"x")).name == "text"


def test_a_plug_in_that_cannot_be_loaded_is_named(plug_in: Path) -> None:
    (plug_in / "entry_points.txt").write_text("[moorage.parsers]\nbroken = echo_parser:Missing\n")

    with pytest.raises(MoorageError, match=r"broken \(echo_parser:Missing\)"):
        parse(Source("a.md", b"x"))


def test_listing_the_parsers_imports_no_heavy_library() -> None:
    import subprocess
    import sys

    heavy = "lxml, pypdfium2, python_calamine, pptx, selectolax"
    code = f"import sys; from moorage.kb.parse import known_suffixes; known_suffixes(); print([n for n in '{heavy}'.split(', ') if n in sys.modules])"

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
