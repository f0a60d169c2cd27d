"""What each endpoint of the gateway answers. Required is what the gateway sees to; the rest is what model servers send, as they send it."""

from __future__ import annotations

from collections.abc import Mapping

from moorage.gateway.openapi.schema import Schema, any_of, anything, fields, listed, number, or_null, ref, text, whole


def _usage() -> Schema:
    return or_null(
        fields({"prompt_tokens": whole(), "completion_tokens": or_null(whole()), "total_tokens": whole()}, description="tokens as counted")
    )


def _chat() -> Schema:
    message = fields(
        {
            "role": text(),
            "content": or_null(text()),
            "tool_calls": or_null(listed(fields({}))),
            "reasoning": or_null(text("what the model thought")),
            "reasoning_content": or_null(text("the same under its other name")),
            "citations": listed(fields({}), "where the answer of a knowledge base stands"),
        }
    )
    choice = fields({"index": whole(), "message": message, "finish_reason": or_null(text("`stop`, `length`, `tool_calls`, …"))})
    return fields(
        {"id": text(), "object": text(), "created": whole(), "model": text(), "choices": listed(choice), "usage": _usage()}, ["choices"]
    )


def _completion() -> Schema:
    choice = fields({"index": whole(), "text": text(), "finish_reason": or_null(text())})
    return fields(
        {"id": text(), "object": text(), "created": whole(), "model": text(), "choices": listed(choice), "usage": _usage()}, ["choices"]
    )


def _response() -> Schema:
    item = fields({"type": text("`message`, `reasoning`, `function_call`"), "id": text(), "status": text()}, ["type"])
    usage = fields({"input_tokens": whole(), "output_tokens": whole(), "total_tokens": whole()})
    return fields(
        {
            "id": text(),
            "object": text("", "response"),
            "status": text("`completed`, or `incomplete` where it ended too early"),
            "model": text(),
            "output": listed(item),
            "usage": or_null(usage),
        },
        ["id", "object", "status", "model", "output"],
    )


def _message() -> Schema:
    block = fields({"type": text("`text`, `thinking`, `tool_use`")}, ["type"])
    return fields(
        {
            "id": text(),
            "type": text("", "message"),
            "role": text("", "assistant"),
            "model": text(),
            "content": listed(block),
            "stop_reason": or_null(text("`end_turn`, `max_tokens`, `tool_use`, `refusal`")),
            "usage": fields({"input_tokens": whole(), "output_tokens": whole()}, ["input_tokens", "output_tokens"]),
        },
        ["id", "type", "role", "model", "content", "stop_reason", "usage"],
    )


def _embeddings() -> Schema:
    vector = any_of(listed(number()), text("base64 of float32 values"))
    row = fields({"object": text("", "embedding"), "index": whole(), "embedding": vector}, ["object", "index", "embedding"])
    usage = fields({"prompt_tokens": whole(), "total_tokens": whole()}, ["prompt_tokens", "total_tokens"])
    return fields({"object": text("", "list"), "model": text(), "data": listed(row), "usage": usage}, ["object", "model", "data", "usage"])


def _rerank() -> Schema:
    result = fields(
        {
            "index": whole("its place in the request"),
            "relevance_score": number("", 0, 1),
            "document": anything("the text, where it was asked for"),
        },
        ["index", "relevance_score"],
    )
    return fields(
        {
            "id": text(),
            "object": text("", "list"),
            "model": text(),
            "results": listed(result, "the best first"),
            "usage": fields({"total_tokens": whole()}, ["total_tokens"]),
            "meta": fields({}),
        },
        ["id", "object", "model", "results", "usage", "meta"],
    )


def _score() -> Schema:
    row = fields({"index": whole(), "score": number()}, ["score"])
    return fields({"id": text(), "object": text(), "model": text(), "data": listed(row), "usage": _usage()}, ["data"])


def _model() -> Schema:
    return fields(
        {
            "id": text("what requests name"),
            "object": text("", "model"),
            "created": whole("seconds since 1970"),
            "owned_by": text(),
            "task": text("`chat`, `embed`, `rerank`, …"),
            "root": text("the model that an alias stands for"),
        },
        ["id", "object", "created", "owned_by", "task"],
    )


def _health() -> Schema:
    state = fields({name: whole("", 0) for name in ("servers", "ready", "running", "waiting")}, ["servers", "ready", "running", "waiting"])
    return fields(
        {"status": text("", "ok"), "models": {"type": "object", "additionalProperties": state, "description": "by name"}},
        ["status", "models"],
    )


def _error() -> Schema:
    error = fields(
        {
            "message": text("what happened, and what to do"),
            "type": text("`invalid_request_error`, `authentication_error`, `rate_limit_error`, `server_error`, …"),
            "param": or_null(text("the field that is wrong")),
            "code": or_null(any_of(text(), whole(), description="for programs: `model_not_found`, `invalid_api_key`, …")),
        },
        ["message", "type", "param", "code"],
    )
    return fields({"error": error}, ["error"])


def _messages_error() -> Schema:
    error = fields({"type": text("`invalid_request_error`, `not_found_error`, …"), "message": text()}, ["type", "message"])
    return fields({"type": text("", "error"), "error": error}, ["type", "error"])


def answers() -> Mapping[str, Schema]:
    """By the name that they have among the schemas."""
    return {
        "ChatAnswer": _chat(),
        "CompletionAnswer": _completion(),
        "ResponsesAnswer": _response(),
        "MessagesAnswer": _message(),
        "CountTokensAnswer": fields({"input_tokens": whole()}, ["input_tokens"]),
        "EmbeddingsAnswer": _embeddings(),
        "RerankAnswer": _rerank(),
        "ScoreAnswer": _score(),
        "ImagesAnswer": fields({"created": whole(), "data": listed(fields({"url": or_null(text()), "b64_json": or_null(text())}))}),
        "AudioAnswer": fields({"text": text("what was said")}),
        "TokenizeAnswer": fields({"count": whole(), "max_model_len": or_null(whole()), "tokens": listed(whole())}),
        "DetokenizeAnswer": fields({"prompt": text()}),
        "Model": _model(),
        "Models": fields({"object": text("", "list"), "data": listed(ref("Model"))}, ["object", "data"]),
        "Health": _health(),
        "Error": _error(),
        "MessagesError": _messages_error(),
    }
