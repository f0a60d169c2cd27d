"""``moorage kb``: knowledge bases and their documents."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Annotated

import typer

from moorage.cli import options as o
from moorage.cli import show
from moorage.cli.options import is_address
from moorage.core.nouns import Answer, Hit
from moorage.kb.edit import Edit, EditKind
from moorage.kb.results import AnswerDone, TextDelta
from moorage.store.jobs import Job
from moorage.wiring import Home, open_home

kb_app = typer.Typer(help="Knowledge bases: create, fill, search, ask. 知识库。", no_args_is_help=True)

_Document = Annotated[str, typer.Argument(help="The document's name or id. 文档名称或编号", show_default=False)]
_Folder = Annotated[
    Path | None, typer.Argument(help="The folder to mirror; the last one when not given. 要同步的文件夹", show_default=False)
]
_Paths = Annotated[list[str], typer.Argument(help="Files, folders or web addresses. 文件、文件夹或网址", show_default=False)]


@kb_app.command()
def create(name: o.KnowledgeName, data: o.Data = None, config: o.Config = None, json: o.Json = False) -> None:
    """Create an empty knowledge base. 创建知识库。"""
    with open_home(data, config=config) as home:
        made = home.kb.create(name)
        show.data(made, json, lambda: f"{made.name}")


@kb_app.command()
def add(
    name: o.KnowledgeName, paths: _Paths, data: o.Data = None, config: o.Config = None, embedder: o.EmbedderUrl = None,
    embedder_model: o.EmbedderModel = None, embedder_key: o.EmbedderKey = None, allow_private: o.AllowPrivate = False, json: o.Json = False,
) -> None:  # fmt: skip
    """Add copies of files; waits until they are searchable. 添加文件。"""
    with open_home(data, config=config, embedder=embedder, embedder_model=embedder_model, embedder_key=embedder_key) as home:
        jobs = home.kb.add(name, [Path(p) for p in paths if not is_address(p)])
        jobs += [home.kb.add_url(name, p, allow_private=allow_private) for p in paths if is_address(p)]
        _work(home, name)
        _report(home, name, {j.document_name for j in jobs}, json)


@kb_app.command()
def sync(
    name: o.KnowledgeName, folder: _Folder = None, data: o.Data = None, config: o.Config = None, embedder: o.EmbedderUrl = None,
    embedder_model: o.EmbedderModel = None, embedder_key: o.EmbedderKey = None, json: o.Json = False,
) -> None:  # fmt: skip
    """Mirror a folder: new and changed files are read, removed ones go. 同步文件夹。"""
    with open_home(data, config=config, embedder=embedder, embedder_model=embedder_model, embedder_key=embedder_key) as home:
        report = home.kb.sync(name, folder)
        show.talk(
            f"{len(report.added)} new, {len(report.changed)} changed, {len(report.removed)} removed, {len(report.unchanged)} unchanged, {len(report.skipped)} skipped"
        )
        for place in report.unread:
            show.talk(f"  {place or 'the folder'} could not be listed; what was known below it stays.")
        _work(home, name)
        _report(home, name, {*report.added, *report.changed}, json)


def _work(home: Home, name: str) -> None:
    def state() -> tuple[int, int]:
        counts = home.kb.job_counts(name)
        return counts["done"] + counts["failed"], sum(counts.values())

    with show.progress(name, state) as moved:
        asyncio.run(home.kb.work(name, moved))


def _report(home: Home, name: str, names: set[str], json: bool) -> None:
    """The documents just read, with their warnings, and the reasons of those that failed. Exits 1 when one failed."""
    documents = [d for d in home.kb.documents(name) if d.name in names]
    failed = [j for j in home.kb.jobs(name) if j.state == "failed" and (j.document_name in names or not j.document_name)]
    show.data({"documents": documents, "failed": [_job(j) for j in failed]}, json, lambda: _documents_table(documents))
    for document in documents:
        for warning in document.warnings:
            show.talk(f"  {document.name}: {warning.say(show.language())}")
    for job in failed:
        show.talk(f"  {job.reason(show.language())}")
    if failed:
        raise typer.Exit(1)


def _documents_table(documents: Sequence[object]) -> str:
    rows = [r for d in documents if isinstance(r := show.plain(d), dict)]
    return show.table(rows, ("name", "title", "state", "chunks", "pages", "characters"))


def _job(job: Job) -> dict[str, object]:
    return {
        "id": job.id, "document": job.document_name, "kind": job.kind, "state": job.state, "step": job.step, "done": job.done, "total": job.total,
        "reason": job.reason(show.language()), "attempts": job.attempts,
    }  # fmt: skip


@kb_app.command()
def ls(name: Annotated[str | None, typer.Argument(help="A knowledge base; its documents are listed. 知识库名称", show_default=False)] = None,
       data: o.Data = None, config: o.Config = None, json: o.Json = False) -> None:  # fmt: skip
    """List the knowledge bases, or the documents of one. 列出知识库或文档。"""
    with open_home(data, config=config) as home:
        if name:
            documents = home.kb.documents(name)
            show.data(documents, json, lambda: _documents_table(documents))
        else:
            found = home.kb.ls()
            rows = [r for k in found if isinstance(r := show.plain(k), dict)]
            show.data(found, json, lambda: show.table(rows, ("name", "documents", "chunks", "waiting", "failed", "embedder", "folder")))


@kb_app.command()
def rm(
    name: o.KnowledgeName,
    document: Annotated[str | None, typer.Argument(help="Only this document, by name or id. 仅删除该文档", show_default=False)] = None,
    data: o.Data = None,
    config: o.Config = None,
    json: o.Json = False,
) -> None:
    """Remove a knowledge base, or one document of it. Files on disk stay. 删除知识库或文档。"""
    with open_home(data, config=config) as home:
        if document:
            home.kb.remove(name, document)
        else:
            home.kb.rm(name)
        show.data({"removed": document or name}, json, lambda: "")


@kb_app.command()
def search(
    name: o.KnowledgeName, query: Annotated[str, typer.Argument(help="What to look for. 检索词", show_default=False)], top_k: o.TopK = None,
    data: o.Data = None, config: o.Config = None, embedder: o.EmbedderUrl = None, embedder_model: o.EmbedderModel = None,
    embedder_key: o.EmbedderKey = None, json: o.Json = False,
) -> None:  # fmt: skip
    """Find passages, best first. 检索段落。"""
    with open_home(data, config=config, embedder=embedder, embedder_model=embedder_model, embedder_key=embedder_key, top_k=top_k) as home:
        found = asyncio.run(home.kb.search(name, query))
        for notice in found.notices:
            show.talk(notice.say(show.language()))
        show.data(found, json, lambda: "\n\n".join(_hit(n, h) for n, h in enumerate(found.hits, 1)))


def _hit(number: int, hit: Hit) -> str:
    return f"[{number}] {_source(hit)}  ({hit.score:.2f})\n{hit.chunk.text}"


def _source(hit: Hit) -> str:
    page = f", p. {hit.chunk.page}" if hit.chunk.page else ""
    above = f" > {' > '.join(hit.chunk.headings)}" if hit.chunk.headings else ""
    return f"{hit.document.name}{page}{above}"


@kb_app.command()
def ask(
    name: o.KnowledgeName, question: Annotated[str, typer.Argument(help="The question. 问题", show_default=False)], data: o.Data = None,
    config: o.Config = None, llm: o.Llm = None, llm_model: o.LlmModel = None, llm_key: o.LlmKey = None, embedder: o.EmbedderUrl = None,
    embedder_model: o.EmbedderModel = None, embedder_key: o.EmbedderKey = None, json: o.Json = False,
) -> None:  # fmt: skip
    """Ask one knowledge base; the answer streams with its sources. 提问。"""
    flags = {
        "llm": llm,
        "llm_model": llm_model,
        "llm_key": llm_key,
        "embedder": embedder,
        "embedder_model": embedder_model,
        "embedder_key": embedder_key,
    }
    with open_home(data, config=config, **flags) as home:
        asyncio.run(print_answer(home, name, question, json))


async def print_answer(home: Home, name: str, question: str, json: bool) -> None:
    """Streams the answer to stdout, then its sources; notices go to stderr."""
    async with aclosing(home.kb.ask(name, question)) as events:
        async for event in events:
            if isinstance(event, TextDelta) and not json:
                show.write(event.text)
            elif isinstance(event, AnswerDone):
                _print_end(event.answer, json)


def _print_end(answer: Answer, json: bool) -> None:
    """What follows the streamed text: the sources. As JSON, the whole answer."""
    sources = "\n".join(f"[{c.number}] {_source(c.hit)}" for c in answer.citations)
    show.data(answer, json, lambda: f"\n\n{sources}" if sources else "\n")
    for notice in answer.notices:
        show.talk(notice.say(show.language()))


@kb_app.command()
def chunks(name: o.KnowledgeName, document: _Document, data: o.Data = None, config: o.Config = None, json: o.Json = False) -> None:
    """Show a document's parent and child chunks in text form. 查看父子块。"""
    with open_home(data, config=config) as home:
        show.data(home.kb.chunks(name, document), json, lambda: home.kb.text_form(name, document))


