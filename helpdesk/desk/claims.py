"""Claims: a ticket is taken by one person, whichever way, and returns by itself when the lease runs out.

A ticket in a human queue exists twice: as a row of the store and as a message of the broker. Whoever takes it must
have both. Over HTTP the row is claimed first and the message withdrawn after; where the message is gone, a consumer
of the broker has it, and the claim is given up in its favour. Over AMQP the message comes first, and its entry id
claims the row. A claimed ticket keeps its entry id only until one of the two has both: then no copy of the message
is worth anything any more. See docs/adr/0004-one-owner-per-ticket.md.
"""

import logging
from dataclasses import replace
from datetime import datetime

from helpdesk.desk.queueing import enqueue, event
from helpdesk.desk.scope import Scope
from helpdesk.errors import (
    AlreadyClaimed,
    BrokerUnavailable,
    IllegalTransition,
    NotClaimed,
    QueueEmpty,
    QueueNotFound,
    VersionConflict,
)
from helpdesk.ports.broker import human
from helpdesk.ports.store import Transaction
from helpdesk.tickets import AWAITS_PERSON, GENERAL, HUMAN_QUEUES, Action, Author, Status, Ticket

log = logging.getLogger(__name__)

BROKER_CONSUMER = "consumer of the broker queue"
"""Stands as the holder of a ticket whose message an AMQP client took, until that client claims it by entry id."""


