"""Ranking measures as trec_eval and BEIR compute them: linear gain, ties broken by document id from z to a, a query without results counts 0."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

Judgements = Mapping[str, Mapping[str, int]]
Run = Mapping[str, Mapping[str, float]]


def evaluate(run: Run, judgements: Judgements) -> dict[str, float]:
    """The mean of each measure over all queries that have something relevant to find."""
    queries = [query for query, judged in judgements.items() if any(grade > 0 for grade in judged.values())]
    ranked = {query: ranking(run.get(query, {})) for query in queries}
    measures: dict[str, Callable[[Sequence[str], Mapping[str, int]], float]] = {"ndcg@10": ndcg, "recall@10": recall, "mrr@10": mrr}
    return {
        name: float(np.mean([measure(ranked[q], judgements[q]) for q in queries])) if queries else 0.0 for name, measure in measures.items()
    }


def ranking(scores: Mapping[str, float]) -> list[str]:
    return [id for _, id in sorted(((score, id) for id, score in scores.items()), reverse=True)]


def ndcg(ranked: Sequence[str], judged: Mapping[str, int], depth: int = 10) -> float:
    best = _gain(np.sort(np.array([max(0, grade) for grade in judged.values()]))[::-1][:depth])
    return _gain(np.array([max(0, judged.get(id, 0)) for id in ranked[:depth]])) / best if best else 0.0


def recall(ranked: Sequence[str], judged: Mapping[str, int], depth: int = 10) -> float:
    relevant = {id for id, grade in judged.items() if grade > 0}
    return len(relevant & set(ranked[:depth])) / len(relevant)


def mrr(ranked: Sequence[str], judged: Mapping[str, int], depth: int = 10) -> float:
    return next((1 / place for place, id in enumerate(ranked[:depth], 1) if judged.get(id, 0) > 0), 0.0)


def _gain(grades: np.ndarray) -> float:
    return float((grades / np.log2(np.arange(2, len(grades) + 2))).sum())
