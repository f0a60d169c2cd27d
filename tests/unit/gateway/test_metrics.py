"""Metrics in Prometheus' text: right sums, right escapes, bounded memory."""

from __future__ import annotations

import json
import re

from hypothesis import given
from hypothesis import strategies as st

from moorage.gateway.metrics import Family, Metrics, gauge
from moorage.store.usage import UsageRecord

_LINE = re.compile(r'([a-z_]+)(?:\{((?:[a-z]+="(?:[^"\\\n]|\\[\\"n])*",?)*)\})? (\S+)')
_PAIR = re.compile(r'([a-z]+)="((?:[^"\\\n]|\\[\\"n])*)"')


def read(text: bytes) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """A strict reader: every line is a comment or a sample."""
    found: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
    for line in text.decode().split("\n")[:-1]:
        if not line.startswith("# "):
            sample = _LINE.fullmatch(line)
            assert sample, line
            unescaped = tuple((n, re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], v)) for n, v in _PAIR.findall(sample[2] or ""))
            assert (sample[1], unescaped) not in found, line
            found[sample[1], unescaped] = float(sample[3])
    return found


def seen(**more: object) -> UsageRecord:
    known = UsageRecord(
        0.0, 1, "dify", "qwen3", "chat", 200, prompt_tokens=10, completion_tokens=5, first_token_s=0.2, total_s=1.0, own_s=0.0004
    )
    return known._replace(**more)


def test_requests_are_counted_by_what_they_were() -> None:
    metrics = Metrics()
    for status in (200, 200, 502):
        metrics.observe(seen(status=status))
    metrics.observe(seen(status=499, is_cancelled=True, completion_tokens=0, first_token_s=None))
    metrics.refused("dify", "rate_limit_exceeded")

    found = read(metrics.render())

    assert found["moorage_gateway_requests_total", (("model", "qwen3"), ("endpoint", "chat"), ("status", "200"))] == 2
    assert found["moorage_gateway_tokens_total", (("key", "dify"), ("model", "qwen3"), ("kind", "prompt"))] == 40
    assert found["moorage_gateway_tokens_total", (("key", "dify"), ("model", "qwen3"), ("kind", "completion"))] == 15
    assert found["moorage_gateway_cancelled_total", (("model", "qwen3"),)] == 1
    assert found["moorage_gateway_refused_total", (("key", "dify"), ("code", "rate_limit_exceeded"))] == 1
    assert found["moorage_gateway_first_token_seconds_count", (("model", "qwen3"),)] == 3
    assert found["moorage_gateway_request_seconds_sum", (("model", "qwen3"),)] == 4


@given(st.lists(st.floats(0, 1000), max_size=50))
def test_buckets_are_cumulative_and_end_in_the_count(values: list[float]) -> None:
    family = Family("h", "x", "histogram", (), (0.1, 1.0, 10.0))
    for value in values:
        family.observe((), value)

    found = read(("\n".join(family.lines()) + "\n").encode())

    for bound in (0.1, 1.0, 10.0, float("inf")):
        edge = "+Inf" if bound == float("inf") else str(int(bound)) if bound >= 1 else str(bound)
        assert found.get(("h_bucket", (("le", edge),)), 0.0) == sum(value <= bound for value in values)
    assert found.get(("h_count", ()), 0.0) == len(values)


@given(st.text(max_size=60))
def test_any_name_stays_one_label(name: str) -> None:
    metrics = Metrics()
    metrics.observe(seen(model=name))

    found = read(metrics.render())

    assert found["moorage_gateway_request_seconds_count", (("model", name.replace("\r", " ")),)] == 1


def test_names_without_end_end_as_other_and_sums_stay_right() -> None:
    family = Family("c", "x", "counter", ("model", "key"), most=10)
    for n in range(1000):
        family.add((f"m{n}", "k"))

    assert len(family.series) == 11 and sum(values[0] for values in family.series.values()) == 1000
    assert family.series["other", "other"] == [990]


def test_long_and_broken_names_are_shown() -> None:
    metrics = Metrics()
    metrics.refused("m\udcff" + "x" * 10_000, "code")

    assert max(len(line) for line in metrics.render().splitlines()) < 300


def test_several_processes_are_shown_as_one() -> None:
    here, there = Metrics(), Metrics()
    here.observe(seen())
    there.observe(seen())
    there.observe(seen(model="bge", total_s=99.0))
    snapshot = json.loads(json.dumps(there.snapshot()))

    found = read(here.render([snapshot, {}]))

    assert found["moorage_gateway_request_seconds_count", (("model", "qwen3"),)] == 2
    assert found["moorage_gateway_request_seconds_sum", (("model", "bge"),)] == 99
    assert read(here.render())["moorage_gateway_request_seconds_count", (("model", "qwen3"),)] == 1


def test_gauges_are_asked_when_somebody_looks() -> None:
    values = {("dify",): 3.0}
    metrics = Metrics([lambda: [gauge("moorage_in_flight", "Now.", ("key",), values), gauge("moorage_up", "Yes.", (), {(): 1})]])
    values["dify",] = 2.5

    found = read(metrics.render())

    assert found["moorage_in_flight", (("key", "dify"),)] == 2.5 and found["moorage_up", ()] == 1
    assert b"# TYPE moorage_in_flight gauge\n" in metrics.render() and metrics.render().endswith(b"\n")
