"""The open search indexes of a data folder, one per generation. It mends what it finds damaged by building it again from SQLite."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

from moorage.core.errors import IndexDamaged
from moorage.kb.reader import fields_of_parent
from moorage.store.documents import DocumentRows, HiddenVersion, VisibleVersion
from moorage.store.index import Filter, Row, SearchIndex, drop_index, list_indexes, open_index
from moorage.store.knowledge import Generation

_ROWS_AT_ONCE = 20_000


class Indexes:
    """Opens each index once per process. May be used by many threads."""

    def __init__(self, folder: Path, documents: DocumentRows) -> None:
        self._folder = folder
        self._documents = documents
        self._open: dict[int, SearchIndex] = {}
        self._lock = threading.Lock()

    def of(self, generation: Generation) -> SearchIndex:
        """The index of ``generation``; made when missing, and filled again from SQLite when it was lost or damaged."""
        with self._lock:
            found = self._open.get(generation.id)
            if found is None:
                found = self._opened(generation)
                self._open[generation.id] = found
            return found

    def _opened(self, generation: Generation) -> SearchIndex:
        try:
            index = open_index(self._folder, generation.index_name, generation.dimension, create=False)
        except IndexDamaged:
            drop_index(self._folder, generation.index_name)
            index = open_index(self._folder, generation.index_name, generation.dimension)
            if generation.state == "current":
                self.fill(index, generation)
        return index

    def reopen(self, generation: Generation) -> SearchIndex:
        """Opens the index again after it was found damaged, which builds it anew."""
        with self._lock:
            found = self._open.pop(generation.id, None)
        if found:
            found.close()
        return self.of(generation)

    def fill(self, index: SearchIndex, generation: Generation) -> None:
        """Every visible chunk into an empty index, with the vectors that SQLite holds."""
        rows: list[Row] = []
        for version in self._documents.visible_versions(generation.knowledge_id):
            rows += version_rows(self._documents, version, generation.embedding)
            if len(rows) >= _ROWS_AT_ONCE:
                index.upsert(rows)
                rows = []
        index.upsert(rows)
        index.maintain()

    def drop(self, generation: Generation) -> None:
        with self._lock:
            found = self._open.pop(generation.id, None)
        if found:
            found.close()
        drop_index(self._folder, generation.index_name)

    def drop_strangers(self, known: Sequence[Generation]) -> None:
        """Removes indexes no generation knows: a program that was killed between two steps may leave one."""
        names = {g.index_name for g in known}
        for name in list_indexes(self._folder):
            if name not in names:
                drop_index(self._folder, name)

    def close(self) -> None:
        with self._lock:
            for index in self._open.values():
                index.close()
            self._open.clear()


def new_rows(version: HiddenVersion, fields: Iterable[str]) -> Iterator[Row]:
    """The index rows of a version just written: words, no vectors yet."""
    for child_id, field in zip(version.child_ids, fields, strict=True):
        yield Row(str(child_id), "", version.document_id, str(version.id), field)


def version_rows(documents: DocumentRows, version: VisibleVersion, embedding: str) -> Iterator[Row]:
    """The index rows of a stored version, with its vectors of this embedding where it has them."""
    from numpy import frombuffer

    vectors = documents.vectors(version.version_id, embedding) if embedding else {}
    for _, group in groupby(documents.version_children(version.version_id), key=lambda child: child[1]):
        children = list(group)
        fields = fields_of_parent(version.title, [(headings, text) for _, _, headings, text in children])
        for (child_id, _, _, _), field in zip(children, fields, strict=True):
            vector = vectors.get(child_id)
            held = None if vector is None else frombuffer(vector, dtype="<f4")
            yield Row(str(child_id), "", version.document_id, str(version.version_id), field, held)  # pyright: ignore[reportArgumentType]


def versions_filter(version_ids: Sequence[int]) -> Filter:
    return Filter(version_ids=[str(v) for v in version_ids])
