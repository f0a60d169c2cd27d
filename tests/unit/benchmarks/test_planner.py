"""The planner's benchmark meets its targets on the recorded start-ups, beside the baselines."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
DATA = ROOT.parent / "shared" / "planner" / "kv_logs_dev.jsonl"

RECORD = {
    "id": "one", "model_id": "Org/Small", "gpu": "RTX 4090", "gpu_total_gib": 23.5, "tp": 1, "vllm_version": "0.11.0", "engine": "V1",
    "gpu_memory_utilization": 0.9, "max_model_len": 40960, "max_num_seqs": 16, "outcome": "ok", "available_kv_gib": 19.0, "kv_tokens": 177_872,
}  # fmt: skip
FACTS = {
    "model_id": "Org/Small", "architecture": "Qwen3ForCausalLM", "tasks": ["generate"], "params_b": 0.6, "num_layers": 28, "hidden_size": 1024,
    "num_attention_heads": 16, "num_kv_heads": 8, "head_dim": 128, "vocab_size": 151936, "intermediate_size": 3072, "tie_word_embeddings": True,
    "max_position": 40960,
}  # fmt: skip


def _run(*words: str) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "planner.py"), "--json", *words],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(ROOT / "src")},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.skipif(not DATA.is_file(), reason="the recorded start-ups are not beside the repository")
def test_the_targets_are_met_on_the_recorded_start_ups() -> None:
    report = _run("--data", str(DATA))

    assert report["kv_tokens_within_half_percent"] >= 0.95  # type: ignore[operator]
    assert report["kv_gib_within_bound"] >= 0.9  # type: ignore[operator]
    assert report["over_promise_rate"] <= 0.05  # type: ignore[operator]
    assert report["false_fits"] == 0


def test_other_records_can_be_named_and_every_method_answers(tmp_path: Path) -> None:
    (tmp_path / "logs.jsonl").write_text(
        json.dumps(RECORD) + "\n" + json.dumps({**RECORD, "id": "two", "model_id": "Org/Unknown"}), encoding="utf-8"
    )
    (tmp_path / "model_facts.jsonl").write_text(json.dumps(FACTS), encoding="utf-8")

    report = _run("--data", str(tmp_path / "logs.jsonl"))

    assert report["kv_tokens_within_half_percent"] == 1.0
    assert report["unknown_model"] == ["two"]
    baselines = report["baselines"]
    assert isinstance(baselines, dict)
    assert set(baselines) == {"textbook", "gpustack", "hf_mem", "llm_d"}


def test_a_folder_is_read_whole_and_what_is_damaged_in_it_is_passed_over(tmp_path: Path) -> None:
    odd = {
        **RECORD,
        "id": None,
        "tp": 0,
        "max_num_seqs": "16",
        "gpu_total_gib": float("nan"),
        "kv_cache_dtype": "",
        "available_kv_gib": "19.0",
    }
    (tmp_path / "logs-a.jsonl").write_text(f"{json.dumps(RECORD)}\n{{broken\n[1]\n", encoding="utf-8")
    (tmp_path / "logs-b.json").write_text(json.dumps([odd]), encoding="utf-8")
    (tmp_path / "model_facts.jsonl").write_text(json.dumps(FACTS), encoding="utf-8")
    (tmp_path / "gpu_facts.jsonl").write_text(json.dumps({"gpu": "RTX 4090"}), encoding="utf-8")

    report = _run("--data", str(tmp_path))

    assert report["records"] == 2
    assert report["kv_tokens_within_half_percent"] == 1.0
    assert isinstance(report["baselines"], dict) and all("over_promise_rate" in figures for figures in report["baselines"].values())
