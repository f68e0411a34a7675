"""What answers may cost: beyond a budget per hour or per ticket, people answer."""

from datetime import timedelta

from helpdesk import metrics
from helpdesk.clock import Clock, utc_now
from helpdesk.decisions import Reason
from helpdesk.ports.store import Spending, Store
from helpdesk.ports.writer import WrittenAnswer

_HOUR = timedelta(hours=1)


class Budget:
    """Keeps the ledger of all workers on one store. Calls under way count only once they have ended, so as many answers
    as are written at a time may come on top.

    Args:
        per_hour_usd: of all workers together, in any hour; 0 is no limit.
        per_ticket_usd: of one ticket in all its turns; 0 is no limit.
    """

    def __init__(self, store: Store, *, per_hour_usd: float, per_ticket_usd: float, clock: Clock = utc_now) -> None:
        self._store = store
        self._per_hour_usd = per_hour_usd
        self._per_ticket_usd = per_ticket_usd
        self._clock = clock

    def exhausted(self, ticket_id: str) -> Reason | None:
        """Return why no further answer may be paid for now, or None."""
        with self._store.reading() as tx:
            on_ticket = tx.spent_on(ticket_id)
            in_hour = tx.spent_since(self._clock() - _HOUR)
        if 0 < self._per_ticket_usd <= on_ticket:
            text = (
                f"Answers to this ticket have cost {on_ticket:.4f} USD; its budget is {self._per_ticket_usd:.2f} USD."
            )
            return Reason(code="budget_ticket", text=text)
        if 0 < self._per_hour_usd <= in_hour:
            text = f"Answers have cost {in_hour:.2f} USD within an hour; the budget is {self._per_hour_usd:.2f} USD."
            return Reason(code="budget_hour", text=text)
        return None

    def spend(self, ticket_id: str, answer: WrittenAnswer) -> None:
        """Record what an answer has cost, whatever becomes of it; what has no known price is counted in tokens only."""
        for call in answer.calls:
            for kind, tokens in call.usage.items():
                metrics.writer_tokens.labels(call.model, kind).inc(tokens)
            metrics.writer_cost.labels(call.model).inc(call.cost_usd or 0.0)
        at = self._clock()
        paid = [
            Spending(ticket_id=ticket_id, model=call.model, usd=call.cost_usd, at=at)
            for call in answer.calls
            if call.cost_usd
        ]
        if paid:
            with self._store.transaction() as tx:
                tx.add_spending(paid)
