"""What leaves over HTTP: the nouns as JSON objects, typed so that the OpenAPI document tells their shape."""

from __future__ import annotations

from collections.abc import Mapping

from typing_extensions import TypedDict  # pydantic reads typing.TypedDict only from Python 3.12 on

from moorage.core.errors import Language
from moorage.core.nouns import Answer, Chunk, Document, Hit, Notice, Scalar
from moorage.kb.convert import Converted
from moorage.kb.results import Knowledge, ParentChunk, SyncReport
from moorage.store.jobs import Job


class NoticeShape(TypedDict):
    code: str
    text: str


class KnowledgeShape(TypedDict):
    name: str
    documents: int
    chunks: int
    waiting: int
    failed: int
    embedder: str | None
    folder: str | None
    created_at: float


class DocumentShape(TypedDict):
    id: str
    name: str
    title: str
    media_type: str
    bytes: int
    state: str
    characters: int
    chunks: int
    pages: int | None
    metadata: Mapping[str, Scalar]
    warnings: list[NoticeShape]
    added_at: float
    updated_at: float


class DocumentTextShape(DocumentShape):
    markdown: str


class JobShape(TypedDict):
    id: int
    knowledge: str
    document_name: str
    kind: str
    state: str
    step: str
    done: int
    total: int
    reason: str | None
    attempts: int
    created_at: float
    updated_at: float


class JobsShape(TypedDict):
    jobs: list[JobShape]
    waiting: int
    running: int
    done: int
    failed: int
    seconds_left: float | None


class DocumentName(TypedDict):
    id: str
    name: str
    title: str


class ChildHitShape(TypedDict):
    id: str
    text: str
    start: int
    end: int
    score: float


class HitShape(TypedDict):
    number: int
    document: DocumentName
    page: int | None
    headings: list[str]
    text: str
    start: int
    end: int
    score: float
    highlights: list[list[int]]
    children: list[ChildHitShape]


class AnswerShape(TypedDict):
    question: str
    text: str
    found: bool
    model: str | None
    citations: list[HitShape]
    hits: list[HitShape]
    notices: list[NoticeShape]
    seconds: float


class ChunkShape(TypedDict):
    id: str
    text: str
    start: int
    end: int
    page: int | None


class ChildShape(ChunkShape):
    is_off: bool


class ParentShape(ChunkShape):
    headings: list[str]
    children: list[ChildShape]


class ChunksShape(TypedDict):
    state: str
    parents: list[ParentShape]


class SyncShape(TypedDict):
    added: list[str]
    changed: list[str]
    removed: list[str]
    unchanged: list[str]
    skipped: list[str]
    unread: list[str]


def notice_shape(notice: Notice, language: Language) -> NoticeShape:
    return {"code": notice.code, "text": notice.say(language)}


def knowledge_shape(k: Knowledge) -> KnowledgeShape:
    return {
        "name": k.name, "documents": k.documents, "chunks": k.chunks, "waiting": k.waiting, "failed": k.failed, "embedder": k.embedder, "folder": k.folder,
        "created_at": k.created_at,
    }  # fmt: skip


def document_shape(d: Document, language: Language) -> DocumentShape:
    return {
        "id": d.id, "name": d.name, "title": d.title, "media_type": d.media_type, "bytes": d.bytes, "state": d.state, "characters": d.characters,
        "chunks": d.chunks, "pages": d.pages, "metadata": dict(d.metadata), "warnings": [notice_shape(w, language) for w in d.warnings],
        "added_at": d.added_at, "updated_at": d.updated_at,
    }  # fmt: skip


def job_shape(j: Job, language: Language) -> JobShape:
    return {
        "id": j.id, "knowledge": j.knowledge, "document_name": j.document_name, "kind": j.kind, "state": j.state, "step": j.step, "done": j.done,
        "total": j.total, "reason": j.reason(language), "attempts": j.attempts, "created_at": j.created_at, "updated_at": j.updated_at,
    }  # fmt: skip


def hit_shape(number: int, hit: Hit) -> HitShape:
    return {
        "number": number,
        "document": {"id": hit.document.id, "name": hit.document.name, "title": hit.document.title},
        "page": hit.chunk.page,
        "headings": list(hit.chunk.headings),
        "text": hit.chunk.text,
        "start": hit.chunk.start,
        "end": hit.chunk.end,
        "score": round(hit.score, 6),
        "highlights": [list(h) for h in hit.highlights],
        "children": [
            {"id": c.chunk.id, "text": c.chunk.text, "start": c.chunk.start, "end": c.chunk.end, "score": round(c.score, 6)}
            for c in hit.children
        ],
    }


def answer_shape(a: Answer, language: Language) -> AnswerShape:
    return {
        "question": a.question,
        "text": a.text,
        "found": a.found,
        "model": a.model,
        "citations": [hit_shape(c.number, c.hit) for c in a.citations],
        "hits": [hit_shape(n, h) for n, h in enumerate(a.hits, 1)],
        "notices": [notice_shape(n, language) for n in a.notices],
        "seconds": round(a.seconds, 4),
    }


def parent_shape(p: ParentChunk) -> ParentShape:
    return {
        **_chunk_shape(p.parent),
        "headings": list(p.parent.headings),
        "children": [{**_chunk_shape(c), "is_off": c.is_off} for c in p.children],
    }


def _chunk_shape(c: Chunk) -> ChunkShape:
    return {"id": c.id, "text": c.text, "start": c.start, "end": c.end, "page": c.page}


def sync_shape(r: SyncReport) -> SyncShape:
    return {
        "added": list(r.added),
        "changed": list(r.changed),
        "removed": list(r.removed),
        "unchanged": list(r.unchanged),
        "skipped": list(r.skipped),
        "unread": list(r.unread),
    }


class ConvertedShape(TypedDict):
    name: str
    title: str
    media_type: str
    markdown: str
    pages: int | None
    headings: int
    tables: int
    metadata: Mapping[str, Scalar]
    pictures: list[str]
    notices: list[NoticeShape]


def converted_shape(made: Converted, language: Language) -> ConvertedShape:
    return {
        "name": made.name, "title": made.title, "media_type": made.media_type, "markdown": made.markdown, "pages": made.pages,
        "headings": made.headings, "tables": made.tables, "metadata": dict(made.metadata), "pictures": [p.name for p in made.pictures],
        "notices": [notice_shape(n, language) for n in made.notices],
    }  # fmt: skip
