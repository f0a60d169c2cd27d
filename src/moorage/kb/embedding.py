"""Vectors for what is searchable already: made in the background, kept in the database, and brought into the index with its rows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from moorage.core.errors import ModelError
from moorage.kb.indexes import Indexes, version_rows, versions_filter
from moorage.models.base import Embedder
from moorage.store.documents import VisibleVersion
from moorage.store.folder import DataFolder
from moorage.store.jobs import Job
from moorage.store.knowledge import Generation

_EMBED_AT_ONCE = 256


class Embedding:
    """Makes the vectors of one data folder. ``documents_wait`` says whether documents wait to be read, which go first."""

    def __init__(self, store: DataFolder, indexes: Indexes, embedder: Embedder | None, documents_wait: Callable[[], bool]) -> None:
        self._store = store
        self._indexes = indexes
        self._embedder = embedder
        self._documents_wait = documents_wait

    async def embed(self, jobs: Sequence[Job], on_progress: Callable[[], None]) -> None:
        """Does ``embed`` jobs of one knowledge base: vectors where they are missing. Jobs that stopped for documents wait again."""
        ids = [j.id for j in jobs]
        self._store.jobs.claim(ids, "embedding")
        if self._embedder is None:  # the embedder was taken out of the settings
            self._store.jobs.finish(ids)
            return
        try:
            is_complete = await self._embed_with(self._embedder, jobs, on_progress)
        except ModelError as e:
            for job in jobs:
                self._store.jobs.fail(job.id, e)
            return
        except BaseException:
            self._store.jobs.put_back(ids)
            raise
        if is_complete:
            self._store.jobs.finish(ids)
        else:
            self._store.jobs.put_back(ids)

    async def _embed_with(self, embedder: Embedder, jobs: Sequence[Job], on_progress: Callable[[], None]) -> bool:
        """Vectors for every visible chunk that lacks one, then the index rows with them. Another embedder than the index was made with:
        a new generation is filled beside the old one and swapped in when it holds everything. False when it stopped to let documents go first."""
        knowledge_id, ids = jobs[0].knowledge_id, [j.id for j in jobs]
        identity = await embedder.identity()
        dimension = int((await embedder.embed(["dimension"], kind="query")).shape[1])
        generation = await asyncio.to_thread(self._generation_for, knowledge_id, identity, dimension)
        if generation is None:
            return True
        finished: set[int] = set()
        while True:
            versions = [
                v for v in await asyncio.to_thread(self._store.documents.visible_versions, knowledge_id) if v.version_id not in finished
            ]
            if not versions:
                break
            for version in versions:
                await self._embed_version(embedder, identity, generation, version)
                finished.add(version.version_id)
                self._store.jobs.progress(ids, "embedding", len(finished), max(len(finished), len(versions)))
                on_progress()
                if await asyncio.to_thread(self._documents_wait):
                    return False
        await asyncio.to_thread(self._take_over, generation)
        return True

    def _generation_for(self, knowledge_id: int, identity: str, dimension: int) -> Generation | None:
        current = self._store.knowledge.generation(knowledge_id)
        if current is None or current.embedding == identity:
            return current
        return self._store.knowledge.begin_generation(knowledge_id, identity, dimension)

    async def _embed_version(self, embedder: Embedder, identity: str, generation: Generation, version: VisibleVersion) -> None:
        documents = self._store.documents
        have = await asyncio.to_thread(documents.vectors, version.version_id, identity)
        children = await asyncio.to_thread(lambda: list(documents.version_children(version.version_id)))
        missing = [
            (child_id, _embedded_text(version.title, headings, text))
            for child_id, _, headings, text in children
            if child_id not in have and _has_words(text)
        ]
        for at in range(0, len(missing), _EMBED_AT_ONCE):
            part = missing[at : at + _EMBED_AT_ONCE]
            vectors = await embedder.embed([text for _, text in part], kind="document")
            await asyncio.to_thread(
                documents.write_vectors, identity, [(i, v.astype("<f4").tobytes()) for (i, _), v in zip(part, vectors, strict=True)]
            )
        is_absent = await asyncio.to_thread(self._is_absent, generation, version)
        wanted = {str(child_id) for child_id, _ in missing}
        if missing or is_absent:
            rows = await asyncio.to_thread(lambda: [r for r in version_rows(documents, version, identity) if is_absent or r.id in wanted])
            await asyncio.to_thread(self._indexes.of(generation).upsert, rows)

    def _is_absent(self, generation: Generation, version: VisibleVersion) -> bool:
        """True when a generation in the making does not hold all of this version yet."""
        return generation.state == "building" and self._indexes.of(generation).count(versions_filter([version.version_id])) < version.chunks

    def _take_over(self, generation: Generation) -> None:
        if generation.state == "building":
            self._indexes.of(generation).maintain()
            old = self._store.knowledge.swap_generation(generation.knowledge_id)
            if old:
                self._indexes.drop(old)
            self._store.documents.forget_vectors(generation.knowledge_id, generation.embedding)
        else:
            self._indexes.of(generation).maintain()


def _has_words(text: str) -> bool:
    """A rule or a row of dashes means nothing; some embedders answer it with a vector of zeros. Words find it, or nothing does."""
    return any(c.isalnum() for c in text)


def _embedded_text(title: str, headings: tuple[str, ...], text: str) -> str:
    """What an embedder reads: the text under its title and headings, which a passage cut from its document lacks."""
    above = " > ".join(dict.fromkeys(h for h in (title, *headings) if h and h not in text[:200]))
    return f"{above}\n{text}" if above else text
