"""The tiny models read, planned, and served by the real vLLM with the very line that the plan printed; the log read back."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from typer.testing import CliRunner

from moorage.cli.app import app
from moorage.core.modelspec import ModelSpec, Template
from moorage.plan.cards import parse_cards
from moorage.plan.kv import cache_layout
from moorage.plan.result import StackPlan
from moorage.plan.stack import plan_stack
from moorage.plan.startlog import read_start_log
from moorage.plan.version import EngineVersion
from moorage.plan.wish import Wish
from moorage.stack.commands import commands_of
from moorage.stack.planner import plan_services
from moorage.stack.services import ServiceEntry
from tests.builders import shapes
from tests.engine.conftest import TINY_MODELS
from tests.engine.serving import VllmServer, free_port, make_tiny_model, shell_line
from tests.engine.test_flags import ask

pytestmark = pytest.mark.engine

CHAT = TINY_MODELS / "trained" / "tiny-qwen3"
CPU_BLOCK = 128  # tokens; 16 on a GPU
PARTS = {"chat": CHAT, "embed": Path("tiny-bert-embed"), "rank": Path("tiny-reranker")}


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, and the servers that its lines started, by name."""

    plan: StackPlan
    servers: Mapping[str, VllmServer]


@pytest.fixture(scope="module")
def planned(engine: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planned]:
    """Three services on one card, started one after another in the order of the plan, as the plan says."""
    folder = tmp_path_factory.mktemp("plan")
    for which in ("embed", "rerank"):
        make_tiny_model(engine, TINY_MODELS / "make_tiny_models.py", folder, which)
    entries = [ServiceEntry(name, str(folder / place), eager=True) for name, place in PARTS.items()]
    plan = plan_services(entries, gpus="24GB", vllm="0.32.0")
    servers: dict[str, VllmServer] = {}
    with ExitStack() as stack:
        for service in plan.placed:
            line = commands_of(plan, free_port() - service.order + 1)[service.name]
            servers[service.name] = stack.enter_context(shell_line(engine, line.serve, line.port, folder / f"{service.name}.log"))
            servers[service.name].wait_until_healthy()
        yield Planned(plan, servers)


def test_every_service_of_the_plan_is_there(planned: Planned) -> None:
    assert planned.plan.is_whole and set(planned.servers) == set(PARTS)
    for name, server in planned.servers.items():
        assert httpx2.get(f"{server.url}/models").json()["data"][0]["id"] == name


def test_the_chat_model_calls_a_tool_through_the_parser_that_was_chosen(planned: Planned) -> None:
    find = {"name": "find", "parameters": {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}}
    asked = {
        "model": "chat", "messages": [{"role": "user", "content": 'please find "Paris"'}], "temperature": 0, "max_tokens": 200,
        "tools": [{"type": "function", "function": find}], "chat_template_kwargs": {"enable_thinking": False},
    }  # fmt: skip
    message = httpx2.post(f"{planned.servers['chat'].url}/chat/completions", json=asked, timeout=120).json()["choices"][0]["message"]

    assert json.loads(message["tool_calls"][0]["function"]["arguments"]) == {"text": "Paris"}


def test_the_embedder_and_the_reranker_do_their_part(planned: Planned) -> None:
    vectors = httpx2.post(f"{planned.servers['embed'].url}/embeddings", json={"model": "embed", "input": ["a b", "c"]}, timeout=60).json()
    ranked = httpx2.post(
        f"{planned.servers['rank'].url}/rerank", timeout=60,
        json={"model": "rank", "query": "price of tea", "documents": ["the city is far", "the price of tea is low"]},
    ).json()  # fmt: skip

    assert len(vectors["data"]) == 2
    assert ranked["results"][0]["index"] == 1


