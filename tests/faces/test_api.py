"""The HTTP API over a real server and a real data folder."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from moorage.web.app import build_app
from moorage.wiring import Home
from tests.builders.homes import filled_home
from tests.builders.serving import served


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with filled_home(tmp_path / "data") as home:
        yield home


@pytest.fixture
def api(home: Home) -> Iterator[httpx2.Client]:
    with served(build_app(home, is_loopback=True)) as url, httpx2.Client(base_url=url, timeout=30) as client:
        yield client


def wait_for(api: httpx2.Client, kb: str) -> dict[str, object]:
    for _ in range(300):
        jobs = api.get(f"/api/kb/{kb}/jobs").json()
        if not jobs["waiting"] and not jobs["running"]:
            return jobs
        time.sleep(0.05)
    raise AssertionError("the jobs did not end")


def test_a_document_goes_in_and_an_answer_comes_out(api: httpx2.Client) -> None:
    assert api.post("/api/kb", json={"name": "shop"}).status_code == 201
    added = api.post("/api/kb/shop/add", files=[("file", ("价格 表.md", "# 价格\n\n苹果每斤五元。梨每斤四元。".encode()))])
    assert added.status_code == 202 and added.json()["jobs"][0]["document_name"] == "价格 表.md"
    assert wait_for(api, "shop")["done"] == 1
    answer = api.post("/api/kb/shop/ask", json={"question": "苹果每斤几元？"}).json()
    assert answer["found"] and answer["model"] is None and "苹果每斤五元。 [1]" in answer["text"]
    assert answer["citations"][0]["document"]["name"] == "价格 表.md"
    assert [n["code"] for n in answer["notices"]] == ["extractive"]


def test_a_streamed_answer_is_hits_text_answer(api: httpx2.Client) -> None:
    with api.stream("POST", "/api/kb/kb/ask", json={"question": "hotel refund per night", "stream": True}) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        raw = response.read().decode()
    events = [json.loads(block.removeprefix("data: ")) for block in raw.split("\n\n") if block]
    assert [e["type"] for e in events] == ["hits", "text", "answer"]
    hit = events[-1]["answer"]["citations"][0]
    markdown = api.get(f"/api/kb/kb/documents/{hit['document']['id']}").json()["markdown"]
    assert markdown[hit["start"] : hit["end"]] == hit["text"]
    start, end = hit["highlights"][0]
    assert hit["text"][start:end] == "Hotels up to 120 euros per night are refunded."


def test_a_question_about_something_else_is_not_answered(api: httpx2.Client) -> None:
    answer = api.post("/api/kb/kb/ask", json={"question": "Which planets have rings?"}).json()
    assert (answer["found"], answer["text"], answer["citations"]) == (False, "The documents do not say.", [])


def test_chunks_join_to_the_document(api: httpx2.Client) -> None:
    parents = api.get("/api/kb/kb/chunks", params={"document": "leave.md"}).json()["parents"]
    text = "".join(c["text"] for p in parents for c in p["children"])
    markdown = api.get("/api/kb/kb/documents/leave.md").json()["markdown"]
    assert "".join(text.split()) == "".join(markdown.split())


def test_documents_and_knowledge_bases_can_be_removed(api: httpx2.Client) -> None:
    document = api.get("/api/kb/kb/documents").json()["documents"][0]
    assert api.delete(f"/api/kb/kb/documents/{document['id']}").status_code == 204
    assert len(api.get("/api/kb/kb/documents").json()["documents"]) == 1
    assert api.delete("/api/kb/kb").status_code == 204
    assert api.get("/api/kb").json() == {"knowledge": []}


def test_a_failed_upload_says_why_and_can_be_retried(api: httpx2.Client) -> None:
    api.post("/api/kb/kb/add", files=[("file", ("x.md", bytes(range(256)) * 20))])
    jobs = wait_for(api, "kb")
    failed = next(j for j in jobs["jobs"] if j["state"] == "failed")  # type: ignore[union-attr]
    assert "x.md" in failed["reason"]
    chinese = api.get("/api/kb/kb/jobs", headers={"accept-language": "zh-CN"}).json()["jobs"]
    assert next(j for j in chinese if j["state"] == "failed")["reason"] != failed["reason"]
    assert api.post(f"/api/kb/kb/jobs/{failed['id']}/retry").json()["state"] in ("waiting", "running", "failed")
    wait_for(api, "kb")


def test_export_is_one_line_a_document(api: httpx2.Client) -> None:
    lines = api.get("/api/kb/kb/export").text.splitlines()
    assert sorted(json.loads(line)["name"] for line in lines) == ["leave.md", "travel.md"]


def test_a_conversation_is_kept_when_asked_for(api: httpx2.Client) -> None:
    api.post("/api/kb/kb/ask", json={"question": "年假有几天", "conversation_id": "c1"})
    api.post("/api/kb/kb/ask", json={"question": "病假怎么请", "conversation_id": "c1"})
    assert api.get("/api/kb/kb/conversations").json()["conversations"][0]["title"] == "年假有几天"
    assert [t["question"] for t in api.get("/api/conversations/c1").json()["turns"]] == ["年假有几天", "病假怎么请"]
    assert api.delete("/api/conversations/c1").status_code == 204
    assert api.delete("/api/conversations/c1").status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "says"),
    [
        ("POST", "/api/kb/nope/ask", {"question": "x"}, 404, "'nope'"),
        ("POST", "/api/kb/nope/search", {"query": "x"}, 404, "there is: kb"),
        ("GET", "/api/kb/kb/documents/nope", None, 404, "'nope'"),
        ("POST", "/api/kb/kb/ask", {"question": 5}, 400, "question"),
        ("POST", "/api/kb/kb/ask", {}, 400, "question"),
        ("POST", "/api/kb/kb/search", {"query": "x", "top_k": 0}, 400, "top_k"),
        ("POST", "/api/kb/kb/ask", {"question": "长" * 100_000}, 400, "100000 characters"),
        ("POST", "/api/kb", {"name": "../x"}, 400, "cannot be used"),
        ("POST", "/api/kb", {"name": "kb"}, 409, "already there"),
        ("POST", "/api/kb/kb/jobs/999/retry", None, 404, "999"),
        ("POST", "/api/kb/kb/sync", {"folder": "/etc"}, 400, "on the machine"),
        ("GET", "/api/nothing", None, 404, "/api/nothing"),
        ("PUT", "/api/kb", None, 405, "/api/kb"),
    ],
)
def test_a_mistake_gets_one_sentence(api: httpx2.Client, method: str, path: str, body: object, status: int, says: str) -> None:
    response = api.request(method, path, json=body)
    assert response.status_code == status
    assert says in response.json()["error"]["message"]


def test_a_body_that_is_too_large_is_refused_before_it_is_read(api: httpx2.Client) -> None:
    response = api.post("/api/kb/kb/ask", content=b"x" * (5 * 2**20), headers={"content-type": "application/json"})
    assert response.status_code == 413


@pytest.mark.parametrize(
    "question", ["<script>alert(1)</script>", "'; DROP TABLE documents;--", "\0\x01", "(((", "* AND OR NOT", '"', "🦭" * 50, " ", "\n"]
)
def test_no_question_breaks_the_search(api: httpx2.Client, question: str) -> None:
    assert api.post("/api/kb/kb/ask", json={"question": question}).status_code == 200
    assert api.post("/api/kb/kb/search", json={"query": question}).status_code == 200


def test_half_a_surrogate_pair_breaks_nothing(api: httpx2.Client) -> None:
    headers = {"content-type": "application/json"}
    for path, body in (("/api/kb/kb/ask", b'{"question": "\\ud800 hotel"}'), ("/retrieval", b'{"knowledge_id": "kb", "query": "\\udfff"}')):
        assert api.post(path, content=body, headers=headers).status_code == 200
    assert api.post("/retrieval", content=b'{"knowledge_id": "\\ud800", "query": "x"}').status_code == 404
    assert api.post("/api/kb", content=b'{"name": "\\ud800"}', headers=headers).status_code == 400


@pytest.mark.parametrize("name", ["../../etc/passwd", "x.png", "0123456789abcdef.html", "0123456789abcdef.svg", "..%2f..%2fmoorage.db", ""])
def test_pictures_lead_nowhere_else(api: httpx2.Client, name: str) -> None:
    assert api.get(f"/images/{name}").status_code in (403, 404)  # the client itself resolves ../


def test_a_picture_is_served_as_one(api: httpx2.Client, home: Home) -> None:
    home.store.pictures.put_named("0123456789abcdef.png", b"\x89PNG")
    response = api.get("/images/0123456789abcdef.png")
    assert response.headers["content-type"] == "image/png" and response.headers["x-content-type-options"] == "nosniff"


def test_the_openapi_document_describes_every_path(api: httpx2.Client) -> None:
    document = api.get("/openapi.json").json()
    names = [tag["name"] for tag in document["tags"]]
    assert len(names) == len(set(names))
    for path in ("/api/kb/{kb}/ask", "/api/kb/{kb}/add", "/v1/chat/completions", "/retrieval"):
        assert document["paths"][path]["post"]["description"]
