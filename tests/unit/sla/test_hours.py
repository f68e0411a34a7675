"""Business time against a reference that walks through it minute by minute and looks at the wall clock."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpdesk.sla import BusinessHours
from helpdesk.sla.hours import MINUTES_A_DAY, Shift

MINUTE = timedelta(minutes=1)
WEEK_MIN = 7 * MINUTES_A_DAY
LEAD_MIN = 2 * MINUTES_A_DAY
WINDOW_MIN = 5 * MINUTES_A_DAY

ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/St_Johns",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "Africa/Casablanca",
)
CHANGES = (
    datetime(2026, 3, 29, 1, tzinfo=UTC),  # Berlin forward
    datetime(2026, 10, 25, 1, tzinfo=UTC),  # Berlin back
    datetime(2026, 3, 8, 7, tzinfo=UTC),  # New York forward
    datetime(2026, 11, 1, 6, tzinfo=UTC),  # New York back
    datetime(2026, 4, 4, 15, tzinfo=UTC),  # Lord Howe back, by half an hour
    datetime(2026, 10, 3, 15, 30, tzinfo=UTC),  # Lord Howe forward
    datetime(2027, 6, 15, 12, tzinfo=UTC),
)
BERLIN = ZoneInfo("Europe/Berlin")
OFFICE: Sequence[Sequence[Shift]] = [[(540, 1020)]] * 5 + [[], []]
NIGHTS: Sequence[Sequence[Shift]] = [[(22 * 60, 30 * 60)]] * 7
ALWAYS: Sequence[Sequence[Shift]] = [[(0, MINUTES_A_DAY)]] * 7


@st.composite
def weeks(draw: st.DrawFn) -> list[list[Shift]]:
    """Draw shifts that do not overlap, some past midnight and some past the week's end."""
    offset = draw(st.integers(0, MINUTES_A_DAY - 1))
    cuts = sorted(draw(st.sets(st.integers(offset, offset + WEEK_MIN), min_size=2, max_size=20)))
    week: list[list[Shift]] = [[] for _ in range(7)]
    for start, end in zip(cuts[::2], cuts[1::2], strict=False):
        day, minute = divmod(start, MINUTES_A_DAY)
        week[day % 7].append((minute, minute + min(end - start, MINUTES_A_DAY)))
    return week


def open_minutes(zone: ZoneInfo, week: Sequence[Sequence[Shift]], holidays: set[date], first: datetime) -> list[bool]:
    """Return of each minute of the window whether it is business time.

    The furthest time that the wall clock has shown decides: what is shown a second time opens and closes nothing.
    """
    moments = (first + minute * MINUTE for minute in range(-LEAD_MIN, WINDOW_MIN))
    furthest = list(accumulate((moment.astimezone(zone).replace(tzinfo=None) for moment in moments), max))
    return [_is_open(shown, week, holidays) for shown in furthest[LEAD_MIN:]]


def _is_open(shown: datetime, week: Sequence[Sequence[Shift]], holidays: set[date]) -> bool:
    minute = shown.hour * 60 + shown.minute
    for days_ago in (0, 1):
        day = shown.date() - timedelta(days=days_ago)
        passed = minute + days_ago * MINUTES_A_DAY
        if day not in holidays and any(start <= passed < end for start, end in week[day.weekday()]):
            return True
    return False


@settings(max_examples=80, deadline=None)
@given(
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    week=weeks(),
    around=st.sampled_from(CHANGES),
    shift=st.integers(-3 * MINUTES_A_DAY, MINUTES_A_DAY),
    holidays=st.sets(st.integers(-2, 5), max_size=3),
    data=st.data(),
)
def test_it_is_what_a_walk_through_every_minute_finds(
    zone: ZoneInfo, week: list[list[Shift]], around: datetime, shift: int, holidays: set[int], data: st.DataObject
) -> None:
    first = around + shift * MINUTE
    closed = {first.date() + timedelta(days=days) for days in holidays}
    hours = BusinessHours(zone, week, closed)
    minutes = open_minutes(zone, week, closed, first)
    start = data.draw(st.integers(0, WINDOW_MIN), label="start")
    end = data.draw(st.integers(0, WINDOW_MIN), label="end")
    between = hours.between(first + start * MINUTE, first + end * MINUTE)
    assert between == sum(minutes[start:end]) * MINUTE
    opened = [minute for minute in range(start, WINDOW_MIN) if minutes[minute]]
    if opened:
        span = data.draw(st.integers(1, len(opened)), label="span")
        assert hours.add(first + start * MINUTE, span * MINUTE) == first + (opened[span - 1] + 1) * MINUTE


@given(week=weeks(), at=st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)), seconds=st.integers(1, 400_000))
def test_what_was_added_lies_between(week: list[list[Shift]], at: datetime, seconds: int) -> None:
    hours, moment, span = BusinessHours(BERLIN, week), at.replace(tzinfo=UTC), timedelta(seconds=seconds)
    assert hours.between(moment, hours.add(moment, span)) == span


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("week", "start", "hours", "due"),
    [
        pytest.param(OFFICE, "2026-11-20T15:00+01:00", 4, "2026-11-23T11:00+01:00", id="over a weekend"),
        pytest.param(OFFICE, "2026-11-20T15:00+01:00", 2, "2026-11-20T17:00+01:00", id="until closing time"),
        pytest.param(OFFICE, "2026-11-21T12:00+01:00", 1, "2026-11-23T10:00+01:00", id="from a closed day"),
        pytest.param(NIGHTS, "2026-03-28T23:00+01:00", 7, "2026-03-29T23:00+02:00", id="a night shift an hour shorter"),
        pytest.param(NIGHTS, "2026-10-24T23:00+02:00", 8, "2026-10-25T06:00+01:00", id="a night shift an hour longer"),
        pytest.param(ALWAYS, "2026-03-28T23:00+01:00", 24, "2026-03-30T00:00+02:00", id="around the clock"),
    ],
)
def test_due_times_that_can_be_checked_by_hand(
    week: Sequence[Sequence[Shift]], start: str, hours: int, due: str
) -> None:
    assert BusinessHours(BERLIN, week).add(at(start), timedelta(hours=hours)) == at(due)


def test_a_holiday_has_no_shifts_of_its_own_but_the_end_of_the_night_before() -> None:
    hours = BusinessHours(BERLIN, NIGHTS, [date(2026, 12, 25)])
    assert hours.between(at("2026-12-24T12:00+01:00"), at("2026-12-26T12:00+01:00")) == timedelta(hours=8)


def test_no_business_time_passes_backwards() -> None:
    hours = BusinessHours(BERLIN, ALWAYS)
    assert hours.between(at("2026-12-25T12:00+01:00"), at("2026-12-24T12:00+01:00")) == timedelta()
