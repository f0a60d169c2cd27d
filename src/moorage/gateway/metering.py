"""What is written down of each call: a row of usage and the metrics. Neither waits nor raises."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import cast

from moorage.gateway.admission import CallRecord
from moorage.gateway.metrics import Family, Metrics, gauge
from moorage.gateway.prices import Prices, price_of
from moorage.gateway.usage import UsageLog
from moorage.store.usage import UsageRecord

_LEFT = 499
_TOGETHER = 64


class Metering:
    """The gateway's meter. Without a ``log`` only the metrics count; ``key_id`` tells a key's number from its name.

    Calls are put aside and counted some at a time, which costs half as much; whoever looks at the metrics or writes the log has them all.
    """

    def __init__(self, metrics: Metrics, log: UsageLog | None, prices: Prices, key_id: Callable[[str], int]) -> None:
        self._metrics, self._log, self._prices, self._key_id = metrics, log, prices, key_id
        self._noted: deque[CallRecord] = deque()
        self._lock = threading.Lock()
        metrics.ask_first(self.count)
        if log is not None:
            log.ask_first(self.count)

    def note(self, record: CallRecord) -> None:
        self._noted.append(record)
        if len(self._noted) >= _TOGETHER:
            self.count()

    def count(self) -> None:
        """Counts what was put aside. Any thread may call it."""
        with self._lock:
            used = [self._used(self._noted.popleft()) for _ in range(len(self._noted))]
            if used:
                self._metrics.observe(*used)
                if self._log is not None:
                    self._log.note(*used)

    def _used(self, record: CallRecord) -> UsageRecord:
        prompt, completion, key = record.prompt_tokens or 0, record.completion_tokens or 0, record.caller
        cost = price_of(self._prices, record.model).cost_nanos(prompt, completion) if self._prices else 0
        return UsageRecord(
            record.at, self._key_id(key), key, record.model, record.endpoint, record.status, record.is_stream, record.status == _LEFT,
            prompt, completion, cost, record.queue_s, record.first_s, record.total_s, record.own_s,
        )  # fmt: skip


def model_gauges(state: Mapping[str, object]) -> Iterable[Family]:
    """How the models are at this moment, from ``Gateway.state``."""
    counts = {name: cast("Mapping[str, int]", each) for name, each in state.items()}
    for what, help in (
        ("servers", "Servers of a model."),
        ("ready", "Servers of a model that answer."),
        ("running", "Requests that run."),
        ("waiting", "Requests in line."),
    ):
        yield gauge(f"moorage_gateway_{what}", help, ("model",), {(name,): float(each.get(what, 0)) for name, each in counts.items()})


def log_gauges(log: UsageLog) -> Iterable[Family]:
    """How the log of usage is."""
    state = log.state()
    yield gauge("moorage_gateway_usage_waiting", "Requests whose usage is not written yet.", (), {(): state.waiting})
    yield gauge("moorage_gateway_usage_rows_given_up", "Requests that lost their row; their sums are kept.", (), {(): state.rows_given_up})
    yield gauge("moorage_gateway_usage_failing", "1 while usage cannot be written.", (), {(): float(state.is_failing)})


def process_gauges() -> Iterable[Family]:
    """This process: its memory and the processor's time it took."""
    spent = Family("process_cpu_seconds_total", "Processor time, user and system.", "counter")
    spent.add((), time.process_time())
    yield spent
    memory = _resident_bytes()
    if memory is not None:
        yield gauge("process_resident_memory_bytes", "Resident memory.", (), {(): memory})


def _resident_bytes() -> float | None:
    if sys.platform != "linux":
        return None
    with open("/proc/self/statm", encoding="ascii") as file:
        return float(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
