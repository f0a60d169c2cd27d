"""The memory of one start-up: the law's terms against logged ones, and what no plan may do."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.core.modelspec import ModelSpec, Quantization, Weights
from moorage.plan.cards import GIB, Card, find_card
from moorage.plan.flags import Flags, resolve
from moorage.plan.predict import Prediction, predict
from moorage.plan.version import EngineVersion
from tests.builders import shapes


def _card(name: str, **changes: int) -> Card:
    found = find_card(name)
    assert found
    return replace(found, **changes)


def _terms(plan: Prediction) -> dict[str, float]:
    return {term.name: term.bytes.likely / GIB for term in plan.terms}


def test_with_the_defaults_of_a_large_card_the_peak_is_the_sampler_and_not_the_model() -> None:
    plan = predict(shapes.spec(), _card("H100"), Flags(), EngineVersion(0, 11))

    assert _terms(plan)["activation"] == pytest.approx(5.6, abs=0.1)  # logged: 5.56, 5.64, 5.64
    assert "--max-num-seqs" in next(t for t in plan.terms if t.name == "activation").reason.en


def test_fewer_requests_at_once_win_cache() -> None:
    many, few = (predict(shapes.spec(), _card("4090"), Flags(max_seqs=seqs), EngineVersion(0, 11)).cache.likely for seqs in (256, 16))

    assert few - many > 1 * GIB


def test_a_prompt_in_one_piece_is_paid_for_by_its_length() -> None:
    llama = replace(shapes.dense(32, 4096, 32, 8, 128, 14_336, 128_256), is_tied=False)
    plan = predict(shapes.spec(llama), _card("3090"), Flags(utilization=0.9, max_len=20_000, is_v0=True), EngineVersion(0, 6, 4))

    assert _terms(plan)["activation"] == pytest.approx(2.06, abs=0.02)  # logged: 2.07
    assert plan.cache.likely / GIB == pytest.approx(3.81, abs=0.3)


def test_half_of_the_weights_on_two_cards() -> None:
    qwen = replace(shapes.dense(64, 5120, 64, 8, 128, 25_600, 151_936), is_tied=False)
    one, two = (_terms(predict(shapes.spec(qwen), _card("H100"), Flags(tp=tp), EngineVersion(0, 11)))["weights"] for tp in (1, 2))

    assert one == pytest.approx(61.03, abs=0.05)
    assert two == pytest.approx(30.59, abs=0.05)


def test_graphs_are_outside_the_budget_before_0_20_and_inside_since() -> None:
    def place(version: EngineVersion) -> bool:
        return next(t for t in predict(shapes.spec(), _card("4090"), Flags(), version).terms if t.name == "graphs").is_inside

    assert not place(EngineVersion(0, 19))
    assert place(EngineVersion(0, 20))


def test_without_graphs_nothing_is_kept_for_them() -> None:
    assert "graphs" not in _terms(predict(shapes.spec(), _card("4090"), Flags(is_eager=True)))


def test_the_first_releases_of_the_second_engine_charge_the_whole_card() -> None:
    charged, own = (
        _terms(predict(shapes.spec(), _card("4090"), Flags(), version))["other"]
        for version in (EngineVersion(0, 9, 1), EngineVersion(0, 9, 2))
    )

    assert charged > own + 0.4


def test_cache_bytes_that_are_named_are_taken_exactly() -> None:
    plan = predict(shapes.spec(), _card("4090"), Flags(cache_bytes=3 * GIB))

    assert (plan.cache.low, plan.cache.high) == (3 * GIB, 3 * GIB)
    assert plan.held.likely < 10 * GIB


def test_an_encoder_needs_no_cache_and_holds_little_whatever_its_share_of_the_card() -> None:
    plan = predict(shapes.spec(shapes.encoder(), "embed"), _card("4090"), Flags(utilization=0.9))

    assert plan.needed_bytes == 0
    assert plan.held.likely < 4 * GIB
    assert plan.fits


def test_a_card_that_others_use_is_not_promised() -> None:
    assert predict(shapes.spec(), _card("4090"), Flags(utilization=0.85)).fits
    assert not predict(shapes.spec(), _card("4090", used_bytes=6 * GIB), Flags(utilization=0.85)).fits


def test_padding_of_gpt_oss_experts_is_counted() -> None:
    gpt = replace(shapes.windowed(12, 12, 128), hidden=2880)
    spec = replace(shapes.spec(gpt), quantization=Quantization("mxfp4", 4, 32), weights=Weights(10 * GIB, expert_bytes=9 * GIB))

    assert _terms(predict(spec, _card("H100"), Flags()))["weights"] > 10.5


def test_scales_in_a_checkpoint_make_the_cache_fp8_from_0_12() -> None:
    spec = replace(shapes.spec(), quantization=Quantization("nvfp4", 4, 16, kv_cache="fp8"))

    assert resolve(Flags(), spec, _card("5090"), EngineVersion(0, 12)).cache_format == "fp8"
    assert resolve(Flags(), spec, _card("5090"), EngineVersion(0, 11)).cache_format == "auto"


@pytest.mark.parametrize(
    ("card", "version", "seqs", "tokens"),
    [
        ("4090", EngineVersion(0, 11), 256, 2048),
        ("4090", EngineVersion(0, 8, 3), 1024, 2048),
        ("H100", EngineVersion(0, 11), 1024, 8192),
        ("A100-80GB", EngineVersion(0, 11), 256, 2048),
        ("B200", EngineVersion(0, 32), 1024, 16_384),
    ],
)
def test_what_is_not_said_is_what_the_engine_takes_for_the_card(card: str, version: EngineVersion, seqs: int, tokens: int) -> None:
    full = resolve(Flags(), shapes.spec(), _card(card), version)

    assert (full.max_seqs, full.batched_tokens) == (seqs, tokens)


def test_up_to_0_21_the_check_counts_the_layers_of_all_stages() -> None:
    old, new = (
        predict(shapes.spec(), _card("4090"), Flags(pp=2, max_len=8192), version).needed_bytes
        for version in (EngineVersion(0, 21), EngineVersion(0, 22))
    )

    assert old == 2 * new


def test_a_model_without_a_shape_cannot_be_planned() -> None:
    with pytest.raises(ValueError, match="somewhere"):
        predict(ModelSpec("somewhere", "chat"), _card("4090"), Flags())


_SHAPES = st.sampled_from([shapes.dense(), shapes.windowed(), shapes.recurrent(), shapes.latent(), shapes.seeing()])


@given(_SHAPES, st.sampled_from(["4090", "H100", "A10", "H20"]), st.integers(6, 33), st.sampled_from([1, 2, 4]), st.booleans())
def test_a_promise_is_never_above_what_is_likely_nor_that_above_the_best(
    shape: shapes.Shape, card: str, minor: int, tp: int, fp8: bool
) -> None:
    plan = predict(shapes.spec(shape), _card(card), Flags(tp=tp, cache_format="fp8" if fp8 else "auto"), EngineVersion(0, minor))

    assert plan.cache.low <= plan.cache.likely <= plan.cache.high
    assert plan.tokens[0] <= plan.tokens[1] <= plan.tokens[2]
    assert plan.may_fit or not plan.fits
    assert all(t.reason.en and t.reason.zh for t in plan.terms)


@given(_SHAPES, st.floats(0.3, 0.95))
def test_the_parts_and_the_cache_make_up_the_budget(shape: shapes.Shape, share: float) -> None:
    plan = predict(shapes.spec(shape), _card("H200"), Flags(utilization=share))

    inside = sum(t.bytes.likely for t in plan.terms if t.is_inside)
    assert inside + plan.cache.likely == plan.budget_bytes
