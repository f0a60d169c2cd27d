"""The durable job queue: what is to be done, at which step it is, why it failed. It does no work itself.

One worker at a time works on a data folder (see ``folder.DataFolder.worker_lock``), so a job that says *running* while nobody holds the
lock was interrupted, and goes back to the queue.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, cast

from moorage.core.errors import JobNotFound, Language, MoorageError
from moorage.store.database import Database, statements

JobKind = Literal["ingest", "embed", "rebuild", "ocr", "reindex"]
JobState = Literal["waiting", "running", "done", "failed"]
MAX_INTERRUPTIONS = 3


class WorkInterrupted(MoorageError):
    """The program was ended {times} times while it worked on this. The document may be too heavy for this machine; `moorage kb retry` tries again."""

    zh = "处理该文档时程序已中断 {times} 次。它可能超出本机能力；`moorage kb retry` 可重试。"


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of work. ``done`` of ``total`` counts what ``step`` says (chunks, documents)."""

    id: int
    knowledge: str
    knowledge_id: int
    kind: JobKind
    document_name: str
    source: str
    state: JobState
    step: str
    done: int
    total: int
    reason_code: str | None
    reason_en: str | None
    reason_zh: str | None
    attempts: int
    bytes: int
    created_at: float
    started_at: float | None
    updated_at: float

    def reason(self, language: Language = "en") -> str | None:
        return self.reason_zh if language == "zh" else self.reason_en


class JobRows:
    """The queue's table."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._sql = statements("jobs")

    def enqueue(self, knowledge_id: int, work: Sequence[tuple[JobKind, str, str]], sizes: Sequence[int] = ()) -> list[int]:
        """Queues (kind, document name, source) rows; the same document waiting already only gets the new source. ``sizes`` are the documents'
        bytes. Returns the ids. When this returns, the work is on disk."""
        now = time.time()
        ids: list[int] = []
        with self._db.write() as c:
            for (kind, name, source), size in zip(work, sizes or [0] * len(work), strict=True):
                row = {"knowledge_id": knowledge_id, "kind": kind, "document_name": name, "source": source, "bytes": size, "now": now}
                c.execute(self._sql["forget_failed"], row)
                ids.append(c.execute(self._sql["enqueue"], row).fetchone()["id"])
        return ids

    def waiting(self, limit: int, knowledge_id: int | None = None) -> list[Job]:
        with self._db.read() as c:
            return [_job(r) for r in c.execute(self._sql["waiting"], {"limit": limit, "knowledge_id": knowledge_id})]

    def claim(self, ids: Iterable[int], step: str) -> None:
        now = time.time()
        with self._db.write() as c:
            c.executemany(self._sql["claim"], [{"id": i, "step": step, "now": now} for i in ids])

    def progress(self, ids: Iterable[int], step: str, done: int = 0, total: int = 0) -> None:
        now = time.time()
        with self._db.write() as c:
            c.executemany(self._sql["progress"], [{"id": i, "step": step, "done": done, "total": total, "now": now} for i in ids])

    def finish(self, ids: Iterable[int]) -> None:
        now = time.time()
        with self._db.write() as c:
            c.executemany(self._sql["finish"], [{"id": i, "now": now} for i in ids])

    def fail(self, job_id: int, error: MoorageError) -> None:
        with self._db.write() as c:
            row = {"id": job_id, "code": error.code, "en": error.say("en"), "zh": error.say("zh"), "now": time.time()}
            c.execute(self._sql["fail"], row)

    def retry(self, job_id: int) -> Job:
        """Puts a failed (or done) job back in the queue. Raises JobNotFound."""
        job = self.get(job_id)
        if job.state in ("failed", "done"):
            with self._db.write() as c:
                c.execute(self._sql["fresh_attempts"], (job_id,))
                c.execute(self._sql["again"], {"id": job_id, "now": time.time()})
        return self.get(job_id)

    def requeue_interrupted(self) -> int:
        """Jobs left *running* by a worker that was killed wait again; after three interruptions they fail with that reason."""
        with self._db.read() as c:
            ids = [row["id"] for row in c.execute(self._sql["interrupted"])]
        for job_id in ids:
            job = self.get(job_id)
            if job.attempts >= MAX_INTERRUPTIONS:
                self.fail(job_id, WorkInterrupted(times=job.attempts))
            else:
                self._again([job_id], voluntary=False)
        return len(ids)

    def put_back(self, ids: Iterable[int]) -> None:
        """Running jobs wait again; one whose document has a newer job waiting is dropped for that."""
        self._again(ids, voluntary=True)

    def _again(self, ids: Iterable[int], *, voluntary: bool) -> None:
        now = time.time()
        with self._db.write() as c:
            for job_id in ids:
                if voluntary:
                    c.execute(self._sql["undo_attempt"], (job_id,))
                c.execute(self._sql["again"], {"id": job_id, "now": now})
                if c.execute(self._sql["one"], (job_id,)).fetchone()["state"] == "running":
                    c.execute(self._sql["delete"], (job_id,))

    def get(self, job_id: int) -> Job:
        with self._db.read() as c:
            row = c.execute(self._sql["one"], (job_id,)).fetchone()
        if row is None:
            raise JobNotFound(id=job_id)
        return _job(row)

    def list(self, knowledge_id: int | None = None, state: JobState | None = None, limit: int = 1000) -> list[Job]:
        with self._db.read() as c:
            return [_job(r) for r in c.execute(self._sql["list"], {"knowledge_id": knowledge_id, "state": state, "limit": limit})]

    def counts(self, knowledge_id: int) -> dict[JobState, int]:
        counts: dict[JobState, int] = {"waiting": 0, "running": 0, "done": 0, "failed": 0}
        with self._db.read() as c:
            for row in c.execute(self._sql["counts"], (knowledge_id,)):
                counts[cast(JobState, row["state"])] = row["n"]
        return counts

    def seconds_left(self, knowledge_id: int) -> float | None:
        """An estimate from the bytes read in the last minute, or the scanned pages so far; None while there is nothing to go by."""
        with self._db.read() as c:
            done = c.execute(self._sql["pace"], {"knowledge_id": knowledge_id, "since": time.time() - 60}).fetchone()
            left = c.execute(self._sql["weight_left"], (knowledge_id,)).fetchone()["weight"] or 0
            pages = c.execute(self._sql["page_pace"], (knowledge_id,)).fetchone()
        if left:
            return cast(float, left * done["seconds"] / done["weight"]) if done["weight"] and done["seconds"] else None
        return cast(float, pages["seconds"] / pages["done"] * (pages["total"] - pages["done"])) if pages else None

    # -- scanned pages -------------------------------------------------------------------------------------------------

    def keep_page_text(self, content_hash: str, recogniser: str, page: int, text: str) -> None:
        """Keeps what was recognised on a page, durably."""
        with self._db.write() as c:
            c.execute(self._sql["keep_page_text"], {"content_hash": content_hash, "recogniser": recogniser, "page": page, "text": text})

    def page_texts(self, content_hash: str, recogniser: str) -> dict[int, str]:
        """What was recognised on the pages of a file so far."""
        with self._db.read() as c:
            rows = c.execute(self._sql["page_texts"], {"content_hash": content_hash, "recogniser": recogniser})
            return {row["page"]: row["text"] for row in rows}

    def has_page_texts(self) -> bool:
        """Whether any page was ever recognised here: if not, nobody needs to look."""
        with self._db.read() as c:
            return c.execute(self._sql["any_page_text"]).fetchone() is not None


def _job(row: sqlite3.Row) -> Job:
    return Job(**dict(row))
