"""An error in the shape that each face's clients read."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from moorage.core.errors import BadInput, KeyRefused, KnowledgeNotFound, MoorageError
from moorage.web.pages import error_page, language_of, wants_page


def error_response(request: Request, error: MoorageError) -> Response:
    """The error as an OpenAI client, Dify, a browser, or anybody else expects it, in the caller's language."""
    path, language = request.url.path, language_of(request)
    if path.startswith("/v1/") or path == "/v1":
        return JSONResponse({"error": openai_error(error)}, 401 if isinstance(error, KeyRefused) else error.status)
    if "retrieval" in path and not path.startswith("/api/"):
        return JSONResponse({"error_code": _dify_code(error), "error_msg": error.say(language)}, error.status)
    if wants_page(request):
        return error_page(request, error.status, error.say(language))
    return JSONResponse({"error": {"code": error.code, "message": error.say(language)}}, error.status)


def openai_error(error: MoorageError) -> dict[str, str | None]:
    """The ``error`` object of OpenAI's API."""
    kinds = {400: "invalid_request_error", 401: "authentication_error", 403: "authentication_error", 404: "invalid_request_error"}
    code = "model_not_found" if isinstance(error, KnowledgeNotFound) else "invalid_api_key" if isinstance(error, KeyRefused) else error.code
    return {
        "message": error.say("en"),
        "type": kinds.get(error.status, "api_error"),
        "param": "model" if isinstance(error, KnowledgeNotFound) else None,
        "code": code,
    }


def _dify_code(error: MoorageError) -> int:
    return 1002 if isinstance(error, KeyRefused) else 2001 if isinstance(error, KnowledgeNotFound) else error.status


def handle_errors(app: FastAPI) -> None:
    """Every error leaves in its face's shape; a surprise is a 500 without its insides, which go to the log."""

    async def moorage(request: Request, error: Exception) -> Response:
        assert isinstance(error, MoorageError)
        return error_response(request, error)

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        where = ".".join(str(p) for p in first["loc"][1:]) or "the request body"
        return error_response(request, BadInput(reason=f"{where}: {first['msg']}."))

    async def other(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if wants_page(request):
            return error_page(request, error.status_code)
        problem = _RequestRefused(reason=f"{request.method} {request.url.path}: {error.detail}.")
        problem.status = error.status_code  # pyright: ignore[reportAttributeAccessIssue]
        return error_response(request, problem)

    async def surprise(request: Request, error: Exception) -> Response:
        return error_response(request, _UnexpectedFailure())

    app.add_exception_handler(MoorageError, moorage)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, other)
    app.add_exception_handler(Exception, surprise)


class _RequestRefused(MoorageError):
    """{reason}"""

    zh = "{reason}"


class _UnexpectedFailure(MoorageError):
    """Something went wrong inside Moorage; the log says what. Try again, and report it if it happens again."""

    zh = "Moorage 内部出错，日志中有详情。请重试；若再次出现请反馈。"
