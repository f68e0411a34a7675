"""What the customer does after the ticket was accepted: writes again, rates the answer."""

from dataclasses import replace
from datetime import timedelta

from helpdesk import envelopes
from helpdesk.desk.queueing import event, message
from helpdesk.desk.scope import Scope
from helpdesk.errors import IllegalTransition, TicketNotFound
from helpdesk.ports.store import Transaction
from helpdesk.tickets import AWAITS_MACHINE, AWAITS_PERSON, Action, Author, Feedback, Status, Ticket


class Customers(Scope):
    """The customer's side of the desk."""

    def add_customer_message(self, ticket_id: str, text: str, *, owner: str | None, decide_within_s: float) -> Ticket:
        """Append what the customer wrote; a ticket that was closed, or awaits the machine, is decided again.

        A ticket that waits for a person, or is in a person's hands, stays there: that person sees the message.

        Raises:
            TicketNotFound: no such ticket of this owner.
        """
        now = self._clock()
        with self._store.transaction() as tx:
            ticket = _owned(tx, ticket_id, owner)
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
        return changed

    def add_feedback(self, ticket_id: str, *, owner: str | None, score: int, comment: str) -> Feedback:
        """Store what the customer thought of the latest answer.

        Raises:
            TicketNotFound: no such ticket of this owner.
            IllegalTransition: nothing has been answered yet.
        """
        now = self._clock()
        with self._store.transaction() as tx:
            ticket = _owned(tx, ticket_id, owner)
            if not any(answer.sent for answer in tx.answers(ticket_id)):
                raise IllegalTransition("This ticket has no answer yet that could be rated.")
            feedback = Feedback(ticket_id=ticket_id, turn=ticket.turn, score=score, comment=comment, created_at=now)
            tx.add_feedback(feedback)
            noted = replace(ticket, updated_at=now)
            tx.add_events([event(noted, None, actor=Author.CUSTOMER, name=ticket.user, reason="feedback", score=score)])
        return feedback


def _owned(tx: Transaction, ticket_id: str, owner: str | None) -> Ticket:
    ticket = tx.ticket(ticket_id)
    if owner is not None and ticket.owner != owner:
        raise TicketNotFound(f"There is no ticket {ticket_id}.")
    return ticket
