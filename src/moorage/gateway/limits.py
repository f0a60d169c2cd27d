"""Exact counters of one key: requests and tokens of the last minute, requests at the same time, tokens and money of the day and the month.

Why a sliding window and not GCRA or a fixed one: a leaky bucket with a minute's burst lets nearly twice the limit through within 60 s, and so
does a fixed window at its border. Here every span of 60 seconds, wherever it begins, holds at most the limit. What is admitted within a quarter
of a second is remembered as one entry that goes when its newest part does; so a minute is at most 241 entries, whatever the traffic, and a place
comes back at most a quarter of a second late, never early.

All state is whole numbers in memory that several processes may share (see ``board.py``); who calls holds the board's lock. No clock is read here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from moorage.store.key_rules import KeyRules
from moorage.store.usage import Spent

LimitKind = Literal["requests", "tokens", "parallel", "day_tokens", "month_tokens", "day_money", "month_money"]

SECOND = 1_000_000
MINUTE = 60 * SECOND
NANOS = 10**9
SOON_S = 1.0
"""When to try again where only the end of another request makes room: nobody knows when that is."""

_GRAIN = MINUTE // 240
_RING = 256  # a power of two above 241
_MASK = _RING - 1
_LARGEST = 2**60
"""Sums stop here instead of overflowing: a backend that reports nonsense must not stop the counting of others."""

# Of a window: the number of its oldest entry, the number after its newest, their sum, when the newest began; then (newest part, amount) pairs.
_FIRST, _NEXT, _TOTAL, _BEGAN, _ENTRIES = range(5)
WINDOW_WORDS = _ENTRIES + 2 * _RING


class Window:
    """Amounts of the last minute. Times are microseconds of any clock that never goes back; one that does is taken as standing still."""

    __slots__ = ("_words",)

    def __init__(self, words: memoryview[int]) -> None:
        self._words = words

    def used(self, now: int) -> int:
        """The sum of the last minute."""
        words = self._words
        first, end = words[_FIRST], words[_NEXT]
        if first == end or words[_ENTRIES + 2 * (first & _MASK)] + MINUTE > now:
            return words[_TOTAL]
        total = words[_TOTAL]
        while first < end and words[_ENTRIES + 2 * (first & _MASK)] + MINUTE <= now:
            total -= words[_ENTRIES + 2 * (first & _MASK) + 1]
            first += 1
        words[_FIRST], words[_TOTAL] = first, total
        return total

    def add(self, now: int, amount: int) -> int:
        """Counts an amount and returns the number of the entry that holds it, for ``correct``."""
        self.used(now)
        return self.add_to_used(now, amount)

    def add_to_used(self, now: int, amount: int) -> int:
        """``add`` right after ``used`` of the same moment."""
        words = self._words
        number = words[_NEXT] - 1
        place = _ENTRIES + 2 * (number & _MASK)
        is_joining = words[_FIRST] <= number
        if is_joining:
            if now < words[place]:
                now = words[place]
            is_joining = now - words[_BEGAN] < _GRAIN
        if not is_joining:
            number += 1
            place = _ENTRIES + 2 * (number & _MASK)
            words[place + 1] = 0
            words[_BEGAN] = now
            words[_NEXT] = number + 1
        words[place] = now
        words[place + 1] += amount
        words[_TOTAL] += amount
        return number

    @property
    def total(self) -> int:
        """What ``used`` or ``add`` saw last."""
        return self._words[_TOTAL]

    def correct(self, now: int, number: int, by: int) -> None:
        """Changes what was added as ``number``. Where that has left the window there is nothing to give back, and what is too much counts from now."""
        words = self._words
        place = _ENTRIES + 2 * (number & _MASK)
        if number >= words[_FIRST] and words[place] + MINUTE > now:
            words[place + 1] += by
            words[_TOTAL] += by
        elif by > 0:
            self.add(now, by)

    def wait(self, now: int, room: int) -> int:
        """Microseconds until at most ``room`` is used."""
        words, total = self._words, self.used(now)
        until = now
        for number in range(words[_FIRST], words[_NEXT]):
            if total <= room:
                break
            place = _ENTRIES + 2 * (number & _MASK)
            until = words[place] + MINUTE
            total -= words[place + 1]
        return max(0, until - now)

    def reset(self, now: int) -> int:
        """Microseconds until nothing is used."""
        words = self._words
        self.used(now)
        if words[_FIRST] == words[_NEXT]:
            return 0
        return max(0, words[_ENTRIES + 2 * ((words[_NEXT] - 1) & _MASK)] + MINUTE - now)

    def repair(self) -> None:
        """The sum anew, from the entries: for a process that died in the middle of a change."""
        words = self._words
        words[_TOTAL] = sum(words[_ENTRIES + 2 * (number & _MASK) + 1] for number in range(words[_FIRST], words[_NEXT]))


@dataclass(frozen=True, slots=True)
class Quota:
    """The limits of a key as the counters need them: whole numbers, money in billionths; None is no limit."""

    requests: int | None = None
    tokens: int | None = None
    parallel: int | None = None
    day_tokens: int | None = None
    month_tokens: int | None = None
    day_cost: int | None = None
    month_cost: int | None = None

    @classmethod
    def of(cls, rules: KeyRules) -> Quota:
        return cls(
            rules.requests_per_minute,
            rules.tokens_per_minute,
            rules.parallel,
            rules.day_tokens,
            rules.month_tokens,
            None if rules.day_money is None else round(rules.day_money * NANOS),
            None if rules.month_money is None else round(rules.month_money * NANOS),
        )

    has_budget: bool = field(init=False, compare=False)

    def __post_init__(self) -> None:
        has_none = self.day_tokens is self.month_tokens is self.day_cost is self.month_cost is None
        object.__setattr__(self, "has_budget", not has_none)

    @property
    def is_limited(self) -> bool:
        return self != _UNLIMITED


_UNLIMITED = Quota()


@dataclass(frozen=True, slots=True)
class Today:
    """A day of the calendar: its number, its month's, and when each ends (seconds since 1970)."""

    day: int
    month: int
    day_ends_at: float
    month_ends_at: float


