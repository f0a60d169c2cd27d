"""The gateway's benchmark judges what it measured, and only that."""

from __future__ import annotations

from typing import Any

from benchmarks.gateway import TARGETS, figures, verdicts


def row(cpu_us: float, per_s: float = 100.0, p50_ms: float = 1.0, **more: Any) -> dict[str, Any]:
    """What was seen of one gateway."""
    return {
        "start_s": 0.5,
        "idle_rss_mb": 50.0,
        "requests": {"cpu_us": cpu_us, "per_s": per_s},
        "single": {"p50_ms": p50_ms},
        "chunks": {"cpu_us": cpu_us / 4},
        "streams": {"streams": 200, "words": 30_000, "ended": 200, "lag_p50_ms": p50_ms},
        **more,
    }


def judged(rows: dict[str, Any]) -> dict[str, tuple[bool | None, bool | None]]:
    return {each["figure"]: (each["met"], each["aim_met"]) for each in verdicts(figures(rows))}


def test_each_figure_is_held_against_what_it_must_and_should_be() -> None:
    open_1000, open_2000 = {"streams": 1000, "ended": 1000, "errors": 0}, {"streams": 2000, "ended": 1999, "errors": 1}
    soak = {"rss_before_mb": 50.0, "rss_after_mb": 51.5}
    ours = row(100.0, 5000.0, 1.3, open_1000=open_1000, open_2000=open_2000, soak=soak)
    found = judged({"direct": row(0.0), "moorage": ours, "nginx": row(10.0), "litellm": row(9000.0, 50.0)})

    assert found.keys() == TARGETS.keys()
    assert found["cpu_per_request_x_nginx"] == (True, False)
    assert found["requests_per_s_x_litellm"] == (True, True)
    assert found["added_p50_ms"] == (True, False)
    assert found["open_streams"] == (True, False)
    assert found["rss_growth_percent"] == (True, False)
    assert found["streams_delivered_share"] == (True, True)


def test_a_word_that_did_not_arrive_is_seen() -> None:
    ours = row(100.0)
    ours["streams"] = {**ours["streams"], "words": 29_999}

    assert judged({"direct": row(0.0), "moorage": ours})["streams_delivered_share"] == (False, False)


def test_what_was_not_measured_is_not_judged() -> None:
    found = judged({"direct": row(0.0), "moorage": row(100.0)})

    assert found["cpu_per_request_x_nginx"] == found["requests_per_s_x_litellm"] == found["rss_growth_percent"] == (None, None)
