"""The documentation is true: links lead somewhere, tables are complete, commands exist, and what is marked runs."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import httpx2
import pytest

from moorage.core import errors
from moorage.core.settings import SETTINGS
from tests.docs import generated
from tests.docs.commands import command_of
from tests.docs.pages import PORT, ROOT, Block, Where, anchors, blocks, links, pages, table

EXAMPLES = ROOT / "examples"
AGAIN = "run `python3 dev.py docs` and look at the difference"


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def marked(where: Where) -> list[Path]:
    return [page for page in pages() if any(block.where == where for block in blocks(page))]


every_page = pytest.mark.parametrize("page", pages(), ids=name_of)


@every_page
def test_every_link_leads_to_something(page: Path) -> None:
    for link in links(page):
        if "://" in link or link.startswith("mailto:"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / unquote(path)).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_page_of_the_docs_is_in_its_index() -> None:
    listed = set(links(ROOT / "docs" / "index.md"))

    assert {page.name for page in (ROOT / "docs").glob("*.md")} - {"index.md"} <= listed


def test_every_setting_is_in_the_table_as_the_source_says_it() -> None:
    page = generated.CONFIGURATION.read_text(encoding="utf-8")

    assert [setting.name for setting in SETTINGS if f"| `{setting.name}` |" not in page] == []
    assert page == generated.configuration_page(), AGAIN


def test_the_command_line_page_is_what_help_says() -> None:
    assert generated.COMMAND_LINE.read_text(encoding="utf-8") == generated.command_line_page(), AGAIN


@every_page
def test_every_command_shown_exists_with_its_options(page: Path) -> None:
    for block in blocks(page):
        for line in block.commands():
            words = shlex.split(line, comments=True)
            while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                words.pop(0)
            if words and words[0] == "moorage":
                _assert_is_known(words)


def test_every_command_that_an_error_advises_exists() -> None:
    advised = {
        words
        for error in _below(errors.MoorageError)
        for text in (error.__doc__ or "", error.zh)
        for words in re.findall(r"`(moorage [^`]*)`", text)
    }

    for words in advised:
        _assert_is_known(words.split())


@pytest.mark.parametrize("page", marked("run"), ids=name_of)
def test_what_is_marked_runs(page: Path, place: Path) -> None:
    for block in blocks(page):
        if block.where == "run":
            _run(block, place)


@pytest.mark.parametrize("page", marked("run with server"), ids=name_of)
def test_what_is_marked_runs_beside_a_server(page: Path, place: Path, server: str) -> None:
    for block in blocks(page):
        if block.where == "run with server":
            _run(block, place, port=server)


def _assert_is_known(words: list[str]) -> None:
    command = command_of(words)
    assert command, f"`{' '.join(words)}`: there is no such command"
    typed = {word.split("=")[0] for word in words if word.startswith("--")}
    assert typed <= command.options, f"{command.name} has no {', '.join(typed - command.options)}"


def _below(error: type[errors.MoorageError]) -> Iterator[type[errors.MoorageError]]:
    yield error
    for child in error.__subclasses__():
        yield from _below(child)


# Running a block: in a folder where `docs` holds the example handbook, with `moorage` and `python` of this environment.


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return _furnish(tmp_path)


def _furnish(folder: Path) -> Path:
    shutil.copytree(EXAMPLES / "handbook", folder / "docs")
    programs = folder / ".programs"
    programs.mkdir()
    for name, words in {"moorage": '-c "import sys; from moorage.cli import main; sys.exit(main())"', "python": ""}.items():
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n', encoding="utf-8")
        (programs / name).chmod(0o755)
    return folder


def _environment(folder: Path) -> dict[str, str]:
    path = os.pathsep.join([str(folder / ".programs"), os.environ["PATH"]])
    return {**os.environ, "PATH": path, "MOORAGE_DATA": str(folder / ".data"), "PYTHONPATH": str(ROOT / "src"), "PYTHONUTF8": "1"}


def _run(block: Block, folder: Path, port: str = PORT) -> None:
    text = block.text.replace(f":{PORT}", f":{port}")
    if block.language == "python":
        _finish([sys.executable, "-c", text], folder)
        return
    shell = shutil.which("bash") or pytest.skip("no bash here to run the commands")
    for command in Block(block.page, block.language, text, block.where).commands():
        program = shlex.split(command)[0]
        if program == "curl":
            if not shutil.which("curl"):
                pytest.skip("no curl here")
            command = command.replace("curl ", "curl --fail-with-body ", 1)
        _finish([shell, "-euo", "pipefail", "-c", command], folder)


def _finish(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, env=_environment(folder), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"{command[-1]}\n{done.stdout}\n{done.stderr}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The port of a running `moorage up ./docs` that has read everything."""
    folder = _furnish(tmp_path_factory.mktemp("server"))
    port = _free_port()
    log = folder / "log"
    with log.open("wb") as talk:
        words = [str(folder / ".programs" / "moorage"), "up", "docs", "--port", port, "--no-open"]
        child = subprocess.Popen(words, cwd=folder, env=_environment(folder), stdout=talk, stderr=talk)
    try:
        _wait_until_read(child, f"http://127.0.0.1:{port}/api/kb/docs", log)
        yield port
    finally:
        child.terminate()
        child.wait(timeout=30)


def _free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def _wait_until_read(child: subprocess.Popen[bytes], address: str, log: Path) -> None:
    expected = len(list((EXAMPLES / "handbook").iterdir()))
    until = time.monotonic() + 60
    while time.monotonic() < until and child.poll() is None:
        try:
            found = httpx2.get(f"{address}/jobs", timeout=5)
        except httpx2.TransportError:
            found = None
        if found is not None and found.status_code == 200 and (jobs := found.json())["done"] + jobs["failed"] >= expected:
            return
        time.sleep(0.2)
    pytest.fail(f"`moorage up ./docs` did not get ready:\n{log.read_text(encoding='utf-8', errors='replace')}")


def test_every_example_question_is_listed_with_a_file_that_is_there() -> None:
    rows = table(EXAMPLES / "README.md", "Questions to try")

    assert len(rows) >= 8
    assert {source for *_, source in rows} == {file.name for file in (EXAMPLES / "handbook").iterdir()}
