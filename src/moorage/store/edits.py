"""Edits of chunks, written to the visible version in one transaction: a search sees all of an edit or nothing of it.

Children that did not change keep their ids, and with them their index rows and vectors; changed ones get new ids, as ids are never used twice. What
the index has to hear of is noted in the same transaction, so that a crash loses nothing.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from moorage.core.errors import DocumentChanged
from moorage.store.database import Database, statements
from moorage.store.documents import VisibleVersion
from moorage.store.pictures import pictures_in


@dataclass(frozen=True, slots=True)
class VersionState:
    """The visible version of a document as an edit finds it. ``etag`` names exactly this state."""

    id: int
    edits: int
    content_hash: str
    recipe: str
    title: str
    markdown: str
    knowledge_id: int

    @property
    def etag(self) -> str:
        return f"{self.id}.{self.edits}"


@dataclass(frozen=True, slots=True)
class EditedChild:
    """A child to be written; ``id`` is None for a new one."""

    id: int | None
    start: int
    end: int
    page: int | None
    headings: tuple[str, ...]
    is_off: bool


@dataclass(frozen=True, slots=True)
class EditedParent:
    start: int
    end: int
    page: int | None
    headings: tuple[str, ...]
    children: tuple[EditedChild, ...]


class EditRows:
    """Edits of all knowledge bases."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._sql = statements("documents")
        self._pictures = statements("pictures")

    def state(self, document_id: str) -> VersionState | None:
        """The visible version; None while there is none."""
        with self._db.read() as c:
            row = c.execute(self._sql["state"], (document_id,)).fetchone()
        return VersionState(**dict(row)) if row else None

    def write(
        self,
        document_id: str,
        before: VersionState,
        markdown: str,
        parents: Sequence[EditedParent],
        dirty: Collection[int],
        gone: Iterable[int],
    ) -> None:
        """Writes an edited version. ``dirty`` are kept children whose index rows change all the same; ``gone`` are children that are removed or
        switched off. Raises DocumentChanged when the version is not the one that was edited."""
        with self._db.write() as c:
            now = c.execute(self._sql["state"], (document_id,)).fetchone()
            if now is None or (now["id"], now["edits"]) != (before.id, before.edits):
                raise DocumentChanged()
            old_parents = [(r["id"],) for r in c.execute(self._sql["parents_of_document"], (document_id,))]
            old_children = {r["id"] for r in c.execute(self._sql["children_of_document"], (document_id,))}
            chunks = self._write_parents(c, before.id, markdown, parents)
            removed = old_children - {child.id for parent in parents for child in parent.children}
            c.executemany(self._sql["make_gone"], [{"child_id": i, "knowledge_id": before.knowledge_id} for i in {*gone, *removed}])
            c.executemany(self._sql["remove_child"], [(i,) for i in removed])
            c.executemany(self._sql["not_gone"], [(i,) for i in dirty])
            c.executemany(self._sql["make_dirty"], [(i, before.id) for i in dirty])
            c.executemany(self._sql["remove_parent"], old_parents)
            row = {"id": before.id, "markdown": markdown, "characters": len(markdown), "chunks": chunks}
            c.execute(self._sql["edit_version"], row)
            # Pictures that the edit took out stay as long as the version: it may be taken back.
            c.executemany(self._pictures["show"], [(before.id, name) for name in pictures_in(markdown)])
            c.execute(self._sql["touch"], {"id": document_id, "now": time.time()})

    def _write_parents(self, c: sqlite3.Connection, version_id: int, markdown: str, parents: Sequence[EditedParent]) -> int:
        """New rows for the parents; their children move over to them or are made. Returns how many children there are."""
        ids = c.execute(self._sql["next_ids"]).fetchone()
        parent_id, next_child, position = ids["parent"], ids["child"] + 1, 0
        for number, parent in enumerate(parents):
            parent_id += 1
            row = (parent_id, version_id, number, parent.start, parent.end, parent.page, _json(parent.headings))
            c.execute(self._sql["insert_parent"], (*row, markdown[parent.start : parent.end]))
            for child in parent.children:
                child_id = child.id
                if child_id is None:
                    child_id, next_child = next_child, next_child + 1
                    made = (child_id, parent_id, version_id, position, child.start, child.end, child.page, _json(child.headings))
                    c.execute(self._sql["insert_child"], made)
                    if not child.is_off:
                        c.execute(self._sql["make_dirty"], (child_id, version_id))
                place = {"parent_id": parent_id, "position": position, "start": child.start, "end": child.end, "is_off": child.is_off}
                c.execute(self._sql["move_child"], {**place, "id": child_id})
                position += 1
        return position

    def dirty(self, document_id: str) -> list[int]:
        """Children of the visible version whose index rows wait to be written."""
        with self._db.read() as c:
            return [row["child_id"] for row in c.execute(self._sql["dirty"], (document_id,))]

    def cleaned(self, child_ids: Iterable[int]) -> None:
        with self._db.write() as c:
            c.executemany(self._sql["clean"], [(i,) for i in child_ids])

    def gone(self, generation_id: int) -> list[int]:
        """Children whose rows wait to leave the index."""
        with self._db.read() as c:
            return [row["child_id"] for row in c.execute(self._sql["gone"], (generation_id,))]

    def forgotten(self, generation_id: int, child_ids: Iterable[int]) -> None:
        with self._db.write() as c:
            c.executemany(self._sql["forgotten"], [(generation_id, i) for i in child_ids])

    def version(self, document_id: str) -> VisibleVersion | None:
        with self._db.read() as c:
            row = c.execute(self._sql["version_of"], (document_id,)).fetchone()
        return VisibleVersion(**dict(row)) if row else None


def _json(headings: tuple[str, ...]) -> str:
    return json.dumps(headings, ensure_ascii=False)
