"""A flag explained: its meaning in a version, and with a plan the value that each service got, with the reason."""

from __future__ import annotations

import pytest

from moorage.core.errors import FlagUnknown
from moorage.plan.cards import parse_cards
from moorage.plan.choice import reasons
from moorage.plan.serve import serve_flags
from moorage.plan.stack import plan_stack
from moorage.plan.version import parse_version
from moorage.plan.wish import Wish
from moorage.stack.flagwords import explain_flag
from tests.unit.stack.test_commands import CHAT, EMBED, ENCODER

PLAN = plan_stack([Wish("llm", CHAT, users=4), Wish("vectors", EMBED), Wish("rank", ENCODER)], parse_cards("4090"), parse_version("0.20.0"))


def test_a_flag_alone_is_explained_for_the_version() -> None:
    words = explain_flag("task", "0.20.0")

    assert "--runner pooling" in words.flag.say()
    assert words.chosen == ()


def test_each_service_says_its_value_and_why() -> None:
    words = explain_flag("--max-num-seqs", plan=PLAN)
    of = {one.service: one for one in words.chosen}

    assert str(words.flag.at) == "0.20.0"
    assert of["llm"].value == "8" and of["llm"].reason and "4 users" in of["llm"].reason.say()
    assert of["vectors"].value == "64"


def test_what_is_left_out_has_a_reason_as_well() -> None:
    of = {one.service: one for one in explain_flag("kv-cache-memory-bytes", plan=PLAN).chosen}

    assert of["rank"].value is None and of["rank"].reason and "no cache" in of["rank"].reason.say()
    assert of["llm"].value and of["llm"].reason and "shared" in of["llm"].reason.say()


def test_a_switch_and_a_parser_are_found_in_the_command() -> None:
    assert {one.value for one in explain_flag("enable-auto-tool-choice", plan=PLAN).chosen} == {"--enable-auto-tool-choice", None}
    assert {one.value for one in explain_flag("tool-call-parser", plan=PLAN).chosen} == {"hermes", None}


def test_a_flag_that_plans_never_say_has_no_reason() -> None:
    assert {(one.value, one.reason) for one in explain_flag("swap-space", plan=PLAN).chosen} == {(None, None)}


def test_an_unknown_flag_is_refused() -> None:
    with pytest.raises(FlagUnknown):
        explain_flag("max-num-cats", plan=PLAN)


def test_every_flag_that_is_said_has_a_reason_in_both_languages() -> None:
    for service in PLAN.placed:
        said = reasons(service)
        assert set(said) == set(serve_flags(service))
        assert all(reason.en and reason.zh and reason.en != reason.zh for reason in said.values())
