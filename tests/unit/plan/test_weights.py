"""Parameters counted from a shape against published counts; what a card holds of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from moorage.core.modelspec import Quantization, Shape, Weights
from moorage.plan.cards import GIB
from moorage.plan.version import EngineVersion
from moorage.plan.weights import bytes_per_weight, count_parameters, estimate_weights, loaded_bytes, lora_bytes
from tests.builders import shapes


@pytest.mark.parametrize(
    ("shape", "billions"),
    [(shapes.dense(), 0.596), (shapes.latent(), 671.0), (shapes.recurrent(), 35.0), (shapes.encoder(), 0.56), (shapes.seeing(), 8.29)],
)
def test_a_shape_gives_the_published_count(shape: Shape, billions: float) -> None:
    assert count_parameters(shape).total / 1e9 == pytest.approx(billions, rel=0.03)


@pytest.mark.parametrize(
    ("method", "bits", "group", "each"), [("awq", 4, 128, 0.52), ("fp8", 8, 128, 1.0), ("nvfp4", 4, 16, 0.5625), ("mxfp4", 4, 32, 0.53)]
)
def test_a_quantized_weight_carries_its_share_of_scales(method: str, bits: float, group: int, each: float) -> None:
    assert bytes_per_weight(Quantization(method, bits, group)) == pytest.approx(each, abs=0.005)


def test_quantization_leaves_the_words_alone() -> None:
    shape = replace(shapes.dense(28, 3584, 28, 4, 128, 18_944, 152_064), is_tied=False)

    assert estimate_weights(shape, Quantization("awq", 4, 128)).bytes / GIB == pytest.approx(5.2, abs=0.05)


def test_a_checkpoint_in_32_bits_is_loaded_in_16() -> None:
    spec = replace(shapes.spec(shapes.encoder(), "embed"), weights=Weights(4 * GIB, by_dtype={"F32": 4 * GIB}))

    assert loaded_bytes(spec) == 2 * GIB


def test_a_draft_head_is_loaded_only_when_it_is_used() -> None:
    spec = replace(shapes.spec(), weights=Weights(10 * GIB, draft_bytes=2 * GIB))

    assert loaded_bytes(spec, with_draft=True) - loaded_bytes(spec) == 2 * GIB


def test_the_fullest_stage_holds_its_layers_and_one_end_of_the_words() -> None:
    spec = shapes.spec(replace(shapes.dense(layers=10), is_tied=False))

    assert loaded_bytes(spec, pp=2) > loaded_bytes(spec) / 2
    assert loaded_bytes(spec, pp=2) < loaded_bytes(spec)


def test_0_7_kept_latent_projections_multiplied_out() -> None:
    spec = shapes.spec(shapes.latent(layers=27, heads=16))

    assert loaded_bytes(spec, version=EngineVersion(0, 7, 2)) - loaded_bytes(spec, version=EngineVersion(0, 9)) > GIB


def test_room_for_adapters_grows_with_their_rank() -> None:
    assert lora_bytes(shapes.dense(), 64) == 2 * lora_bytes(shapes.dense(), 32)
