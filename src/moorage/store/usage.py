"""What was used, by whom and of which model: a row a request for some weeks, sums a day for ever. No prompts, no answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Literal, NamedTuple

from moorage.core.errors import BadInput
from moorage.store.database import Database, statements

By = Literal["key", "model", "day"]
_FORGET_AT_ONCE = 5000
_ROWS_AT_ONCE = (128, 16, 1)  # few sizes, as SQLite keeps a compiled statement for each


class UsageSpanInvalid(BadInput):
    """{value!r} is no span of days. Give a date such as 2026-01-31, or a span up to today such as 7d."""

    zh = "{value!r} 不是有效的日期范围。请给出日期（如 2026-01-31），或截至今天的时长（如 7d）。"


class UsageRecord(NamedTuple):
    """One request. Times are seconds; ``at`` is when it ended, ``own_s`` what the gateway itself took of ``total_s``. ``key_id`` 0 is nobody's key."""

    at: float
    key_id: int
    key_name: str
    model: str
    endpoint: str
    status: int
    is_stream: bool = False
    is_cancelled: bool = False
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_nanos: int = 0
    queue_s: float = 0.0
    first_token_s: float | None = None
    total_s: float = 0.0
    own_s: float = 0.0


@dataclass(slots=True)
class DaySum:
    """The sums of one key and model on one day (``2026-01-31``); they grow."""

    day: str
    key_id: int
    key_name: str
    model: str
    requests: int = 0
    errors: int = 0
    cancelled: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_nanos: int = 0
    total_s: float = 0.0

    def add(self, record: UsageRecord) -> None:
        self.requests += 1
        self.errors += record.status >= 400 and not record.is_cancelled
        self.cancelled += record.is_cancelled
        self.prompt_tokens += record.prompt_tokens
        self.completion_tokens += record.completion_tokens
        self.cost_nanos += record.cost_nanos
        self.total_s += record.total_s

    def merge(self, other: DaySum) -> None:
        """Adds the sums of the same key, model and day."""
        self.requests += other.requests
        self.errors += other.errors
        self.cancelled += other.cancelled
        self.prompt_tokens += other.prompt_tokens
        self.completion_tokens += other.completion_tokens
        self.cost_nanos += other.cost_nanos
        self.total_s += other.total_s


@dataclass(frozen=True, slots=True)
class Spent:
    """What a key has used of its budgets: tokens, and money in billionths."""

    day_tokens: int = 0
    month_tokens: int = 0
    day_cost: int = 0
    month_cost: int = 0


@dataclass(frozen=True, slots=True)
class UsageLine:
    """A line of a report: ``name`` is a key, a model or a day. ``cost`` is in the currency of the prices, ``mean_s`` a request's mean time."""

    name: str
    requests: int
    errors: int
    cancelled: int
    prompt_tokens: int
    completion_tokens: int
    cost: float
    mean_s: float


@dataclass(frozen=True, slots=True)
class UsageSpan:
    """The days of a report, both ends included."""

    since: date
    until: date


def read_span(since: str | None, until: str | None, today: date) -> UsageSpan:
    """The days that two texts name: dates, or spans up to today (``7d``); this month where nothing is said. Raises UsageSpanInvalid."""
    span = UsageSpan(_day(since, today) if since else today.replace(day=1), _day(until, today) if until else today)
    if span.since > span.until:
        raise UsageSpanInvalid(value=f"{span.since} … {span.until}")
    return span


class UsageRows:
    """The tables of usage."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._sql = statements("usage")

    def write(self, records: Sequence[UsageRecord], sums: Iterable[DaySum]) -> None:
        """Adds requests and sums in one transaction, all or nothing; ``sums`` are of these records and of others whose rows were given up."""
        touched = {record.key_id: record.at for record in records if record.key_id}
        with self._db.write() as c:
            for batch in _batches(records):
                c.execute(self._insert(len(batch)), [value for record in batch for value in record[:2] + record[3:]])
            c.executemany(self._sql["add_day"], [asdict(each) for each in sums])
            c.executemany(self._sql["touch_key"], [{"key_id": key_id, "at": at} for key_id, at in touched.items()])

    def _insert(self, rows: int) -> str:
        """One statement for several rows. ``executemany`` would let the interpreter go and take it back for each row, which costs a busy gateway
        more than the rows do."""
        statement = self._sql["insert"]
        head, _, row = statement.partition("VALUES ")
        return f"{head}VALUES {', '.join([row] * rows)}"

    def forget_before(self, at: float) -> int:
        """Removes the oldest rows of requests that ended before ``at``, some thousand at a time; says how many. Sums stay."""
        with self._db.write() as c:
            return c.execute(self._sql["forget"], {"before": at, "limit": _FORGET_AT_ONCE}).rowcount

    def spent(self, today: date) -> dict[int, Spent]:
        """What each key has used on this day and in its month, up to it."""
        with self._db.read() as c:
            rows = c.execute(self._sql["spent"], {"day": today.isoformat(), "month": today.replace(day=1).isoformat()})
            return {r["key_id"]: Spent(r["day_tokens"], r["month_tokens"], r["day_cost"], r["month_cost"]) for r in rows}

    def report(self, by: By, span: UsageSpan, key: str | None = None, model: str | None = None) -> list[UsageLine]:
        """The sums of some days, by key, model or day; of one key or model when named. Largest first, days in their order."""
        wanted = {"since": span.since.isoformat(), "until": span.until.isoformat(), "key": key, "model": model}
        with self._db.read() as c:
            return [UsageLine(**dict(row)) for row in c.execute(self._sql[f"by_{by}"], wanted)]


def _batches(records: Sequence[UsageRecord]) -> Iterator[Sequence[UsageRecord]]:
    start = 0
    for size in _ROWS_AT_ONCE:
        while len(records) - start >= size:
            yield records[start : start + size]
            start += size


def _day(text: str, today: date) -> date:
    try:
        if text.endswith("d"):
            return today - timedelta(days=int(text[:-1]) - 1)
        return date.fromisoformat(text)
    except (ValueError, OverflowError) as e:
        raise UsageSpanInvalid(value=text[:80]) from e
