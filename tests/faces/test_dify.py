"""Dify's external knowledge API, byte for byte as its clients speak it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from moorage.testing.model_server import model_server
from moorage.web.app import build_app
from moorage.wiring import Home
from tests.builders.homes import HANDBOOK, filled_home
from tests.builders.serving import served

FRONT = "---\nauthor: Li Wei\nyear: 2024\n---\n"
FILES = {**HANDBOOK, "tagged.md": FRONT + "# Walnuts\n\nWalnuts are stored dry.", "other.md": "# Walnuts too\n\nWalnuts are sold in bags."}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with filled_home(tmp_path, FILES, name="手册") as home:
        yield home


@pytest.fixture
def dify(home: Home) -> Iterator[httpx2.Client]:
    key = home.keys.create("dify")
    with served(build_app(home)) as url, httpx2.Client(base_url=url, headers={"authorization": f"Bearer {key}"}, timeout=30) as client:
        yield client


def ask(dify: httpx2.Client, query: str, path: str = "/retrieval", **more: object) -> list[dict[str, object]]:
    body = {"knowledge_id": "手册", "query": query, "retrieval_setting": {"top_k": 5, "score_threshold": 0.0}, **more}
    response = dify.post(path, content=json.dumps(body), headers={"content-type": "application/json"})
    assert response.status_code == 200, response.text
    return response.json()["records"]


def test_the_old_probe_without_a_body_is_a_working_connection(dify: httpx2.Client) -> None:
    response = dify.post("/retrieval")
    assert (response.status_code, response.json()) == (200, {"records": []})


def test_the_new_probe_with_empty_fields_is_a_working_connection(dify: httpx2.Client) -> None:
    body = {"knowledge_id": "", "query": "", "retrieval_setting": {"top_k": 1, "score_threshold": 0.0}}
    assert dify.post("/retrieval", json=body).json() == {"records": []}


@pytest.mark.parametrize("authorization", ["Bearer wrong", "bearer wrong", "Bearer mk-"])
def test_a_wrong_key_is_403_before_the_body_is_read(dify: httpx2.Client, authorization: str) -> None:
    response = dify.post("/retrieval", content=b"not json", headers={"authorization": authorization})
    assert response.status_code == 403 and response.json()["error_code"] == 1002


def test_a_missing_key_is_403_where_keys_are_asked_for(home: Home) -> None:
    with served(build_app(home, needs_key=True)) as url:
        assert httpx2.post(f"{url}/retrieval").status_code == 403


def test_a_record_has_everything_dify_reads(dify: httpx2.Client) -> None:
    record = ask(dify, "hotel refund")[0]
    assert "Hotels up to 120 euros" in str(record["content"]) and 0 < float(str(record["score"])) <= 1 and record["title"]
    metadata = record["metadata"]
    assert isinstance(metadata, dict) and isinstance(metadata["document_id"], str) and metadata["document_name"] == "travel.md"


@pytest.mark.parametrize(
    "path", ["/retrieval", "//retrieval", "/retrieval/", "//retrieval/", "/retrieval/retrieval", "/retrieval//retrieval"]
)
def test_every_way_an_address_is_typed_works(dify: httpx2.Client, path: str) -> None:
    url = str(dify.base_url).rstrip("/") + path
    body = {"knowledge_id": "手册", "query": "hotel", "retrieval_setting": {"top_k": 2, "score_threshold": 0}}
    assert dify.post(url, json=body).json()["records"]


def test_a_null_top_k_means_the_usual_number(dify: httpx2.Client) -> None:
    assert ask(dify, "walnuts", retrieval_setting={"top_k": None, "score_threshold": 0.0})
    assert ask(dify, "walnuts", retrieval_setting=None)


def test_top_k_limits_records_after_the_threshold(dify: httpx2.Client) -> None:
    assert len(ask(dify, "walnuts", retrieval_setting={"top_k": 1, "score_threshold": 0.0})) == 1
    assert ask(dify, "walnuts", retrieval_setting={"top_k": 5, "score_threshold": 0.999}) == []


def test_a_condition_on_metadata_narrows_the_search(dify: httpx2.Client) -> None:
    condition = {"logical_operator": "and", "conditions": [{"name": "author", "comparison_operator": "is", "value": "li wei"}]}
    assert [r["metadata"]["document_name"] for r in ask(dify, "walnuts", metadata_condition=condition)] == ["tagged.md"]  # type: ignore[index]
    assert len(ask(dify, "walnuts", metadata_condition=None)) == 2
    unknown = {"logical_operator": None, "conditions": [{"name": "nope", "comparison_operator": "is", "value": "x"}]}
    assert ask(dify, "walnuts", metadata_condition=unknown) == []


def test_an_escaped_quote_of_the_hit_testing_page_is_understood(dify: httpx2.Client) -> None:
    assert ask(dify, '\\"walnuts\\" stored')[0]["metadata"]["document_name"] == "tagged.md"  # type: ignore[index]


def test_an_unknown_knowledge_base_is_404_with_its_number(dify: httpx2.Client) -> None:
    response = dify.post("/retrieval", json={"knowledge_id": "nope", "query": "x", "retrieval_setting": {}})
    assert response.status_code == 404 and response.json()["error_code"] == 2001 and "nope" in response.json()["error_msg"]


@pytest.mark.parametrize(
    "content", [b"{", b"[]", b'"x"', b"[" * 100_000, b'{"knowledge_id": 5, "query": "x"}', b'{"knowledge_id": "\xff"}']
)
def test_a_broken_body_is_400_never_500(dify: httpx2.Client, content: bytes) -> None:
    assert dify.post("/retrieval", content=content).status_code == 400


def test_several_children_of_one_parent_are_one_record(tmp_path: Path) -> None:
    text = "# Nuts\n\n" + "\n\n".join(f"Walnuts number {i} are stored in a dry and dark place of the house." for i in range(10))
    with filled_home(tmp_path, {"nuts.md": text}, child_max=100, parent_max=1000) as home, served(build_app(home)) as url:
        body = {"knowledge_id": "kb", "query": "walnuts stored dry", "retrieval_setting": {"top_k": 10, "score_threshold": 0}}
        records = httpx2.post(f"{url}/retrieval", json=body).json()["records"]
        assert len(records) == len({r["content"] for r in records}) == len(home.kb.chunks("kb", "nuts.md"))


def test_a_slow_embedder_does_not_make_dify_wait(tmp_path: Path) -> None:
    with model_server() as good, filled_home(tmp_path, embedder=good.url, embedder_model="tiny"):
        pass
    with model_server(trouble="silent") as slow:
        from moorage.wiring import open_home

        with open_home(tmp_path, embedder=slow.url, embedder_model="tiny") as home, served(build_app(home, with_worker=False)) as url:
            body = {"knowledge_id": "kb", "query": "hotel refund", "retrieval_setting": {"top_k": 3, "score_threshold": 0}}
            response = httpx2.post(f"{url}/retrieval", json=body, timeout=4.9)
            assert response.json()["records"]
