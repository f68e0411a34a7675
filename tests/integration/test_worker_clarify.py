"""The worker asks one question back, waits for the reply, and goes on in the same ticket."""

from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import REGISTRY

from helpdesk.decisions import Outcome
from helpdesk.messages import TicketRouted, decode
from helpdesk.ports.broker import human
from helpdesk.tickets import Action, Author, Status
from helpdesk.voice import Voice
from tests.fakes import codes
from tests.shop import Shop

WAVERS = "It wavers: what about my order?"
EITHER_WAY = "Either-way, how do I cancel my order (either-way)?"
CHOICE = "Did you order as a guest, or with an account?"


def asked(shop: Shop, text: str = WAVERS) -> str:
    ticket_id = shop.submit(text, subject="")
    shop.start_worker()
    [ticket] = shop.decided(ticket_id)
    assert ticket.status is Status.ASKED
    return ticket_id


def counted(outcome: str) -> float:
    return REGISTRY.get_sample_value("helpdesk_clarified_decisions_total", {"outcome": outcome}) or 0.0


def test_a_question_is_sent_as_an_answer_is_and_the_ticket_waits_for_its_customer(shop: Shop) -> None:
    shop.voice = Voice(salutation={"en": "Hello,"}, sign_off={"en": "Your team"})
    ticket_id = asked(shop)
    ticket = shop.ticket(ticket_id)
    assert (ticket.queue, ticket.entry_id, ticket.claimed_by) == (None, None, None)
    assert timedelta(hours=71) < ticket.deadline_at - datetime.now(UTC) < timedelta(hours=73)
    with shop.store.reading() as tx:
        [answer], [decision] = tx.answers(ticket_id), tx.decisions(ticket_id)
        first, question = tx.conversations([ticket_id])[ticket_id]
        step = tx.events(ticket_id)[-1]
    assert question.text.startswith("Hello,\n\nIs your question about cancelling an order, or about changing an order?")
    assert question.text.endswith("Your team")
    assert (first.is_question, question.is_question, question.author) == (False, True, Author.MACHINE)
    assert (answer.text, answer.sent, answer.is_question, answer.citations) == (question.text, True, True, ())
    assert (decision.outcome, codes(decision.reasons)) == (Outcome.ASK, ["asks_which_intent"])
    assert decision.versions["writer"] == "policy"
    assert decision.versions["prompt"] == decision.versions["policy"]
    assert decision.versions["voice"] == shop.voice.version
    assert (step.action, step.status, step.reason) == (Action.ASK, Status.ASKED, decision.reasons[0].text)
    assert shop.writer.tasks == []


def test_the_reply_goes_on_in_the_same_ticket_with_all_that_was_said_before(shop: Shop) -> None:
    ticket_id, before = asked(shop), counted("answer")
    shop.write_again(ticket_id, "cancelling it")
    [ticket] = shop.decided(ticket_id)
    assert (ticket.status, ticket.turn) == (Status.ANSWERED, 2)
    assert shop.predictor.calls[-1] == [f"{WAVERS} cancelling it"]
    [task] = shop.writer.tasks
    assert [message.author for message in task.conversation] == [Author.CUSTOMER, Author.MACHINE, Author.CUSTOMER]
    with shop.store.reading() as tx:
        assert [answer.is_question for answer in tx.answers(ticket_id)] == [True, False]
        assert [decision.outcome for decision in tx.decisions(ticket_id)] == [Outcome.ASK, Outcome.ANSWER]
    shop.wait_until(lambda: counted("answer") == before + 1)


def test_after_one_question_there_is_no_second(shop: Shop) -> None:
    ticket_id = asked(shop)
    shop.write_again(ticket_id, "TB-20418835")
    [ticket] = shop.decided(ticket_id)
    assert (ticket.status, ticket.queue) == (Status.QUEUED, "ORDER")
    shop.relay.run_once()
    with closing(shop.broker.consumer([human("ORDER")], prefetch=1)) as consumer:
        [entry] = consumer.receive(1, wait_s=5)
    message = decode(entry.envelope.body)
    assert isinstance(message, TicketRouted)
    assert message.text.startswith(f"{WAVERS}\n\nIs your question about")
    assert message.text.endswith("\n\nTB-20418835")


