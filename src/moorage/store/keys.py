"""API keys: 256 random bits, shown once, stored as a SHA-256 hash (a slow hash protects short secrets; these are not)."""

from __future__ import annotations

import hashlib
import json
import secrets
import sqlite3
import time
from dataclasses import asdict, dataclass, field, fields
from typing import Any, cast

from moorage.core.errors import AlreadyExists, NotFound
from moorage.store.database import Database, statements
from moorage.store.key_rules import KeyRules

PREFIX = "mk-"
_TOUCH_EVERY_S = 60.0
_RULES = tuple(f.name for f in fields(KeyRules))
_LISTS = ("models", "endpoints")


@dataclass(frozen=True, slots=True)
class Key:
    """A key without its secret. ``hint`` is its beginning, enough to recognise it."""

    id: int
    name: str
    hint: str
    created_at: float
    used_at: float | None
    rules: KeyRules = field(default_factory=KeyRules)


class KeyRows:
    def __init__(self, database: Database) -> None:
        self._db = database
        self._sql = statements("access")

    def create(self, name: str, rules: KeyRules | None = None) -> str:
        """A new key, which may do everything where no rules are given. The returned text is the only time it is seen. Raises AlreadyExists."""
        key = PREFIX + secrets.token_urlsafe(32)
        row = {"name": name, "hash": key_hash(key), "hint": key[:7], "now": time.time(), **_columns(rules or KeyRules())}
        try:
            with self._db.write() as c:
                c.execute(self._sql["insert_key"], row)
        except sqlite3.IntegrityError as e:
            raise AlreadyExists(kind="key", name=name) from e
        return key

    def find(self, key: str) -> Key | None:
        """The key with this text, or None; also None when its time is over."""
        with self._db.read() as c:
            row = c.execute(self._sql["key_by_hash"], (key_hash(key),)).fetchone()
        if row is None:
            return None
        found, now = _key(row), time.time()
        if found.rules.has_expired(now):
            return None
        if now - (found.used_at or 0) > _TOUCH_EVERY_S:
            with self._db.write() as c:
                c.execute(self._sql["touch_key"], {"id": found.id, "now": now})
        return found

    def get(self, name: str) -> Key:
        """The key of this name. Raises NotFound."""
        with self._db.read() as c:
            row = c.execute(self._sql["key_by_name"], (name,)).fetchone()
        if row is None:
            raise NotFound(what=f"the key {name!r}")
        return _key(row)

    def change(self, name: str, rules: KeyRules) -> Key:
        """Gives the key other rules. A gateway that runs follows within a second. Raises NotFound."""
        found = self.get(name)
        with self._db.write() as c:
            c.execute(self._sql["change_key"], {"id": found.id, **_columns(rules)})
        return self.get(name)

    def list(self) -> list[Key]:
        with self._db.read() as c:
            return [_key(row) for row in c.execute(self._sql["keys"])]

    def by_hash(self) -> dict[str, Key]:
        """Every key by the hash of its text, for who checks many (see ``key_hash``)."""
        with self._db.read() as c:
            return {row["hash"]: _key(row) for row in c.execute(self._sql["keys_with_hashes"])}

    def version(self) -> int:
        """Goes up whenever a key is made, changed or removed, by whichever process."""
        with self._db.read() as c:
            return c.execute(self._sql["keys_version"]).fetchone()["version"]

    def delete(self, name: str) -> None:
        with self._db.write() as c:
            if c.execute(self._sql["delete_key"], (name,)).fetchone() is None:
                raise NotFound(what=f"the key {name!r}")


def key_hash(key: str) -> str:
    """What is stored of a key."""
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()


def _key(row: sqlite3.Row) -> Key:
    rules: dict[str, Any] = {name: tuple(json.loads(row[name])) if name in _LISTS else row[name] for name in _RULES}
    return Key(row["id"], row["name"], row["hint"], row["created_at"], row["used_at"], KeyRules(**rules))


def _columns(rules: KeyRules) -> dict[str, object]:
    values = cast("dict[str, object]", asdict(rules))
    return {name: json.dumps(value, ensure_ascii=False) if name in _LISTS else value for name, value in values.items()}
