"""The command line: data on stdout, talk on stderr, one sentence and exit code 1 when something cannot be done."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.builders.homes import write_folder


def moorage(*words: str, data: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from moorage.cli import main; main()", *words, *(["--data", str(data)] if data else [])]
    return subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", timeout=120, env={**os.environ, "PYTHONUTF8": "1", **variables}
    )


def test_from_a_folder_to_an_answer(tmp_path: Path) -> None:
    data, folder = tmp_path / "data", write_folder(tmp_path / "docs")
    assert moorage("kb", "create", "shop", data=data).stdout == "shop\n"
    synced = moorage("kb", "sync", "shop", str(folder), "--json", data=data)
    assert synced.returncode == 0 and {d["name"] for d in json.loads(synced.stdout)["documents"]} == {"leave.md", "travel.md"}
    assert "2 new" in synced.stderr
    asked = moorage("ask", "年假须提前几天申请？", data=data)
    assert "年假须提前三天申请。 [1]" in asked.stdout and "[1] leave.md" in asked.stdout and "No language model" in asked.stderr
    answer = json.loads(moorage("kb", "ask", "shop", "hotel refund", "--json", data=data).stdout)
    assert answer["found"] and answer["citations"][0]["hit"]["document"]["name"] == "travel.md"
    found = json.loads(moorage("kb", "search", "shop", "hotel", "--top-k", "1", "--json", data=data).stdout)
    assert len(found["hits"]) == 1
    listed = json.loads(moorage("kb", "ls", "--json", data=data).stdout)
    assert listed[0]["documents"] == 2
    chunks = moorage("kb", "chunks", "shop", "leave.md", data=data).stdout
    assert "十天年假" in chunks
    assert json.loads(moorage("kb", "export", "shop", data=data).stdout.splitlines()[0])["name"] == "leave.md"
    archive = tmp_path / "all.zip"
    assert moorage("data", "export", str(archive), data=data).returncode == 0
    assert moorage("data", "import", str(archive), data=tmp_path / "other").returncode == 0
    assert "[1] leave.md" in moorage("ask", "年假须提前几天申请？", data=tmp_path / "other").stdout
    assert moorage("kb", "rm", "shop", data=data).returncode == 0
    assert json.loads(moorage("kb", "ls", "--json", data=data).stdout) == []


def test_a_document_that_fails_is_named_and_the_exit_code_tells(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "docs")
    (folder / "bad.pdf").write_bytes(b"%PDF-1.4 broken")
    moorage("kb", "create", "shop", data=tmp_path / "data")
    synced = moorage("kb", "sync", "shop", str(folder), data=tmp_path / "data")
    assert synced.returncode == 1 and "bad.pdf" in synced.stderr and "travel.md" in synced.stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("kb", "ask", "nope", "x"), "no knowledge base named 'nope'"),
        (("kb", "create", "../x"), "cannot be used"),
        (("up", "/no/such/folder"), "no file or folder"),
        (("up", "--port", "x"), "whole number"),
        (("config", "show", "--config", "/no/such.yaml"), "no file or folder"),
        (("data", "import", "/no/such.zip"), "no file or folder"),
        (("ask", "x"), "no knowledge base"),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path: Path, words: tuple[str, ...], says: str) -> None:
    result = moorage(*words, data=tmp_path / "data")
    assert result.returncode == 1 and result.stdout == "" and says in result.stderr and result.stderr.count("\n") == 1


def test_json_errors_are_data(tmp_path: Path) -> None:
    result = moorage("kb", "ask", "nope", "x", "--json", data=tmp_path)
    assert json.loads(result.stdout)["error"]["code"] == "knowledge_not_found"


def test_messages_follow_the_locale(tmp_path: Path) -> None:
    assert "没有名为" in moorage("kb", "ask", "nope", "x", data=tmp_path, LANG="zh_CN.UTF-8").stderr


def test_wrong_usage_is_exit_code_2() -> None:
    assert moorage("kb", "create").returncode == 2
    assert moorage("nonsense").returncode == 2


def test_config_show_says_which_won(tmp_path: Path) -> None:
    (tmp_path / "moorage.yaml").write_text("gateway: {port: 7000}\nmodels: {llm: {url: u, key: sk-secret}}\n")
    result = moorage("config", "show", "--config", str(tmp_path / "moorage.yaml"), "--json", MOORAGE_TOP_K="9")
    rows = {r["name"]: r for r in json.loads(result.stdout)}
    assert (rows["port"]["value"], rows["port"]["origin"], rows["top_k"]["value"], rows["top_k"]["source"]) == (
        7000,
        "file",
        9,
        "MOORAGE_TOP_K",
    )
    assert "sk-secret" not in result.stdout


def test_a_data_folder_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    import sqlite3

    moorage("kb", "create", "kb", data=tmp_path)
    with sqlite3.connect(tmp_path / "moorage.db") as c:
        c.execute("PRAGMA user_version=999")
    result = moorage("kb", "ls", data=tmp_path)
    assert result.returncode == 1 and "newer Moorage" in result.stderr and "Traceback" not in result.stderr


def test_every_command_speaks_json() -> None:
    from typer.main import get_command

    from moorage.cli.app import app

    def leaves(command: object, path: str = "") -> list[tuple[str, object]]:
        children = getattr(command, "commands", None)
        if children is None:
            return [(path, command)]
        return [leaf for name, child in children.items() for leaf in leaves(child, f"{path} {name}")]

    for path, command in leaves(get_command(app)):
        assert any("--json" in p.opts for p in command.params), path  # type: ignore[attr-defined]
        assert command.help, path  # type: ignore[attr-defined]
