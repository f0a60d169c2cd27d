"""Real vLLM servers for the tests of this folder, started once a session: ``vllm_chat_url``, ``vllm_embed_url`` and ``vllm_rerank_url``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.engine.environment import engine_python
from tests.engine.serving import make_tiny_model, vllm_server

TINY_MODELS = Path(__file__).resolve().parents[2].parent / "shared" / "tinymodels"
CHAT_MODEL = "tiny-chat"
EMBED_MODEL = "tiny-embed"
RERANK_MODEL = "tiny-rerank"


@dataclass(frozen=True, slots=True)
class Servers:
    chat_url: str
    embed_url: str
    rerank_url: str


@pytest.fixture(scope="session")
def engine(request: pytest.FixtureRequest) -> Path:
    """The interpreter of the environment with vLLM; built on first use, which takes minutes."""
    if sys.platform != "linux":
        pytest.skip("vLLM's CPU build is made for Linux only")
    if not TINY_MODELS.is_dir():
        pytest.skip(f"no tiny models in {TINY_MODELS.parent.name}/{TINY_MODELS.name} beside the repository")
    return engine_python()


@pytest.fixture(scope="session")
def vllm_servers(engine: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """All servers, started together."""
    folder = tmp_path_factory.mktemp("engine")
    for which in ("embed", "rerank"):
        make_tiny_model(engine, TINY_MODELS / "make_tiny_models.py", folder, which)
    chat_options = ["--served-model-name", CHAT_MODEL, "--max-model-len", "2048", "--dtype", "bfloat16", "--reasoning-parser", "qwen3"]
    # vLLM takes the model's template for one that wants content as parts, and it then fails on a system message.
    chat_options += ["--chat-template-content-format", "string"]
    chat_options += ["--enable-auto-tool-choice", "--tool-call-parser", "hermes"]
    embed_options = ["--served-model-name", EMBED_MODEL, "--runner", "pooling", "--dtype", "float32"]
    rerank_options = ["--served-model-name", RERANK_MODEL, "--runner", "pooling", "--dtype", "float32"]
    with ExitStack() as stack:
        chat = stack.enter_context(vllm_server(engine, TINY_MODELS / "trained" / "tiny-qwen3", *chat_options, log=folder / "chat.log"))
        embed = stack.enter_context(vllm_server(engine, folder / "tiny-bert-embed", *embed_options, log=folder / "embed.log"))
        rerank = stack.enter_context(vllm_server(engine, folder / "tiny-reranker", *rerank_options, log=folder / "rerank.log"))
        for server in (embed, rerank, chat):
            server.wait_until_healthy()
        yield Servers(chat.url, embed.url, rerank.url)


@pytest.fixture(scope="session")
def vllm_chat_url(vllm_servers: Servers) -> str:
    """The base address of a vLLM server with the tiny chat model."""
    return vllm_servers.chat_url


@pytest.fixture(scope="session")
def vllm_embed_url(vllm_servers: Servers) -> str:
    """The base address of a vLLM server with the tiny embedder."""
    return vllm_servers.embed_url


@pytest.fixture(scope="session")
def vllm_rerank_url(vllm_servers: Servers) -> str:
    """The base address of a vLLM server with the tiny reranker."""
    return vllm_servers.rerank_url
