"""Questions for which the knowledge base had no good article, as the store remembers them, without personal data."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from helpdesk.article_feedback import Signal, standing
from helpdesk.decisions import DecisionRecord
from helpdesk.personal_data import PersonalData
from helpdesk.ports.store import Store, Transaction
from helpdesk.tickets import Author, ConversationMessage, Ticket

MOST = 3_000
"""The newest questions that are looked at: what is compared grows with their square."""
_PAGE = 200
_UPSET_AT = -0.3
"""VADER's compound at or below which a question counts as upset; the policy's bound, for people, is lower."""
_SHORTEST_NAME = 3
_REFERENCE = re.compile(r"(?<![\w\[])[A-Za-z]{0,4}[-#]?\d{5,}(?!\w)")

Wording = Callable[[Ticket, Sequence[ConversationMessage], int], str]
"""Returns the customer's words that a turn was about."""
_Key = tuple[str, int]


class Why(StrEnum):
    """Why a question counts as one without a good article; the first that holds is named."""

    MARKED_WRONG = "marked_wrong"
    DID_NOT_HELP = "did_not_help"
    DISCARDED = "discarded"
    INSUFFICIENT = "insufficient"
    THIN = "thin"
    OUT_OF_SCOPE = "out_of_scope"


_OF_SIGNAL: Mapping[Signal, Why] = {
    Signal.MARKED_WRONG: Why.MARKED_WRONG,
    Signal.DID_NOT_HELP: Why.DID_NOT_HELP,
    Signal.DISCARDED: Why.DISCARDED,
}
_OF_REASON: Mapping[str, Why] = {
    "passages_insufficient": Why.INSUFFICIENT,
    "evidence_too_thin": Why.THIN,
    "out_of_scope": Why.OUT_OF_SCOPE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """A question, masked: no e-mail address, no number, and not the customer's name as the portal has it.

    Attributes:
        intent: what the model took it for; empty where it was out of scope.
        evidence: what the gate saw; None where it was not asked.
        reply: what an agent answered, masked too; empty where nobody has.
    """

    text: str
    why: Why
    upset: bool
    intent: str
    evidence: float | None
    reply: str


def unanswered(store: Store, *, since: datetime, until: datetime, wording: Wording) -> list[Unanswered]:
    """Return the questions of a window that had no good article, the newest first, at most ``MOST``.

    Raises:
        StoreUnavailable.
    """
    with store.reading() as tx:
        why = _told_by_decisions(tx, since, until) | _told_by_people(tx, since, until)
        newest = sorted(why, key=lambda key: why[key][1], reverse=True)[:MOST]
        found: list[Unanswered] = []
        for start in range(0, len(newest), _PAGE):
            page = newest[start : start + _PAGE]
            ticket_ids = list({ticket_id for ticket_id, _ in page})
            tickets, conversations = tx.tickets(ticket_ids), tx.conversations(ticket_ids)
            for ticket_id, turn in page:
                decision = next((made for made in tx.decisions(ticket_id) if made.turn == turn), None)
                ticket, conversation = tickets[ticket_id], conversations[ticket_id]
                text = wording(ticket, conversation, turn)
                found.append(_question(ticket, conversation, turn, text, why[ticket_id, turn][0], decision))
    return [question for question in found if question.text.strip()]


def _told_by_decisions(tx: Transaction, since: datetime, until: datetime) -> dict[_Key, tuple[Why, datetime]]:
    told: dict[_Key, tuple[Why, datetime]] = {}
    for decision in tx.decisions_between(since, until):
        if reasons := [_OF_REASON[reason.code] for reason in decision.reasons if reason.code in _OF_REASON]:
            told[decision.ticket_id, decision.turn] = (reasons[0], decision.at)
    return told


def _told_by_people(tx: Transaction, since: datetime, until: datetime) -> dict[_Key, tuple[Why, datetime]]:
    told: dict[_Key, tuple[Why, datetime]] = {}
    rank = list(Why)
    for signal in standing(tx.article_signals()):
        why = _OF_SIGNAL.get(signal.signal)
        key = signal.ticket_id, signal.turn
        if why is None or not since <= signal.at < until:
            continue
        if key not in told or rank.index(why) < rank.index(told[key][0]):
            told[key] = (why, signal.at)
    return told


def _question(
    ticket: Ticket,
    conversation: Sequence[ConversationMessage],
    turn: int,
    text: str,
    why: Why,
    decision: DecisionRecord | None,
) -> Unanswered:
    replies = (message.text for message in conversation if message.author is Author.AGENT and message.turn >= turn)
    reply = next(replies, "")
    masked = _masked([text, reply], ticket.user)
    prediction = decision.prediction if decision is not None else {}
    evidence = decision.scores.get("evidence") if decision is not None else None
    sentiment = prediction.get("sentiment_score")
    return Unanswered(
        text=masked[0],
        why=why,
        upset=bool(prediction.get("sentiment_valid")) and isinstance(sentiment, float) and sentiment <= _UPSET_AT,
        intent="" if prediction.get("out_of_scope") else str(prediction.get("predicted_label", "")),
        evidence=evidence,
        reply=masked[1],
    )


def _masked(texts: Sequence[str], user: str) -> list[str]:
    personal = PersonalData(texts)
    named = (
        re.compile(rf"(?<!\w){re.escape(user)}(?!\w)", re.IGNORECASE) if len(user.strip()) >= _SHORTEST_NAME else None
    )
    masked = (_REFERENCE.sub("[REFERENCE]", personal.mask(text)) for text in texts)
    return [named.sub("[CUSTOMER]", text) if named else text for text in masked]
