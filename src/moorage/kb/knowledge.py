"""Knowledge bases: the public verbs of the room. Each is a few lines over the stages (``read``, ``ingest``, ``find``, ``answer``)."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncGenerator, Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path

from moorage.core.errors import BadInput, JobNotFound, PathNotFound, QuestionTooLong, speakable
from moorage.core.nouns import Answer, Chunk, Document
from moorage.core.settings import Settings
from moorage.kb import notices
from moorage.kb.answer import Answering
from moorage.kb.beside import Beside
from moorage.kb.chunk import with_plain_alt
from moorage.kb.chunk.blocks import CHILD_DELIMITER
from moorage.kb.chunk.textform import PARENT_DELIMITER
from moorage.kb.edit import Edit
from moorage.kb.editing import EDITED, apply_edit
from moorage.kb.fetch import fetch
from moorage.kb.find import Finding
from moorage.kb.folder import FoundFile, files_below, hash_of, size_of
from moorage.kb.indexes import Indexes
from moorage.kb.ingest import Worker, blob_source, file_source
from moorage.kb.metadata import MetadataFilter
from moorage.kb.names import checked_name, document_name, name_for_folder
from moorage.kb.parse import known_suffixes, ocr
from moorage.kb.read import PICTURES_URL, Recipe
from moorage.kb.results import AnswerDone, AnswerEvent, Knowledge, ParentChunk, SearchResult, SyncReport
from moorage.models.base import ChatModel, Embedder, Message
from moorage.store.conversations import Conversation
from moorage.store.folder import DataFolder
from moorage.store.jobs import Job, JobKind
from moorage.store.knowledge import KnowledgeRow


class KnowledgeBases:
    """Everything one can do with knowledge bases: ``home.kb``.

    Methods that may wait for a model server are ``async``; the others use the local disk alone.
    """

    def __init__(self, store: DataFolder, settings: Settings, chat: ChatModel | None = None, embedder: Embedder | None = None) -> None:
        self._store = store
        self._settings = settings
        self._embedder = embedder
        self.indexes = Indexes(store.index_folder, store.documents)
        self.recipe = _recipe(settings)
        self.worker = Worker(
            store,
            self.indexes,
            embedder,
            self.recipe,
            settings.max_document_bytes,
            judge=chat if settings.chunk_verdicts == "on" else None,
            with_ocr=settings.ocr == "auto",
        )
        self._finding = Finding(store, self.indexes, embedder, settings.vector_weight)
        self._answering = Answering(chat, settings.context_characters, settings.answer_tokens)

    # -- knowledge bases -----------------------------------------------------------------------------------------------

    def create(self, name: str) -> Knowledge:
        """A new, empty knowledge base. Raises NameInvalid, AlreadyExists."""
        return _knowledge(self._store.knowledge.insert(checked_name(name)))

    def ls(self) -> list[Knowledge]:
        return [_knowledge(row) for row in self._store.knowledge.list()]

    def get(self, name: str) -> Knowledge:
        """Raises KnowledgeNotFound, which names those that exist."""
        return _knowledge(self._store.knowledge.get(name))

    def rm(self, name: str) -> None:
        """Removes a knowledge base with its documents. The files they came from are not touched."""
        for generation in self._store.knowledge.delete(name):
            self.indexes.drop(generation)
        self.worker.remove_pictures()

    def only(self) -> str:
        """The name of the only knowledge base. Raises BadInput when there are several or none."""
        names = [k.name for k in self._store.knowledge.list()]
        if len(names) == 1:
            return names[0]
        if not names:
            raise BadInput(
                reason="There is no knowledge base yet. Make one with `moorage kb create NAME`, or serve a folder with `moorage up FOLDER`."
            )
        raise BadInput(reason=f"There are several knowledge bases ({', '.join(names)}). Say which one with --kb.")

    def name_of_mirror(self, folder: Path) -> str:
        """The knowledge base that mirrors ``folder``, or a free name made from the folder's."""
        root, taken = str(folder.resolve()), {k.name: k.folder for k in self._store.knowledge.list()}
        known = next((name for name, mirrored in taken.items() if mirrored == root), None)
        if known:
            return known
        stem = name_for_folder(folder)
        return next(n for n in (stem, *(f"{stem[:60]}-{i}" for i in range(2, 10_000))) if taken.get(n, root) == root)

    def mirror(self, name: str, folder: Path) -> SyncReport:
        """``sync`` of a knowledge base that is made when missing."""
        if all(k.name != name for k in self._store.knowledge.list()):
            self.create(name)
        return self.sync(name, folder)

    def refresh_vectors(self) -> None:
        """Queues vectors wherever the configured embedder has not made them yet, also after it was changed."""
        if self._embedder is None:
            return
        for row in self._store.knowledge.list():
            if row.documents:
                self._store.jobs.enqueue(row.id, [("embed", "", "")])

    # -- documents -----------------------------------------------------------------------------------------------------

    def documents(self, name: str) -> list[Document]:
        """Every document, by name; also those whose first reading waits or failed."""
        return self._store.documents.list(self._store.knowledge.id_of(name))

    def document(self, name: str, document: str) -> Document:
        """One document by id or name. Raises DocumentNotFound."""
        return self._store.documents.get(self._store.knowledge.id_of(name), name, document)

    def markdown(self, name: str, document: str) -> str:
        """The cleaned Markdown that chunk offsets point into."""
        return self._store.documents.markdown(self.document(name, document).id)

    def remove(self, name: str, document: str) -> None:
        """Removes one document, by id or name. Searches stop showing it at once."""
        knowledge_id = self._store.knowledge.id_of(name)
        found = self._store.documents.get(knowledge_id, name, document)
        self._store.documents.remove(knowledge_id, found.id, found.name)
        self.worker.remove_pictures()

    def add_bytes(self, name: str, file_name: str, data: bytes, beside: Beside | None = None) -> Job:
        """Takes a document's bytes. When this returns, they are on disk and a job will read them; ``beside`` is where its
        pictures lie now. Raises BadInput, StoreFull."""
        row = self._store.knowledge.get(name)
        if not data:
            raise BadInput(reason=f"{document_name(file_name)} is empty (0 bytes). Choose a file with content.")
        self._check_size(file_name, len(data))
        blob = self._store.originals.put(data)
        self._store.documents.ensure(row.id, [document_name(file_name)])
        return self._enqueue(row, [(document_name(file_name), blob_source(blob, beside))], [len(data)])[0]

    def add_url(self, name: str, url: str, *, allow_private: bool = False) -> Job:
        """Takes a document from the web, as it is now. Raises AddressRefused, AddressUnreadable, BadInput, StoreFull."""
        self._store.knowledge.get(name)
        fetched = fetch(url, most_bytes=self._settings.max_document_bytes, allow_private=allow_private)
        return self.add_bytes(name, fetched.name, fetched.data)

    def add(self, name: str, paths: Sequence[Path]) -> list[Job]:
        """Takes files, and every readable file of folders, as copies. Raises PathNotFound before anything is taken."""
        missing = next((p for p in paths if not p.is_file() and not p.is_dir()), None)
        if missing is not None:
            raise PathNotFound(path=str(missing))
        suffixes = known_suffixes()
        jobs: list[Job] = []
        for path in paths:
            found = (
                [f for f in files_below(path, suffixes, with_pictures=self._reads_pictures()) if f.is_known]
                if path.is_dir()
                else [FoundFile(path, document_name(path.name), True)]
            )
            for file in found:
                self._check_size(file.name, size_of(file.path))
                beside = Beside(file.path.absolute(), (path if path.is_dir() else path.parent).absolute())
                jobs.append(self.add_bytes(name, file.name, file.path.read_bytes(), beside))
        return jobs

    def _check_size(self, file_name: str, size: int) -> None:
        """Raises BadInput, before anything is read."""
        limit = self._settings.max_document_bytes
        if size > limit:
            raise BadInput(reason=f"{document_name(file_name)} has {size} bytes; at most {limit} are read (`max_document_bytes`).")

    def mirrored_folders(self) -> dict[str, Path]:
        """The folder that each knowledge base mirrors, of those that do."""
        return {row.name: Path(row.folder) for row in self._store.knowledge.list() if row.folder}

    def sync_changed(self, name: str, changed: Collection[Path]) -> bool:
        """``sync`` after some files have changed; the others are not read to compare them. A folder that has become empty, as when a drive is
        unmounted, changes nothing: only ``sync`` removes everything. True when something was queued or removed."""
        folder = self.mirrored_folders().get(name)
        if folder is None or not folder.is_dir() or not any(folder.iterdir()):
            return False
        report = self.sync(name, folder, suspects=changed)
        return bool(report.added or report.changed or report.removed)

    def sync(self, name: str, folder: Path | None = None, *, suspects: Collection[Path] | None = None) -> SyncReport:
        """Makes the knowledge base mirror a folder (the one of the last sync when None): queues new and changed files, removes those that are gone.

        What was added beside the folder stays. Documents are compared by content, so nothing is read twice; with ``suspects`` only these
        files are, and those that are not visible yet.
        """
        row = self._store.knowledge.get(name)
        root = folder or (Path(row.folder) if row.folder else None)
        if root is None:
            raise BadInput(reason=f"{name!r} mirrors no folder yet. Name one: `moorage kb sync {name} ./docs`.")
        if not root.is_dir():
            raise PathNotFound(path=str(root))
        self._store.knowledge.set_folder(row.id, str(root.resolve()))
        visible = self._store.documents.visible(row.id)
        unread: list[str] = []
        files = files_below(root, known_suffixes(), unread.append, with_pictures=self._reads_pictures())
        known = [f for f in files if f.is_known]
        fresh = [f for f in known if _is_suspect(f, visible, suspects) and not self._is_current(f, visible.get(f.name))]
        names = {f.name for f in known}
        gone = [(document, d) for document, d in self._store.documents.mirrored(row.id) if d not in names and not _is_below(d, unread)]
        for document, name_there in gone:
            self._store.documents.remove(row.id, document, name_there)
        self._store.documents.ensure(row.id, names, is_mirrored=True)
        self._enqueue(row, [(f.name, file_source(f.path)) for f in fresh], [size_of(f.path) for f in fresh])
        return SyncReport(
            added=tuple(f.name for f in fresh if f.name not in visible),
            changed=tuple(f.name for f in fresh if f.name in visible),
            removed=tuple(d for _, d in gone),
            unchanged=tuple(sorted(names - {f.name for f in fresh})),
            skipped=tuple(f.name for f in files if not f.is_known),
            unread=tuple(unread),
        )

    def _is_current(self, file: FoundFile, visible: tuple[str, str] | None) -> bool:
        """Whether a file is what is visible. Chunks edited by hand outlive a change of the settings, not one of the file."""
        if visible is None or visible[0] != hash_of(file.path):
            return False
        return visible[1] == self.recipe.identity or visible[1].startswith(EDITED)

    def _reads_pictures(self) -> bool:
        """Whether a picture that lies alone in a folder can be more than a picture."""
        return self._settings.ocr == "auto" and ocr.is_available()

    def _enqueue(self, row: KnowledgeRow, work: Sequence[tuple[str, str]], sizes: Sequence[int]) -> list[Job]:
        kind: JobKind = "ingest"
        ids = self._store.jobs.enqueue(row.id, [(kind, document, source) for document, source in work], sizes)
        return [self._store.jobs.get(i) for i in ids]

    def chunks(self, name: str, document: str) -> list[ParentChunk]:
        """The parents of a document with their children, in order."""
        found = self.document(name, document)
        return [_parent_chunk(found.id, parent, children) for parent, children in self._store.documents.chunks(found.id)]

    def chunk_state(self, name: str, document: str) -> str:
        """Names the chunks as they are now; an edit that names another state is refused."""
        found = self.document(name, document)
        state = self._store.edits.state(found.id)
        return state.etag if state else ""

    def edit(self, name: str, document: str, edit: Edit, state: str | None = None) -> str:
        """Edits a chunk. What was changed, and nothing else, is indexed again by a job. Returns the new ``chunk_state``.

        Raises DocumentNotFound, DocumentNotReady, DocumentChanged when ``state`` is not that of now, EditImpossible.
        """
        found = self.document(name, document)
        after = apply_edit(self._store, found.id, found.name, edit, state)
        self._store.jobs.enqueue(after.knowledge_id, [("reindex", found.name, found.id)])
        return after.etag

    def reset(self, name: str, document: str) -> Job:
        """Reads a document again and splits it by the settings, which ends all edits by hand. Raises JobNotFound when its source is not known any more."""
        found = self.document(name, document)
        knowledge_id = self._store.knowledge.id_of(name)
        job = next(
            (j for j in self._store.jobs.list(knowledge_id, limit=1_000_000) if j.kind == "ingest" and j.document_name == found.name), None
        )
        if job is None:
            raise JobNotFound(id=found.name)
        return self._store.jobs.retry(job.id)

    def text_form(self, name: str, document: str) -> str:
        """A document's chunks as one text for other programs: ``======`` between parents, ``------`` between children, ``image`` for every alternative
        text, and pictures at their public address where ``images_url`` names it."""
        texts = PARENT_DELIMITER.join(
            t for p in self.chunks(name, document) if (t := CHILD_DELIMITER.join(c.text for c in p.children if not c.is_off))
        )
        public = self._settings.images_url.rstrip("/")
        text = with_plain_alt(texts)
        return text.replace(f"]({PICTURES_URL}", f"]({public}/") if public else text

    def export(self, name: str) -> Iterator[str]:
        """The knowledge base as JSON lines: one line a document, with its Markdown, metadata and chunks."""
        for document in self.documents(name):
            parents = [
                {
                    "start": p.parent.start,
                    "end": p.parent.end,
                    "page": p.parent.page,
                    "headings": p.parent.headings,
                    "text": p.parent.text,
                    "children": [c.text for c in p.children if not c.is_off],
                }
                for p in self.chunks(name, document.id)
            ]
            line = {
                "name": document.name,
                "title": document.title,
                "media_type": document.media_type,
                "content_hash": document.content_hash,
                "metadata": dict(document.metadata),
                "markdown": self._store.documents.markdown(document.id),
                "parents": parents,
            }
            yield json.dumps(line, ensure_ascii=False)

    def matching(self, name: str, condition: MetadataFilter) -> list[str]:
        """The ids of the documents whose metadata a filter admits."""
        return [d.id for d in self.documents(name) if d.state == "ready" and condition.admits(d)]

    def conversations(self, name: str) -> list[Conversation]:
        """Conversations kept with this knowledge base, newest first."""
        return self._store.conversations.list(self._store.knowledge.id_of(name))

    def remember(self, name: str, conversation_id: str, answer: Answer) -> None:
        """Keeps a turn of a conversation."""
        self._store.conversations.add(self._store.knowledge.id_of(name), conversation_id, answer)

    # -- work ----------------------------------------------------------------------------------------------------------

    def jobs(self, name: str) -> list[Job]:
        """Open jobs first, then finished ones, newest first."""
        return self._store.jobs.list(self._store.knowledge.id_of(name))

    def job_counts(self, name: str) -> dict[str, int]:
        return dict(self._store.jobs.counts(self._store.knowledge.id_of(name)).items())

    def seconds_left(self, name: str) -> float | None:
        return self._store.jobs.seconds_left(self._store.knowledge.id_of(name))

    def retry(self, name: str, job_id: int | None = None) -> list[Job]:
        """Queues a failed job again, or all failed jobs of the knowledge base."""
        row = self._store.knowledge.get(name)
        ids = [job_id] if job_id is not None else [j.id for j in self._store.jobs.list(row.id, "failed")]
        return [self._store.jobs.retry(i) for i in ids]

    def rebuild(self, name: str) -> Job:
        """Queues new vectors by the configured embedder (or a new index of words where there is none)."""
        row = self._store.knowledge.get(name)
        if self._embedder is None:
            for generation in self._store.knowledge.generations():
                if generation.knowledge_id == row.id:
                    self.indexes.drop(generation)
        return self._store.jobs.get(self._store.jobs.enqueue(row.id, [("rebuild", "", "")])[0])

    async def work(self, name: str | None = None, on_progress: Callable[[], None] = lambda: None) -> None:
        """Does what waits (in one knowledge base, or everywhere) to the end, or waits for the process that does it."""
        await self.worker.drain(self._store.knowledge.id_of(name) if name else None, on_progress)

    # -- questions -----------------------------------------------------------------------------------------------------

    async def search(
        self,
        name: str,
        query: str,
        top_k: int | None = None,
        document_ids: Collection[str] | None = None,
        *,
        embedder_timeout_s: float | None = None,
    ) -> SearchResult:
        """The parents that fit ``query`` best, at most ``top_k``. ``document_ids`` narrows the search to these documents; words answer alone
        when the embedder takes longer than ``embedder_timeout_s``.

        Raises KnowledgeNotFound, QuestionTooLong. An embedder that fails is a notice, not an error: words answer alone.
        """
        query = self._checked(query)
        return await self._finding.find(
            self._store.knowledge.id_of(name), query, top_k or self._settings.top_k, document_ids, embedder_timeout_s
        )

    async def ask(self, name: str, question: str, history: Sequence[Message] = ()) -> AsyncGenerator[AnswerEvent]:
        """The answer as it comes: HitsFound, TextDelta…, AnswerDone. Close the iterator to stop the model.

        Raises what ``search`` raises, and a ModelError when the model fails before its first word; after it the answer ends with a notice.
        """
        question = self._checked(question)
        knowledge_id = self._store.knowledge.id_of(name)
        passages = await self._finding.passages(knowledge_id, question, self._settings.top_k, self._settings.context_characters)
        if self._is_reading(knowledge_id):
            passages = SearchResult(passages.hits, (notices.STILL_READING, *passages.notices))
        async for event in self._answering.answer(question, passages, history):
            yield event

    async def answer(self, name: str, question: str, history: Sequence[Message] = ()) -> Answer:
        """The whole answer at once; raises like ``ask``."""
        async for event in self.ask(name, question, history):
            if isinstance(event, AnswerDone):
                return event.answer
        raise AssertionError("an answer ends with AnswerDone")

    def _is_reading(self, knowledge_id: int) -> bool:
        jobs = self._store.jobs
        return any(j.kind == "ingest" for j in (*jobs.waiting(1, knowledge_id), *jobs.list(knowledge_id, "running", 1)))

    def _checked(self, question: str) -> str:
        if len(question) > self._settings.max_question_characters:
            raise QuestionTooLong(length=len(question), limit=self._settings.max_question_characters)
        return speakable(question)

    def warm(self) -> None:
        """Opens the indexes, which takes a second the first time, so that no question waits for it."""
        for row in self._store.knowledge.list():
            generation = self._store.knowledge.generation(row.id)
            if generation:
                self.indexes.of(generation)

    def close(self) -> None:
        self.indexes.close()


