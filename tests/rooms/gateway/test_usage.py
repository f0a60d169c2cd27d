"""The log of usage over a real database: nobody waits for it, nothing is lost from the sums, whatever the database does."""

from __future__ import annotations

import math
import sqlite3
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from moorage.gateway.calendar import Calendar
from moorage.gateway.usage import UsageLog
from moorage.store.database import Database
from moorage.store.keys import KeyRows
from moorage.store.usage import DaySum, UsageRecord, UsageRows, UsageSpan, read_span
from tests.builders.patience import eventually

NOON = datetime(2026, 5, 15, 12, tzinfo=UTC).timestamp()
MAY = UsageSpan(date(2026, 5, 1), date(2026, 5, 31))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "moorage.db"


@pytest.fixture
def rows(path: Path) -> Iterator[UsageRows]:
    database = Database(path, busy_timeout_s=0.05)
    yield UsageRows(database)
    database.close()


def log(rows: UsageRows, **more: object) -> UsageLog:
    return UsageLog(rows, **{"calendar": Calendar(UTC), "every_s": 0.01, "keep_days": 100_000, **more})  # type: ignore[arg-type]


def record(**more: object) -> UsageRecord:
    known = UsageRecord(
        NOON, 1, "dify", "qwen3", "chat/completions", 200, prompt_tokens=10, completion_tokens=5, cost_nanos=100, total_s=2.0
    )
    return known._replace(**more)


def total(rows: UsageRows) -> tuple[int, int]:
    lines = rows.report("day", MAY)
    return sum(line.requests for line in lines), sum(line.prompt_tokens + line.completion_tokens for line in lines)


def kept_rows(path: Path) -> int:
    with sqlite3.connect(path) as c:
        return c.execute("SELECT count(*) FROM usage").fetchone()[0]


def test_what_is_noted_is_written_and_summed(rows: UsageRows, path: Path) -> None:
    with log(rows) as usage:
        usage.note(record())
        usage.note(record(is_cancelled=True, status=499))
        usage.note(record(status=502, prompt_tokens=0, completion_tokens=0, cost_nanos=0))
        usage.note(record(model="bge", at=NOON + 86400, key_id=2, key_name="li"))

    by_key = rows.report("key", MAY)
    assert [(line.name, line.requests, line.errors, line.cancelled) for line in by_key] == [("dify", 3, 1, 1), ("li", 1, 0, 0)]
    assert (by_key[0].prompt_tokens, by_key[0].cost, by_key[0].mean_s) == (20, 2e-7, 2.0)
    assert [line.name for line in rows.report("model", MAY)] == ["qwen3", "bge"]
    assert [line.name for line in rows.report("day", MAY)] == ["2026-05-15", "2026-05-16"]
    assert [line.requests for line in rows.report("day", MAY, key="li", model="bge")] == [1]
    assert rows.report("key", UsageSpan(date(2026, 6, 1), date(2026, 6, 30))) == [] and kept_rows(path) == 4


def test_a_database_locked_by_another_program_is_caught_up_with(rows: UsageRows, path: Path) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with log(rows) as usage:
        for _ in range(500):
            usage.note(record())
        eventually(lambda: usage.state().is_failing)
        usage.note(record())
        eventually(lambda: usage.state().waiting == 501)

        other.execute("COMMIT")

        eventually(lambda: not usage.state().is_failing and usage.state().waiting == 0)
    assert total(rows) == (501, 501 * 15) and kept_rows(path) == 501
    other.close()


class SmallDisk(Database):
    """A database whose disk has no room left, until it has."""

    has_room = False

    def _connect(self) -> sqlite3.Connection:
        connection = super()._connect()
        if not self.has_room:
            pages = connection.execute("PRAGMA page_count").fetchone()[0]
            connection.execute(f"PRAGMA max_page_count={pages}")
        return connection

    def free(self) -> None:
        self.has_room = True
        for connection in self._all:
            connection.execute("PRAGMA max_page_count=1000000")


def test_a_full_disk_is_caught_up_with(path: Path) -> None:
    Database(path).close()
    database = SmallDisk(path, busy_timeout_s=1)
    rows = UsageRows(database)
    with log(rows) as usage:
        for n in range(3000):
            usage.note(record(endpoint=f"chat/completions/{n:0200d}"))
        eventually(lambda: usage.state().is_failing)
        assert usage.state().rows_given_up == 0

        database.free()

        eventually(lambda: not usage.state().is_failing and usage.state().waiting == 0)
    assert total(rows) == (3000, 3000 * 15)
    database.close()


