"""Reading documents for a knowledge base, as tasks for worker processes (see ``apart``)."""

from __future__ import annotations

import hashlib
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from moorage.core.errors import DocumentTooLarge, DocumentUnreadable, MoorageError
from moorage.kb.apart import Step
from moorage.kb.beside import Beside
from moorage.kb.parse import Picture, Source, media_type_of, ocr
from moorage.kb.rank import field_for_child
from moorage.kb.read import Recipe, Surroundings, read_document
from moorage.kb.spool import spool_parts, spool_text
from moorage.store.documents import Parts, VersionDraft
from moorage.store.pictures import PicturePlace, open_pictures, picture_type
from moorage.store.pictures.notes import note

_LIGHT_BYTES = 256_000
_LONG_CHARACTERS = 4_000_000
_LIGHT_TYPES = frozenset({"text/markdown", "text/plain"})


@dataclass(frozen=True, slots=True)
class Order:
    """A document to be read: where its bytes lie, how to split it, and what is visible now (then it need not be read).

    ``beside`` finds the pictures that it names by relative addresses; ``page_texts`` is what was recognised on its scanned pages, by its hash.
    A reading of many characters is left in the folder ``spool``, where there is one.
    """

    name: str
    path: Path
    recipe: Recipe
    pictures: PicturePlace
    most_bytes: int
    visible: tuple[str, str] | None = None
    beside: Beside | None = None
    page_texts: Mapping[str, Mapping[int, str]] = field(default_factory=dict[str, Mapping[int, str]])
    spool: Path | None = None

    def is_light(self) -> bool:
        """A small text: starting a process takes longer than reading it."""
        try:
            if self.path.stat().st_size > min(_LIGHT_BYTES, self.most_bytes):
                return self.path.stat().st_size > self.most_bytes
            return media_type_of(Source(self.name, self.path.read_bytes())) in _LIGHT_TYPES
        except (OSError, MoorageError):
            return True  # reading it will say what is wrong

    def carry_out(self, on_step: Step) -> Reading:
        """Reads the document here and now. Raises DocumentUnreadable or a subclass, StoreFull."""
        data = bytes_of(self.name, self.path, self.most_bytes)
        content_hash = hashlib.sha256(data).hexdigest()
        if self.visible == (content_hash, self.recipe.identity):
            return Reading(None)
        surroundings = Surroundings(self._keep, self.beside or _nothing, self.page_texts.get(content_hash, {}), on_step)
        draft = read_document(self.name, data, self.recipe, surroundings)
        del data
        if self.spool is None or len(draft.markdown) < _LONG_CHARACTERS:
            return Reading(draft, tuple(fields_of(draft)))
        return _spooled(draft, self.spool / uuid.uuid4().hex)

    def _keep(self, pictures: Sequence[Picture]) -> None:
        """Puts the pictures that can be shown; noted first, so that none is forgotten should this reading end early."""
        shown = [p for p in pictures if picture_type(p.name)]
        if shown:
            note(self.pictures.folder, [p.name for p in shown])
        for picture in shown:
            open_pictures(self.pictures).put_named(picture.name, picture.data)


@dataclass(frozen=True, slots=True)
class Reading:
    """What became of an order. ``draft`` and ``fields`` (the index field of each child) are None when nothing has changed."""

    draft: VersionDraft | None
    fields: Parts[str] = ()
    spool: Path | None = None

    def forget(self) -> None:
        """Removes what lies on disk of it."""
        if self.spool is not None:
            shutil.rmtree(self.spool, ignore_errors=True)


def _spooled(draft: VersionDraft, folder: Path) -> Reading:
    folder.mkdir(parents=True, exist_ok=True)
    markdown = spool_text(folder / "markdown", draft.markdown) if isinstance(draft.markdown, str) else draft.markdown
    fields = spool_parts(folder / "fields", fields_of(draft))
    parents = spool_parts(folder / "parents", draft.parents)
    return Reading(replace(draft, markdown=markdown, parents=parents), fields, folder)


@dataclass(frozen=True, slots=True)
class RecognisePage:
    """One scanned page to be read by character recognition."""

    name: str
    path: Path
    page: int
    most_bytes: int

    def is_light(self) -> bool:
        return False

    def carry_out(self, on_step: Step) -> str:
        """The page's text as Markdown. Raises DocumentUnreadable."""
        source = Source(self.name, bytes_of(self.name, self.path, self.most_bytes))
        return next((text for _, text in ocr.recognise(source, [self.page])), "")


def fields_of(draft: VersionDraft) -> Iterator[str]:
    """The index field of each child, in order."""
    for parent in draft.parents:
        yield from fields_of_parent(
            draft.title, [(c.headings, parent.text[c.start - parent.start : c.end - parent.start]) for c in parent.children]
        )


def fields_of_parent(title: str, children: Sequence[tuple[tuple[str, ...], str]]) -> Iterator[str]:
    """The index fields of a parent's children (headings and text), each with its neighbours at hand."""
    for i, (headings, text) in enumerate(children):
        before = children[i - 1][1] if i else ""
        after = children[i + 1][1] if i + 1 < len(children) else ""
        yield field_for_child(title, headings, text, before, after)


def bytes_of(name: str, path: Path, most_bytes: int) -> bytes:
    """A document's bytes. Raises DocumentTooLarge before anything is read, DocumentUnreadable."""
    try:
        size = path.stat().st_size
        if size > most_bytes:
            raise DocumentTooLarge(name=name, bytes=size, limit=most_bytes)
        return path.read_bytes()
    except OSError as e:
        raise DocumentUnreadable(name=name, reason=e.strerror or str(e)) from e


def _nothing(address: str) -> bytes | None:
    return None
