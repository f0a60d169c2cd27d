"""What a key is refused, in the words and headers that OpenAI's clients read."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.gateway.limits import Shortage
from moorage.gateway.refusals import duration, over_limit


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (-1, "0s"),
        (0.0001, "1ms"),
        (0.12, "120ms"),
        (1, "1s"),
        (8.64, "8.64s"),
        (60, "1m0s"),
        (72.04, "1m12.04s"),
        (86400, "24h0m0s"),
        (3661.5, "1h1m1.5s"),
    ],
)
def test_spans_are_written_as_openai_writes_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@given(st.floats(0, 10**7))
def test_a_span_is_never_shorter_than_it_is(seconds: float) -> None:
    text, total = duration(seconds), 0.0
    if text.endswith("ms"):
        total = int(text[:-2]) / 1000
    else:
        hours, _, rest = text.rpartition("h")
        minutes, _, rest = rest.rpartition("m")
        total = int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(rest[:-1])
    assert seconds <= total + 1e-6 and total - seconds < 0.0011


def test_a_limit_that_comes_back_says_when() -> None:
    refusal = over_limit("dify", Shortage("tokens", 1000, 900, 200, 6.25))
    headers = dict(refusal.all_headers())
    error = json.loads(refusal.body())["error"]

    assert refusal.status == 429 and (error["type"], error["code"]) == ("tokens", "rate_limit_exceeded")
    assert "tokens per min (TPM): Limit 1000, Used 900, Requested 200. Please try again in 6.25s." in error["message"]
    assert (headers[b"retry-after"], headers[b"retry-after-ms"]) == (b"7", b"6250") and b"x-should-retry" not in headers
    assert "每分钟 token 数" in refusal.say("zh") and "6.25s 后重试" in refusal.say("zh")


def test_a_spent_budget_is_not_tried_again_by_a_client() -> None:
    refusal = over_limit("dify", Shortage("day_money", 5 * 10**9, 5 * 10**9, 10**6, 7200.0))
    headers = dict(refusal.all_headers())

    assert (refusal.type, refusal.code) == ("insufficient_quota", "insufficient_quota")
    assert "Limit 5, Used 5, Requested 0.001" in str(refusal) and "2h0m0s" in str(refusal)
    assert headers[b"retry-after"] == b"7200" and headers[b"x-should-retry"] == b"false"


def test_a_request_above_the_limit_itself_gets_no_time() -> None:
    refusal = over_limit("dify", Shortage("tokens", 1000, 0, 2000, None))

    assert "moorage key set dify --tpm" in str(refusal) and refusal.all_headers() == [(b"x-should-retry", b"false")]
