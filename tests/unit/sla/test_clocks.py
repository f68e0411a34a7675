"""A ticket's clocks: when they start, stand, run on and end, and what is said of them."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from helpdesk.sla import SlaPolicy, Target, alerted, load_sla_policy, timed
from helpdesk.tickets import Author, Priority, SlaState, Status, Ticket
from tests.factories import NOON, make_ticket

HOUR = timedelta(hours=1)
POLICY = """
version: 1
calendars: {always: {time_zone: UTC, hours: always}}
rules:
  - {queues: [INTERVENTION], calendar: always, first_reply: 1h, resolution: 2h}
  - {priority: high, calendar: always, first_reply: 2h, resolution: 4h}
  - {calendar: always, first_reply: 4h, resolution: 12h, raise_priority: true}
"""


@pytest.fixture
def policy(tmp_path: Path) -> SlaPolicy:
    path = tmp_path / "sla.yaml"
    path.write_text(POLICY, encoding="utf-8")
    return load_sla_policy(path)


class Life:
    """A ticket that goes through what a test tells, with its clocks wound at each step."""

    def __init__(self, policy: SlaPolicy, **values: Any) -> None:
        self.policy = policy
        self.ticket: Ticket = timed(make_ticket(**values), policy)
        self.said: list[tuple[Target, SlaState]] = []

    def becomes(self, status: Status, *, at: datetime, **changes: Any) -> "Life":
        self.ticket = timed(replace(self.ticket, status=status, updated_at=at, **changes), self.policy)
        return self

    def watched(self, at: datetime) -> "Life":
        self.ticket, alerts = alerted(self.ticket, self.policy, at)
        self.ticket = timed(self.ticket, self.policy)
        self.said += [(alert.target, alert.state) for alert in alerts]
        return self


def test_the_clocks_start_at_submission(policy: SlaPolicy) -> None:
    ticket = Life(policy).ticket
    assert (ticket.first_reply_due_at, ticket.resolution_due_at) == (NOON + 4 * HOUR, NOON + 12 * HOUR)
    assert (ticket.due_at, ticket.alert_at, ticket.sla) == (NOON + 4 * HOUR, NOON + 3 * HOUR, SlaState.OK)


def test_winding_again_changes_nothing(policy: SlaPolicy) -> None:
    life = Life(policy).becomes(Status.QUEUED, at=NOON + HOUR, queue="REFUND").watched(NOON + 3 * HOUR)
    assert timed(life.ticket, policy) == life.ticket
    assert life.watched(NOON + 3 * HOUR).said == [(Target.FIRST_REPLY, SlaState.SOON)]


@pytest.mark.parametrize(("status", "author"), [(Status.ANSWERED, Author.MACHINE), (Status.REPLIED, Author.AGENT)])
def test_a_first_reply_is_the_machines_or_a_persons(policy: SlaPolicy, status: Status, author: Author) -> None:
    ticket = Life(policy).becomes(status, at=NOON + HOUR).ticket
    assert (ticket.first_replied_at, ticket.first_replied_by) == (NOON + HOUR, author)
    assert (ticket.due_at, ticket.alert_at, ticket.paused_at) == (None, None, NOON + HOUR)


def test_the_clock_stands_while_the_ticket_waits_for_its_customer(policy: SlaPolicy) -> None:
    life = Life(policy).becomes(Status.ANSWERED, at=NOON + HOUR).becomes(Status.REOPENED, at=NOON + 25 * HOUR)
    assert life.ticket.paused_s == 24 * 3600
    assert life.ticket.due_at == life.ticket.resolution_due_at == NOON + 36 * HOUR
    assert (life.ticket.first_reply_due_at, life.ticket.first_replied_at) == (NOON + 4 * HOUR, NOON + HOUR)


def test_resolving_ends_both_and_a_further_message_opens_again(policy: SlaPolicy) -> None:
    life = Life(policy).becomes(Status.REPLIED, at=NOON + HOUR).becomes(Status.RESOLVED, at=NOON + 2 * HOUR)
    assert (life.ticket.resolved_at, life.ticket.paused_at) == (NOON + 2 * HOUR, NOON + HOUR)
    life.becomes(Status.REOPENED, at=NOON + 5 * HOUR)
    assert (life.ticket.resolved_at, life.ticket.due_at) == (None, NOON + 16 * HOUR)


@pytest.mark.parametrize(
    ("changes", "first", "resolution"),
    [
        ({"queue": "INTERVENTION"}, 1, 2),
        ({"queue": "REFUND", "priority": Priority.HIGH}, 2, 4),
        ({"queue": "ORDER"}, 4, 12),
    ],
)
def test_another_queue_or_priority_has_other_deadlines(
    policy: SlaPolicy, changes: dict[str, Any], first: int, resolution: int
) -> None:
    ticket = Life(policy).becomes(Status.QUEUED, at=NOON + HOUR / 2, **changes).ticket
    assert (ticket.first_reply_due_at, ticket.resolution_due_at) == (NOON + first * HOUR, NOON + resolution * HOUR)


def test_of_each_target_it_is_said_once_that_it_comes_near_and_once_that_it_was_missed(policy: SlaPolicy) -> None:
    life = Life(policy).becomes(Status.CLAIMED, at=NOON, queue="REFUND")
    for quarter_hours in range(64):
        life.watched(NOON + quarter_hours * HOUR / 4)
    assert life.said == [
        (Target.FIRST_REPLY, SlaState.SOON),
        (Target.FIRST_REPLY, SlaState.BREACHED),
        (Target.RESOLUTION, SlaState.SOON),
        (Target.RESOLUTION, SlaState.BREACHED),
    ]
    assert life.ticket.sla is SlaState.BREACHED
    assert life.ticket.alert_at is None


def test_what_was_missed_while_nobody_watched_is_not_said_to_come_near(policy: SlaPolicy) -> None:
    assert Life(policy).watched(NOON + 5 * HOUR).said == [(Target.FIRST_REPLY, SlaState.BREACHED)]


def test_a_late_reply_that_came_before_the_watch_looked_is_a_miss(policy: SlaPolicy) -> None:
    life = Life(policy).becomes(Status.ANSWERED, at=NOON + 4 * HOUR + timedelta(seconds=1))
    assert life.ticket.alert_at == NOON + 4 * HOUR
    assert life.watched(NOON + 5 * HOUR).said == [(Target.FIRST_REPLY, SlaState.BREACHED)]
    assert life.ticket.alert_at is None


def test_a_reply_in_time_silences_what_came_near(policy: SlaPolicy) -> None:
    life = Life(policy).becomes(Status.CLAIMED, at=NOON).watched(NOON + 3 * HOUR)
    assert life.ticket.sla is SlaState.SOON
    life.becomes(Status.REPLIED, at=NOON + 3.5 * HOUR).watched(NOON + 99 * HOUR)
    assert (life.ticket.sla, life.said) == (SlaState.OK, [(Target.FIRST_REPLY, SlaState.SOON)])


def test_it_is_not_said_again_after_a_pause(policy: SlaPolicy) -> None:
    life = Life(policy).becomes(Status.REPLIED, at=NOON).becomes(Status.REOPENED, at=NOON).watched(NOON + 9 * HOUR)
    assert life.said == [(Target.RESOLUTION, SlaState.SOON)]
    life.becomes(Status.REPLIED, at=NOON + 10 * HOUR).becomes(Status.REOPENED, at=NOON + 50 * HOUR)
    assert life.watched(NOON + 51 * HOUR).said == [(Target.RESOLUTION, SlaState.SOON)]
    assert life.ticket.sla is SlaState.SOON
    assert life.watched(NOON + 52 * HOUR).said[1:] == [(Target.RESOLUTION, SlaState.BREACHED)]


def test_a_transfer_to_a_queue_with_more_time_takes_the_warning_back_but_not_a_miss(policy: SlaPolicy) -> None:
    near = Life(policy).becomes(Status.QUEUED, at=NOON, queue="INTERVENTION").watched(NOON + HOUR * 0.8)
    assert near.ticket.sla is SlaState.SOON
    assert near.becomes(Status.QUEUED, at=NOON + HOUR * 0.9, queue="ORDER").ticket.sla is SlaState.OK
    missed = Life(policy).becomes(Status.QUEUED, at=NOON, queue="INTERVENTION").watched(NOON + HOUR)
    assert missed.becomes(Status.QUEUED, at=NOON + 1.1 * HOUR, queue="ORDER").ticket.sla is SlaState.BREACHED


def test_a_ticket_whose_deadline_comes_near_goes_ahead_until_it_is_answered(policy: SlaPolicy) -> None:
    life = Life(policy).becomes(Status.QUEUED, at=NOON, queue="ORDER").watched(NOON + 3 * HOUR)
    assert (life.ticket.priority, life.ticket.hurried, life.ticket.due_at) == (Priority.HIGH, True, NOON + 4 * HOUR)
    life.becomes(Status.REPLIED, at=NOON + 3.5 * HOUR)
    assert (life.ticket.priority, life.ticket.hurried) == (Priority.NORMAL, False)


@pytest.mark.parametrize("status", [Status.RECEIVED, Status.CLAIMED])
def test_only_a_ticket_that_waits_for_a_person_goes_ahead(policy: SlaPolicy, status: Status) -> None:
    assert Life(policy).becomes(status, at=NOON).watched(NOON + 3 * HOUR).ticket.priority is Priority.NORMAL


def test_every_status_either_lets_the_clock_run_or_stand(policy: SlaPolicy) -> None:
    for status in Status:
        ticket = Life(policy).becomes(status, at=NOON).ticket
        assert (ticket.due_at is None) is (ticket.paused_at is not None)