@kb_app.command()
def edit(
    name: o.KnowledgeName, document: _Document,
    kind: Annotated[EditKind, typer.Argument(help="What to do. 操作", show_default=False)],
    chunk: Annotated[str, typer.Argument(help="The chunk's id, from `kb chunks --json`. 块编号", show_default=False)],
    at: Annotated[int, typer.Option(min=0, help="border: where it goes, as an offset into the document; split: characters into the chunk. 位置")] = 0,
    text: Annotated[str, typer.Option(help="text: the new words; `-` reads them from stdin. 新内容", show_default=False)] = "",
    state: Annotated[str | None, typer.Option(help="Refuse when the chunks are not in this state any more. 期望状态", show_default=False)] = None,
    data: o.Data = None, config: o.Config = None, embedder: o.EmbedderUrl = None, embedder_model: o.EmbedderModel = None,
    embedder_key: o.EmbedderKey = None, json: o.Json = False,
) -> None:  # fmt: skip
    """Edit a chunk: text, border, merge, split, off, on; only what changed is indexed again. 编辑分块。"""
    words = sys.stdin.read() if text == "-" else text
    with open_home(data, config=config, embedder=embedder, embedder_model=embedder_model, embedder_key=embedder_key) as home:
        after = home.kb.edit(name, document, Edit(kind, chunk, at, words), state)
        _work(home, name)
        show.data({"state": after, "parents": home.kb.chunks(name, document)}, json, lambda: after)


