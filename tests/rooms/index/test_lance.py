"""What is LanceDB's own: its chores, its damage, its threads."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from moorage.core.errors import IndexDamaged, NameInvalid, SettingInvalid, StoreError, StoreUnreadable
from moorage.store.index import Filter, Row, drop_index, list_indexes, open_index


def _rows(count: int, start: int = 0) -> list[Row]:
    return [Row(f"r{n}", "a", f"d{n}", "v", f"alpha t{n}", [1.0, float(n), 2.0]) for n in range(start, start + count)]


def _filled(folder: Path) -> None:
    index = open_index(folder, "x", 3)
    index.upsert(_rows(600))
    index.maintain()
    index.close()


def test_three_hundred_small_writes_leave_few_files_and_versions_once_readers_are_gone(tmp_path: Path) -> None:
    index = open_index(tmp_path, "x", 3)
    for n in range(300):
        index.upsert(_rows(1, n))
    first = index.maintain()
    assert (first.worked, first.rows, first.unindexed, first.fragments) == (True, 300, 0, 1)
    index.keep_versions_s = 0.5  # pyright: ignore[reportAttributeAccessIssue]
    time.sleep(0.6)
    second = index.maintain()
    assert (second.worked, second.versions <= 4) == (True, True)
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) < 60
    assert not index.maintain().worked


def test_a_reader_goes_on_while_the_index_is_maintained(tmp_path: Path) -> None:
    index = open_index(tmp_path, "x", 3)
    index.upsert(_rows(200))
    reader = open_index(tmp_path, "x", 3, create=False)
    with ThreadPoolExecutor(2) as pool:
        reading = pool.submit(lambda: [len(reader.lexical(["alpha"], 10)) for _ in range(60)])
        for n in range(40):
            index.upsert(_rows(1, 200 + n))
            if n % 10 == 9:
                index.maintain()
        assert set(reading.result()) == {10}


def test_one_index_serves_many_threads(tmp_path: Path) -> None:
    index = open_index(tmp_path, "x", 3)

    def work(n: int) -> int:
        index.upsert(_rows(1, n))
        return len(index.lexical([f"t{n}"], 5)) + len(index.dense([1.0, float(n), 2.0], 1))

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(24))) == [2] * 24
    assert index.count() == 24


def test_a_busy_index_waits_with_its_chores(tmp_path: Path) -> None:
    index = open_index(tmp_path, "x", 3)
    index.upsert(_rows(600))
    assert not index.maintain(busy=True).worked
    assert index.maintain().worked


def _truncate(pattern: str) -> Callable[[Path], None]:
    def hurt(folder: Path) -> None:
        for path in (folder / "x.lance").glob(pattern):
            if path.is_file():
                path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    return hurt


def _replace_by_a_file(folder: Path) -> None:
    shutil.rmtree(folder / "x.lance")
    (folder / "x.lance").write_text("not an index")


@pytest.mark.parametrize(
    "hurt",
    [
        pytest.param(lambda folder: shutil.rmtree(folder / "x.lance"), id="gone"),
        pytest.param(lambda folder: shutil.rmtree(folder / "x.lance" / "data"), id="data gone"),
        pytest.param(lambda folder: shutil.rmtree(folder / "x.lance" / "_versions"), id="versions gone"),
        pytest.param(lambda folder: shutil.rmtree(folder / "x.lance" / "_indices"), id="indices gone"),
        pytest.param(_truncate("_versions/*"), id="versions cut"),
        pytest.param(_truncate("data/*"), id="data cut"),
        pytest.param(_truncate("_indices/**/*"), id="indices cut"),
        pytest.param(_replace_by_a_file, id="a file"),
    ],
)
def test_a_damaged_index_says_so_on_opening_and_can_be_built_again(tmp_path: Path, hurt: Callable[[Path], None]) -> None:
    _filled(tmp_path)
    hurt(tmp_path)
    with pytest.raises(IndexDamaged):
        open_index(tmp_path, "x", 3, create=False)
    drop_index(tmp_path, "x")
    assert open_index(tmp_path, "x", 3).upsert(_rows(3)) == 3


def test_damage_under_an_open_index_is_told_by_the_next_search(tmp_path: Path) -> None:
    index = open_index(tmp_path, "x", 3)
    index.upsert(_rows(3))
    shutil.rmtree(tmp_path / "x.lance")
    with pytest.raises(IndexDamaged):
        index.lexical(["alpha"], 5)
    with pytest.raises(IndexDamaged):
        index.upsert(_rows(1))


def test_a_folder_that_cannot_be_made_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnreadable):
        open_index(tmp_path / "file" / "sub", "x")


def test_a_closed_index_refuses_to_work(tmp_path: Path) -> None:
    index = open_index(tmp_path, "x")
    index.close()
    with pytest.raises(StoreError, match="closed"):
        index.count()


@pytest.mark.parametrize("name", ["", "../x", "a/b", "a b", "中", ".hidden", "x" * 65])
def test_a_name_that_is_no_plain_file_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(NameInvalid):
        open_index(tmp_path, name)
    with pytest.raises(NameInvalid):
        drop_index(tmp_path, name)


def test_generations_live_side_by_side(tmp_path: Path) -> None:
    open_index(tmp_path, "g1", 3).upsert(_rows(1))
    open_index(tmp_path, "g2", 5)
    assert list_indexes(tmp_path) == ["g1", "g2"]
    drop_index(tmp_path, "g1")
    drop_index(tmp_path, "g1")
    assert list_indexes(tmp_path) == ["g2"]


def test_a_large_index_gets_a_vector_index_and_filtered_searches_stay_complete(tmp_path: Path) -> None:
    numpy = pytest.importorskip("numpy")
    vectors = numpy.random.default_rng(1).normal(size=(50_000, 8)).astype("float32")
    index = open_index(tmp_path, "x", 8)
    index.upsert(Row(f"r{n}", "a", f"d{n % 1000}", "v", "alpha", vector) for n, vector in enumerate(vectors))
    assert index.maintain().worked
    assert not index.maintain().worked
    unit = vectors / numpy.linalg.norm(vectors, axis=1, keepdims=True)
    for documents, least in ((1, 1.0), (20, 1.0), (500, 0.9), (1000, 0.9)):
        within = Filter(document_ids=[f"d{n}" for n in range(documents)]) if documents < 1000 else Filter()
        similarity = numpy.where(numpy.arange(50_000) % 1000 < documents, unit @ unit[7], -2)
        exact = {f"r{n}" for n in numpy.argsort(-similarity)[:10]}
        found = index.dense(vectors[7].tolist(), 10, within)
        assert len(found) == 10
        assert len(exact & {hit.id for hit in found}) >= 10 * least


def test_an_unknown_engine_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(SettingInvalid, match="lance"):
        open_index(tmp_path, "x", engine="milvus")


def test_a_large_set_of_documents_may_be_asked_for(tmp_path: Path) -> None:
    index = open_index(tmp_path, "x", 3)
    index.upsert(_rows(50))
    within = Filter(document_ids=[f"d{n}" for n in range(0, 20_000, 2)])
    assert index.count(within) == 25
    assert len(index.lexical(["alpha"], 50, within)) == 25


def test_lancedb_is_imported_only_when_an_index_is_opened() -> None:
    code = "import sys, moorage.store.index, moorage.store.index.lance; sys.exit('lancedb' in sys.modules or 'pyarrow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_search_writes_nothing_to_standard_error(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from moorage.store.index import open_index, Row\n"
        "i = open_index(Path(sys.argv[1]), 'x', 2); i.upsert([Row('r', 'a', 'd', 'v', 'alpha', [1.0, 2.0])])\n"
        "print(i.lexical(['alpha'], 5), i.dense([1.0, 2.0], 5), i.maintain())"
    )
    done = subprocess.run([sys.executable, "-W", "always", "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert "DeprecationWarning" not in done.stderr and "WARN" not in done.stderr