def test_the_log_says_the_tokens_that_the_plan_reckons_for_these_bytes(planned: Planned) -> None:
    (chat,) = [service for service in planned.plan.placed if service.name == "chat"]
    log = read_start_log(planned.servers["chat"].log.read_text(encoding="utf-8", errors="replace"))
    shape, flags = chat.wish.spec.shape, chat.prediction.flags
    assert shape and flags.said.cache_bytes
    layout = cache_layout(shape, replace(chat.prediction.layout.setup, block_tokens=CPU_BLOCK))

    assert (log.max_len, log.cache_flag_bytes, log.is_eager) == (flags.max_len, flags.said.cache_bytes, True)
    assert log.cache_tokens == layout.tokens(flags.said.cache_bytes, flags.max_len)


def test_a_real_log_makes_the_next_forecast_of_its_line_exact(engine: Path, tmp_path: Path) -> None:
    """A process on a CPU takes more beside its cache than one on a card: the law is off here, and one start teaches by how much."""
    about = ["--gpus", "24GB", "--data", str(tmp_path), "--json"]
    words = ["plan", f"chat={CHAT}", "--vllm", "0.32.0", "--max-num-seqs", "1024", "--enforce-eager", *about]
    line, port = _said(words)["services"][0]["commands"]["serve"], free_port()
    with shell_line(engine, f"{line} --port {port}", port, tmp_path / "start.log") as server:
        server.wait_until_healthy()
    logged = read_start_log((tmp_path / "start.log").read_text(encoding="utf-8", errors="replace")).concurrency
    checked = ["model", "check", line, "--version", "0.32.0", *about]
    before = _said(checked)["forecast"]["service"]["max_concurrency"]
    plan = _said([*words, "--learn", str(tmp_path / "start.log")])
    after = _said(checked)["forecast"]["service"]["max_concurrency"]

    assert logged and not before["low"] <= logged <= before["high"]
    assert after["low"] <= logged <= after["high"]
    assert plan["services"][0]["is_learned"]
    assert after["high"] - after["low"] < before["high"] - before["low"]


def _said(words: list[str]) -> dict[str, Any]:
    shown = CliRunner().invoke(app, words)
    assert shown.exit_code == 0, shown.output
    return json.loads(shown.stdout)


def _specs() -> list[ModelSpec]:
    """Every kind of model whose flags differ."""
    thinks = Template(True, "switch", "{% if tools %}<tool_call>{% endif %}{% if enable_thinking %}<think>{% endif %}")
    chat = replace(shapes.spec(), architecture="Qwen3ForCausalLM", template=thinks)
    return [
        chat, replace(chat, architecture="GptOssForCausalLM", template=None), replace(shapes.spec(shapes.seeing(), "vision_chat"), template=thinks),
        shapes.spec(shapes.recurrent()), shapes.spec(shapes.windowed()), replace(chat, task="embed"), replace(chat, task="rerank"), replace(chat, task="classify"),
        replace(shapes.spec(shapes.encoder(), "embed"), architecture="XLMRobertaModel"),
        replace(shapes.spec(shapes.encoder(), "rerank"), architecture="XLMRobertaForSequenceClassification"),
    ]  # fmt: skip


def test_every_planned_line_is_taken_by_the_real_parser(engine: Path) -> None:
    lines: list[tuple[list[str], int]] = []
    for spec in _specs():
        for gpus in ("2x3090", "2x2080ti", "2xH100"):
            for wanted in ({}, {"context_tokens": 2048, "users": 2, "cache_format": "fp8", "is_eager": True, "lora_rank": 16, "tp": 2}):
                plan = plan_stack([Wish("one", spec, **wanted)], parse_cards(gpus), EngineVersion(0, 32))  # type: ignore[arg-type]
                for service in plan.placed:
                    words = shlex.split(commands_of(plan)["one"].serve.replace("\\\n", ""))
                    lines.append((words[words.index("serve") + 1 :], service.prediction.flags.max_len))

    assert len(lines) > 30
    assert ask(engine, [words for words, _ in lines])["parsed"] == [length for _, length in lines]
