"""The flags of a server are those that the plan reckoned with, and no more."""

from __future__ import annotations

from dataclasses import replace

from moorage.core.modelspec import ModelSpec
from moorage.plan.cards import parse_cards
from moorage.plan.serve import FlagValue, serve_flags
from moorage.plan.stack import plan_stack
from moorage.plan.wish import Wish
from tests.builders import shapes


def _flags(spec: ModelSpec, gpus: str = "H100", **wanted: object) -> dict[str, FlagValue]:
    return serve_flags(plan_stack([Wish("one", spec, **wanted)], parse_cards(gpus)).placed[0])  # type: ignore[arg-type]


def test_what_was_planned_is_said() -> None:
    flags = _flags(shapes.spec(), context_tokens=8192, users=4, cache_format="fp8", is_eager=True, lora_rank=16)

    assert (flags["max-model-len"], flags["kv-cache-dtype"], flags["enforce-eager"], flags["max-lora-rank"]) == (8192, "fp8", True, 16)
    assert "tensor-parallel-size" not in flags
    assert "kv-cache-memory-bytes" not in flags


def test_a_cut_is_said() -> None:
    assert _flags(shapes.spec(), "2x4090", tp=2)["tensor-parallel-size"] == 2


def test_an_embedder_is_told_to_pool_and_converted_where_it_could_write() -> None:
    encoder = replace(shapes.spec(shapes.encoder(), "embed"), architecture="XLMRobertaModel")
    decoder = replace(shapes.spec(task="embed"), architecture="Qwen3ForCausalLM")

    assert "convert" not in _flags(encoder)
    assert _flags(encoder)["runner"] == "pooling"
    assert _flags(decoder)["convert"] == "embed"


def test_a_reranker_that_is_published_as_a_writer_gets_its_overrides() -> None:
    overrides = _flags(replace(shapes.spec(task="rerank"), architecture="Qwen3ForCausalLM"))["hf-overrides"]

    assert isinstance(overrides, dict)
    assert overrides["classifier_from_token"] == ["no", "yes"]


def test_a_chat_model_is_not_told_to_pool() -> None:
    assert "runner" not in _flags(shapes.spec())


def test_a_rank_is_raised_to_one_that_the_engine_takes() -> None:
    assert _flags(shapes.spec(), lora_rank=24)["max-lora-rank"] == 32
