"""The pages a browser shows: ask, documents, reader, login, reference and errors.

Each is one call to the library and one template. What moves on a page is done by the scripts in ``static`` over the HTTP API.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute

from moorage.core.errors import Language, MoorageError
from moorage.core.nouns import Document
from moorage.kb.results import ParentChunk
from moorage.web.asset_routes import asset_routes
from moorage.web.reference import groups
from moorage.web.render import Heading, Marks, Span, parts, render
from moorage.web.templating import HEADERS, templates
from moorage.web.words import choose_language, fill, words

DOCUMENTS_PER_PAGE = 200
A_YEAR_S = 365 * 24 * 3600


class PageKnowledge(Protocol):
    """What a page says about a knowledge base."""

    @property
    def name(self) -> str: ...
    @property
    def documents(self) -> int: ...
    @property
    def chunks(self) -> int: ...


class PageKnowledgeBases(Protocol):
    """What pages ask of the knowledge bases. All of it is on the local disk; pages call it in worker threads."""

    def ls(self) -> Sequence[PageKnowledge]: ...
    def get(self, name: str) -> PageKnowledge: ...
    def documents(self, name: str) -> Sequence[Document]: ...
    def document(self, name: str, document: str, /) -> Document: ...
    def markdown(self, name: str, document: str, /) -> str: ...
    def chunks(self, name: str, document: str, /) -> Sequence[ParentChunk]: ...
    def chunk_state(self, name: str, document: str, /) -> str: ...


class PageHome(Protocol):
    """The part of a Home that pages need."""

    @property
    def kb(self) -> PageKnowledgeBases: ...
    @property
    def chat_model(self) -> str | None: ...


def routes(home: PageHome) -> APIRouter:
    """Every page and the files they use. Mount it last; needs no other set-up."""
    router = APIRouter(include_in_schema=False, route_class=PageRoute)

    def ask(request: Request, kb: str = "") -> Response:
        shelves = home.kb.ls()
        chosen = home.kb.get(kb) if kb else _fullest(shelves)
        documents = home.kb.documents(chosen.name) if chosen else []
        return page(
            request,
            "ask.html",
            shelves=shelves,
            knowledge=chosen,
            model=home.chat_model,
            has_ready=any(document.state == "ready" for document in documents),
            examples=example_questions(documents, language_of(request)),
        )

    def documents(request: Request, kb: str) -> Response:
        chosen = home.kb.get(kb)
        find = request.query_params.get("find", "")
        found = [document for document in home.kb.documents(kb) if matches(document, find)]
        pages = max(1, -(-len(found) // DOCUMENTS_PER_PAGE))
        number = min(_number(request.query_params.get("page", "")) or 1, pages)
        shown = found[(number - 1) * DOCUMENTS_PER_PAGE : number * DOCUMENTS_PER_PAGE]
        template = "_documents.html" if "fragment" in request.query_params else "documents.html"
        listing = {"documents": shown, "total": len(found), "find": find, "number": number, "pages": pages}
        return page(request, template, shelves=home.kb.ls(), knowledge=chosen, page_url=partial(_with_query, request), **listing)

    def reader(request: Request, kb: str, document: str) -> Response:
        chosen = home.kb.get(kb)
        found = home.kb.document(kb, document)
        markdown = home.kb.markdown(kb, found.id) if found.state == "ready" else ""
        return page(
            request,
            "reader.html",
            knowledge=chosen,
            document=found,
            reading=_reading(request, markdown),
            page_url=partial(_with_query, request),
        )

    def chunks(request: Request, kb: str, document: str) -> Response:
        return _chunks_page(request, home, kb, document)

    def login(request: Request) -> Response:
        return login_page(request)

    def reference(request: Request) -> Response:
        described = groups(request.app.openapi(), str(request.base_url))
        return page(request, "reference.html", groups=described)

    router.add_api_route("/", ask, methods=["GET"])
    router.add_api_route("/kb/{kb}/documents", documents, methods=["GET"])
    router.add_api_route("/kb/{kb}/documents/{document}", reader, methods=["GET"])
    router.add_api_route("/kb/{kb}/documents/{document}/chunks", chunks, methods=["GET"])
    router.add_api_route("/login", login, methods=["GET"])
    router.add_api_route("/docs", reference, methods=["GET"])
    router.include_router(asset_routes())
    return router


def _chunks_page(request: Request, home: PageHome, kb: str, document: str) -> Response:
    """A document beside its chunks, one part of it at a time. The state is asked first: an edit in between makes it old, never wrong."""
    chosen, found = home.kb.get(kb), home.kb.document(kb, document)
    state = home.kb.chunk_state(kb, found.id)
    markdown = home.kb.markdown(kb, found.id) if found.state == "ready" else ""
    reading = _reading(request, markdown)
    pieces = parts(markdown)
    end = pieces[reading.part - 1][1]
    parents = [p for p in home.kb.chunks(kb, found.id) if reading.part == _part_of(p.parent.start, pieces)]
    return page(
        request,
        "_chunks.html" if "fragment" in request.query_params else "chunks.html",
        knowledge=chosen,
        document=found,
        reading=reading,
        parents=parents,
        has_more=end < len(markdown),
        state=state,
        page_url=partial(_with_query, request),
    )


def login_page(request: Request, *, refused: bool = False, wanted: str | None = None) -> Response:
    """The form that asks for a key and posts it as ``key`` to /login, with ``next``: where the visitor wanted to go."""
    wanted = wanted or request.query_params.get("next", "/")
    return page(request, "login.html", status=403 if refused else 200, refused=refused, wanted=safe_next(wanted))


def error_page(request: Request, status: int, sentence: str = "") -> Response:
    """A page that says what went wrong, for a browser that asked for a page. ``sentence`` overrules the general one."""
    known = status if status in (400, 403, 404) else 404 if status == 405 else 400 if status < 500 else 500
    return page(request, "error.html", status=status, known=known, sentence=sentence)


def wants_page(request: Request) -> bool:
    """Whether an error should be answered with a page: a browser looks at an address that is not of the API."""
    is_api = request.url.path.startswith(("/api/", "/v1/", "/retrieval", "/openapi.json"))
    return not is_api and "text/html" in request.headers.get("accept", "")


def safe_next(address: str) -> str:
    """The address to go to after logging in, only if it is on this server."""
    return address if re.fullmatch(r"/(?![/\\])[^\\\x00-\x20]*", address) else "/"


def language_of(request: Request) -> Language:
    """The language in which this visitor reads."""
    return choose_language(request.query_params.get("lang"), request.cookies.get("lang"), request.headers.get("accept-language"))


def page(request: Request, template: str, *, status: int = 200, **values: object) -> Response:
    """One template, filled in the visitor's language and colours, with the headers every page has."""
    language = language_of(request)
    theme = request.cookies.get("theme", "")
    text = (
        templates()
        .get_template(template)
        .render(
            request=request,
            status=status,
            language=language,
            other="en" if language == "zh" else "zh",
            other_url=_with_query(request, lang="en" if language == "zh" else "zh"),
            theme=theme if theme in ("light", "dark") else "auto",
            w=words(language),
            **({"knowledge": None, "shelves": ()} | values),
        )
    )
    response = HTMLResponse(text, status_code=status)
    response.headers.update(HEADERS)
    return response


