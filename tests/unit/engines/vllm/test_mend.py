"""Commands of one version become commands of another; nothing that is emitted is unknown there."""

from __future__ import annotations

import json
import shlex

import pytest

from moorage.engines.vllm.check import check
from moorage.engines.vllm.command import CommandLine, Given
from moorage.engines.vllm.emit import ServeRequest, emit
from moorage.engines.vllm.mend import mend
from moorage.engines.vllm.table import flag_table
from moorage.engines.vllm.version import version

TABLE = flag_table()
VERSIONS = [at for at in TABLE.versions if at >= version("0.8")] + [version("0.15.0"), version("0.15.1")]
VALUES = {
    "--task": "embed", "--runner": "pooling", "--convert": "classify", "--max-model-len": "auto", "--rope-scaling": '{"factor": 2.0}', "--hf-overrides": "{}",
    "--limit-mm-per-prompt": "image=2", "--guided-decoding-backend": "xgrammar", "--structured-outputs-config": '{"backend": "xgrammar"}',
    "--mm-processor-cache-gb": "0", "--tool-call-parser": "hermes", "--reasoning-parser": "deepseek_r1",
}  # fmt: skip


def line(text: str, at: str) -> str:
    return check(text, at).line.replace(" \\\n ", "")


@pytest.mark.parametrize("at", VERSIONS, ids=str)
def test_every_flag_and_variable_of_a_mended_command_exists_in_the_version(at: object) -> None:
    variables = dict.fromkeys(("VLLM_USE_V1", "VLLM_ATTENTION_BACKEND", "VLLM_RPC_TIMEOUT", "VLLM_FLASH_ATTN_VERSION"), "1")
    for flag in TABLE.flags.values():
        values = () if flag.takes == "switch" else (VALUES.get(flag.name, "1"),)
        mended = mend(CommandLine("serve", "m", (Given(flag.name, values),), variables), at, TABLE)  # type: ignore[arg-type]
        assert all(TABLE.has(given.name, mended.at) for given in mended.flags), flag.name
        assert all(TABLE.has_variable(name, mended.at) for name in mended.variables), flag.name


@pytest.mark.parametrize(
    ("given", "at", "wanted"),
    [
        ("--task embed", "0.33.0", "--runner pooling --convert embed"),
        ("--task score", "0.13.0", "--runner pooling --convert classify"),
        ("--task generate", "0.13.0", ""),
        ("--task embed", "0.9.2", "--task embed"),
        ("--runner pooling --convert embed", "0.9.2", "--task embed"),
        ("--enable-reasoning --reasoning-parser deepseek_r1", "0.10.0", "--reasoning-parser deepseek_r1"),
        ("--reasoning-parser deepseek_r1", "0.8.5", "--reasoning-parser deepseek_r1 --enable-reasoning"),
        ("--guided-decoding-backend xgrammar", "0.12.0", """--structured-outputs-config '{"backend": "xgrammar"}'"""),
        ("""--structured-outputs-config '{"backend": "xgrammar"}'""", "0.10.2", "--guided-decoding-backend xgrammar"),
        ("--worker-use-ray", "0.8.0", "--distributed-executor-backend ray"),
        ("--disable-mm-preprocessor-cache", "0.13.0", "--mm-processor-cache-gb 0"),
        ("--override-pooler-config '{}'", "0.12.0", "--pooler-config '{}'"),
        ("--attention-backend TRITON_ATTN", "0.33.0", "--attention-backend TRITON_ATTN"),
        ("--rope-theta 1000000", "0.11.2", """--hf-overrides '{"rope_theta": 1000000}'"""),
        (
            "--speculative-model a/b --num-speculative-tokens 3",
            "0.9.0",
            """--speculative-config '{"model": "a/b", "num_speculative_tokens": 3}'""",
        ),
        ("--swap-space 4 --num-scheduler-steps 8", "0.20.0", ""),
        ("--max-model-len auto", "0.13.0", ""),
        ("--max-model-len -1", "0.14.0", "--max-model-len=-1"),
        ("--device-memory-utilization 0.9", "0.30.0", "--gpu-memory-utilization 0.9"),
        ("--limit-mm-per-prompt image=2,video=1", "0.20.0", """--limit-mm-per-prompt '{"image": 2, "video": 1}'"""),
        ("""--limit-mm-per-prompt '{"image": 2}'""", "0.8.0", "--limit-mm-per-prompt image=2"),
        ("--max-num-seq 16", "0.20.0", "--max-num-seqs 16"),
        ("--port 1 --port 2", "0.20.0", "--port 2"),
        ("--enable-chunked-prefill False --enforce-eager True", "0.20.0", "--no-enable-chunked-prefill --enforce-eager"),
        ("--enable-chunked-prefill False", "0.8.5", "--enable-chunked-prefill False"),
        ("--kv-cache-memory 1000", "0.20.0", "--kv-cache-memory-bytes 1000"),
    ],
)
def test_a_flag_gets_the_spelling_of_the_version(given: str, at: str, wanted: str) -> None:
    assert line(f"vllm serve m {given}", at) == f"vllm serve m {wanted}".strip()


