"""What people do with tickets: write again, rate, claim, release, transfer, reply, resolve, reopen.

A ticket in a human queue exists twice: as a row of the store and as a message of the broker. Whoever takes it must
have both. Over HTTP the row is claimed first and the message withdrawn after; where the message is gone, a consumer
of the broker has it, and the claim is given up in its favour. Over AMQP the message comes first, and its entry id
claims the row. A claimed ticket keeps its entry id only until one of the two has both: then no copy of the message
is worth anything any more. See docs/adr/0004-one-owner-per-ticket.md.
"""

import logging
import uuid
from dataclasses import replace
from datetime import datetime, timedelta

from helpdesk import envelopes
from helpdesk.clock import Clock, utc_now
from helpdesk.errors import (
    AlreadyClaimed,
    BrokerUnavailable,
    IllegalTransition,
    NotClaimed,
    QueueEmpty,
    QueueNotFound,
    TicketNotFound,
    VersionConflict,
)
from helpdesk.ports.broker import Broker, human
from helpdesk.ports.store import Store, Transaction
from helpdesk.tickets import (
    AWAITS_MACHINE,
    AWAITS_PERSON,
    GENERAL,
    HUMAN_QUEUES,
    Action,
    Answer,
    Author,
    ConversationMessage,
    Feedback,
    Status,
    Ticket,
    TicketEvent,
)

log = logging.getLogger(__name__)

BROKER_CONSUMER = "consumer of the broker queue"
"""Stands as the holder of a ticket whose message an AMQP client took, until that client claims it by entry id."""


def event(
    ticket: Ticket, action: Action | None, *, actor: Author, name: str, reason: str = "", **details: object
) -> TicketEvent:
    """Return the history entry of what just led to ``ticket``."""
    return TicketEvent(
        ticket_id=ticket.ticket_id,
        turn=ticket.turn,
        action=action,
        status=ticket.status,
        actor=actor,
        actor_name=name,
        reason=reason,
        at=ticket.updated_at,
        details=details,
    )


def waiting(ticket: Ticket, action: Action, *, queue: str, reason: str, at: datetime) -> Ticket:
    """Return the ticket as it waits in a human queue after ``action``.

    A ticket that comes back to its queue keeps its place in it; one that moves starts anew.
    """
    comes_back = action in {Action.RELEASE, Action.EXPIRE, Action.REOFFER}
    return ticket.after(
        action,
        at=at,
        queue=queue,
        queue_reason=reason,
        queued_at=(ticket.queued_at if comes_back else None) or at,
        entry_id=envelopes.new_entry_id(),
        claimed_by=None,
        claimed_until=None,
    )


def enqueue(
    tx: Transaction, ticket: Ticket, action: Action, *, queue: str, reason: str, at: datetime, actor: Author, name: str
) -> Ticket:
    """Put the ticket into a human queue: row, history and outbox, within the caller's transaction."""
    queued = waiting(ticket, action, queue=queue, reason=reason, at=at)
    tx.save([queued])
    tx.add_events([event(queued, action, actor=actor, name=name, reason=reason, queue=queue)])
    conversation = tx.conversations([ticket.ticket_id])[ticket.ticket_id]
    entry = envelopes.queue_entry(queued, conversation, draft=_latest_draft(tx, queued))
    tx.add_outbox([(ticket.ticket_id, entry)], at=at)
    return queued


def _latest_draft(tx: Transaction, ticket: Ticket) -> str | None:
    drafts = [answer.text for answer in tx.answers(ticket.ticket_id) if not answer.sent and answer.turn == ticket.turn]
    return drafts[-1] if drafts else None


