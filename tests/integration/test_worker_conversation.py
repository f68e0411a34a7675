"""The worker on conversations: what the subject says, what was written before, and who answered last."""

from helpdesk.tickets import INTERVENTION, REVIEW_QUEUE, Status
from tests.fakes import codes
from tests.shop import Shop


def test_a_number_that_stands_in_the_subject_alone_may_be_in_the_answer(shop: Shop) -> None:
    shop.writer.text = "You can cancel order 81723 until it is packed."
    ticket_id = shop.submit("see subject, thanks", subject="How do I cancel my order #81723?")
    shop.start_worker()
    [ticket] = shop.decided(ticket_id)
    assert ticket.status is Status.ANSWERED
    assert [task.subject for task in shop.writer.tasks] == ["How do I cancel my order #81723?"]


def test_a_customer_who_writes_again_meanwhile_gets_an_answer_to_the_newer_message_only(remote_shop: Shop) -> None:
    ticket_id = remote_shop.considered("please cancel my order")
    remote_shop.desk.add_customer_message(ticket_id, "and quickly", owner=None, decide_within_s=60)
    remote_shop.writer.hold.set()
    remote_shop.relay.run_once()
    remote_shop.decided(ticket_id)
    with remote_shop.store.reading() as tx:
        assert [answer.turn for answer in tx.answers(ticket_id)] == [2]


def test_what_needs_a_person_is_seen_also_when_the_customer_writes_something_harmless_right_after(shop: Shop) -> None:
    ticket_id = shop.submit("My lawyer will sue you, the heater caught fire.")
    shop.desk.add_customer_message(ticket_id, "How do I cancel my order?", owner=None, decide_within_s=60)
    shop.relay.run_once()
    shop.start_worker()
    [ticket] = shop.decided(ticket_id)
    assert (ticket.status, ticket.queue) == (Status.QUEUED, INTERVENTION)
    [[text]] = [texts for texts in shop.predictor.calls if texts]
    assert "lawyer" in text
    assert "cancel my order" in text


def test_after_a_persons_answer_the_next_message_is_decided_alone_and_only_drafted(shop: Shop) -> None:
    ticket_id = shop.submit("nothing-found here? please cancel my order")
    shop.start_worker()
    shop.decided(ticket_id)
    shop.desk.claim(ticket_id, "ada")
    shop.desk.reply(ticket_id, "ada", "There you are.")
    shop.desk.add_customer_message(ticket_id, "please cancel the other", owner=None, decide_within_s=60)
    shop.relay.run_once()
    [ticket] = shop.decided(ticket_id)
    assert shop.predictor.calls[-1] == ["please cancel the other"]
    assert (ticket.status, ticket.queue) == (Status.REVIEW, REVIEW_QUEUE)
    with shop.store.reading() as tx:
        assert codes(tx.decisions(ticket_id)[-1].reasons) == ["person_answered_last"]
        assert [answer.sent for answer in tx.answers(ticket_id)] == [True, False]
