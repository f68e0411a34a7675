"""The clocks of a ticket: they start at its submission, stand while it waits for its customer, and are watched.

Both functions read nothing but the ticket and the policy, and may be applied any number of times.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from helpdesk.sla.hours import BusinessHours
from helpdesk.sla.policy import Rule, SlaPolicy
from helpdesk.tickets import (
    AWAITS_MACHINE,
    AWAITS_PERSON,
    Author,
    Priority,
    SlaState,
    Status,
    Ticket,
)

RUNS = AWAITS_MACHINE | AWAITS_PERSON | {Status.CLAIMED}
"""Statuses in which we owe the customer something, so that the clock runs."""

_REPLIED_BY = {Status.ANSWERED: Author.MACHINE, Status.REPLIED: Author.AGENT}


class Target(StrEnum):
    """What is promised."""

    FIRST_REPLY = "first_reply"
    RESOLUTION = "resolution"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A target that is about to be missed, or was."""

    target: Target
    state: SlaState
    due_at: datetime

    @property
    def event(self) -> str:
        """Its name in the ticket's history."""
        return f"ticket.sla_{self.state}"

    @property
    def sentence(self) -> str:
        """What happened, for an agent."""
        what = "first reply" if self.target is Target.FIRST_REPLY else "resolution"
        due = f"{self.due_at:%Y-%m-%d %H:%M} UTC"
        if self.state is SlaState.SOON:
            return f"The {what} is due soon: at {due}."
        return f"The deadline of the {what} was missed: it was due at {due}."


class _Clock(NamedTuple):
    """How one target of a ticket stands; ``stopped_at`` is when it was met, or its clock began to stand."""

    target: Target
    state: SlaState
    due_at: datetime | None
    soon_at: datetime | None
    stopped_at: datetime | None

    def alert(self, now: datetime) -> SlaState | None:
        """Return what is to be said of it now."""
        if self.due_at is None or self.state is SlaState.BREACHED:
            return None
        if self.stopped_at is not None:
            return SlaState.BREACHED if self.stopped_at > self.due_at else None
        if now >= self.due_at:
            return SlaState.BREACHED
        near = self.soon_at is not None and now >= self.soon_at
        return SlaState.SOON if near and self.state is SlaState.OK else None

    @property
    def alert_at(self) -> datetime | None:
        """When something will have to be said of it."""
        if self.state is SlaState.BREACHED:
            return None
        if self.stopped_at is not None:
            return self.due_at if self.due_at is not None and self.stopped_at > self.due_at else None
        return self.due_at if self.state is SlaState.SOON else self.soon_at


class _Facts(NamedTuple):
    """What has happened to a ticket, as its clocks need it; the fields are the ticket's own."""

    paused_at: datetime | None
    paused_s: float
    resolved_at: datetime | None
    first_replied_at: datetime | None
    first_replied_by: Author | None
    hurried: bool
    priority: Priority


def timed(ticket: Ticket, policy: SlaPolicy) -> Ticket:
    """Return the ticket with its clocks as its status, queue and priority have them."""
    rule, hours = policy.rule_for(ticket)
    facts = _facts(ticket, hours)
    return replace(ticket, **facts._asdict(), **_columns(_clocks(ticket, facts, rule, hours)))  # type: ignore[arg-type]


def alerted(ticket: Ticket, policy: SlaPolicy, now: datetime) -> tuple[Ticket, list[Alert]]:
    """Return the ticket after what is to be said of its deadlines now, and that."""
    rule, hours = policy.rule_for(ticket)
    facts = _facts(ticket, hours)
    clocks = _clocks(ticket, facts, rule, hours)
    alerts = [
        Alert(target=clock.target, state=state, due_at=clock.due_at)
        for clock in clocks
        if (state := clock.alert(now)) is not None and clock.due_at is not None
    ]
    if alerts and rule.raise_priority and ticket.status in AWAITS_PERSON and ticket.priority is Priority.NORMAL:
        facts = facts._replace(priority=Priority.HIGH, hurried=True)
    said = {alert.target: alert.state for alert in alerts}
    clocks = [clock._replace(state=said.get(clock.target, clock.state)) for clock in clocks]
    return replace(ticket, **facts._asdict(), **_columns(clocks)), alerts  # type: ignore[arg-type]


def _facts(ticket: Ticket, hours: BusinessHours) -> _Facts:
    replied_at, replied_by = ticket.first_replied_at, ticket.first_replied_by
    if ticket.status in RUNS:
        paused_s = ticket.paused_s
        if ticket.paused_at is not None:
            paused_s += hours.between(ticket.paused_at, ticket.updated_at).total_seconds()
        return _Facts(None, paused_s, None, replied_at, replied_by, ticket.hurried, ticket.priority)
    if replied_at is None and ticket.status in _REPLIED_BY:
        replied_at, replied_by = ticket.updated_at, _REPLIED_BY[ticket.status]
    resolved_at = ticket.resolved_at
    if ticket.status is Status.RESOLVED:
        resolved_at = resolved_at or ticket.updated_at
    # That it went ahead holds until the customer was answered.
    priority = Priority.NORMAL if ticket.hurried else ticket.priority
    paused_at = ticket.paused_at or ticket.updated_at
    return _Facts(paused_at, ticket.paused_s, resolved_at, replied_at, replied_by, False, priority)


def _clocks(ticket: Ticket, facts: _Facts, rule: Rule, hours: BusinessHours) -> list[_Clock]:
    """Return the clock of each target; a target that was met, or whose clock stands, keeps the due time it has."""

    def clock(
        target: Target, promised: timedelta, due_at: datetime | None, state: SlaState, met_at: datetime | None
    ) -> _Clock:
        stopped_at = met_at or facts.paused_at
        if stopped_at is not None:
            return _Clock(target, state, due_at, None, stopped_at)
        moved_to = hours.add(ticket.created_at, promised + pause)
        soon_at = hours.add(ticket.created_at, promised * rule.soon_after + pause)
        if state is SlaState.SOON and moved_to != due_at and soon_at > ticket.updated_at:
            state = SlaState.OK
        return _Clock(target, state, moved_to, soon_at, None)

    pause = timedelta(seconds=facts.paused_s)
    return [
        clock(
            Target.FIRST_REPLY,
            rule.first_reply,
            ticket.first_reply_due_at,
            ticket.first_reply_sla,
            facts.first_replied_at,
        ),
        clock(Target.RESOLUTION, rule.resolution, ticket.resolution_due_at, ticket.resolution_sla, None),
    ]


def _columns(clocks: list[_Clock]) -> dict[str, object]:
    """Return the ticket's fields that follow from its clocks."""
    first, resolution = clocks
    running = [clock for clock in clocks if clock.stopped_at is None]
    missed = [clock for clock in clocks if clock.state is SlaState.BREACHED]
    near = [clock for clock in running if clock.state is SlaState.SOON]
    return {
        "due_at": min((clock.due_at for clock in running if clock.due_at is not None), default=None),
        "sla": SlaState.BREACHED if missed else SlaState.SOON if near else SlaState.OK,
        "first_reply_due_at": first.due_at,
        "first_reply_sla": first.state,
        "resolution_due_at": resolution.due_at,
        "resolution_sla": resolution.state,
        "alert_at": min((at for clock in clocks if (at := clock.alert_at) is not None), default=None),
    }
