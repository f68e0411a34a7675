"""The policy changes while a worker runs: every decision names the version that made it, and follows from it."""

import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from helpdesk.decisions import DecisionRecord, Outcome
from helpdesk.errors import WriterUnavailable
from helpdesk.policy.book import PolicyOrigin
from helpdesk.policy.rehearsal import Rehearsal
from helpdesk.policy.rules import parse_policy
from helpdesk.ports.decision_log import DecisionFilter
from helpdesk.predictions import Prediction
from helpdesk.tickets import Status
from models.wording import excerpt, wording
from tests.fakes import FakePredictor
from tests.policies import changed_text
from tests.shop import Shop

ANNA = PolicyOrigin(by="anna", reason="a test")
DRAFT_ALL = {"default": "draft", "intents": {}}


def rehearsal(shop: Shop) -> Rehearsal:
    return Rehearsal(shop.store, shop.policies, wording=wording, excerpt=excerpt)


def decisions(shop: Shop) -> list[DecisionRecord]:
    with shop.store.reading() as tx:
        return list(tx.list_decisions(DecisionFilter(), cursor=None, limit=200).decisions)


def test_a_worker_takes_a_new_policy_up_while_it_runs(shop: Shop) -> None:
    shop.start_worker()
    first = shop.submit("please cancel my order")
    assert shop.decided(first)[0].status is Status.ANSWERED
    changed = shop.policies.apply(changed_text(autonomy=DRAFT_ALL), ANNA, against=1).version
    time.sleep(0.1)
    second = shop.submit("please cancel my order")
    assert shop.decided(second)[0].status is Status.REVIEW
    back = shop.policies.roll_back(ANNA).version
    time.sleep(0.1)
    third = shop.submit("please cancel my order")
    assert shop.decided(third)[0].status is Status.ANSWERED
    names = {record.ticket_id: record.policy for record in decisions(shop)}
    assert names == {first: shop.policies.version(1).name, second: changed.name, third: back.name}


def test_a_policy_that_changes_amid_many_tickets_is_never_half_applied(shop: Shop) -> None:
    """Each outcome is the one that the version which it names leads to."""
    shop.start_worker()
    tickets = []
    for number in range(60):
        tickets.append(shop.submit(f"please cancel order {number}"))
        if number % 10 == 5:
            version = shop.policies.newest().number
            autonomy = DRAFT_ALL if version % 2 else {"default": "answer", "intents": {}}
            shop.policies.apply(changed_text(autonomy=autonomy), ANNA, against=version)
            time.sleep(0.06)
    shop.decided(*tickets)
    found = decisions(shop)
    assert len({record.policy for record in found}) > 2
    for record in found:
        even = int((record.policy or "").partition("-")[0]) % 2 == 0
        assert record.outcome is (Outcome.DRAFT if even else Outcome.ANSWER)
        assert rehearsal(shop).replay(record.ticket_id).warning == ""


def test_links_are_checked_by_the_policy_that_decided_though_another_came_while_the_answer_was_written(
    remote_shop: Shop,
) -> None:
    remote_shop.writer.text = "You can cancel an order until it is packed. See https://help.shop.example/articles"
    remote_shop.policies.apply(changed_text(link_hosts=[]), ANNA, against=1)
    ticket_id = remote_shop.considered("please cancel my order")
    remote_shop.policies.apply(changed_text(link_hosts=["nowhere.example"]), ANNA, against=2)
    time.sleep(0.1)
    remote_shop.writer.hold.set()
    remote_shop.decided(ticket_id)
    [record] = decisions(remote_shop)
    assert (record.policy or "").startswith("2-")
    assert "link_not_allowed" not in record.codes


