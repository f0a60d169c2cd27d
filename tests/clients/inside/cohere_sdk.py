"""Cohere's own package, which asks ``/v1/rerank`` or ``/v2/rerank`` below the root."""

from __future__ import annotations

import cohere
from talk import Door

DOCUMENTS = ["weather in Paris", "the price of paper", "paper"]
BEST = [(1, 1.0), (2, 0.333), (0, 0.0)]


def documents_are_ranked(door: Door) -> None:
    for client in (cohere.ClientV2(door.key, base_url=door.root), cohere.Client(door.key, base_url=door.root)):
        answer = client.rerank(model="ranker", query="price of paper", documents=DOCUMENTS)
        first = client.rerank(model="ranker", query="price of paper", documents=DOCUMENTS, top_n=1)

        assert [(result.index, result.relevance_score) for result in answer.results] == BEST
        assert [result.index for result in first.results] == [1]
        assert answer.id and answer.meta is not None and answer.meta.api_version is not None


def documents_may_be_objects_and_come_back(door: Door) -> None:
    documents = [{"text": text, "page": number} for number, text in enumerate(DOCUMENTS)]

    answer = cohere.Client(door.key, base_url=door.root).rerank(
        model="ranker", query="price of paper", documents=documents, rank_fields=["text"], return_documents=True
    )

    assert [result.document.text for result in answer.results if result.document] == [DOCUMENTS[index] for index, _ in BEST]


def a_wrong_key_and_an_unknown_model_are_said(door: Door) -> None:
    for key, model, kind in (("wrong", "ranker", cohere.UnauthorizedError), (door.key, "nobody", cohere.NotFoundError)):
        try:
            cohere.ClientV2(key, base_url=door.root).rerank(model=model, query="q", documents=DOCUMENTS)
        except kind:
            continue
        raise AssertionError(f"no {kind.__name__}")
