"""``moorage gateway --workers``: one door, one set of limits, and nobody notices when a worker dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from moorage.store.folder import DataFolder
from moorage.store.key_rules import KeyRules
from moorage.testing.backend import DONE, backend, delta, finish, stream
from moorage.testing.model_server import json_reply, model_server
from tests.builders.patience import eventually

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks at processes in /proc")
ANSWER = {
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 7, "completion_tokens": 3},
}


@contextmanager
def gateway(folder: Path, *words: str, url: str = "") -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A gateway over a fake model server, or over the one at ``url``; its address and its process."""
    with model_server() as server:
        server.trouble = json_reply(ANSWER)
        config = folder / "moorage.yaml"
        settings = "store: {data: ./data}\ngateway: {keys: 'on', port: 0, health_interval: 0}\n"
        config.write_text(f"models: {{m: '{url or server.url}'}}\n{settings}")
        command = [sys.executable, "-c", "from moorage.cli import main; main()", "gateway", "--config", str(config), "--json", *words]
        log = (folder / "log").open("w")
        with (
            log,
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env={**os.environ, "PYTHONUTF8": "1"}) as process,
        ):
            try:
                assert process.stdout
                said = json.loads("".join(iter(process.stdout.readline, "}\n")) + "}")
                yield said["url"], process
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(timeout=60)


def workers_of(process: subprocess.Popen[str]) -> set[int]:
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return {int(child) for child in children if b"spawn_main" in command_of(child)}


def command_of(pid: str) -> bytes:
    """The words of a process; none where it is just gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def ask(url: str, key: str) -> int:
    """The status of one request over a connection of its own; 0 where the connection broke with the worker that held it."""
    try:
        body = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
        return httpx2.post(f"{url}/chat/completions", json=body, headers={"authorization": f"Bearer {key}"}, timeout=30).status_code
    except httpx2.TransportError:
        return 0


def test_workers_keep_one_limit_also_after_one_was_killed(tmp_path: Path) -> None:
    store = DataFolder(tmp_path / "data")
    limited, free = store.keys.create("limited", KeyRules(requests_per_minute=30)), store.keys.create("free")
    store.close()
    with gateway(tmp_path, "--workers", "2") as (url, process):
        eventually(lambda: ask(url, free) == 200, 60)
        assert [ask(url, limited) for _ in range(20)] == [200] * 20
        first = workers_of(process)
        assert len(first) == 2

        os.kill(min(first), signal.SIGKILL)
        eventually(lambda: len(workers_of(process) - first) == 1 and len(workers_of(process)) == 2, 60)
        eventually(lambda: ask(url, free) == 200, 60)
        statuses = [ask(url, limited) for _ in range(30)]
        assert statuses.count(200) == 10 and statuses.count(429) == 20
        last = workers_of(process)
    assert process.returncode == 0
    eventually(lambda: not any(is_alive(pid) for pid in last))


def test_workers_end_with_their_parent(tmp_path: Path) -> None:
    store = DataFolder(tmp_path / "data")
    key = store.keys.create("k")
    store.close()
    with gateway(tmp_path, "--workers", "2") as (url, process):
        eventually(lambda: ask(url, key) == 200 and len(workers_of(process)) == 2, 60)
        workers = workers_of(process)

        process.kill()

        eventually(lambda: not any(is_alive(pid) for pid in workers), 60)


def test_streams_of_all_workers_come_to_their_end_when_the_parent_is_told_to_end(tmp_path: Path) -> None:
    store = DataFolder(tmp_path / "data")
    key = store.keys.create("k")
    store.close()
    parts = [delta("a")] * 20 + [finish(), DONE]
    with backend(stream(parts, between_s=0.1)) as server, gateway(tmp_path, "--workers", "2", url=server.url) as (url, process):
        eventually(lambda: len(workers_of(process)) == 2 and _is_listening(url), 60)
        body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": True}
        headers = {"authorization": f"Bearer {key}"}
        with ThreadPoolExecutor(6) as threads:
            asked = [threads.submit(httpx2.post, f"{url}/chat/completions", json=body, headers=headers, timeout=30) for _ in range(6)]
            server.wait_until_asked(6, seconds=30)
            process.send_signal(signal.SIGTERM)
            got = [each.result() for each in asked]
        assert process.wait(30) == 0

    assert [(each.status_code, each.content) for each in got] == [(200, b"".join(parts))] * 6


def test_a_changed_file_and_a_revoked_key_hold_for_all_workers(tmp_path: Path) -> None:
    store = DataFolder(tmp_path / "data")
    key, other = store.keys.create("k"), store.keys.create("other")
    with gateway(tmp_path, "--workers", "2") as (url, process):
        eventually(lambda: len(workers_of(process)) == 2 and ask(url, key) == 200, 60)
        config = tmp_path / "moorage.yaml"
        config.write_text(config.read_text().replace("{m: ", "{n: "))
        eventually(lambda: [ask(url, other) for _ in range(8)] == [404] * 8, 60)
        config.write_text(config.read_text().replace("{n: ", "{m: "))
        store.keys.delete("k")
        eventually(lambda: [ask(url, key) for _ in range(8)] == [401] * 8, 60)
        eventually(lambda: [ask(url, other) for _ in range(8)] == [200] * 8, 60)
    store.close()


def _is_listening(url: str) -> bool:
    try:
        return httpx2.get(f"{url.removesuffix('/v1')}/health", timeout=5).status_code == 200
    except httpx2.TransportError:
        return False
