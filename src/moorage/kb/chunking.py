"""A converted document into its chunks, by the recipe of the settings; with the model step where it is wanted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import cast

from moorage.core.nouns import Notice
from moorage.kb.chunk import Child, Parent, clean, render, split_delimited
from moorage.kb.chunk.modes import ChunkOptions, Mode, chunk
from moorage.kb.convert import Conversion, Converted
from moorage.kb.dify_import import DifyImport, dify_import
from moorage.kb.pages import locate_pages, page_at
from moorage.kb.parse.base import PageStart
from moorage.kb.parse.notices import chunks_over_limit, no_delimiters
from moorage.kb.relate import part_unrelated
from moorage.kb.tokenizer import load_tokenizer
from moorage.models.base import ChatModel

_FORMAT = 3
"""Goes up when reading the same bytes gives other text or chunks, so that a sync reads old documents again."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How documents are read and split: the longest child and parent in ``unit``s, and the names of mode, tokenizer file and preferred reader."""

    child_max: int
    parent_max: int
    mode: str = "parent_child"
    unit: str = "characters"
    tokenizer: str = ""
    reader: str = ""

    @property
    def identity(self) -> str:
        """Stored with every version; a document is read again when it differs."""
        beside = (self.mode, self.unit, self.tokenizer, self.reader)
        named = "" if beside == ("parent_child", "characters", "", "") else ":" + ":".join(beside)
        return f"{_FORMAT}:{self.child_max}:{self.parent_max}{named}"

    @property
    def options(self) -> ChunkOptions:
        """Raises ExtraMissing or SettingInvalid where the tokenizer cannot be loaded."""
        tokenizer = load_tokenizer(self.tokenizer) if self.unit == "tokens" else None
        return ChunkOptions(self.child_max, self.parent_max, cast(Mode, self.mode), tokenizer)

    def applied_to(self, how: Conversion) -> Conversion:
        """The conversion that this recipe needs: a text with delimiters of its own must not be cleaned."""
        return replace(how, reader=self.reader, verbatim=self.mode == "delimiter")


@dataclass(frozen=True, slots=True)
class Chunked:
    """A document in parents and children, with offsets into ``markdown``, and what to type into Dify."""

    name: str
    title: str
    media_type: str
    markdown: str
    parents: tuple[Parent, ...]
    page_starts: tuple[PageStart, ...]
    pages: int | None
    dify: DifyImport
    notices: tuple[Notice, ...] = ()

    @property
    def text(self) -> str:
        """The text form."""
        return render(self.parents)

    def page_of(self, block: Parent | Child) -> int | None:
        return page_at(self.page_starts, block.start)


def split_converted(converted: Converted, recipe: Recipe) -> Chunked:
    """The chunks of a document that was converted as ``recipe.applied_to`` says. Raises ChunkLimitsInvalid, ExtraMissing, SettingInvalid."""
    text, starts, notices = converted.markdown, converted.page_starts, converted.notices
    if recipe.mode == "delimiter" and (found := split_delimited(text)) is not None:
        over = sum(len(c.text) > recipe.child_max for p in found.parents for c in p.children)
        notices = (*notices, chunks_over_limit(over, recipe.child_max)) if over else notices
        starts = locate_pages(text, starts, found.text)
        return _chunked(converted, found.text, found.parents, starts, notices, recipe)
    options = recipe.options
    if recipe.mode == "delimiter":
        text = clean(text, alt="keep").text
        starts = locate_pages(converted.markdown, starts, text)
        options = replace(options, mode="parent_child")
        notices = (*notices, no_delimiters())
    return _chunked(converted, text, chunk(text, options), starts, notices, recipe)


def _chunked(
    converted: Converted, text: str, parents: tuple[Parent, ...], starts: tuple[PageStart, ...], notices: tuple[Notice, ...], recipe: Recipe
) -> Chunked:
    is_characters = recipe.unit == "characters"
    dify = dify_import(parents, recipe.child_max if is_characters else 0, recipe.parent_max if is_characters else 0)
    return Chunked(
        converted.name, converted.title, converted.media_type, text, parents, starts, converted.pages, dify, (*notices, *dify.notices)
    )


async def parted_by_model(chunked: Chunked, chat: ChatModel, on_progress: Callable[[int, int], None] = lambda done, total: None) -> Chunked:
    """The chunks with the parents parted whose children a model calls independent. Text and order stay; a model that fails changes nothing
    and leaves a notice."""
    parents, notice = await part_unrelated(chunked.parents, chat, on_progress)
    return replace(chunked, parents=parents, notices=(*chunked.notices, *((notice,) if notice else ())))
