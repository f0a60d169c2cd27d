"""The doctor's benchmark counts what it says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def figures(tmp_path: Path, *records: dict[str, object]) -> dict[str, object]:
    data = tmp_path / "data.jsonl"
    data.write_text("\n".join(json.dumps(record) for record in records), encoding="utf-8")
    command = [sys.executable, str(ROOT / "benchmarks" / "doctor.py"), "--data", str(data), "--json"]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout)


def test_lines_excerpts_hard_lines_and_harmless_ones_are_counted_apart(tmp_path: Path) -> None:
    found = figures(
        tmp_path,
        {"line": "OSError: [Errno 98] Address already in use", "expected": "net.port_in_use"},
        {"line": "nothing to see", "expected": "net.port_in_use"},
        {
            "id": "r1",
            "excerpt": "first\nOSError: [Errno 98] Address already in use",
            "expected_cause": ["net.port_in_use", "disk.no_space"],
        },
        {"line": "端口 8000 已被占用", "cause": "net.port_in_use", "kind": "hard"},
        {"line": "INFO all is well", "expected": None},
        {"line": "ERROR 01-01 00:00:00 [x.py:1] CUDA out of memory", "expected": None},
    )
    assert (found["line_accuracy"], found["excerpt_accuracy"], found["hard_accuracy"], found["false_alarms"]) == (0.5, 1.0, 1.0, 1)
    assert [miss["what"] for miss in found["misses"]] == ["line", "false alarm"]  # type: ignore[union-attr,index]


def test_known_failures_are_read_with_all_their_examples(tmp_path: Path) -> None:
    record = {"id": "net.port_in_use", "example_line": "address already in use", "more_examples": [{"line": "EADDRINUSE"}]}
    found = figures(tmp_path, record)
    assert found["lines"] == 2 and found["line_accuracy"] == 1.0 and found["excerpts_are"] == "made from the lines"
