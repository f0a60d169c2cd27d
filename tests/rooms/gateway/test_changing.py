"""The configuration may change while the gateway runs."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from moorage.core.settings import resolve
from moorage.core.stackfile import read
from moorage.gateway import reload
from moorage.gateway.app import Gateway
from moorage.gateway.config import GatewayConfig, gateway_config
from moorage.testing.backend import DONE, Play, backend, chat_reply, delta, finish, stream
from tests.builders.gateways import Client, config, entry, gateway, served_gateway


def test_a_model_that_stays_keeps_its_connections_and_one_that_is_new_is_served() -> None:
    with backend() as one, backend() as two, gateway(entry(one, name="one")) as client:
        assert client.chat("one").status == 200
        client.gateway.configure(config(entry(one, name="one"), entry(two, name="two")))
        assert [client.chat(name).status for name in ("one", "two")] == [200, 200]
        client.gateway.configure(config(entry(two, name="two")))
        assert client.chat("one").status == 404

    assert one.connections == 1


def test_a_stream_goes_on_while_its_model_is_taken_away() -> None:
    slow = Play(stream([delta("a")] * 10 + [finish(), DONE]).pieces, between_s=0.05)
    with backend(slow) as server, gateway(entry(server)) as client:
        line = client.begin(stream=True)
        server.wait_until_asked()
        client.gateway.configure(config())
        got = b""
        while not got.endswith(b"0\r\n\r\n"):
            got += line.recv(65536)
        line.close()
        assert client.chat().status == 404

    assert got.count(b"data: ") == 12


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reload, "EVERY_S", 0.02)


@contextlib.contextmanager
def following(path: Path) -> Iterator[Client]:
    def made() -> GatewayConfig:
        stack = read(path)
        return gateway_config(stack, resolve({}, {}, stack.values).settings)

    async def follow(app: Gateway) -> None:
        await reload.follow_file(path, made, app.configure)

    with served_gateway(Gateway(made(), companions=[follow])) as client:
        yield client


def eventually(is_so: Callable[[], bool]) -> None:
    ends = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < ends, "it never came true"
        time.sleep(0.01)


@pytest.mark.usefixtures("quick")
def test_a_changed_file_is_served_soon_and_a_slip_in_it_changes_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "moorage.yaml"
    with backend(chat_reply()) as server:
        path.write_text(f"models: {{a: '{server.url}'}}")
        with following(path) as client:
            assert (client.chat("a").status, client.chat("b").status) == (200, 404)
            path.write_text(f"models: {{a: '{server.url}', b: '{server.url}'}}")
            eventually(lambda: client.chat("b").status == 200)
            path.write_text("models: {a: {replica: []}}")
            eventually(lambda: "Did you mean replicas?" in caplog.text)
            assert (client.chat("a").status, client.chat("b").status) == (200, 200)
            path.unlink()
            path.write_text(f"models: {{c: '{server.url}'}}")
            eventually(lambda: client.chat("c").status == 200)
            assert client.chat("a").status == 404


@pytest.mark.usefixtures("quick")
def test_a_file_that_changed_while_the_gateway_started_is_served_too(tmp_path: Path) -> None:
    path = tmp_path / "moorage.yaml"
    with backend() as server:
        path.write_text(f"models: {{b: '{server.url}'}}")
        old = config(entry(server, name="a"))

        async def follow(app: Gateway) -> None:
            await reload.follow_file(path, lambda: config(entry(server, name="b")), app.configure, old)

        with served_gateway(Gateway(old, companions=[follow])) as client:
            eventually(lambda: (client.chat("a").status, client.chat("b").status) == (404, 200))


def test_companions_end_with_the_gateway() -> None:
    begun, ended = threading.Event(), threading.Event()

    async def companion(app: Gateway) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    with served_gateway(Gateway(config(), companions=[companion])):
        assert begun.wait(5)
    assert ended.wait(5)
