"""A shop for tests of the desk: tickets in every state, a clock that is set by hand, and a consumer of the broker."""

from contextlib import closing
from datetime import timedelta

from helpdesk.adapters.store_sql import SqlStore
from helpdesk.desk import Desk, enqueue
from helpdesk.messages import TicketRouted, TicketSubmitted, decode
from helpdesk.ports.broker import Broker, Delivery, human
from helpdesk.tickets import Action, Author, Priority, Ticket
from relay.outbox import Relay
from tests.factories import NOON, make_answer, make_submission

LEASE_S = 900.0


class DeskShop:
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

    def claimed(self, agent: str = "maria") -> str:
        """Let an agent claim a ticket that waited in the queue REFUND."""
        ticket_id = self.queued()
        self.desk.claim(ticket_id, agent)
        return ticket_id

    def answered(self) -> str:
        return self._sent(Action.ANSWER)

    def asked(self) -> str:
        """Return a ticket whose customer was asked back."""
        return self._sent(Action.ASK)

    def _sent(self, action: Action) -> str:
        ticket_id = self.submitted()
        with self.store.transaction() as tx:
            ticket = tx.ticket(ticket_id).after(action, at=self.now)
            tx.save([ticket])
            tx.add_answers([make_answer(ticket, is_question=action is Action.ASK)])
        return ticket_id

    def relay(self) -> None:
        with closing(Relay(self.store, self.broker, confirm_timeout_s=10)) as running:
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


class BrokerAgent:
    """A person's own program, which takes tickets from the broker's queue."""

    def __init__(self, shop: DeskShop, queue: str = "REFUND") -> None:
        self._consumer = shop.broker.consumer([human(queue)], prefetch=1)

    def take(self) -> tuple[Delivery, TicketRouted]:
        """Take the next entry, which must be there."""
        taken = self.look(wait_s=5.0)
        assert taken is not None, "the queue is empty"
        return taken

    def look(self, *, wait_s: float) -> tuple[Delivery, TicketRouted] | None:
        """Take the next entry, if one comes in time."""
        received = self._consumer.receive(1, wait_s=wait_s)
        if not received:
            return None
        message = decode(received[0].envelope.body)
        assert isinstance(message, TicketRouted)
        return received[0], message

    def close(self) -> None:
        self._consumer.close()