def _recipe(settings: Settings) -> Recipe:
    return Recipe(settings.child_max, settings.parent_max, settings.chunk_mode, settings.length_unit, settings.tokenizer, settings.reader)


def _is_suspect(file: FoundFile, visible: Mapping[str, object], suspects: Collection[Path] | None) -> bool:
    """Whether a file must be compared; a folder among the suspects means everything below it."""
    return suspects is None or file.name not in visible or file.path in suspects or any(parent in suspects for parent in file.path.parents)


def _is_below(document: str, folders: Collection[str]) -> bool:
    """Whether a document lies in one of these folders; '' is the root."""
    return any(not folder or document.startswith(f"{folder}/") for folder in folders)


def _knowledge(row: KnowledgeRow) -> Knowledge:
    embedder = row.embedding.split("|")[0] or None
    return Knowledge(row.name, row.documents, row.chunks, row.waiting, row.failed, embedder, row.folder, row.created_at)


def _parent_chunk(document_id: str, parent: sqlite3.Row, children: Sequence[sqlite3.Row]) -> ParentChunk:
    text: str = parent["text"]
    headings = tuple(json.loads(parent["headings"]))
    start, parent_id = parent["start_char"], f"p{parent['id']}"
    whole = Chunk(parent_id, document_id, text, start, parent["end_char"], parent["position"], parent["page"], headings)
    return ParentChunk(
        whole,
        tuple(
            Chunk(
                f"c{c['id']}",
                document_id,
                text[c["start_char"] - start : c["end_char"] - start],
                c["start_char"],
                c["end_char"],
                c["position"],
                c["page"],
                tuple(json.loads(c["headings"])),
                parent_id,
                bool(c["is_off"]),
            )
            for c in children
        ),
    )