@pytest.mark.parametrize("is_remote", [False, True])
def test_every_recorded_outcome_follows_from_its_own_record(tmp_path: Path, is_remote: bool) -> None:
    """Answers, drafts, routes by every rule, failed checks, later turns, machines that were away: word for word."""
    with closing(Shop(tmp_path, remote_writer=is_remote)) as shop:
        shop.start_worker()
        texts = ["please cancel my order", "unsure what", "far-off", "I am so upset", "nothing-found for this"]
        texts += ["my lawyer will write", "let me talk to a human agent", "> please cancel\n\nno, wait"]
        tickets = [shop.submit(text) for text in texts]
        wavering = shop.submit("It wavers: what about my order?", subject="")
        either_way = shop.submit("Either-way, how do I cancel my order (either-way)?", subject="")
        shop.decided(*tickets, wavering, either_way)
        shop.write_again(wavering, "cancelling it")
        shop.write_again(either_way, "hm?")
        shop.decided(wavering, either_way)
        shop.write_again(tickets[0], "and the other order? my lawyer asks")
        shop.decided(tickets[0])
        shop.write_again(tickets[7], "thank you, please cancel")
        shop.decided(*tickets)
        shop.writer.text = "Your refund of 700 euros was approved."
        tickets.append(shop.submit("please cancel my order, again"))
        shop.decided(tickets[-1])
        shop.writer.text = "You can cancel an order until it is packed."
        shop.policies.apply(changed_text(autonomy=DRAFT_ALL), ANNA, against=1)
        time.sleep(0.1)
        tickets.append(shop.submit("please cancel my order, once more"))
        shop.decided(tickets[-1])
        shop.writer.error = WriterUnavailable("away")
        tickets.append(shop.submit("please cancel my order, now"))
        shop.watchdog(after_s=600).run_once()
        again = rehearsal(shop)
        found = decisions(shop)
        assert {record.outcome for record in found} == set(Outcome)
        assert len(found) >= 15
        for record in found:
            replayed = again.replay(record.ticket_id, turn=record.turn)
            assert (replayed.warning, replayed.unknown) == ("", ""), record
            assert not [row for row in replayed.rows if row.differs]


def test_a_record_that_was_tampered_with_is_found_out(shop: Shop) -> None:
    ticket_id = shop.submit("unsure what")
    shop.start_worker()
    shop.decided(ticket_id)
    with shop.store.transaction() as tx:
        tx._connection.exec_driver_sql("UPDATE decisions SET outcome = 'answer', queue = NULL")
    replayed = rehearsal(shop).replay(ticket_id)
    assert "does not follow" in replayed.warning
    assert "outcome, queue" in replayed.warning


def test_a_run_asks_todays_machines_and_changes_nothing(shop: Shop) -> None:
    ticket_id = shop.submit("unsure what I want to cancel")
    shop.start_worker()
    shop.decided(ticket_id)
    shop.stop_worker()
    with shop.store.reading() as tx:
        before = tx.ticket(ticket_id), tx.events(ticket_id), tx.decisions(ticket_id)
    found = rehearsal(shop).run(ticket_id, predictor=shop.predictor, knowledge=shop.knowledge, passages=3)
    assert found.ran
    assert found.same
    shop.policies.apply(changed_text(confidence_floor=0.1), ANNA, against=1)
    sure = rehearsal(shop).run(ticket_id, predictor=_Sure(), knowledge=shop.knowledge, passages=3)
    changed = {row.what for row in sure.rows if row.differs}
    assert not sure.same
    assert {"policy", "confidence", "outcome", "knowledge", "evidence"} <= changed
    assert "No answer was written" in sure.note
    with shop.store.reading() as tx:
        assert (tx.ticket(ticket_id), tx.events(ticket_id), tx.decisions(ticket_id)) == before


class _Sure(FakePredictor):
    """Today's model, which is sure of what yesterday's was not."""

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        return super().predict([text.replace("unsure", "sure") for text in texts])


def test_what_if_reads_recorded_decisions_of_every_kind(shop: Shop) -> None:
    shop.start_worker()
    texts = ("please cancel my order", "unsure what", "I am so upset", "my lawyer will write", "nothing-found here")
    tickets = [shop.submit(text) for text in texts]
    shop.decided(*tickets)
    draft_all = parse_policy(changed_text(autonomy=DRAFT_ALL), where="a test")
    found = rehearsal(shop).what_if(draft_all, last=100)
    assert (found.total, found.changed, found.became_unknown) == (5, 1, 0)
    assert found.examples[0].ticket_id == tickets[0]
    other_words = parse_policy(changed_text(asks_for_person=["cancel"]), where="a test")
    found = rehearsal(shop).what_if(other_words, last=100)
    assert {example.ticket_id: example.after_queue for example in found.examples} == {tickets[0]: "INTERVENTION"}
    no_lawyers = parse_policy(changed_text(reserved_topics={"safety": ["fire"]}), where="a test")
    found = rehearsal(shop).what_if(no_lawyers, last=100)
    assert (found.changed, found.became_unknown) == (0, 1)
    assert found.examples[0].ticket_id == tickets[3]
    assert rehearsal(shop).what_if(draft_all, last=2).total == 2