@kb_app.command()
def reset(
    name: o.KnowledgeName, document: _Document, data: o.Data = None, config: o.Config = None, embedder: o.EmbedderUrl = None,
    embedder_model: o.EmbedderModel = None, embedder_key: o.EmbedderKey = None, json: o.Json = False,
) -> None:  # fmt: skip
    """Read a document again and split it by the settings; ends all edits by hand. 放弃手工编辑。"""
    with open_home(data, config=config, embedder=embedder, embedder_model=embedder_model, embedder_key=embedder_key) as home:
        found = home.kb.document(name, document).name
        home.kb.reset(name, document)
        _work(home, name)
        _report(home, name, {found}, json)


@kb_app.command()
def export(
    name: o.KnowledgeName,
    to: Annotated[Path | None, typer.Option("--to", help="The file to write; stdout when not given. 输出文件", show_default=False)] = None,
    data: o.Data = None,
    config: o.Config = None,
    json: o.Json = False,
) -> None:
    """Write a knowledge base as JSON lines, one document a line. 导出知识库。"""
    from moorage.store.blobs import write_whole

    with open_home(data, config=config) as home:
        lines = home.kb.export(name)
        if to is None:
            for line in lines:
                show.write(line + "\n")
            return
        text = "".join(f"{line}\n" for line in lines)
        write_whole(to, text.encode())
        show.data({"file": to, "documents": text.count("\n")}, json, lambda: f"{to}")


@kb_app.command()
def jobs(name: o.KnowledgeName, data: o.Data = None, config: o.Config = None, json: o.Json = False) -> None:
    """List the work on a knowledge base: steps, counts, reasons of failures. 列出任务。"""
    with open_home(data, config=config) as home:
        rows = [_job(j) for j in home.kb.jobs(name)]
        show.data(rows, json, lambda: show.table(rows, ("id", "document", "kind", "state", "step", "done", "total", "reason")))


@kb_app.command()
def retry(
    name: o.KnowledgeName,
    job: Annotated[int | None, typer.Argument(help="A job's id; all failed ones when not given. 任务编号", show_default=False)] = None,
    data: o.Data = None,
    config: o.Config = None,
    json: o.Json = False,
) -> None:
    """Try failed work again. 重试失败的任务。"""
    with open_home(data, config=config) as home:
        again = home.kb.retry(name, job)
        _work(home, name)
        _report(home, name, {j.document_name for j in again}, json)


@kb_app.command()
def rebuild(
    name: o.KnowledgeName, data: o.Data = None, config: o.Config = None, embedder: o.EmbedderUrl = None, embedder_model: o.EmbedderModel = None,
    embedder_key: o.EmbedderKey = None, json: o.Json = False,
) -> None:  # fmt: skip
    """Make the search index anew, with vectors of the configured embedder. 重建索引。"""
    began = time.monotonic()
    with open_home(data, config=config, embedder=embedder, embedder_model=embedder_model, embedder_key=embedder_key) as home:
        home.kb.rebuild(name)
        _work(home, name)
        failed = [j for j in home.kb.jobs(name) if j.state == "failed" and j.kind == "rebuild"]
        made = home.kb.get(name)
        show.data(made, json, lambda: f"{made.chunks} chunks, {made.embedder or 'words only'}, {time.monotonic() - began:.1f} s")
        for failure in failed:
            show.talk(f"  {failure.reason(show.language())}")
        if failed:
            raise typer.Exit(1)
