"""A small stand-in for the whole server: the real pages over documents in memory, with an API that answers slowly and can be told to fail.

It lets the page's tests see what a real server shows only for a moment: half an answer, a job in the middle, a broken stream.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request, Response, UploadFile
from fastapi.responses import JSONResponse, StreamingResponse

from moorage.core.errors import DocumentNotFound, KnowledgeNotFound, MoorageError
from moorage.core.nouns import Document, Notice
from moorage.web import pages

Json = dict[str, Any]


@dataclass
class FakeKnowledge:
    name: str
    texts: dict[str, str] = field(default_factory=dict)
    listed: dict[str, Document] = field(default_factory=dict)
    jobs: list[Json] = field(default_factory=list)

    @property
    def documents(self) -> int:
        return len(self.listed)

    @property
    def chunks(self) -> int:
        return sum(document.chunks for document in self.listed.values())

    def add(self, name: str, text: str, warnings: tuple[Notice, ...] = (), **more: Any) -> Document:
        id_ = hashlib.sha256(name.encode()).hexdigest()[:12]
        heading = re.search(r"^# (.*)", text, re.MULTILINE)
        document = Document(
            id=id_,
            knowledge=self.name,
            name=name,
            title=heading[1] if heading else name,
            media_type="text/markdown",
            content_hash="0" * 64,
            bytes=len(text.encode()),
            state="ready",
            characters=len(text),
            chunks=len(parents(text)),
            warnings=warnings,
            added_at=1_740_000_000.0,
            updated_at=time.time(),
            **more,
        )
        self.texts[id_] = text
        self.listed[id_] = document
        return document


@dataclass
class FakeHome:
    """Has what pages and the fake API need; ``pause_s`` is the time between two pieces of an answer."""

    shelves: dict[str, FakeKnowledge] = field(default_factory=dict)
    chat_model: str | None = None
    pause_s: float = 0.02
    breaks_after: int | None = None
    answer_text: str | None = None
    questions: list[str] = field(default_factory=list)

    @property
    def kb(self) -> FakeHome:
        return self

    def create(self, name: str) -> FakeKnowledge:
        return self.shelves.setdefault(name, FakeKnowledge(name))

    def ls(self) -> list[FakeKnowledge]:
        return list(self.shelves.values())

    def get(self, name: str) -> FakeKnowledge:
        if name not in self.shelves:
            raise KnowledgeNotFound(name=name, known=", ".join(self.shelves) or "-")
        return self.shelves[name]

    def documents(self, name: str) -> list[Document]:
        return list(self.get(name).listed.values())

    def document(self, name: str, document: str) -> Document:
        try:
            return self.get(name).listed[document]
        except KeyError:
            raise DocumentNotFound(name=document, knowledge=name) from None

    def markdown(self, name: str, document: str) -> str:
        return self.get(name).texts[document]


def parents(text: str) -> list[Json]:
    """One parent per section."""
    cuts = [0, *(match.start() for match in re.finditer(r"^## ", text, re.MULTILINE)), len(text)]
    made = []
    for number, (start, end) in enumerate(itertools.pairwise(cuts)):
        body = text[start:end].rstrip()
        if body:
            made.append(
                {"id": str(number), "text": body, "start": start, "end": start + len(body), "page": None, "headings": [], "children": []}
            )
    return made


def search(shelf: FakeKnowledge, question: str, most: int = 4) -> list[Json]:
    """Parents by the number of words or Chinese characters they share with the question; the best sentence is highlighted."""
    wanted = set(re.findall(r"[\u4e00-\u9fff]|[a-z]{3,}", question.lower()))
    hits = []
    for document in shelf.listed.values():
        for parent in parents(shelf.texts[document.id]):
            best = max(_sentences(parent["text"]), key=lambda span: _shared(parent["text"][span[0] : span[1]], wanted))
            shared = _shared(parent["text"], wanted)
            if shared:
                source = {"id": document.id, "name": document.name, "title": document.title}
                score = shared / (len(wanted) or 1)
                hits.append({**parent, "document": source, "score": min(1, score), "highlights": [list(best)]})
    hits.sort(key=lambda hit: -hit["score"])
    return [{**hit, "number": number} for number, hit in enumerate(hits[:most], 1)]


def _sentences(text: str) -> list[tuple[int, int]]:
    return [match.span() for match in re.finditer(r"[^\s#|][^。.!？\n]*[。.!？]?", text)] or [(0, len(text))]


def _shared(text: str, wanted: set[str]) -> int:
    return sum(word in text.lower() for word in wanted)


def build(home: FakeHome) -> FastAPI:
    app = FastAPI(docs_url=None, redoc_url=None, title="Moorage")

    @app.exception_handler(MoorageError)
    def refused(request: Request, error: MoorageError) -> Response:
        message = error.say(pages.language_of(request))
        return JSONResponse({"error": {"code": error.code, "message": message}}, error.status)

    @app.exception_handler(404)
    def missing(request: Request, _: Exception) -> Response:
        return pages.error_page(request, 404)

    @app.post("/api/kb", status_code=201, tags=["Knowledge"], summary="Create a knowledge base")
    async def create(request: Request) -> Json:
        return {"name": home.create((await request.json())["name"]).name}

    @app.delete("/api/kb/{kb}/documents/{document}", status_code=204, tags=["Documents"], summary="Remove a document")
    def delete(kb: str, document: str) -> None:
        home.document(kb, document)
        del home.get(kb).listed[document]

    @app.post("/api/kb/{kb}/add", status_code=202, tags=["Documents"], summary="Add documents")
    async def add(kb: str, file: list[UploadFile]) -> Json:
        shelf = home.get(kb)
        for each in file:
            data = await each.read()
            number = len(shelf.jobs) + 1
            job = {
                "id": number,
                "document_name": each.filename,
                "state": "running",
                "step": "reading",
                "done": 0,
                "total": 4,
                "reason": None,
            }
            shelf.jobs.append({**job, "data": data})
        return {"jobs": []}

    @app.get("/api/kb/{kb}/jobs", tags=["Documents"], summary="What is being read")
    def jobs(kb: str) -> Json:
        shelf = home.get(kb)
        for job in shelf.jobs:
            _advance(shelf, job)
        counts = {state: sum(job["state"] == state for job in shelf.jobs) for state in ("waiting", "running", "done", "failed")}
        shown = [{name: value for name, value in job.items() if name != "data"} for job in shelf.jobs]
        return {"jobs": shown, "seconds_left": 3, **counts}

    @app.post("/api/kb/{kb}/jobs/{job}/retry", status_code=202, tags=["Documents"], summary="Try a failed document again")
    def retry(kb: str, job: int) -> Json:
        found = next(each for each in home.get(kb).jobs if each["id"] == job)
        found.update(state="running", done=0, reason=None, data=b"# Mended\n\nNow it can be read.")
        return {}

    @app.get("/api/kb/{kb}/chunks", tags=["Documents"], summary="How a document was cut")
    def chunks(kb: str, document: str) -> Json:
        return {"parents": parents(home.markdown(kb, document))}

    @app.post("/api/kb/{kb}/ask", tags=["Ask"], summary="Ask a question")
    async def ask(kb: str, request: Request) -> Response:
        question = (await request.json())["question"]
        home.questions.append(question)
        return StreamingResponse(_answer(home, home.get(kb), question), media_type="text/event-stream")

    app.include_router(pages.routes(home))
    return app


def _advance(shelf: FakeKnowledge, job: Json) -> None:
    if job["state"] != "running":
        return
    job["done"] += 1
    job["step"] = ["reading", "parsing", "splitting", "indexing"][min(3, job["done"] - 1)]
    if job["done"] < job["total"]:
        return
    if job["data"].startswith(b"\x00"):
        job.update(state="failed", reason=f"{job['document_name']} could not be read: it holds no text.")
    else:
        job["state"] = "done"
        shelf.add(job["document_name"], job["data"].decode())


async def _answer(home: FakeHome, shelf: FakeKnowledge, question: str) -> AsyncIterator[bytes]:
    began = time.monotonic()
    hits = search(shelf, question)
    await asyncio.sleep(home.pause_s)
    yield _event({"type": "hits", "hits": hits})
    text = home.answer_text or "\n\n".join(f"> {hit['text'][slice(*hit['highlights'][0])]} [{hit['number']}]" for hit in hits[:3])
    for number, at in enumerate(range(0, len(text), 12)):
        if number == home.breaks_after:
            return
        await asyncio.sleep(home.pause_s)
        block = _event({"type": "text", "text": text[at : at + 12]})
        yield block[:7]
        yield block[7:]
    cited = [hit for hit in hits if f"[{hit['number']}]" in text]
    answer = {
        "question": question,
        "text": text,
        "found": bool(hits),
        "model": home.chat_model,
        "citations": cited,
        "hits": hits,
        "notices": [],
    }
    yield _event({"type": "answer", "answer": {**answer, "seconds": time.monotonic() - began}})


def _event(value: Json) -> bytes:
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n".encode()
