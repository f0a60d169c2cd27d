"""A plan ends in commands that its version takes, with the model's place, ports, cards and parsers in them."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from moorage.core.modelspec import ModelSpec, Template
from moorage.engines.vllm.table import flag_table
from moorage.plan.cards import parse_cards
from moorage.plan.result import StackPlan
from moorage.plan.stack import plan_stack
from moorage.plan.version import parse_version
from moorage.plan.wish import Wish
from moorage.stack.commands import ServiceCommands, commands_of
from moorage.stack.planner import plan_services
from moorage.stack.services import ServiceEntry
from tests.builders import shapes
from tests.builders.model_files import model_folder

HERMES = Template(True, "switch", "{% if tools %}<tool_call>{% endif %}{% if enable_thinking %}<think>{% endif %}")
CHAT = replace(shapes.spec(), architecture="Qwen3ForCausalLM", template=HERMES)
EMBED = replace(shapes.spec(task="embed"), architecture="Qwen3ForCausalLM")
ENCODER = replace(shapes.spec(shapes.encoder(), "rerank"), architecture="XLMRobertaForSequenceClassification")


def _plan(*wishes: Wish, gpus: str = "2x4090", vllm: str = "0.33.0") -> StackPlan:
    plan = plan_stack(wishes, parse_cards(gpus), parse_version(vllm))
    assert plan.is_whole
    return plan


def _one(spec: ModelSpec, gpus: str = "4090", vllm: str = "0.33.0", **wanted: object) -> ServiceCommands:
    return commands_of(_plan(Wish("one", spec, **wanted), gpus=gpus, vllm=vllm))["one"]  # type: ignore[arg-type]


def _words(command: str) -> list[str]:
    return shlex.split(command.replace("\\\n", ""))


def _after(command: str, flag: str) -> str:
    words = _words(command)
    return words[words.index(flag) + 1]


def test_services_get_ports_in_the_order_of_their_start() -> None:
    plan = _plan(Wish("llm", CHAT), Wish("vectors", EMBED), Wish("rank", ENCODER))
    commands = commands_of(plan)

    assert [commands[service.name].port for service in plan.placed] == [8000, 8001, 8002]
    assert "--port" not in _words(commands[plan.placed[0].name].serve)
    assert _after(commands[plan.placed[1].name].serve, "--port") == "8001"
    assert "8001:8000" in _words(commands[plan.placed[1].name].docker)


def test_the_cards_of_a_service_are_named_for_both_ways_of_starting() -> None:
    commands = _one(CHAT, "2x4090", cards=(1,))

    assert _words(commands.serve)[0] == "CUDA_VISIBLE_DEVICES=1"
    assert _after(commands.docker, "--gpus") == '"device=1"'


def test_cards_that_differ_are_counted_by_their_slots() -> None:
    assert _words(_one(CHAT, "4090,L40S", cards=(1,)).serve)[:2] == ["CUDA_DEVICE_ORDER=PCI_BUS_ID", "CUDA_VISIBLE_DEVICES=1"]


def test_a_service_that_has_all_cards_names_none() -> None:
    commands = _one(CHAT, "2x4090", tp=2)

    assert _words(commands.serve)[:2] == ["vllm", "serve"]
    assert _after(commands.docker, "--gpus") == "all"


def test_parsers_are_those_of_the_chat_template() -> None:
    serve = _one(CHAT).serve

    assert "--enable-auto-tool-choice" in _words(serve)
    assert (_after(serve, "--tool-call-parser"), _after(serve, "--reasoning-parser")) == ("hermes", "qwen3")


def test_without_a_template_the_family_tells_and_the_plan_says_so() -> None:
    commands = _one(replace(CHAT, architecture="GptOssForCausalLM", template=None), vllm="0.20.0")

    assert _after(commands.serve, "--tool-call-parser") == "openai"
    assert "no_template" in [notice.code for notice in commands.notices]


def test_a_template_that_shows_no_tools_gets_no_tool_parser() -> None:
    commands = _one(replace(CHAT, template=Template(False, "none", "<tool_call>")))

    assert "--tool-call-parser" not in commands.arguments
    assert not commands.notices


@pytest.mark.parametrize(("spec", "task"), [(EMBED, "embed"), (ENCODER, "score")])
def test_before_the_runner_a_task_is_named(spec: ModelSpec, task: str) -> None:
    serve = _one(spec, vllm="0.8.5").serve

    assert _after(serve, "--task") == task
    assert "--runner" not in _words(serve)


@pytest.mark.parametrize(
    ("vllm", "spelled"),
    [("0.10.2", "VLLM_ATTENTION_BACKEND=TRITON_ATTN_VLLM_V1"), ("0.11.0", "VLLM_ATTENTION_BACKEND=TRITON_ATTN"), ("0.20.0", "--attention-backend")],
)  # fmt: skip
def test_the_kernel_of_gpt_oss_on_ampere_is_named_as_the_version_wants_it(vllm: str, spelled: str) -> None:
    commands = _one(replace(CHAT, architecture="GptOssForCausalLM"), "3090", vllm)

    assert spelled in _words(commands.serve)
    assert spelled in _words(commands.docker)
    assert not [notice for notice in commands.notices if "backend" in notice.code]


def test_a_folder_is_mounted_where_it_lies_and_a_file_with_its_folder(tmp_path: Path) -> None:
    folder, file = str(tmp_path / "model"), str(tmp_path / "x-00001-of-00002.gguf")

    assert _after(_one(CHAT, source=folder).docker, "-v") == f"{folder}:{folder}:ro"
    parts = _one(replace(CHAT, format="gguf"), source=file)
    assert _after(parts.docker, "-v") == f"{tmp_path}:{tmp_path}:ro"
    assert parts.arguments[0] == file
    assert [notice.code for notice in parts.notices] == ["gguf_tokenizer", "gguf_plugin"]


def test_a_family_that_is_younger_than_the_version_is_said() -> None:
    assert "version_too_old" in [notice.code for notice in _one(CHAT, vllm="0.8.0").notices]
    assert "version_too_old" not in [notice.code for notice in _one(CHAT, vllm="0.8.4").notices]


def test_a_ranker_is_judged_by_what_it_is_told_to_be() -> None:
    ranker = replace(EMBED, task="rerank")

    assert "0.9.2 is the first" in _one(ranker, vllm="0.9.1").notices[-1].say()
    assert not _one(ranker, vllm="0.9.2").notices


def test_the_first_engine_is_allowed_to_cut_prompts() -> None:
    assert "--enable-chunked-prefill" in _one(CHAT, vllm="0.7.3").arguments
    assert "--enable-chunked-prefill" not in _one(CHAT, vllm="0.8.5").arguments


def test_a_long_line_is_never_broken_between_a_flag_and_its_value() -> None:
    commands = _one(CHAT, source=f"/{'long' * 40}/model")

    assert _words(commands.docker) == shlex.split(" ".join(commands.docker.split("\\\n")))
    starts = [line.split()[0] for line in commands.docker.splitlines()[1:]]
    assert all(start.startswith(("-", "vllm/", "/")) for start in starts)


def test_a_name_from_a_hub_is_told_to_the_engine_with_its_cache() -> None:
    docker = _words(_one(CHAT, source="Qwen/Qwen3-8B").docker)

    assert "Qwen/Qwen3-8B" in docker
    assert "~/.cache/huggingface:/root/.cache/huggingface" in docker


def test_every_flag_of_every_version_is_there() -> None:
    table = flag_table()
    specs = (CHAT, EMBED, ENCODER, replace(EMBED, task="rerank"), replace(CHAT, architecture="GptOssForCausalLM"))
    for at in table.versions:
        for spec in specs:
            commands = _one(spec, "3090", str(at), context_tokens=2048, lora_rank=16 if spec is CHAT else 0, is_eager=spec is CHAT)
            flags = [word.split("=")[0] for word in commands.arguments if word.startswith("--")]
            assert [flag for flag in flags if not table.has(flag, at)] == [], (str(at), spec.task)
            assert [name for name in commands.variables if name.startswith("VLLM_") and not table.has_variable(name, at)] == []


@pytest.mark.parametrize(
    ("written", "told"), [("hf:Org/Small", "Org/Small"), ("Org/Small", "Org/Small"), ("ms:Org/Other", "models/Org/Other"), ("folder", "folder")]
)  # fmt: skip
def test_a_model_is_told_by_name_where_the_engine_looks_into_the_same_cache_else_by_its_path(
    written: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hf"))
    monkeypatch.setenv("MODELSCOPE_CACHE", str(tmp_path / "ms"))
    monkeypatch.chdir(tmp_path)
    model_folder(tmp_path / "hf" / "models--Org--Small" / "snapshots" / "abc")
    model_folder(tmp_path / "ms" / "models" / "Org" / "Other")
    model_folder(tmp_path / "folder")
    command = commands_of(plan_services([ServiceEntry("one", written)], gpus="4090"))["one"]

    assert command.arguments[0].endswith(told)
    assert ("huggingface" in command.docker) is (told == "Org/Small")
    assert Path(command.arguments[0]).is_absolute() is (told != "Org/Small")
