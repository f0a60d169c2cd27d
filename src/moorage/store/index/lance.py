"""The search index on LanceDB: one table per index, with the chores that LanceDB leaves to its user."""

from __future__ import annotations

import math
import os
import random
import re
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from moorage.core.errors import IndexDamaged, IndexMismatch, NameInvalid, StoreError, StoreFull, StoreUnreadable
from moorage.store.index.base import EVERYTHING, Filter, Found, Row, Upkeep

if TYPE_CHECKING:
    import pyarrow
    from lancedb.db import DBConnection
    from lancedb.query import LanceVectorQueryBuilder, MatchQuery
    from lancedb.table import Table

T = TypeVar("T")

# A text query reads unindexed rows one by one, 20 µs each (300 characters, 2 cores). At rest 10 ms of that are borne; while rows are
# still coming, up to a second, as each refresh merges the whole text index: 200,000 rows take 3-15 s.
_UNINDEXED_AT_REST = 500
_UNINDEXED_WHILE_BUSY = (20_000, 50_000)
# 300 one-row writes made 307 versions and 926 files; a vector query went from 4 to 79 ms.
_FRAGMENTS = 32
_VERSIONS = 64
# Readers finish in seconds. Removing the version one of them stands on would break it, hence not zero.
_KEEP_VERSIONS_S = 120.0
# Below, an exact scan takes under 50 ms and needs no index.
_VECTOR_INDEX_ROWS = 50_000
_EXACT_SCAN_ROWS = 20_000
# LanceDB would keep 6 GB of index in memory.
_INDEX_CACHE_BYTES = 512 * 1024**2
_METADATA_CACHE_BYTES = 64 * 1024**2
_ATTEMPTS = 12
_COLUMNS = ("id", "knowledge", "document_id", "version_id")


