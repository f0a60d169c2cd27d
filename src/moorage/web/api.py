"""The HTTP API under ``/api``: the same words as the Python verbs and the commands."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated, cast

from fastapi import APIRouter, Depends, File, Query, Response, UploadFile
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, Field

from moorage import __version__
from moorage.core.errors import BadInput, DocumentTooLarge, Language, MoorageError
from moorage.core.nouns import Answer
from moorage.kb.edit import Edit, EditKind
from moorage.kb.results import AnswerDone, AnswerEvent, HitsFound, TextDelta
from moorage.web import shapes as s
from moorage.web.pages import language_of
from moorage.wiring import Home

EVENT_STREAM = "text/event-stream; charset=utf-8"
STREAM_HEADERS = {"cache-control": "no-cache", "x-accel-buffering": "no"}


class CreateBody(BaseModel):
    name: str = Field(examples=["handbook"])


class SearchBody(BaseModel):
    query: str
    top_k: int | None = Field(None, ge=1, le=100)


class UrlBody(BaseModel):
    url: str = Field(max_length=4000, examples=["https://example.org/page"])


class AskBody(BaseModel):
    question: str
    stream: bool = False
    language: Language | None = Field(None, description="language of notices; the answer speaks the question's")
    conversation_id: str | None = Field(None, max_length=64, description="keeps the turn under this id")


class EditBody(BaseModel):
    document: str = Field(max_length=4000, description="a document's id or name")
    kind: EditKind
    chunk: str = Field(max_length=32, examples=["c12"], description="a child's id; for `merge_parents`, `off` and `on` also a parent's")
    at: int = Field(0, ge=0, description="`border`: where it goes, an offset into the document; `split`: characters into the chunk")
    text: str = Field("", description="`text`: the new words, Markdown")
    state: str | None = Field(
        None, max_length=64, description="the state of the chunks as they were loaded; another one is refused with 409"
    )


class ResetBody(BaseModel):
    document: str = Field(max_length=4000, description="a document's id or name")


class SyncBody(BaseModel):
    folder: str | None = Field(
        None, description="the folder it mirrors already; another one is chosen with `moorage kb sync` on the machine"
    )


def api_routes(home: Home) -> APIRouter:
    """Everything under ``/api`` but ``/api/doc``."""
    router = APIRouter()
    _knowledge_routes(router, home)
    _document_routes(router, home)
    _job_routes(router, home)
    _question_routes(router, home)
    _conversation_routes(router, home)
    return router


Speaks = Annotated[Language, Depends(language_of)]


def _knowledge_routes(router: APIRouter, home: Home) -> None:
    @router.get("/api/health", tags=["health"])
    def health() -> dict[str, str | None]:
        """Whether the server is up, and which models it uses."""
        return {"status": "ok", "version": __version__, "chat_model": home.chat_model, "embedder": home.embedder}

    @router.get("/api/kb", tags=["knowledge"])
    def ls() -> dict[str, list[s.KnowledgeShape]]:
        """The knowledge bases."""
        return {"knowledge": [s.knowledge_shape(k) for k in home.kb.ls()]}

    @router.post("/api/kb", tags=["knowledge"], status_code=201)
    def create(body: CreateBody) -> s.KnowledgeShape:
        """Create an empty knowledge base."""
        return s.knowledge_shape(home.kb.create(body.name))

    @router.get("/api/kb/{kb}", tags=["knowledge"])
    def get(kb: str) -> s.KnowledgeShape:
        """One knowledge base at a glance."""
        return s.knowledge_shape(home.kb.get(kb))

    @router.delete("/api/kb/{kb}", tags=["knowledge"], status_code=204)
    def rm(kb: str) -> None:
        """Remove a knowledge base. Files on disk stay."""
        home.kb.rm(kb)

    @router.post("/api/kb/{kb}/sync", tags=["knowledge"])
    async def sync(kb: str, body: SyncBody | None = None) -> s.SyncShape:
        """Look at the mirrored folder again: queue what is new or changed, remove what is gone."""
        known = (await asyncio.to_thread(home.kb.get, kb)).folder
        if body and body.folder and body.folder != known:
            raise BadInput(
                reason=f"Over HTTP only the folder that {kb!r} mirrors ({known or 'none'}) can be synced. Use `moorage kb sync {kb} FOLDER` on the machine."
            )
        report = await asyncio.to_thread(home.kb.sync, kb)
        home.kb.worker.wake()
        return s.sync_shape(report)

    @router.post("/api/kb/{kb}/rebuild", tags=["knowledge"], status_code=202)
    async def rebuild(kb: str, language: Speaks) -> s.JobShape:
        """Make the search index anew, with vectors of the configured embedder, in the background."""
        job = await asyncio.to_thread(home.kb.rebuild, kb)
        home.kb.worker.wake()
        return s.job_shape(job, language)

    @router.get("/api/kb/{kb}/export", tags=["knowledge"], response_class=StreamingResponse)
    def export(kb: str) -> Response:
        """The knowledge base as JSON lines, one document a line."""
        home.kb.get(kb)
        lines = (line + "\n" for line in home.kb.export(kb))
        return StreamingResponse(
            lines, media_type="application/x-ndjson", headers={"content-disposition": 'attachment; filename="knowledge.jsonl"'}
        )


def _document_routes(router: APIRouter, home: Home) -> None:
    @router.get("/api/kb/{kb}/documents", tags=["documents"])
    def documents(kb: str, language: Speaks) -> dict[str, list[s.DocumentShape]]:
        """Every document, also those whose first reading waits or failed."""
        return {"documents": [s.document_shape(d, language) for d in home.kb.documents(kb)]}

    @router.get("/api/kb/{kb}/documents/{document}", tags=["documents"])
    def document(kb: str, document: str, language: Speaks) -> s.DocumentTextShape:
        """One document by id, with its cleaned Markdown, which all offsets point into."""
        found = home.kb.document(kb, document)
        return cast(s.DocumentTextShape, {**s.document_shape(found, language), "markdown": home.kb.markdown(kb, found.id)})

    @router.delete("/api/kb/{kb}/documents/{document}", tags=["documents"], status_code=204)
    def remove(kb: str, document: str) -> None:
        """Remove one document by id."""
        home.kb.remove(kb, document)

    @router.post("/api/kb/{kb}/add", tags=["documents"], status_code=202)
    async def add(kb: str, file: Annotated[list[UploadFile], File()], language: Speaks) -> dict[str, list[s.JobShape]]:
        """Upload documents. Once this answers, they are on disk, and the jobs tell how reading goes."""
        await asyncio.to_thread(home.kb.get, kb)
        limit = home.settings.max_document_bytes
        large = next((f for f in file if (f.size or 0) > limit), None)
        if large is not None:
            raise DocumentTooLarge(name=large.filename, bytes=large.size, limit=limit)
        jobs = [await asyncio.to_thread(home.kb.add_bytes, kb, f.filename or "document", await f.read()) for f in file]
        home.kb.worker.wake()
        return {"jobs": [s.job_shape(j, language) for j in jobs]}

    @router.post("/api/kb/{kb}/add_url", tags=["documents"], status_code=202)
    async def add_url(kb: str, body: UrlBody, language: Speaks) -> dict[str, list[s.JobShape]]:
        """Add a document from the web, once. Addresses of this machine and its network are refused."""
        job = await asyncio.to_thread(home.kb.add_url, kb, body.url)
        home.kb.worker.wake()
        return {"jobs": [s.job_shape(job, language)]}

    @router.get("/api/kb/{kb}/chunks", tags=["documents"])
    def chunks(kb: str, document: Annotated[str, Query(description="a document's id or name")]) -> s.ChunksShape:
        """A document's parent chunks with their children, and the state that an edit of them names."""
        return _chunks(home, kb, document)

    @router.post("/api/kb/{kb}/edit", tags=["documents"])
    async def edit(kb: str, body: EditBody) -> s.ChunksShape:
        """Edit a chunk by hand: its text, a border, merge, split, switch off. Only what changed is indexed again, in the background."""
        await asyncio.to_thread(home.kb.edit, kb, body.document, Edit(body.kind, body.chunk, body.at, body.text), body.state)
        home.kb.worker.wake()
        return await asyncio.to_thread(_chunks, home, kb, body.document)

    @router.post("/api/kb/{kb}/reset", tags=["documents"], status_code=202)
    async def reset(kb: str, body: ResetBody, language: Speaks) -> s.JobShape:
        """Read a document again and split it by the settings, in the background. This ends all edits by hand."""
        job = await asyncio.to_thread(home.kb.reset, kb, body.document)
        home.kb.worker.wake()
        return s.job_shape(job, language)


