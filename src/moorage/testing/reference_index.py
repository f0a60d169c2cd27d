"""A search index in plain Python: exact, slow, and the yardstick of the conformance tests. One append-only file of JSON lines."""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import BinaryIO as _File

from moorage.core.errors import IndexDamaged, IndexMismatch
from moorage.store.index.base import EVERYTHING, Filter, Found, Row, Upkeep


def bm25(query: Sequence[str], texts: Mapping[str, str], k1: float = 1.2, b: float = 0.75) -> dict[str, float]:
    """The score of every text that shares a token with the query (Lucene's idf; each distinct query token counts once)."""
    counts = {id: Counter(text.split()) for id, text in texts.items()}
    frequency = Counter(token for count in counts.values() for token in count)
    average = sum(count.total() for count in counts.values()) / max(1, len(counts))
    scores: dict[str, float] = {}
    for id, count in counts.items():
        length = k1 * (1 - b + b * count.total() / (average or 1))
        for token in set(query) & count.keys():
            idf = math.log(1 + (len(counts) - frequency[token] + 0.5) / (frequency[token] + 0.5))
            scores[id] = scores.get(id, 0.0) + idf * count[token] * (k1 + 1) / (count[token] + length)
    return scores


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    product = sum(x * y for x, y in zip(one, other, strict=True))
    return product / (math.hypot(*one) * math.hypot(*other) or 1.0)


def open_index(folder: Path, name: str, dimension: int | None = None, *, create: bool = True) -> ReferenceIndex:
    """The index in the file ``name`` of ``folder``."""
    path = folder / f"{name}.jsonl"
    if not path.exists() and not create:
        raise IndexDamaged(path=path, reason="it is not there")
    folder.mkdir(parents=True, exist_ok=True)
    return ReferenceIndex(path, name, dimension)


class ReferenceIndex:
    """A SearchIndex whose every answer is computed from all rows. A line of the file is one commit; a half line never happened."""

    def __init__(self, path: Path, name: str, dimension: int | None) -> None:
        self._path = path
        self.name = name
        self.dimension = dimension
        with self._locked() as file:
            first = file.readline()
            if not first:
                file.write(json.dumps({"dimension": dimension}).encode() + b"\n")
            elif (stored := _parsed(path, first)["dimension"]) != dimension:
                raise IndexMismatch(knowledge=name, stored=f"a model with {stored} dimensions", wanted=f"one with {dimension}")

    def upsert(self, rows: Iterable[Row]) -> int:
        latest = {row.id: row for row in rows}
        for row in latest.values():
            if row.vector is not None:
                self._check_length(row.vector)
        if latest:
            self._append(
                {"upsert": [asdict(replace(row, vector=None if row.vector is None else list(row.vector))) for row in latest.values()]}
            )
        return len(latest)

    def delete(self, which: Filter) -> int:
        with self._locked() as file:
            gone = [row.id for row in self._rows(file).values() if which.admits(row)]
            if gone:
                _commit(file, {"delete": gone})
        return len(gone)

    def dense(self, vector: Sequence[float], limit: int, within: Filter = EVERYTHING) -> list[Found]:
        if self.dimension is None:
            return []
        self._check_length(vector)
        rows = self._read().values()
        return _best({row.id: cosine(vector, row.vector) for row in rows if row.vector is not None and within.admits(row)}, limit)

    def lexical(self, tokens: Sequence[str], limit: int, within: Filter = EVERYTHING) -> list[Found]:
        rows = self._read()
        scores = bm25(tokens, {row.id: row.tokens for row in rows.values()})
        return _best({id: score for id, score in scores.items() if within.admits(rows[id])}, limit)

    def count(self, within: Filter = EVERYTHING) -> int:
        return sum(map(within.admits, self._read().values()))

    def maintain(self, busy: bool = False) -> Upkeep:
        return Upkeep(worked=False, rows=self.count(), unindexed=0, fragments=1, versions=1)

    def close(self) -> None:
        pass

    def _check_length(self, vector: Sequence[float]) -> None:
        if len(vector) != self.dimension:
            raise IndexMismatch(knowledge=self.name, stored=f"a model with {self.dimension} dimensions", wanted=f"one with {len(vector)}")

    def _read(self) -> dict[str, Row]:
        with self._locked() as file:
            return self._rows(file)

    def _append(self, change: Mapping[str, object]) -> None:
        with self._locked() as file:
            _commit(file, change)

    def _rows(self, file: _File) -> dict[str, Row]:
        file.seek(0)
        rows: dict[str, Row] = {}
        for line in file.readlines()[1:]:
            change = _parsed(self._path, line) if line.endswith(b"\n") else {}
            rows |= {values["id"]: Row(**values) for values in change.get("upsert", ())}
            for id in change.get("delete", ()):
                rows.pop(id, None)
        return rows

    @contextmanager
    def _locked(self) -> Iterator[_File]:
        import fcntl

        with open(self._path, "a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            yield file


def _commit(file: _File, change: Mapping[str, object]) -> None:
    """A half line that a killed process left goes first."""
    file.seek(0)
    data = file.read()
    file.truncate(data.rfind(b"\n") + 1)
    os.write(file.fileno(), json.dumps(change).encode() + b"\n")


def _parsed(path: Path, line: bytes) -> dict:
    try:
        return json.loads(line)
    except ValueError as error:
        raise IndexDamaged(path=path, reason=str(error)) from error


def _best(scores: Mapping[str, float], limit: int) -> list[Found]:
    ordered = sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))
    return [Found(id, score) for id, score in ordered[: max(0, limit)]]
