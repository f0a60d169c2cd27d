"""The planner's cache geometry against vLLM's own functions, and against what a real server prints."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from moorage.core.modelspec import Latent, LayerRun, RecurrentState, Shape
from moorage.models.read.folder import read_model
from moorage.plan.kv import CacheSetup, cache_layout, state_bytes
from moorage.plan.startlog import read_start_log
from moorage.plan.version import EngineVersion
from tests.builders import shapes
from tests.engine.conftest import TINY_MODELS
from tests.engine.serving import SETTINGS, vllm_server

pytestmark = pytest.mark.engine

BYTES = 40 * 2**30
MAX_LEN = 32_768
BASE = shapes.windowed()
SHAPES: dict[str, Shape] = {
    "every layer sees all": shapes.dense(),
    "two sorts of heads": BASE,
    "as many windows as not": replace(BASE, layers=(LayerRun("full", 18, 8, 64), LayerRun("sliding", 18, 8, 64, window=128))),
    "windows that leave padding": replace(BASE, layers=(LayerRun("full", 10, 16, 128), LayerRun("sliding", 52, 16, 128, window=1024))),
    "nearly as many": replace(BASE, layers=(LayerRun("full", 13, 8, 64), LayerRun("sliding", 12, 8, 64, window=128))),
    "chunks": replace(BASE, layers=(LayerRun("full", 12, 8, 128), LayerRun("chunked", 36, 8, 128, window=8192))),
    "windows alone": replace(BASE, layers=(LayerRun("sliding", 32, 8, 128, window=4096),)),
    "latent": shapes.latent(),
    "states": shapes.recurrent(),
    "latent and states": replace(
        shapes.latent(), latent=Latent(512, 64), layers=(LayerRun("latent", 7, 1, 576), LayerRun("recurrent", 20, state=RecurrentState("kda", 32, 32, 128, 128, 4, 4)))
    ),
}  # fmt: skip


def _setups() -> list[CacheSetup]:
    return [
        CacheSetup(EngineVersion(0, 32), tp=tp, number_format=number, batched_tokens=4096, prefix_caching=prefix)
        for tp in (1, 2, 4, 8)
        for number in ("auto", "fp8")
        for prefix in (False, True)
    ]


def _case(shape: Shape, setup: CacheSetup) -> dict[str, object]:
    runs = sorted(shape.layers, key=lambda run: run.sort)
    return {
        "format": setup.number_format, "caches_prefixes": setup.prefix_caching, "batched_tokens": setup.batched_tokens, "bytes": BYTES, "max_len": MAX_LEN,
        "attention_block": cache_layout(shape, setup).groups[0].block_tokens if shape.is_hybrid else 16,
        "layers": [
            {
                "sort": run.sort, "heads": max(1, run.kv_heads // setup.tp), "dim": run.head_dim, "window": run.window,
                "state": state_bytes(run.state, setup) if run.state else 0,
            }
            for run in runs
            for _ in range(run.count)
        ],
    }  # fmt: skip


def test_vllm_lays_out_the_same_groups_blocks_and_requests(engine: Path) -> None:
    cases = [(name, shape, setup) for name, shape in SHAPES.items() for setup in _setups()]
    done = subprocess.run(
        [engine, Path(__file__).with_name("cache_oracle.py")], input=json.dumps([_case(shape, setup) for _, shape, setup in cases]),
        capture_output=True, text=True, check=False, env={"OMP_NUM_THREADS": "1", "VLLM_NO_USAGE_STATS": "1", "PATH": str(engine.parent)},
    )  # fmt: skip
    line = next((line for line in done.stdout.splitlines() if line.startswith("ANSWERS ")), None)
    assert line, done.stderr[-2000:]

    for (name, shape, setup), answer in zip(cases, json.loads(line.removeprefix("ANSWERS ")), strict=True):
        layout = cache_layout(shape, setup)
        ours = {
            "groups": len(layout.groups), "block_bytes": layout.block_bytes, "needed_bytes": layout.needed_bytes(MAX_LEN),
            "concurrency": pytest.approx(layout.concurrency(BYTES, MAX_LEN)),
        }  # fmt: skip
        assert answer == ours, (name, setup)


def test_a_real_server_prints_the_tokens_that_were_planned(engine: Path, tmp_path: Path) -> None:
    model = TINY_MODELS / "trained" / "tiny-qwen3"
    with vllm_server(engine, model, "--max-model-len", "1024", "--dtype", "bfloat16", log=tmp_path / "start.log") as server:
        server.wait_until_healthy()
    log = read_start_log((tmp_path / "start.log").read_text(encoding="utf-8", errors="replace"))
    shape = read_model(model).shape
    assert shape and log.version and (log.max_len, log.is_eager) == (1024, True)

    layout = cache_layout(shape, CacheSetup(log.version, block_tokens=128))  # the block on a CPU
    cache = int(SETTINGS["VLLM_CPU_KVCACHE_SPACE"]) * 2**30
    assert (log.cache_tokens, log.concurrency) == (layout.tokens(cache, 1024), layout.concurrency(cache, 1024))
