"""Python, command line and HTTP: the same words, the same results."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx2

from moorage.cli.kb import kb_app
from moorage.cli.show import plain
from moorage.kb.knowledge import KnowledgeBases
from moorage.web.app import build_app
from moorage.web.shapes import hit_shape
from tests.builders.homes import filled_home
from tests.builders.serving import served
from tests.faces.test_cli import moorage

VERBS = ("create", "add", "ls", "rm", "sync", "search", "ask", "chunks", "edit", "reset", "export", "jobs", "retry", "rebuild")


def test_every_verb_exists_in_python_and_on_the_command_line() -> None:
    commands = {c.name or c.callback.__name__ for c in kb_app.registered_commands}  # type: ignore[union-attr]
    assert set(VERBS) == commands
    assert all(callable(getattr(KnowledgeBases, verb)) for verb in VERBS)


def test_every_verb_exists_over_http(tmp_path: Path) -> None:
    with filled_home(tmp_path) as home:
        paths = build_app(home).openapi()["paths"]
    answers = {(method, path) for path, methods in paths.items() for method in methods}
    wanted = {
        ("post", "/api/kb"),
        ("get", "/api/kb"),
        ("delete", "/api/kb/{kb}"),
        ("get", "/api/kb/{kb}/jobs"),
        ("post", "/api/kb/{kb}/jobs/{job}/retry"),
    }
    wanted |= {("post", f"/api/kb/{{kb}}/{verb}") for verb in ("add", "sync", "search", "ask", "edit", "reset", "rebuild")} | {
        ("get", f"/api/kb/{{kb}}/{v}") for v in ("chunks", "export")
    }
    assert wanted <= answers


def test_a_search_finds_the_same_through_all_three(tmp_path: Path) -> None:
    query = "hotel refund per night"
    with filled_home(tmp_path) as home:
        python = asyncio.run(home.kb.search("kb", query))
        with served(build_app(home)) as url:
            http = httpx2.post(f"{url}/api/kb/kb/search", json={"query": query}).json()["hits"]
        command = json.loads(moorage("kb", "search", "kb", query, "--json", data=tmp_path).stdout)["hits"]
    assert http == json.loads(json.dumps([hit_shape(n, h) for n, h in enumerate(python.hits, 1)]))
    assert command == json.loads(json.dumps(plain(python.hits)))


def test_an_answer_is_the_same_through_all_three(tmp_path: Path) -> None:
    question = "年假须提前几天申请？"
    with filled_home(tmp_path) as home:
        python = asyncio.run(home.kb.answer("kb", question))
        with served(build_app(home)) as url:
            http = httpx2.post(f"{url}/api/kb/kb/ask", json={"question": question}).json()
        command = json.loads(moorage("kb", "ask", "kb", question, "--json", data=tmp_path).stdout)
    assert python.text == http["text"] == command["text"]
    assert [c.number for c in python.citations] == [c["number"] for c in http["citations"]] == [c["number"] for c in command["citations"]]
