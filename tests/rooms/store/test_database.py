"""The database file: migrations, transactions, errors with names."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from moorage.core.errors import MoorageError, StoreTooNew, StoreUnreadable
from moorage.store.database import Database, migrations, statements


def test_a_new_database_has_the_newest_schema(tmp_path: Path) -> None:
    database = Database(tmp_path / "moorage.db")
    with database.read() as c:
        assert c.execute("PRAGMA user_version").fetchone()[0] == migrations()[-1][0]
        assert c.execute("PRAGMA journal_mode").fetchone()[0] == "wal"


def test_opening_twice_changes_nothing(tmp_path: Path) -> None:
    Database(tmp_path / "moorage.db").close()
    again = Database(tmp_path / "moorage.db")
    with again.read() as c:
        assert c.execute("SELECT count(*) FROM knowledge").fetchone()[0] == 0


def test_two_programs_may_open_a_new_folder_at_once(tmp_path: Path) -> None:
    errors: list[Exception] = []

    def open_it() -> None:
        try:
            Database(tmp_path / "moorage.db").close()
        except (MoorageError, sqlite3.Error) as e:
            errors.append(e)

    threads = [threading.Thread(target=open_it) for _ in range(8)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert not errors


def test_a_database_of_a_newer_version_is_refused_and_untouched(tmp_path: Path) -> None:
    path = tmp_path / "moorage.db"
    Database(path).close()
    with sqlite3.connect(path) as c:
        c.execute("PRAGMA user_version=9999")
    before = path.read_bytes()
    with pytest.raises(StoreTooNew, match=r"9999.*pip install -U moorage"):
        Database(path)
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "moorage.db"
    path.write_bytes(b"this is no database" * 100)
    with pytest.raises(StoreUnreadable, match="not a database"):
        Database(path)


def test_a_failed_transaction_leaves_nothing(tmp_path: Path) -> None:
    database = Database(tmp_path / "moorage.db")
    with pytest.raises(RuntimeError), database.write() as c:
        c.execute("INSERT INTO knowledge (name, created_at) VALUES ('half', 0)")
        raise RuntimeError
    with database.read() as c:
        assert c.execute("SELECT count(*) FROM knowledge").fetchone()[0] == 0


@pytest.mark.parametrize("subject", ["knowledge", "documents", "jobs", "access", "usage"])
def test_every_named_statement_is_valid_sql(tmp_path: Path, subject: str) -> None:
    database = Database(tmp_path / "moorage.db")
    for name, sql in statements(subject).items():
        with database.read() as c:
            parameters = dict.fromkeys(_parameters(sql)) or [None] * sql.count("?")
            try:
                c.execute(f"EXPLAIN {sql}", parameters)
            except sqlite3.Error as e:
                pytest.fail(f"{subject}.{name}: {e}")


def _parameters(sql: str) -> set[str]:
    import re

    return set(re.findall(r":(\w+)", sql))
