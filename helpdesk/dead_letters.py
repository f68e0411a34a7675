"""What operators do with dead letters: look, replay, drop."""

import logging
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from helpdesk import envelopes
from helpdesk.clock import Clock, utc_now
from helpdesk.errors import AlreadyClaimed, BrokerUnavailable, IllegalTransition, PayloadTooLarge
from helpdesk.messages import MAX_MESSAGE_BYTES
from helpdesk.ports.broker import Broker, Envelope, human
from helpdesk.ports.mailboxes import DeadLetter, DeadLetterStatus
from helpdesk.ports.store import Store, Transaction
from helpdesk.tickets import GENERAL, Action, Author, Status, Ticket, TicketEvent

log = logging.getLogger(__name__)


class DeadLetters:
    """Messages that were given up. The ticket of a dead letter waits for a person until the letter is replayed."""

    def __init__(self, store: Store, broker: Broker, *, decide_within_s: float, clock: Clock = utc_now) -> None:
        self._store = store
        self._broker = broker
        self._decide_within = timedelta(seconds=decide_within_s)
        self._clock = clock

    def all(self, *, status: DeadLetterStatus | None = None, limit: int = 100) -> Sequence[DeadLetter]:
        """Return dead letters."""
        with self._store.reading() as tx:
            return tx.dead_letters(status=status, limit=limit)

    def one(self, message_id: str) -> DeadLetter:
        """Return one dead letter.

        Raises:
            DeadLetterNotFound: there is none.
        """
        with self._store.reading() as tx:
            return tx.dead_letter(message_id)

    def replay(self, message_id: str, operator: str) -> DeadLetter:
        """Give the message another try: its ticket opens a new turn; a message without a ticket is published again.

        Raises:
            DeadLetterNotFound: there is none.
            IllegalTransition: it was replayed or dropped before, or its ticket has moved on.
            AlreadyClaimed: a person has taken its ticket.
            PayloadTooLarge: no broker would take it.
        """
        letter = self.one(message_id)
        _still_dead(letter)
        if letter.ticket_id is None and len(letter.body) > MAX_MESSAGE_BYTES:
            raise PayloadTooLarge(len(letter.body), MAX_MESSAGE_BYTES)
        entry_gone = letter.ticket_id is not None and self._withdraw_entry(letter.ticket_id)
        now = self._clock()
        with self._store.transaction() as tx:
            _still_dead(tx.dead_letter(message_id))
            if letter.ticket_id is None:
                again = Envelope(message_id=uuid.uuid4().hex, destination=letter.source, body=letter.body)
                tx.add_outbox([(None, again)], at=now)
            else:
                self._replay_ticket(tx, letter.ticket_id, operator, now, entry_gone=entry_gone)
            tx.mark_dead_letter(message_id, DeadLetterStatus.REPLAYED, note=f"by {operator}")
            return tx.dead_letter(message_id)

    def drop(self, message_id: str, operator: str, *, note: str = "") -> DeadLetter:
        """Close the letter without another try; its ticket stays with the people who have it.

        Raises:
            DeadLetterNotFound: there is none.
            IllegalTransition: it was replayed or dropped before.
        """
        with self._store.transaction() as tx:
            _still_dead(tx.dead_letter(message_id))
            tx.mark_dead_letter(
                message_id, DeadLetterStatus.DROPPED, note=f"by {operator}: {note}" if note else f"by {operator}"
            )
            return tx.dead_letter(message_id)

    def _withdraw_entry(self, ticket_id: str) -> bool:
        """Take the ticket out of its broker queue before the machine gets it back; True when nobody can take it there.

        The network is asked before the transaction opens. Should a person claim the ticket in between, the
        transaction refuses the replay, and the claim's lease returns the ticket to its queue.
        """
        with self._store.reading() as tx:
            ticket = tx.ticket(ticket_id)
        _failed(ticket)
        if ticket.entry_id is None:
            return True
        try:
            return self._broker.withdraw(human(ticket.queue or GENERAL), ticket.entry_id)
        except BrokerUnavailable as error:
            # Nobody can take the message while the broker is away; afterwards its entry id is refused at the claim.
            log.warning("replayed without the broker", extra={"ticket_id": ticket_id, "error": str(error)})
            return True

    def _replay_ticket(
        self, tx: Transaction, ticket_id: str, operator: str, now: datetime, *, entry_gone: bool
    ) -> None:
        ticket = tx.ticket(ticket_id)
        _failed(ticket)
        unsent = ticket.entry_id is not None and tx.delete_outbox_message(ticket.entry_id)
        if not entry_gone and not unsent:
            raise AlreadyClaimed(f"Ticket {ticket_id} was taken from queue {ticket.queue} of the broker.")
        replayed = ticket.after(
            Action.REPLAY,
            at=now,
            turn=ticket.turn + 1,
            deadline_at=now + self._decide_within,
            queue=None,
            queue_reason="",
            queued_at=None,
            entry_id=None,
        )
        tx.save([replayed])
        tx.add_events(
            [
                TicketEvent(
                    ticket_id=ticket_id,
                    turn=replayed.turn,
                    action=Action.REPLAY,
                    status=replayed.status,
                    actor=Author.AGENT,
                    actor_name=operator,
                    reason="The machine gets another try.",
                    at=now,
                )
            ]
        )
        tx.add_outbox([(ticket_id, envelopes.submission(replayed, at=now))], at=now)


def _still_dead(letter: DeadLetter) -> None:
    if letter.status is not DeadLetterStatus.DEAD:
        raise IllegalTransition(f"This dead letter was {letter.status} already ({letter.note}).")


def _failed(ticket: Ticket) -> None:
    if ticket.status is Status.CLAIMED:
        raise AlreadyClaimed(f"Ticket {ticket.ticket_id} is with {ticket.claimed_by}; it needs no replay.")
    ticket.after(Action.REPLAY, at=ticket.updated_at)
