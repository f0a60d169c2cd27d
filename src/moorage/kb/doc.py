"""Documents without a knowledge base: to Markdown files, and to chunks ready for Dify. The verbs of ``home.doc``.

Each document is read in a process of its own (see ``apart``): a bad one fails alone. Nothing is kept but the files that are asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from moorage.core.errors import BadInput, DocumentTooLarge, DocumentUnreadable, MoorageError, PathNotFound
from moorage.core.nouns import Notice
from moorage.core.settings import Settings
from moorage.kb.apart import Processes, Step
from moorage.kb.beside import Beside
from moorage.kb.chunk.images import Alt
from moorage.kb.chunking import Chunked, Recipe, parted_by_model, split_converted
from moorage.kb.convert import Conversion, Converted, convert
from moorage.kb.fetch import fetch
from moorage.kb.output import Place, places, write_document
from moorage.kb.parse import Source
from moorage.models.base import ChatModel

OnStep = Callable[[str, str, int, int], None]
"""Hears what is being done: the document's name, the step, how many of how many (0 of 0: not known)."""


def _silent(name: str, step: str, done: int, total: int) -> None:
    pass


@dataclass(frozen=True, slots=True)
class DocumentResult:
    """What became of one document. ``path`` and ``pictures`` are the files written, if any; ``reason`` tells why there is no result."""

    source: Path
    converted: Converted | None = None
    chunked: Chunked | None = None
    path: Path | None = None
    pictures: tuple[Path, ...] = ()
    reason: Notice | None = None

    @property
    def notices(self) -> tuple[Notice, ...]:
        if self.chunked:
            return self.chunked.notices
        return self.converted.notices if self.converted else ()


class Documents:
    """What one can do with documents alone: ``home.doc``.

    ``paths`` are files and folders; of a folder every readable file below it is taken. With ``out`` a document ``NAME.docx`` becomes ``NAME.md``
    (or ``NAME.txt``) there, its pictures in ``NAME_pictures`` beside it; those of a folder go to the same places below ``FOLDER-markdown``
    (``FOLDER-chunks``). A file that is there already is left alone and the document fails with OutputExists, unless ``overwrite``.
    Without ``out`` nothing is written. Results come as they become ready.
    """

    def __init__(self, settings: Settings, chat: ChatModel | None = None, keep_picture: Callable[[str, bytes], None] | None = None) -> None:
        """``keep_picture(name, bytes)`` takes the pictures of chunks where ``images_url`` says that they are served from elsewhere."""
        self._settings = settings
        self._chat = chat
        self._keep_picture = keep_picture

    def convert(
        self, paths: Sequence[Path], out: Path | None = None, *, overwrite: bool = False, alt: Alt = "keep", on_step: OnStep = _silent
    ) -> Iterator[DocumentResult]:
        """Each document as Markdown. Raises PathNotFound before anything is read; what fails later is a ``reason``."""
        for place, result in self._read(places(paths, out, "markdown", ".md"), replace(self._how(), alt=alt), on_step):
            if isinstance(result, Converted):
                made = DocumentResult(place.source, converted=result)
                yield _written(place, result.markdown, result, made, overwrite) if out is not None else made
            else:
                yield _failed(place, result)

    async def chunk(
        self,
        paths: Sequence[Path],
        out: Path | None = None,
        *,
        overwrite: bool = False,
        alt: Alt = "image",
        ask_model: bool = False,
        on_step: OnStep = _silent,
    ) -> AsyncIterator[DocumentResult]:
        """Each document's parent and child chunks, by the settings for chunks; written as text form. With ``ask_model`` the configured chat model
        parts parents whose children are unrelated.

        Raises PathNotFound, BadInput when there is no model to ask, SettingInvalid and ExtraMissing for the tokenizer.
        """
        chat, recipe = self._model() if ask_model else None, self._recipe()
        _ = recipe.options
        for place, result in self._read(places(paths, out, "chunks", ".txt"), self._how_for_chunks(alt), on_step):
            if not isinstance(result, Converted):
                yield _failed(place, result)
                continue
            on_step(result.name, "splitting", 0, 0)
            chunked = await _chunked(result, recipe, chat, _asking(on_step, result.name))
            made = DocumentResult(place.source, converted=result, chunked=chunked)
            kept = self._kept(result)
            yield _written(place, chunked.text, kept, made, overwrite) if out is not None else made

    def convert_bytes(self, name: str, data: bytes, *, alt: Alt = "keep") -> Converted:
        """A document's bytes as Markdown. Raises DocumentUnreadable or a subclass of it."""
        return self._one(name, data, replace(self._how(), alt=alt))

    async def chunk_bytes(
        self,
        name: str,
        data: bytes,
        *,
        child_max: int | None = None,
        parent_max: int | None = None,
        mode: str | None = None,
        alt: Alt = "image",
        ask_model: bool = False,
    ) -> Chunked:
        """A document's bytes as chunks, by the settings where nothing else is said. Raises DocumentUnreadable or a subclass of it,
        ChunkLimitsInvalid, BadInput."""
        chat, recipe = self._model() if ask_model else None, self._recipe()
        child = child_max or recipe.child_max
        recipe = replace(recipe, child_max=child, parent_max=parent_max or max(recipe.parent_max, child), mode=mode or recipe.mode)
        converted = await asyncio.to_thread(self._one, name, data, recipe.applied_to(self._how_for_chunks(alt)))
        self._kept(converted)
        return await _chunked(converted, recipe, chat)

    def fetch(self, url: str, folder: Path, *, allow_private: bool = False) -> Path:
        """A document from the web as a file in ``folder``. Addresses of the own network are refused unless ``allow_private``. Raises AddressRefused,
        AddressUnreadable."""
        fetched = fetch(url, most_bytes=self._settings.max_document_bytes, allow_private=allow_private)
        path = folder / fetched.name
        path.write_bytes(fetched.data)
        return path

    def _one(self, name: str, data: bytes, how: Conversion) -> Converted:
        limit = self._settings.max_document_bytes
        if len(data) > limit:
            raise DocumentTooLarge(name=name, bytes=len(data), limit=limit)
        processes = Processes(1)
        try:
            return processes.carry_out(_ReadBytes(name, data, how), lambda step, done, total: None)
        finally:
            processes.close()

    def _read(self, where: Sequence[Place], how: Conversion, on_step: OnStep) -> Iterator[tuple[Place, Converted | MoorageError]]:
        limit = self._settings.max_document_bytes
        tasks = [_ReadFile(p.name, p.source, p.root, replace(how, pictures_url=how.pictures_url or p.pictures_url), limit) for p in where]
        processes = Processes()
        try:
            for ready in processes.run(tasks, lambda at, step, done, total: on_step(tasks[at].name, step, done, total)):
                if ready is not None:
                    yield where[ready[0]], ready[1]
        finally:
            processes.close()

    def _recipe(self) -> Recipe:
        s = self._settings
        return Recipe(s.child_max, s.parent_max, s.chunk_mode, s.length_unit, s.tokenizer, s.reader)

    def _how(self) -> Conversion:
        return Conversion(reader=self._settings.reader, ocr=self._settings.ocr == "auto")

    def _how_for_chunks(self, alt: Alt) -> Conversion:
        url = self._settings.images_url.rstrip("/")
        return self._recipe().applied_to(replace(self._how(), alt=alt, guard=True, base_url=url, pictures_url=url and url + "/"))

    def _kept(self, converted: Converted) -> Converted:
        """With a public address for pictures they go where that address serves them from, else they stay to be written beside the text."""
        if not self._settings.images_url or self._keep_picture is None:
            return converted
        for picture in converted.pictures:
            self._keep_picture(picture.name, picture.data)
        return replace(converted, pictures=())

    def _model(self) -> ChatModel:
        if self._chat is None:
            raise BadInput(
                reason="There is no chat model to ask. Name one with --llm-url, MOORAGE_LLM, or `models.llm.url` in moorage.yaml.",
                reason_zh="没有可询问的对话模型。请用 --llm-url、MOORAGE_LLM 或 moorage.yaml 中的 `models.llm.url` 指定。",
            )
        return self._chat


