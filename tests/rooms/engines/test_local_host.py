"""The real machine answers the questions of the checks, and never raises."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from moorage.engines.machine import LocalHost, check_machine, check_reach


class Models(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b'{"object": "list", "data": [{"id": "qwen3"}]}'
        self.send_response(200 if self.path == "/v1/models" else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Models)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()


def test_programs_run_and_missing_ones_are_none() -> None:
    host = LocalHost()
    ran = host.run(sys.executable, "-c", "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")
    assert ran and (ran.code, ran.out.strip(), ran.error.strip()) == (3, "out", "err")
    assert host.run("no-such-program-here") is None


def test_a_program_that_hangs_is_given_up() -> None:
    ran = LocalHost().run(sys.executable, "-c", "import time; time.sleep(60)", timeout_s=0.5)
    assert ran and ran.code == -1 and "timed out" in ran.error


def test_files_disks_and_names_are_looked_up() -> None:
    host = LocalHost()
    assert host.read("/no/such/file") is None and host.space("/no/such/folder") is None
    free, total = host.space("/") or (0, 0)
    assert 0 < free <= total and host.limit("nofile") is not None
    assert host.resolve("localhost") and host.resolve("no-such-name.invalid") == ()


def test_an_address_is_asked_without_the_proxy_of_the_environment(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    answer = LocalHost().get(f"{url}/models")
    assert answer.status == 200 and "qwen3" in answer.body
    refused = LocalHost().get("http://127.0.0.1:1/v1")
    assert refused.status == 0 and refused.reason


def test_a_server_on_loopback_is_found_so(url: str) -> None:
    states = {check.name: check.state for check in check_reach(LocalHost(), url)}
    assert states["answers"] == "ok" and states["address"] == "warning"
    assert states.get("listens") == ("error" if sys.platform == "linux" else None)


def test_this_machine_can_be_looked_at() -> None:
    checks = check_machine(LocalHost())
    assert all(check.say("en") and check.say("zh") for check in checks) and {"gpu", "port"} <= {check.name for check in checks}