def test_while_nothing_can_be_written_memory_is_bounded_and_sums_stay_whole(rows: UsageRows, path: Path) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    usage = log(rows, capacity=100)
    for n in range(1000):
        usage.note(record(prompt_tokens=n))
    assert not usage.flush()
    state = usage.state()
    assert (state.waiting, state.rows_given_up) == (100, 900)
    other.execute("COMMIT")
    other.close()

    assert usage.flush()

    assert total(rows) == (1000, sum(range(1000)) + 5000) and kept_rows(path) == 100


def test_names_without_end_take_no_memory_without_end(rows: UsageRows) -> None:
    usage = log(rows, capacity=0)
    for n in range(25_000):
        usage.note(record(model=f"m{n}"))

    assert len(usage._sums) <= 20_001 and usage.flush()
    assert total(rows)[0] == 25_000


def test_what_cannot_be_written_at_the_end_is_written_at_the_next_start(rows: UsageRows, path: Path, tmp_path: Path) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    file = tmp_path / "usage.left"
    with log(rows, leftover_file=file, capacity=5) as one, log(rows, leftover_file=file, capacity=5) as two:
        for _ in range(10):
            one.note(record())
            two.note(record())
    assert file.exists()
    other.execute("COMMIT")
    other.close()
    with file.open("ab") as damage:
        damage.write(b'{"record": [1, 2\n{"record": ["x"]}\n[]\n')

    with log(rows, leftover_file=file):
        pass

    assert total(rows) == (20, 300) and kept_rows(path) == 10 and not file.exists()
    with log(rows, leftover_file=file):
        pass
    assert total(rows) == (20, 300)


def test_one_odd_request_does_not_keep_the_others(rows: UsageRows, path: Path) -> None:
    usage = log(rows)
    usage.note(record(model="m\udcff" + "x" * 10**6, prompt_tokens=10**40, completion_tokens=-3, total_s=math.nan, queue_s=math.inf))
    usage.note(record())

    assert usage.flush() and kept_rows(path) == 2
    assert all(len(line.name) <= 200 for line in rows.report("model", MAY))


def test_noting_from_many_threads_loses_nothing(rows: UsageRows) -> None:
    with log(rows, every_s=0.001) as usage:
        threads = [threading.Thread(target=lambda: [usage.note(record()) for _ in range(2000)]) for _ in range(4)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]

    assert total(rows) == (8000, 8000 * 15)


def test_rows_of_old_requests_go_and_their_sums_stay(rows: UsageRows, path: Path) -> None:
    rows.write([record(at=NOON + n) for n in range(10)], [DaySum("2026-05-15", 1, "dify", "qwen3", requests=10)])

    assert rows.forget_before(NOON + 4) == 4 and rows.forget_before(NOON + 4) == 0
    assert kept_rows(path) == 6 and total(rows)[0] == 10
    with log(rows, keep_days=1) as usage:
        eventually(lambda: kept_rows(path) == 0)
        assert usage.state().waiting == 0


def test_a_key_shows_when_it_was_used_last(path: Path, rows: UsageRows) -> None:
    keys = KeyRows(Database(path))
    keys.create("dify")
    version = keys.version()
    with log(rows) as usage:
        usage.note(record(key_id=keys.get("dify").id))

    assert keys.get("dify").used_at == NOON and keys.version() == version


def test_budgets_see_the_day_and_the_month(rows: UsageRows) -> None:
    rows.write(
        [],
        [
            DaySum(day, 1, "k", "m", prompt_tokens=n, cost_nanos=n)
            for day, n in (("2026-05-15", 1), ("2026-05-01", 2), ("2026-04-30", 4), ("2026-05-16", 8))
        ],
    )

    spent = rows.spent(date(2026, 5, 15))[1]

    assert (spent.day_tokens, spent.month_tokens, spent.day_cost, spent.month_cost) == (1, 3, 1, 3)


def test_spans_are_read() -> None:
    today = date(2026, 5, 15)

    assert read_span(None, None, today) == UsageSpan(date(2026, 5, 1), today)
    assert read_span("7d", None, today) == UsageSpan(date(2026, 5, 9), today)
    assert read_span("2026-01-01", "2026-01-31", today) == UsageSpan(date(2026, 1, 1), date(2026, 1, 31))
    for since, until in (("soon", None), ("99999999d", None), ("2026-06-01", None), (None, "2026-13-01"), ("-5d", None)):
        with pytest.raises(Exception, match="no span of days"):
            read_span(since, until, today)