class Desk:
    """The desk at which tickets pass from the machine to people and back to customers."""

    def __init__(self, store: Store, broker: Broker, *, claim_lease_s: float, clock: Clock = utc_now) -> None:
        self._store = store
        self._broker = broker
        self._lease = timedelta(seconds=claim_lease_s)
        self._clock = clock

    # The customer

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
            tx.add_messages([_message(changed, Author.CUSTOMER, ticket.user, text, now)])
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

    # Agents

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
        """Take the queue's first ticket: high priority first, then the longest waiting.

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

    def release(self, ticket_id: str, agent: str, *, note: str = "") -> Ticket:
        """Give a claimed ticket back to its queue.

        Raises:
            NotClaimed: the agent does not hold it.
        """
        with self._store.transaction() as tx:
            ticket = self._held(tx, ticket_id, agent)
            reason = note or f"{agent} gave it back."
            return self._back_to_queue(tx, ticket, Action.RELEASE, ticket.queue or GENERAL, reason, agent)

    def transfer(self, ticket_id: str, agent: str, *, queue: str, note: str = "") -> Ticket:
        """Move a claimed ticket into another queue.

        Raises:
            QueueNotFound: no queue has this name.
            NotClaimed: the agent does not hold it.
        """
        if queue not in HUMAN_QUEUES:
            raise QueueNotFound(f"No queue is called {queue!r}; there are: {', '.join(HUMAN_QUEUES)}.")
        with self._store.transaction() as tx:
            ticket = self._held(tx, ticket_id, agent)
            reason = note or f"{agent} moved it from {ticket.queue}."
            return self._back_to_queue(tx, ticket, Action.TRANSFER, queue, reason, agent)

    def reply(self, ticket_id: str, agent: str, text: str, *, resolve: bool = False) -> Ticket:
        """Send a person's answer to the customer, and resolve the ticket where asked.

        Raises:
            NotClaimed: the agent does not hold the ticket.
        """
        now = self._clock()
        with self._store.transaction() as tx:
            ticket = self._held(tx, ticket_id, agent)
            changed = ticket.after(Action.REPLY, at=now, claimed_by=None, claimed_until=None)
            steps = [event(changed, Action.REPLY, actor=Author.AGENT, name=agent)]
            tx.save([changed])
            if resolve:
                changed = changed.after(Action.RESOLVE, at=now)
                steps.append(event(changed, Action.RESOLVE, actor=Author.AGENT, name=agent))
                tx.save([changed])
            tx.add_messages([_message(changed, Author.AGENT, agent, text, now)])
            tx.add_answers(
                [
                    Answer(
                        answer_id=uuid.uuid4().hex,
                        ticket_id=ticket_id,
                        turn=changed.turn,
                        author=Author.AGENT,
                        author_name=agent,
                        text=text,
                        sent=True,
                        created_at=now,
                    )
                ]
            )
            tx.add_events(steps)
        return changed

    def resolve(self, ticket_id: str, agent: str, *, note: str = "") -> Ticket:
        """Close a ticket that the agent holds, or that was answered.

        Raises:
            NotClaimed: it is claimed, but not by this agent.
            IllegalTransition: it is neither claimed nor answered.
        """
        now = self._clock()
        with self._store.transaction() as tx:
            ticket = tx.ticket(ticket_id)
            if ticket.status is Status.CLAIMED:
                ticket = self._held(tx, ticket_id, agent)
            changed = ticket.after(Action.RESOLVE, at=now, claimed_by=None, claimed_until=None)
            tx.save([changed])
            tx.add_events([event(changed, Action.RESOLVE, actor=Author.AGENT, name=agent, reason=note)])
        return changed

    def reopen(self, ticket_id: str, agent: str, *, note: str = "") -> Ticket:
        """Put a closed ticket back into a human queue.

        Raises:
            IllegalTransition: it is not closed.
        """
        with self._store.transaction() as tx:
            ticket = tx.ticket(ticket_id)
            queue = ticket.queue or ticket.category or GENERAL
            return self._back_to_queue(tx, ticket, Action.REOPEN, queue, note or f"{agent} reopened it.", agent)

    # The watchdog

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

    # Steps

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

    def _held(self, tx: Transaction, ticket_id: str, agent: str) -> Ticket:
        ticket = tx.ticket(ticket_id)
        if ticket.status is not Status.CLAIMED or ticket.claimed_by != agent:
            raise NotClaimed(
                f"Ticket {ticket_id} is not claimed by {agent} (its status: {ticket.status}); claim it first."
            )
        if ticket.claimed_until is not None and ticket.claimed_until <= self._clock():
            raise NotClaimed(
                f"The claim of {agent} on ticket {ticket_id} ran out at {ticket.claimed_until}; claim it again."
            )
        return ticket

    def _back_to_queue(
        self, tx: Transaction, ticket: Ticket, action: Action, queue: str, reason: str, agent: str
    ) -> Ticket:
        return enqueue(tx, ticket, action, queue=queue, reason=reason, at=self._clock(), actor=Author.AGENT, name=agent)


def _owned(tx: Transaction, ticket_id: str, owner: str | None) -> Ticket:
    ticket = tx.ticket(ticket_id)
    if owner is not None and ticket.owner != owner:
        raise TicketNotFound(f"There is no ticket {ticket_id}.")
    return ticket


def _message(ticket: Ticket, author: Author, name: str, text: str, at: datetime) -> ConversationMessage:
    return ConversationMessage(
        ticket_id=ticket.ticket_id, turn=ticket.turn, author=author, author_name=name, text=text, created_at=at
    )
