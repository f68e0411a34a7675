"""The watch over deadlines: says once that one comes near, and once that it was missed."""

import logging
import threading
from collections import Counter
from dataclasses import replace
from datetime import datetime

from helpdesk import metrics
from helpdesk.clock import Clock, utc_now
from helpdesk.errors import StoreUnavailable
from helpdesk.ports.store import Store
from helpdesk.sla import Alert, SlaPolicy, alerted
from helpdesk.tickets import Author, SlaState, Ticket, TicketEvent

log = logging.getLogger(__name__)

BATCH = 200


class DeadlineWatch:
    """Writes alerts into the history of tickets. Several may run side by side: each looks again under lock.

    An alert and the ticket's new state are one transaction, so that a crash loses none and repeats none.
    """

    def __init__(self, store: Store, policy: SlaPolicy, *, clock: Clock = utc_now) -> None:
        self._store = store
        self._policy = policy
        self._clock = clock

    def run(self, stop: threading.Event, *, every_s: float) -> None:
        """Look until ``stop`` is set; at once again where there was more than one look can do."""
        wait_s = every_s
        while not stop.wait(wait_s):
            wait_s = every_s
            try:
                looked_at = self.run_once()
            except StoreUnavailable as error:
                log.warning("the watch over deadlines waits", extra={"error": str(error)})
                continue
            except Exception:  # the next look must come, whatever it is
                log.exception("the watch over deadlines failed")
                continue
            wait_s = 0.0 if looked_at == BATCH else every_s

    def run_once(self) -> int:
        """Say what is to be said of the tickets that are due for a look; return how many there were."""
        now = self._clock()
        with self._store.reading() as tx:
            due = [ticket.ticket_id for ticket in tx.alerts_due(now, limit=BATCH)]
        if not due:
            return 0
        said: Counter[tuple[str, str, str]] = Counter()
        with self._store.transaction() as tx:
            changed: list[Ticket] = []
            events: list[TicketEvent] = []
            for ticket in tx.tickets(due).values():
                if ticket.alert_at is None or ticket.alert_at > now:
                    continue  # another watch was faster, or the ticket moved on
                after, alerts = alerted(ticket, self._policy, now)
                changed.append(replace(after, version=ticket.version + 1))
                events += [_event(after, alert, hurried=after.hurried > ticket.hurried, at=now) for alert in alerts]
                said.update((alert.state, after.queue or "none", alert.target) for alert in alerts)
            tx.save(changed)
            tx.add_events(events)
        for labels, number in said.items():
            metrics.sla_alerts.labels(*labels).inc(number)
        if said:
            by_state = Counter(state for state, _, _ in said.elements())
            log.info("deadlines", extra={state.value: by_state[state] for state in (SlaState.SOON, SlaState.BREACHED)})
        return len(due)


def _event(ticket: Ticket, alert: Alert, *, hurried: bool, at: datetime) -> TicketEvent:
    return TicketEvent(
        ticket_id=ticket.ticket_id,
        turn=ticket.turn,
        action=None,
        status=ticket.status,
        actor=Author.MACHINE,
        actor_name="watchdog",
        reason=alert.sentence + (" Its priority is high now." if hurried else ""),
        at=at,
        details={"event": alert.event, "target": alert.target, "due_at": alert.due_at.isoformat()},
    )
