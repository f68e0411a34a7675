"""Taking the next ticket: which of several queues comes first, and how many tickets an agent may hold."""

from collections.abc import Collection

from helpdesk.desk.claims import Claims
from helpdesk.errors import AtCapacity, QueueEmpty
from helpdesk.ports.store import QueueSummary
from helpdesk.tickets import Ticket


class Taking(Claims):
    """Takes the most urgent ticket of several queues."""

    def take_next(self, agent: str, *, queues: Collection[str] = (), capacity: int) -> Ticket:
        """Take a ticket: of high priority first, then from the queue whose oldest waits longest.

        Args:
            queues: to take from (empty: all).
            capacity: how many tickets the agent may hold.

        Raises:
            AtCapacity: they hold as many already.
            QueueEmpty: nothing waits in any of these queues, or others were faster with everything.
        """
        with self._store.reading() as tx:
            held = len(tx.held_by(agent))
            found = [summary for summary in tx.queue_summaries().values() if summary.waiting]
        if held >= capacity:
            raise AtCapacity(f"{agent} holds {held} tickets and may hold {capacity}; finish or release one first.")
        for summary in sorted(found, key=_urgency):
            if not queues or summary.queue in queues:
                try:
                    return self.claim_next(summary.queue, agent)
                except QueueEmpty:
                    continue
        raise QueueEmpty("Nothing waits in these queues." if queues else "Nothing waits in any queue.")


def _urgency(summary: QueueSummary) -> tuple[bool, object]:
    return not summary.high_priority, summary.oldest_queued_at
