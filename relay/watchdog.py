"""The watchdog: no ticket goes silent, whatever has failed."""

import logging
import threading
from dataclasses import asdict, dataclass, replace
from datetime import timedelta

from helpdesk import envelopes, metrics
from helpdesk.clock import Clock, utc_now
from helpdesk.decisions import DecisionRecord, Outcome, Reason
from helpdesk.desk import Desk, enqueue
from helpdesk.errors import BrokerUnavailable, Conflict, StoreUnavailable
from helpdesk.ports.broker import Broker, human
from helpdesk.ports.store import Store
from helpdesk.tickets import AWAITS_MACHINE, AWAITS_PERSON, GENERAL, Action, Author

log = logging.getLogger(__name__)

BATCH = 200


@dataclass(frozen=True, slots=True)
class SweepReport:
    """How many tickets one sweep moved."""

    handed_over: int = 0
    republished: int = 0
    claims_returned: int = 0
    reoffered: int = 0


class Watchdog:
    """Looks for tickets that nobody moves any more. Several may run side by side: each step checks again under lock."""

    def __init__(
        self,
        store: Store,
        broker: Broker,
        desk: Desk,
        *,
        stuck_after_s: float,
        reoffer_after_s: float,
        clock: Clock = utc_now,
    ) -> None:
        self._store = store
        self._broker = broker
        self._desk = desk
        self._stuck_after = timedelta(seconds=stuck_after_s)
        self._reoffer_after = timedelta(seconds=reoffer_after_s)
        self._clock = clock

    def run(self, stop: threading.Event, *, every_s: float) -> None:
        """Sweep until ``stop`` is set."""
        while not stop.wait(every_s):
            try:
                report = self.run_once()
            except (StoreUnavailable, BrokerUnavailable) as error:
                log.warning("sweep waits", extra={"error": str(error)})
                metrics.sweeps.labels("failed").inc()
                continue
            metrics.sweeps.labels("done").inc()
            for duty, moved in asdict(report).items():
                metrics.swept_tickets.labels(duty).inc(moved)
            if report != SweepReport():
                log.info("swept", extra={"report": repr(report)})

    def run_once(self) -> SweepReport:
        """Do each of the four duties once and say what was moved."""
        return SweepReport(
            handed_over=self._hand_over_overdue(),
            republished=self._republish_stuck(),
            claims_returned=self._return_expired_claims(),
            reoffered=self._reoffer_unheard(),
        )

    def _hand_over_overdue(self) -> int:
        now = self._clock()
        with self._store.reading() as tx:
            overdue = tx.past_deadline(now, limit=BATCH)
        moved = 0
        for seen in overdue:
            with self._store.transaction() as tx:
                ticket = tx.ticket(seen.ticket_id)
                if ticket.status not in AWAITS_MACHINE or ticket.deadline_at > now:
                    continue
                queue = ticket.category or GENERAL
                waited_s = (now - ticket.deadline_at).total_seconds()
                text = f"No decision was made in time (its deadline passed {waited_s:.0f} s ago), so a person gets it."
                tx.add_decisions(
                    [
                        DecisionRecord(
                            ticket_id=ticket.ticket_id,
                            turn=ticket.turn,
                            outcome=Outcome.ROUTE,
                            queue=queue,
                            reasons=(Reason(code="deadline_passed", text=text),),
                            at=now,
                        )
                    ]
                )
                enqueue(
                    tx,
                    ticket,
                    Action.ROUTE,
                    queue=queue,
                    reason=text,
                    at=now,
                    actor=Author.MACHINE,
                    name="watchdog",
                )
            moved += 1
        return moved

    def _republish_stuck(self) -> int:
        now = self._clock()
        with self._store.reading() as tx:
            stuck = tx.untouched_since(now - self._stuck_after, limit=BATCH)
        if not stuck:
            return 0
        moved = 0
        with self._store.transaction() as tx:
            for ticket in tx.tickets([seen.ticket_id for seen in stuck]).values():
                if ticket.status not in AWAITS_MACHINE or ticket.updated_at > now - self._stuck_after:
                    continue
                tx.save([replace(ticket, version=ticket.version + 1, updated_at=now)])
                tx.add_outbox([(ticket.ticket_id, envelopes.submission(ticket, at=now))], at=now)
                moved += 1
        return moved

    def _return_expired_claims(self) -> int:
        with self._store.reading() as tx:
            expired = tx.expired_claims(self._clock(), limit=BATCH)
        return sum(self._desk.return_expired_claim(ticket.ticket_id) is not None for ticket in expired)

    def _reoffer_unheard(self) -> int:
        """Offer tickets again whose message a broker client took long ago without claiming or settling them."""
        now = self._clock()
        with self._store.reading() as tx:
            unheard = tx.waiting_since(now - self._reoffer_after, limit=BATCH)
        moved = 0
        for seen in unheard:
            self._broker.withdraw(human(seen.queue or GENERAL), seen.entry_id or "")
            try:
                with self._store.transaction() as tx:
                    ticket = tx.ticket(seen.ticket_id)
                    if ticket.status not in AWAITS_PERSON or ticket.entry_id != seen.entry_id:
                        continue
                    tx.delete_outbox_message(seen.entry_id or "")
                    enqueue(
                        tx,
                        ticket,
                        Action.REOFFER,
                        queue=ticket.queue or GENERAL,
                        reason=ticket.queue_reason,
                        at=now,
                        actor=Author.MACHINE,
                        name="watchdog",
                    )
            except Conflict:
                continue
            moved += 1
        return moved
