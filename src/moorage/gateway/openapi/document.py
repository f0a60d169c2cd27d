"""The gateway's OpenAPI document, made from the table of endpoints: what is served is described, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from moorage.gateway.endpoints import TABLE, Endpoint
from moorage.gateway.openapi.answers import answers
from moorage.gateway.openapi.requests import requests
from moorage.gateway.openapi.schema import Schema, binary, fields, ref, text
from moorage.gateway.shapes.fields import obj, objects

OPENAPI = "3.1.0"
_EVENTS = "text/event-stream"
_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Described:
    """An endpoint in words. ``asked`` and ``answered`` name schemas; ``other`` are answers of other types than JSON."""

    tag: str
    summary: str
    text: str
    asked: str
    answered: str = ""
    other: tuple[str, ...] = ()


_AUDIO = ("audio/*", "application/octet-stream")
_TRANSCRIPTS = ("text/plain", "text/vtt", "application/x-subrip", _EVENTS)
DESCRIBED: Mapping[str, Described] = {
    "chat": Described(
        "chat", "Chat", "The next message of a conversation, whole or streamed. A knowledge base answers with `citations`.",
        "ChatRequest", "ChatAnswer", (_EVENTS,),
    ),
    "completions": Described("chat", "Completion", "A text goes on, whole or streamed.", "CompletionRequest", "CompletionAnswer", (_EVENTS,)),
    "responses": Described(
        "chat", "Responses", "OpenAI's Responses API: whole, or streamed as typed events. Nothing is stored.",
        "ResponsesRequest", "ResponsesAnswer", (_EVENTS,),
    ),
    "messages": Described(
        "chat", "Messages", "Anthropic's Messages API: whole, or streamed as typed events. Errors have its shape, too.",
        "MessagesRequest", "MessagesAnswer", (_EVENTS,),
    ),
    "count_tokens": Described(
        "chat", "Count tokens", "How many tokens a conversation takes, as Anthropic's clients ask it. Engines that count text only refuse.",
        "CountTokensRequest", "CountTokensAnswer",
    ),
    "embeddings": Described("vectors", "Embeddings", "A vector for each text.", "EmbeddingsRequest", "EmbeddingsAnswer"),
    "rerank": Described("vectors", "Rerank", "Texts by how well they answer a query, scores from 0 to 1.", "RerankRequest", "RerankAnswer"),
    "score": Described("vectors", "Score", "How well two texts go together.", "ScoreRequest", "ScoreAnswer"),
    "tokenize": Described("vectors", "Tokenize", "A text as the model's tokens.", "TokenizeRequest", "TokenizeAnswer"),
    "detokenize": Described("vectors", "Detokenize", "Tokens as text.", "DetokenizeRequest", "DetokenizeAnswer"),
    "speech": Described("audio and images", "Speech", "A text spoken, as bytes.", "SpeechRequest", "", _AUDIO),
    "transcriptions": Described(
        "audio and images", "Transcription", "A recording written down, in its language.", "AudioRequest", "AudioAnswer", _TRANSCRIPTS
    ),
    "translations": Described(
        "audio and images", "Translation", "A recording written down in English.", "AudioRequest", "AudioAnswer", _TRANSCRIPTS
    ),
    "images": Described("audio and images", "Image", "A picture from words.", "ImagesRequest", "ImagesAnswer", (_EVENTS,)),
    "image_edits": Described("audio and images", "Image edit", "A picture changed by words.", "ImageEditsRequest", "ImagesAnswer", (_EVENTS,)),
}  # fmt: skip
"""By the name of the endpoint."""

_REFUSALS = {
    "400": "The body is not right: `param` names the field.",
    "401": "No key, or not a right one.",
    "403": "The key may not do this.",
    "404": "There is no such model: the message names those that there are.",
    "413": "The body is too large.",
    "429": "A limit of the key is reached, or too many wait: `Retry-After` says how long.",
    "4XX": "Whatever else the model server refuses, in its words.",
    "500": "The model server failed, or the gateway did.",
    "502": "The model server's answer was none.",
    "503": "Nobody is there, or no place became free.",
    "504": "The model server took too long.",
    "5XX": "Whatever else the model server fails with, in its words.",
}
_HEADERS = {
    "x-request-id": "Names the request in the logs; yours, if you sent one.",
    "server-timing": "Milliseconds in line (`queue`), in the gateway and in the model server.",
    "x-ratelimit-limit-requests": "Requests a minute of the key, where it has a limit; `remaining` and `reset` beside it, and the same for `tokens`.",
}
_TAGS = {
    "chat": "Models that write. `/v1` may be left out of every address; fields that are not named here are passed on.",
    "vectors": "Embeddings, order, tokens.",
    "audio and images": "What is heard and seen.",
    "models": "What there is, and how it is.",
}
_SCHEMES: Schema = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A key of `moorage key create`, where keys are asked for."},
    "x-api-key": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "The same key, as Anthropic's clients send it."},
    "api-key": {"type": "apiKey", "in": "header", "name": "api-key", "description": "The same key, as Azure's clients send it."},
}
_SCHEMA_OF = {
    _EVENTS: fields({"event": text("of typed events, their name"), "data": text("a JSON object; `[DONE]` ends a chat")}, ["data"])
}
_SECURITY = [{name: []} for name in _SCHEMES]


def document(version: str) -> Schema:
    """The whole description, as JSON would have it."""
    return {
        "openapi": OPENAPI,
        "info": {"title": "Moorage gateway", "version": version, "description": "One address and one kind of key for every model."},
        "tags": [{"name": name, "description": said} for name, said in _TAGS.items()],
        "paths": paths(),
        "components": {"schemas": {**requests(), **answers()}, "securitySchemes": _SCHEMES},
    }


def paths() -> Schema:
    """Every address that the gateway serves, once: other spellings are named in its description."""
    return {**{endpoint.paths[0]: {"post": _operation(endpoint)} for endpoint in TABLE}, **_pages()}


def _operation(endpoint: Endpoint) -> Schema:
    said = DESCRIBED[endpoint.name]
    others = ", ".join(f"`{path}`" for path in endpoint.paths[1:])
    media = "multipart/form-data" if endpoint.is_form else _JSON
    content: Schema = {kind: {"schema": _SCHEMA_OF.get(kind, text() if kind.startswith("text/") else binary())} for kind in said.other}
    if said.answered:
        content = {_JSON: {"schema": ref(said.answered)}, **content}
    shape = "MessagesError" if endpoint.is_anthropic else "Error"
    return {
        "tags": [said.tag],
        "summary": said.summary,
        "description": f"{said.text} Also at {others}.",
        "operationId": endpoint.name,
        "security": _SECURITY,
        "requestBody": {"required": True, "content": {media: {"schema": ref(said.asked)}}},
        "responses": {
            "200": {"description": "The answer.", "headers": _headers(), "content": content},
            **{status: _refusal(words, shape) for status, words in _REFUSALS.items()},
        },
    }


def _pages() -> Schema:
    name = {"name": "model", "in": "path", "required": True, "schema": text("the model's name, or an alias")}
    return {
        "/v1/models": {"get": _page("models", "Models", "What the key may use: models, aliases, knowledge bases.", ref("Models"))},
        "/v1/models/{model}": {
            "get": {**_page("model", "Model", "One of them.", ref("Model"), ("401", "403", "404")), "parameters": [name]},
        },
        "/health": {"get": {**_page("health", "Health", "Each model: its servers, and how many of them answer.", ref("Health"), ("403",)), "security": []}},
        "/metrics": {"get": _page("metrics", "Metrics", "Counters and gauges as Prometheus reads them.", text(), media="text/plain")},
    }  # fmt: skip


def _page(identity: str, summary: str, said: str, schema: Schema, refusals: tuple[str, ...] = ("401", "403"), media: str = _JSON) -> Schema:
    return {
        "tags": ["models"],
        "summary": summary,
        "description": said,
        "operationId": identity,
        "security": _SECURITY,
        "responses": {
            "200": {"description": "The answer.", "content": {media: {"schema": schema}}},
            **{status: _refusal(_REFUSALS[status], "Error") for status in refusals},
        },
    }


def _refusal(words: str, shape: str) -> Schema:
    headers: Schema = {"Retry-After": {"description": "Seconds.", "schema": text()}} if words is _REFUSALS["429"] else {}
    return {"description": words, **({"headers": headers} if headers else {}), "content": {_JSON: {"schema": ref(shape)}}}


def _headers() -> Schema:
    return {name: {"description": said, "schema": text()} for name, said in _HEADERS.items()}


def joined(own: Schema, more: Schema) -> Schema:
    """Two descriptions as one: ``own`` with the addresses, tags, schemas and keys of ``more`` beside its own."""
    mine, theirs = obj(own.get("components")), obj(more.get("components"))
    components = {name: {**obj(mine.get(name)), **obj(theirs.get(name))} for name in sorted({*mine, *theirs})}
    return {
        **own,
        "tags": [*objects(own.get("tags")), *objects(more.get("tags"))],
        "paths": {**obj(own.get("paths")), **obj(more.get("paths"))},
        "components": components,
        "security": _SECURITY,
    }
