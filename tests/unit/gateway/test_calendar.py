"""Days and months in a time zone, and what tokens cost."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from moorage.gateway.calendar import Calendar
from moorage.gateway.prices import FREE, Price

SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")


def test_a_day_begins_and_ends_where_the_server_is() -> None:
    midnight = datetime(2026, 3, 1, tzinfo=SHANGHAI).timestamp()
    calendar = Calendar(SHANGHAI)

    before, after = calendar.today(midnight - 0.001), calendar.today(midnight)

    assert after.day == before.day + 1 and after.month == before.month + 1
    assert before.day_ends_at == before.month_ends_at == midnight
    assert after.month_ends_at == datetime(2026, 4, 1, tzinfo=SHANGHAI).timestamp()
    assert calendar.today(midnight - 0.001) == before


@pytest.mark.parametrize(("day", "hours"), [((2026, 3, 29), 23), ((2026, 10, 25), 25), ((2026, 12, 31), 24)])
def test_a_day_is_as_long_as_its_zone_makes_it(day: tuple[int, int, int], hours: int) -> None:
    begins = datetime(*day, tzinfo=BERLIN).timestamp()
    calendar = Calendar(BERLIN)

    assert calendar.today(begins).day_ends_at - begins == hours * 3600
    assert calendar.today(begins) == calendar.today(begins + hours * 3600 - 1) != calendar.today(begins + hours * 3600)


def test_costs_are_exact_sums() -> None:
    price = Price(prompt=0.15, completion=2.5)

    assert price.cost_nanos(1_000_000, 0) == 150_000_000
    assert price.cost_nanos(3, 7) == 3 * 150 + 7 * 2500
    assert sum(price.cost_nanos(1, 0) for _ in range(10)) == price.cost_nanos(10, 0)
    assert price.most_nanos(10) >= price.cost_nanos(4, 6) and FREE.most_nanos(10**12) == 0
