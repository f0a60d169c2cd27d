"""Keys: what is stored of them, what they may do, and how others notice a change."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import pytest

from moorage.core.errors import AlreadyExists, NotFound
from moorage.store.database import Database, migrations
from moorage.store.key_rules import KeyRules
from moorage.store.keys import KeyRows, key_hash


@pytest.fixture
def keys(tmp_path: Path) -> KeyRows:
    return KeyRows(Database(tmp_path / "moorage.db"))


def test_a_key_is_found_by_its_text_and_kept_without_it(keys: KeyRows, tmp_path: Path) -> None:
    text = keys.create("dify", KeyRules(models=("qwen*",), requests_per_minute=60, day_money=2.5))

    found = keys.find(text)
    assert found and found.rules == KeyRules(models=("qwen*",), requests_per_minute=60, day_money=2.5)
    assert keys.find(text + "x") is None
    assert text.encode() not in b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert list(keys.by_hash()) == [key_hash(text)]


def test_a_key_made_before_there_were_rules_may_do_everything(tmp_path: Path) -> None:
    path = tmp_path / "moorage.db"
    with sqlite3.connect(path) as c:
        for number, script in migrations():
            if number < 3:
                c.executescript(script)
        c.execute("INSERT INTO keys (name, hash, hint, created_at) VALUES ('old', ?, 'mk-old1', 0)", (key_hash("mk-old1-secret"),))
        c.execute("PRAGMA user_version=2")

    found = KeyRows(Database(path)).find("mk-old1-secret")

    assert found and found.rules == KeyRules() and found.rules.may_use("anything") and found.rules.may_call("/v1/chat/completions")


def test_a_key_whose_time_is_over_is_not_found(keys: KeyRows) -> None:
    text = keys.create("old", KeyRules(expires_at=time.time() - 1))

    assert keys.find(text) is None
    assert [key.name for key in keys.list()] == ["old"]


def test_rules_are_changed_and_the_text_stays(keys: KeyRows) -> None:
    text = keys.create("k")

    changed = keys.change("k", KeyRules(parallel=2, team="法务"))

    assert changed.rules == KeyRules(parallel=2, team="法务")
    assert keys.find(text) is not None and keys.get("k").rules.parallel == 2


def test_a_name_is_taken_once_and_an_unknown_one_is_said(keys: KeyRows) -> None:
    keys.create("k")

    with pytest.raises(AlreadyExists):
        keys.create("k")
    for act in (lambda: keys.get("no"), lambda: keys.delete("no"), lambda: keys.change("no", KeyRules())):
        with pytest.raises(NotFound, match="'no'"):
            act()


def test_every_change_of_what_a_key_may_do_raises_the_version_and_a_use_does_not(keys: KeyRows) -> None:
    versions = [keys.version()]
    text = keys.create("k")
    versions.append(keys.version())
    keys.change("k", KeyRules(parallel=1))
    versions.append(keys.version())
    keys.delete("k")
    versions.append(keys.version())
    assert versions == sorted(set(versions))

    text = keys.create("again")
    before = keys.version()
    keys.find(text)
    assert keys.get("again").used_at is not None and keys.version() == before
