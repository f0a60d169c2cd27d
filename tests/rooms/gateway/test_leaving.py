"""A client that leaves frees its server at once, and a gateway that is stopped lets running answers end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from moorage.gateway.admission import CallRecord
from moorage.gateway.config import ModelEntry, Replica
from moorage.testing.backend import DONE, Play, backend, chat_reply, chat_stream, delta, finish, json_reply, stream
from tests.builders.gateways import MESSAGES, Client, entry, gateway

AT_ONCE_S = 0.2
HANG = Play((), ending="hang")
STARTED = stream([delta("a")], is_ended=False, ending="hang")
ENDLESS = Play(stream([delta("a"), delta("b")], is_ended=False).pieces, endless=True, between_s=0.01)


@pytest.mark.parametrize(
    ("play", "asked"),
    [
        (HANG, {}),
        (HANG, {"stream": True}),
        (STARTED, {"stream": True}),
        (ENDLESS, {"stream": True}),
        (Play((b"HTTP/1.1 200 OK\r\n",), ending="hang"), {}),
    ],
    ids=["no answer yet", "no first word yet", "in the middle", "while words come", "half a head"],
)
def test_the_server_is_left_at_once_when_the_client_leaves(play: Play, asked: dict[str, object]) -> None:
    with backend(play) as server, gateway(entry(server)) as client:
        line = client.begin(**asked)
        server.wait_until_asked()
        time.sleep(0.1)
        left = time.monotonic()
        line.close()

        assert server.wait_until_left() - left < AT_ONCE_S
        wait_for_nobody(client)
        server.answer(chat_reply())
        assert client.chat().status == 200


CONVERTED = {
    "responses": ("/v1/responses", {"input": "x"}),
    "responses, streamed": ("/v1/responses", {"input": "x", "stream": True}),
    "messages, streamed": ("/v1/messages", {"max_tokens": 5, "stream": True}),
    "rerank": ("/v1/rerank", {"query": "x", "documents": ["a"]}),
    "embeddings, in a batch": ("/v1/embeddings", {"input": "x"}),
    "embeddings, many": ("/v1/embeddings", {"input": ["x"] * 200}),
    "speech": ("/v1/audio/speech", {"input": "x"}),
}


@pytest.mark.parametrize("name", CONVERTED)
@pytest.mark.parametrize("tool_parsing", ["native", "gateway"])
def test_it_is_left_at_once_whatever_was_asked(name: str, tool_parsing: str) -> None:
    path, asked = CONVERTED[name]
    with backend(STARTED if asked.get("stream") else HANG) as server, gateway(entry(server, tool_parsing=tool_parsing)) as client:
        line = client.begin(path, **asked)
        server.wait_until_asked()
        time.sleep(0.1)
        left = time.monotonic()
        line.close()

        assert server.wait_until_left() - left < AT_ONCE_S
        wait_for_nobody(client)


def test_a_batch_goes_on_for_those_who_stay_and_ends_with_the_last() -> None:
    with backend(HANG) as server, gateway(entry(server)) as client:
        lines = [client.begin("/v1/embeddings", input=f"text {n}") for n in range(5)]
        server.wait_until_asked()
        time.sleep(0.1)
        for line in lines[1:]:
            line.close()
        time.sleep(AT_ONCE_S)
        stayed = len(server.left)
        left = time.monotonic()
        lines[0].close()
        first = server.wait_until_left()

    # They came within a blink of one another, yet maybe not within one batch: the last one's server is the one that is left last.
    assert stayed < len(server.requests)
    assert max(server.left[-1], first) - left < AT_ONCE_S


def test_who_leaves_while_another_server_is_tried_leaves_that_one() -> None:
    with backend(json_reply({"error": {"message": "oops"}}, 500)) as bad, backend(HANG) as slow, gateway(entry(bad, slow)) as client:
        while not bad.requests:
            line = client.begin()
            slow.wait_until_asked(len(slow.requests) or 1)
            time.sleep(0.05)
        left = time.monotonic()
        line.close()

        assert slow.wait_until_left() - left < AT_ONCE_S


def test_a_client_that_leaves_after_the_last_word_has_not_left_early() -> None:
    class Notes:
        def __init__(self) -> None:
            self.statuses: list[int] = []

        def note(self, record: CallRecord) -> None:
            self.statuses.append(record.status)

    notes = Notes()
    late = stream([delta("a"), finish(), DONE, b": the end comes late\n\n"], between_s=0.1)
    with backend(late) as server, gateway(entry(server), meter=notes) as client:
        line = client.begin(stream=True, headers={"connection": "close"})
        while line.recv(65536):
            pass
        wait_for_nobody(client)

    assert notes.statuses == [200]


def test_a_client_that_leaves_within_a_blink_is_noticed_too() -> None:
    with backend(HANG) as server, gateway(entry(server)) as client:
        line = client.begin()
        server.wait_until_asked()
        left = time.monotonic()
        line.close()

        assert server.wait_until_left() - left < AT_ONCE_S


def test_who_leaves_the_line_is_never_sent_to_the_server() -> None:
    with backend(HANG) as server, gateway(ModelEntry("m", (Replica(server.url, parallel=1),))) as client:
        first = client.begin()
        server.wait_until_asked()
        second = client.begin()
        wait_for(client, "waiting", 1)
        second.close()
        wait_for(client, "waiting", 0)
        first.close()
        server.wait_until_left()
        wait_for_nobody(client)

    assert len(server.requests) == 1


def test_a_request_without_its_body_is_forgotten_when_its_client_leaves() -> None:
    with backend() as server, gateway(entry(server)) as client:
        line = client.open()
        line.putrequest("POST", "/v1/chat/completions")
        line.putheader("content-length", "1000")
        line.endheaders(b'{"model":')
        line.close()
        assert client.chat().status == 200

    assert len(server.requests) == 1


def test_a_slow_reader_slows_the_server_down_and_not_the_gateway() -> None:
    flood = Play(stream([delta("a"), delta("x" * 60_000)], is_ended=False).pieces, endless=True)
    with backend(flood) as server, gateway(entry(server)) as client:
        line = client.begin(stream=True)
        time.sleep(1.0)
        with open("/proc/self/statm") as f:
            before = int(f.read().split()[1])
        time.sleep(0.5)
        with open("/proc/self/statm") as f:
            grown = (int(f.read().split()[1]) - before) * 4096
        line.close()
        server.wait_until_left()

    assert grown < 20_000_000


def wait_for(client: Client, what: str, count: int) -> None:
    ends = time.monotonic() + 5
    while (found := client.get("/health").json()["models"]["m"][what]) != count:
        assert time.monotonic() < ends, f"{found} {what}"
        time.sleep(0.005)


def wait_for_nobody(client: Client) -> None:
    wait_for(client, "running", 0)


@contextmanager
def command(tmp_path: Path, text: str, *more: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    (tmp_path / "moorage.yaml").write_text(text)
    program = "from moorage.cli import main; main()"
    words = [
        sys.executable,
        "-c",
        program,
        "gateway",
        "--config",
        str(tmp_path / "moorage.yaml"),
        "--port",
        "0",
        "--data",
        str(tmp_path / "data"),
        *more,
    ]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ}) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def post(url: str, body: dict[str, object], key: str = "") -> bytes:
    headers = {"content-type": "application/json", **({"authorization": f"Bearer {key}"} if key else {})}
    with urllib.request.urlopen(
        urllib.request.Request(f"{url}/chat/completions", json.dumps(body).encode(), headers), timeout=20
    ) as answer:
        return answer.read()


def test_the_command_serves_the_models_of_the_stack_file_and_ends_when_told(tmp_path: Path) -> None:
    with backend() as server, command(tmp_path, f"models: {{m: '{server.url}'}}") as (process, url):
        assert url.startswith("http://127.0.0.1:")
        assert json.loads(post(url, {"model": "m", "messages": MESSAGES}))["choices"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_a_stream_that_runs_is_brought_to_its_end_after_sigterm(tmp_path: Path) -> None:
    long = Play(stream([delta("a")] * 10 + [finish(), b"data: [DONE]\n\n"]).pieces, between_s=0.1)
    with backend(long) as server, command(tmp_path, f"models: {{m: '{server.url}'}}") as (process, url):
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(post, url, {"model": "m", "messages": MESSAGES, "stream": True})
            server.wait_until_asked(seconds=20)
            time.sleep(0.1)
            process.send_signal(signal.SIGTERM)
            got = asked.result()
        assert process.wait(10) == 0

    assert got == delta("a") * 10 + finish() + b"data: [DONE]\n\n"


def test_patience_with_running_answers_ends_with_a_word(tmp_path: Path) -> None:
    text = "gateway: {drain_timeout: 1}\nmodels: {m: '%s'}"
    with backend(STARTED) as server, command(tmp_path, text % server.url) as (process, url):
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(post, url, {"model": "m", "messages": MESSAGES, "stream": True})
            server.wait_until_asked(seconds=20)
            time.sleep(0.1)
            process.send_signal(signal.SIGTERM)
            got = asked.result()
        assert process.wait(10) == 0

    assert got.startswith(delta("a"))
    assert b"shutting_down" in got
    assert got.endswith(b"data: [DONE]\n\n")


def test_keys_are_asked_for_when_wanted_and_the_first_is_shown_once(tmp_path: Path) -> None:
    with (
        backend(chat_stream()) as server,
        command(tmp_path, f"models: {{m: '{server.url}'}}\ngateway: {{keys: 'on'}}", "--json") as (process, first),
    ):
        assert process.stdout is not None
        shown = json.loads(first + "".join(iter(process.stdout.readline, "}\n")) + "}")
        with pytest.raises(urllib.error.HTTPError, match="401"):
            post(shown["url"], {"model": "m", "messages": MESSAGES})
        assert post(shown["url"], {"model": "m", "messages": MESSAGES, "stream": True}, shown["key"])
        assert shown["models"] == ["m"]


def test_a_stack_file_without_models_is_said_plainly(tmp_path: Path) -> None:
    with command(tmp_path, "knowledge: ./docs") as (process, _):
        _, said = process.communicate(timeout=20)

    assert "No model is configured" in said
    assert process.returncode == 1
