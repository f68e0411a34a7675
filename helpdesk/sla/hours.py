"""Business time: the hours in which people work, and what lies so many of them ahead, or between two moments.

A shift runs from the first moment at which the wall clock shows its start or has passed it, to the first at which it
shows its end or has passed it; where the clock changes meanwhile, it is longer or shorter, as those who work it know.
It belongs to the day on which it starts, also where it runs past midnight: a holiday has no shifts of its own.
"""

from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

MINUTES_A_DAY = 1440
_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)

Shift = tuple[int, int]
"""From and to, in minutes since midnight of the day on which it starts; it lasts at most a day."""


class BusinessHours:
    """A week of shifts in a time zone, without those of holidays.

    Args:
        week: the shifts of each weekday, Monday first; none overlaps another, and there is at least one.
    """

    def __init__(self, zone: ZoneInfo, week: Sequence[Sequence[Shift]], holidays: Collection[date] = ()) -> None:
        self._zone = zone
        self._week = [sorted(shifts) for shifts in week]
        self._holidays = frozenset(holidays)
        self._by_day: dict[date, list[tuple[datetime, datetime]]] = {}

    def add(self, moment: datetime, span: timedelta) -> datetime:
        """Return when ``span`` of business time has passed since ``moment``, in UTC.

        An end at closing time is that moment, not the next opening.
        """
        for opening, closing in self._shifts_from(moment):
            begin = max(opening, moment)
            if closing - begin >= span:
                return begin + span
            span -= closing - begin
        raise AssertionError("weeks go on for ever")

    def between(self, start: datetime, end: datetime) -> timedelta:
        """Return the business time from ``start`` to ``end``; none where ``end`` is not later."""
        total = timedelta()
        for opening, closing in self._shifts_from(start):
            if opening >= end:
                break
            total += max(min(closing, end) - max(opening, start), timedelta())
        return total

    def _shifts_from(self, moment: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Yield the shifts that end after ``moment``, in their order; yesterday's may not have ended."""
        day = moment.astimezone(self._zone).date() - _DAY
        while True:
            shifts = self._by_day.get(day)
            if shifts is None:
                shifts = self._by_day[day] = self._shifts_of(day)
            for shift in shifts:
                if shift[1] > moment:
                    yield shift
            day += _DAY

    def _shifts_of(self, day: date) -> list[tuple[datetime, datetime]]:
        if day in self._holidays:
            return []
        return [(self._reached(day, start), self._reached(day, end)) for start, end in self._week[day.weekday()]]

    def _reached(self, day: date, minute: int) -> datetime:
        """Return the first moment at which the wall clock shows this minute, or has jumped over it."""
        wall = datetime.combine(day, time()) + minute * _MINUTE
        moment = wall.replace(tzinfo=self._zone).astimezone(UTC)
        if self._wall(moment) == wall:
            return moment
        earliest = wall.replace(tzinfo=self._zone, fold=1).astimezone(UTC)
        minutes = range((moment - earliest) // _MINUTE + 1)
        return earliest + _MINUTE * bisect_left(minutes, wall, key=lambda later: self._wall(earliest + later * _MINUTE))

    def _wall(self, moment: datetime) -> datetime:
        return moment.astimezone(self._zone).replace(tzinfo=None)