def matches(document: Document, find: str) -> bool:
    """Whether a document's name or title holds the words looked for, in any case."""
    return find.casefold() in f"{document.name}\n{document.title}".casefold()


def example_questions(documents: Sequence[Document], language: Language, most: int = 4) -> list[str]:
    """A few questions to begin with, made from titles, those in the visitor's language first."""
    titles = dict.fromkeys(document.title for document in documents if document.state == "ready" and 2 <= len(document.title) <= 60)
    ordered = sorted(titles, key=lambda title: _is_chinese(title) != (language == "zh"))
    return [fill(words("zh" if _is_chinese(title) else "en")["example_question"], title=title) for title in ordered[:most]]


def span_of(text: str) -> Span | None:
    """``"120-180"`` as a range; None where it is not one."""
    match = re.fullmatch(r"(\d{1,12})-(\d{1,12})", text, flags=re.ASCII)
    return (int(match[1]), int(match[2])) if match and int(match[1]) < int(match[2]) else None


@dataclass(frozen=True, slots=True)
class _Reading:
    """What the reader shows: one part of the text, and what is pointed out in it. ``question`` is the one that led here."""

    html: str
    headings: tuple[Heading, ...]
    part: int
    parts: int
    has_passage: bool
    question: str


def _reading(request: Request, markdown: str) -> _Reading:
    query = request.query_params
    passage = span_of(f"{query.get('start', '')}-{query.get('end', '')}")
    sentences = tuple(span for text in query.get("mark", "").split(",")[:50] if (span := span_of(text)))
    spans = parts(markdown)
    number = _part_number(query.get("part", ""), spans, passage)
    start, end = spans[number - 1]
    origin = f"{request.url.scheme}://{request.url.netloc}"
    rendered = render(markdown[start:end], marks=Marks(passage, sentences), origin=origin, base=start)
    headings = tuple(heading for heading in rendered.headings if heading.level <= 3 and heading.text)
    has_passage = passage is not None and passage[0] < len(markdown)
    return _Reading(rendered.html, headings, number, len(spans), has_passage, query.get("q", ""))


def _part_of(offset: int, pieces: Sequence[Span]) -> int:
    return next((n for n, (_, end) in enumerate(pieces, 1) if offset < end), len(pieces))


def _part_number(asked: str, pieces: Sequence[Span], passage: Span | None) -> int:
    if 1 <= (number := _number(asked)) <= len(pieces):
        return number
    if passage is None:
        return 1
    return _part_of(passage[0], pieces)


def _number(text: str) -> int:
    return int(text) if re.fullmatch(r"\d{1,9}", text, flags=re.ASCII) else 0


def _fullest(shelves: Sequence[PageKnowledge]) -> PageKnowledge | None:
    return max(shelves, key=lambda shelf: shelf.documents, default=None)


def _is_chinese(text: str) -> bool:
    return bool(re.search(r"[\u3400-\u9fff]", text))


def _with_query(request: Request, **changes: str) -> str:
    query = [(name, value) for name, value in request.query_params.multi_items() if name not in changes and name != "fragment"]
    return f"{quote(request.url.path)}?{urlencode([*query, *changes.items()])}"


class PageRoute(APIRoute):
    """Answers Moorage's errors with a page, and turns ``?lang=`` into a cookie and a clean address."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            wish = request.query_params.get("lang")
            if wish in ("en", "zh") and request.method == "GET":
                return _switched(request, wish)
            try:
                return await handle(request)
            except MoorageError as error:
                return error_page(request, error.status, error.say(language_of(request)))

        return answer


def _switched(request: Request, language: str) -> Response:
    query = urlencode([(name, value) for name, value in request.query_params.multi_items() if name != "lang"])
    path = quote(request.url.path)
    # A path of two slashes would send the visitor to another server.
    response = RedirectResponse("/" + path.lstrip("/") + (f"?{query}" if query else ""), status_code=303)
    response.set_cookie("lang", language, max_age=A_YEAR_S, samesite="lax", path="/")
    return response
