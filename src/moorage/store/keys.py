"""API keys: 256 random bits, shown once, stored as a SHA-256 hash (a slow hash protects short secrets; these are not)."""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
import time
from dataclasses import dataclass

from moorage.core.errors import AlreadyExists, NotFound
from moorage.store.database import Database, statements

PREFIX = "mk-"
_TOUCH_EVERY_S = 60.0


@dataclass(frozen=True, slots=True)
class Key:
    """A key without its secret. ``hint`` is its beginning, enough to recognise it."""

    id: int
    name: str
    hint: str
    created_at: float
    used_at: float | None


class KeyRows:
    def __init__(self, database: Database) -> None:
        self._db = database
        self._sql = statements("access")

    def create(self, name: str) -> str:
        """A new key. The returned text is the only time it is seen. Raises AlreadyExists."""
        key = PREFIX + secrets.token_urlsafe(32)
        try:
            with self._db.write() as c:
                c.execute(self._sql["insert_key"], {"name": name, "hash": _hash(key), "hint": key[:7], "now": time.time()})
        except sqlite3.IntegrityError as e:
            raise AlreadyExists(kind="key", name=name) from e
        return key

    def find(self, key: str) -> Key | None:
        """The key with this text, or None."""
        with self._db.read() as c:
            row = c.execute(self._sql["key_by_hash"], (_hash(key),)).fetchone()
        if row is None:
            return None
        found, now = Key(**dict(row)), time.time()
        if now - (found.used_at or 0) > _TOUCH_EVERY_S:
            with self._db.write() as c:
                c.execute(self._sql["touch_key"], {"id": found.id, "now": now})
        return found

    def list(self) -> list[Key]:
        with self._db.read() as c:
            return [Key(**dict(row)) for row in c.execute(self._sql["keys"])]

    def delete(self, name: str) -> None:
        with self._db.write() as c:
            if c.execute(self._sql["delete_key"], (name,)).fetchone() is None:
                raise NotFound(what=f"the key {name!r}")


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
