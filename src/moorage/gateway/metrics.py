"""Counters, gauges and histograms in Prometheus' text format. Counting costs a look-up; memory is bounded, whatever names callers send."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from moorage.store.usage import UsageRecord

Kind = Literal["counter", "gauge", "histogram"]
Labels = tuple[str, ...]
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
MOST_SERIES = 2_000
"""Of one family. What comes beyond is counted under labels that all say ``other``: sums stay right, names are lost."""
_LONGEST_LABEL = 120
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": " "})


@dataclass(slots=True)
class Family:
    """One metric: its name, what it means, the names of its labels, and a value (or a histogram's counts, sum last) for each set of them."""

    name: str
    help: str
    kind: Kind
    labels: Labels = ()
    bounds: tuple[float, ...] = ()
    most: int = MOST_SERIES
    series: dict[Labels, list[float]] = field(default_factory=dict[Labels, list[float]])

    def add(self, labels: Labels = (), amount: float = 1.0) -> None:
        """Counts."""
        self.values(labels)[0] += amount

    def observe(self, labels: Labels, value: float) -> None:
        """Counts a value into its bucket: the first whose bound is not below it."""
        observe(self.values(labels), value, self.bounds)

    def values(self, labels: Labels) -> list[float]:
        """The numbers of these labels, at zero where they are new."""
        found = self.series.get(labels)
        if found is None:
            if len(self.series) >= self.most:
                labels = ("other",) * len(labels)
            found = self.series.setdefault(labels, [0.0] * (len(self.bounds) + 2 if self.bounds else 1))
        return found

    def lines(self) -> Iterator[str]:
        """The family as Prometheus reads it."""
        yield f"# HELP {self.name} {self.help.translate(_ESCAPES)}"
        yield f"# TYPE {self.name} {self.kind}"
        for labels, values in self.series.items():
            pairs = [f'{name}="{escaped(value)}"' for name, value in zip(self.labels, labels, strict=True)]
            if self.kind == "histogram":
                yield from self._histogram(pairs, values)
            else:
                yield f"{self.name}{_braced(pairs)} {_number(values[0])}"

    def _histogram(self, pairs: list[str], values: list[float]) -> Iterator[str]:
        count = 0.0
        for bound, here in zip((*self.bounds, float("inf")), values, strict=False):
            count += here
            edge = f'le="{_number(bound)}"'
            yield f"{self.name}_bucket{_braced([*pairs, edge])} {_number(count)}"
        yield f"{self.name}_sum{_braced(pairs)} {_number(values[-1])}"
        yield f"{self.name}_count{_braced(pairs)} {_number(count)}"


def observe(values: list[float], value: float, bounds: tuple[float, ...] = SECONDS) -> None:
    """``Family.observe`` for numbers that were found already."""
    values[bisect_left(bounds, value)] += 1
    values[-1] += value


class _Row(NamedTuple):
    """Numbers of several families that are counted together, so that they are looked up once."""

    requests: list[float]
    key_requests: list[float]
    seconds: list[float]
    queue: list[float]
    own: list[float]


Source = Callable[[], Iterable[Family]]
"""Families that are made when somebody looks: gauges."""
Snapshot = Mapping[str, Sequence[tuple[Sequence[str], Sequence[float]]]]
"""The counts of another process, by family."""


class Metrics:
    """What the gateway counts. Any thread may tell it."""

    def __init__(self, sources: Sequence[Source] = ()) -> None:
        self._lock = threading.Lock()
        self._asks: list[Callable[[], None]] = []
        self._rows: dict[tuple[str, str, int, str], _Row] = {}
        self._sources = list(sources)
        self._requests = Family(
            "moorage_gateway_requests_total", "Requests that reached a model, by HTTP status.", "counter", ("model", "endpoint", "status")
        )
        self._key_requests = Family("moorage_gateway_key_requests_total", "Requests of a key.", "counter", ("key", "model"))
        self._tokens = Family("moorage_gateway_tokens_total", "Tokens read and written.", "counter", ("key", "model", "kind"))
        self._cancelled = Family("moorage_gateway_cancelled_total", "Requests whose caller left before the end.", "counter", ("model",))
        self._refused = Family("moorage_gateway_refused_total", "Requests refused before a model was asked.", "counter", ("key", "code"))
        self._seconds = _seconds("request", "Seconds from the request to the end of its answer.")
        self._queue = _seconds("queue", "Seconds in line.")
        self._first = _seconds("first_token", "Seconds to the first byte of the answer.")
        self._own = _seconds("own", "Seconds spent by the gateway itself before a server was asked.")
        self._families = (
            self._requests, self._key_requests, self._tokens, self._cancelled, self._refused, self._seconds, self._queue, self._first, self._own,
        )  # fmt: skip

    def add_source(self, source: Source) -> None:
        self._sources.append(source)

    def ask_first(self, ask: Callable[[], None]) -> None:
        """``ask`` is called before the counts are looked at: somebody may still hold a few requests back."""
        self._asks.append(ask)

    def observe(self, *records: UsageRecord) -> None:
        """Counts requests that are over."""
        with self._lock:
            for seen in records:
                labels = seen.model, seen.endpoint, seen.status, seen.key_name
                row = self._rows.get(labels) or self._row(labels)
                row.requests[0] += 1
                row.key_requests[0] += 1
                observe(row.seconds, seen.total_s)
                observe(row.queue, seen.queue_s)
                observe(row.own, seen.own_s)
                if seen.first_token_s is not None:
                    self._first.observe((seen.model,), seen.first_token_s)
                if seen.prompt_tokens:
                    self._tokens.add((seen.key_name, seen.model, "prompt"), seen.prompt_tokens)
                if seen.completion_tokens:
                    self._tokens.add((seen.key_name, seen.model, "completion"), seen.completion_tokens)
                if seen.is_cancelled:
                    self._cancelled.add((seen.model,))

    def _row(self, labels: tuple[str, str, int, str]) -> _Row:
        """The numbers that every request with these labels changes."""
        model, endpoint, status, key = labels
        row = _Row(
            self._requests.values((model, endpoint, str(status))), self._key_requests.values((key, model)),
            self._seconds.values((model,)), self._queue.values((model,)), self._own.values((model,)),
        )  # fmt: skip
        if len(self._rows) < MOST_SERIES:
            self._rows[labels] = row
        return row

    def refused(self, key: str, code: str) -> None:
        """Counts a request that a key or the lack of one was refused."""
        with self._lock:
            self._refused.add((key, code))

    def snapshot(self) -> Snapshot:
        """What was counted here, for ``render`` of another process; plain enough for JSON."""
        for ask in self._asks:
            ask()
        with self._lock:
            return {f.name: [(list(labels), list(values)) for labels, values in f.series.items()] for f in self._families}

    def render(self, others: Iterable[Snapshot] = ()) -> bytes:
        """Everything as text, with what other processes counted added. Gauges are those of this process."""
        families = [Family(f.name, f.help, f.kind, f.labels, f.bounds, f.most) for f in self._families]
        for snapshot in (self.snapshot(), *others):
            for family in families:
                _merge(family, snapshot.get(family.name, ()))
        gauges = [family for source in self._sources for family in source()]
        return ("\n".join(line for family in (*families, *gauges) for line in family.lines()) + "\n").encode()


def gauge(name: str, help: str, labels: Labels = (), values: Mapping[Labels, float] | None = None) -> Family:
    """A value of this moment."""
    return Family(name, help, "gauge", labels, series={each: [value] for each, value in (values or {}).items()})


def escaped(value: str) -> str:
    """A label's value between its quotes."""
    return value[:_LONGEST_LABEL].encode("utf-8", "replace").decode().translate(_ESCAPES)


def _seconds(what: str, help: str) -> Family:
    return Family(f"moorage_gateway_{what}_seconds", help, "histogram", ("model",), SECONDS)


def _merge(family: Family, series: Sequence[tuple[Sequence[str], Sequence[float]]]) -> None:
    for labels, more in series:
        values = family.values(tuple(labels))
        for place, amount in enumerate(more[: len(values)]):
            values[place] += amount


def _braced(pairs: list[str]) -> str:
    return "{" + ",".join(pairs) + "}" if pairs else ""


def _number(value: float) -> str:
    if value == float("inf"):
        return "+Inf"
    return str(int(value)) if value == value and abs(value) < 1e15 and value == int(value) else repr(value)