def _chunks(home: Home, kb: str, document: str) -> s.ChunksShape:
    state, parents = home.kb.chunk_state(kb, document), home.kb.chunks(kb, document)
    return {"state": state, "parents": [s.parent_shape(p) for p in parents]}


def _job_routes(router: APIRouter, home: Home) -> None:
    @router.get("/api/kb/{kb}/jobs", tags=["jobs"])
    def jobs(kb: str, language: Speaks) -> s.JobsShape:
        """The work on a knowledge base: steps, counts, reasons of failures, seconds left."""
        counts = home.kb.job_counts(kb)
        return {
            "jobs": [s.job_shape(j, language) for j in home.kb.jobs(kb)], "waiting": counts["waiting"], "running": counts["running"],
            "done": counts["done"], "failed": counts["failed"], "seconds_left": home.kb.seconds_left(kb),
        }  # fmt: skip

    @router.post("/api/kb/{kb}/jobs/{job}/retry", tags=["jobs"], status_code=202)
    async def retry(kb: str, job: int, language: Speaks) -> s.JobShape:
        """Queue a failed job again."""
        again = (await asyncio.to_thread(home.kb.retry, kb, job))[0]
        home.kb.worker.wake()
        return s.job_shape(again, language)


def _question_routes(router: APIRouter, home: Home) -> None:
    @router.post("/api/kb/{kb}/search", tags=["questions"])
    async def search(kb: str, body: SearchBody, language: Speaks) -> dict[str, list[s.HitShape] | list[s.NoticeShape]]:
        """Find passages, best first."""
        found = await home.kb.search(kb, body.query, body.top_k)
        return {
            "hits": [s.hit_shape(n, h) for n, h in enumerate(found.hits, 1)],
            "notices": [s.notice_shape(n, language) for n in found.notices],
        }

    @router.post("/api/kb/{kb}/ask", tags=["questions"], response_model=s.AnswerShape)
    async def ask(kb: str, body: AskBody, language: Speaks) -> Response:
        """Answer a question with citations. With ``stream`` true: server-sent events ``hits``, ``text``…, ``answer`` (or ``error``)."""
        await asyncio.to_thread(home.kb.get, kb)
        speaks = body.language or language
        if body.stream:
            return StreamingResponse(_stream(home, kb, body, speaks), media_type=EVENT_STREAM, headers=STREAM_HEADERS)
        answer = await home.kb.answer(kb, body.question)
        await _keep(home, kb, body, answer)
        return JSONResponse(s.answer_shape(answer, speaks))


