"""Start-up logs as numbers, and what they teach the next plan."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from moorage.plan.cards import GIB, find_card
from moorage.plan.flags import Flags
from moorage.plan.learn import Lesson, apply, as_row, from_row, learn
from moorage.plan.predict import Prediction, predict
from moorage.plan.startlog import read_start_log
from moorage.plan.version import EngineVersion
from tests.builders import shapes

V1 = """
(APIServer pid=1) INFO 09-01 10:00:00 [api_server.py:1839] vLLM API server version 0.11.0
(APIServer pid=1) INFO 09-01 10:00:00 [utils.py:233] non-default args: {'model': '/models/small', 'max_model_len': 8192, 'gpu_memory_utilization': 0.8, 'max_num_seqs': 64}
(EngineCore_DP0 pid=9) INFO 09-01 10:00:05 [core.py:77] Initializing a V1 LLM engine (v0.11.0) with config: model='/models/small', dtype=torch.bfloat16, max_seq_len=8192, tensor_parallel_size=1, pipeline_parallel_size=1, enforce_eager=False, kv_cache_dtype=auto, seed=0
\x1b[1;36m(EngineCore_DP0 pid=9)\x1b[0;0m INFO [gpu_model_runner.py:2653] Model loading took 1.1201 GiB and 2.5 seconds
(EngineCore_DP0 pid=9) INFO [gpu_worker.py:298] Available KV cache memory: 14.75 GiB
(EngineCore_DP0 pid=9) INFO [kv_cache_utils.py:1087] GPU KV cache size: 138,080 tokens
(EngineCore_DP0 pid=9) INFO [kv_cache_utils.py:1091] Maximum concurrency for 8,192 tokens per request: 16.86x
(EngineCore_DP0 pid=9) INFO [gpu_model_runner.py:3480] Graph capturing finished in 5 secs, took 0.48 GiB
"""
V0 = """
INFO 01-01 worker.py:267] Memory profiling takes 1.2 seconds
INFO 01-01 worker.py:267] the current vLLM instance can use total_gpu_memory (23.58GiB) x gpu_memory_utilization (0.90) = 21.22GiB
INFO 01-01 worker.py:267] model weights take 14.99GiB; non_torch_memory takes 0.35GiB; PyTorch activation peak memory takes 2.07GiB; the rest of the memory reserved for KV Cache is 3.81GiB.
INFO 01-01 executor_base.py:111] # cuda blocks: 1952, # CPU blocks: 2048
"""


def _plan(**flags: object) -> Prediction:
    card = find_card("4090")
    assert card
    return predict(shapes.spec(), card, Flags(**{"utilization": 0.8, "max_len": 8192, "max_seqs": 64, **flags}), EngineVersion(0, 11))  # type: ignore[arg-type]


def test_a_log_of_the_second_engine_is_read() -> None:
    log = read_start_log(V1)

    assert (log.version, log.model, log.max_len, log.max_seqs, log.utilization) == (EngineVersion(0, 11), "/models/small", 8192, 64, 0.8)
    assert (log.cache_bytes, log.cache_tokens, log.concurrency) == (round(14.75 * GIB), 138_080, 16.86)
    assert log.weights_bytes == round(1.1201 * GIB)
    assert log.graphs_bytes == round(0.48 * GIB)
    assert not log.is_v0


def test_a_log_of_the_first_engine_is_read() -> None:
    log = read_start_log(V0)

    assert log.is_v0
    assert (log.cache_bytes, log.cache_tokens) == (round(3.81 * GIB), 31_232)
    assert log.utilization is None or 0.89 < log.utilization < 0.91


def test_of_several_cards_the_smallest_cache_counts() -> None:
    assert read_start_log("Available KV cache memory: 9.1 GiB\nAvailable KV cache memory: 8.9 GiB\n").cache_bytes == round(8.9 * GIB)


NEW = "(EngineCore pid=1) INFO [kv_cache_utils.py:2327] GPU KV cache size: 1,048,576 tokens, Maximum concurrency for 1,024 tokens per request: 1024.00x"


@pytest.mark.parametrize(
    "hint",
    [
        "Free memory on device (177.66/178.36 GiB) on startup. Desired GPU memory utilization is (0.9, 160.53 GiB). Actual usage is 8.58 GiB for weight",
        "CUDA graph memory profiling is enabled. The current --gpu-memory-utilization=0.9000 is equivalent to --gpu-memory-utilization=0.88",
    ],
)
def test_the_share_is_read_from_a_hint_where_no_flag_says_it(hint: str) -> None:
    assert read_start_log(f"{NEW}\n{hint}").utilization == 0.9


def test_the_newer_line_that_says_both_is_read() -> None:
    log = read_start_log(NEW)

    assert (log.cache_tokens, log.concurrency) == (1_048_576, 1024.0)


def test_where_only_the_concurrency_is_logged_the_bytes_follow_from_it() -> None:
    whole = learn(shapes.spec(), _plan().card, read_start_log(V1))
    less = learn(shapes.spec(), _plan().card, read_start_log("\n".join(line for line in V1.splitlines() if "Available" not in line)))

    assert abs(whole.logged_cache_bytes - less.logged_cache_bytes) < 0.01 * GIB


@pytest.mark.parametrize("text", ["", "hello\n" * 1000, "Available KV cache memory: GiB", "\x00\xff"])
def test_what_says_nothing_of_a_cache_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="cache"):
        read_start_log(text)


def test_the_next_plan_with_the_same_flags_says_what_the_log_said() -> None:
    card = find_card("4090")
    assert card
    lesson = learn(shapes.spec(), card, read_start_log(V1))
    residual = apply([lesson], _plan())
    assert residual
    again = predict(shapes.spec(), card, Flags(utilization=0.8, max_len=8192, max_seqs=64), EngineVersion(0, 11), residual)

    assert again.cache.likely == round(14.75 * GIB)
    assert again.cache.high - again.cache.low < 0.2 * GIB


def test_other_flags_of_the_same_start_are_less_sure() -> None:
    lesson = learn(shapes.spec(), _plan().card, read_start_log(V1))
    same, other = apply([lesson], _plan()), apply([lesson], _plan(max_seqs=16))

    assert same and other
    assert other.high - other.low > same.high - same.low


def test_another_model_card_or_version_learns_nothing() -> None:
    lesson = learn(shapes.spec(), _plan().card, read_start_log(V1))

    for changed in (replace(lesson, model="other"), replace(lesson, card="H100"), replace(lesson, version="0.12.0"), replace(lesson, tp=2)):
        assert apply([changed], _plan()) is None


def test_the_last_lesson_counts() -> None:
    lesson = learn(shapes.spec(), _plan().card, read_start_log(V1))
    newer = replace(lesson, residual_bytes=lesson.residual_bytes + GIB)
    found = apply([lesson, newer], _plan())

    assert found and found.likely == newer.residual_bytes


def test_a_cache_that_was_set_by_a_flag_teaches_nothing() -> None:
    with pytest.raises(ValueError, match="flag"):
        learn(shapes.spec(), _plan().card, read_start_log(V1 + "\nkv_cache_memory_bytes=4294967296"))


def test_a_lesson_survives_being_written_down() -> None:
    lesson = learn(shapes.spec(), _plan().card, read_start_log(V1))

    assert from_row(json.loads(json.dumps(as_row(lesson)))) == lesson


@pytest.mark.parametrize(
    "row", [{}, {"model": "x"}, {**as_row(Lesson("m", "c", "0.11.0", 1, 1, 1, 1, 1, "auto", False, 0, 0)), "tp": "two"}]
)
def test_a_row_that_is_not_whole_is_passed_over(row: dict[str, object]) -> None:
    assert from_row(row) is None