class Moment(NamedTuple):
    """When something happens: microseconds for the windows, and the calendar for the budgets."""

    now: int
    wall: float
    today: Today


class Wanted(NamedTuple):
    """What a request asks for: tokens and their cost at most."""

    tokens: int
    cost: int = 0


class Taken(NamedTuple):
    """What a request was given, to be settled. ``token_entry`` is where its tokens of the minute are counted, if they are."""

    wanted: Wanted
    token_entry: int | None


@dataclass(frozen=True, slots=True)
class Shortage:
    """Why a request cannot be had: which limit, and when a try may succeed. ``wait_s`` None: never, as it alone is above the limit."""

    kind: LimitKind
    limit: int
    used: int
    wanted: int
    wait_s: float | None


# Of an account: day, month, their sums; then the two windows, then three numbers for each process.
_DAY, _MONTH, _DAY_TOKENS, _MONTH_TOKENS, _DAY_COST, _MONTH_COST, _REQUESTS = range(7)
_TOKENS = _REQUESTS + WINDOW_WORDS
_COLUMNS = _TOKENS + WINDOW_WORDS
_IN_FLIGHT, _RESERVED_TOKENS, _RESERVED_COST = range(3)
_COLUMN = 3


_SUMS = (_DAY_TOKENS, _MONTH_TOKENS, _DAY_COST, _MONTH_COST)


def account_words(workers: int) -> int:
    """How many numbers an account takes."""
    return _COLUMNS + _COLUMN * workers


