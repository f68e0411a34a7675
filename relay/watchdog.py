"""The watchdog: no ticket goes silent, whatever has failed."""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from helpdesk import envelopes, metrics
from helpdesk.clock import Clock, utc_now
from helpdesk.decisions import DecisionRecord, Outcome, Reason
from helpdesk.desk import Desk, enqueue
from helpdesk.errors import BrokerUnavailable, Conflict, StoreUnavailable
from helpdesk.ports.broker import Broker, human
from helpdesk.ports.store import Store
from helpdesk.tickets import AWAITS_CUSTOMER, AWAITS_MACHINE, AWAITS_PERSON, GENERAL, Action, Author, Ticket

log = logging.getLogger(__name__)

BATCH = 200


@dataclass(frozen=True, slots=True)
class SweepReport:
    """How many tickets one sweep moved."""

    handed_over: int = 0
    questions_unanswered: int = 0
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
        """Sweep until ``stop`` is set; at once again where there was more to do than one sweep does."""
        wait_s = every_s
        while not stop.wait(wait_s):
            wait_s = every_s
            try:
                report = self.run_once()
            except (StoreUnavailable, BrokerUnavailable) as error:
                log.warning("sweep waits", extra={"error": str(error)})
                metrics.sweeps.labels("failed").inc()
                continue
            except Exception:  # whatever it is, the next sweep must come: no ticket may go silent
                log.exception("sweep failed")
                metrics.sweeps.labels("failed").inc()
                continue
            if BATCH in asdict(report).values():
                wait_s = 0.0
            metrics.sweeps.labels("done").inc()
            for duty, moved in asdict(report).items():
                metrics.swept_tickets.labels(duty).inc(moved)
            if report != SweepReport():
                log.info("swept", extra={"report": repr(report)})

    def run_once(self) -> SweepReport:
        """Do each of the five duties once and say what was moved."""
        return SweepReport(
            handed_over=self._hand_over_overdue(),
            questions_unanswered=self._hand_over_unanswered_questions(),
            republished=self._republish_stuck(),
            claims_returned=self._return_expired_claims(),
            reoffered=self._reoffer_unheard(),
        )

    def _hand_over_overdue(self) -> int:
        now = self._clock()
        with self._store.reading() as tx:
            overdue = tx.past_deadline(now, limit=BATCH)
        return _each(overdue, lambda seen: self._hand_over(seen.ticket_id, now))

    def _hand_over(self, ticket_id: str, now: datetime) -> bool:
        with self._store.transaction() as tx:
            ticket = tx.ticket(ticket_id)
            if ticket.status not in AWAITS_MACHINE or ticket.deadline_at > now:
                return False
            queue = ticket.category or GENERAL
            waited_s = (now - ticket.deadline_at).total_seconds()
            text = f"No decision was made in time (its deadline passed {waited_s:.0f} s ago), so a person gets it."
            decision = DecisionRecord(
                ticket_id=ticket.ticket_id,
                turn=ticket.turn,
                outcome=Outcome.ROUTE,
                queue=queue,
                reasons=(Reason(code="deadline_passed", text=text),),
                at=now,
            )
            tx.add_decisions([decision])
            enqueue(tx, ticket, Action.ROUTE, queue=queue, reason=text, at=now, actor=Author.MACHINE, name="watchdog")
        return True

    def _hand_over_unanswered_questions(self) -> int:
        now = self._clock()
        with self._store.reading() as tx:
            unanswered = tx.unanswered_questions(now, limit=BATCH)
        return _each(unanswered, lambda seen: self._hand_over_unanswered(seen.ticket_id, now))

    def _hand_over_unanswered(self, ticket_id: str, now: datetime) -> bool:
        with self._store.transaction() as tx:
            ticket = tx.ticket(ticket_id)
            if ticket.status not in AWAITS_CUSTOMER or ticket.deadline_at > now:
                return False
            reason = (
                f"The customer has not answered our question in time (until {ticket.deadline_at:%Y-%m-%d %H:%M} UTC)."
            )
            queue = ticket.category or GENERAL
            enqueue(
                tx, ticket, Action.EXPIRE, queue=queue, reason=reason, at=now, actor=Author.MACHINE, name="watchdog"
            )
        return True

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
        return _each(expired, lambda seen: self._desk.return_expired_claim(seen.ticket_id) is not None)

    def _reoffer_unheard(self) -> int:
        """Offer tickets again whose message a broker client took long ago without claiming or settling them."""
        now = self._clock()
        with self._store.reading() as tx:
            unheard = tx.waiting_since(now - self._reoffer_after, limit=BATCH)
        return _each(unheard, lambda seen: self._reoffer(seen, now))

    def _reoffer(self, seen: Ticket, now: datetime) -> bool:
        self._broker.withdraw(human(seen.queue or GENERAL), seen.entry_id or "")
        with self._store.transaction() as tx:
            ticket = tx.ticket(seen.ticket_id)
            if ticket.status not in AWAITS_PERSON or ticket.entry_id != seen.entry_id:
                return False
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
        return True


def _each(tickets: Sequence[Ticket], move: Callable[[Ticket], bool]) -> int:
    """Move each ticket by itself, so that one that cannot be moved keeps no other waiting; return how many moved."""
    moved = 0
    for ticket in tickets:
        try:
            moved += move(ticket)
        except (StoreUnavailable, BrokerUnavailable):
            raise
        except Conflict:
            continue  # somebody else moved it meanwhile
        except Exception:
            log.exception("a ticket cannot be moved", extra={"ticket_id": ticket.ticket_id})
    return moved
