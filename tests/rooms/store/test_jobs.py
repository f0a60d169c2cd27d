"""The queue survives its worker."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

from moorage.core.errors import DocumentUnreadable, JobNotFound
from moorage.store.folder import DataFolder


@pytest.fixture
def store(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path / "data")


def enqueue(store: DataFolder, *names: str) -> list[int]:
    kb = store.knowledge.insert("kb") if not store.knowledge.list() else store.knowledge.get("kb")
    return store.jobs.enqueue(kb.id, [("ingest", n, f"file:{n}") for n in names])


def test_a_document_waits_once_however_often_it_is_queued(store: DataFolder) -> None:
    first, second = enqueue(store, "a"), store.jobs.enqueue(store.knowledge.get("kb").id, [("ingest", "a", "file:newer")])
    assert first == second
    assert [j.source for j in store.jobs.waiting(10)] == ["file:newer"]


def test_a_document_changed_while_it_is_read_waits_again(store: DataFolder) -> None:
    ids = enqueue(store, "a")
    store.jobs.claim(ids, "reading")
    again = store.jobs.enqueue(store.knowledge.get("kb").id, [("ingest", "a", "file:newer")])
    assert again != ids
    store.jobs.finish(ids)
    assert [j.id for j in store.jobs.waiting(10)] == again


def test_an_interrupted_job_waits_again_and_gives_up_after_three_times(store: DataFolder) -> None:
    ids = enqueue(store, "a")
    for _ in range(2):
        store.jobs.claim(ids, "reading")
        store.jobs.requeue_interrupted()
        assert store.jobs.get(ids[0]).state == "waiting"
    store.jobs.claim(ids, "reading")
    store.jobs.requeue_interrupted()
    job = store.jobs.get(ids[0])
    assert job.state == "failed" and "3 times" in (job.reason("en") or "") and "3 次" in (job.reason("zh") or "")


def test_putting_back_on_purpose_is_no_interruption(store: DataFolder) -> None:
    ids = enqueue(store, "a")
    for _ in range(5):
        store.jobs.claim(ids, "embedding")
        store.jobs.put_back(ids)
    assert store.jobs.get(ids[0]).attempts == 0


def test_an_interrupted_job_gives_way_to_a_newer_one(store: DataFolder) -> None:
    ids = enqueue(store, "a")
    store.jobs.claim(ids, "reading")
    newer = enqueue(store, "a")
    store.jobs.requeue_interrupted()
    assert [j.id for j in store.jobs.waiting(10)] == newer
    with pytest.raises(JobNotFound):
        store.jobs.get(ids[0])


def test_a_failure_keeps_its_reason_until_it_is_retried(store: DataFolder) -> None:
    ids = enqueue(store, "a")
    store.jobs.claim(ids, "reading")
    store.jobs.fail(ids[0], DocumentUnreadable(name="a", reason="broken"))
    assert store.jobs.get(ids[0]).reason("en") == "a could not be read: broken."
    assert store.jobs.retry(ids[0]).state == "waiting"


def test_documents_come_before_vectors(store: DataFolder) -> None:
    enqueue(store, "a")
    kb = store.knowledge.get("kb")
    store.jobs.enqueue(kb.id, [("rebuild", "", ""), ("embed", "", ""), ("ingest", "b", "file:b")])
    assert [j.kind for j in store.jobs.waiting(10)] == ["ingest", "ingest", "embed", "rebuild"]


def _hold(path: Path, held: object, end: object) -> None:
    store = DataFolder(path)
    assert store.try_work_lock()
    held.set()  # type: ignore[attr-defined]
    end.wait()  # type: ignore[attr-defined]


def test_one_process_works_and_its_death_frees_the_place(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    held, end = context.Event(), context.Event()
    worker = context.Process(target=_hold, args=(tmp_path / "data", held, end))
    worker.start()
    assert held.wait(30)
    store = DataFolder(tmp_path / "data")
    assert not store.try_work_lock()
    worker.kill()
    worker.join()
    assert store.try_work_lock()
