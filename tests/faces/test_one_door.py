"""``moorage up`` has the gateway inside: models and knowledge bases at one address, with the same keys, limits and usage."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import openai
import pytest

from moorage.cli.up import same_name
from moorage.store.key_rules import KeyRules
from moorage.store.usage import read_span
from moorage.testing.backend import Backend, Play, backend, chat_stream, json_reply
from moorage.testing.model_server import model_server
from moorage.wiring import Home, load
from tests.builders.homes import filled_home
from tests.builders.patience import eventually
from tests.builders.serving import served_home

QUESTION = {"role": "user", "content": "年假须提前几天申请？"}


@contextmanager
def door(folder: Path, text: str, **more: bool) -> Iterator[tuple[httpx2.Client, Home]]:
    """What ``moorage up`` serves with this stack file, and a knowledge base ``kb``."""
    file = folder / "moorage.yaml"
    file.write_text(text, encoding="utf-8")
    _, stack = load({}, file)
    with (
        filled_home(folder / "data", config=file) as home,
        served_home(home, stack, **more) as url,
        httpx2.Client(base_url=url, timeout=30) as client,
    ):
        yield client, home


def models_yaml(server: Backend, **more: object) -> str:
    return json.dumps({"models": {"qwen": {"url": server.url, "aliases": ["gpt-4"], **more}}, "gateway": {"health_interval": 0}})


@pytest.fixture
def server() -> Iterator[Backend]:
    with backend() as running:
        yield running


def chat(model: str, **more: object) -> dict[str, object]:
    return {"model": model, "messages": [QUESTION], **more}


def ids(client: httpx2.Client, headers: Mapping[str, str] | None = None) -> list[str]:
    return [model["id"] for model in client.get("/v1/models", headers=headers or {}).json()["data"]]


def test_models_and_knowledge_bases_stand_in_one_list_and_answer_at_one_address(tmp_path: Path, server: Backend) -> None:
    with door(tmp_path, models_yaml(server)) as (client, home):
        assert ids(client) == ["qwen", "gpt-4", "kb"]
        assert client.get("/v1/models/gpt-4").json()["root"] == "qwen"
        assert client.post("/v1/chat/completions", json=chat("gpt-4")).json()["choices"][0]["message"]["content"] == "Hello"
        assert server.requests[-1].json()["model"] == "qwen"
        assert "三天" in client.post("/v1/chat/completions", json=chat("kb")).json()["choices"][0]["message"]["content"]

        home.kb.create("newer")
        assert ids(client)[-1] == "newer"
        home.kb.rm("newer")
        assert client.post("/v1/chat/completions", json=chat("newer")).status_code == 404


def test_the_model_and_the_embedder_of_flags_are_served_too(tmp_path: Path) -> None:
    with (
        model_server() as model,
        filled_home(tmp_path, llm=model.url, llm_model="writer", embedder=model.url, embedder_model="tiny") as home,
        served_home(home) as url,
        httpx2.Client(base_url=url, timeout=30) as client,
    ):
        assert ids(client) == ["llm", "writer", "embedder", "tiny", "kb"]
        vectors = client.post("/v1/embeddings", json={"model": "embedder", "input": ["a", "b"]})
        assert [len(row["embedding"]) > 0 for row in vectors.json()["data"]] == [True, True]


def test_a_model_hides_the_knowledge_base_of_its_name_and_says_so(tmp_path: Path, server: Backend) -> None:
    with door(tmp_path, models_yaml(server, aliases=["kb"])) as (client, _):
        assert ids(client) == ["qwen", "kb"]
        assert client.post("/v1/chat/completions", json=chat("kb")).json()["choices"][0]["message"]["content"] == "Hello"
    assert "'kb' has the name of a model" in same_name("kb").say() and "同名" in same_name("kb").say("zh")


def test_the_file_may_change_while_it_runs(tmp_path: Path, server: Backend) -> None:
    with door(tmp_path, models_yaml(server)) as (client, _):
        (tmp_path / "moorage.yaml").write_text(models_yaml(server, aliases=["gpt-5"]))

        eventually(lambda: ids(client) == ["qwen", "gpt-5", "kb"])


def test_a_knowledge_base_answers_responses_and_messages(tmp_path: Path, server: Backend) -> None:
    with door(tmp_path, models_yaml(server)) as (client, _):
        whole = client.post("/v1/responses", json={"model": "kb", "input": QUESTION["content"]}).json()
        said = whole["output"][0]["content"][0]
        assert "三天" in said["text"] and whole["usage"]["output_tokens"] > 0
        assert (said["annotations"][0]["type"], said["annotations"][0]["filename"]) == ("file_citation", "leave.md")
        asked = {"model": "kb", "max_tokens": 100, "messages": [QUESTION]}
        assert "三天" in client.post("/v1/messages", json=asked).json()["content"][0]["text"]

        sdk = openai.OpenAI(base_url=f"{client.base_url}/v1", api_key="any", max_retries=0)
        events = list(sdk.responses.create(model="kb", input=str(QUESTION["content"]), stream=True))
        assert events[0].type == "response.created" and events[-1].type == "response.completed"
        assert "三天" in "".join(event.delta for event in events if event.type == "response.output_text.delta")
        assert [event.annotation.index for event in events if event.type == "response.output_text.annotation.added"][:1] == [0]  # type: ignore[attr-defined]
        assert events[-1].response.output[0].content[0].annotations[0].filename == "leave.md"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("embeddings", {"input": "x"}),
        ("rerank", {"query": "x", "documents": ["y"]}),
        ("score", {"text_1": "x", "text_2": "y"}),
        ("completions", {"prompt": "x"}),
        ("completions", {"prompt": "x", "stream": True}),
        ("tokenize", {"prompt": "x"}),
        ("audio/speech", {"input": "x", "voice": "y"}),
        ("images/generations", {"prompt": "x"}),
    ],
)
def test_what_a_knowledge_base_cannot_do_is_refused_naming_what_it_can(tmp_path: Path, path: str, body: dict[str, object]) -> None:
    with filled_home(tmp_path) as home, served_home(home) as url:
        refused = httpx2.post(f"{url}/v1/{path}", json={"model": "kb", **body})

    error = refused.json()["error"]
    assert (refused.status_code, error["code"], error["param"]) == (400, "unsupported_endpoint", "model")
    assert "/v1/chat/completions" in error["message"]


def test_a_wrong_message_is_refused_naming_its_place(tmp_path: Path) -> None:
    cases: list[tuple[object, str]] = [
        (["x"], "messages[0]"),
        ([QUESTION, {"role": 3}], "messages[1].role"),
        ([{"role": "user", "content": 3}], "messages[0].content"),
        ([{"role": "user", "content": [{"type": "image_url"}]}], "messages[0].content[0]"),
        ([{"role": "system", "content": "x"}], "messages"),
    ]
    with filled_home(tmp_path) as home, served_home(home) as url:
        for messages, place in cases:
            for stream in (False, True):
                refused = httpx2.post(f"{url}/v1/chat/completions", json={"model": "kb", "messages": messages, "stream": stream})
                assert (refused.status_code, refused.json()["error"]["param"]) == (400, place)
        deep = b'{"model": "kb", "messages": [{"role": "user", "content": "x"}], "more": %b}' % (b"[" * 900 + b"]" * 900)
        assert httpx2.post(f"{url}/v1/chat/completions", content=deep).status_code == 200
        large = httpx2.post(f"{url}/v1/chat/completions", json=chat("kb", padding="x" * 5_000_000))
        assert large.status_code == 413


def test_usage_and_metrics_count_both_kinds(tmp_path: Path, server: Backend) -> None:
    with door(tmp_path, models_yaml(server)) as (client, home):
        for model in ("qwen", "kb"):
            assert client.post("/v1/chat/completions", json=chat(model)).status_code == 200
        server.answer(chat_stream("Hel", "lo"))
        for model in ("qwen", "kb"):
            assert "[DONE]" in client.post("/v1/chat/completions", json=chat(model, stream=True)).text
        page = client.get("/metrics").text
        assert 'model="qwen"' in page and 'model="kb"' in page

        def sums() -> dict[str, tuple[int, bool]]:
            lines = home.usage.report("model", read_span(None, None, datetime.now().date()))
            return {line.name: (line.requests, line.completion_tokens > 0) for line in lines}

        eventually(lambda: sums() == {"qwen": (2, True), "kb": (2, True)})


def test_limits_of_a_key_hold_for_knowledge_bases(tmp_path: Path) -> None:
    with filled_home(tmp_path) as home:
        headers = {"authorization": f"Bearer {home.keys.create('k', KeyRules(requests_per_minute=2))}"}
        with served_home(home, needs_key=True) as url:
            first = httpx2.post(f"{url}/v1/chat/completions", json=chat("kb"), headers=headers)
            again = httpx2.post(f"{url}/v1/chat/completions", json=chat("kb", stream=True), headers=headers)
            refused = httpx2.post(f"{url}/v1/chat/completions", json=chat("kb"), headers=headers)

    assert (first.status_code, again.status_code, refused.status_code) == (200, 200, 429)
    assert first.headers["x-ratelimit-remaining-requests"] == "1" and int(refused.headers["retry-after"]) > 0


def test_a_model_that_fails_over_does_so_here_too(tmp_path: Path, server: Backend) -> None:
    server.answer(json_reply({"error": "broken"}, 500))
    with backend() as other:
        text = json.dumps({"models": {"m": {"replicas": [server.url, other.url]}}, "gateway": {"health_interval": 0}})
        with door(tmp_path, text) as (client, _):
            assert [client.post("/v1/chat/completions", json=chat("m")).status_code for _ in range(4)] == [200] * 4


def test_a_client_that_leaves_a_knowledge_base_ends_its_model(tmp_path: Path) -> None:
    with backend(Play((), ending="hang")) as silent, filled_home(tmp_path, llm=silent.url, llm_model="m", health_interval=0) as home:  # noqa: SIM117
        with served_home(home) as url:
            parts = urlsplit(url)
            body = json.dumps(chat("kb", stream=True)).encode()
            line = socket.create_connection((str(parts.hostname), int(parts.port or 0)), timeout=10)
            line.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
            silent.wait_until_asked()
            left = time.monotonic()
            line.close()
            assert silent.wait_until_left() - left < 5


def test_what_is_no_model_s_is_still_the_page_s(tmp_path: Path) -> None:
    with filled_home(tmp_path) as home, served_home(home) as url, httpx2.Client(base_url=url) as client:
        assert "text/html" in client.get("/").headers["content-type"]
        assert client.get("/api/health").json()["status"] == "ok"
        assert client.get("/health").json() == {"status": "ok", "models": {}}
        assert client.get("/images/none.png").status_code in (403, 404)
        assert client.post("/images/generations", json={"model": "kb", "prompt": "x"}).status_code == 400


@pytest.mark.parametrize(
    "path", ["/", "/docs", "/openapi.json", "/api/kb", "/api/health", "/v1/models", "/health", "/metrics", "/favicon.ico"]
)
def test_head_is_answered_like_get_without_a_body(tmp_path: Path, path: str) -> None:
    with filled_home(tmp_path) as home, served_home(home) as url:
        parts = urlsplit(url)
        line = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=10)
        answers = []
        for method in ("GET", "HEAD"):
            line.request(method, path)
            answer = line.getresponse()
            answers.append((answer.status, answer.getheader("content-type"), len(answer.read()) > 0))

    (status, kind, has_body), (head_status, head_kind, head_has_body) = answers
    assert (status, kind, has_body) == (200, head_kind, True)
    assert (head_status, head_has_body) == (200, False)