class Claims(Scope):
    """Takes tickets for people, and returns what nobody holds any more."""

    def claim(self, ticket_id: str, agent: str, *, entry_id: str | None = None) -> Ticket:
        """Take a ticket for a person, for the length of the lease; the holder's own claim is renewed.

        Args:
            entry_id: shown by a caller who took the ticket's message from the broker.

        Raises:
            TicketNotFound: no such ticket.
            AlreadyClaimed: somebody else has it, be it over HTTP or from the broker.
            IllegalTransition: it is closed.
        """
        claimed = self._claim_row(ticket_id, agent, entry_id)
        if claimed.entry_id is None:
            return claimed
        settled = self._settle_claim(claimed, agent, withdrawn=self._withdraw(claimed))
        if settled is None:
            raise AlreadyClaimed(f"Ticket {ticket_id} was taken from queue {claimed.queue} of the broker.")
        return settled

    def claim_next(self, queue: str, agent: str) -> Ticket:
        """Take the queue's first ticket: by priority, then deadline, then the longest waiting.

        Raises:
            QueueNotFound: no queue has this name.
            QueueEmpty: nothing waits, or others were faster with everything.
        """
        if queue not in HUMAN_QUEUES:
            raise QueueNotFound(f"No queue is called {queue!r}; there are: {', '.join(HUMAN_QUEUES)}.")
        tried: set[str] = set()
        while True:
            with self._store.reading() as tx:
                waiting = tx.waiting_in_queue(queue, limit=len(tried) + 8)
            untried = [ticket.ticket_id for ticket in waiting if ticket.ticket_id not in tried]
            if not untried:
                raise QueueEmpty(f"Nothing waits in queue {queue}.")
            for ticket_id in untried:
                tried.add(ticket_id)
                try:
                    return self.claim(ticket_id, agent)
                except (AlreadyClaimed, VersionConflict, IllegalTransition):
                    continue

    def return_expired_claim(self, ticket_id: str) -> Ticket | None:
        """Put a ticket whose lease ran out back into its queue; None when it was renewed or settled meanwhile."""
        now = self._clock()
        with self._store.transaction() as tx:
            ticket = tx.ticket(ticket_id)
            if ticket.status is not Status.CLAIMED or ticket.claimed_until is None or ticket.claimed_until > now:
                return None
            reason = f"The claim by {ticket.claimed_by} ran out."
            return enqueue(
                tx,
                ticket,
                Action.EXPIRE,
                queue=ticket.queue or GENERAL,
                reason=reason,
                at=now,
                actor=Author.MACHINE,
                name="watchdog",
            )

    def _claim_row(self, ticket_id: str, agent: str, entry_id: str | None) -> Ticket:
        """Claim the row; where the ticket still has an entry id afterwards, its message is to be withdrawn."""
        now = self._clock()
        with self._store.transaction() as tx:
            ticket = tx.ticket(ticket_id)
            if entry_id is not None and entry_id != ticket.entry_id:
                raise AlreadyClaimed(f"This entry of ticket {ticket_id} is no longer in force; drop its message.")
            if ticket.status is Status.CLAIMED:
                return self._renew_or_take_over(tx, ticket, agent, entry_id, now)
            unsent = ticket.entry_id is not None and tx.delete_outbox_message(ticket.entry_id)
            in_broker = ticket.status in AWAITS_PERSON and entry_id is None and not unsent
            claimed = ticket.after(
                Action.CLAIM,
                at=now,
                claimed_by=agent,
                claimed_until=now + self._lease,
                queue=ticket.queue or ticket.category or GENERAL,
                entry_id=ticket.entry_id if in_broker else None,
            )
            tx.save([claimed])
            via = "broker" if entry_id else "http"
            tx.add_events([event(claimed, Action.CLAIM, actor=Author.AGENT, name=agent, via=via)])
        return claimed

    def _renew_or_take_over(
        self, tx: Transaction, ticket: Ticket, agent: str, entry_id: str | None, now: datetime
    ) -> Ticket:
        """Renew the holder's claim, or pass it on: to whoever has the message, and to anybody once it ran out."""
        ran_out = ticket.claimed_until is not None and ticket.claimed_until <= now
        passes = ran_out or entry_id is not None
        if ticket.claimed_by != agent and not passes:
            raise AlreadyClaimed(f"Ticket {ticket.ticket_id} is with {ticket.claimed_by} until {ticket.claimed_until}.")
        renewed = replace(
            ticket,
            version=ticket.version + 1,
            updated_at=now,
            claimed_by=agent,
            claimed_until=now + self._lease,
            entry_id=None if passes else ticket.entry_id,
        )
        tx.save([renewed])
        if ticket.claimed_by != agent:
            reason = f"taken over from {ticket.claimed_by}"
            tx.add_events([event(renewed, Action.CLAIM, actor=Author.AGENT, name=agent, reason=reason)])
        return renewed

    def _settle_claim(self, claimed: Ticket, agent: str, *, withdrawn: bool) -> Ticket | None:
        """Make the claim final where the message was withdrawn, else leave the ticket to the broker's consumer.

        Returns:
            The ticket, or None where somebody else has it.
        """
        now = self._clock()
        with self._store.transaction() as tx:
            ticket = tx.ticket(claimed.ticket_id)
            if ticket.status is Status.CLAIMED and ticket.claimed_by == agent and ticket.entry_id is None:
                return ticket  # settled by another request of the same agent
            if ticket.entry_id != claimed.entry_id or ticket.claimed_by not in {agent, BROKER_CONSUMER}:
                return None  # the bearer of the message has claimed it meanwhile
            changed = replace(ticket, version=ticket.version + 1, updated_at=now)
            if withdrawn:
                changed = replace(changed, claimed_by=agent, entry_id=None)
                tx.save([changed])
                return changed
            if ticket.claimed_by == agent:
                left = replace(changed, claimed_by=BROKER_CONSUMER)
                tx.save([left])
                reason = "Its message was already taken from the broker queue."
                tx.add_events([event(left, Action.CLAIM, actor=Author.AGENT, name=BROKER_CONSUMER, reason=reason)])
        return None

    def _withdraw(self, ticket: Ticket) -> bool:
        try:
            return self._broker.withdraw(human(ticket.queue or GENERAL), ticket.entry_id or "")
        except BrokerUnavailable as error:
            # Nobody can take the message while the broker is away; afterwards its entry id is refused at the claim.
            log.warning("claimed without the broker", extra={"ticket_id": ticket.ticket_id, "error": str(error)})
            return True

    def _held(self, tx: Transaction, ticket_id: str, agent: str, version: int | None = None) -> Ticket:
        ticket = tx.ticket(ticket_id)
        if ticket.status is not Status.CLAIMED or ticket.claimed_by != agent:
            raise NotClaimed(
                f"Ticket {ticket_id} is not claimed by {agent} (its status: {ticket.status}); claim it first."
            )
        if ticket.claimed_until is not None and ticket.claimed_until <= self._clock():
            raise NotClaimed(
                f"The claim of {agent} on ticket {ticket_id} ran out at {ticket.claimed_until}; claim it again."
            )
        require_version(ticket, version)
        return ticket


def require_version(ticket: Ticket, version: int | None) -> None:
    """Raise VersionConflict where the ticket is no longer as the caller saw it (None: the caller does not say)."""
    if version is not None and ticket.version != version:
        raise VersionConflict(
            f"Ticket {ticket.ticket_id} was changed since you saw it: it was at version {version} and is now at "
            f"{ticket.version}. Look at it again."
        )
