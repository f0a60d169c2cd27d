"""The open search indexes of a data folder, one per generation. It mends what it finds damaged by building it again from SQLite."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from moorage.core.errors import IndexDamaged
from moorage.kb.rank import field_for_child
from moorage.store.documents import DocumentRows, VisibleVersion
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


def version_rows(documents: DocumentRows, version: VisibleVersion, embedding: str) -> Iterator[Row]:
    """The index rows of a stored version, with its vectors of this embedding where it has them."""
    vectors = documents.vectors(version.version_id, embedding) if embedding else {}
    yield from child_rows(
        version.document_id, version.version_id, version.title, list(documents.version_children(version.version_id)), vectors
    )


def child_rows(
    document_id: str, version_id: int, title: str, children: Sequence[tuple[int, int, tuple[str, ...], str]], vectors: Mapping[int, bytes]
) -> Iterator[Row]:
    """One index row for each (child id, parent, headings, text), in document order."""
    from numpy import frombuffer

    for i, (child_id, parent, headings, text) in enumerate(children):
        before = children[i - 1][3] if i and children[i - 1][1] == parent else ""
        after = children[i + 1][3] if i + 1 < len(children) and children[i + 1][1] == parent else ""
        vector = vectors.get(child_id)
        yield Row(
            id=str(child_id),
            knowledge="",
            document_id=document_id,
            version_id=str(version_id),
            tokens=field_for_child(title, headings, text, before, after),
            vector=None if vector is None else frombuffer(vector, dtype="<f4"),  # pyright: ignore[reportArgumentType]
        )


def versions_filter(version_ids: Sequence[int]) -> Filter:
    return Filter(version_ids=[str(v) for v in version_ids])
