"""The main job with real models: `moorage up` over documents, answers written by a real vLLM, vectors from a real one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx2
import openai
import pytest

pytestmark = pytest.mark.engine

FACTS = {
    "price.md": "price: 42 yuan\ncity: Paris\n",
    "staff.md": "boss: Ada\nroom: seven\n",
    "手册.md": "# 年假\n\n员工每年享有十天年假。\n",
}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, vllm_chat_url: str, vllm_embed_url: str) -> Iterator[str]:
    """A running `moorage up` whose knowledge base `docs` has its vectors."""
    folder = tmp_path_factory.mktemp("up")
    (folder / "docs").mkdir()
    for name, text in FACTS.items():
        (folder / "docs" / name).write_text(text, encoding="utf-8")
    command = [
        sys.executable,
        "-c",
        "from moorage.cli import main; main()",
        "up",
        str(folder / "docs"),
        "--data",
        str(folder / "data"),
        "--port",
        "0",
        "--json",
    ]
    command += ["--llm", vllm_chat_url, "--embedder", vllm_embed_url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}) as program:
        try:
            assert program.stdout is not None
            address = json.loads("".join(iter(program.stdout.readline, "}\n")) + "}")["url"]
            wait_for_vectors(address)
            yield address
        finally:
            program.terminate()


def wait_for_vectors(address: str) -> None:
    for _ in range(600):
        try:
            jobs = httpx2.get(f"{address}/api/kb/docs/jobs").json()
        except httpx2.HTTPError:
            jobs = {"waiting": 1, "running": 0, "failed": 0}
        assert not jobs["failed"], jobs
        if not jobs["waiting"] and not jobs["running"]:
            return
        time.sleep(0.1)
    raise AssertionError("the documents were not ready in a minute")


def test_models_are_found_out_by_asking_their_servers(url: str) -> None:
    health = httpx2.get(f"{url}/api/health").json()
    knowledge = httpx2.get(f"{url}/api/kb").json()["knowledge"][0]
    assert knowledge["embedder"] == "tiny-embed" and knowledge["documents"] == len(FACTS)
    assert health["embedder"] == "tiny-embed"


def test_a_real_model_writes_a_cited_answer(url: str) -> None:
    answer = httpx2.post(f"{url}/api/kb/docs/ask", json={"question": "what is price?"}, timeout=120).json()
    assert answer["model"] == "tiny-chat" and "42 yuan" in answer["text"]
    assert [c["document"]["name"] for c in answer["citations"]] == ["price.md"] and f"[{answer['citations'][0]['number']}]" in answer[
        "text"
    ]


def test_a_real_answer_streams_through_the_openai_address(url: str) -> None:
    client = openai.OpenAI(base_url=f"{url}/v1", api_key="none", timeout=120)
    chunks = list(client.chat.completions.create(model="docs", messages=[{"role": "user", "content": "what is price?"}], stream=True))
    assert "42 yuan" in "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert chunks[-1].citations[0]["document"]["name"] == "price.md"  # type: ignore[attr-defined]


def test_real_vectors_take_part_in_the_search(url: str) -> None:
    found = httpx2.post(f"{url}/api/kb/docs/search", json={"query": "boss Ada"}, timeout=60).json()
    assert found["hits"][0]["document"]["name"] == "staff.md" and found["notices"] == []
