"""Questions asked and answers given, by conversation."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from moorage.core.errors import NotFound, speakable
from moorage.core.nouns import Answer
from moorage.store.database import Database, statements


@dataclass(frozen=True, slots=True)
class Conversation:
    id: str
    created_at: float
    updated_at: float
    title: str | None


@dataclass(frozen=True, slots=True)
class Turn:
    """One question and its answer. ``citations``: number, document_id, document, start, end."""

    id: int
    question: str
    answer: str
    found: bool
    model: str | None
    citations: list[Mapping[str, object]]
    created_at: float


class ConversationRows:
    def __init__(self, database: Database) -> None:
        self._db = database
        self._sql = statements("access")

    def add(self, knowledge_id: int, conversation_id: str, answer: Answer) -> None:
        """Appends a turn; the conversation is made with the first one."""
        citations = [
            {
                "number": c.number,
                "document_id": c.hit.document.id,
                "document": c.hit.document.name,
                "start": c.hit.chunk.start,
                "end": c.hit.chunk.end,
            }
            for c in answer.citations
        ]
        now = time.time()
        with self._db.write() as c:
            c.execute(self._sql["insert_conversation"], {"id": speakable(conversation_id), "knowledge_id": knowledge_id, "now": now})
            row = {
                "conversation_id": speakable(conversation_id),
                "question": answer.question,
                "answer": answer.text,
                "found": answer.found,
                "model": answer.model,
                "citations": json.dumps(citations, ensure_ascii=False),
                "now": now,
            }
            c.execute(self._sql["insert_message"], row).fetchone()

    def list(self, knowledge_id: int) -> list[Conversation]:
        with self._db.read() as c:
            return [Conversation(**dict(row)) for row in c.execute(self._sql["conversations"], (knowledge_id,))]

    def turns(self, conversation_id: str) -> list[Turn]:
        with self._db.read() as c:
            rows = c.execute(self._sql["messages"], (conversation_id,)).fetchall()
        return [
            Turn(**{**dict(r), "found": bool(r["found"]), "citations": cast("list[Mapping[str, object]]", json.loads(r["citations"]))})
            for r in rows
        ]

    def delete(self, conversation_id: str) -> None:
        with self._db.write() as c:
            if c.execute(self._sql["delete_conversation"], (conversation_id,)).fetchone() is None:
                raise NotFound(what=f"the conversation {conversation_id!r}")