@pytest.mark.parametrize(
    ("reply", "status", "source"),
    [
        ("as a guest", Status.ANSWERED, "cancel-as-guest"),
        ("with my account", Status.ANSWERED, "cancel-before-dispatch"),
        ("yes", Status.QUEUED, None),
    ],
)
def test_the_reply_chooses_between_two_articles(shop: Shop, reply: str, status: Status, source: str | None) -> None:
    ticket_id = asked(shop, EITHER_WAY)
    shop.write_again(ticket_id, reply)
    [ticket] = shop.decided(ticket_id)
    assert ticket.status is status
    with shop.store.reading() as tx:
        question, *answers = tx.answers(ticket_id)
        assert codes(tx.decisions(ticket_id)[-1].reasons) == (
            ["confident_and_grounded"] if source else ["reply_unclear"]
        )
    assert question.text == CHOICE
    assert [answer.citations[0].article_id for answer in answers] == ([source] if source else [])


def test_without_a_reply_a_person_gets_the_ticket_with_the_reason(shop: Shop) -> None:
    ticket_id = asked(shop)
    assert shop.watchdog(after_s=71 * 3600).run_once().questions_unanswered == 0
    watchdog = shop.watchdog(after_s=73 * 3600)
    assert watchdog.run_once().questions_unanswered == 1
    assert watchdog.run_once().questions_unanswered == 0
    ticket = shop.ticket(ticket_id)
    assert (ticket.status, ticket.queue) == (Status.QUEUED, "ORDER")
    assert "has not answered our question" in ticket.queue_reason
    shop.relay.run_once()
    assert shop.broker.depths()[human("ORDER")] == 1
    with shop.store.reading() as tx:
        assert len(tx.decisions(ticket_id)) == 1


def test_a_reply_in_time_is_not_taken_for_silence(shop: Shop) -> None:
    ticket_id = asked(shop)
    shop.stop_worker()
    shop.desk.add_customer_message(ticket_id, "cancelling it", owner=None, decide_within_s=60)
    assert shop.ticket(ticket_id).status is Status.REOPENED
    assert shop.watchdog().run_once().questions_unanswered == 0


def test_what_a_person_took_meanwhile_gets_the_question_as_a_draft_only(shop: Shop) -> None:
    def claim_first(texts: object) -> None:
        shop.predictor.before = lambda texts: None
        shop.desk.claim(ticket_id, "ada")

    def drafts() -> list[tuple[bool, bool]]:
        with shop.store.reading() as tx:
            return [(answer.sent, answer.is_question) for answer in tx.answers(ticket_id)]

    ticket_id = shop.submit(WAVERS)
    shop.predictor.before = claim_first
    shop.start_worker()
    shop.wait_until(lambda: drafts() == [(False, True)])
    ticket = shop.ticket(ticket_id)
    assert (ticket.status, ticket.claimed_by) == (Status.CLAIMED, "ada")
    with shop.store.reading() as tx:
        assert len(tx.conversations([ticket_id])[ticket_id]) == 1


def test_a_ticket_that_a_person_had_before_is_not_asked(shop: Shop) -> None:
    ticket_id = shop.submit("unsure what this is")
    shop.start_worker()
    shop.decided(ticket_id)
    shop.desk.claim(ticket_id, "ada")
    shop.desk.resolve(ticket_id, "ada")
    shop.write_again(ticket_id, WAVERS)
    [ticket] = shop.decided(ticket_id)
    assert ticket.status is Status.QUEUED


def test_a_remote_writer_is_not_asked_for_a_question(remote_shop: Shop) -> None:
    remote_shop.writer.hold.clear()
    asked(remote_shop)
    assert not remote_shop.writer.entered.is_set()
