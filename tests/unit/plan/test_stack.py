"""Several services on several cards: what no plan may do, who comes first, what is said when there is no place."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moorage.core.modelspec import ModelSpec, Quantization, Shape, Weights
from moorage.plan.cards import GIB, parse_cards
from moorage.plan.result import Placed, StackPlan
from moorage.plan.stack import plan_stack
from moorage.plan.terms import Range
from moorage.plan.version import EngineVersion
from moorage.plan.wish import Wish
from tests.builders import shapes

QWEN_32B = replace(shapes.dense(64, 5120, 64, 8, 128, 25_600, 151_936), is_tied=False)
QWEN_8B = replace(shapes.dense(36, 4096, 32, 8, 128, 12_288, 151_936), is_tied=False)
AWQ = Quantization("awq", 4, 128)


def _wish(name: str, shape: Shape, task: str = "chat", **wanted: object) -> Wish:
    return Wish(name, shapes.spec(shape, task, name), **wanted)  # type: ignore[arg-type]


def _awq(name: str = "llm", shape: Shape = QWEN_32B, **wanted: object) -> Wish:
    return Wish(name, replace(shapes.spec(shape, "chat", name), quantization=AWQ), **wanted)  # type: ignore[arg-type]


def _fleet() -> list[Wish]:
    return [
        _awq(), _wish("embed", shapes.dense(), "embed"), _wish("m3", shapes.encoder(), "embed"), _wish("rank", shapes.encoder(), "rerank"),
    ]  # fmt: skip


def _service(plan: StackPlan, name: str) -> Placed:
    return next(service for service in plan.placed if service.name == name)


def _codes(plan: StackPlan, name: str) -> list[str]:
    return [notice.code for notice in _service(plan, name).notices]


def test_four_services_share_two_cards() -> None:
    plan = plan_stack(_fleet(), parse_cards("2x4090"))

    assert plan.is_whole
    assert _service(plan, "llm").cards == (0, 1)
    assert all(use.spare_bytes >= 0.03 * use.card.total_bytes for use in plan.cards)


def test_on_a_shared_card_the_cache_is_said_in_bytes_from_the_version_that_knows_the_flag() -> None:
    new, old = (
        _service(plan_stack(_fleet(), parse_cards("2x4090"), version), "llm").prediction.flags.said
        for version in (EngineVersion(0, 10, 2), EngineVersion(0, 10, 1))
    )

    assert new.cache_bytes and new.utilization
    assert old.cache_bytes is None and old.utilization


def test_alone_on_its_card_a_service_is_given_a_share() -> None:
    said = _service(plan_stack([_awq()], parse_cards("48GB")), "llm").prediction.flags.said

    assert said.cache_bytes is None
    assert said.utilization and 0.5 < said.utilization < 0.97


def test_nothing_that_costs_memory_is_left_to_a_default() -> None:
    said = _service(plan_stack([_awq()], parse_cards("2x4090")), "llm").prediction.flags.said

    assert said.max_seqs and said.batched_tokens and said.max_len


def test_before_0_9_2_shares_add_up() -> None:
    plan = plan_stack([_awq("llm", QWEN_8B), _wish("m3", shapes.encoder(), "embed")], parse_cards("4090"), EngineVersion(0, 9, 1))
    first, second = (service.prediction.flags.utilization for service in plan.placed)

    assert second > first
    assert sum(size for _, size in plan.cards[0].parts) <= 0.97 * plan.cards[0].card.total_bytes
    assert "cumulative" in [notice.code for notice in plan.notices]


def test_what_others_hold_of_a_card_is_left_to_them() -> None:
    free, used = parse_cards("4090")[0], replace(parse_cards("4090")[0], used_bytes=8 * GIB)
    caches = [
        _service(plan_stack([_wish("llm", QWEN_8B)], [card]), "llm") if card is free else plan_stack([_wish("llm", QWEN_8B)], [card])
        for card in (free, used)
    ]

    assert isinstance(caches[0], Placed)
    assert isinstance(caches[1], StackPlan) and not caches[1].placed
    assert plan_stack([_awq("llm", QWEN_8B)], [used]).cards[0].parts[0] == ("others", 8 * GIB)


def test_a_context_that_is_named_is_kept_or_refused() -> None:
    plan = plan_stack([_wish("llm", QWEN_8B, context_tokens=40_960, users=8)], parse_cards("4090"))

    assert not plan.placed
    assert "8 x 40,960" in plan.refused[0].reasons[0].en


def test_a_context_that_was_left_open_is_shortened_before_anybody_is_refused() -> None:
    plan = plan_stack([_wish("llm", QWEN_8B), _wish("m3", shapes.encoder(), "embed")], parse_cards("4090"))

    assert plan.is_whole
    assert _service(plan, "llm").prediction.flags.max_len < 32_768 or _service(plan, "llm").prediction.flags.cache_format == "fp8"
    assert set(_codes(plan, "llm")) & {"shortened", "fp8_chosen"}


def test_who_writes_comes_before_who_ranks() -> None:
    wishes = [_awq("llm", QWEN_8B, context_tokens=8192), *(_wish(f"rank-{i}", shapes.encoder(), "rerank") for i in range(6))]
    plan = plan_stack(wishes, parse_cards("16GB"))

    assert "llm" in [service.name for service in plan.placed]
    assert all(refused.name.startswith("rank") for refused in plan.refused)


def test_every_refusal_has_a_reason_and_what_would_help_was_tried() -> None:
    plan = plan_stack([_wish("llm", QWEN_32B, context_tokens=8192)], parse_cards("48GB"))
    (refused,) = plan.refused

    assert "GPU 0" in refused.reasons[0].en and "GPU 0" in refused.reasons[0].zh
    assert {"other_build", "larger_card"} <= {notice.code for notice in refused.remedies}
    awq = plan_stack([_awq(context_tokens=8192)], parse_cards("48GB"))
    assert awq.is_whole


def test_the_shorter_context_that_is_advised_fits() -> None:
    wish = _wish("llm", QWEN_8B, context_tokens=40_960)
    (refused,) = plan_stack([wish], parse_cards("22GB")).refused
    advice = next(notice.en for notice in refused.remedies if notice.code == "shorter")
    length = int(advice.split()[1])

    assert plan_stack([replace(wish, context_tokens=length)], parse_cards("22GB")).is_whole


def test_a_service_that_only_another_keeps_out_says_which() -> None:
    plan = plan_stack([_wish("first", QWEN_8B, context_tokens=8192), _wish("second", QWEN_8B, context_tokens=8192)], parse_cards("4090"))
    (refused,) = plan.refused

    assert any(notice.code == "without_another" for notice in refused.remedies)


def test_a_model_is_only_cut_into_equal_parts() -> None:
    odd = replace(QWEN_32B, heads=7, layers=(replace(QWEN_32B.layers[0], kv_heads=7),))

    assert all(service.prediction.flags.tp == 1 for service in plan_stack([_wish("llm", odd)], parse_cards("2xH100")).placed)


def test_a_cut_that_was_asked_for_and_cannot_be_says_which_can() -> None:
    (refused,) = plan_stack([_wish("llm", QWEN_32B, tp=3)], parse_cards("3xH100")).refused

    assert refused.reasons[0].code == "cannot_be_cut"
    assert "1, 2, 4, 8, 16" in refused.reasons[0].en


def test_of_memory_that_the_machine_shares_more_is_left() -> None:
    plan = plan_stack([_awq()], parse_cards("GB10"))

    assert plan.cards[0].spare_bytes >= 0.15 * plan.cards[0].card.total_bytes


def test_stages_are_the_last_resort() -> None:
    three = plan_stack([_wish("llm", QWEN_32B, context_tokens=4096)], parse_cards("3x4090"))
    four = plan_stack([_wish("llm", QWEN_32B, context_tokens=4096)], parse_cards("4x4090"))

    assert not three.placed or _service(three, "llm").prediction.flags.pp == 3
    assert (_service(four, "llm").prediction.flags.tp, _service(four, "llm").prediction.flags.pp) == (4, 1)


def test_cards_of_different_kinds_are_not_mixed_in_one_service() -> None:
    plan = plan_stack([_awq()], parse_cards("3090,4090"))

    assert all(len(service.cards) == 1 for service in plan.placed)


def test_a_service_can_be_kept_to_named_cards() -> None:
    plan = plan_stack([_wish("m3", shapes.encoder(), "embed", cards=(1,))], parse_cards("2x4090"))

    assert _service(plan, "m3").cards == (1,)


@pytest.mark.parametrize(
    ("wanted", "code"), [({"cards": (7,)}, "no_such_card"), ({"tp": 8}, "too_few_cards"), ({"tp": 2, "cards": (0,)}, "too_few_cards")]
)
def test_cards_that_are_not_there_are_named(wanted: dict[str, object], code: str) -> None:
    (refused,) = plan_stack([_wish("m", shapes.dense(), **wanted)], parse_cards("2x4090")).refused

    assert [notice.code for notice in refused.reasons] == [code]


def test_sinks_need_their_own_kernel_on_ampere_and_not_on_hopper() -> None:
    gpt = replace(shapes.spec(shapes.windowed(12, 12, 128), name="gpt"), architecture="GptOssForCausalLM")
    ampere, hopper = (plan_stack([Wish("gpt", gpt)], parse_cards(card)).placed[0].attention_backend for card in ("A100-80GB", "H100"))

    assert (ampere, hopper) == ("TRITON_ATTN", None)


def test_a_card_without_bfloat16_is_told_to_use_halves() -> None:
    service = plan_stack([_wish("m3", shapes.encoder(), "embed")], parse_cards("T4")).placed[0]

    assert service.dtype == "half"


def test_a_small_model_does_not_take_a_whole_card() -> None:
    plan = plan_stack([_wish("small", shapes.dense(layers=4), context_tokens=2048)], parse_cards("H100"))

    assert plan.cards[0].spare_bytes > 0.5 * plan.cards[0].card.total_bytes


def test_what_was_learned_narrows_the_range_and_moves_it() -> None:
    def taught(by: int) -> Placed:
        return _service(plan_stack([_awq()], parse_cards("2x4090"), teacher=lambda plan: Range(by - 10, by, by + 10)), "llm")

    assert taught(GIB).prediction.residual
    assert taught(0).prediction.cache.high - taught(0).prediction.cache.low == 20
    assert taught(GIB).prediction.cache.likely >= taught(0).prediction.cache.likely - 64 * 2**20
    assert taught(GIB).prediction.flags.utilization < taught(-GIB).prediction.flags.utilization + 0.1


def test_a_model_without_a_shape_is_refused_and_not_planned() -> None:
    plan = plan_stack([Wish("x", ModelSpec("x", "chat"))], parse_cards("4090"))

    assert [refused.name for refused in plan.refused] == ["x"]


def test_services_are_started_one_after_another_largest_first() -> None:
    plan = plan_stack(_fleet(), parse_cards("2x4090"))

    assert [service.order for service in plan.placed] == [1, 2, 3, 4]
    assert [service.held_bytes for service in plan.placed] == sorted((s.held_bytes for s in plan.placed), reverse=True)


def test_six_services_on_four_cards_all_have_a_place() -> None:
    wishes = [*_fleet(), Wish("vl", replace(shapes.spec(shapes.seeing(), "vision_chat"), quantization=AWQ)), _awq("small", QWEN_8B)]

    assert len(plan_stack(wishes, parse_cards("4x4090")).placed) == 6


_KINDS = st.sampled_from([
    ("chat", shapes.dense()), ("chat", QWEN_8B), ("chat", shapes.recurrent()), ("vision_chat", shapes.seeing()), ("embed", shapes.encoder()),
    ("embed", shapes.dense()), ("rerank", shapes.encoder()), ("chat", shapes.windowed()),
])  # fmt: skip


def test_dozens_of_cards_that_are_alike_are_no_more_work_than_one() -> None:
    plan = plan_stack([_awq("a", QWEN_8B), _awq("b", QWEN_8B), _wish("m3", shapes.encoder(), "embed")], parse_cards("64x4090"))

    assert plan.is_whole
    assert len({card for service in plan.placed for card in service.cards}) >= 2


@settings(max_examples=60)
@given(
    st.lists(_KINDS, min_size=1, max_size=6),
    st.sampled_from(["4090", "2x3090", "4xL40S", "3090,2x4090", "H100", "8GB", "T4,H100", "GB10", "2xA100-80G,L4"]),
    st.sampled_from([8, 9, 11, 20, 33]),
)
def test_no_plan_uses_more_than_97_percent_of_a_card_and_none_loses_a_service(
    kinds: list[tuple[str, Shape]], gpus: str, minor: int
) -> None:
    wishes = [_wish(f"s{i}", shape, task) for i, (task, shape) in enumerate(kinds)]
    plan = plan_stack(wishes, parse_cards(gpus), EngineVersion(0, minor, 2))

    assert sorted(s.name for s in (*plan.placed, *plan.refused)) == sorted(wish.name for wish in wishes)
    for use in plan.cards:
        assert use.spare_bytes >= 0.03 * use.card.total_bytes
        assert use.used_bytes == sum(service.held_bytes for service in plan.placed if use.card.index in service.cards)
    for service in plan.placed:
        assert service.prediction.cache.low >= service.prediction.needed_bytes
        assert len(service.cards) == service.prediction.flags.tp * service.prediction.flags.pp
    assert all(refused.reasons for refused in plan.refused)


@pytest.mark.parametrize("size", [Weights(30 * GIB), Weights(10 * GIB)])
def test_exact_weights_go_before_the_count_from_the_shape(size: Weights) -> None:
    wish = Wish("llm", replace(shapes.spec(QWEN_8B), weights=size))
    plan = plan_stack([wish], parse_cards("H100"))

    weights = next(term for term in plan.placed[0].prediction.terms if term.name == "weights")
    assert weights.bytes.likely == pytest.approx(size.bytes, rel=0.01)


def test_a_small_service_goes_beside_another_small_one_where_that_leaves_the_writer_its_card() -> None:
    plan = plan_stack(
        [_awq("llm", QWEN_8B), _wish("embed", shapes.dense(), "embed"), _wish("m3", shapes.encoder(), "embed")], parse_cards("2x4090")
    )

    assert _service(plan, "embed").cards == _service(plan, "m3").cards
    assert set(_service(plan, "llm").cards).isdisjoint(_service(plan, "m3").cards) or _service(plan, "llm").prediction.flags.tp == 2


def test_a_refusal_counts_what_the_others_need_at_least_and_names_them() -> None:
    wishes = [_awq("llm", QWEN_8B, context_tokens=8192), *(_wish(f"rank-{i}", shapes.encoder(), "rerank") for i in range(9))]
    refused = plan_stack(wishes, parse_cards("16GB")).refused

    assert refused and all("beside what llm" in service.reasons[0].en for service in refused)
    assert all("before any cache" not in service.reasons[0].en for service in refused)


def test_a_remedy_counts_only_the_cards_that_the_service_may_use() -> None:
    wish = _wish("llm", QWEN_32B, context_tokens=2048, cards=(0,))
    (refused,) = plan_stack([wish], parse_cards("4090,H200")).refused

    assert "shorter" not in [notice.code for notice in refused.remedies]
    assert "GPU 0" in refused.reasons[0].en


def test_where_graphs_are_all_that_is_too_much_the_plan_says_so() -> None:
    wishes = [_awq("llm", QWEN_8B, context_tokens=8192), *(_wish(f"rank-{i}", shapes.encoder(), "rerank") for i in range(3))]
    tight = plan_stack(wishes, parse_cards("16GB"))
    eager = plan_stack([replace(wish, is_eager=True) for wish in wishes], parse_cards("16GB"))

    assert not tight.is_whole and eager.is_whole
    assert all("eager" in [notice.code for notice in refused.remedies] for refused in tight.refused)
