"""The transition table: what is legal, what never is, and that every ticket can reach its end."""

from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from helpdesk.errors import IllegalTransition
from helpdesk.tickets import (
    AWAITS_CUSTOMER,
    AWAITS_MACHINE,
    AWAITS_PERSON,
    CATEGORY_QUEUES,
    CLOSED,
    HUMAN_QUEUES,
    TRANSITIONS,
    Action,
    Status,
    next_status,
)
from tests.factories import NOON, make_ticket

MACHINE_ACTIONS = frozenset({Action.START, Action.ANSWER, Action.ASK, Action.DRAFT, Action.ROUTE, Action.FAIL})


def test_every_status_belongs_to_exactly_one_group() -> None:
    groups = [AWAITS_MACHINE, AWAITS_CUSTOMER, AWAITS_PERSON, CLOSED, frozenset({Status.CLAIMED})]
    assert frozenset().union(*groups) == frozenset(Status)
    assert sum(map(len, groups)) == len(Status)


def test_every_action_is_legal_somewhere() -> None:
    assert {action for _, action in TRANSITIONS} == set(Action)


@pytest.mark.parametrize("status", list(Status))
def test_every_ticket_can_reach_an_answer_from_where_it_stands(status: Status) -> None:
    reachable, frontier = {status}, {status}
    while frontier:
        frontier = {target for (source, _), target in TRANSITIONS.items() if source in frontier} - reachable
        reachable |= frontier
    assert reachable >= {Status.ANSWERED, Status.REPLIED, Status.RESOLVED}


@pytest.mark.parametrize("status", sorted({*AWAITS_CUSTOMER, *AWAITS_PERSON, Status.CLAIMED, *CLOSED}))
@pytest.mark.parametrize("action", sorted(MACHINE_ACTIONS))
def test_the_machine_decides_nothing_that_it_does_not_owe(status: Status, action: Action) -> None:
    with pytest.raises(IllegalTransition):
        next_status(status, action)


@pytest.mark.parametrize("status", list(Status))
def test_a_customer_may_always_write_and_no_message_takes_a_ticket_from_a_person(status: Status) -> None:
    target = next_status(status, Action.CUSTOMER_MESSAGE)
    assert target is (Status.REOPENED if status in CLOSED | AWAITS_CUSTOMER else status)


@pytest.mark.parametrize("action", [Action.REPLY, Action.RELEASE, Action.TRANSFER])
def test_only_who_holds_a_ticket_can_reply_release_or_transfer(action: Action) -> None:
    assert {source for source, taken in TRANSITIONS if taken is action} == {Status.CLAIMED}


def test_only_what_failed_can_be_replayed() -> None:
    assert {source for source, action in TRANSITIONS if action is Action.REPLAY} == {Status.FAILED}


def test_a_refusal_names_what_would_be_legal() -> None:
    with pytest.raises(IllegalTransition, match=r"resolved allows no reply; it allows: customer_message, reopen\."):
        next_status(Status.RESOLVED, Action.REPLY)


def test_a_step_raises_the_version_and_keeps_the_ticket_it_came_from() -> None:
    before = make_ticket()
    later = NOON + timedelta(seconds=5)
    after = before.after(Action.ROUTE, at=later, queue="REFUND")
    assert (after.status, after.version, after.updated_at, after.queue) == (Status.QUEUED, 2, later, "REFUND")
    assert (before.status, before.version, before.queue) == (Status.RECEIVED, 1, None)
    assert after.created_at == before.created_at


def test_there_is_a_human_queue_for_every_category_and_three_more() -> None:
    assert (*CATEGORY_QUEUES, "INTERVENTION", "REVIEW", "GENERAL") == HUMAN_QUEUES
    assert len(set(HUMAN_QUEUES)) == 14


class AnyoneDoesAnything(RuleBasedStateMachine):
    """Throws every action at a ticket, in any order, and watches what the table lets through."""

    def __init__(self) -> None:
        super().__init__()
        self.ticket = make_ticket()
        self.steps = 0
        self.taken = False
        """Whether a person has taken the ticket since the machine last owed a decision on it."""

    @rule(action=st.sampled_from(Action))
    def act(self, action: Action) -> None:
        before = self.ticket
        try:
            after = before.after(action, at=before.updated_at + timedelta(seconds=1))
        except IllegalTransition:
            assert (before.status, action) not in TRANSITIONS
            return
        assert after.status is TRANSITIONS[before.status, action]
        assert not (self.taken and action in MACHINE_ACTIONS)
        self.ticket, self.steps = after, self.steps + 1
        if action is Action.CLAIM:
            self.taken = True
        elif action in {Action.REPLAY, Action.CUSTOMER_MESSAGE} and after.status in AWAITS_MACHINE:
            self.taken = False

    @invariant()
    def each_legal_step_is_one_version(self) -> None:
        assert self.ticket.version == 1 + self.steps

    @invariant()
    def somebody_owes_the_next_step_or_the_customer_has_an_answer(self) -> None:
        status = self.ticket.status
        people = [status in AWAITS_PERSON, status is Status.CLAIMED]
        owed = [status in AWAITS_MACHINE, status in AWAITS_CUSTOMER, *people, status in CLOSED]
        assert owed.count(True) == 1

    @invariant()
    def what_a_person_took_no_longer_awaits_the_machine(self) -> None:
        assert not (self.taken and self.ticket.status in AWAITS_MACHINE)


TestAnyoneDoesAnything = AnyoneDoesAnything.TestCase
TestAnyoneDoesAnything.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
