"""``/api/doc``: documents without a knowledge base, the same words as ``home.doc`` and ``moorage doc``."""

from __future__ import annotations

import asyncio
import io
import zipfile
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, File, Query, Response, UploadFile
from fastapi.responses import JSONResponse, PlainTextResponse

from moorage.core.errors import DocumentTooLarge, Language
from moorage.kb.chunk_data import ChunkedShape, chunked_shape
from moorage.kb.convert import Converted
from moorage.web.pages import language_of
from moorage.web.shapes import ConvertedShape, converted_shape
from moorage.wiring import Home

Speaks = Annotated[Language, Depends(language_of)]


def doc_routes(home: Home) -> APIRouter:
    """Everything under ``/api/doc``. A document is read in a process of its own and kept nowhere."""
    router = APIRouter(tags=["documents"])

    @router.post("/api/doc/convert", response_model=ConvertedShape)
    async def convert(
        file: UploadFile,
        language: Speaks,
        alt: Literal["keep", "image"] = "keep",
        answer: Annotated[Literal["json", "markdown", "zip"], Query(description="zip holds the Markdown with its pictures")] = "json",
    ) -> Response:
        """A document as Markdown."""
        name, data = await _received(home, file)
        made = await asyncio.to_thread(home.doc.convert_bytes, name, data, alt=alt)
        if answer == "zip":
            return Response(
                _zipped(made), media_type="application/zip", headers={"content-disposition": 'attachment; filename="document.zip"'}
            )
        if answer == "markdown":
            return PlainTextResponse(made.markdown, media_type="text/markdown; charset=utf-8")
        return JSONResponse(converted_shape(made, language))

    @router.post("/api/doc/chunk", response_model=ChunkedShape)
    async def chunk(
        file: Annotated[UploadFile, File()],
        language: Speaks,
        child: Annotated[int | None, Query(ge=1, le=100_000, description="longest child; the setting child_max when not given")] = None,
        parent: Annotated[
            int | None, Query(ge=1, le=1_000_000, description="longest parent; the setting parent_max when not given")
        ] = None,
        mode: Annotated[Literal["parent_child", "flat", "full_document", "delimiter"] | None, Query()] = None,
        alt: Literal["keep", "image"] = "image",
        llm: Annotated[bool, Query(description="let the configured chat model part unrelated children")] = False,
        answer: Annotated[Literal["json", "text"], Query(description="text is the form with ====== and ------")] = "json",
    ) -> Response:
        """A document as parent and child chunks, with what to type into Dify."""
        name, data = await _received(home, file)
        made = await home.doc.chunk_bytes(name, data, child_max=child, parent_max=parent, mode=mode, alt=alt, ask_model=llm)
        if answer == "text":
            return PlainTextResponse(made.text)
        return JSONResponse(chunked_shape(made, language))

    return router


async def _received(home: Home, file: UploadFile) -> tuple[str, bytes]:
    limit, name = home.settings.max_document_bytes, file.filename or "document"
    if (file.size or 0) > limit:
        raise DocumentTooLarge(name=name, bytes=file.size, limit=limit)
    return name, await file.read()


def _zipped(made: Converted) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("document.md", made.markdown)
        for picture in made.pictures:
            archive.writestr(picture.name, picture.data)
    return out.getvalue()
