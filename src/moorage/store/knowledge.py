"""The rows of knowledge bases and of their index generations."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass
from typing import Literal, cast

from moorage.core.errors import AlreadyExists, KnowledgeNotFound, speakable
from moorage.store.database import Database, statements

GenerationState = Literal["current", "building"]


@dataclass(frozen=True, slots=True)
class KnowledgeRow:
    """A knowledge base at a glance. ``waiting`` and ``failed`` count jobs; ``embedding`` is '' where only words are indexed."""

    id: int
    name: str
    folder: str | None
    created_at: float
    documents: int
    chunks: int
    waiting: int
    failed: int
    embedding: str


@dataclass(frozen=True, slots=True)
class Generation:
    """One search index of a knowledge base; ``embedding`` identifies the model of its vectors ('' = words only)."""

    id: int
    knowledge_id: int
    state: GenerationState
    embedding: str
    dimension: int | None

    @property
    def index_name(self) -> str:
        return f"g{self.id}"


class KnowledgeRows:
    """Create, list and remove knowledge bases; know the current and the building generation of each."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._sql = statements("knowledge")

    def insert(self, name: str, folder: str | None = None) -> KnowledgeRow:
        """A new, empty knowledge base. Raises AlreadyExists."""
        now = time.time()
        try:
            with self._db.write() as c:
                row = c.execute(self._sql["insert"], {"name": name, "folder": folder, "now": now}).fetchone()
                c.execute(
                    self._sql["insert_generation"],
                    {"knowledge_id": row["id"], "state": "current", "embedding": "", "dimension": None, "now": now},
                ).fetchone()
        except sqlite3.IntegrityError as e:
            raise AlreadyExists(kind="knowledge base", name=name) from e
        return self.get(name)

    def get(self, name: str) -> KnowledgeRow:
        """Raises KnowledgeNotFound with the names that exist."""
        with self._db.read() as c:
            row = c.execute(self._sql["summaries"], {"name": speakable(name)}).fetchone()
            if row is None:
                known = [r["name"] for r in c.execute(self._sql["names"])]
                raise KnowledgeNotFound(name=name, known=", ".join(known) or "none yet")
        return KnowledgeRow(**dict(row))

    def id_of(self, name: str) -> int:
        """Raises KnowledgeNotFound. Cheap, where ``get`` counts everything."""
        with self._db.read() as c:
            row = c.execute(self._sql["by_name"], (speakable(name),)).fetchone()
        return cast(int, row["id"]) if row else self.get(name).id

    def list(self) -> list[KnowledgeRow]:
        with self._db.read() as c:
            return [KnowledgeRow(**dict(row)) for row in c.execute(self._sql["summaries"], {"name": None})]

    def set_folder(self, knowledge_id: int, folder: str | None) -> None:
        with self._db.write() as c:
            c.execute(self._sql["set_folder"], {"id": knowledge_id, "folder": folder})

    def delete(self, name: str) -> list[Generation]:
        """Removes it with its documents, jobs and conversations; returns the generations whose indexes may now be dropped."""
        row = self.get(name)
        gone = [g for g in self.generations() if g.knowledge_id == row.id]
        with self._db.write() as c:
            c.execute(self._sql["delete"], (row.id,))
            for generation in gone:
                c.execute(self._sql["delete_generation_leftovers"], (generation.id,))
        return gone

    def generation(self, knowledge_id: int, state: GenerationState = "current") -> Generation | None:
        with self._db.read() as c:
            row = c.execute(self._sql["generation"], {"knowledge_id": knowledge_id, "state": state}).fetchone()
        return Generation(**dict(row)) if row else None

    def generations(self) -> list[Generation]:
        with self._db.read() as c:
            return [Generation(**dict(row)) for row in c.execute(self._sql["all_generations"])]

    def begin_generation(self, knowledge_id: int, embedding: str, dimension: int | None) -> Generation:
        """The generation being built, made anew when the one in progress is for another embedding."""
        found = self.generation(knowledge_id, "building")
        if found and found.embedding == embedding and found.dimension == dimension:
            return found
        with self._db.write() as c:
            if found:
                c.execute(self._sql["delete_generation"], (found.id,))
                c.execute(self._sql["delete_generation_leftovers"], (found.id,))
            row = {"knowledge_id": knowledge_id, "state": "building", "embedding": embedding, "dimension": dimension, "now": time.time()}
            made = c.execute(self._sql["insert_generation"], row).fetchone()
        return Generation(made["id"], knowledge_id, "building", embedding, dimension)

    def swap_generation(self, knowledge_id: int) -> Generation | None:
        """Makes the building generation the current one, in one transaction; returns the old one, whose index may be dropped."""
        building, current = self.generation(knowledge_id, "building"), self.generation(knowledge_id)
        if building is None:
            return None
        with self._db.write() as c:
            if current:
                c.execute(self._sql["delete_generation"], (current.id,))
                c.execute(self._sql["delete_generation_leftovers"], (current.id,))
            c.execute(self._sql["make_current"], (building.id,))
        return current
