"""What every document parser must do. Subclass ``ParserConformance``, name your ``parser`` and give it a document, and let pytest collect it.

class TestMine(ParserConformance):
    parser = "my_package.reader:MyParser"

    @classmethod
    def source(cls) -> Source:
        return Source("letter.mine", b"...")
"""

from __future__ import annotations

import hashlib
import random
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import ClassVar

import pytest

from moorage.core.errors import DocumentUnreadable
from moorage.kb.parse import Parser, Source

_DAMAGED = 60


class ParserConformance:
    """The promises of ``Parser`` as tests. ``parser`` is ``module:class``; the class is made without arguments."""

    parser: ClassVar[str]

    @classmethod
    def source(cls) -> Source:
        """A document of at least one page of text that the parser reads without a notice."""
        raise NotImplementedError

    @pytest.fixture
    def made(self) -> Parser:
        module, name = self.parser.split(":")
        parser: Parser = getattr(import_module(module), name)()
        return parser

    def test_it_says_what_it_reads(self, made: Parser) -> None:
        assert isinstance(made, Parser)
        assert made.name
        assert made.media_types
        assert all("/" in media_type and media_type == media_type.lower() for media_type in made.media_types)
        assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in made.suffixes)

    def test_a_document_becomes_markdown_with_a_title(self, made: Parser) -> None:
        parsed = made.parse(self.source())

        assert parsed.markdown.strip()
        assert "\r" not in parsed.markdown
        assert parsed.title.strip()
        assert parsed.notices == ()

    def test_the_same_bytes_give_the_same_result_whatever_came_before(self, made: Parser) -> None:
        first = made.parse(self.source())

        assert made.parse(self.source()) == first

    def test_threads_may_share_it(self, made: Parser) -> None:
        expected = made.parse(self.source())

        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(made.parse, [self.source()] * 8)) == [expected] * 8

    def test_pages_rise_and_lie_inside_the_text(self, made: Parser) -> None:
        parsed = made.parse(self.source())

        assert [page.page for page in parsed.pages] == list(range(1, len(parsed.pages) + 1))
        offsets = [page.offset for page in parsed.pages]
        assert offsets == sorted(offsets)
        assert all(0 <= offset <= len(parsed.markdown) for offset in offsets)

    def test_pictures_are_named_by_their_content_and_stand_in_the_text(self, made: Parser) -> None:
        parsed = made.parse(self.source())

        for picture in parsed.pictures:
            assert f"]({picture.name})" in parsed.markdown
            assert picture.media_type.startswith("image/")
            assert hashlib.sha256(picture.data).hexdigest().startswith(picture.name.split(".")[0])

    def test_damaged_bytes_raise_nothing_but_unreadable(self, made: Parser) -> None:
        chance = random.Random(7)
        whole = self.source()
        for _ in range(_DAMAGED):
            data = bytearray(whole.data)
            for _ in range(chance.randint(1, 6)):
                data[chance.randrange(len(data))] = chance.randrange(256)
            cut = chance.randrange(1, len(data) + 1) if chance.random() < 0.3 else len(data)
            try:
                made.parse(Source(whole.name, bytes(data[:cut])))
            except DocumentUnreadable as error:
                assert whole.name in str(error)
