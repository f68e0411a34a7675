"""What the customer does after the ticket was accepted: writes again, rates the answer."""

from datetime import datetime, timedelta

import pytest
from prometheus_client import REGISTRY

from helpdesk.errors import (
    IllegalTransition,
    TicketNotFound,
)
from helpdesk.messages import TicketSubmitted
from helpdesk.tickets import Status
from tests.desk_shop import DeskShop


@pytest.fixture(params=["answered", "asked", "replied", "resolved"])
def closed(request: pytest.FixtureRequest, shop: DeskShop) -> str:
    if request.param == "answered":
        return shop.answered()
    if request.param == "asked":
        return shop.asked()
    ticket_id = shop.claimed()
    shop.desk.reply(ticket_id, "maria", "Done.", resolve=request.param == "resolved")
    return ticket_id


def test_a_closed_ticket_or_one_that_was_asked_back_is_decided_again_in_a_new_turn_with_a_new_deadline(
    shop: DeskShop, closed: str
) -> None:
    shop.relay()
    shop.wait(3600)
    changed = shop.desk.add_customer_message(closed, "Still missing!", owner="shop", decide_within_s=120).ticket
    assert (changed.status, changed.turn) == (Status.REOPENED, 2)
    assert changed.deadline_at == shop.now + timedelta(seconds=120)
    (submission,) = shop.unsent()
    assert isinstance(submission, TicketSubmitted)
    assert (submission.ticket_id, submission.turn) == (closed, 2)


def test_a_ticket_that_awaits_the_machine_is_decided_again_by_the_same_deadline(shop: DeskShop) -> None:
    ticket_id = shop.submitted()
    deadline: datetime = shop.ticket(ticket_id).deadline_at
    shop.wait(30)
    changed = shop.desk.add_customer_message(ticket_id, "P.S.", owner="shop", decide_within_s=120).ticket
    assert (changed.status, changed.turn, changed.deadline_at) == (Status.RECEIVED, 2, deadline)
    assert [message.turn for message in shop.unsent()] == [1, 2]


@pytest.mark.parametrize("claimed", [False, True])
def test_a_ticket_that_a_person_has_stays_with_that_person(shop: DeskShop, claimed: bool) -> None:
    ticket_id = shop.queued()
    if claimed:
        shop.desk.claim(ticket_id, "maria")
    before = shop.ticket(ticket_id)
    changed = shop.desk.add_customer_message(ticket_id, "P.S.", owner=None, decide_within_s=120).ticket
    assert (changed.status, changed.claimed_by, changed.entry_id) == (
        before.status,
        before.claimed_by,
        before.entry_id,
    )
    assert shop.unsent() == []
    with shop.store.reading() as tx:
        assert [message.text for message in tx.conversations([ticket_id])[ticket_id]][-1] == "P.S."


def test_another_portal_cannot_write_or_rate(shop: DeskShop) -> None:
    ticket_id = shop.answered()
    with pytest.raises(TicketNotFound):
        shop.desk.add_customer_message(ticket_id, "Hello.", owner="stranger", decide_within_s=120)
    with pytest.raises(TicketNotFound):
        shop.desk.add_feedback(ticket_id, owner="stranger", score=1, comment="")
    with shop.store.reading() as tx:
        assert len(tx.conversations([ticket_id])[ticket_id]) == 1


def test_feedback_is_stored_with_its_turn_and_its_place_in_the_history(shop: DeskShop) -> None:
    ticket_id = shop.answered()
    shop.desk.add_feedback(ticket_id, owner="shop", score=2, comment="Too slow.")
    with shop.store.reading() as tx:
        (feedback,) = tx.feedback(ticket_id)
        step = tx.events(ticket_id)[-1]
    assert (feedback.turn, feedback.score, feedback.comment) == (1, 2, "Too slow.")
    assert (step.reason, dict(step.details)) == ("feedback", {"score": 2, "rated": "answer"})


def test_a_rating_of_a_question_is_told_from_that_of_an_answer(shop: DeskShop) -> None:
    def counted() -> float:
        return REGISTRY.get_sample_value("helpdesk_ratings_total", {"rated": "question", "score": "1"}) or 0.0

    before, ticket_id = counted(), shop.asked()
    shop.desk.add_feedback(ticket_id, owner="shop", score=1, comment="I said so already.")
    with shop.store.reading() as tx:
        assert dict(tx.events(ticket_id)[-1].details) == {"score": 1, "rated": "question"}
    assert counted() == before + 1


def test_a_person_may_take_a_ticket_that_waits_for_its_customer_and_then_keeps_it(shop: DeskShop) -> None:
    ticket_id = shop.asked()
    claimed = shop.desk.claim(ticket_id, "maria")
    assert (claimed.status, claimed.claimed_by) == (Status.CLAIMED, "maria")
    changed = shop.desk.add_customer_message(ticket_id, "TB-20418835", owner="shop", decide_within_s=120).ticket
    assert (changed.status, changed.claimed_by) == (Status.CLAIMED, "maria")


def test_what_has_no_answer_cannot_be_rated(shop: DeskShop) -> None:
    with pytest.raises(IllegalTransition, match="no answer yet"):
        shop.desk.add_feedback(shop.queued(), owner="shop", score=5, comment="")
