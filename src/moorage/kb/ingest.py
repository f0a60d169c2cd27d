"""The worker: takes jobs from the durable queue and makes documents searchable.

A document is read, written hidden, indexed, and shown in one transaction, so a search sees all of a version or nothing of it. A worker that
is killed at any point leaves jobs that wait again, hidden versions that are dropped, and index rows that no search shows.

Words first, meaning after: a document is found by words as soon as it is indexed; where an embedder is configured its vectors follow as a job
of their own, so a slow or dead model server never keeps a document from being found.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes

from moorage.core.errors import MoorageError, StoreError, StoreFull
from moorage.kb.apart import Processes
from moorage.kb.beside import Beside
from moorage.kb.editing import reindex
from moorage.kb.embedding import Embedding
from moorage.kb.folder import hash_of
from moorage.kb.indexes import Indexes, new_rows, versions_filter
from moorage.kb.parse import ocr
from moorage.kb.read import Recipe
from moorage.kb.reader import Order, RecognisePage, fields_of
from moorage.kb.relate import are_unrelated
from moorage.models.base import ChatModel, Embedder
from moorage.store.documents import ParentDraft, Parts, VersionDraft
from moorage.store.folder import DataFolder
from moorage.store.jobs import Job, JobKind
from moorage.store.knowledge import Generation

log = logging.getLogger("moorage.ingest")

_JOBS_AT_ONCE = 256
_CHARACTERS_AT_ONCE = 4_000_000
_PUBLISH_EVERY_S = 1.5
_ROWS_AT_ONCE = 5_000
_EMBED_AGAIN_S = 60.0
_COLLECT_AGAIN_S = 60.0
_IDLE_S = 0.5
_FULL_DISK_PAUSE_S = 10.0


@dataclass(frozen=True, slots=True)
class _Read:
    job: Job
    draft: VersionDraft
    fields: Parts[str]
    forget: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True)
class _Now:
    draft: VersionDraft
    fields: Parts[str]


def _no_step(step: str, done: int, total: int) -> None:
    pass


def _parted(parent: ParentDraft) -> list[ParentDraft]:
    """One parent for each child."""
    return [
        ParentDraft(parent.text[c.start - parent.start : c.end - parent.start], c.start, c.end, c.page, c.headings, (c,))
        for c in parent.children
    ]


def file_source(path: Path) -> str:
    """A file as a job's source. Names need not be valid text, so they are kept as quoted bytes."""
    return "file:" + quote(os.fsencode(path))


def blob_source(name: str, beside: Beside | None = None) -> str:
    """A stored file as a job's source; ``beside`` is where it came from, so that its pictures can be found while they are still there."""
    hint = f":{quote(os.fsencode(beside.document))}:{quote(os.fsencode(beside.root))}" if beside else ""
    return f"blob:{name}{hint}"