def test_the_variable_for_attention_becomes_a_flag_and_back() -> None:
    assert line("VLLM_ATTENTION_BACKEND=FLASHINFER vllm serve m", "0.20.0") == "vllm serve m --attention-backend FLASHINFER"
    assert line("vllm serve m --attention-backend FLASHINFER", "0.12.0") == "VLLM_ATTENTION_BACKEND=FLASHINFER vllm serve m"


def test_an_image_says_serve_itself_from_0_11_1_on() -> None:
    new = check("docker run --gpus all --ipc=host -p 80:8000 vllm/vllm-openai:v0.11.1 serve m")
    assert new.line.endswith("vllm/vllm-openai:v0.11.1 m") and not new.runs
    old = check("docker run --gpus all --ipc=host -p 80:8000 vllm/vllm-openai:v0.9.2 m")
    assert old.line.endswith("vllm/vllm-openai:v0.9.2 --model m")


def test_an_image_of_another_version_gets_the_tag_of_the_one_asked_for() -> None:
    pasted = "docker run --gpus all --ipc=host -p 80:8000 -v m:/m docker.io/vllm/vllm-openai:latest --model m"
    assert "docker.io/vllm/vllm-openai:v0.20.0 m" in check(pasted, "0.20.0").line
    assert "my/vllm:latest m" in check(pasted.replace("docker.io/vllm/vllm-openai", "my/vllm"), "0.20.0").line


def test_a_container_gets_what_it_lacks() -> None:
    checked = check("docker run vllm/vllm-openai:v0.20.0 m -tp 2 --port 9000")
    assert all(word in checked.line for word in ("--gpus all", "--ipc=host", "-p 9000:9000"))
    assert {remark.about for remark in checked.remarks if remark.weight == "error"} == {"--gpus", "--ipc"}


def test_a_parser_of_another_version_is_named_with_its_versions() -> None:
    (remark,) = [
        r for r in check("vllm serve m --enable-auto-tool-choice --tool-call-parser glm47", "0.11.0").remarks if r.weight == "error"
    ]
    assert "0.14.0 to" in remark.en and "hermes" in remark.zh


def test_tool_choice_without_a_parser_and_a_share_above_one_are_errors() -> None:
    remarks = check("vllm serve m --enable-auto-tool-choice --gpu-memory-utilization 90", "0.20.0").remarks
    assert {r.about for r in remarks if r.weight == "error"} == {"--tool-call-parser", "--gpu-memory-utilization"}


def test_what_cannot_be_known_stays_a_place_or_is_left_out() -> None:
    checked = check("vllm serve --max-model-len", "0.20.0")
    assert checked.line == "vllm serve MODEL" and {remark.about for remark in checked.remarks} == {"MODEL", "--max-model-len"}
    assert check("vllm serve --config stack.yaml", "0.20.0").line == "vllm serve --config stack.yaml"


def test_a_command_that_fits_is_left_as_it_is() -> None:
    text = "vllm serve Qwen/Qwen3-8B --max-model-len 8192 --tensor-parallel-size 2"
    checked = check(text, "0.33.0")
    assert checked.line == text and checked.runs and not checked.remarks


def test_a_mended_line_is_mended_no_further() -> None:
    given = "vllm serve m --task embed --swap-space 4 --rope-theta 10000 --limit-mm-per-prompt image=2 --guided-decoding-backend xgrammar"
    for at in ("0.8.5", "0.11.0", "0.20.0", "0.33.0"):
        once = check(given, at)
        again = check(once.line, at)
        assert again.line == once.line and not [r for r in again.remarks if r.weight == "error"]


def test_a_request_is_emitted_for_a_shell_and_for_a_container() -> None:
    flags = {
        "max-model-len": 8192,
        "enable-prefix-caching": False,
        "hf-overrides": {"a": "b c"},
        "served-model-name": ["x", "y"],
        "enforce-eager": True,
    }
    emitted = emit(ServeRequest("/models/m", flags, "0.33.0", port=8001, gpus=(0, 1), folder="/data/m"))
    words = shlex.split(emitted.serve.replace("\\\n", ""))
    assert words[:4] == ["CUDA_VISIBLE_DEVICES=0,1", "vllm", "serve", "/models/m"] and words[-2:] == ["--port", "8001"]
    assert json.loads(words[words.index("--hf-overrides") + 1]) == {"a": "b c"} and "--no-enable-prefix-caching" in words
    docker = shlex.split(emitted.docker.replace("\\\n", ""))
    assert docker[:2] == ["docker", "run"] and '"device=0,1"' in docker and "/data/m:/models/m:ro" in docker and "8001:8000" in docker
    assert docker[docker.index("vllm/vllm-openai:v0.33.0") + 1] == "/models/m" and "--port" not in docker


def test_a_request_says_what_the_version_could_not_be_given() -> None:
    emitted = emit(ServeRequest("m", {"kv-cache-memory-bytes": 4 << 30, "runner": "pooling", "convert": "embed"}, "0.9.2"))
    assert emitted.arguments == ("m", "--task", "embed")
    assert any(remark.about == "--kv-cache-memory-bytes" for remark in emitted.remarks)