async def _stream(home: Home, kb: str, body: AskBody, language: Language) -> AsyncIterator[str]:
    try:
        async with aclosing(home.kb.ask(kb, body.question)) as events:
            async for event in events:
                if isinstance(event, AnswerDone):
                    await _keep(home, kb, body, event.answer)
                yield sse(_event(event, language))
    except MoorageError as e:
        yield sse({"type": "error", "error": {"code": e.code, "message": e.say(language)}})


async def _keep(home: Home, kb: str, body: AskBody, answer: Answer) -> None:
    if body.conversation_id:
        await asyncio.to_thread(home.kb.remember, kb, body.conversation_id, answer)


def _event(event: AnswerEvent, language: Language) -> dict[str, object]:
    if isinstance(event, HitsFound):
        return {"type": "hits", "hits": [s.hit_shape(n, h) for n, h in enumerate(event.hits, 1)]}
    if isinstance(event, TextDelta):
        return {"type": "text", "text": event.text}
    return {"type": "answer", "answer": s.answer_shape(event.answer, language)}


def sse(data: object) -> str:
    """One server-sent event: LF only and no ``event:`` line, which some clients cannot read."""
    return f"data: {json.dumps(data, ensure_ascii=False)}\n\n"


def _conversation_routes(router: APIRouter, home: Home) -> None:
    @router.get("/api/kb/{kb}/conversations", tags=["conversations"])
    def conversations(kb: str) -> dict[str, list[dict[str, str | float | None]]]:
        """Kept conversations, newest first."""
        found = home.kb.conversations(kb)
        return {"conversations": [{"id": c.id, "title": c.title, "created_at": c.created_at, "updated_at": c.updated_at} for c in found]}

    @router.get("/api/conversations/{conversation}", tags=["conversations"])
    def turns(conversation: str) -> JSONResponse:
        """The turns of a conversation."""
        found = home.conversations.turns(conversation)
        return JSONResponse(
            {
                "turns": [
                    {
                        "question": t.question,
                        "answer": t.answer,
                        "found": t.found,
                        "model": t.model,
                        "citations": t.citations,
                        "created_at": t.created_at,
                    }
                    for t in found
                ]
            }
        )

    @router.delete("/api/conversations/{conversation}", tags=["conversations"], status_code=204)
    def forget(conversation: str) -> None:
        """Remove a conversation."""
        home.conversations.delete(conversation)