class Worker:
    """Does the jobs of one data folder while it holds its work lock; other processes wait for it or take over when it ends."""

    def __init__(
        self,
        store: DataFolder,
        indexes: Indexes,
        embedder: Embedder | None,
        recipe: Recipe,
        max_document_bytes: int,
        *,
        judge: ChatModel | None = None,
        with_ocr: bool = True,
    ) -> None:
        """``judge`` parts parents whose children are unrelated; ``with_ocr`` reads scanned pages where the extra is installed."""
        self._store = store
        self._indexes = indexes
        self._embedder = embedder
        self._recipe = recipe
        self._max_bytes = max_document_bytes
        self._judge = judge
        self._with_ocr = with_ocr
        self._embedding = Embedding(store, indexes, embedder, self._documents_wait)
        self._readers = Processes()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._embed_again_at = time.monotonic() + _EMBED_AGAIN_S
        self._collect_again_at = 0.0
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Says that there is something to do. Call it from the worker's own event loop."""
        self._wake.set()

    async def serve(self) -> None:
        """Works for ever: the background task of a server. Waits its turn while another process holds the lock."""
        while True:
            try:
                if await asyncio.to_thread(self._store.try_work_lock):
                    await self._serve_holding_lock()
            except asyncio.CancelledError:
                raise
            except StoreFull as e:
                log.error("%s", e)
                await asyncio.sleep(_FULL_DISK_PAUSE_S)
            except Exception:  # the worker is the one task that must outlive any surprise; the jobs stay in the queue
                log.exception("The worker stumbled and begins again.")
            finally:
                self._readers.close()
                self._store.release_work_lock()
            await asyncio.sleep(_IDLE_S)

    async def _serve_holding_lock(self) -> None:
        await asyncio.to_thread(self._recover)
        while True:
            self._wake.clear()
            if not await self._work_once():
                await asyncio.to_thread(self._readers.rest)
                await asyncio.to_thread(self._embed_again)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), _IDLE_S)

    async def drain(self, knowledge_id: int | None = None, on_progress: Callable[[], None] = lambda: None) -> None:
        """Works until nothing waits (in one knowledge base, or at all). When another process is the worker, waits for it instead."""
        recovered = False
        while True:
            if await asyncio.to_thread(self._store.try_work_lock):
                try:
                    if not recovered:
                        await asyncio.to_thread(self._recover)
                        recovered = True
                    while await self._work_once(knowledge_id, on_progress):
                        on_progress()
                finally:
                    self._readers.close()
                    self._store.release_work_lock()
            on_progress()
            if not await asyncio.to_thread(self._is_open, knowledge_id):
                return
            await asyncio.sleep(_IDLE_S / 5)

    def _is_open(self, knowledge_id: int | None) -> bool:
        jobs = self._store.jobs
        return bool(jobs.waiting(1, knowledge_id) or jobs.list(knowledge_id, "running", 1))

    def remove_pictures(self) -> None:
        """Removes the pictures that nothing shows any more, now, or leaves them to the process that does the jobs."""
        if self._store.try_work_lock():
            try:
                self._remove_pictures()
            finally:
                self._store.release_work_lock()

    def _remove_pictures(self) -> None:
        """Only with the work lock and between batches: a version that is being read has pictures in place before it names them."""
        if time.monotonic() < self._collect_again_at:
            return
        try:
            while self._store.picture_upkeep.collect() and not self._store.jobs.waiting(1):
                pass
        except StoreError as e:  # they are known still, and cost nothing but room
            self._collect_again_at = time.monotonic() + _COLLECT_AGAIN_S
            log.warning("Pictures that nothing shows any more stay for now. %s", e)

    def _embed_again(self) -> None:
        """Vectors that failed are tried again every minute: a model server that was down comes back without being announced."""
        if self._embedder is None or time.monotonic() < self._embed_again_at:
            return
        self._embed_again_at = time.monotonic() + _EMBED_AGAIN_S
        for job in self._store.jobs.list(state="failed"):
            if job.kind in ("embed", "rebuild"):
                self._store.jobs.retry(job.id)

    def _recover(self) -> None:
        """What a killed worker left: running jobs wait again, hidden versions go, unknown indexes go."""
        interrupted = self._store.jobs.requeue_interrupted()
        hidden = self._store.documents.drop_hidden()
        self._indexes.drop_strangers(self._store.knowledge.generations())
        if interrupted or hidden:
            log.info("Took up %d interrupted jobs again.", interrupted)

    async def _work_once(self, knowledge_id: int | None = None, on_progress: Callable[[], None] = lambda: None) -> bool:
        """One batch of jobs of one kind and knowledge base; False when there is nothing to do."""
        jobs = await asyncio.to_thread(self._next_batch, knowledge_id)
        if not jobs:
            await asyncio.to_thread(self._remove_pictures)
            return False
        self._loop = asyncio.get_running_loop()
        if jobs[0].kind == "ingest":
            await asyncio.to_thread(self._ingest, jobs, on_progress)
        elif jobs[0].kind == "ocr":
            await asyncio.to_thread(self._recognise, jobs[0], on_progress)
        elif jobs[0].kind == "reindex":
            await asyncio.to_thread(self._reindex, jobs)
        else:
            await self._embedding.embed(jobs, on_progress)
        return True

    def _next_batch(self, knowledge_id: int | None) -> list[Job]:
        waiting = self._store.jobs.waiting(_JOBS_AT_ONCE, knowledge_id)
        if not waiting:
            return []
        first = waiting[0]
        if first.attempts:  # it was interrupted once: alone, so that it takes no other document with it
            return [first]
        return [j for j in waiting if (j.kind, j.knowledge_id) == (first.kind, first.knowledge_id) and not j.attempts]

    # -- read, split, index --------------------------------------------------------------------------------------------

    def _ingest(self, jobs: Sequence[Job], on_progress: Callable[[], None]) -> None:
        generation = self._store.knowledge.generation(jobs[0].knowledge_id)
        visible = self._store.documents.visible(jobs[0].knowledge_id)
        jobs = sorted(jobs, key=self._bytes_of)
        self._store.jobs.claim([j.id for j in jobs], "waiting")
        shutil.rmtree(self._store.reading_folder, ignore_errors=True)  # what a worker that was killed had not yet written
        open_jobs = {j.id for j in jobs}
        batch: list[_Read] = []
        published_at = time.monotonic()

        def stepped(position: int, step: str, done: int, total: int) -> None:
            self._store.jobs.progress([jobs[position].id], step, done, total)
            on_progress()

        try:
            for ready in self._readers.run([self._order(j, visible) for j in jobs], stepped, from_both_ends=True):
                if ready is None and generation is not None:
                    self._indexes.of(generation)  # opening it takes half a second for the first time: now, while the readers start
                if ready is not None:
                    job, result = jobs[ready[0]], ready[1]
                    if isinstance(result, StoreFull):
                        raise result
                    if isinstance(result, MoorageError):
                        self._store.jobs.fail(job.id, result)
                        open_jobs.discard(job.id)
                    elif result.draft is None:
                        self._store.jobs.finish([job.id])
                        open_jobs.discard(job.id)
                    else:
                        batch.append(self._judged(_Read(job, result.draft, result.fields, result.forget)))
                is_full = sum(len(r.draft.markdown) for r in batch) >= _CHARACTERS_AT_ONCE
                if batch and (ready is None or is_full or time.monotonic() - published_at > _PUBLISH_EVERY_S):
                    open_jobs -= self._publish(generation, batch)
                    batch, published_at = [], time.monotonic()
                    on_progress()
            open_jobs -= self._publish(generation, batch)
        except BaseException:
            self._store.jobs.put_back(open_jobs)
            raise
        if generation:
            self._sweep(generation)
            self._indexes.of(generation).maintain(busy=bool(self._store.jobs.waiting(1, generation.knowledge_id)))

    def _order(self, job: Job, visible: Mapping[str, tuple[str, str]]) -> Order:
        texts = self._page_texts(job) if self._with_ocr and self._store.jobs.has_page_texts() else {}
        return Order(
            job.document_name,
            self._path(job),
            self._recipe,
            self._store.picture_place,
            self._max_bytes,
            visible.get(job.document_name),
            self._beside(job),
            texts,
            self._store.reading_folder,
        )

    def _page_texts(self, job: Job) -> dict[str, dict[int, str]]:
        """What was recognised on this file's pages, wherever it was met before."""
        content_hash = hash_of(self._path(job)) if self._bytes_of(job) <= self._max_bytes else None
        texts = self._store.jobs.page_texts(content_hash, ocr.identity()) if content_hash else {}
        return {content_hash: texts} if content_hash and texts else {}

    def _bytes_of(self, job: Job) -> int:
        try:
            return self._path(job).stat().st_size
        except OSError:
            return 0

    def _path(self, job: Job) -> Path:
        kind, _, rest = job.source.partition(":")
        if kind == "blob":
            name = rest.partition(":")[0]
            return self._store.originals.path(name) or self._store.originals.folder / name
        return Path(os.fsdecode(unquote_to_bytes(rest)))

    def _beside(self, job: Job) -> Beside | None:
        """Where the pictures beside a document are looked for: its mirrored folder, or the place that a copy was taken from."""
        kind, _, rest = job.source.partition(":")
        if kind == "blob":
            _, *hint = rest.split(":")
            return Beside(*(Path(os.fsdecode(unquote_to_bytes(part))) for part in hint)) if len(hint) == 2 else None
        folder = next((k.folder for k in self._store.knowledge.list() if k.id == job.knowledge_id), None)
        return Beside(self._path(job), Path(folder)) if folder else None

    # -- the model step ------------------------------------------------------------------------------------------------

    def _judged(self, read: _Read) -> _Read:
        """A reading with the parents parted that a model calls unrelated; as it is without a model."""
        if self._judge is None or self._loop is None:
            return read
        parents = list(read.draft.parents)
        groups = [p for p in parents if len(p.children) > 1]
        if not groups:
            return read
        self._store.jobs.progress([read.job.id], "asking", 0, len(groups))
        texts = [[p.text[c.start - p.start : c.end - p.start] for c in p.children] for p in groups]
        asking = are_unrelated(texts, self._judge, lambda done, total: self._store.jobs.progress([read.job.id], "asking", done, total))
        verdicts, notice = asyncio.run_coroutine_threadsafe(asking, self._loop).result()
        parted = {id(p) for p, is_unrelated in zip(groups, verdicts, strict=True) if is_unrelated}
        parted_parents = tuple(part for p in parents for part in (_parted(p) if id(p) in parted else [p]))
        draft = replace(read.draft, parents=parted_parents, warnings=(*read.draft.warnings, *((notice,) if notice else ())))
        return replace(read, draft=draft, fields=tuple(fields_of(draft)))

    # -- scanned pages -------------------------------------------------------------------------------------------------

    def _recognise(self, job: Job, on_progress: Callable[[], None]) -> None:
        """Reads the scanned pages of one document, each kept as soon as it is read, and then the document again with them. Lets other documents
        go first whenever some wait; what was read stays."""
        self._store.jobs.claim([job.id], "recognising")
        try:
            is_done = self._recognise_pages(job, on_progress)
        except StoreFull:
            self._store.jobs.put_back([job.id])
            raise
        except MoorageError as e:
            self._store.jobs.fail(job.id, e)
            return
        except BaseException:
            self._store.jobs.put_back([job.id])
            raise
        if not is_done:
            self._store.jobs.put_back([job.id])

    def _recognise_pages(self, job: Job, on_progress: Callable[[], None]) -> bool:
        path = self._path(job)
        first = self._read_now(replace(self._order(job, {}), page_texts={}, spool=None))
        if first is None or not first.draft.scanned_pages:
            self._store.jobs.finish([job.id])
            return True
        content_hash, pages = first.draft.content_hash, first.draft.scanned_pages
        known = self._store.jobs.page_texts(content_hash, ocr.identity())
        for done, page in enumerate(pages):
            self._store.jobs.progress([job.id], "recognising", done, len(pages))
            on_progress()
            if page not in known:
                known[page] = self._readers.carry_out(RecognisePage(job.document_name, path, page, self._max_bytes), _no_step)
                self._store.jobs.keep_page_text(content_hash, ocr.identity(), page, known[page])
            if done + 1 < len(pages) and self._documents_wait():
                return False
        read = self._read_now(replace(self._order(job, {}), page_texts={content_hash: known}, spool=None))
        generation = self._store.knowledge.generation(job.knowledge_id)
        if read is not None and generation is not None:
            self._publish(generation, [self._judged(_Read(job, read.draft, read.fields))])
            self._sweep(generation)
        return True

    def _read_now(self, order: Order) -> _Now | None:
        reading = self._readers.carry_out(order, _no_step)
        return _Now(reading.draft, reading.fields) if reading.draft is not None else None

    def _publish(self, generation: Generation | None, batch: Sequence[_Read]) -> set[int]:
        """Writes the versions hidden, puts their words into the index, shows them. Returns the ids of the jobs that are done."""
        done = {r.job.id for r in batch}
        if not batch or generation is None:  # no generation: the knowledge base was removed while its documents were read
            return done
        self._store.jobs.progress([r.job.id for r in batch], "indexing", 0, sum(len(r.fields) for r in batch))
        written = self._store.documents.write_hidden(generation.knowledge_id, [r.draft for r in batch])
        hidden = [(version, read.fields) for version, read in zip(written, batch, strict=True) if version is not None]
        rows = (row for version, fields in hidden for row in new_rows(version, fields))
        while part := list(islice(rows, _ROWS_AT_ONCE)):
            self._indexes.of(generation).upsert(part)
        self._store.documents.show([version for version, _ in hidden], done)
        for read in batch:
            read.forget()
        scans: list[tuple[JobKind, str, str]] = [
            ("ocr", r.job.document_name, r.job.source) for r in batch if r.draft.scanned_pages and r.job.kind == "ingest"
        ]
        if scans and self._with_ocr and ocr.is_available():
            self._store.jobs.enqueue(generation.knowledge_id, scans)
        if self._embedder is not None:
            self._store.jobs.enqueue(generation.knowledge_id, [("embed", "", "")])
        return done

    def _sweep(self, generation: Generation) -> None:
        """Takes the rows of replaced and removed versions out of the index."""
        while gone := self._store.documents.leftovers(generation.id):
            self._indexes.of(generation).delete(versions_filter(gone))
            self._store.documents.swept(generation.id, gone)

    # -- edits ---------------------------------------------------------------------------------------------------------

    def _reindex(self, jobs: Sequence[Job]) -> None:
        """Brings edited chunks into the index, and has vectors made for those that are new."""
        self._store.jobs.claim([j.id for j in jobs], "indexing")
        generation = self._store.knowledge.generation(jobs[0].knowledge_id)
        try:
            for job in jobs:
                if generation is not None:
                    reindex(self._store, self._indexes, generation, job.source)
        except BaseException:
            self._store.jobs.put_back([j.id for j in jobs])
            raise
        self._store.jobs.finish([j.id for j in jobs])
        if self._embedder is not None:
            self._store.jobs.enqueue(jobs[0].knowledge_id, [("embed", "", "")])

    def _documents_wait(self) -> bool:
        return any(j.kind == "ingest" for j in self._store.jobs.waiting(1))
