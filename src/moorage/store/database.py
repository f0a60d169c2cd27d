"""The SQLite database: connections, named statements, migrations. It knows no table.

WAL mode: readers never wait for the writer. ``synchronous=FULL``: what was committed survives a power cut, not only a kill -9.
"""

from __future__ import annotations

import contextlib
import functools
import re
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path

from moorage.core.errors import StoreError, StoreFull, StoreTooNew, StoreUnreadable

_NAME = re.compile(r"^-- name: (\w+)[^\n]*\n", re.MULTILINE)
BUSY_TIMEOUT_S = 30.0


@functools.cache
def statements(subject: str) -> Mapping[str, str]:
    """The named statements of ``sql/<subject>.sql``: each begins with a line ``-- name: what_it_does``."""
    text = resources.files("moorage.store").joinpath("sql", f"{subject}.sql").read_text(encoding="utf-8")
    parts = _NAME.split(text)
    return dict(zip(parts[1::2], (p.strip() for p in parts[2::2]), strict=True))


@functools.cache
def migrations() -> tuple[tuple[int, str], ...]:
    """(number, SQL) of every migration, in order. The number is the file name's beginning."""
    files = (f for f in resources.files("moorage.store").joinpath("migrations").iterdir() if f.name.endswith(".sql"))
    return tuple((int(f.name[:4]), f.read_text(encoding="utf-8")) for f in sorted(files, key=lambda f: f.name))


class Database:
    """One SQLite file, used from any number of threads and processes: each thread reads through a connection of its own,
    and one writer at a time writes in a transaction that is all or nothing."""

    def __init__(self, path: Path, busy_timeout_s: float = BUSY_TIMEOUT_S) -> None:
        """``busy_timeout_s`` is how long a write waits for another program's."""
        self.path = path
        self._busy_timeout_s = busy_timeout_s
        self._local = threading.local()
        self._all: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._write_lock = threading.Lock()
        with self._named_errors():
            self._migrate()

    @contextlib.contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A connection that sees one state of the database while the block lasts."""
        connection = self._connection()
        with self._named_errors():
            if connection.in_transaction:
                yield connection
                return
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.rollback()

    @contextlib.contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction: committed at the end of the block, or nothing of it happened."""
        connection = self._connection()
        with self._named_errors(), self._write_lock:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

    def close(self) -> None:
        with self._lock:
            for connection in self._all:
                connection.close()
            self._all.clear()
            self._local = threading.local()

    def copy_to(self, path: Path) -> None:
        """A consistent copy while others read and write (SQLite's online backup)."""
        with self._named_errors(), contextlib.closing(sqlite3.connect(path)) as target:
            self._connection().backup(target)

    def _connection(self) -> sqlite3.Connection:
        found: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if found is None:
            found = self._connect()
            self._local.connection = found
            with self._lock:
                self._all.append(found)
        return found

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=self._busy_timeout_s, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA cache_size=-2000")
        connection.execute("PRAGMA temp_store=MEMORY")
        return connection

    def _migrate(self) -> None:
        connection = self._connection()
        self._write_ahead(connection)
        known = migrations()[-1][0]
        found: int = connection.execute("PRAGMA user_version").fetchone()[0]
        if found > known:
            raise StoreTooNew(path=str(self.path.parent), found=found, known=known)
        if found == known:
            return
        connection.execute("BEGIN IMMEDIATE")  # two processes may start at once: the second waits here and finds the work done
        try:
            found = connection.execute("PRAGMA user_version").fetchone()[0]
            for number, script in migrations():
                if number > found:
                    for statement in _split(script):
                        connection.execute(statement)
                    connection.execute(f"PRAGMA user_version={number:d}")
        except BaseException:
            connection.rollback()
            raise
        connection.commit()

    def _write_ahead(self, connection: sqlite3.Connection) -> None:
        """WAL mode, which the file remembers. SQLite does not wait for others to make room for this one change (busy_timeout is not asked)."""
        ends = time.monotonic() + self._busy_timeout_s
        while True:
            try:
                connection.execute("PRAGMA journal_mode=WAL")
                return
            except sqlite3.OperationalError as e:
                if e.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= ends:
                    raise
            time.sleep(0.02)

    @contextlib.contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as e:
            folder, text = str(self.path.parent), str(e)
            if "disk is full" in text or getattr(e, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
                raise StoreFull(path=folder) from e
            if "unable to open" in text or "readonly" in text or "not a database" in text or "malformed" in text:
                raise StoreUnreadable(path=folder, reason=text) from e
            if "locked" in text or "busy" in text:
                raise StoreError(path=folder, reason=f"another program has kept the database locked for {self._busy_timeout_s:g} s") from e
            raise


def _split(script: str) -> Iterator[str]:
    """The statements of a script. ``executescript`` would commit the transaction around it."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
