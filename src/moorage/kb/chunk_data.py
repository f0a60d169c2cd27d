"""Chunks as plain data: one shape for the command line and for HTTP."""

from __future__ import annotations

from typing_extensions import TypedDict  # pydantic reads typing.TypedDict only from Python 3.12 on

from moorage.core.errors import Language
from moorage.kb.chunking import Chunked


class NoticeShape(TypedDict):
    code: str
    text: str


class BlockShape(TypedDict):
    text: str
    start: int
    end: int
    page: int | None
    headings: list[str]


class ParentBlockShape(BlockShape):
    children: list[BlockShape]


class DifyShape(TypedDict):
    parent_delimiter: str
    parent_length: int
    child_delimiter: str
    child_length: int
    replace_consecutive_spaces: bool
    remove_urls_and_emails: bool


class ChunkedShape(TypedDict):
    title: str
    pages: int | None
    characters: int
    parents: int
    children: int
    longest_parent: int
    longest_child: int
    dify: DifyShape
    notices: list[NoticeShape]
    text: str
    blocks: list[ParentBlockShape]


def chunked_shape(made: Chunked, language: Language) -> ChunkedShape:
    """A document in chunks: counts, what to type into Dify, the text form, and each block with its place."""
    dify = made.dify
    blocks: list[ParentBlockShape] = [
        {
            "text": p.text, "start": p.start, "end": p.end, "page": made.page_of(p), "headings": list(p.headings),
            "children": [
                {"text": c.text, "start": c.start, "end": c.end, "page": made.page_of(c), "headings": list(c.headings)} for c in p.children
            ],
        }
        for p in made.parents
    ]  # fmt: skip
    return {
        "title": made.title, "pages": made.pages, "characters": len(made.markdown), "parents": len(blocks),
        "children": sum(len(b["children"]) for b in blocks), "longest_parent": max((p.length for p in made.parents), default=0),
        "longest_child": max((len(c.text) for p in made.parents for c in p.children), default=0),
        "dify": {
            "parent_delimiter": dify.parent_delimiter, "parent_length": dify.parent_length, "child_delimiter": dify.child_delimiter,
            "child_length": dify.child_length, "replace_consecutive_spaces": dify.replace_consecutive_spaces,
            "remove_urls_and_emails": dify.remove_urls_and_emails,
        },
        "notices": [{"code": n.code, "text": n.say(language)} for n in made.notices], "text": made.text, "blocks": blocks,
    }  # fmt: skip
