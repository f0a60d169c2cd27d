"""Calls that are put aside for a moment are there for whoever looks."""

from __future__ import annotations

from moorage.gateway.admission import CallRecord
from moorage.gateway.metering import Metering
from moorage.gateway.metrics import Metrics
from moorage.gateway.prices import Price

CALL = CallRecord("r", "m", "chat", "dify", "http://x", 200, False, 3, 2, 0.0, 0.1, 0.0, 0.1, 1, 0.0)


def test_who_looks_at_the_metrics_sees_the_last_call_too() -> None:
    metrics = Metrics()
    meter = Metering(metrics, None, {"m": Price(1, 2)}, lambda name: 1)
    for count in range(1, 200):
        meter.note(CALL)
        if count in (1, 63, 64, 65, 199):
            text = metrics.render().decode()
            assert f'requests_total{{model="m",endpoint="chat",status="200"}} {count}\n' in text
            assert f'tokens_total{{key="dify",model="m",kind="prompt"}} {3 * count}\n' in text
            assert f'request_seconds_count{{model="m"}} {count}\n' in text
