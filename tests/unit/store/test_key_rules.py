"""What a key may do: scopes and their reading from text."""

from __future__ import annotations

import time
from datetime import datetime

import pytest

from moorage.store.key_rules import EVERYTHING, MAX_PATTERNS, KeyRuleInvalid, KeyRules, endpoint_of, read_rules


@pytest.mark.parametrize(
    ("patterns", "name", "may"),
    [
        (EVERYTHING, "anything", True),
        (("qwen*",), "qwen3-8b", True),
        (("qwen*",), "Qwen3-8b", False),
        (("qwen*",), "my-qwen", False),
        (("a", "b"), "b", True),
        (("a", "b"), "ab", False),
        (("知识库",), "知识库", True),
        (("[ab]",), "a", True),
        (("a.c",), "abc", False),
        (("a|b",), "a", False),
    ],
)
def test_models_are_matched_by_globs(patterns: tuple[str, ...], name: str, may: bool) -> None:
    assert KeyRules(models=patterns).may_use(name) is may


@pytest.mark.parametrize(
    ("pattern", "path", "may"),
    [
        ("chat/completions", "/v1/chat/completions", True),
        ("/v1/chat/completions", "/v1/chat/completions", True),
        ("chat/*", "/v1/chat/completions", True),
        ("embeddings", "/v1/chat/completions", False),
        ("rerank", "/rerank", True),
        ("rerank", "/v2/rerank", True),
        ("chat", "/v1/chat/completions", True),
        ("chat/*", "chat", True),
        ("audio/*", "speech", True),
        ("chat", "completions", False),
        ("embeddings", "/v1/models", True),
        ("embeddings", "/v1/models/qwen", True),
        ("embeddings", "/api/kb", False),
        ("api/kb/*", "/api/kb/docs/search", True),
    ],
)
def test_endpoints_are_matched_without_their_version(pattern: str, path: str, may: bool) -> None:
    assert read_rules({"endpoints": pattern}).may_call(path) is may


def test_what_is_not_named_stays() -> None:
    before = KeyRules(owner="Li", requests_per_minute=5, parallel=2)

    after = read_rules({"requests_per_minute": "none", "tokens_per_minute": "1.5k", "owner": None}, before)

    assert after == KeyRules(owner="Li", requests_per_minute=None, tokens_per_minute=1500, parallel=2)


@pytest.mark.parametrize(("text", "count"), [("60", 60), ("0", 0), ("500k", 500_000), ("2M", 2_000_000), ("1_000", 1000), ("NONE", None)])
def test_counts_have_suffixes(text: str, count: int | None) -> None:
    assert read_rules({"day_tokens": text}).day_tokens == count


def test_a_date_is_valid_to_its_end_and_a_span_counts_from_now() -> None:
    assert read_rules({"expires_at": "2027-01-31"}).expires_at == datetime(2027, 2, 1).timestamp()
    assert read_rules({"expires_at": "2027-01-31T18:00"}).expires_at == datetime(2027, 1, 31, 18).timestamp()
    assert read_rules({"expires_at": "2027-01-31T18:00+00:00"}).expires_at == 1801418400
    assert read_rules({"expires_at": "2h"}).expires_at == pytest.approx(time.time() + 7200, abs=60)
    assert read_rules({"expires_at": "never"}, KeyRules(expires_at=1.0)).expires_at is None


def test_a_key_expires_at_its_time_and_not_before() -> None:
    rules = KeyRules(expires_at=100.0)

    assert not rules.has_expired(99.999) and rules.has_expired(100.0)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("requests_per_minute", "-1"),
        ("requests_per_minute", "1.5"),
        ("tokens_per_minute", "many"),
        ("day_tokens", "9" * 60),
        ("day_tokens", "9999999G"),
        ("day_money", "-1"),
        ("day_money", "1e9"),
        ("month_money", "nan"),
        ("month_money", "999999999999"),
        ("priority", "urgent"),
        ("expires_at", "tomorrow"),
        ("expires_at", "999999w"),
        ("expires_at", "2027-13-01"),
        ("models", ","),
        ("models", "x" * 300),
        ("models", ",".join(f"m{n}" for n in range(MAX_PATTERNS + 1))),
        ("owner", "a\nb"),
        ("team", "x" * 300),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_name(name: str, text: str) -> None:
    with pytest.raises(KeyRuleInvalid) as refused:
        read_rules({name: text})

    assert name in refused.value.say() and name in refused.value.say("zh") and "?" not in refused.value.say("zh")


def test_everything_among_others_is_everything() -> None:
    assert read_rules({"models": "a, *"}).models == EVERYTHING


@pytest.mark.parametrize(
    ("path", "endpoint"), [("/v1/chat/completions", "chat/completions"), ("/rerank", "rerank"), ("v2/rerank", "v2/rerank"), ("", "")]
)
def test_an_endpoint_is_a_path_without_its_version(path: str, endpoint: str) -> None:
    assert endpoint_of(path) == endpoint
