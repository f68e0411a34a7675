"""What an agent does with a ticket in hand: release, transfer, reply, resolve, reopen."""

import pytest

from helpdesk.errors import (
    IllegalTransition,
    NotClaimed,
)
from helpdesk.messages import TicketRouted
from helpdesk.tickets import Action, Author, Status
from tests.desk_shop import LEASE_S, DeskShop
from tests.factories import NOON, make_answer


def test_a_released_ticket_keeps_its_place_and_tells_why(shop: DeskShop) -> None:
    ticket_id = shop.claimed()
    shop.wait(60)
    released = shop.desk.release(ticket_id, "maria", note="Needs Spanish.")
    assert (released.status, released.queue, released.queued_at) == (Status.QUEUED, "REFUND", NOON)
    assert released.queue_reason == "Needs Spanish."
    assert shop.history(ticket_id)[-1] == (Action.RELEASE, "maria", "Needs Spanish.")
    shop.relay()
    assert shop.waiting_in_broker() == 1


def test_a_draft_stays_with_the_ticket_when_the_customer_writes_again_and_names_its_turn(shop: DeskShop) -> None:
    ticket_id = shop.claimed()
    with shop.store.transaction() as tx:
        tx.add_answers([make_answer(tx.ticket(ticket_id), sent=False, text="A draft.")])
    shop.desk.add_customer_message(ticket_id, "P.S.", owner=None, decide_within_s=120)
    shop.desk.release(ticket_id, "maria")
    (entry,) = shop.unsent()
    assert isinstance(entry, TicketRouted)
    assert (entry.turn, entry.draft, entry.draft_turn) == (2, "A draft.", 1)


def test_a_draft_that_an_answer_has_overtaken_is_not_offered_again(shop: DeskShop) -> None:
    ticket_id = shop.claimed()
    with shop.store.transaction() as tx:
        tx.add_answers([make_answer(tx.ticket(ticket_id), sent=False, text="A draft.")])
    shop.desk.reply(ticket_id, "maria", "My own words.")
    shop.desk.reopen(ticket_id, "maria")
    (entry,) = shop.unsent()
    assert isinstance(entry, TicketRouted)
    assert (entry.draft, entry.draft_turn) == (None, None)


def test_a_transferred_ticket_waits_anew_in_the_other_queue(shop: DeskShop) -> None:
    ticket_id = shop.claimed()
    shop.wait(60)
    moved = shop.desk.transfer(ticket_id, "maria", queue="PAYMENT")
    assert (moved.queue, moved.queued_at, moved.queue_reason) == (
        "PAYMENT",
        shop.now,
        "maria moved it from REFUND.",
    )
    shop.relay()
    assert (shop.waiting_in_broker("REFUND"), shop.waiting_in_broker("PAYMENT")) == (0, 1)
    assert shop.desk.claim_next("PAYMENT", "omar").ticket_id == ticket_id


def test_a_reply_is_an_answer_and_a_message_and_ends_the_claim(shop: DeskShop) -> None:
    ticket_id = shop.claimed()
    replied = shop.desk.reply(ticket_id, "maria", "It is on its way.")
    assert (replied.status, replied.claimed_by, replied.claimed_until) == (Status.REPLIED, None, None)
    with shop.store.reading() as tx:
        (answer,) = tx.answers(ticket_id)
        last = tx.conversations([ticket_id])[ticket_id][-1]
    assert (answer.author, answer.author_name, answer.text, answer.sent) == (
        Author.AGENT,
        "maria",
        "It is on its way.",
        True,
    )
    assert (last.author, last.author_name, last.text) == (Author.AGENT, "maria", "It is on its way.")


def test_a_repeated_reply_is_refused_and_not_sent_twice(shop: DeskShop) -> None:
    ticket_id = shop.claimed()
    shop.desk.reply(ticket_id, "maria", "It is on its way.")
    with pytest.raises(NotClaimed):
        shop.desk.reply(ticket_id, "maria", "It is on its way.")
    with shop.store.reading() as tx:
        assert len(tx.answers(ticket_id)) == 1


def test_a_reply_can_resolve_in_the_same_step(shop: DeskShop) -> None:
    ticket_id = shop.claimed()
    assert shop.desk.reply(ticket_id, "maria", "Done.", resolve=True).status is Status.RESOLVED
    assert [action for action, _, _ in shop.history(ticket_id)][-2:] == [Action.REPLY, Action.RESOLVE]


@pytest.mark.parametrize("verb", ["release", "transfer", "reply", "resolve"])
def test_only_the_holder_may_act_and_only_within_the_lease(shop: DeskShop, verb: str) -> None:
    def act(agent: str) -> None:
        match verb:
            case "transfer":
                shop.desk.transfer(ticket_id, agent, queue="PAYMENT")
            case "reply":
                shop.desk.reply(ticket_id, agent, "Hello.")
            case _:
                getattr(shop.desk, verb)(ticket_id, agent)

    ticket_id = shop.claimed()
    before = shop.ticket(ticket_id)
    with pytest.raises(NotClaimed, match="not claimed by omar"):
        act("omar")
    shop.wait(LEASE_S)
    with pytest.raises(NotClaimed, match="ran out"):
        act("maria")
    assert shop.ticket(ticket_id) == before


def test_an_answered_ticket_can_be_resolved_and_a_waiting_one_cannot(shop: DeskShop) -> None:
    assert shop.desk.resolve(shop.answered(), "maria").status is Status.RESOLVED
    with pytest.raises(IllegalTransition):
        shop.desk.resolve(shop.queued(), "maria")


def test_a_reopened_ticket_waits_for_a_person_again(shop: DeskShop) -> None:
    ticket_id = shop.answered()
    reopened = shop.desk.reopen(ticket_id, "maria", note="The link is dead.")
    assert (reopened.status, reopened.queue, reopened.queue_reason) == (
        Status.QUEUED,
        "GENERAL",
        "The link is dead.",
    )
    with pytest.raises(IllegalTransition):
        shop.desk.reopen(ticket_id, "maria")
