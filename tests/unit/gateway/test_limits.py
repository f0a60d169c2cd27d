"""Counters of a key: nothing beyond a limit in any minute, nothing reserved for ever, whatever comes in whatever order."""

from __future__ import annotations

from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moorage.gateway.limits import MINUTE, SECOND, Account, Moment, Quota, Taken, Today, Wanted, Window, account_words
from moorage.store.key_rules import KeyRules
from moorage.store.usage import Spent

TODAY = Today(day=100, month=3, day_ends_at=1000.0, month_ends_at=9000.0)


def window() -> Window:
    return Window(memoryview(bytearray(8 * 1000)).cast("q"))


def account(workers: int = 1, worker: int = 0) -> Account:
    made = Account(memoryview(bytearray(8 * account_words(workers))).cast("q"), worker, workers)
    made.begin(TODAY, Spent())
    return made


def at(micros: int, today: Today = TODAY, wall: float = 0.0) -> Moment:
    return Moment(micros, wall, today)


gaps = (
    st.integers(0, 3 * MINUTE)
    | st.integers(0, SECOND)
    | st.sampled_from([0, 1, SECOND // 4, SECOND // 4 - 1, MINUTE, MINUTE - 1, MINUTE + 1])
)


@given(st.lists(st.tuples(gaps, st.integers(0, 50)), max_size=200), st.integers(1, 100))
@settings(max_examples=150, deadline=None)
def test_no_minute_holds_more_than_the_limit(arrivals: list[tuple[int, int]], limit: int) -> None:
    counter, now, last_minute = window(), 0, deque[tuple[int, int]]()
    for gap, amount in arrivals:
        now += gap
        if counter.used(now) + amount <= limit:
            counter.add(now, amount)
            last_minute.append((now, amount))
        while last_minute and last_minute[0][0] + MINUTE <= now:
            last_minute.popleft()

        assert sum(amount for _, amount in last_minute) <= limit


@given(st.lists(st.tuples(gaps, st.integers(1, 50)), max_size=200))
@settings(max_examples=150, deadline=None)
def test_what_is_counted_is_the_last_minute_and_at_most_a_quarter_of_a_second_more(arrivals: list[tuple[int, int]]) -> None:
    counter, now, seen = window(), 0, list[tuple[int, int]]()
    for gap, amount in arrivals:
        now += gap
        counter.add(now, amount)
        seen.append((now, amount))

        exact = sum(amount for when, amount in seen if when + MINUTE > now)
        slack = sum(amount for when, amount in seen if when + MINUTE + SECOND // 4 > now)
        assert exact <= counter.used(now) <= slack


@given(st.lists(st.tuples(gaps, st.integers(1, 50)), min_size=1, max_size=60), st.integers(0, 120))
@settings(max_examples=150, deadline=None)
def test_after_the_wait_there_is_room_and_a_moment_before_there_is_not(arrivals: list[tuple[int, int]], room: int) -> None:
    counter, now = window(), 0
    for gap, amount in arrivals:
        now += gap
        counter.add(now, amount)

    wait = counter.wait(now, room)
    if wait:
        assert counter.used(now + wait - 1) > room
    assert counter.used(now + wait) <= room


def test_a_flood_of_requests_takes_no_more_memory_than_a_few() -> None:
    counter = window()
    for n in range(100_000):
        counter.add(n * 2_000, 1)

    assert 30_000 <= counter.used(100_000 * 2_000) <= 30_200
    assert counter.used(100_000 * 2_000 + MINUTE) == 0


def test_all_is_free_again_after_the_reset() -> None:
    counter = window()
    assert counter.reset(0) == 0
    counter.add(0, 5)
    counter.add(10 * SECOND, 5)

    reset = counter.reset(20 * SECOND)
    assert reset == 50 * SECOND and counter.used(20 * SECOND + reset - 1) == 5 and counter.used(20 * SECOND + reset) == 0


def test_a_clock_that_goes_back_lets_nothing_through() -> None:
    counter = window()
    counter.add(100 * SECOND, 5)
    counter.add(50 * SECOND, 5)

    assert counter.used(100 * SECOND + MINUTE - 1) == 10


def test_a_correction_after_the_minute_counts_only_what_was_too_much() -> None:
    counter = window()
    few, many = counter.add(0, 100), counter.add(SECOND, 100)

    counter.correct(2 * MINUTE, few, -90)
    assert counter.used(2 * MINUTE) == 0
    counter.correct(2 * MINUTE, many, 30)
    assert counter.used(2 * MINUTE) == 30


def test_sums_are_mended_from_their_parts() -> None:
    counter = window()
    counter.add(0, 7)
    counter.add(SECOND, 5)
    counter._words[2] = 999  # as a process leaves it that dies between two writes

    counter.repair()

    assert counter.used(SECOND) == 12


steps = st.lists(st.tuples(st.sampled_from(["take", "settle"]), gaps, st.integers(0, 40), st.integers(0, 40)), max_size=120)


@given(steps, st.integers(1, 60), st.integers(1, 5), st.integers(1, 200))
@settings(max_examples=200, deadline=None)
def test_limits_hold_and_reservations_settle_to_nothing(
    steps: list[tuple[str, int, int, int]], tokens: int, parallel: int, budget: int
) -> None:
    quota, books = Quota(tokens=tokens, parallel=parallel, day_tokens=budget), account()
    open_ones, used, now = list[Taken](), 0, 0
    for step, gap, wanted, spent in steps:
        now += gap
        if step == "take" and books.shortage(at(now), quota, Wanted(wanted)) is None:
            open_ones.append(books.take(at(now), quota, Wanted(wanted)))
        elif step == "settle" and open_ones:
            taken = open_ones.pop(spent % len(open_ones))
            books.settle(at(now), taken, min(spent, taken.wanted.tokens), 0)
            used += min(spent, taken.wanted.tokens)

        assert len(open_ones) == books.in_flight() <= parallel
        assert books.tokens.used(now) <= tokens
        assert used + books.reserved_tokens() <= budget
        assert books.reserved_tokens() == sum(each.wanted.tokens for each in open_ones)

    for taken in open_ones:
        books.settle(at(now), taken, 0, 0)
    assert (books.in_flight(), books.reserved_tokens(), books.spent(TODAY).day_tokens) == (0, 0, used)
    assert books.tokens.used(now + 2 * MINUTE) == 0


@pytest.mark.parametrize(
    ("quota", "wanted", "kind", "wait"),
    [
        (Quota(requests=1), Wanted(1), "requests", 60.0),
        (Quota(tokens=100), Wanted(91), "tokens", 60.0),
        (Quota(tokens=100), Wanted(101), "tokens", None),
        (Quota(parallel=1), Wanted(1), "parallel", 1.0),
        (Quota(day_tokens=100), Wanted(91), "day_tokens", 1.0),
        (Quota(day_tokens=100), Wanted(101), "day_tokens", None),
        (Quota(month_tokens=100), Wanted(95), "month_tokens", 1.0),
        (Quota(day_cost=100), Wanted(1, 91), "day_money", 1.0),
        (Quota(month_cost=100), Wanted(1, 91), "month_money", 1.0),
        (Quota(requests=1, parallel=1), Wanted(1), "requests", 60.0),
        (Quota(requests=0), Wanted(1), "requests", None),
        (Quota(day_tokens=0), Wanted(0), "day_tokens", None),
    ],
)
def test_a_shortage_names_the_limit_and_when_it_ends(quota: Quota, wanted: Wanted, kind: str, wait: float | None) -> None:
    books = account()
    books.take(at(0), Quota(requests=5, tokens=500), Wanted(10, 10))

    found = books.shortage(at(0), quota, wanted)

    assert found and (found.kind, found.wait_s) == (kind, wait)


def test_a_budget_that_is_spent_comes_back_with_the_next_day_and_the_months_does_not() -> None:
    books, quota = account(), Quota(day_tokens=100, month_tokens=150)
    books.settle(at(0), books.take(at(0), quota, Wanted(100)), 100, 0)
    found = books.shortage(at(0, wall=940.0), quota, Wanted(1))
    assert found and (found.kind, found.wait_s) == ("day_tokens", 60.0)

    tomorrow = Today(101, 3, 2000.0, 9000.0)
    assert books.shortage(at(0, tomorrow), quota, Wanted(50)) is None
    found = books.shortage(at(0, tomorrow, wall=1000.0), quota, Wanted(51))
    assert found and (found.kind, found.wait_s) == ("month_tokens", 8000.0)
    assert books.shortage(at(0, Today(131, 4, 0, 0)), quota, Wanted(100)) is None


def test_a_clock_set_back_at_midnight_does_not_give_the_day_again() -> None:
    books, quota = account(), Quota(day_tokens=100)
    books.settle(at(0), books.take(at(0), quota, Wanted(100)), 100, 0)

    assert books.shortage(at(0, Today(99, 3, 0.0, 0.0)), quota, Wanted(1)) is not None


def test_free_tokens_are_no_matter_of_money() -> None:
    books, quota = account(), Quota(day_cost=10)
    books.settle(at(0), books.take(at(0), quota, Wanted(5, 10)), 5, 10)

    assert books.shortage(at(0), quota, Wanted(5, 0)) is None
    assert books.shortage(at(0), quota, Wanted(5, 1)) is not None


def test_processes_share_an_account_and_one_that_died_holds_nothing() -> None:
    words = memoryview(bytearray(8 * account_words(3))).cast("q")
    first, second = Account(words, 0, 3), Account(words, 1, 3)
    quota = Quota(parallel=2)
    first.take(at(0), quota, Wanted(5))
    second.take(at(0), quota, Wanted(5))
    assert first.shortage(at(0), quota, Wanted(5)) is not None and second.in_flight() == 2 and first.reserved_tokens() == 10

    first.forget(1)

    assert first.shortage(at(0), quota, Wanted(5)) is None and first.in_flight() == 1 and first.reserved_tokens() == 5


def test_nonsense_sums_do_not_overflow() -> None:
    books = account()
    for _ in range(40):
        books.settle(at(0), books.take(at(0), Quota(), Wanted(0)), 10**12, 2**59)

    assert books.spent(TODAY).day_cost == 2**60


def test_a_quota_is_the_rules_in_whole_numbers() -> None:
    rules = KeyRules(requests_per_minute=1, tokens_per_minute=2, parallel=3, day_tokens=4, month_tokens=5, day_money=0.1, month_money=20.5)

    assert Quota.of(rules) == Quota(1, 2, 3, 4, 5, 100_000_000, 20_500_000_000)
    assert not Quota(requests=1).has_budget and Quota(day_cost=0).has_budget


amounts = st.integers(0, 60)
limits = st.none() | st.integers(0, 100)


@given(
    st.lists(st.tuples(gaps, amounts, amounts, st.booleans()), max_size=60),
    st.builds(Quota, limits, limits, limits, limits, limits, limits, limits),
)
@settings(max_examples=200, deadline=None)
def test_trying_takes_exactly_what_is_not_short_and_changes_nothing_else(steps: list[tuple[int, int, int, bool]], quota: Quota) -> None:
    asked, tried, now = account(), account(), 0
    running: list[tuple[Taken, Taken]] = []
    for gap, tokens, cost, ends in steps:
        now += gap
        moment, wanted = at(now), Wanted(tokens, cost)
        short = asked.shortage(moment, quota, wanted)
        taken = tried.try_take(moment, quota, wanted)
        assert (short is None) == (taken is not None)
        if taken is not None:
            running.append((asked.take(moment, quota, wanted), taken))
        if ends and running:
            first, second = running.pop(0)
            asked.settle(moment, first, tokens // 2, cost // 2)
            tried.settle(moment, second, tokens // 2, cost // 2)
        assert tried.in_flight() == asked.in_flight()
        assert tried.spent(TODAY) == asked.spent(TODAY)
        assert (tried.requests.used(now), tried.tokens.used(now)) == (asked.requests.used(now), asked.tokens.used(now))
