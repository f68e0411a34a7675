"""The desk: what people do with tickets, and that a ticket has one owner whichever way it is taken."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

import relay.outbox
from helpdesk.adapters.broker_embedded import EmbeddedBroker
from helpdesk.adapters.broker_rabbitmq import RabbitMqBroker
from helpdesk.adapters.store_sql import SqlStore
from helpdesk.desk import BROKER_CONSUMER, Desk, enqueue
from helpdesk.errors import (
    AlreadyClaimed,
    IllegalTransition,
    NotClaimed,
    QueueEmpty,
    QueueNotFound,
    TicketNotFound,
    VersionConflict,
)
from helpdesk.messages import TicketRouted, TicketSubmitted, decode
from helpdesk.ports.broker import Broker, Delivery, human
from helpdesk.settings import BrokerSettings, StoreSettings
from helpdesk.tickets import Action, Author, Priority, Status, Ticket
from tests.factories import NOON, make_answer, make_submission
from tests.rabbitmq import Brokers
from tests.servers import free_port

LEASE_S = 900.0


class Shop:
    """A desk with the store, the broker and the clock behind it."""

    def __init__(self, store: SqlStore, broker: Broker) -> None:
        self.store, self.broker, self.now = store, broker, NOON
        self.desk = Desk(store, broker, claim_lease_s=LEASE_S, clock=lambda: self.now)

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def submitted(self, *, text: str = "Where is my refund?", priority: Priority = Priority.NORMAL) -> str:
        submission = make_submission(text=text, priority=priority, created_at=self.now)
        with self.store.transaction() as tx:
            tx.add_submissions([submission])
        return submission.ticket.ticket_id

    def queued(self, queue: str = "REFUND", *, priority: Priority = Priority.NORMAL, relayed: bool = True) -> str:
        ticket_id = self.submitted(priority=priority)
        with self.store.transaction() as tx:
            enqueue(
                tx,
                tx.ticket(ticket_id),
                Action.ROUTE,
                queue=queue,
                reason="No article fits.",
                at=self.now,
                actor=Author.MACHINE,
                name="worker",
            )
        if relayed:
            self.relay()
        return ticket_id

    def answered(self) -> str:
        ticket_id = self.submitted()
        with self.store.transaction() as tx:
            ticket = tx.ticket(ticket_id).after(Action.ANSWER, at=self.now)
            tx.save([ticket])
            tx.add_answers([make_answer(ticket)])
        return ticket_id

    def relay(self) -> None:
        with closing(relay.outbox.Relay(self.store, self.broker, confirm_timeout_s=10)) as running:
            while running.run_once()[0]:
                pass

    def ticket(self, ticket_id: str) -> Ticket:
        with self.store.reading() as tx:
            return tx.tickets([ticket_id])[ticket_id]

    def history(self, ticket_id: str) -> list[tuple[Action | None, str, str]]:
        with self.store.reading() as tx:
            return [(step.action, step.actor_name, step.reason) for step in tx.events(ticket_id)]

    def waiting_in_broker(self, queue: str = "REFUND") -> int:
        return self.broker.depths()[human(queue)]

    def unsent(self) -> list[TicketSubmitted | TicketRouted]:
        with self.store.reading() as tx:
            return [decode(row.envelope.body) for row in tx.outbox(limit=100)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    with closing(SqlStore(f"sqlite:///{tmp_path / 'helpdesk.db'}", StoreSettings())) as store:
        store.migrate()
        yield store


@pytest.fixture
def shop(store: SqlStore, tmp_path: Path) -> Iterator[Shop]:
    with closing(EmbeddedBroker(tmp_path / "helpdesk.db", BrokerSettings())) as broker:
        broker.declare()
        yield Shop(store, broker)


@pytest.fixture(params=["embedded", pytest.param("rabbitmq", marks=pytest.mark.rabbitmq)])
def any_shop(request: pytest.FixtureRequest, store: SqlStore) -> Iterator[Shop]:
    """A shop on each broker."""
    if request.param == "embedded":
        yield request.getfixturevalue("shop")
        return
    with Brokers(request.getfixturevalue("rabbitmq_url")) as brokers:
        broker = brokers.open()
        broker.declare()
        yield Shop(store, broker)


class BrokerAgent:
    """A person's own program, which takes tickets from the broker's queue."""

    def __init__(self, shop: Shop, queue: str = "REFUND") -> None:
        self._consumer = shop.broker.consumer([human(queue)], prefetch=1)

    def take(self, *, wait_s: float = 5.0) -> tuple[Delivery, TicketRouted] | None:
        received = self._consumer.receive(1, wait_s=wait_s)
        if not received:
            return None
        message = decode(received[0].envelope.body)
        assert isinstance(message, TicketRouted)
        return received[0], message

    def close(self) -> None:
        self._consumer.close()


@pytest.fixture
def broker_agent(any_shop: Shop) -> Iterator[BrokerAgent]:
    with closing(BrokerAgent(any_shop)) as agent:
        yield agent


class TestOneOwner:
    """Whichever way a ticket is taken, nobody else gets it. On both brokers."""

    def test_a_ticket_claimed_over_http_is_gone_from_the_broker_queue(self, any_shop: Shop) -> None:
        ticket_id = any_shop.queued()
        other = any_shop.queued()
        assert any_shop.waiting_in_broker() == 2
        claimed = any_shop.desk.claim(ticket_id, "maria")
        assert (claimed.status, claimed.claimed_by) == (Status.CLAIMED, "maria")
        assert claimed.claimed_until == NOON + timedelta(seconds=LEASE_S)
        assert any_shop.waiting_in_broker() == 1
        with closing(BrokerAgent(any_shop)) as agent:
            taken = agent.take()
            assert taken is not None
            assert taken[1].ticket_id == other
            assert agent.take(wait_s=0.3) is None

    def test_a_ticket_taken_from_the_broker_cannot_be_claimed_over_http(
        self, any_shop: Shop, broker_agent: BrokerAgent
    ) -> None:
        ticket_id = any_shop.queued()
        taken = broker_agent.take()
        assert taken is not None
        with pytest.raises(AlreadyClaimed, match="taken from queue REFUND of the broker"):
            any_shop.desk.claim(ticket_id, "maria")
        assert any_shop.ticket(ticket_id).claimed_by == BROKER_CONSUMER
        with pytest.raises(AlreadyClaimed):
            any_shop.desk.claim(ticket_id, "omar")
        with pytest.raises(QueueEmpty):
            any_shop.desk.claim_next("REFUND", "omar")

    def test_who_took_the_message_claims_the_ticket_by_its_entry_id(
        self, any_shop: Shop, broker_agent: BrokerAgent
    ) -> None:
        ticket_id = any_shop.queued()
        taken = broker_agent.take()
        assert taken is not None
        delivery, message = taken
        claimed = any_shop.desk.claim(ticket_id, "omar", entry_id=message.entry_id)
        assert claimed.claimed_by == "omar"
        assert delivery.ack()
        with pytest.raises(AlreadyClaimed):
            any_shop.desk.claim(ticket_id, "maria")
        assert any_shop.desk.reply(ticket_id, "omar", "Here it is.").status is Status.REPLIED

    def test_who_took_the_message_still_gets_the_ticket_after_somebody_tried_over_http(
        self, any_shop: Shop, broker_agent: BrokerAgent
    ) -> None:
        ticket_id = any_shop.queued()
        taken = broker_agent.take()
        assert taken is not None
        with pytest.raises(AlreadyClaimed):
            any_shop.desk.claim(ticket_id, "maria")
        assert any_shop.desk.claim(ticket_id, "omar", entry_id=taken[1].entry_id).claimed_by == "omar"

    def test_a_second_bearer_of_the_same_entry_id_gets_nothing(self, any_shop: Shop, broker_agent: BrokerAgent) -> None:
        ticket_id = any_shop.queued()
        taken = broker_agent.take()
        assert taken is not None
        any_shop.desk.claim(ticket_id, "omar", entry_id=taken[1].entry_id)
        with pytest.raises(AlreadyClaimed, match="no longer in force"):
            any_shop.desk.claim(ticket_id, "maria", entry_id=taken[1].entry_id)

    def test_an_entry_id_that_was_guessed_or_is_out_of_force_claims_nothing(
        self, any_shop: Shop, broker_agent: BrokerAgent
    ) -> None:
        ticket_id = any_shop.queued()
        with pytest.raises(AlreadyClaimed, match="no longer in force"):
            any_shop.desk.claim(ticket_id, "omar", entry_id="0" * 32)
        taken = broker_agent.take()
        assert taken is not None
        any_shop.desk.claim(ticket_id, "omar", entry_id=taken[1].entry_id)
        any_shop.desk.release(ticket_id, "omar")
        with pytest.raises(AlreadyClaimed, match="no longer in force"):
            any_shop.desk.claim(ticket_id, "omar", entry_id=taken[1].entry_id)

    def test_a_claim_before_the_relay_sent_the_entry_leaves_nothing_for_the_broker(self, any_shop: Shop) -> None:
        ticket_id = any_shop.queued(relayed=False)
        any_shop.desk.claim(ticket_id, "maria")
        assert not any(isinstance(message, TicketRouted) for message in any_shop.unsent())
        any_shop.relay()
        assert any_shop.waiting_in_broker() == 0

    def test_a_claim_while_the_relay_sends_the_entry_takes_the_copy_back(
        self, any_shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ticket_id = any_shop.queued(relayed=False)
        # The relay passes its fail-point after it has published, and before it deletes what was confirmed.
        monkeypatch.setattr(relay.outbox, "failpoint", lambda _: any_shop.desk.claim(ticket_id, "maria"))
        any_shop.relay()
        assert any_shop.ticket(ticket_id).claimed_by == "maria"
        assert any_shop.waiting_in_broker() == 0

    def test_of_many_who_claim_one_ticket_at_once_one_gets_it(self, any_shop: Shop) -> None:
        ticket_id = any_shop.queued()
        start = threading.Barrier(8)

        def claim(agent: str) -> str | None:
            start.wait()
            try:
                return any_shop.desk.claim(ticket_id, agent).claimed_by
            except AlreadyClaimed:
                return None

        with ThreadPoolExecutor(8) as threads:
            owners = [owner for owner in threads.map(claim, (f"agent-{n}" for n in range(8))) if owner]
        assert owners == [any_shop.ticket(ticket_id).claimed_by]

    def test_of_many_who_empty_a_queue_at_once_over_both_ways_nobody_shares_a_ticket(self, any_shop: Shop) -> None:
        tickets = {any_shop.queued() for _ in range(12)}
        owners: list[tuple[str, str]] = []
        start = threading.Barrier(4)

        def over_http(agent: str) -> None:
            start.wait()
            while True:
                try:
                    owners.append((any_shop.desk.claim_next("REFUND", agent).ticket_id, agent))
                except QueueEmpty:
                    return

        def over_the_broker(name: str) -> None:
            with closing(BrokerAgent(any_shop)) as agent:
                start.wait()
                while (taken := agent.take(wait_s=1.0)) is not None:
                    delivery, message = taken
                    try:
                        any_shop.desk.claim(message.ticket_id, name, entry_id=message.entry_id)
                        owners.append((message.ticket_id, name))
                    except AlreadyClaimed:
                        pass
                    delivery.ack()

        threads = [threading.Thread(target=over_http, args=(f"http-{n}",)) for n in range(2)]
        threads += [threading.Thread(target=over_the_broker, args=(f"amqp-{n}",)) for n in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(ticket for ticket, _ in owners) == sorted(tickets)
        assert {ticket: any_shop.ticket(ticket).claimed_by for ticket in tickets} == dict(owners)

    def test_a_ticket_comes_back_to_the_broker_queue_when_the_claim_runs_out(self, any_shop: Shop) -> None:
        ticket_id = any_shop.queued()
        any_shop.desk.claim(ticket_id, "maria")
        any_shop.wait(LEASE_S + 1)
        assert any_shop.desk.return_expired_claim(ticket_id) is not None
        any_shop.relay()
        with closing(BrokerAgent(any_shop)) as agent:
            taken = agent.take()
        assert taken is not None
        assert taken[1].ticket_id == ticket_id

    def test_between_the_steps_of_an_http_claim_the_bearer_of_the_message_wins(
        self, any_shop: Shop, broker_agent: BrokerAgent, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ticket_id = any_shop.queued()
        taken = broker_agent.take()
        assert taken is not None
        withdraw = any_shop.broker.withdraw

        def claimed_meanwhile(destination: str, message_id: str) -> bool:
            any_shop.desk.claim(ticket_id, "omar", entry_id=taken[1].entry_id)
            return withdraw(destination, message_id)

        monkeypatch.setattr(any_shop.broker, "withdraw", claimed_meanwhile)
        with pytest.raises(AlreadyClaimed):
            any_shop.desk.claim(ticket_id, "maria")
        assert any_shop.ticket(ticket_id).claimed_by == "omar"

    def test_two_requests_of_one_agent_at_once_do_not_lose_the_ticket(
        self, any_shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ticket_id = any_shop.queued()
        withdraw = any_shop.broker.withdraw

        def clicked_twice(destination: str, message_id: str) -> bool:
            monkeypatch.setattr(any_shop.broker, "withdraw", withdraw)
            any_shop.desk.claim(ticket_id, "maria")
            return withdraw(destination, message_id)

        monkeypatch.setattr(any_shop.broker, "withdraw", clicked_twice)
        assert any_shop.desk.claim(ticket_id, "maria").claimed_by == "maria"
        assert any_shop.desk.reply(ticket_id, "maria", "Done.").status is Status.REPLIED


class TestClaims:
    def test_the_holder_renews_the_claim_by_claiming_again(self, shop: Shop) -> None:
        ticket_id = shop.queued()
        shop.desk.claim(ticket_id, "maria")
        shop.wait(LEASE_S - 1)
        renewed = shop.desk.claim(ticket_id, "maria")
        assert renewed.claimed_until == shop.now + timedelta(seconds=LEASE_S)
        assert [action for action, _, _ in shop.history(ticket_id)].count(Action.CLAIM) == 1

    def test_nobody_else_gets_it_before_the_lease_is_over_and_anybody_after(self, shop: Shop) -> None:
        ticket_id = shop.queued()
        shop.desk.claim(ticket_id, "maria")
        shop.wait(LEASE_S - 1)
        with pytest.raises(AlreadyClaimed, match="is with maria"):
            shop.desk.claim(ticket_id, "omar")
        shop.wait(1)
        assert shop.desk.claim(ticket_id, "omar").claimed_by == "omar"
        assert shop.history(ticket_id)[-1] == (Action.CLAIM, "omar", "taken over from maria")
        with pytest.raises(NotClaimed):
            shop.desk.reply(ticket_id, "maria", "Too late.")

    def test_a_claim_that_ran_out_returns_by_itself_to_its_place_in_the_queue(self, shop: Shop) -> None:
        first = shop.queued()
        shop.wait(1)
        shop.queued()
        entry_id = shop.ticket(first).entry_id
        shop.desk.claim(first, "maria")
        assert shop.desk.return_expired_claim(first) is None
        shop.wait(LEASE_S)
        returned = shop.desk.return_expired_claim(first)
        assert returned is not None
        assert (returned.status, returned.claimed_by, returned.queued_at) == (Status.QUEUED, None, NOON)
        assert returned.entry_id not in {None, entry_id}
        assert shop.history(first)[-1] == (Action.EXPIRE, "watchdog", "The claim by maria ran out.")
        assert shop.desk.claim_next("REFUND", "omar").ticket_id == first

    def test_the_queue_gives_high_priority_first_then_the_longest_waiting(self, shop: Shop) -> None:
        old = shop.queued()
        shop.wait(1)
        new = shop.queued()
        shop.wait(1)
        urgent = shop.queued(priority=Priority.HIGH)
        order = [shop.desk.claim_next("REFUND", "maria").ticket_id for _ in range(3)]
        assert order == [urgent, old, new]
        with pytest.raises(QueueEmpty):
            shop.desk.claim_next("REFUND", "maria")

    def test_a_queue_of_another_name_does_not_exist(self, shop: Shop) -> None:
        with pytest.raises(QueueNotFound, match="REFUND"):
            shop.desk.claim_next("refund", "maria")
        ticket_id = shop.queued()
        shop.desk.claim(ticket_id, "maria")
        with pytest.raises(QueueNotFound):
            shop.desk.transfer(ticket_id, "maria", queue="BASEMENT")

    def test_a_closed_ticket_cannot_be_claimed(self, shop: Shop) -> None:
        with pytest.raises(IllegalTransition):
            shop.desk.claim(shop.answered(), "maria")

    def test_a_ticket_of_an_unknown_id_does_not_exist(self, shop: Shop) -> None:
        with pytest.raises(TicketNotFound):
            shop.desk.claim("0" * 32, "maria")

    def test_the_machine_cannot_send_once_a_person_has_the_ticket(self, shop: Shop) -> None:
        ticket_id = shop.submitted()
        considered = shop.ticket(ticket_id)
        shop.desk.claim(ticket_id, "maria")
        with pytest.raises(VersionConflict), shop.store.transaction() as tx:
            tx.save([considered.after(Action.ANSWER, at=shop.now)])
        assert shop.ticket(ticket_id).claimed_by == "maria"

    def test_while_the_broker_is_away_a_claim_holds_and_the_message_is_void_afterwards(
        self, store: SqlStore, shop: Shop
    ) -> None:
        ticket_id = shop.queued()
        url = f"amqp://guest:guest@127.0.0.1:{free_port()}/%2F"
        with closing(RabbitMqBroker(url, BrokerSettings(confirm_timeout_s=1, blocked_timeout_s=1))) as away:
            desk = Desk(store, away, claim_lease_s=LEASE_S, clock=lambda: shop.now)
            assert desk.claim(ticket_id, "maria").claimed_by == "maria"
        with closing(BrokerAgent(shop)) as agent:
            taken = agent.take()
            assert taken is not None
            with pytest.raises(AlreadyClaimed):
                shop.desk.claim(ticket_id, "omar", entry_id=taken[1].entry_id)


class TestWorkOfAgents:
    def test_a_released_ticket_keeps_its_place_and_tells_why(self, shop: Shop) -> None:
        ticket_id = shop.queued()
        shop.desk.claim(ticket_id, "maria")
        shop.wait(60)
        released = shop.desk.release(ticket_id, "maria", note="Needs Spanish.")
        assert (released.status, released.queue, released.queued_at) == (Status.QUEUED, "REFUND", NOON)
        assert released.queue_reason == "Needs Spanish."
        assert shop.history(ticket_id)[-1] == (Action.RELEASE, "maria", "Needs Spanish.")
        shop.relay()
        assert shop.waiting_in_broker() == 1

    def test_a_transferred_ticket_waits_anew_in_the_other_queue(self, shop: Shop) -> None:
        ticket_id = shop.queued()
        shop.desk.claim(ticket_id, "maria")
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

    def test_a_reply_is_an_answer_and_a_message_and_ends_the_claim(self, shop: Shop) -> None:
        ticket_id = shop.queued()
        shop.desk.claim(ticket_id, "maria")
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

    def test_a_repeated_reply_is_refused_and_not_sent_twice(self, shop: Shop) -> None:
        ticket_id = shop.queued()
        shop.desk.claim(ticket_id, "maria")
        shop.desk.reply(ticket_id, "maria", "It is on its way.")
        with pytest.raises(NotClaimed):
            shop.desk.reply(ticket_id, "maria", "It is on its way.")
        with shop.store.reading() as tx:
            assert len(tx.answers(ticket_id)) == 1

    def test_a_reply_can_resolve_in_the_same_step(self, shop: Shop) -> None:
        ticket_id = shop.queued()
        shop.desk.claim(ticket_id, "maria")
        assert shop.desk.reply(ticket_id, "maria", "Done.", resolve=True).status is Status.RESOLVED
        assert [action for action, _, _ in shop.history(ticket_id)][-2:] == [Action.REPLY, Action.RESOLVE]

    @pytest.mark.parametrize("verb", ["release", "transfer", "reply", "resolve"])
    def test_only_the_holder_may_act_and_only_within_the_lease(self, shop: Shop, verb: str) -> None:
        def act(agent: str) -> None:
            match verb:
                case "transfer":
                    shop.desk.transfer(ticket_id, agent, queue="PAYMENT")
                case "reply":
                    shop.desk.reply(ticket_id, agent, "Hello.")
                case _:
                    getattr(shop.desk, verb)(ticket_id, agent)

        ticket_id = shop.queued()
        shop.desk.claim(ticket_id, "maria")
        before = shop.ticket(ticket_id)
        with pytest.raises(NotClaimed, match="not claimed by omar"):
            act("omar")
        shop.wait(LEASE_S)
        with pytest.raises(NotClaimed, match="ran out"):
            act("maria")
        assert shop.ticket(ticket_id) == before

    def test_an_answered_ticket_can_be_resolved_and_a_waiting_one_cannot(self, shop: Shop) -> None:
        assert shop.desk.resolve(shop.answered(), "maria").status is Status.RESOLVED
        with pytest.raises(IllegalTransition):
            shop.desk.resolve(shop.queued(), "maria")

    def test_a_reopened_ticket_waits_for_a_person_again(self, shop: Shop) -> None:
        ticket_id = shop.answered()
        reopened = shop.desk.reopen(ticket_id, "maria", note="The link is dead.")
        assert (reopened.status, reopened.queue, reopened.queue_reason) == (
            Status.QUEUED,
            "GENERAL",
            "The link is dead.",
        )
        with pytest.raises(IllegalTransition):
            shop.desk.reopen(ticket_id, "maria")


class TestTheCustomerWritesAgain:
    @pytest.fixture(params=["answered", "replied", "resolved"])
    def closed(self, request: pytest.FixtureRequest, shop: Shop) -> str:
        if request.param == "answered":
            return shop.answered()
        ticket_id = shop.queued()
        shop.desk.claim(ticket_id, "maria")
        shop.desk.reply(ticket_id, "maria", "Done.", resolve=request.param == "resolved")
        return ticket_id

    def test_a_closed_ticket_is_decided_again_in_a_new_turn_with_a_new_deadline(self, shop: Shop, closed: str) -> None:
        shop.relay()
        shop.wait(3600)
        changed = shop.desk.add_customer_message(closed, "Still missing!", owner="shop", decide_within_s=120).ticket
        assert (changed.status, changed.turn) == (Status.REOPENED, 2)
        assert changed.deadline_at == shop.now + timedelta(seconds=120)
        (submission,) = shop.unsent()
        assert isinstance(submission, TicketSubmitted)
        assert (submission.ticket_id, submission.turn) == (closed, 2)

    def test_a_ticket_that_awaits_the_machine_is_decided_again_by_the_same_deadline(self, shop: Shop) -> None:
        ticket_id = shop.submitted()
        deadline: datetime = shop.ticket(ticket_id).deadline_at
        shop.wait(30)
        changed = shop.desk.add_customer_message(ticket_id, "P.S.", owner="shop", decide_within_s=120).ticket
        assert (changed.status, changed.turn, changed.deadline_at) == (Status.RECEIVED, 2, deadline)
        assert [message.turn for message in shop.unsent()] == [1, 2]

    @pytest.mark.parametrize("claimed", [False, True])
    def test_a_ticket_that_a_person_has_stays_with_that_person(self, shop: Shop, claimed: bool) -> None:
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

    def test_another_portal_cannot_write_or_rate(self, shop: Shop) -> None:
        ticket_id = shop.answered()
        with pytest.raises(TicketNotFound):
            shop.desk.add_customer_message(ticket_id, "Hello.", owner="stranger", decide_within_s=120)
        with pytest.raises(TicketNotFound):
            shop.desk.add_feedback(ticket_id, owner="stranger", score=1, comment="")
        with shop.store.reading() as tx:
            assert len(tx.conversations([ticket_id])[ticket_id]) == 1

    def test_feedback_is_stored_with_its_turn_and_its_place_in_the_history(self, shop: Shop) -> None:
        ticket_id = shop.answered()
        shop.desk.add_feedback(ticket_id, owner="shop", score=2, comment="Too slow.")
        with shop.store.reading() as tx:
            (feedback,) = tx.feedback(ticket_id)
            step = tx.events(ticket_id)[-1]
        assert (feedback.turn, feedback.score, feedback.comment) == (1, 2, "Too slow.")
        assert (step.reason, dict(step.details)) == ("feedback", {"score": 2})

    def test_what_has_no_answer_cannot_be_rated(self, shop: Shop) -> None:
        with pytest.raises(IllegalTransition, match="no answer yet"):
            shop.desk.add_feedback(shop.queued(), owner="shop", score=5, comment="")
