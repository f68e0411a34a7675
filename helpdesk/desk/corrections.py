"""What agents say about the model: the true intent of a ticket."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from difflib import get_close_matches

from helpdesk import metrics
from helpdesk.corrections import Correction, predicted_intent
from helpdesk.desk.queueing import event
from helpdesk.desk.scope import Scope
from helpdesk.errors import InvalidInput
from helpdesk.tickets import Author

_MAX_LISTED = 40


class Corrections(Scope):
    """The side of the desk from which the model learns."""

    def correct(
        self,
        ticket_id: str,
        agent: str,
        *,
        intent: str,
        known: Collection[str],
        turn: int | None = None,
        note: str = "",
    ) -> Correction:
        """Record what the customer really wanted. The ticket stays as it is, whatever its status, and needs no claim.

        A repetition of what stands already is not recorded again.

        Args:
            known: every intent that there is.
            turn: which is meant (default: the latest that the model predicted, else the present one).

        Raises:
            TicketNotFound: no such ticket.
            InvalidInput: there is no such intent or turn, or the agent has no name.
        """
        if intent not in known:
            raise _unknown_intent(intent, known)
        now = self._clock()
        with self._store.transaction() as tx:
            ticket = tx.ticket(ticket_id)
            predicted = {decision.turn: decision for decision in tx.decisions(ticket_id) if decision.prediction}
            meant = turn if turn is not None else max(predicted, default=ticket.turn)
            if not 1 <= meant <= ticket.turn:
                raise InvalidInput(f"{meant} is none of the ticket's", field="turn", remedy=f"send 1 to {ticket.turn}")
            decision = predicted.get(meant)
            correction = Correction(
                ticket_id=ticket_id,
                turn=meant,
                intent=intent,
                predicted=predicted_intent(decision.prediction) if decision else None,
                model_version=decision.versions.get("model") if decision else None,
                author=agent,
                note=note,
                created_at=now,
            )
            standing = _standing(tx.corrections(ticket_id), meant)
            if standing is not None and replace(correction, created_at=standing.created_at) == standing:
                return standing
            tx.add_correction(correction)
            step = event(
                replace(ticket, turn=meant, updated_at=now),
                None,
                actor=Author.AGENT,
                name=agent,
                reason=correction.sentence,
                intent=intent,
                predicted=correction.predicted,
            )
            tx.add_events([step])
        metrics.corrections.labels(correction.verdict).inc()
        return correction


def _standing(corrections: Sequence[Correction], turn: int) -> Correction | None:
    return next((correction for correction in reversed(corrections) if correction.turn == turn), None)


def _unknown_intent(intent: str, known: Collection[str]) -> InvalidInput:
    """Return the error with the intents that could be meant: of many, those that are spelt alike."""
    listed = sorted(known)
    if len(listed) > _MAX_LISTED:
        listed = get_close_matches(intent, listed, n=10, cutoff=0.4) or listed[:10]
    return InvalidInput(
        f"{intent!r} is no intent of the live model", field="intent", remedy=f"send one of {', '.join(listed)}"
    )
