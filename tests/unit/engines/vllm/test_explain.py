"""A flag is explained with its versions and its successor, in both languages."""

from __future__ import annotations

import pytest

from moorage.core.errors import FlagUnknown
from moorage.engines.vllm.explain import explain
from moorage.engines.vllm.table import flag_table


def test_a_removed_flag_names_its_successor() -> None:
    found = explain("--task", "0.20.0")
    assert not found.is_there and found.instead == "--runner pooling --convert embed" and found.instead in found.say("zh")


def test_any_spelling_will_do() -> None:
    assert {explain(name).name for name in ("max-model-len", "max_model_len", "--max_model_len")} == {"--max-model-len"}
    assert explain("-tp").name == "--tensor-parallel-size" and explain("VLLM_USE_V1", "0.12.0").say().endswith("gone since 0.11.")


def test_fields_of_requests_are_explained_too() -> None:
    gone, there = explain("guided_json", "0.20.0"), explain("guided_json", "0.10.2")
    assert not gone.is_there and "structured_outputs" in gone.say("zh") and there.is_there and there.instead == ""
    assert explain("reasoning_content", "0.33.0").instead == "reasoning"


def test_an_unknown_flag_hints_at_a_like_one() -> None:
    with pytest.raises(FlagUnknown, match="Is --max-num-seqs meant"):
        explain("--max-num-seq")


def test_every_flag_and_variable_can_be_explained_for_every_version() -> None:
    table = flag_table()
    for name in [*table.flags, *table.variables]:
        for at in ("0.8.0", "0.33.0"):
            assert explain(name, at).say("en") and explain(name, at).say("zh")
