from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.gateway.backends import backend
from moorage.gateway.errors import GatewayRefusal
from moorage.gateway.shapes import rerank, score

DOCUMENTS = ["Paris is a city.", {"text": "Carson City is the capital."}, {"content": [{"type": "text", "text": "Rome."}]}]


def request(**fields: object) -> rerank.RerankRequest:
    return rerank.parse({"model": "r", "query": "capital?", "documents": DOCUMENTS, **fields})


def answered(scores: dict[int, float], kind: str = "vllm", **fields: object) -> list[tuple[object, object]]:
    rows = [{"index": at, "relevance_score": value} for at, value in scores.items()]
    out = rerank.from_backend({"results": rows}, request(**fields), backend(kind), "rerank-1")
    results = out["results"]
    assert isinstance(results, list)
    return [(row["index"], row["relevance_score"]) for row in results]


def test_documents_may_be_texts_objects_or_parts() -> None:
    assert request().texts == ("Paris is a city.", "Carson City is the capital.", "Rome.")
    fields = {"documents": [{"title": "T", "body": "B", "x": "no"}], "rank_fields": ["title", "body"]}
    assert request(**fields).texts == ("T\nB",)


def test_the_best_comes_first_and_equals_keep_their_order() -> None:
    assert answered({0: 0.2, 1: 0.9, 2: 0.2}) == [(1, 0.9), (0, 0.2), (2, 0.2)]


@pytest.mark.parametrize(("top_n", "count"), [(None, 3), (0, 0), (2, 2), (3, 3), (99, 3)])
def test_top_n_may_be_null_or_more_than_there_are(top_n: int | None, count: int) -> None:
    assert len(answered({0: 0.1, 1: 0.2, 2: 0.3}, top_n=top_n)) == count


def test_logits_become_scores_between_0_and_1_in_the_same_order() -> None:
    got = answered({0: -9.5, 1: 3.2, 2: 800.0})

    assert [at for at, _ in got] == [2, 1, 0]
    assert all(0 <= float(str(value)) <= 1 for _, value in got)
    assert answered({0: 0.1, 1: 0.2, 2: 0.3}, kind="llamacpp")[0][1] == pytest.approx(0.5744, abs=1e-4)


def test_documents_come_back_when_asked_for_as_they_were_sent() -> None:
    out = rerank.from_backend(
        {"results": [{"index": n, "score": n / 4} for n in range(3)]}, request(return_documents=True), backend("vllm"), "x"
    )

    assert [row["document"] for row in out["results"]] == [{"text": "Rome."}, DOCUMENTS[1], {"text": "Paris is a city."}]  # type: ignore[index, union-attr]


def test_the_native_shape_of_tei_is_spoken() -> None:
    path, body = rerank.to_backend(request(), backend("tei"), "ignored")

    assert path == "/rerank" and body["texts"] == list(request().texts) and body["raw_scores"] is False
    out = rerank.from_backend([{"index": n, "score": 0.5} for n in range(3)], request(), backend("tei"), "x")
    assert len(out["results"]) == 3  # type: ignore[arg-type]


@pytest.mark.parametrize("answer", [{}, [], "x", {"results": [{"index": 0, "relevance_score": 0.5}]}, {"results": [{"index": n, "score": "a"} for n in range(3)]}])  # fmt: skip
def test_an_answer_that_lacks_a_document_is_the_engines_fault(answer: object) -> None:
    with pytest.raises(GatewayRefusal, match="of 3 documents") as refused:
        rerank.from_backend(answer, request(), backend("vllm"), "x")
    assert refused.value.status == 502


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"documents": "x"}, "documents"),
        ({"documents": [1]}, "documents[0]"),
        ({"documents": [{"content": []}]}, "documents[0]"),
        ({"query": 3}, "query"),
        ({"top_n": "3"}, "top_n"),
        ({"top_n": -1}, "top_n"),
        ({"top_n": True}, "top_n"),
        ({"return_documents": "yes"}, "return_documents"),
        ({"documents": ["x"] * (rerank.MOST_DOCUMENTS + 1)}, "documents"),
    ],
)
def test_a_wrong_field_is_named(fields: dict[str, object], param: str) -> None:
    with pytest.raises(GatewayRefusal) as refused:
        request(**fields)
    assert refused.value.status == 400 and refused.value.param == param


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_the_sigmoid_never_turns_an_order_round(a: float, b: float) -> None:
    low, high = sorted((rerank.sigmoid(a), rerank.sigmoid(b)))
    assert 0 <= low <= high <= 1
    assert (rerank.sigmoid(a) <= rerank.sigmoid(b)) or a > b


def test_scores_of_pairs_are_made_of_reranks() -> None:
    asked = score.parse({"model": "r", "text_1": "q", "text_2": ["a", "b"]})
    parts = [
        rerank.from_backend([{"index": 1, "score": 0.9}, {"index": 0, "score": 0.1}], one, backend("tei"), "x")
        for one in score.to_rerank(asked)
    ]

    out = score.from_rerank(parts, asked, "score-1", 1)

    assert [row["score"] for row in out["data"]] == [0.1, 0.9]  # type: ignore[index, union-attr]


def test_pairs_of_the_same_number_are_scored_one_by_one() -> None:
    asked = score.parse({"model": "r", "queries": ["q1", "q2"], "documents": ["a", "b"]})

    assert [(one.query, one.texts) for one in score.to_rerank(asked)] == [("q1", ("a",)), ("q2", ("b",))]
    with pytest.raises(GatewayRefusal, match="one text, or as many as text_2"):
        score.parse({"model": "r", "text_1": ["a", "b"], "text_2": ["a", "b", "c"]})
    with pytest.raises(GatewayRefusal, match="text_2 must be"):
        score.parse({"model": "r", "text_1": "a", "text_2": []})


PICTURE = {"content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}]}


def test_fields_that_are_the_engines_own_are_forwarded() -> None:
    _, body = rerank.to_backend(request(truncate_prompt_tokens=9, top_n=1, max_tokens_per_doc=None), backend("vllm"), "other")

    assert {**body, "documents": 0} == {"model": "other", "query": "capital?", "documents": 0, "truncate_prompt_tokens": 9}


def test_pictures_reach_an_engine_that_may_read_them_as_they_came() -> None:
    asked = request(documents=["text", PICTURE], query=PICTURE)

    assert rerank.to_backend(asked, backend("vllm"), "m")[1] == {"model": "m", "query": PICTURE, "documents": ["text", PICTURE]}


@pytest.mark.parametrize("kind", ["tei", "llamacpp"])
def test_documents_with_pictures_are_refused_where_only_texts_are_read(kind: str) -> None:
    with pytest.raises(GatewayRefusal) as refused:
        rerank.to_backend(request(documents=["text", PICTURE]), backend(kind), "r")
    assert refused.value.param == "documents" and kind in str(refused.value)
