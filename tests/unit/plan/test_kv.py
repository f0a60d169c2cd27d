"""The cache's geometry against what vLLM printed in published logs and error messages."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.core.modelspec import LayerRun, RecurrentState
from moorage.plan.cards import GIB
from moorage.plan.kv import CacheSetup, cache_layout, number_bytes, state_bytes
from moorage.plan.version import EngineVersion
from tests.builders import shapes


def test_one_request_of_qwen3_06b_at_full_length_needs_what_the_error_message_says() -> None:
    assert cache_layout(shapes.dense(), CacheSetup()).needed_bytes(40_960) == 4.375 * GIB


def test_a_model_of_62_layers_needs_what_its_error_message_says_and_holds_the_length_it_says() -> None:
    layout = cache_layout(shapes.dense(layers=62, kv_heads=8), CacheSetup(EngineVersion(0, 20, 1)))

    assert layout.needed_bytes(204_800) == 48.4375 * GIB
    assert layout.longest(round(24.85 * GIB), 204_800) == 105_056


def test_heads_are_shared_out_over_cards_until_there_is_one_a_card() -> None:
    needed = {tp: cache_layout(shapes.dense(kv_heads=4), CacheSetup(tp=tp)).needed_bytes(1024) for tp in (1, 2, 4, 8)}

    assert needed[1] == 2 * needed[2] == 4 * needed[4]
    assert needed[8] == needed[4]


def test_a_latent_cache_is_whole_on_every_card() -> None:
    one, eight = (cache_layout(shapes.latent(), CacheSetup(tp=tp)).needed_bytes(4096) for tp in (1, 8))

    assert one == eight == 61 * 576 * 2 * 4096


def test_a_sparse_latent_layer_keeps_rows_of_656_bytes_and_its_index() -> None:
    assert cache_layout(shapes.latent(index_dim=128), CacheSetup()).needed_bytes(16) == 61 * (656 + 132) * 16


def test_the_first_engine_padded_latent_rows_to_640() -> None:
    padded = cache_layout(shapes.latent(), CacheSetup(EngineVersion(0, 7, 3), is_v0=True))

    assert padded.needed_bytes(16) == 61 * 640 * 2 * 16


@pytest.mark.parametrize(
    ("number_format", "bytes_each"), [("auto", 2), ("fp8", 1), ("fp8_e4m3", 1), ("bfloat16", 2), ("int8_per_token_head", 1)]
)
def test_a_number_in_the_cache_has_the_size_of_its_format(number_format: str, bytes_each: float) -> None:
    assert number_bytes(number_format) == bytes_each


def test_layers_with_a_window_are_put_into_groups_of_the_rarest_sort() -> None:
    layout = cache_layout(shapes.windowed(), CacheSetup(EngineVersion(0, 20), batched_tokens=4096))

    assert len(layout.groups) == 6
    assert layout.groups[0].block_tokens == 32  # a smaller page is made equal by a larger block
    assert layout.tokens(round(44.03 * GIB), 8192) == 192_368
    assert layout.concurrency(round(44.03 * GIB), 8192) == pytest.approx(38.76, abs=0.01)


def test_before_groups_a_layer_with_a_window_had_the_cache_of_a_full_one() -> None:
    old = cache_layout(shapes.windowed(), CacheSetup(EngineVersion(0, 9, 1)))

    assert len(old.groups) == 1
    assert old.needed_bytes(100_000) > cache_layout(shapes.windowed(), CacheSetup(EngineVersion(0, 10))).needed_bytes(100_000)


def test_chunked_layers_were_whole_for_some_versions() -> None:
    llama4 = replace(shapes.windowed(), layers=(LayerRun("full", 12, 8, 128), LayerRun("chunked", 36, 8, 128, window=8192)))
    groups = [len(cache_layout(llama4, CacheSetup(EngineVersion(0, *v))).groups) for v in ((10, 0), (10, 1), (12, 0), (13, 0))]

    assert groups == [4, 1, 1, 4]


def test_since_two_batches_may_be_in_flight_a_window_keeps_more() -> None:
    before, since = (
        cache_layout(shapes.windowed(), CacheSetup(EngineVersion(0, minor), batched_tokens=4096)).blocks_per_request(100_000)
        for minor in (25, 26)
    )

    assert since - before == 5 * 4096 // 16


def test_beside_states_the_block_grows_until_its_page_holds_one() -> None:
    layout = cache_layout(shapes.recurrent(), CacheSetup(EngineVersion(0, 17, 1), number_format="fp8", prefix_caching=True))

    assert layout.groups[0].block_tokens == 2096
    assert layout.tokens(round(5.18 * GIB), 262_144) == 134_144


def test_a_draft_layer_joins_the_layers_that_see_everything_and_lengthens_the_states() -> None:
    state = RecurrentState("gated_delta_net", 16, 64, 128, 128, 4, 4)
    shape = replace(shapes.recurrent(), layers=(LayerRun("full", 12, 2, 256), LayerRun("recurrent", 36, state=state)))
    setup = CacheSetup(EngineVersion(0, 19), number_format="fp8", draft_tokens=1, draft_layers=1)

    assert cache_layout(shape, setup).tokens(round(24.05 * GIB), 262_144) == 482_080


def test_a_cached_prefix_costs_one_more_state_from_the_version_that_can_keep_it() -> None:
    def states(version: EngineVersion, prefix: bool | None) -> int | None:
        return cache_layout(shapes.recurrent(), CacheSetup(version, prefix_caching=prefix)).groups[-1].states

    assert states(EngineVersion(0, 11), True) == 1
    assert states(EngineVersion(0, 17), True) == 2
    assert states(EngineVersion(0, 25), None) == 1
    assert states(EngineVersion(0, 26), None) == 2


def test_states_are_shared_out_over_cards() -> None:
    for sort in ("gated_delta_net", "mamba2"):
        state = RecurrentState(sort, 8, 64, 128, 64, 4, 4)  # type: ignore[arg-type]
        assert state_bytes(state, CacheSetup(tp=1)) == 2 * state_bytes(state, CacheSetup(tp=2))


def test_tokens_are_printed_by_another_rule_since_0_20_1() -> None:
    before, since = (
        cache_layout(shapes.windowed(), CacheSetup(version, batched_tokens=4096))
        for version in (EngineVersion(0, 20), EngineVersion(0, 20, 1))
    )
    size = 20 * GIB

    assert before.tokens(size, 8192) == size // before.block_bytes // 6 * 16
    assert since.tokens(size, 8192) == int(since.concurrency(size, 8192) * 8192)


def test_a_compressed_cache_needs_gigabytes_for_a_short_request_as_its_error_message_says() -> None:
    shape = replace(shapes.dense(layers=43), compress_ratios={0: 3, 4: 21, 128: 20})
    old = cache_layout(shape, CacheSetup(EngineVersion(0, 22), tp=2, number_format="fp8", batched_tokens=16_384))

    assert old.needed_bytes(30_000) / GIB == pytest.approx(6.66, abs=0.005)
    assert old.longest(round(5.44 * GIB), 30_000) == pytest.approx(13_528, abs=30)


def test_an_encoder_keeps_no_cache() -> None:
    layout = cache_layout(shapes.encoder(), CacheSetup())

    assert layout.groups == ()
    assert layout.tokens(GIB, 512) == layout.needed_bytes(512) == 0


def test_stages_share_out_the_layers_and_the_fullest_counts() -> None:
    assert cache_layout(shapes.dense(layers=29), CacheSetup(pp=2)).groups[0].layers == 15


@given(st.integers(1, 200_000), st.integers(0, 64 * GIB))
def test_the_longest_request_fits_and_one_more_token_does_not(limit: int, size: int) -> None:
    layout = cache_layout(shapes.windowed(), CacheSetup())
    longest = layout.longest(size, limit)

    assert 0 <= longest <= limit
    assert layout.needed_bytes(longest) <= size or longest == 0
    assert longest == limit or layout.needed_bytes(longest + 1) > size


@given(st.integers(1, 100), st.sampled_from([shapes.dense(), shapes.windowed(), shapes.recurrent(), shapes.latent()]))
def test_more_bytes_never_hold_fewer_tokens(gib: int, shape: shapes.Shape) -> None:
    layout = cache_layout(shape, CacheSetup())

    assert layout.tokens((gib + 1) * GIB, 8192) >= layout.tokens(gib * GIB, 8192)
