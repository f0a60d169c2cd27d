"""A small team's fleet, planned whole: does each service land where an engineer would put it, with flags that engineer would trust?"""

from __future__ import annotations

import shlex
from dataclasses import replace

from moorage.core.modelspec import Experts, LayerRun, ModelSpec, Quantization, Shape, Template
from moorage.plan.cards import GIB, parse_cards
from moorage.plan.result import Placed, StackPlan
from moorage.plan.stack import plan_stack
from moorage.plan.terms import Term
from moorage.plan.version import LATEST, EngineVersion
from moorage.plan.wish import Wish
from moorage.stack.commands import commands_of
from moorage.stack.shapes import plan_data
from tests.builders import shapes

HERMES = Template(True, "switch", "{% if tools %}<tool_call>{% endif %}{% if enable_thinking %}<think>{% endif %}")
DEEPSEEK = Template(True, "none", "{% if tools %}<｜tool▁calls▁begin｜>```json{% endif %}")
OSS_SHAPE = Shape(
    (LayerRun("full", 12, 8, 64), LayerRun("sliding", 12, 8, 64, window=128)), 2880, 64, 64, 0, 201_088, 131_072, experts=Experts(32, 4, 2880, 24)
)  # fmt: skip


def _spec(name: str, shape: Shape, task: str, architecture: str, **more: object) -> ModelSpec:
    return replace(shapes.spec(shape, task, name), architecture=architecture, **more)  # type: ignore[arg-type]


QWEN_32B = _spec(
    "Qwen3-32B-AWQ", replace(shapes.dense(64, 5120, 64, 8, 128, 25_600), is_tied=False), "chat", "Qwen3ForCausalLM",
    quantization=Quantization("awq", 4, 128), template=HERMES,
)  # fmt: skip
SEES = _spec(
    "Qwen2.5-VL-7B-AWQ", shapes.seeing(), "vision_chat", "Qwen2_5_VLForConditionalGeneration", quantization=Quantization("awq", 4, 128)
)
OSS = _spec("gpt-oss-20b", OSS_SHAPE, "chat", "GptOssForCausalLM", quantization=Quantization("mxfp4", 4, 32))
EMBED = _spec("Qwen3-Embedding-0.6B", shapes.dense(), "embed", "Qwen3ForCausalLM")
M3 = _spec("bge-m3", shapes.encoder(), "embed", "XLMRobertaModel")
DEEP = _spec("DeepSeek-V3", shapes.latent(), "chat", "DeepseekV3ForCausalLM", quantization=Quantization("fp8", 8, 128), template=DEEPSEEK)


def _plan(gpus: str, version: EngineVersion = LATEST, **specs: ModelSpec) -> StackPlan:
    plan = plan_stack([Wish(name, spec) for name, spec in specs.items()], parse_cards(gpus), version)
    assert plan.is_whole, [reason.en for refused in plan.refused for reason in refused.reasons]
    for use in plan.cards:
        assert use.spare_bytes >= 0.03 * use.card.total_bytes
    return plan


def _of(plan: StackPlan, name: str) -> Placed:
    return next(service for service in plan.placed if service.name == name)


def _term(service: Placed, name: str) -> Term:
    return next(term for term in service.prediction.terms if term.name == name)


def _words(plan: StackPlan, name: str) -> list[str]:
    return shlex.split(commands_of(plan)[name].serve.replace("\\\n", ""))


def test_a_32b_model_in_4_bits_runs_on_two_cards_with_both_embedders_beside_it() -> None:
    plan = _plan("2x4090", EngineVersion(0, 11), llm=QWEN_32B, embed=EMBED, m3=M3)
    llm, words = _of(plan, "llm"), _words(plan, "llm")

    assert (llm.cards, llm.prediction.flags.tp) == ((0, 1), 2)
    assert 8.5 * GIB < _term(llm, "weights").bytes.likely < 9.7 * GIB  # the published files have 18 GiB
    assert llm.prediction.flags.max_len == 32_768 and llm.users > 1
    assert {"--tensor-parallel-size", "--kv-cache-memory-bytes", "--max-num-seqs", "--max-num-batched-tokens"} <= set(words)
    assert "--quantization" not in words  # the engine reads it from the model, and chooses the faster kernel
    assert (words[words.index("--tool-call-parser") + 1], words[words.index("--reasoning-parser") + 1]) == ("hermes", "qwen3")


def test_a_model_that_sees_gets_the_card_that_is_left_to_itself() -> None:
    plan = _plan("4x4090", llm=QWEN_32B, vl=SEES, embed=EMBED, m3=M3)

    assert len({_of(plan, name).cards for name in ("llm", "vl", "embed")}) == 3
    assert _of(plan, "embed").cards == _of(plan, "m3").cards
    assert _term(_of(plan, "vl"), "vision").bytes.high > GIB


def test_gpt_oss_on_an_ampere_card_names_its_kernel_and_leaves_room_for_the_embedders() -> None:
    plan = _plan("3090", oss=OSS, embed=EMBED, m3=M3)
    words = _words(plan, "oss")

    assert words[words.index("--attention-backend") + 1] == "TRITON_ATTN"
    assert words[words.index("--reasoning-parser") + 1] == "openai_gptoss"
    assert "TRITON_ATTN" not in _words(_plan("H100", oss=OSS), "oss")


def test_deepseek_on_eight_cards_keeps_its_latent_cache_whole_on_each() -> None:
    plan = _plan("8xH20", ds=DEEP)
    service, words = _of(plan, "ds"), _words(plan, "ds")

    assert (len(service.cards), service.prediction.flags.tp) == (8, 8)
    assert service.prediction.layout.bytes_per_token == 61 * 576 * 2
    assert 75 * GIB < _term(service, "weights").bytes.likely < 84 * GIB
    assert words[words.index("--tool-call-parser") + 1] == "deepseek_v3"
    assert "--reasoning-parser" not in words


def test_every_number_of_the_fleet_is_explained() -> None:
    for plan in (_plan("2x4090", llm=QWEN_32B, embed=EMBED, m3=M3), _plan("3090", oss=OSS), _plan("8xH20", ds=DEEP)):
        for service in plan_data(plan, "en")["services"]:  # type: ignore[attr-defined]
            lines = {line["name"]: line["reason"] for line in service["explanation"]}
            assert {"weights", "activation", "context", "held"} <= set(lines)
            assert all(lines.values())
            assert {choice["flag"] for choice in service["choices"]} == set(service["serve"])
