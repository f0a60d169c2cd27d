"""What every search index must do. Subclass ``IndexConformance``, name your ``opener``, and let pytest collect it.

class TestMine(IndexConformance):
    opener = "my_package.index:open_index"
"""

from __future__ import annotations

import multiprocessing
import random
import time
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import ClassVar

import pytest

from moorage.core.errors import IndexDamaged, IndexMismatch
from moorage.store.index.base import Filter, Row, SearchIndex
from moorage.testing.reference_index import bm25, cosine

_DIMENSION = 16
_ROWS = 2000
# Engines store text lengths rounded to a byte or so: scores nearer than this may change places.
_ROUNDING = 0.02

_HOSTILE = [
    "o'hara",
    "'; DROP TABLE rows; --",
    '"',
    "a\nb\tc",
    "back\\slash",
    "%_*",
    "中文 名字",
    "😀",
    "' OR '1'='1",
    "../../etc/passwd",
    "x" * 500,
    "null",
    "--",
]


class IndexConformance:
    """The promises of ``SearchIndex`` as tests. ``opener`` is ``module:function`` with the signature of ``open_index(folder, name, dimension)``."""

    opener: ClassVar[str]

    @pytest.fixture
    def index(self, tmp_path: Path) -> SearchIndex:
        return self.open(tmp_path)

    @pytest.fixture(scope="class")
    @classmethod
    def filled(cls, tmp_path_factory: pytest.TempPathFactory) -> SearchIndex:
        """Most rows after ``maintain``, the last tenth fresh, so that both roads of an engine are seen at once."""
        index = cls.open(tmp_path_factory.mktemp("filled"))
        rows = _rows()
        index.upsert(rows[: _ROWS * 9 // 10])
        index.maintain()
        index.upsert(rows[_ROWS * 9 // 10 :])
        return index

    @classmethod
    def open(cls, folder: Path, dimension: int | None = _DIMENSION, create: bool = True) -> SearchIndex:
        return _open(cls.opener, folder, dimension, create)

    # Exact answers

    @pytest.mark.parametrize(("share", "documents"), [(0.001, 1), (0.02, 20), (0.5, 500)])
    def test_a_filtered_dense_search_is_complete_and_exact(self, filled: SearchIndex, share: float, documents: int) -> None:
        within = Filter(knowledge="a", document_ids=[f"d{n}" for n in range(documents)])
        rows = [row for row in _rows() if within.admits(row) and row.vector is not None]
        wanted = min(10, len(rows))
        for seed in range(5):
            vector = _vector(random.Random(seed))
            found = filled.dense(vector, 10, within)
            exact = sorted((cosine(vector, row.vector or ()) for row in rows), reverse=True)[:10]
            assert len({hit.id for hit in found}) == wanted
            assert [hit.score for hit in found] == pytest.approx(exact, abs=1e-4)

    @pytest.mark.parametrize(("share", "documents"), [(0.001, 1), (0.02, 20), (0.5, 500)])
    def test_a_filtered_text_search_is_complete_and_in_bm25_order(self, filled: SearchIndex, share: float, documents: int) -> None:
        within = Filter(knowledge="a", document_ids=[f"d{n}" for n in range(documents)])
        admitted = {row.id for row in _rows() if within.admits(row)}
        for seed in range(5):
            query = _words(random.Random(seed), 12)
            scores = {id: score for id, score in bm25(query, _texts()).items() if id in admitted}
            _assert_in_order([hit.id for hit in filled.lexical(query, 10, within)], scores)

    def test_text_search_has_the_order_of_bm25(self, filled: SearchIndex) -> None:
        for seed in range(10):
            query = _words(random.Random(100 + seed), 3 + seed * 3)
            _assert_in_order([hit.id for hit in filled.lexical(query, 10)], bm25(query, _texts()))

    def test_a_repeated_query_token_counts_once(self, filled: SearchIndex) -> None:
        assert filled.lexical(["w3", "w40", "w40"], 10) == filled.lexical(["w3", "w40"], 10)

    def test_fresh_rows_rank_like_old_ones(self, filled: SearchIndex) -> None:
        fresh = {row.id for row in _rows()[_ROWS * 9 // 10 :]}
        own = [(row, filled.lexical(row.tokens.split()[:12], 10)) for row in _rows()[::25]]
        assert {row.id in fresh for row, _ in own} == {True, False}
        assert all(row.id in {hit.id for hit in found} for row, found in own)

    def test_found_is_best_first(self, filled: SearchIndex) -> None:
        for found in (filled.lexical(_words(random.Random(1), 10), 50), filled.dense(_vector(random.Random(1)), 50)):
            assert len(found) == 50
            assert [hit.score for hit in found] == sorted((hit.score for hit in found), reverse=True)

    # Nothing asked, nothing found

    def test_no_tokens_find_nothing(self, filled: SearchIndex) -> None:
        assert filled.lexical([], 10) == []

    def test_an_unknown_token_finds_nothing(self, filled: SearchIndex) -> None:
        assert filled.lexical(["neverseen"], 10) == []

    def test_an_empty_collection_in_a_filter_matches_nothing(self, filled: SearchIndex) -> None:
        nothing = Filter(document_ids=[])
        assert (filled.count(nothing), filled.lexical(["w1"], 5, nothing), filled.dense(_vector(random.Random(1)), 5, nothing)) == (
            0,
            [],
            [],
        )

    def test_a_new_index_is_empty_and_can_be_searched(self, index: SearchIndex) -> None:
        assert (index.count(), index.lexical(["w1"], 5), index.dense(_vector(random.Random(1)), 5)) == (0, [], [])
        assert index.maintain().rows == 0

    def test_an_index_without_vectors_finds_words_only(self, tmp_path: Path) -> None:
        index = self.open(tmp_path, dimension=None)
        index.upsert([_row("r1", tokens="alpha beta")])
        assert index.dimension is None
        assert [hit.id for hit in index.lexical(["alpha"], 5)] == ["r1"]
        assert index.dense([1.0, 0.0], 5) == []

    # Reading what was written

    def test_an_upsert_is_found_at_once_by_words_and_by_vector(self, filled: SearchIndex) -> None:
        vector = _vector(random.Random(77))
        filled.upsert([_row("fresh", tokens="w5 unheardof", vector=vector)])
        try:
            assert filled.lexical(["unheardof"], 5)[0].id == "fresh"
            assert filled.dense(vector, 5)[0].id == "fresh"
        finally:
            assert filled.delete(Filter(ids=["fresh"])) == 1
        assert filled.lexical(["unheardof"], 5) == []
        assert filled.dense(vector, 5)[0].id != "fresh"

    def test_an_upsert_replaces_the_row_of_that_id(self, index: SearchIndex) -> None:
        index.upsert([_row("r1", tokens="old", vector=_axis(0)), _row("r2", tokens="other", vector=_axis(1))])
        assert index.upsert([_row("r1", tokens="new", vector=_axis(2), knowledge="b")]) == 1
        assert index.count() == 2
        assert index.lexical(["old"], 5) == []
        assert [hit.id for hit in index.lexical(["new"], 5, Filter(knowledge="b"))] == ["r1"]
        assert index.dense(_axis(2), 1)[0].id == "r1"
        assert index.dense(_axis(0), 1)[0].score < 0.5

    def test_the_last_of_equal_ids_in_one_upsert_counts(self, index: SearchIndex) -> None:
        assert index.upsert([_row("r1", tokens="first"), _row("r1", tokens="second")]) == 1
        assert (index.count(), index.lexical(["first"], 5), len(index.lexical(["second"], 5))) == (1, [], 1)

    def test_rows_without_vectors_are_found_by_words_only(self, index: SearchIndex) -> None:
        index.upsert([_row("r1", tokens="alpha"), _row("r2", tokens="alpha", vector=_axis(0))])
        assert {hit.id for hit in index.lexical(["alpha"], 5)} == {"r1", "r2"}
        assert [hit.id for hit in index.dense(_axis(0), 5)] == ["r2"]

    def test_delete_by_ids_and_by_filter_counts_what_it_removed(self, index: SearchIndex) -> None:
        index.upsert([_row(f"r{n}", tokens="alpha", document_id=f"d{n % 2}", version_id=f"v{n % 3}") for n in range(12)])
        assert index.delete(Filter(ids=["r0", "r1", "absent"])) == 2
        assert index.delete(Filter(document_ids=["d1"], version_ids=["v0"])) == 2
        assert index.delete(Filter(knowledge="nowhere")) == 0
        assert index.delete(Filter(ids=[])) == 0
        assert index.count() == len(index.lexical(["alpha"], 50)) == 8

    def test_count_follows_the_filter(self, index: SearchIndex) -> None:
        rows = [_row(f"r{n}", knowledge="ab"[n % 2], document_id=f"d{n % 5}", version_id=f"v{n}") for n in range(30)]
        index.upsert(rows)
        for within in (Filter(), Filter(knowledge="a"), Filter(document_ids=["d1", "d2"]), Filter(knowledge="b", version_ids=["v1", "v2"])):
            assert index.count(within) == sum(map(within.admits, rows))

    def test_an_empty_upsert_is_fine(self, index: SearchIndex) -> None:
        assert index.upsert([]) == 0

    @pytest.mark.parametrize("text", _HOSTILE)
    def test_any_string_may_be_an_id_or_a_filter_value(self, index: SearchIndex, text: str) -> None:
        index.upsert([_row("plain", tokens="alpha"), _row(text, tokens="alpha", knowledge=text, document_id=text, version_id=text)])
        within = Filter(knowledge=text, document_ids=[text], version_ids=[text], ids=[text])
        assert index.count(within) == 1
        assert [hit.id for hit in index.lexical(["alpha"], 5, within)] == [text]
        assert index.delete(within) == 1
        assert index.count() == 1

    @pytest.mark.parametrize("token", ["c++", "a.b", "don't", '"', "AND", "-", "*", "中文", "\\", "(", "w:x", "~2", "x" * 64])
    def test_any_token_is_only_itself(self, index: SearchIndex, token: str) -> None:
        index.upsert([_row("r1", tokens=f"alpha {token}"), _row("r2", tokens="beta c a b don t and AN w x")])
        assert [hit.id for hit in index.lexical([token], 5)] == ["r1"]

    # Chores

    def test_many_small_writes_do_not_pile_up(self, index: SearchIndex) -> None:
        for n in range(80):
            index.upsert([_row(f"r{n}", tokens=f"alpha t{n}", vector=_vector(random.Random(n)))])
        state = index.maintain()
        assert (state.rows, state.unindexed) == (80, 0)
        assert state.fragments <= 2
        assert [hit.id for hit in index.lexical(["t7"], 5)] == ["r7"]
        assert index.dense(_vector(random.Random(7)), 1)[0].id == "r7"

    # Opening

    def test_rows_are_there_after_reopening(self, tmp_path: Path) -> None:
        first = self.open(tmp_path)
        first.upsert([_row("r1", tokens="alpha", vector=_axis(3))])
        first.close()
        first.close()
        again = self.open(tmp_path, create=False)
        assert ([hit.id for hit in again.lexical(["alpha"], 5)], again.dense(_axis(3), 5)[0].id) == (["r1"], "r1")

    def test_a_missing_index_is_said_to_be_missing(self, tmp_path: Path) -> None:
        with pytest.raises(IndexDamaged):
            self.open(tmp_path / "nowhere", create=False)

    def test_another_dimension_is_refused(self, tmp_path: Path) -> None:
        index = self.open(tmp_path)
        with pytest.raises(IndexMismatch):
            self.open(tmp_path, dimension=8)
        with pytest.raises(IndexMismatch):
            index.upsert([_row("r1", vector=[1.0, 2.0])])
        with pytest.raises(IndexMismatch):
            index.dense([1.0, 2.0], 5)

    # Several processes

    def test_another_process_sees_a_new_row_at_once(self, tmp_path: Path) -> None:
        index = self.open(tmp_path)
        ours, theirs = multiprocessing.get_context("spawn").Pipe()
        other = _start(_answer, self.opener, tmp_path, theirs)
        try:
            for n in range(5):
                index.upsert([_row(f"r{n}", tokens=f"alpha t{n}", vector=_axis(n))])
                ours.send(n)
                assert ours.poll(60), "the other process gave no answer"
                assert ours.recv() == (f"r{n}", f"r{n}", n + 1)
        finally:
            ours.send(None)
            other.join(30)

    def test_processes_may_open_a_new_index_at_once(self, tmp_path: Path) -> None:
        openers = [_start(_write_one, self.opener, tmp_path, name) for name in ("one", "two", "three")]
        for opener in openers:
            opener.join(60)
        assert [opener.exitcode for opener in openers] == [0, 0, 0]
        assert self.open(tmp_path, create=False).count() == 3

    def test_two_processes_may_write_at_once(self, tmp_path: Path) -> None:
        self.open(tmp_path)
        writers = [_start(_write_many, self.opener, tmp_path, name) for name in ("one", "two")]
        for writer in writers:
            writer.join(120)
        assert [writer.exitcode for writer in writers] == [0, 0]
        index = self.open(tmp_path, create=False)
        assert index.count() == 2 * 20 * 5 + 20
        assert all(index.count(Filter(ids=[f"shared{n}"])) == 1 for n in range(20))
        assert len({hit.id for hit in index.lexical(["alpha"], 500)}) == 220

    @pytest.mark.parametrize("acknowledged", [1, 4, 9])
    def test_a_killed_writer_loses_nothing_acknowledged_and_leaves_no_half_batch(self, tmp_path: Path, acknowledged: int) -> None:
        log = tmp_path / "acknowledged"
        self.open(tmp_path)
        writer = _start(_write_until_killed, self.opener, tmp_path, log)
        _wait_for(lambda: log.exists() and log.read_bytes().count(b"\n") >= acknowledged)
        writer.kill()
        writer.join(30)
        batches = log.read_bytes().count(b"\n")
        index = self.open(tmp_path, create=False)
        counts = [index.count(Filter(document_ids=[f"batch{n}"])) for n in range(batches + 2)]
        assert counts[:batches] == [_BATCH] * batches
        assert set(counts[batches:]) <= {0, _BATCH}
        assert index.count() == len({hit.id for hit in index.lexical(["alpha"], 100_000)}) == sum(counts)
        index.upsert([_row("after", tokens="afterwards")])
        assert [hit.id for hit in index.lexical(["afterwards"], 5)] == ["after"]


_BATCH = 50


def _assert_in_order(found: Sequence[str], scores: dict[str, float]) -> None:
    exact = sorted(scores.values(), reverse=True)[:10]
    assert len(set(found)) == len(found) == len(exact)
    assert [scores[id] for id in found] == pytest.approx(exact, rel=_ROUNDING)


# What other processes do; named functions of this module, so that a spawned process finds them


def _answer(opener: str, folder: Path, pipe) -> None:
    index = _open(opener, folder, _DIMENSION, create=False)
    while (n := pipe.recv()) is not None:
        pipe.send((index.lexical([f"t{n}"], 1)[0].id, index.dense(_axis(n), 1)[0].id, index.count()))


def _write_one(opener: str, folder: Path, name: str) -> None:
    _open(opener, folder, _DIMENSION, create=True).upsert([_row(name)])


def _write_many(opener: str, folder: Path, name: str) -> None:
    index = _open(opener, folder, _DIMENSION, create=False)
    for n in range(20):
        index.upsert([_row(f"{name}-{n}-{m}", tokens=f"alpha {name}") for m in range(5)])
        index.upsert([_row(f"shared{n}", tokens=f"alpha {name}")])
    index.maintain()


def _write_until_killed(opener: str, folder: Path, log: Path) -> None:
    index = _open(opener, folder, _DIMENSION, create=False)
    with log.open("ab", buffering=0) as acknowledged:
        for n in range(10_000):
            index.upsert(
                [_row(f"{n}-{m}", tokens=f"alpha b{n}", document_id=f"batch{n}", vector=_vector(random.Random(m))) for m in range(_BATCH)]
            )
            acknowledged.write(b"%d\n" % n)
            if n % 5 == 4:
                index.maintain()


def _start(work, *arguments: object) -> BaseProcess:
    process = multiprocessing.get_context("spawn").Process(target=work, args=arguments, daemon=True)
    process.start()
    return process


def _wait_for(condition, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it took too long"
        time.sleep(0.01)


def _open(opener: str, folder: Path, dimension: int | None, create: bool) -> SearchIndex:
    module, _, function = opener.partition(":")
    return getattr(import_module(module), function)(folder, "conformance", dimension, create=create)


# Rows


def _row(
    id: str,
    *,
    tokens: str = "alpha",
    vector: Sequence[float] | None = None,
    knowledge: str = "a",
    document_id: str = "d",
    version_id: str = "v",
) -> Row:
    return Row(id, knowledge, document_id, version_id, tokens, vector)


@cache
def _rows() -> tuple[Row, ...]:
    """Words with the frequencies of language, texts of 5 to 120 words, half of the rows in each knowledge base."""
    random_ = random.Random(5)
    return tuple(
        _row(
            f"r{n}",
            tokens=" ".join(_words(random_, random_.randint(5, 120))),
            vector=None if n % 10 == 7 else _vector(random_),
            knowledge="b" if n >= _ROWS - 10 else "a",
            document_id=f"d{(n * 7) % (_ROWS // 2)}",
            version_id=f"v{n % 40}",
        )
        for n in range(_ROWS)
    )


@cache
def _texts() -> dict[str, str]:
    return {row.id: row.tokens for row in _rows()}


def _words(random_: random.Random, count: int) -> list[str]:
    return random_.choices([f"w{n}" for n in range(1000)], weights=[1 / (n + 5) for n in range(1000)], k=count)


def _vector(random_: random.Random) -> list[float]:
    return [random_.gauss(0, 1) for _ in range(_DIMENSION)]


def _axis(n: int) -> list[float]:
    return [1.0 if place == n else 0.0 for place in range(_DIMENSION)]
