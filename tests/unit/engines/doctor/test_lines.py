"""What stands before a log line is taken off, and its level is kept."""

from __future__ import annotations

import io

import pytest

from moorage.core.errors import PathNotFound
from moorage.engines.doctor.lines import LINE_LIMIT, bare, read_lines
from moorage.engines.doctor.source import log_lines, read_log


@pytest.mark.parametrize(
    ("raw", "text", "level"),
    [
        ("(EngineCore_DP0 pid=972) ERROR 01-28 15:59:42 [core.py:935] ValueError: x", "ValueError: x", "error"),
        ("vllm-1  | INFO 08-07 15:31:39 selector.py:54] Using XFormers backend.", "Using XFormers backend.", "info"),
        ("\x1b[36m(RayWorkerWrapper pid=319, ip=10.0.0.2)\x1b[0m WARNING 02-12 01:21:27 a.py:1] slow", "slow", "warning"),
        ("[rank0]: RuntimeError: x", "RuntimeError: x", ""),
        ("2025-06-27T18:12:39Z ERROR out", "out", "error"),
        ("May 20 14:20:23 host-1 vllm[32308]: ERROR 05-20 14:20:23 [engine.py:160] ValueError('y')", "ValueError('y')", "error"),
        ("[W822 10:00:00.0 socket.cpp:755] [c10d] nothing", "[W822 10:00:00.0 socket.cpp:755] [c10d] nothing", "warning"),
        ("host:1:2 [0] NCCL INFO Using eth0", "host:1:2 [0] NCCL INFO Using eth0", "info"),
    ],
)  # fmt: skip
def test_prefixes_go_and_the_level_stays(raw: str, text: str, level: str) -> None:
    assert bare(raw) == (text, level)


def test_empty_lines_are_skipped_and_numbers_kept() -> None:
    assert [(line.number, line.text) for line in read_lines(["a", "", "  ", "b"])] == [(1, "a"), (4, "b")]


def test_of_a_very_long_line_both_ends_are_kept() -> None:
    text, _ = bare("start " + "x" * 100_000 + " end")
    assert text.startswith("start") and text.endswith("end") and len(text) <= LINE_LIMIT + 10


def test_of_a_very_long_log_both_ends_are_read() -> None:
    log = b"first\n" + b"middle line\n" * 400_000 + b"last\n"
    lines = list(log_lines(io.BytesIO(log), 200_000))
    assert lines[0] == "first" and lines[-1] == "last" and len(lines) < 140_000


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "gb18030"])
def test_logs_of_other_encodings_are_read(encoding: str) -> None:
    assert list(log_lines(io.BytesIO("错误：显存不足\n退出".encode(encoding)))) == ["错误：显存不足", "退出"]


def test_a_missing_log_is_one_clear_sentence(tmp_path: object) -> None:
    from pathlib import Path

    with pytest.raises(PathNotFound):
        list(read_log(Path(str(tmp_path)) / "none.log"))
