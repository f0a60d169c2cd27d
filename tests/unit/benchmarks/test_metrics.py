"""The ranking measures of the benchmarks, by hand and against trec_eval's own code."""

from __future__ import annotations

import importlib.util
import math
import random
from pathlib import Path
from types import ModuleType

import pytest


def _metrics() -> ModuleType:
    spec = importlib.util.spec_from_file_location("metrics", Path(__file__).resolve().parents[3] / "benchmarks" / "metrics.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


metrics = _metrics()


def test_a_perfect_ranking_has_ndcg_one() -> None:
    assert metrics.ndcg(["a", "b"], {"a": 3, "b": 1, "c": 0}) == 1.0


def test_gain_is_linear() -> None:
    assert metrics.ndcg(["b", "a"], {"a": 3, "b": 1}) == pytest.approx((1 + 3 / math.log2(3)) / (3 + 1 / math.log2(3)))


def test_a_query_without_results_counts_zero() -> None:
    assert metrics.evaluate({"q1": {"a": 1.0}}, {"q1": {"a": 1}, "q2": {"a": 1}})["ndcg@10"] == 0.5


def test_a_query_with_nothing_relevant_is_left_out() -> None:
    assert metrics.evaluate({"q1": {"a": 1.0}}, {"q1": {"a": 1}, "q2": {"a": 0}})["mrr@10"] == 1.0


def test_ties_go_to_the_later_document_id() -> None:
    assert metrics.ranking({"a": 1.0, "c": 1.0, "b": 2.0}) == ["b", "c", "a"]


def test_the_measures_equal_those_of_trec_eval() -> None:
    pytrec_eval = pytest.importorskip("pytrec_eval")
    random_ = random.Random(1)
    judgements = {f"q{q}": {f"d{d}": random_.choice([0, 0, 1, 2, 3]) for d in range(20)} | {"d0": 1} for q in range(50)}
    run = {query: {f"d{d}": float(random_.randint(0, 8)) for d in range(30)} for query in judgements}
    theirs = pytrec_eval.RelevanceEvaluator(judgements, {"ndcg_cut_10", "recall_10"}).evaluate(run)
    ours = metrics.evaluate(run, judgements)
    assert ours["ndcg@10"] == pytest.approx(sum(t["ndcg_cut_10"] for t in theirs.values()) / 50)
    assert ours["recall@10"] == pytest.approx(sum(t["recall_10"] for t in theirs.values()) / 50)
