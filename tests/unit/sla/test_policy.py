"""The SLA policy file: which rule counts, and what is said where it does not fit."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import get_args

import pytest

from helpdesk.errors import InvalidData
from helpdesk.settings import SlaSettings
from helpdesk.sla import SlaPolicy, load_sla_policy
from helpdesk.sla.policy import Tier
from helpdesk.tickets import Priority
from tests.factories import make_ticket
from ticket_api.requests import CustomerTier

SHIPPED = SlaSettings().policy_file
GOOD = """
version: 3
calendars:
  office:
    time_zone: Europe/Berlin
    hours: {mon: ["09:00-12:00", "13:00-17:30"], sat: ["22:00-06:00"]}
    holidays: [2026-12-25]
rules:
  - {queues: [REFUND, INVOICE], priority: high, calendar: office, first_reply: 30min, resolution: 1h 30min}
  - {tiers: [premium], calendar: office, first_reply: 1h, resolution: 2h, raise_priority: true}
  - {calendar: office, first_reply: 4h, resolution: 8h, soon_after: 0.5}
"""

Load = Callable[..., SlaPolicy]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def load(text: str = GOOD, *replaced: tuple[str, str], holidays: str | None = None) -> SlaPolicy:
        for old, new in replaced:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "sla.yaml"
        path.write_text(text, encoding="utf-8")
        if holidays is not None:
            (tmp_path / "days.txt").write_text(holidays, encoding="utf-8")
        return load_sla_policy(path)

    return load


def test_the_file_that_ships_fits() -> None:
    assert load_sla_policy(SHIPPED).version == 1


@pytest.mark.parametrize(
    ("queue", "priority", "tier", "minutes"),
    [
        ("REFUND", Priority.HIGH, "premium", 30),
        ("REFUND", Priority.NORMAL, "premium", 60),
        ("ORDER", Priority.HIGH, "standard", 240),
        (None, Priority.HIGH, "free", 240),
    ],
)
def test_the_first_rule_that_fits_counts(
    load: Load, queue: str | None, priority: Priority, tier: str, minutes: int
) -> None:
    rule, _ = load().rule_for(make_ticket(queue=queue, priority=priority, customer_tier=tier))
    assert rule.first_reply == timedelta(minutes=minutes)


def test_a_priority_that_was_raised_because_a_deadline_came_near_brings_no_other_deadline(load: Load) -> None:
    hurried = make_ticket(queue="REFUND", priority=Priority.HIGH, hurried=True)
    assert load().rule_for(hurried)[0].first_reply == timedelta(hours=4)


def test_customer_tiers_are_those_that_a_portal_may_send() -> None:
    assert get_args(Tier) == get_args(CustomerTier)


def test_holidays_may_stand_in_a_file_of_their_own_which_belongs_to_the_version(load: Load) -> None:
    named = ("    holidays: [2026-12-25]", "    holidays: [2026-12-25]\n    holidays_file: days.txt")
    policy = load(GOOD, named, holidays="# closed\n2027-01-01  New Year\n\n2027-05-01\n")
    assert policy.calendars["office"].holidays == {date(2026, 12, 25), date(2027, 1, 1), date(2027, 5, 1)}
    again = load(GOOD, named, holidays="2027-01-01\n")
    assert again.name != policy.name


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "Europe/Berlin",
            "Europe/Belrin",
            "calendars.office.time_zone: 'Europe/Belrin': no such time zone; write a name",
        ),
        ('"09:00-12:00"', '"9-12"', "calendars.office.hours.mon.0: '9-12': no hours of a day; write them in quotes"),
        ('"09:00-12:00"', '"09:00-24:30"', "'09:00-24:30': no hours of a day; a shift ends at 24:00"),
        ('"09:00-12:00"', '"09:00-13:30"', "hours.mon: the shift from 13:00 begins before the one before it has ended"),
        ("{mon: [", '{sun: ["22:00-09:30"], mon: [', "hours.mon: the shift from 09:00 begins before"),
        (
            'sat: ["22:00-06:00"]',
            'sat: ["22:00-06:00"], sun: ["05:00-06:00"]',
            "hours.sun: the shift from 05:00 begins",
        ),
        (
            '{mon: ["09:00-12:00", "13:00-17:30"], sat: ["22:00-06:00"]}',
            "{}",
            "calendars.office: the week has no open hour",
        ),
        ('{mon: ["09:00-12:00", "13:00-17:30"], sat: ["22:00-06:00"]}', "never", "'never': no week; write the hours"),
        ("mon:", "monday:", "calendars.office.hours.monday"),
        ("2026-12-25", "2026-13-25", "calendars.office.holidays.0: '2026-13-25'"),
        ("30min", "30 minuts", "rules.0.first_reply: '30 minuts': no length of time; write hours and minutes as 30min"),
        ("first_reply: 1h,", "first_reply: 3h,", "rules.1: resolution is due before first_reply"),
        ("REFUND", "REFUNDS", "rules.0.queues.0: 'REFUNDS': no human queue; there are: ORDER"),
        ("priority: high", "priority: urgent", "rules.0.priority: 'urgent': Input should be 'high' or 'normal'"),
        ("[premium]", "[gold]", "rules.1.tiers.0: 'gold': Input should be 'free', 'standard'"),
        (
            "calendar: office, first_reply: 4h",
            "calendar: home, first_reply: 4h",
            "there is no calendar 'home'; there are: office",
        ),
        ("{tiers: [premium], ", "{", "rules.1 fits every ticket, so that no later rule counts; move it to the end"),
        (
            "{calendar: office, first_reply: 4h",
            "{tiers: [free], calendar: office, first_reply: 4h",
            "the last of the rules must",
        ),
        ("soon_after: 0.5", "soon_after: 2", "rules.2.soon_after: '2': Input should be less than 1"),
        ("version: 3", "version: 3\nsurprise: 1", "surprise: '1': Extra inputs are not permitted"),
    ],
)
def test_what_does_not_fit_is_said_with_its_place_its_value_and_what_to_do(
    load: Load, tmp_path: Path, old: str, new: str, said: str
) -> None:
    with pytest.raises(InvalidData) as refused:
        load(GOOD, (old, new))
    assert str(tmp_path / "sla.yaml") in str(refused.value)
    assert said in str(refused.value)
    assert "helpdesk sla check" in str(refused.value)


@pytest.mark.parametrize("text", ["- a\n- list", "a: [", "42"])
def test_a_file_that_is_no_policy_is_refused(load: Load, text: str) -> None:
    with pytest.raises(InvalidData, match=r"sla\.yaml"):
        load(text)


def test_a_line_of_holidays_that_is_no_date_is_named(load: Load) -> None:
    named = ("holidays: [2026-12-25]", "holidays_file: days.txt")
    with pytest.raises(InvalidData, match=r"days\.txt: line 2: 'Christmas' is no date"):
        load(GOOD, named, holidays="2026-12-24\nChristmas\n")
    with pytest.raises(InvalidData, match=r"no-such\.txt"):
        load(GOOD, ("holidays: [2026-12-25]", "holidays_file: no-such.txt"))
