"""Published start-ups that no constant was fitted on: what the law says of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from moorage.core.modelspec import Experts, LayerRun, Quantization, Shape
from moorage.plan.cards import GIB, Card, find_card
from moorage.plan.flags import Flags
from moorage.plan.predict import predict
from moorage.plan.version import EngineVersion
from tests.builders import shapes

GPT_OSS = Shape(
    (LayerRun("full", 12, 8, 64), LayerRun("sliding", 12, 8, 64, window=128)), 2880, 64, 64, 2880, 201_088, 131_072, experts=Experts(32, 4, 2880, 24)
)  # fmt: skip


def _card(name: str) -> Card:
    card = find_card(name)
    assert card
    return card


def test_gpt_oss_20b_on_an_a100_with_0_19() -> None:
    """https://myoceane.fr/index.php/ai-vllm-a100-gemma-4/: 36.56 GiB of cache."""
    spec = replace(shapes.spec(GPT_OSS), quantization=Quantization("mxfp4", 4, 32))
    plan = predict(spec, _card("A100-80GB"), Flags(utilization=0.65, max_len=131_072), EngineVersion(0, 19))

    assert plan.cache.low / GIB <= 36.56 <= plan.cache.high / GIB
    assert plan.cache.likely / GIB == pytest.approx(36.56, abs=0.02 * 79)


def test_gemma_3_4b_with_1024_requests() -> None:
    """vLLM pull request 21489: 9.96 GiB of peak activation, with PyTorch's sampler."""
    layers = (LayerRun("full", 5, 4, 256), LayerRun("sliding", 29, 4, 256, window=1024))
    gemma = Shape(layers, 2560, 8, 256, 10_240, 262_208, 131_072, is_tied=True)
    plan = predict(shapes.spec(gemma), _card("B200"), Flags(max_seqs=1024, batched_tokens=16_384), EngineVersion(0, 10))
    peak = next(term for term in plan.terms if term.name == "activation")

    assert peak.bytes.likely / GIB == pytest.approx(9.96, rel=0.05)
    assert peak.bytes.high / GIB >= 9.96


def test_gpt_oss_120b_at_full_length() -> None:
    """vLLM issue 27508: 4.54 GiB for one request of 131,072 tokens, with batches of 1,024."""
    large = replace(GPT_OSS, layers=tuple(replace(run, count=18) for run in GPT_OSS.layers))
    plan = predict(shapes.spec(large), _card("H100"), Flags(max_len=131_072, batched_tokens=1024), EngineVersion(0, 11))

    assert plan.needed_bytes / GIB == pytest.approx(4.54, abs=0.005)


def test_a_coder_of_30b_in_two_stages_is_asked_for_the_cache_of_both() -> None:
    """vLLM issue 34076: 24.0 GiB are asked for of one card, with 0.15 and two stages."""
    coder = replace(shapes.dense(48, 2048, 32, 4, 128, 6144, 151_936), context_tokens=262_144)
    plan = predict(shapes.spec(coder), _card("5090"), Flags(pp=2), EngineVersion(0, 15, 2))

    assert plan.needed_bytes == 24 * GIB


def test_a_27b_with_states_and_an_fp8_cache_has_blocks_of_1568_tokens() -> None:
    """vllm-windows-build issue 17 and club-3090 issue 1047: "Setting attention block size to 1568 tokens"."""
    run = shapes.recurrent().layers[1]
    assert run.state
    hybrid = replace(
        shapes.recurrent(),
        layers=(LayerRun("full", 16, 4, 256), replace(run, count=48, state=replace(run.state, value_heads=48))),
        experts=None,
    )
    plan = predict(shapes.spec(hybrid), _card("A6000"), Flags(cache_format="fp8"), EngineVersion(0, 27))

    assert plan.layout.groups[0].block_tokens == 1568
