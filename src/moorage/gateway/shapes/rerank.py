"""Reranking: Jina's, Cohere's and Dify's shapes in, one answer that all three read, whatever the engine behind says.

Scores are 0..1, every document is scored, the best comes first. Sources: the Jina and Cohere references; the engines' own documents.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from moorage.gateway.backends import Backend
from moorage.gateway.errors import GatewayRefusal, refusal
from moorage.gateway.shapes.fields import Json, flag, listed, number, obj, objects, text, whole, wrong

MOST_DOCUMENTS = 10_000
_KNOWN = ("model", "query", "documents", "top_n", "return_documents", "rank_fields")


@dataclass(frozen=True, slots=True)
class RerankRequest:
    """A query and the documents to order. ``documents`` are what the client sent; ``texts`` what of them is read, "" of a picture; ``rest`` are
    the fields that are the engine's own."""

    model: str
    query: object
    documents: tuple[object, ...]
    texts: tuple[str, ...]
    top_n: int | None = None
    returns_documents: bool = False
    rest: tuple[tuple[str, object], ...] = ()

    @property
    def has_pictures(self) -> bool:
        return not isinstance(self.query, str) or any(map(_has_pictures, self.documents))


def parse(body: Mapping[str, object]) -> RerankRequest:
    """Raises GatewayRefusal, which names the field."""
    documents = listed(body, "documents")
    if len(documents) > MOST_DOCUMENTS:
        raise wrong("documents", f"at most {MOST_DOCUMENTS} documents; send them in parts", "invalid_value")
    rank_fields = body.get("rank_fields")
    fields = [str(name) for name in listed(body, "rank_fields")] if isinstance(rank_fields, list) else []
    return RerankRequest(
        text(body, "model"),
        query if _has_pictures(query := body.get("query")) else text(body, "query"),
        tuple(documents),
        tuple(_text_of(document, n, fields) for n, document in enumerate(documents)),
        whole(body, "top_n", 0, 1 << 31),
        flag(body, "return_documents", False),
        tuple((name, value) for name, value in body.items() if name not in _KNOWN and value is not None),
    )


def to_backend(request: RerankRequest, backend: Backend, model: str) -> tuple[str, Json]:
    """(path below the engine's root, body). All documents are asked for: what a client does with scores is its own."""
    if request.has_pictures and backend.name not in ("vllm", "openai"):
        raise _sees_nothing(backend)
    if backend.name == "tei":
        return "/rerank", {
            "query": request.query,
            "texts": list(request.texts),
            "raw_scores": False,
            "return_text": False,
            "truncate": True,
        }
    read = [given if _has_pictures(given) else text for given, text in zip(request.documents, request.texts, strict=True)]
    return backend.traits.rerank_path, {**dict(request.rest), "model": model, "query": request.query, "documents": read}


def from_backend(answer: object, request: RerankRequest, backend: Backend, identity: str) -> Json:
    """The answer for the client. Raises GatewayRefusal (502) where the engine's lacks a document or a score."""
    rows = objects(answer) if isinstance(answer, list) else objects(obj(answer).get("results") or obj(answer).get("data"))
    scores: dict[int, float] = {}
    for row in rows:
        at, score = row.get("index"), number(row.get("relevance_score", row.get("score")))
        if isinstance(at, int) and 0 <= at < len(request.texts) and score is not None and math.isfinite(score):
            scores[at] = score
    if len(scores) < len(request.texts):
        raise refusal(
            502,
            f"The engine {backend.name} scored {len(scores)} of {len(request.texts)} documents. Its log says more.",
            f"引擎 {backend.name} 只为 {len(request.texts)} 篇文档中的 {len(scores)} 篇打了分，详见其日志。",
            code="bad_backend_answer",
        )
    if backend.traits.scores_are_logits or any(not 0.0 <= s <= 1.0 for s in scores.values()):
        scores = {at: sigmoid(score) for at, score in scores.items()}
    order = sorted(scores, key=lambda at: (-scores[at], at))
    kept = order if request.top_n is None else order[: request.top_n]
    results = [_result(at, scores[at], request) for at in kept]
    usage = obj(obj(answer).get("usage"))
    total = usage.get("total_tokens")
    used: Json = {"total_tokens": total if isinstance(total, int) else 0}
    meta: Json = {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}}
    return {"id": identity, "object": "list", "model": request.model, "results": results, "usage": used, "meta": meta}


def _sees_nothing(backend: Backend) -> GatewayRefusal:
    """An engine that reads texts only would judge by half."""
    return refusal(
        400,
        f"documents: the engine {backend.name} reads no pictures. Send texts, or use a model that runs on vLLM.",
        f"documents：引擎 {backend.name} 不支持图片。请发送文本，或改用运行在 vLLM 上的模型。",
        param="documents",
        code="unsupported_value",
    )


def sigmoid(logit: float) -> float:
    """A score from 0 to 1, without overflow."""
    if logit >= 0:
        return 1.0 / (1.0 + math.exp(-min(logit, 700.0)))
    power = math.exp(max(logit, -700.0))
    return power / (1.0 + power)


def _result(at: int, score: float, request: RerankRequest) -> Json:
    result: Json = {"index": at, "relevance_score": score}
    if request.returns_documents:
        document = request.documents[at]
        result["document"] = document if isinstance(document, dict) and "text" in document else {"text": request.texts[at]}
    return result


def _has_pictures(given: object) -> bool:
    """Whether it has parts that are no text."""
    return any(part.get("type", "text") != "text" for part in objects(obj(given).get("content")))


def _text_of(document: object, at: int, fields: Sequence[str]) -> str:
    """A document's text: a string, ``{"text"}``, the fields that ``rank_fields`` names, or parts as for vision."""
    if isinstance(document, str):
        return document
    found = obj(document)
    if fields and any(name in found for name in fields):
        return "\n".join(str(found[name]) for name in fields if name in found)
    if isinstance(found.get("text"), str):
        return str(found["text"])
    content = found.get("content")
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = [str(part["text"]) for part in objects(content) if isinstance(part.get("text"), str)]
        if parts or _has_pictures(document):
            return "\n".join(parts)
    raise wrong(f"documents[{at}]", "a string, or an object with a text")
