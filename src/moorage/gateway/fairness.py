"""Keys, limits, usage and metrics of one gateway, put together: opened before it serves, closed after its last answer.

Several workers of one gateway share a folder: the parent makes it with ``share``, each worker opens with it. Their limits are exact together, and
each of them shows the metrics of all.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from moorage.gateway.admission import Authority as AnyAuthority
from moorage.gateway.admission import Meter, OpenDoor
from moorage.gateway.authority import Authority
from moorage.gateway.board import CAPACITY, PrivateBoard, SharedBoard
from moorage.gateway.follow import Follower
from moorage.gateway.metering import Metering, log_gauges, process_gauges
from moorage.gateway.metrics import Family, Metrics, Snapshot, gauge
from moorage.gateway.prices import Prices
from moorage.gateway.usage import UsageLog
from moorage.store.database import Database
from moorage.store.folder import DataFolder
from moorage.store.keys import KeyRows
from moorage.store.usage import UsageRows

LEFTOVER = "usage.left"
_COUNTERS = "counters"
_log = logging.getLogger(__name__)
_BUSY_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class Fairness:
    """What a gateway is given: who may, who writes down, and what ``/metrics`` shows."""

    authority: AnyAuthority
    meter: Meter
    metrics: Metrics
    others: MetricsShare | None = None

    def render(self) -> bytes:
        """The metrics of this worker and of the others."""
        return self.metrics.render(self.others.others() if self.others else ())


def share(folder: Path, workers: int, keys: int = 0) -> None:
    """Makes what ``workers`` share, anew: counters at zero with room for more than ``keys`` keys, and no metrics yet. Raises CountersUnusable."""
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob("metrics-*.json"):
        left.unlink()
    SharedBoard.create(folder / _COUNTERS, workers, max(CAPACITY, 2 * keys))


@contextmanager
def open_fairness(store: DataFolder, *, needs_key: bool, prices: Prices | None = None, shared: Path | None = None) -> Iterator[Fairness]:
    """The keys, limits and usage of a data folder. ``shared`` is the folder that ``share`` made, for one of several
    workers. Raises StoreError, CountersUnusable."""
    prices = {} if prices is None else prices  # the very same mapping: it may change while the gateway serves
    with ExitStack() as stack:
        # A connection of its own: writing usage must wait neither long nor for the other writers of this process.
        database = Database(store.database.path, _BUSY_TIMEOUT_S)
        stack.callback(database.close)
        board = SharedBoard(shared / _COUNTERS) if shared else PrivateBoard()
        stack.callback(board.close)
        keys, usage = KeyRows(database), UsageRows(database)
        metrics = Metrics([process_gauges])
        authority = Authority(keys, usage, needs_key=needs_key, prices=prices, board=board, on_refused=metrics.refused)
        log = stack.enter_context(UsageLog(usage, leftover_file=store.path / LEFTOVER, calendar=authority.calendar))
        others = MetricsShare(shared, metrics) if shared else None
        metrics.add_source(lambda: log_gauges(log))
        metrics.add_source(lambda: [_in_flight(authority)])
        followed = _Followed(authority, others)
        stack.callback(followed.sweep)
        stack.enter_context(Follower(followed))
        yield Fairness(authority, Metering(metrics, log, prices, authority.key_id), metrics, others)


def open_to_all() -> Fairness:
    """For a gateway without keys and without a data folder: everybody may, and only the metrics count."""
    metrics = Metrics([process_gauges])
    return Fairness(OpenDoor(), Metering(metrics, None, {}, lambda name: 0), metrics)


class MetricsShare:
    """The metrics of several workers, by a file each. Files of workers that have ended stay: what they counted has happened."""

    def __init__(self, folder: Path, metrics: Metrics) -> None:
        self._metrics = metrics
        self._folder = folder
        self._mine = folder / f"metrics-{os.getpid()}.json"

    def publish(self) -> None:
        """Lets the others know. A full disk makes it late, no more."""
        scratch = self._mine.with_suffix(".new")
        try:
            scratch.write_text(json.dumps(self._metrics.snapshot()), encoding="utf-8")
            os.replace(scratch, self._mine)
        except OSError as e:
            _log.warning("the metrics of this worker cannot be shared: %s", e)

    def others(self) -> list[Snapshot]:
        """What the other workers have counted, a second or two ago."""
        found: list[Snapshot] = []
        for file in sorted(self._folder.glob("metrics-*.json")):
            if file != self._mine:
                found.append(json.loads(file.read_text(encoding="utf-8")))
        return found


class _Followed:
    """What a worker's thread looks after."""

    def __init__(self, authority: Authority, others: MetricsShare | None) -> None:
        self._authority, self._others = authority, others

    def refresh(self) -> bool:
        return self._authority.refresh()

    def sweep(self) -> None:
        self._authority.sweep()
        if self._others is not None:
            self._others.publish()


def _in_flight(authority: Authority) -> Family:
    values = {(name,): float(count) for name, count in authority.in_flight().items() if count}
    return gauge("moorage_gateway_in_flight", "Requests of a key at this moment.", ("key",), values)