async def _chunked(
    converted: Converted, recipe: Recipe, chat: ChatModel | None, on_asked: Callable[[int, int], None] = lambda done, total: None
) -> Chunked:
    chunked = await asyncio.to_thread(split_converted, converted, recipe)
    return await parted_by_model(chunked, chat, on_asked) if chat else chunked


def _asking(on_step: OnStep, name: str) -> Callable[[int, int], None]:
    def asked(done: int, total: int) -> None:
        on_step(name, "asking", done, total)

    return asked


@dataclass(frozen=True, slots=True)
class _ReadBytes:
    name: str
    data: bytes
    how: Conversion

    def is_light(self) -> bool:
        return False

    def carry_out(self, on_step: Step) -> Converted:
        return convert(Source(self.name, self.data), self.how, on_page=lambda done, total: on_step("recognising", done, total))


@dataclass(frozen=True, slots=True)
class _ReadFile:
    name: str
    path: Path
    root: Path
    how: Conversion
    most_bytes: int

    def is_light(self) -> bool:
        return False

    def carry_out(self, on_step: Step) -> Converted:
        try:
            size = self.path.stat().st_size
            if size > self.most_bytes:
                raise DocumentTooLarge(name=self.name, bytes=size, limit=self.most_bytes)
            data = self.path.read_bytes()
        except FileNotFoundError as e:
            raise PathNotFound(path=str(self.path)) from e
        except OSError as e:
            raise DocumentUnreadable(name=self.name, reason=e.strerror or str(e)) from e
        on_step("reading", 0, 0)
        beside = Beside(self.path, self.root)
        return convert(Source(self.name, data), self.how, beside, lambda done, total: on_step("recognising", done, total))


def _written(place: Place, text: str, converted: Converted, made: DocumentResult, overwrite: bool) -> DocumentResult:
    try:
        path, pictures = write_document(place, text, converted.pictures, overwrite=overwrite)
    except MoorageError as e:
        return replace(_failed(place, e), converted=made.converted, chunked=made.chunked)
    return replace(made, path=path, pictures=pictures)


def _failed(place: Place, error: MoorageError) -> DocumentResult:
    return DocumentResult(place.source, reason=Notice(error.code, error.say("en"), error.say("zh")))
