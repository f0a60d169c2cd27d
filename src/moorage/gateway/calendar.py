"""Which day and month it is, and when they end, in the server's time zone: budgets begin anew with them."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, tzinfo

from moorage.gateway.limits import Today


class Calendar:
    """The days of a time zone, the machine's when None. Cheap within a day."""

    def __init__(self, zone: tzinfo | None = None) -> None:
        self._zone = zone
        self._known: tuple[float, Today, str] | None = None  # one value, so that threads never see half of it

    def today(self, wall: float) -> Today:
        """The day that holds this time (seconds since 1970)."""
        known = self._known
        return known[1] if known and known[0] <= wall < known[1].day_ends_at else self._day(wall)[1]

    def date_text(self, wall: float) -> str:
        """The date of this time as ``2026-01-31``."""
        return self._day(wall)[2]

    def date(self, wall: float) -> date:
        """The date of this time."""
        return datetime.fromtimestamp(wall, self._zone).date()

    def _day(self, wall: float) -> tuple[float, Today, str]:
        known = self._known
        if known and known[0] <= wall < known[1].day_ends_at:
            return known
        day = self.date(wall)
        next_month = (day.replace(day=28) + timedelta(days=4)).replace(day=1)
        ends = self._midnight(day + timedelta(days=1))
        today = Today(day.toordinal(), day.year * 12 + day.month, ends, self._midnight(next_month))
        self._known = known = self._midnight(day), today, day.isoformat()
        return known

    def _midnight(self, day: date) -> float:
        return datetime.combine(day, time(), self._zone).timestamp()
