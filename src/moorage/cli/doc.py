"""``moorage doc``: documents without a knowledge base, to Markdown and to chunks."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal, cast

import typer

from moorage.cli import options as o
from moorage.cli import show
from moorage.kb.chunk.images import Alt
from moorage.kb.chunk_data import chunked_shape
from moorage.kb.doc import DocumentResult, Documents
from moorage.wiring import open_documents

doc_app = typer.Typer(help="Documents to Markdown, and to chunks ready for Dify. 文档转换与切分。", no_args_is_help=True)

_Paths = Annotated[list[str], typer.Argument(help="Files, folders, or web addresses. 文件、文件夹或网址", show_default=False)]
_Out = Annotated[
    Path,
    typer.Option(
        "--out", "-o", help="The folder to write to, or - for standard output. 输出目录；- 表示标准输出", show_default="working folder"
    ),
]
_Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace files that are there already. 覆盖已有文件")]
_AltText = Annotated[str, typer.Option("--alt", help="Alternative texts of pictures: keep or image. 图片替代文字：keep 或 image")]
_STDOUT = Path("-")


@doc_app.command()
def convert(
    paths: _Paths, out: _Out = Path(), overwrite: _Overwrite = False, alt: _AltText = "keep", allow_private: o.AllowPrivate = False,
    reader: o.Reader = None, ocr: o.Ocr = None, data: o.Data = None, config: o.Config = None, json: o.Json = False,
) -> None:  # fmt: skip
    """Write each document as Markdown, its pictures beside it. 转换为 Markdown。

    NAME.docx becomes NAME.md with its pictures in NAME_pictures; a folder becomes FOLDER-markdown with the same places below it.
    """
    target = None if out == _STDOUT else out
    with (
        open_documents(data, config=config, reader=reader, ocr=ocr) as documents,
        _local(paths, documents, allow_private) as local,
        show.doing() as doing,
    ):
        results = list(documents.convert(local, target, overwrite=overwrite, alt=_alt(alt), on_step=doing))
    if target is None and not json:
        show.write("".join(f"{r.converted.markdown}\n" for r in results if r.converted))
    _report(results, json, _converted_row, ("document", "headings", "tables", "pictures", "pages", "characters", "written"), target)


@doc_app.command()
def chunk(
    paths: _Paths,
    child: Annotated[
        str | None, typer.Option("--child", "--child-max", help="Longest child chunk. 子块最大长度", show_default=False)
    ] = None,
    parent: Annotated[
        str | None, typer.Option("--parent", "--parent-max", help="Longest parent chunk. 父块最大长度", show_default=False)
    ] = None,
    mode: o.ChunkMode = None,
    unit: o.LengthUnit = None,
    tokenizer: o.Tokenizer = None,
    llm: Annotated[bool, typer.Option("--llm", help="Let the chat model part unrelated children. 由模型拆分不相关的子块")] = False,
    llm_url: Annotated[
        str | None, typer.Option("--llm-url", help="The model's address, if not configured. 模型地址", show_default=False)
    ] = None,
    llm_model: o.LlmModel = None,
    llm_key: o.LlmKey = None,
    alt: _AltText = "image",
    images_url: o.ImagesUrl = None,
    out: _Out = Path(),
    overwrite: _Overwrite = False,
    allow_private: o.AllowPrivate = False,
    reader: o.Reader = None,
    ocr: o.Ocr = None,
    data: o.Data = None,
    config: o.Config = None,
    json: o.Json = False,
) -> None:
    """Write each document's parent and child chunks as text for Dify. 切分为父子块。

    NAME.docx becomes NAME.txt with ====== between parents and ------ between children; what to type into Dify is said beside it.
    With --json the chunks are printed, with their positions and pages, and nothing is written unless --out names a folder.
    """
    flags = {
        "child_max": child, "parent_max": parent or (child if _is_above_default(child) else None), "chunk_mode": mode, "length_unit": unit,
        "tokenizer": tokenizer, "llm": llm_url, "llm_model": llm_model, "llm_key": llm_key, "images_url": images_url, "reader": reader, "ocr": ocr,
    }  # fmt: skip
    target = None if out == _STDOUT or (json and out == Path()) else out
    with open_documents(data, config=config, **flags) as documents, _local(paths, documents, allow_private) as local, show.doing() as doing:
        results = asyncio.run(_collected(documents, local, target, overwrite, _alt(alt), llm or llm_url is not None, doing))
    if target is None and not json:
        show.write("\n======\n".join(r.chunked.text for r in results if r.chunked) + "\n")
    _report(results, json, _chunked_row, ("document", "parents", "children", "longest_parent", "longest_child", "written"), target)
    if not json:
        for result in results:
            if result.chunked and result.reason is None:
                show.talk(f"  {result.source.name}: {_to_type(result)}")


async def _collected(
    documents: Documents, paths: Sequence[Path], out: Path | None, overwrite: bool, alt: Alt, ask_model: bool, doing: show.Doing
) -> list[DocumentResult]:
    results = documents.chunk(paths, out, overwrite=overwrite, alt=alt, ask_model=ask_model, on_step=doing)
    return [result async for result in results]


def _is_above_default(child: str | None) -> bool:
    """A child longer than the usual parent means a parent as long."""
    row = o.row("parent_max")
    return child is not None and child.isdigit() and int(child) > cast(int, row.default)


def _alt(text: str) -> Literal["image", "keep"]:
    if text not in ("image", "keep"):
        raise typer.BadParameter(f"{text!r} is neither keep nor image", param_hint="--alt")
    return "keep" if text == "keep" else "image"


@contextmanager
def _local(paths: Sequence[str], documents: Documents, allow_private: bool) -> Iterator[list[Path]]:
    """The paths, addresses fetched into a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="moorage-") as folder:
        yield [documents.fetch(p, Path(folder), allow_private=allow_private) if o.is_address(p) else Path(p) for p in paths]


