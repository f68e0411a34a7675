"""What the customer does after the ticket was accepted: writes again, rates the answer."""

from dataclasses import dataclass, replace
from datetime import timedelta

from helpdesk import envelopes, metrics
from helpdesk.desk.article_feedback import count_signals, record_signals, signals_of_rating
from helpdesk.desk.queueing import event, message
from helpdesk.desk.scope import Scope
from helpdesk.errors import IdempotencyConflict, IllegalTransition, TicketNotFound
from helpdesk.ports.store import IdempotencyRecord, Transaction
from helpdesk.tickets import AWAITS_MACHINE, AWAITS_PERSON, Action, Author, Feedback, Status, Ticket


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a customer's message.

    Attributes:
        ticket: as it is now.
        status: what the message led to; a retry is told the same, whatever has become of the ticket since.
        replayed: an earlier request under the same key had stored it; nothing changed.
    """

    ticket: Ticket
    status: Status
    replayed: bool = False


class Customers(Scope):
    """The customer's side of the desk."""

    def add_customer_message(
        self,
        ticket_id: str,
        text: str,
        *,
        owner: str | None,
        decide_within_s: float,
        idempotency: IdempotencyRecord | None = None,
    ) -> Written:
        """Append what the customer wrote; a ticket that was closed, or awaits customer or machine, is decided again.

        A ticket that waits for a person, or is in a person's hands, stays there: that person sees the message.

        Args:
            idempotency: names the request, so that a retry stores nothing.

        Raises:
            TicketNotFound: no such ticket of this owner.
            IdempotencyConflict: the key was used for another request.
        """
        now = self._clock()
        with self._store.transaction() as tx:
            ticket = _owned(tx, ticket_id, owner)
            if idempotency is not None:
                # The ticket is locked: of two retries at once, the second sees what the first has stored.
                earlier = _earlier(tx, idempotency)
                if earlier is not None:
                    return Written(ticket, _status_told(tx, earlier), replayed=True)
                tx.add_idempotency_record(replace(idempotency, created_at=now))
            reopens = ticket.status not in AWAITS_MACHINE | AWAITS_PERSON | {Status.CLAIMED}
            changed = ticket.after(
                Action.CUSTOMER_MESSAGE,
                at=now,
                turn=ticket.turn + 1,
                deadline_at=now + timedelta(seconds=decide_within_s) if reopens else ticket.deadline_at,
            )
            tx.save([changed])
            tx.add_messages([message(changed, Author.CUSTOMER, ticket.user, text, now)])
            tx.add_events([event(changed, Action.CUSTOMER_MESSAGE, actor=Author.CUSTOMER, name=ticket.user)])
            if changed.status in AWAITS_MACHINE:
                tx.add_outbox([(ticket_id, envelopes.submission(changed, at=now))], at=now)
        return Written(changed, changed.status)

    def add_feedback(self, ticket_id: str, *, owner: str | None, score: int, comment: str) -> Feedback:
        """Store what the customer thought of the latest answer, or of the question that was asked back.

        Raises:
            TicketNotFound: no such ticket of this owner.
            IllegalTransition: nothing has been answered yet.
        """
        now = self._clock()
        with self._store.transaction() as tx:
            ticket = _owned(tx, ticket_id, owner)
            sent = [answer for answer in tx.answers(ticket_id) if answer.sent]
            if not sent:
                raise IllegalTransition("This ticket has no answer yet that could be rated.")
            feedback = Feedback(ticket_id=ticket_id, turn=ticket.turn, score=score, comment=comment, created_at=now)
            tx.add_feedback(feedback)
            said = record_signals(tx, signals_of_rating(tx, ticket, feedback))
            noted = replace(ticket, updated_at=now)
            rated = "question" if sent[-1].is_question else "answer"
            step = event(
                noted, None, actor=Author.CUSTOMER, name=ticket.user, reason="feedback", score=score, rated=rated
            )
            tx.add_events([step])
        metrics.ratings.labels(rated, str(score)).inc()
        count_signals(said)
        return feedback


def _owned(tx: Transaction, ticket_id: str, owner: str | None) -> Ticket:
    ticket = tx.ticket(ticket_id)
    if owner is not None and ticket.owner != owner:
        raise TicketNotFound(f"There is no ticket {ticket_id}.")
    return ticket


def _earlier(tx: Transaction, record: IdempotencyRecord) -> IdempotencyRecord | None:
    """Return the record of the first request under this key, if there was one."""
    pair = (record.owner, record.key)
    earlier = tx.idempotency_records([pair]).get(pair)
    if earlier is not None and earlier.body_sha256 != record.body_sha256:
        raise IdempotencyConflict(
            f"The idempotency key {record.key!r} came before with another request (ticket {earlier.ticket_id}). "
            "Send a new key with a new request."
        )
    return earlier


def _status_told(tx: Transaction, earlier: IdempotencyRecord) -> Status:
    """Return the status that the first answer told; the message's step in the history has the record's time."""
    steps = (step for step in tx.events(earlier.ticket_id) if step.action is Action.CUSTOMER_MESSAGE)
    return next(step.status for step in steps if step.at == earlier.created_at)
