"""The doctor reads what the real server prints when it fails."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from moorage.engines.doctor import diagnose, read_log
from tests.engine.conftest import TINY_MODELS
from tests.engine.serving import ServerFailed, vllm_server

pytestmark = pytest.mark.engine

MODEL = TINY_MODELS / "trained" / "tiny-qwen3"


def failure(engine: Path, model: Path, *options: str, folder: Path) -> str | None:
    log = folder / "vllm.log"
    with vllm_server(engine, model, *options, log=log) as server, pytest.raises(ServerFailed):
        server.wait_until_healthy()
    found = diagnose(read_log(log)).cause
    return found.cause.id if found else None


@pytest.mark.parametrize(
    ("options", "cause"),
    [
        (["--task", "embed"], "cfg.task_removed"),
        (["--enable-reasoning", "--reasoning-parser", "qwen3"], "cfg.enable_reasoning_removed"),
        (["--swap-space", "4"], "cfg.unrecognized_arguments"),
        (["--max-model-len", "9999999"], "cfg.max_model_len_gt_derived"),
        (["--enable-auto-tool-choice", "--tool-call-parser", "nobody"], "cfg.tool_parser_invalid"),
        (["--enable-auto-tool-choice"], "cfg.auto_tool_needs_parser"),
        (["--reasoning-parser", "nobody"], "cfg.reasoning_parser_invalid"),
        (["--quantization", "awq"], "cfg.quant_config_missing"),
    ],
)
def test_a_start_that_fails_is_named(engine: Path, tmp_path: Path, options: list[str], cause: str) -> None:
    assert failure(engine, MODEL, *options, folder=tmp_path) == cause


def test_a_path_that_is_not_there_is_named(engine: Path, tmp_path: Path) -> None:
    assert failure(engine, tmp_path / "models" / "none", folder=tmp_path) == "model.repo_id_invalid"


def test_a_broken_weight_file_is_named(engine: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    for file in MODEL.iterdir():
        if file.suffix != ".safetensors" and file.is_file():
            (model / file.name).write_bytes(file.read_bytes())
    (model / "model.safetensors").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    assert failure(engine, model, folder=tmp_path) == "model.safetensors_corrupt"


def test_an_architecture_nobody_has_is_named(engine: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    for file in MODEL.iterdir():
        if file.is_file():
            (model / file.name).write_bytes(file.read_bytes())
    config = json.loads((MODEL / "config.json").read_text(encoding="utf-8"))
    (model / "config.json").write_text(
        json.dumps({**config, "architectures": ["NobodyForCausalLM"], "model_type": "nobody"}), encoding="utf-8"
    )
    assert failure(engine, model, folder=tmp_path) in ("model.arch_unsupported", "model.transformers_too_old")


def test_a_port_that_is_taken_is_named(engine: Path, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert failure(engine, MODEL, "--port", str(taken.getsockname()[1]), folder=tmp_path) == "net.port_in_use"
