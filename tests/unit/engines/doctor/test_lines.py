"""What stands before a log line is taken off, and its level is kept."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
from collections.abc import Callable

import pytest

from moorage.core.errors import PathNotFound, PathUnreadable
from moorage.engines.doctor import diagnose
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


MESSAGE = "ValueError: No available memory for the cache blocks."


@pytest.mark.parametrize(
    ("wrapping", "level"),
    [
        ("2025-11-01T01:02:03.123456789Z stderr F {}", ""),
        ("[pod/vllm-7d9f-abcde/vllm] {}", ""),
        ("[1,2]<stderr>: {}", ""),
        ("[default0]:{}", ""),
        ("[2025-03-29 18:12:40 DP0 TP0] {}", ""),
        ("2024-08-19 10:11:12,345 xinference.core.worker 98690 ERROR    {}", "error"),
        ("2026-06-09 14:01:52.982 [Error] (Process) {}", "error"),
        ("2025-11-21 09:14:40,123 DEBG 'vllm' stderr output: {}", ""),
        ("2025-11-21 09:14:40.123 | ERROR    | api.main:run:42 - {}", "error"),
        ("2025-11-21 09:14:40.123 ERROR [Thread-5] [app.py:1449] - {}", "error"),
        ("2026-01-23T13:41:25.805694Z ERROR text_embeddings_backend: backends/src/lib.rs:491: {}", "error"),
        ("(Worker pid=12, ip=10.0.0.3) {} [repeated 3x across cluster] (Ray deduplicates logs by default.)", ""),
    ],
)
def test_whatever_a_line_passed_through_is_taken_off(wrapping: str, level: str) -> None:
    assert bare(wrapping.format(MESSAGE)) == (MESSAGE, level)


@pytest.mark.parametrize(
    "record",
    [
        {"log": MESSAGE + "\n", "stream": "stderr", "time": "2025-11-01T01:02:03.12Z"},
        {"level": "error", "msg": MESSAGE},
        {"severity": "ERROR", "message": "engine failed", "exc_info": f"Traceback (most recent call last):\n{MESSAGE}"},
    ],
)
def test_records_of_structured_loggers_are_opened(record: dict[str, object]) -> None:
    assert diagnose([json.dumps(record)]).named == "mem.no_cache_blocks"


def test_an_answer_of_an_api_is_no_record() -> None:
    answer = '{"error": {"message": "The model `x` does not exist.", "code": 404}}'
    assert [line.text for line in read_lines([answer])] == [answer]


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_packed_logs_are_unpacked(pack: Callable[[bytes], bytes]) -> None:
    assert list(log_lines(io.BytesIO(pack(b"one\ntwo\n")))) == ["one", "two"]


def test_a_packed_log_that_breaks_off_is_one_clear_sentence() -> None:
    with pytest.raises(PathUnreadable, match="unpacked"):
        list(log_lines(io.BytesIO(gzip.compress(b"one\ntwo\n" * 1000)[:30])))


@pytest.mark.parametrize("data", [bytes(range(1, 32)) * 100, b"\0" * 5000, b"\x7fELF" + bytes(range(256)) * 20])
def test_what_is_no_text_is_one_clear_sentence(data: bytes) -> None:
    with pytest.raises(PathUnreadable, match="no text"):
        list(log_lines(io.BytesIO(data)))


def test_a_log_cut_while_it_was_written_begins_with_zeros_and_is_read() -> None:
    assert diagnose(log_lines(io.BytesIO(b"\0" * 4000 + MESSAGE.encode()))).named == "mem.no_cache_blocks"


def test_lines_keep_their_numbers_where_the_middle_is_left_out() -> None:
    log = b"".join(b"line %d\n" % n for n in range(1, 600_001))
    lines = list(read_lines(log_lines(io.BytesIO(log), 200_000)))
    assert lines[0].text == "line 1" and (lines[-1].number, lines[-1].text) == (600_000, "line 600000")
    assert len(lines) < 300_000


def test_a_log_just_over_half_of_the_limit_is_read_as_one() -> None:
    log = b"x" * 60 + b"\n" + b"y" * 20 + b"\nend"
    assert list(log_lines(io.BytesIO(log), 100)) == ["x" * 60, "y" * 20, "end"]


def test_a_progress_bar_is_one_line() -> None:
    lines = list(read_lines(log_lines(io.BytesIO(b"a\rb\rc\nlast"))))
    assert [(line.number, line.text) for line in lines] == [(1, "a"), (1, "b"), (1, "c"), (2, "last")]