class Account:
    """The counters of one key, in memory that ``workers`` processes may share; this one is number ``worker``.

    ``take`` follows a ``shortage`` of None under the same hold of the lock, or both are one with ``try_take``; ``settle`` comes once for each.
    """

    __slots__ = ("_mine", "_words", "_workers", "requests", "tokens")

    def __init__(self, words: memoryview[int], worker: int = 0, workers: int = 1) -> None:
        self._words = words
        self._workers = range(_COLUMNS, _COLUMNS + _COLUMN * workers, _COLUMN)
        self._mine = self._workers[worker]
        self.requests = Window(words[_REQUESTS:_TOKENS])
        self.tokens = Window(words[_TOKENS:_COLUMNS])

    def begin(self, today: Today, spent: Spent) -> None:
        """Raises the budgets to where they stood at least. What was counted since, here or by another process, stays."""
        self._roll(today)
        written = (spent.day_tokens, spent.month_tokens, spent.day_cost, spent.month_cost)
        for place, amount in zip(_SUMS, written, strict=True):
            self._words[place] = max(self._words[place], min(amount, _LARGEST))

    def shortage(self, moment: Moment, quota: Quota, wanted: Wanted) -> Shortage | None:
        """What is missing for this request; of several limits the one that takes longest to come back."""
        now = moment.now
        found: list[Shortage] = []
        if quota.requests is not None and (used := self.requests.used(now)) >= quota.requests:
            wait = self.requests.wait(now, quota.requests - 1) / SECOND if quota.requests else None
            found.append(Shortage("requests", quota.requests, used, 1, wait))
        if quota.tokens is not None and (used := self.tokens.used(now)) + wanted.tokens > quota.tokens:
            room = quota.tokens - wanted.tokens
            found.append(Shortage("tokens", quota.tokens, used, wanted.tokens, None if room < 0 else self.tokens.wait(now, room) / SECOND))
        if quota.parallel is not None and (used := self.in_flight()) >= quota.parallel:
            found.append(Shortage("parallel", quota.parallel, used, 1, SOON_S if quota.parallel else None))
        if quota.has_budget:
            found += self._over_budget(moment, quota, wanted)
        if not found:
            return None
        return max(found, key=lambda each: float("inf") if each.wait_s is None else each.wait_s)

    def try_take(self, moment: Moment, quota: Quota, wanted: Wanted) -> Taken | None:
        """``take`` where nothing is short, None where something is: the same as asking for the ``shortage`` first, in fewer steps."""
        now = moment.now
        if quota.requests is not None and self.requests.used(now) >= quota.requests:
            return None
        if quota.tokens is not None and self.tokens.used(now) + wanted.tokens > quota.tokens:
            return None
        if quota.parallel is not None and self._sum(_IN_FLIGHT) >= quota.parallel:
            return None
        if quota.has_budget:
            self._roll(moment.today)
            if not self._is_within(quota, wanted):
                return None
        return self.take(moment, quota, wanted)

    def take(self, moment: Moment, quota: Quota, wanted: Wanted) -> Taken:
        """Counts a request for which there is no ``shortage``. Tokens and money are reserved until it is settled."""
        words, mine = self._words, self._mine
        words[mine] += 1
        words[mine + _RESERVED_TOKENS] += wanted.tokens
        words[mine + _RESERVED_COST] += wanted.cost
        if quota.requests is not None:
            self.requests.add_to_used(moment.now, 1)
        return Taken(wanted, None if quota.tokens is None else self.tokens.add_to_used(moment.now, wanted.tokens))

    def settle(self, moment: Moment, taken: Taken, tokens: int, cost: int) -> None:
        """Puts what was used in the place of what was reserved."""
        words, mine, (wanted, entry) = self._words, self._mine, taken
        words[mine] -= 1
        words[mine + _RESERVED_TOKENS] -= wanted.tokens
        words[mine + _RESERVED_COST] -= wanted.cost
        if entry is not None:
            self.tokens.correct(moment.now, entry, tokens - wanted.tokens)
        self._roll(moment.today)
        words[_DAY_TOKENS] += tokens
        words[_MONTH_TOKENS] += tokens
        if cost:
            cost = min(cost, _LARGEST)
            words[_DAY_COST] += cost
            words[_MONTH_COST] += cost
        if max(words[_DAY_TOKENS], words[_MONTH_TOKENS], words[_DAY_COST], words[_MONTH_COST]) > _LARGEST:
            for place in _SUMS:
                words[place] = min(words[place], _LARGEST)

    def in_flight(self) -> int:
        """Requests at this moment, of all processes."""
        return self._sum(_IN_FLIGHT)

    def reserved_tokens(self) -> int:
        """Tokens that requests in flight hold."""
        return self._sum(_RESERVED_TOKENS)

    def spent(self, today: Today) -> Spent:
        """What counts against the budgets, without what is reserved."""
        self._roll(today)
        words = self._words
        return Spent(words[_DAY_TOKENS], words[_MONTH_TOKENS], words[_DAY_COST], words[_MONTH_COST])

    def forget(self, worker: int) -> None:
        """Gives back what a process held that is no more."""
        for place in range(self._workers[worker], self._workers[worker] + _COLUMN):
            self._words[place] = 0

    def repair(self) -> None:
        """Makes sums agree with their parts again."""
        self.requests.repair()
        self.tokens.repair()

    def _sum(self, offset: int) -> int:
        if len(self._workers) == 1:
            return self._words[self._mine + offset]
        return sum(self._words[place + offset] for place in self._workers)

    def _is_within(self, quota: Quota, wanted: Wanted) -> bool:
        """Whether no budget is short."""
        words, day, month = self._words, quota.day_tokens, quota.month_tokens
        if day is not None or month is not None:
            tokens = self._sum(_RESERVED_TOKENS) + max(wanted.tokens, 1)
            if (day is not None and words[_DAY_TOKENS] + tokens > day) or (month is not None and words[_MONTH_TOKENS] + tokens > month):
                return False
        day, month = quota.day_cost, quota.month_cost
        if not wanted.cost or (day is None and month is None):
            return True
        cost = self._sum(_RESERVED_COST) + wanted.cost
        return (day is None or words[_DAY_COST] + cost <= day) and (month is None or words[_MONTH_COST] + cost <= month)

    def _over_budget(self, moment: Moment, quota: Quota, wanted: Wanted) -> list[Shortage]:
        today = moment.today
        self._roll(today)
        day_left_s, month_left_s = today.day_ends_at - moment.wall, today.month_ends_at - moment.wall
        words = self._words
        tokens, cost = self._sum(_RESERVED_TOKENS), self._sum(_RESERVED_COST)
        want_tokens = max(wanted.tokens, 1)
        checks: tuple[tuple[LimitKind, int | None, int, int, int, float], ...] = (
            ("day_tokens", quota.day_tokens, words[_DAY_TOKENS], tokens, want_tokens, day_left_s),
            ("month_tokens", quota.month_tokens, words[_MONTH_TOKENS], tokens, want_tokens, month_left_s),
            ("day_money", quota.day_cost, words[_DAY_COST], cost, wanted.cost, day_left_s),
            ("month_money", quota.month_cost, words[_MONTH_COST], cost, wanted.cost, month_left_s),
        )
        short: list[Shortage] = []
        for kind, limit, used, reserved, want, left in checks:
            if limit is not None and want and used + reserved + want > limit:
                wait = None if want > limit else left if used + want > limit else SOON_S
                short.append(Shortage(kind, limit, used + reserved, want, wait))
        return short

    def _roll(self, today: Today) -> None:
        """A new day and a new month begin at zero. A clock that is set back by moments at midnight does not begin the old day again."""
        words = self._words
        if today.day == words[_DAY] and today.month == words[_MONTH]:
            return
        if today.day > words[_DAY] or today.day < words[_DAY] - 1:
            words[_DAY], words[_DAY_TOKENS], words[_DAY_COST] = today.day, 0, 0
        if today.month > words[_MONTH] or today.month < words[_MONTH] - 1:
            words[_MONTH], words[_MONTH_TOKENS], words[_MONTH_COST] = today.month, 0, 0
