"""Scores of pairs of texts, in vLLM's shape, also for engines that only rerank."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from moorage.gateway.backends import Backend
from moorage.gateway.errors import refusal
from moorage.gateway.shapes import rerank
from moorage.gateway.shapes.fields import Json, text, wrong


@dataclass(frozen=True, slots=True)
class ScoreRequest:
    """One text against several, or several pairs of the same number on both sides."""

    model: str
    left: tuple[str, ...]
    right: tuple[str, ...]

    @property
    def is_one_to_many(self) -> bool:
        return len(self.left) == 1


def parse(body: Mapping[str, object]) -> ScoreRequest:
    """Raises GatewayRefusal. Both spellings of vLLM: ``text_1``/``text_2``, and ``queries``/``documents`` (also ``items``)."""
    left = _texts(body, "text_1", "queries")
    right = _texts(body, "text_2", "documents", "items")
    if len(left) not in (1, len(right)):
        raise wrong("text_1", f"one text, or as many as text_2 ({len(right)})", "invalid_value")
    return ScoreRequest(text(body, "model"), left, right)


def to_rerank(request: ScoreRequest) -> list[rerank.RerankRequest]:
    """The same as rerank requests, for engines without a score address: one where one text stands against many, else one a pair."""
    pairs = (
        [(request.left[0], request.right)]
        if request.is_one_to_many
        else [(a, (b,)) for a, b in zip(request.left, request.right, strict=True)]
    )
    return [rerank.RerankRequest(request.model, query, texts, texts) for query, texts in pairs]


def from_rerank(answers: list[Json], request: ScoreRequest, identity: str, created: int) -> Json:
    """vLLM's answer made of our rerank answers."""
    scores: list[object] = []
    for answer in answers:
        results = answer["results"]
        assert isinstance(results, list)
        rows = {row["index"]: row["relevance_score"] for row in results}  # pyright: ignore[reportUnknownVariableType]
        scores += [rows[at] for at in range(len(rows))]  # pyright: ignore[reportUnknownArgumentType]
    data: list[object] = [{"index": at, "object": "score", "score": score} for at, score in enumerate(scores)]
    usage = {"prompt_tokens": 0, "total_tokens": 0, "completion_tokens": 0}
    return {"id": identity, "object": "list", "created": created, "model": request.model, "data": data, "usage": usage}


def has_score(backend: Backend) -> bool:
    return backend.name in ("vllm", "openai")


def _texts(body: Mapping[str, object], *names: str) -> tuple[str, ...]:
    name = next((name for name in names if body.get(name) is not None), names[0])
    value = body.get(name)
    texts = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else ()  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    if not texts or not all(isinstance(one, str) for one in texts):  # pyright: ignore[reportUnknownVariableType]
        raise refusal(
            400,
            f"{name} must be a string or an array of strings, not empty.",
            f"{name} 必须是字符串或非空字符串数组。",
            param=name,
            code="invalid_type",
        )
    return texts  # pyright: ignore[reportUnknownVariableType]
