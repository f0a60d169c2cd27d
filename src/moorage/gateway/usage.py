"""The log of usage, written behind: a request notes what it used and goes on; a thread writes in batches.

A database that is locked or full stops nobody. What waits for it is bounded: beyond that the oldest requests lose their row but not their place in
the sums of the day, of which budgets and reports are made. What cannot be written before the end is left in a file and read at the next start.
"""

from __future__ import annotations

import logging
import math
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import dataclass
from pathlib import Path

from moorage.core.errors import MoorageError
from moorage.gateway import leftover
from moorage.gateway.calendar import Calendar
from moorage.store.usage import DaySum, UsageRecord, UsageRows

_log = logging.getLogger(__name__)
EVERY_S = 1.0
CAPACITY = 50_000
"""Requests that wait to be written, some 300 bytes each."""
_BATCH = 2_000
_MOST_SUMS = 20_000
_LARGEST = 10**12
_LONGEST = 200
_SLOWEST_S = 10.0
_DAY_S = 86_400.0
_FORGET_EVERY_S = 3600.0


@dataclass(frozen=True, slots=True)
class UsageState:
    """How the log is: requests that wait to be written, rows given up since the start, and whether the last try failed."""

    waiting: int
    rows_given_up: int
    is_failing: bool


class UsageLog:
    """``note`` is for any thread, never waits for the disk and never raises. Use it as a context manager, or ``start`` and ``close``.

    ``rows`` should have a database connection with a short ``busy_timeout_s`` of its own. ``keep_days`` is how long rows of single requests stay.
    """

    def __init__(
        self,
        rows: UsageRows,
        *,
        leftover_file: Path | None = None,
        calendar: Calendar | None = None,
        capacity: int = CAPACITY,
        every_s: float = EVERY_S,
        keep_days: int = 90,
    ) -> None:
        self._rows = rows
        self._leftover_file = leftover_file
        self._calendar = calendar or Calendar()
        self._capacity = capacity
        self._every_s = every_s
        self._keep_s = keep_days * _DAY_S
        self._lock = threading.Lock()
        self._waiting: deque[UsageRecord] = deque()
        self._sums: dict[tuple[str, int, str], DaySum] = {}
        self._asks: list[Callable[[], None]] = []
        self._given_up = 0
        self._failures = 0
        self._forgot_at = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="moorage-usage", daemon=True)

    def note(self, *records: UsageRecord) -> None:
        """Takes requests down."""
        with self._lock:
            self._waiting.extend(records)
            while len(self._waiting) > self._capacity:
                self._give_up(self._waiting.popleft())

    def ask_first(self, ask: Callable[[], None]) -> None:
        """``ask`` is called before what waits is looked at or written: somebody may still hold a few requests back."""
        self._asks.append(ask)

    def flush(self) -> bool:
        """Writes what waits, in batches; says whether all of it could be. The thread calls it; so may a test."""
        for ask in self._asks:
            ask()
        while True:
            with self._lock:
                batch = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
                sums, self._sums = self._sums, {}
            if not batch and not sums:
                return True
            if not self._write(batch, sums):
                return False

    def state(self) -> UsageState:
        for ask in self._asks:
            ask()
        with self._lock:
            return UsageState(len(self._waiting), self._given_up, self._failures > 0)

    def start(self) -> UsageLog:
        if self._leftover_file is not None:
            records, sums = leftover.take(self._leftover_file)
            with self._lock:
                self._put_back(records, sums)
        self._thread.start()
        return self

    def close(self) -> None:
        """Writes the rest and ends; it takes as long as two tries do."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def __enter__(self) -> UsageLog:
        return self.start()

    def __exit__(self, *error: object) -> None:
        self.close()

    def _run(self) -> None:
        while not self._stop.wait(min(self._every_s * 2 ** min(self._failures, 10), max(self._every_s, _SLOWEST_S))):
            if self.flush():
                self._forget()
        if not self.flush():
            self._leave()

    def _write(self, batch: list[UsageRecord], sums: dict[tuple[str, int, str], DaySum]) -> bool:
        """One batch with its sums; what fails goes back to the front of those that wait."""
        written = {key: copy(each) for key, each in sums.items()}
        records = [_clean(record) for record in batch]
        for record in records:
            self._add(written, record)
        try:
            self._rows.write(records, written.values())
        except (MoorageError, sqlite3.Error) as e:
            with self._lock:
                self._put_back(batch, sums.values())
            if not self._failures:
                _log.warning("usage cannot be written now and will be later: %s", e)
            self._failures += 1
            return False
        if self._failures:
            _log.warning("usage is written again")
        self._failures = 0
        return True

    def _put_back(self, batch: list[UsageRecord], sums: Iterable[DaySum]) -> None:
        for each in sums:
            found = self._sums.setdefault((each.day, each.key_id, each.model), each)
            if found is not each:
                found.merge(each)
        self._waiting.extendleft(reversed(batch))
        while len(self._waiting) > self._capacity:
            self._give_up(self._waiting.popleft())

    def _give_up(self, record: UsageRecord) -> None:
        self._given_up += 1
        self._add(self._sums, _clean(record))

    def _add(self, sums: dict[tuple[str, int, str], DaySum], record: UsageRecord) -> None:
        day = self._calendar.date_text(record.at)
        found = sums.get((day, record.key_id, record.model))
        if found is None:
            model = record.model if len(sums) < _MOST_SUMS else "other"
            found = sums.setdefault((day, record.key_id, model), DaySum(day, record.key_id, record.key_name, model))
        found.add(record)

    def _forget(self) -> None:
        """Old rows of single requests go, some thousand at a time."""
        now = time.time()
        if now - self._forgot_at < _FORGET_EVERY_S:
            return
        try:
            if not self._rows.forget_before(now - self._keep_s):
                self._forgot_at = now
        except (MoorageError, sqlite3.Error) as e:
            self._forgot_at = now
            _log.warning("old usage could not be removed: %s", e)

    def _leave(self) -> None:
        """What could not be written stays beside the database."""
        with self._lock:
            records, sums = list(self._waiting), list(self._sums.values())
        try:
            if self._leftover_file is None:
                raise OSError("there is no place for it")
            leftover.leave(self._leftover_file, records, sums)
            _log.warning("usage of %d requests is left in %s and written at the next start", len(records), self._leftover_file)
        except OSError as e:
            _log.error("usage of %d requests is lost: %s", len(records), e)


def _clean(record: UsageRecord) -> UsageRecord:
    """The record as a database can hold it, whatever a backend or a caller said: one bad row must not keep the others waiting for ever."""
    if _is_plain(record):
        return record
    return record._replace(
        key_name=_text(record.key_name),
        model=_text(record.model),
        endpoint=_text(record.endpoint),
        prompt_tokens=_whole(record.prompt_tokens),
        completion_tokens=_whole(record.completion_tokens),
        cost_nanos=max(0, min(record.cost_nanos, _LARGEST * 1000)),
        queue_s=_seconds(record.queue_s),
        first_token_s=None if record.first_token_s is None else _seconds(record.first_token_s),
        total_s=_seconds(record.total_s),
        own_s=_seconds(record.own_s),
    )


def _is_plain(record: UsageRecord) -> bool:
    """Whether there is nothing to clean, which is nearly always so."""
    return (
        record.model.isascii() and record.key_name.isascii() and record.endpoint.isascii()
        and len(record.model) <= _LONGEST and len(record.key_name) <= _LONGEST and len(record.endpoint) <= _LONGEST
        and 0 <= record.prompt_tokens <= _LARGEST and 0 <= record.completion_tokens <= _LARGEST and 0 <= record.cost_nanos <= _LARGEST
        and math.isfinite(record.total_s + record.queue_s + record.own_s + (record.first_token_s or 0.0))
    )  # fmt: skip


def _text(text: str) -> str:
    return text[:_LONGEST].encode("utf-8", "replace").decode()


def _whole(number: int) -> int:
    return max(0, min(number, _LARGEST))


def _seconds(number: float) -> float:
    return number if math.isfinite(number) else 0.0
