"""What became of the demo's tickets: one row each, and totals."""

import html
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any

_MARKUP = re.compile(r"<style.*?</style>|</?[a-z!][^>]{0,500}>", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One ticket and what became of it.

    Attributes:
        outcome: ``answered``, ``asked``, ``drafted`` or ``routed``.
        why: the reasons for the decision, in sentences.
        decided_after_ms: from the ticket's acceptance to its decision.
    """

    ticket_id: str
    text: str
    intent: str | None
    expected_intent: str | None
    confidence: float | None
    sentiment: float | None
    outcome: str
    queue: str | None
    why: str
    answer: str
    source: str
    decided_after_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """All rows together.

    Attributes:
        lost: accepted, but without a decision.
        tickets_per_s: from the first acceptance to the last decision.
        intents_as_labelled: of the ``labelled`` tickets, how many got the intent that the file expects.
    """

    accepted: int
    answered: int
    asked: int
    drafted: int
    routed: int
    lost: int
    routed_to: Mapping[str, int]
    median_ms: float
    slowest_ms: float
    tickets_per_s: float
    labelled: int
    intents_as_labelled: int


def row(ticket: Mapping[str, Any]) -> Row:
    """Return the row of a decided ticket, from the agents' view of it."""
    decision = ticket["decisions"][-1] if ticket["decisions"] else {}
    answers = [answer for answer in ticket["answers"] if answer["author"] == "machine"]
    answer: Mapping[str, Any] = answers[-1] if answers else {"text": "", "citations": []}
    decided_at = decision.get("at", ticket["updated_at"])
    return Row(
        ticket_id=ticket["ticket_id"],
        text=plain(ticket["subject"]) or plain(ticket["conversation"][0]["text"]),
        intent=ticket["intent"],
        expected_intent=ticket["metadata"].get("expected_intent"),
        confidence=ticket["confidence"],
        sentiment=ticket["sentiment"],
        outcome={"answered": "answered", "asked": "asked", "review": "drafted"}.get(ticket["status"], "routed"),
        queue=ticket["queue"],
        why=" ".join(reason["text"] for reason in decision.get("reasons", ())) or ticket["queue_reason"],
        answer=_first_sentence(answer["text"]),
        source=answer["citations"][0]["title"] if answer["citations"] else "",
        decided_after_ms=_milliseconds(ticket["created_at"], decided_at),
    )


def totals(rows: Sequence[Row], tickets: Sequence[Mapping[str, Any]], *, accepted: int) -> Totals:
    """Return the totals over the decided tickets, of ``accepted`` in all."""
    outcomes = Counter(item.outcome for item in rows)
    labelled = [item for item in rows if item.expected_intent]
    took = [item.decided_after_ms for item in rows] or [0.0]
    first = min((ticket["created_at"] for ticket in tickets), default="")
    last = max((ticket["decisions"][-1]["at"] for ticket in tickets if ticket["decisions"]), default="")
    span_s = _milliseconds(first, last) / 1000 if first and last else 0.0
    return Totals(
        accepted=accepted,
        answered=outcomes["answered"],
        asked=outcomes["asked"],
        drafted=outcomes["drafted"],
        routed=outcomes["routed"],
        lost=accepted - len(rows),
        routed_to=dict(Counter(item.queue or "" for item in rows if item.outcome == "routed").most_common()),
        median_ms=round(median(took), 1),
        slowest_ms=round(max(took), 1),
        tickets_per_s=round(len(rows) / span_s, 1) if span_s > 0 else 0.0,
        labelled=len(labelled),
        intents_as_labelled=sum(item.intent == item.expected_intent for item in labelled),
    )


def plain(text: str) -> str:
    """Return a text on one line, without markup."""
    return " ".join(html.unescape(_MARKUP.sub(" ", text)).split())


def _first_sentence(text: str) -> str:
    """Return the first line that is no greeting: a greeting ends with a comma."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return next((line for line in lines if not line.endswith(",")), "")


def _milliseconds(start: str, end: str) -> float:
    return round((datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds() * 1000, 1)
