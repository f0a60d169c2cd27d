"""`moorage plan` and `moorage model inspect` as a person types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from moorage.cli.app import app
from moorage.core.errors import MoorageError
from tests.builders.model_files import QWEN, XLM, gguf, model_folder
from tests.unit.plan.test_learn import V1


@pytest.fixture
def models(tmp_path: Path) -> Path:
    model_folder(
        tmp_path / "small", QWEN, {"model.embed_tokens.weight": ("BF16", (151_936, 1024)), "model.layers.0.w": ("BF16", (440_401_920,))}
    )
    model_folder(tmp_path / "m3", XLM)
    return tmp_path


def _run(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_a_plan_shows_a_bar_a_row_and_a_reason(models: Path) -> None:
    shown = _run("plan", models / "small", f"rank={models / 'm3'}", "--gpus", "4090", "--why", "--data", models / "data")

    assert shown.exit_code == 0, shown.output
    assert "GPU 0" in shown.output and "█" in shown.output and "▓" in shown.output
    assert "rank" in shown.output
    assert "--max-num-seqs" in shown.output or "--max-num-batched-tokens" in shown.output


def test_json_has_every_number_with_its_explanation(models: Path) -> None:
    shown = _run(
        "plan",
        models / "small",
        "--gpus",
        "2x4090",
        "--vllm",
        "0.11.0",
        "--context",
        8192,
        "--users",
        4,
        "--json",
        "--data",
        models / "data",
    )
    plan = json.loads(shown.stdout)
    (service,) = plan["services"]

    assert plan["vllm"] == "0.11.0"
    assert service["flags"]["max_model_len"] == 8192
    assert service["users"] >= 4
    assert service["cache_bytes"]["low"] <= service["cache_bytes"]["likely"]
    assert {"weights", "cache", "held"} <= {line["name"] for line in service["explanation"]}
    assert len(plan["cards"]) == 2


def test_a_stack_file_names_the_services_and_flags_go_before_it(models: Path) -> None:
    (models / "services.yaml").write_text("gpus: 8GB\nservices:\n  llm: small\n  embed: {model: m3}\n", encoding="utf-8")
    plan = json.loads(_run("plan", "--stack", models / "services.yaml", "--gpus", "24GB", "--json", "--data", models / "data").stdout)

    assert [service["name"] for service in plan["services"]] == ["llm", "embed"]
    assert plan["cards"][0]["name"] == "24GB"


def test_what_has_no_place_ends_with_1_and_says_what_would_help(models: Path) -> None:
    shown = _run("plan", models / "small", "--gpus", "4090", "--context", 40_960, "--users", 16, "--data", models / "data")

    assert shown.exit_code == 1
    assert "16 x 40,960" in shown.output and "would fit" in shown.output


def test_a_log_is_learned_from_and_the_plan_after_it_says_so(models: Path) -> None:
    log = models / "start.log"
    log.write_text(V1, encoding="utf-8")
    words = ("plan", models / "small", "--gpus", "4090", "--vllm", "0.11.0", "--json", "--data", models / "data")
    before, learned, after = json.loads(_run(*words).stdout), _run(*words, "--learn", log), json.loads(_run(*words).stdout)

    assert learned.exit_code == 0, learned.output
    assert [plan["services"][0]["is_learned"] for plan in (before, after)] == [False, True]
    width = [plan["services"][0]["cache_bytes"]["high"] - plan["services"][0]["cache_bytes"]["low"] for plan in (before, after)]
    assert width[1] < width[0]


@pytest.mark.parametrize(
    "words",
    [["plan"], ["plan", "nope", "--gpus", "4090"], ["plan", "small", "--gpus", "banana"], ["plan", "small", "--gpus", "4090", "--vllm", "1.0"], ["model", "inspect", "nope"],
     ["plan", "small", "--gpus", "0x4090"], ["plan", "small", "--gpus", "4090", "--kv-cache-dtype", "int3"], ["plan", "--explain", "no-such-flag"], ["plan", "a\nb=small", "--gpus", "4090"],
     ["plan", "small", "--gpus", "4090", "--learn", "no.log"], ["plan", "small", "--gpus", "4090", "--learn", "small"], ["plan", "--stack", "no.yaml"]],
)  # fmt: skip
def test_bad_input_is_one_sentence_and_no_trace(models: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    monkeypatch.chdir(models)
    error = _run(*words).exception

    assert isinstance(error, MoorageError)
    assert "\n" not in error.say("en") and error.say("zh") != error.say("en")


def test_no_gpu_here_is_said(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(models))
    error = _run("plan", models / "small", "--data", models / "data").exception

    assert isinstance(error, MoorageError)
    assert "--gpus" in error.say()


def test_a_model_is_described_for_people_and_as_json(models: Path) -> None:
    shown, data = _run("model", "inspect", models / "small"), json.loads(_run("model", "inspect", models / "small", "--json").stdout)

    assert "28 full: 8 KV heads of 128" in shown.output
    assert data["task"] == "chat"
    assert data["weights"]["is_exact"]
    assert data["shape"]["parameters_by_shape"] > 5e8


def test_a_gguf_file_is_described(tmp_path: Path) -> None:
    values = {"general.architecture": "llama", "llama.block_count": 2, "llama.embedding_length": 64, "llama.attention.head_count": 4}
    data = json.loads(_run("model", "inspect", gguf(tmp_path / "x.gguf", values), "--json").stdout)

    assert data["format"] == "gguf"
    assert data["notices"][0]["code"] == "gguf_in_vllm"


def test_a_plan_ends_in_the_commands_that_start_it(models: Path) -> None:
    words = ("plan", models / "small", f"rank={models / 'm3'}", "--gpus", "4090", "--vllm", "0.11.0", "--data", models / "data")
    shown, plan = _run(*words), json.loads(_run(*words, "--json").stdout)

    for service in plan["services"]:
        assert set(service["commands"]) == {"serve", "docker"}
        assert service["commands"]["serve"] in shown.output and service["commands"]["docker"] in shown.output
        assert f"vllm serve {models}" in service["commands"]["serve"] and "vllm/vllm-openai:v0.11.0" in service["commands"]["docker"]
    assert [service["port"] for service in plan["services"]] == [8000, 8001]
    assert shown.output.index(":8000/health") < shown.output.index(":8001/health")


def test_a_flag_is_explained_alone_and_with_the_value_of_a_plan(models: Path) -> None:
    alone = _run("plan", "--explain", "task", "--vllm", "0.20.0")
    planned = _run(
        "plan", models / "small", "--gpus", "4090", "--users", 3, "--explain", "max-num-seqs", "--json", "--data", models / "data"
    )

    assert alone.exit_code == 0 and "--runner pooling" in alone.output
    (service,) = json.loads(planned.stdout)["services"]
    assert (service["name"], service["value"]) == ("small", "8") and "3 users" in service["reason"]


def test_a_pasted_line_says_what_it_will_use_of_each_card(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(models))
    line = f"vllm serve {models / 'small'} --max-model-len 8192 --swap-space 4"
    words = ("model", "check", line, "--version", "0.33.0", "--data", models / "data")
    shown, data, without = _run(*words, "--gpus", "4090"), json.loads(_run(*words, "--gpus", "4090", "--json").stdout), _run(*words)

    assert shown.exit_code == 0 and "█" in shown.stderr and "It starts" in shown.stderr
    assert shown.stdout.startswith("vllm serve") and "swap" not in shown.stdout
    assert data["forecast"]["verdict"] == "fits" and data["forecast"]["cards"][0]["used_bytes"] > 2**30
    assert data["forecast"]["service"]["flags"]["max_model_len"] == 8192
    assert "--gpus" in without.stderr
