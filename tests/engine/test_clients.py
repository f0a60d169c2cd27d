"""Real clients, the whole program, real models."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.builders.pip_environment import NoPackageIndex
from tests.clients.running import Clients, Stand, checks_of, clients, clients_python
from tests.engine.conftest import CHAT_MODEL, EMBED_MODEL, RERANK_MODEL, TINY_MODELS, Servers

pytestmark = [pytest.mark.engine, pytest.mark.clients]


@pytest.fixture(scope="module")
def before_vllm(vllm_servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clients]:
    try:
        python = clients_python()
    except NoPackageIndex as e:
        pytest.skip(f"no package index to install the clients from: {e}")
    chat = {"url": vllm_servers.chat_url, "model": CHAT_MODEL, "kind": "vllm"}
    models = {
        "facts": chat,
        "raw": {**chat, "tool_parsing": "gateway", "template": str(TINY_MODELS / "trained" / "tiny-qwen3")},
        "vectors": {"url": vllm_servers.embed_url, "model": EMBED_MODEL, "kind": "vllm", "task": "embed"},
        "ranks": {"url": vllm_servers.rerank_url, "model": RERANK_MODEL, "kind": "vllm", "task": "rerank"},
    }
    with (
        Stand(tmp_path_factory.mktemp("before-vllm")).serving({"gateway": {"keys": "on"}, "models": models}) as door,
        clients(python, door) as found,
    ):
        yield found


@pytest.mark.parametrize("check", checks_of("real_engine"))
def test_a_client_gets_what_it_expects_of_a_real_model(before_vllm: Clients, check: str) -> None:
    failure = before_vllm.failure("real_engine", check)
    if failure is not None:
        pytest.fail(failure, pytrace=False)