def _report(results: Sequence[DocumentResult], json: bool, row: object, columns: Sequence[str], target: Path | None) -> None:
    """What was made, and what was lost on the way. Exits 1 when a document failed."""
    ordered = sorted(results, key=lambda r: str(r.source))
    rows = [cast("dict[str, object]", row(r)) for r in ordered if r.reason is None]  # type: ignore[operator]
    failed = [{"document": r.source, "code": r.reason.code, "reason": r.reason.say(show.language())} for r in ordered if r.reason]
    if json or target is not None:
        show.data({"documents": rows, "failed": failed}, json, lambda: show.table(rows, columns))
    for result in ordered:
        for notice in result.notices:
            show.talk(f"  {result.source.name}: {notice.say(show.language())}")
        if result.reason:
            show.talk(f"  {result.source.name}: {result.reason.say(show.language())}")
    if failed:
        raise typer.Exit(1)


def _converted_row(result: DocumentResult) -> dict[str, object]:
    made = result.converted
    assert made is not None
    return {
        "document": result.source, "written": result.path, "title": made.title, "headings": made.headings, "tables": made.tables,
        "pictures": len(made.pictures), "picture_files": result.pictures, "pages": made.pages, "characters": len(made.markdown),
        "notices": made.notices, **({"markdown": made.markdown} if result.path is None else {}),
    }  # fmt: skip


def _chunked_row(result: DocumentResult) -> dict[str, object]:
    made = result.chunked
    assert made is not None
    return {"document": result.source, "written": result.path, **chunked_shape(made, show.language())}


def _to_type(result: DocumentResult) -> str:
    dify = result.chunked.dify if result.chunked else None
    assert dify is not None
    if show.language() == "zh":
        return (
            f"在 Dify 中选择“父子分段”“段落”：父块分隔符 {dify.parent_delimiter}，最大长度 {dify.parent_length}；"
            f"子块分隔符 {dify.child_delimiter}，最大长度 {dify.child_length}；两项文本预处理均关闭。"
        )
    return (
        f"in Dify choose Parent-child, Paragraph: delimiter {dify.parent_delimiter} with maximum length {dify.parent_length}, for children "
        f"{dify.child_delimiter} with {dify.child_length}; switch off both pre-processing rules."
    )