def open_index(folder: Path, name: str, dimension: int | None = None, *, create: bool = True) -> LanceIndex:
    """The LanceDB table ``name`` in ``folder``."""
    _check_name(name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnreadable(path=folder, reason=error.strerror or error) from error
    with _translated(folder, name, opening=True):
        table = _open_table(_connect(folder), folder, name, dimension, create)
        index = LanceIndex(table, folder, name, dimension)
        _probe(index)
    return index


def drop_index(folder: Path, name: str) -> None:
    """Remove the table's files."""
    _check_name(name)
    path = folder / f"{name}.lance"
    if path.is_file():
        path.unlink()
    shutil.rmtree(path, ignore_errors=True)


def list_indexes(folder: Path) -> list[str]:
    """The names of the tables in the folder."""
    return sorted(path.stem for path in folder.glob("*.lance") if path.is_dir())


class LanceIndex:
    """A SearchIndex on one LanceDB table."""

    def __init__(self, table: Table, folder: Path, name: str, dimension: int | None) -> None:
        self._opened: Table | None = table
        self._folder = folder
        self.keep_versions_s = _KEEP_VERSIONS_S
        self._has_vector_index = "vector_idx" in {index.name for index in table.list_indices()}
        self.name = name
        self.dimension = dimension

    def upsert(self, rows: Iterable[Row]) -> int:
        latest = {row.id: row for row in rows}
        if not latest:
            return 0
        batch = self._batch(list(latest.values()))
        merge = self._table.merge_insert("id").when_matched_update_all().when_not_matched_insert_all()
        self._do(lambda: merge.execute(batch, on_bad_vectors="null"))
        return len(latest)

    def delete(self, which: Filter) -> int:
        if which.is_empty:
            return 0
        return self._do(lambda: self._table.delete(_where(which) or "true").num_deleted_rows)  # pyright: ignore[reportAttributeAccessIssue]

    def dense(self, vector: Sequence[float], limit: int, within: Filter = EVERYTHING) -> list[Found]:
        if self.dimension is None or within.is_empty or limit < 1:
            return []
        self._check_length(vector)
        return self._do(lambda: self._nearest(vector, limit, within))

    def lexical(self, tokens: Sequence[str], limit: int, within: Filter = EVERYTHING) -> list[Found]:
        text = " ".join(dict.fromkeys(tokens))
        if not text or within.is_empty or limit < 1:
            return []
        return self._do(lambda: self._matching(text, limit, within))

    def count(self, within: Filter = EVERYTHING) -> int:
        return 0 if within.is_empty else self._do(lambda: self._table.count_rows(_where(within)))

    def maintain(self, busy: bool = False) -> Upkeep:
        before = self._do(self._state)
        worked = _is_due(before, busy) and self._work()
        if self._needs_vector_index(before.rows):
            self._make_vector_index(before.rows)
            worked = True
        return self._do(lambda: self._state(worked)) if worked else before

    def head(self) -> None:
        """Read one row, for the sake of the error if it cannot be read."""
        self._do(lambda: self._table.search().limit(1).to_arrow())

    def close(self) -> None:
        self._opened = None

    @property
    def _table(self) -> Table:
        if self._opened is None:
            raise StoreError(path=self._folder / f"{self.name}.lance", reason="the search index was closed")
        return self._opened

    # Searching

    def _matching(self, text: str, limit: int, within: Filter) -> list[Found]:
        query = self._table.search(_match(text), query_type="fts").select(["id", "_score"]).limit(limit)
        where = _where(within)
        found = (query.where(where, prefilter=True) if where else query).to_arrow()
        return _best_first(found["id"].to_pylist(), found["_score"].to_pylist())

    def _nearest(self, vector: Sequence[float], limit: int, within: Filter) -> list[Found]:
        search = cast("LanceVectorQueryBuilder", self._table.search(list(vector), vector_column_name="vector"))
        query = search.distance_type("cosine").select(["id", "_distance"]).limit(limit)
        where = " AND ".join(filter(None, [_where(within), "vector IS NOT NULL"]))
        query = query.where(where, prefilter=True)
        if self._has_vector_index:
            # Probing a few cells for a rare filter returns too few rows (2 of 10 was seen): small sets are scanned, exactly.
            few = self._table.count_rows(where) <= _EXACT_SCAN_ROWS
            query = query.bypass_vector_index() if few else query.minimum_nprobes(40).maximum_nprobes(0)
        found = query.to_arrow()
        return _best_first(found["id"].to_pylist(), [1.0 - distance for distance in found["_distance"].to_pylist()])

    # Writing

    def _batch(self, rows: list[Row]) -> pyarrow.Table:
        import pyarrow

        columns: dict[str, object] = {name: [getattr(row, name) for row in rows] for name in (*_COLUMNS, "tokens")}
        if self.dimension is not None:
            for row in rows:
                if row.vector is not None:
                    self._check_length(row.vector)
            columns["vector"] = [row.vector for row in rows]
        return pyarrow.table(columns, schema=_schema(self.dimension))

    def _check_length(self, vector: Sequence[float]) -> None:
        if len(vector) != self.dimension:
            raise IndexMismatch(knowledge=self.name, stored=f"a model with {self.dimension} dimensions", wanted=f"one with {len(vector)}")

    # Chores

    def _state(self, worked: bool = False) -> Upkeep:
        statistics = self._table.index_stats("tokens_idx")
        versions = sum(1 for _ in (self._folder / f"{self.name}.lance" / "_versions").iterdir())
        fragments = self._table.stats()["fragment_stats"]["num_fragments"]  # pyright: ignore[reportIndexIssue]
        unindexed = statistics.num_unindexed_rows if statistics else 0
        return Upkeep(worked=worked, rows=self._table.count_rows(), unindexed=unindexed, fragments=fragments, versions=versions)

    def _work(self) -> bool:
        """False when another process is at the same chores: then they are being done."""
        try:
            self._do(lambda: self._table.optimize(cleanup_older_than=timedelta(seconds=self.keep_versions_s)), attempts=3)
        except StoreError as error:
            if not _is_conflict(error.__cause__):
                raise
            return False
        return True

    def _needs_vector_index(self, rows: int) -> bool:
        if self.dimension is None or self._has_vector_index or rows < _VECTOR_INDEX_ROWS:
            return False
        self._has_vector_index = "vector_idx" in {index.name for index in self._table.list_indices()}
        return not self._has_vector_index and self._table.count_rows("vector IS NOT NULL") >= _VECTOR_INDEX_ROWS

    def _make_vector_index(self, rows: int) -> None:
        from lancedb.index import IvfFlat

        config = IvfFlat(distance_type="cosine", num_partitions=round(math.sqrt(rows)))
        self._do(lambda: self._table.create_index("vector", config=config, name="vector_idx"))
        self._has_vector_index = True

    def _do(self, action: Callable[[], T], attempts: int = _ATTEMPTS) -> T:
        with _translated(self._folder, self.name):
            return _retried(action, attempts)


def _is_due(state: Upkeep, busy: bool) -> bool:
    if busy:
        least, most = _UNINDEXED_WHILE_BUSY
        return state.unindexed >= min(most, max(least, (state.rows - state.unindexed) // 2))
    return state.unindexed >= _UNINDEXED_AT_REST or state.fragments >= _FRAGMENTS or state.versions >= _VERSIONS


# Opening


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", name):
        raise NameInvalid(name=name)


def _connect(folder: Path) -> DBConnection:
    # Every failure is raised as well; LanceDB would also write it to standard error, several times.
    os.environ.setdefault("LANCEDB_LOG", "off")
    import lancedb

    session = lancedb.Session(index_cache_size_bytes=_INDEX_CACHE_BYTES, metadata_cache_size_bytes=_METADATA_CACHE_BYTES)
    # Zero: look for a newer version before each read, so that other processes' writes are seen at once.
    return lancedb.connect(folder, read_consistency_interval=timedelta(0), session=session)


def _open_table(connection: DBConnection, folder: Path, name: str, dimension: int | None, create: bool) -> Table:
    path = folder / f"{name}.lance"
    # Without a version there is no table, or another process is just making it.
    if path.is_file() or any(path.glob("_versions/*")):
        table = connection.open_table(name)
    elif create:
        table = connection.create_table(name, schema=_schema(dimension), exist_ok=True)
    else:
        raise IndexDamaged(path=path, reason="it is not there")
    _check_schema(table.schema, folder, name, dimension)
    _retried(lambda: _make_indexes(table), _ATTEMPTS)
    return table


def _probe(index: LanceIndex) -> None:
    """LanceDB opens a table whose files are gone; the first search would find out."""
    if index.count():
        index.head()
        index.lexical(["probe"], 1)


def _check_schema(found: pyarrow.Schema, folder: Path, name: str, dimension: int | None) -> None:
    if not {*_COLUMNS, "tokens"} <= set(found.names):
        raise IndexDamaged(path=folder / f"{name}.lance", reason="its columns are not those of a Moorage index")
    stored = found.field("vector").type.list_size if "vector" in found.names else None
    if stored != dimension:
        raise IndexMismatch(knowledge=name, stored=f"a model with {stored or 'no'} dimensions", wanted=f"one with {dimension or 'none'}")


def _make_indexes(table: Table) -> None:
    """Also mends a table whose maker died between the table and its indexes."""
    from lancedb.index import FTS, BTree

    there = {index.name for index in table.list_indices()}
    for column in (*_COLUMNS, "tokens"):
        if f"{column}_idx" not in there:
            text = FTS(
                base_tokenizer="whitespace",
                lower_case=False,
                stem=False,
                remove_stop_words=False,
                ascii_folding=False,
                max_token_length=None,
            )
            table.create_index(column, config=text if column == "tokens" else BTree(), name=f"{column}_idx")


def _schema(dimension: int | None) -> pyarrow.Schema:
    import pyarrow

    fields = [pyarrow.field(name, pyarrow.string(), nullable=False) for name in (*_COLUMNS, "tokens")]
    # Without a key, two processes that add the same new id at once both succeed: 60 ids became up to 107 rows.
    fields[0] = fields[0].with_metadata({"lance-schema:unenforced-primary-key": "true"})
    if dimension is not None:
        fields.append(pyarrow.field("vector", pyarrow.list_(pyarrow.float32(), dimension)))
    return pyarrow.schema(fields)


# Queries


def _match(text: str) -> MatchQuery:
    from lancedb.query import MatchQuery

    return MatchQuery(text, "tokens")  # pyright: ignore[reportCallIssue]


def _where(which: Filter) -> str | None:
    lists = (("document_id", which.document_ids), ("version_id", which.version_ids), ("id", which.ids))
    terms = [f"{column} IN ({_literals(values)})" for column, values in lists if values is not None]
    if which.knowledge is not None:
        terms.append(f"knowledge = {_literal(which.knowledge)}")
    return " AND ".join(terms) or None


def _literals(values: Collection[str]) -> str:
    return ", ".join(map(_literal, values))


def _literal(value: str) -> str:
    """The only character with a meaning inside a quoted SQL string is the quote."""
    return "'" + value.replace("'", "''") + "'"


def _best_first(ids: list[str], scores: list[float]) -> list[Found]:
    return [Found(id, score) for score, id in sorted(zip(scores, ids, strict=True), key=lambda pair: (-pair[0], pair[1]))]


# Errors. LanceDB raises RuntimeError, OSError and ValueError, and tells what happened only in the message.

_Failure = (RuntimeError, OSError, ValueError)


def _retried(action: Callable[[], T], attempts: int) -> T:
    for attempt in range(1, attempts):
        try:
            return action()
        except _Failure as error:
            if not _is_conflict(error):
                raise
            time.sleep(random.uniform(0.5, 1.0) * min(0.02 * 2**attempt, 2.0))
    return action()


def _is_conflict(error: BaseException | None) -> bool:
    text = str(error).lower()
    return "conflict" in text or "too many concurrent writers" in text or "already exists" in text


@contextmanager
def _translated(folder: Path, name: str, opening: bool = False) -> Iterator[None]:
    path = folder / f"{name}.lance"
    try:
        yield
    except _Failure as error:
        reason = _plain(str(error))
        if re.search(r"no space left|disk quota", reason, re.I):
            raise StoreFull(path=path) from error
        if re.search(r"permission denied|too many open files", reason, re.I) or _is_conflict(error):
            raise StoreError(path=path, reason=reason) from error
        if opening or re.search(r"not found|LanceError\(IO\)|corrupt", str(error), re.I):
            raise IndexDamaged(path=path, reason=reason) from error
        raise StoreError(path=path, reason=reason) from error


def _plain(message: str) -> str:
    """LanceDB's message without its layers of wrapping and its own source positions."""
    return re.sub(
        r"lance error: |LanceError\(\w+\): |Generic [\w/]+ error: |Wrapped error: |, /\S+\.rs:\d+:\d+", "", message.split("\n")[0]
    )[:300]
