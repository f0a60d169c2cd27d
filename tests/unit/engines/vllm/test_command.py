"""Pasted command lines become data, however they were pasted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.core.errors import CommandLineInvalid
from moorage.engines.vllm.command import CommandLine, Given, read_command
from moorage.engines.vllm.table import flag_table


def read(text: str) -> CommandLine:
    return read_command(text, flag_table())


def flags(text: str) -> dict[str, tuple[str, ...]]:
    return {given.name + given.path: given.values for given in read(text).given}


def test_a_serve_line_is_its_model_and_its_flags() -> None:
    command = read("vllm serve Qwen/Qwen3-8B --max-model-len 8192 --enforce-eager --served-model-name a b -tp 2")
    assert command.launcher == "serve" and command.model == "Qwen/Qwen3-8B"
    assert {g.name: g.values for g in command.given} == {
        "--max-model-len": ("8192",), "--enforce-eager": (), "--served-model-name": ("a", "b"), "--tensor-parallel-size": ("2",)
    }  # fmt: skip


def test_underscores_equals_signs_and_off_switches_are_read() -> None:
    command = read("vllm serve m --max_model_len=8192 --no-enable-prefix-caching --compilation-config.cudagraph_mode NONE -O3")
    assert command.given[0].values == ("8192",) and command.given[0].name == "--max-model-len"
    assert command.given[1] == Given("--enable-prefix-caching", (), is_off=True, written="--no-enable-prefix-caching")
    assert command.given[2].path == ".cudagraph_mode" and command.given[3].values == ("3",)


@pytest.mark.parametrize(
    "text",
    [
        "$ sudo CUDA_VISIBLE_DEVICES=0 vllm serve m --port 9000",
        "export CUDA_VISIBLE_DEVICES=0 && vllm serve m --port 9000 > vllm.log 2>&1 &",
        "CUDA_VISIBLE_DEVICES=0 nohup vllm serve m \\\n   --port 9000 | tee log",
        "export CUDA_VISIBLE_DEVICES=0\nvllm serve m —port 9000",
        "CUDA_VISIBLE_DEVICES=0 uv run vllm serve m –-port 9000",
        "CUDA_VISIBLE_DEVICES=0 vllm serve m `\n --port 9000",
    ],
)
def test_prompts_redirections_and_dashes_of_a_word_processor_do_not_matter(text: str) -> None:
    command = read(text)
    assert command.model == "m" and command.value("--port") == "9000" and command.variables == {"CUDA_VISIBLE_DEVICES": "0"}
    assert command.strays == ()


def test_the_module_of_old_notes_is_read() -> None:
    command = read("python3 -m vllm.entrypoints.openai.api_server --model /m/qwen --trust-remote-code")
    assert (
        command.launcher == "module"
        and command.model == "/m/qwen"
        and flags("vllm serve m --trust-remote-code") == {"--trust-remote-code": ()}
    )


def test_a_container_is_read_with_its_options_image_and_variables() -> None:
    command = read("docker run -d --gpus all -e HF_TOKEN=x -p 8000:8000 --name v vllm/vllm-openai:v0.9.1 --model m --max-num-seqs 16")
    assert command.container and command.container.image == "vllm/vllm-openai:v0.9.1" and command.container.tag == "v0.9.1"
    assert command.variables == {"HF_TOKEN": "x"} and command.model == "m" and command.value("--max-num-seqs") == "16"


def test_json_values_stay_whole() -> None:
    text = """vllm serve m --hf-overrides '{"a": {"b": "c=d"}}' --limit-mm-per-prompt={"image":4}"""
    assert flags(text)["--hf-overrides"] == ('{"a": {"b": "c=d"}}',)


@pytest.mark.parametrize("text", ["", "ls -l", "vllm bench", "vllm serve 'm", "docker run ubuntu ls", "x" * 30_000])
def test_what_is_no_server_command_is_one_clear_sentence(text: str) -> None:
    with pytest.raises(CommandLineInvalid):
        read(text)


@given(st.text(max_size=300))
def test_no_text_makes_the_reader_fail_otherwise(text: str) -> None:
    try:
        read("vllm serve m " + text)
    except CommandLineInvalid as error:
        assert error.say("zh")
