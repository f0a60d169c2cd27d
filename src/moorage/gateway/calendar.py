"""Which day and month it is, and when they end, in the server's time zone: budgets begin anew with them."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, tzinfo

from moorage.gateway.limits import Today


class Calendar:
    """The days of a time zone, the machine's when None. Cheap within a day."""

    def __init__(self, zone: tzinfo | None = None) -> None:
        self._zone = zone
        self._begins_at = 0.0
        self._today: Today | None = None

    def today(self, wall: float) -> Today:
        """The day that holds this time (seconds since 1970)."""
        found = self._today
        if found is None or not self._begins_at <= wall < found.day_ends_at:
            found = self._read(self.date(wall))
        return found

    def date(self, wall: float) -> date:
        """The date of this time."""
        return datetime.fromtimestamp(wall, self._zone).date()

    def _read(self, day: date) -> Today:
        after = day.replace(day=28) + timedelta(days=4)
        month_ends = after.replace(day=1)
        today = Today(day.toordinal(), day.year * 12 + day.month, self._midnight(day + timedelta(days=1)), self._midnight(month_ends))
        self._begins_at, self._today = self._midnight(day), today
        return today

    def _midnight(self, day: date) -> float:
        return datetime.combine(day, time(), self._zone).timestamp()
