"""What an agent does with a ticket in hand: release, transfer, reply, resolve; and reopen one that was closed."""

import uuid

from helpdesk.desk.article_feedback import ArticleFeedback, count_signals, record_signals, signals_of_reply
from helpdesk.desk.claims import require_version
from helpdesk.desk.corrections import Corrections
from helpdesk.desk.customers import Customers
from helpdesk.desk.queueing import enqueue, event, message
from helpdesk.desk.taking import Taking
from helpdesk.errors import QueueNotFound
from helpdesk.ports.store import Transaction
from helpdesk.tickets import GENERAL, HUMAN_QUEUES, Action, Answer, Author, Status, Ticket


class Desk(Customers, Taking, Corrections, ArticleFeedback):
    """The desk at which tickets pass from the machine to people and back to customers.

    Whoever acts may name the ``version`` of the ticket that they saw: where it is another by now, nothing is done, and
    a VersionConflict says so.
    """

    def release(self, ticket_id: str, agent: str, *, note: str = "", version: int | None = None) -> Ticket:
        """Give a claimed ticket back to its queue.

        Raises:
            NotClaimed: the agent does not hold it.
        """
        with self._store.transaction() as tx:
            ticket = self._held(tx, ticket_id, agent, version)
            reason = note or f"{agent} gave it back."
            return self._back_to_queue(tx, ticket, Action.RELEASE, ticket.queue or GENERAL, reason, agent)

    def transfer(self, ticket_id: str, agent: str, *, queue: str, note: str = "", version: int | None = None) -> Ticket:
        """Move a claimed ticket into another queue.

        Raises:
            QueueNotFound: no queue has this name.
            NotClaimed: the agent does not hold it.
        """
        if queue not in HUMAN_QUEUES:
            raise QueueNotFound(f"No queue is called {queue!r}; there are: {', '.join(HUMAN_QUEUES)}.")
        with self._store.transaction() as tx:
            ticket = self._held(tx, ticket_id, agent, version)
            reason = note or f"{agent} moved it from {ticket.queue}."
            return self._back_to_queue(tx, ticket, Action.TRANSFER, queue, reason, agent)

    def reply(
        self, ticket_id: str, agent: str, text: str, *, resolve: bool = False, version: int | None = None
    ) -> Ticket:
        """Send a person's answer to the customer, and resolve the ticket where asked.

        Raises:
            NotClaimed: the agent does not hold the ticket.
        """
        now = self._clock()
        with self._store.transaction() as tx:
            ticket = self._held(tx, ticket_id, agent, version)
            changed = ticket.after(Action.REPLY, at=now, claimed_by=None, claimed_until=None)
            steps = [event(changed, Action.REPLY, actor=Author.AGENT, name=agent)]
            [changed] = tx.save([changed])
            if resolve:
                changed = changed.after(Action.RESOLVE, at=now)
                steps.append(event(changed, Action.RESOLVE, actor=Author.AGENT, name=agent))
                [changed] = tx.save([changed])
            said = record_signals(tx, signals_of_reply(tx, ticket, agent, text, at=now))
            tx.add_messages([message(changed, Author.AGENT, agent, text, now)])
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
        count_signals(said)
        return changed

    def resolve(self, ticket_id: str, agent: str, *, note: str = "", version: int | None = None) -> Ticket:
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
            require_version(ticket, version)
            [changed] = tx.save([ticket.after(Action.RESOLVE, at=now, claimed_by=None, claimed_until=None)])
            tx.add_events([event(changed, Action.RESOLVE, actor=Author.AGENT, name=agent, reason=note)])
        return changed

    def reopen(self, ticket_id: str, agent: str, *, note: str = "", version: int | None = None) -> Ticket:
        """Put a closed ticket back into a human queue.

        Raises:
            IllegalTransition: it is not closed.
        """
        with self._store.transaction() as tx:
            ticket = tx.ticket(ticket_id)
            require_version(ticket, version)
            queue = ticket.queue or ticket.category or GENERAL
            return self._back_to_queue(tx, ticket, Action.REOPEN, queue, note or f"{agent} reopened it.", agent)

    def _back_to_queue(
        self, tx: Transaction, ticket: Ticket, action: Action, queue: str, reason: str, agent: str
    ) -> Ticket:
        return enqueue(tx, ticket, action, queue=queue, reason=reason, at=self._clock(), actor=Author.AGENT, name=agent)
