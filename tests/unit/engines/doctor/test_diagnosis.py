"""A log's root cause is named; wrappers, warnings and what was survived are not."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from moorage.engines.doctor import catalogue, diagnose, diagnosis_data

SHARED = Path(__file__).resolve().parents[5] / "shared" / "doctor"
FIXTURES = Path(__file__).parent / "fixtures"
START = [
    "INFO 03-11 09:14:02 [api_server.py:1772] vLLM API server version 0.11.0",
    "(EngineCore_DP0 pid=4) INFO 03-11 09:14:21 [gpu_model_runner.py:2602] Starting to load model /models/chat...",
]
FAILED = "(EngineCore_DP0 pid=4) ERROR 03-11 09:14:40 [core.py:708] EngineCore failed to start."
WRAPPER = "(APIServer pid=1) RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}"
RUNNING = ["INFO:     Application startup complete."]
NO_ROOM = (
    "(EngineCore_DP0 pid=4) ERROR 03-11 09:14:40 [core.py:708] ValueError: No available memory for the cache blocks. Try increasing it."
)


def named(*lines: str) -> str | None:
    return diagnose(lines).named


def test_the_wrapper_is_never_the_cause() -> None:
    found = diagnose([*START, FAILED, NO_ROOM, WRAPPER])
    assert found.cause and found.cause.cause.id == "mem.no_cache_blocks" and found.cause.line.number == 4
    assert found.wrapper and found.wrapper.cause.id == "wrap.engine_core_init" and found.step == "weights"


def test_a_wrapper_alone_has_no_cause_and_is_an_alarm() -> None:
    found = diagnose([WRAPPER])
    assert found.cause is None and found.is_alarm and found.named == "wrap.engine_core_init"


def test_the_failure_itself_outranks_its_symptoms() -> None:
    lines = [
        "NCCL WARN Error while creating shared memory segment /dev/shm/nccl-1 (size 9637888)",
        "RuntimeError: NCCL error: unhandled system error",
    ]
    assert named(*lines) == "mem.shm_too_small" == named(*reversed(lines))


def test_what_a_server_survived_is_not_its_cause() -> None:
    warning = "WARNING 03-11 09:14:20 [x.py:1] argument 'task' is deprecated"
    found = diagnose([*START, warning, *RUNNING])
    assert found.cause is None and found.started and [f.cause.id for f in found.others] == ["cfg.task_removed"]


def test_a_request_that_fails_later_is_named() -> None:
    refused = "ValueError: This model's maximum context length is 4096 tokens. However, you requested 5000 tokens."
    assert named(*START, *RUNNING, refused) == "req.context_exceeded"


def test_after_a_restart_the_last_start_counts() -> None:
    ok = diagnose([*START, NO_ROOM, *START, *RUNNING])
    assert ok.earlier and ok.started and ok.named == "mem.no_cache_blocks"
    other = "ERROR 03-11 09:20:40 [core.py:708] OSError: [Errno 98] Address already in use"
    assert named(*START, NO_ROOM, *START, other) == "net.port_in_use"


def test_an_information_is_a_note_and_no_alarm() -> None:
    found = diagnose(["WARNING 05-29 22:55:06 [interface.py:729] Using 'pin_memory=False' as WSL is detected."])
    assert not found.is_alarm and found.named == "wsl.pin_memory_info"


def test_facts_of_the_line_stand_in_the_commands() -> None:
    line = (
        "ValueError: Free memory on device cuda:0 (12.0/24.0 GiB) on startup is less than desired GPU memory utilization (0.9, 21.6 GiB)."
    )
    found = diagnose([line]).cause
    assert found and found.facts["free"] == "12.0" and any("--gpu-memory-utilization 0.47" in fix.run for fix in found.fixes)


def test_a_fact_that_is_not_there_stays_a_place_for_the_reader() -> None:
    found = diagnose(["ValueError: to serve at least one request more KV cache is needed"]).cause
    assert found and found.fixes[0].run == "vllm serve MODEL --max-model-len FITS"


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("ValueError: max_model_len=131072 wants 16 GiB of KV cache; only 5.1 GiB fit", "mem.kv_too_small_v1"),
        ("启动失败：显存不足，无法加载模型", "mem.cuda_oom"),
        ("错误：端口 8000 已被占用", "net.port_in_use"),
        ("RuntimeError: requested 8 GPUs, the node has 4", "cfg.world_size_gt_gpus"),
        ("ValueError: adapter rank 128 exceeds the configured maximum of 64 for LoRA", "cfg.lora_rank"),
        ("RuntimeError: bf16 needs an Ampere card (capability 8.0), Tesla T4 has 7.5", "hw.bf16_unsupported"),
    ],
)
def test_wordings_nobody_wrote_down_are_named(line: str, cause: str) -> None:
    found = diagnose([line]).cause
    assert found and found.cause.id == cause


@pytest.mark.parametrize(
    ("file", "share"), [("wordings.jsonl", 0.97), ("wordings_held.jsonl", 0.94), ("strangers.jsonl", 0.97), ("strangers_later.jsonl", 0.93)]
)
def test_lines_of_other_programs_versions_and_languages_are_named(file: str, share: float) -> None:
    records = [json.loads(line) for line in (FIXTURES / file).read_text(encoding="utf-8").splitlines()]
    wrong = [
        (r, name)
        for r in records
        if (name := named(*r["line"].splitlines())) not in ([r["expected"]] if isinstance(r["expected"], str) else r["expected"])
    ]
    assert 1 - len(wrong) / len(records) >= share, wrong


def test_a_warning_that_says_what_is_done_instead_is_no_failure() -> None:
    coped = "WARNING 03-11 09:14:22 [mxfp4.py:1] No MXFP4 MoE backend supports this activation. Falling back to MARLIN."
    assert not diagnose([coped]).is_alarm
    assert diagnose([coped.replace("WARNING", "ERROR")]).named == "hw.quant_capability"


def test_a_name_by_words_alone_is_marked_as_possible() -> None:
    found = diagnose(
        ["ERROR 03-11 09:14:40 [x.py:1] RuntimeError: the adapter's rank is beyond what this LoRA server was started for"]
    ).cause
    assert found and (found.cause.id, found.certainty) == ("cfg.lora_rank", "possible")


@pytest.mark.parametrize(
    "line",
    [
        "INFO 01-01 00:00:00 [kv_cache_utils.py:864] GPU KV cache size: 25,888 tokens",
        "WARNING 05-02 07:54:19 [fused_moe.py:668] Using default MoE config. Performance might be sub-optimal! Config file not found at /x.json",
        "WARNING 07-01 00:00:00 [symm_mem.py:58] SymmMemCommunicator: Device capability 8.6 not supported, communicator is not available.",
        "INFO:     127.0.0.1:51234 - \"POST /v1/chat/completions HTTP/1.1\" 200 OK",
        "DEBUG 09-10 18:43:10 [__init__.py:99] ROCm platform is not available because: No module named 'amdsmi'",
        "host:1:2 [0] NCCL INFO NET/Plugin: Could not find: libnccl-net.so. Using internal network plugin.",
        "Loading safetensors checkpoint shards: 100% Completed | 4/4 [00:03<00:00,  1.2it/s]",
        "WARNING 03-03 03:03:03 [config.py:1200] bitsandbytes quantization is not fully optimized yet. The speed can be slower.",
        "[rank0]:[W916 11:11:11.1 ProcessGroupNCCL.cpp:1538] Warning: destroy_process_group() was not called before program exit",
        "Token indices sequence length is longer than the specified maximum sequence length for this model (40000 > 32768).",
    ],
)  # fmt: skip
def test_harmless_lines_raise_no_alarm(line: str) -> None:
    assert not diagnose([*START, line, *RUNNING]).is_alarm


def test_an_error_nobody_knows_is_shown_as_it_is() -> None:
    found = diagnose([*START, "ERROR 03-11 09:14:40 [x.py:1] ZorgError: the frobnicator is purple"])
    assert found.named is None and found.first_error and "frobnicator" in found.first_error.text


def test_a_long_log_is_read_in_bounded_memory_and_named() -> None:
    talk = (f"INFO 01-01 00:00:00 [loggers.py:1] Engine 000: Avg prompt throughput: {n}.0 tokens/s" for n in range(30_000))
    assert named(*START, *talk, NO_ROOM) == "mem.no_cache_blocks"


def test_garbage_never_fails() -> None:
    letters = random.Random(3)
    text = "".join(chr(letters.randrange(1, 0x3000)) for _ in range(20_000))
    assert diagnose(text.splitlines()).lines >= 1
    assert diagnose([]).named is None


def test_the_data_speaks_the_language() -> None:
    data = diagnosis_data(diagnose([NO_ROOM]), "zh")
    assert json.loads(json.dumps(data))["cause"]["what"].startswith("权重")


def test_every_cause_is_complete() -> None:
    for cause in catalogue().causes.values():
        assert cause.en.endswith(".") and cause.zh.endswith("。") and cause.fixes and 1 <= cause.rank <= 9, cause.id
        assert cause.link.startswith("https://"), cause.id
        assert all(fix.en and fix.zh for fix in cause.fixes), cause.id


def test_the_known_failures_are_named() -> None:
    if not SHARED.is_dir():
        pytest.skip(f"no {SHARED.parent.name}/{SHARED.name} beside the repository")
    records = [json.loads(line) for line in (SHARED / "failures.jsonl").read_text(encoding="utf-8").splitlines()]
    lines = [(r["id"], text) for r in records for text in [r["example_line"], *(m["line"] for m in r["more_examples"])]]
    right = sum(diagnose(text.splitlines()).named == id for id, text in lines)
    assert right / len(lines) >= 0.97
    harmless = [json.loads(line)["line"] for line in (SHARED / "benign_lines.jsonl").read_text(encoding="utf-8").splitlines()]
    assert not [line for line in harmless if diagnose([line]).is_alarm]


def test_source_lines_of_a_traceback_are_no_messages() -> None:
    code = [
        '  File "/usr/lib/vllm/attention/flash_attn.py", line 33, in <module>',
        "    from vllm.vllm_flash_attn import (flash_attn_varlen_func,",
        '  File "/usr/lib/vllm/v1/core/kv_cache_utils.py", line 12, in check',
        '    raise ValueError("No available memory for the cache blocks. "',
        "          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^",
    ]
    found = diagnose(
        [*START, "Traceback (most recent call last):", *code, "ValueError: Total number of attention heads (25) must be divisible by 2"]
    )
    assert found.named == "cfg.heads_not_divisible" and found.others == ()


def test_an_error_broken_by_the_terminal_is_read_in_one() -> None:
    assert named("RuntimeError: NCCL could not be set up because the", "address already in use elsewhere") == "net.port_in_use"
    assert named("ValueError: Free memory on", "device cuda:0 is too little") == "mem.free_less_than_desired"


def test_the_same_failure_before_and_after_a_start_counts_after_it() -> None:
    line = "ERROR 03-11 09:20:40 [x.py:1] OSError: [Errno 98] Address already in use"
    assert named(*START, line, *RUNNING) is None
    found = diagnose([*START, line, *RUNNING, line])
    assert found.cause and found.cause.line.number == 5


def test_an_exception_without_a_message_is_told_by_its_place() -> None:
    frame = '  File "/usr/lib/vllm/transformers_utils/utils.py", line 113, in parse_safetensors_file_metadata'
    code = '    metadata = json.loads(f.read(length_of_metadata).decode("utf-8"))'
    assert named("Traceback (most recent call last):", frame, code, "MemoryError") == "model.safetensors_corrupt"
    assert named("Traceback (most recent call last):", "MemoryError") == "mem.host_oom"


def test_lines_that_look_worse_than_they_are_raise_no_alarm() -> None:
    lines = [json.loads(line)["line"] for line in (FIXTURES / "harmless.jsonl").read_text(encoding="utf-8").splitlines()]
    alarms = [line for line in lines if diagnose(line.splitlines()).is_alarm]
    assert len(lines) > 100 and not alarms


def test_chinese_is_known_by_the_english_wording() -> None:
    assert named("错误：驱动版本太旧，请升级") == "cuda.driver_too_old"
    assert named("权重文件校验失败：校验和不匹配，文件损坏") == "model.safetensors_corrupt"


def test_a_pasted_line_without_a_word_of_trouble_is_named_with_reserve() -> None:
    line = "this endpoint was made for chat models alone, vectors come from embedding models only"
    pasted = diagnose([line]).cause
    assert pasted is None or pasted.certainty == "possible"
    assert diagnose([f"a plain line of talk, number {n}" for n in range(40)] + [line]).cause is None


def test_of_a_failure_and_what_it_brought_down_the_first_is_the_root() -> None:
    lines = [
        "(EngineCore_DP0 pid=42) ERROR 03-11 09:14:40 [core.py:708] torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.",
        "(Worker_TP1 pid=44) ERROR 03-11 09:14:41 [m.py:1] torch.distributed.DistBackendError: NCCL error in: NCCLUtils.cpp:77, remote process exited",
        "(APIServer pid=1) vllm.v1.engine.exceptions.EngineDeadError: EngineCore encountered an issue.",
        'INFO:     10.0.0.2:41234 - "POST /v1/chat/completions HTTP/1.1" 500 Internal Server Error',
    ]
    found = diagnose([*START, *RUNNING, *lines])
    assert found.cause and found.cause.cause.id == "mem.cuda_oom" and found.cause.line.number == 4
    assert "dist.nccl_error" in [other.cause.id for other in found.others]


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("OSError: [Errno 24] Too many open files", "os.too_many_files"),
        ("RuntimeError: can't start new thread", "os.too_many_threads"),
        ("NVRM: Xid (PCI:0000:01:00): 79, GPU has fallen off the bus.", "hw.gpu_lost"),
        ("[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)", "net.tls"),
        ("httpx.ProxyError: Cannot connect to proxy 127.0.0.1:7890", "net.proxy_in_the_way"),
        ("manifest for vllm/vllm-openai:v9.9.9 not found: manifest unknown", "docker.image_pull"),
        ("expected 1536 dimensions, not 1024", "rag.vector_dimension"),
        ("batch size 64 > maximum allowed batch size 32", "req.batch_too_large"),
    ],
)
def test_failures_around_the_server_are_named(line: str, cause: str) -> None:
    assert named(line) == cause
