"""What a decision does to a ticket, and the one transaction that records it."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from math import inf

from helpdesk import envelopes
from helpdesk.decisions import DecisionRecord, Outcome
from helpdesk.desk import event, waiting
from helpdesk.policy.decide import Decision
from helpdesk.ports.broker import Envelope
from helpdesk.ports.store import CachedAnswer, Transaction
from helpdesk.tickets import (
    AWAITS_MACHINE,
    GENERAL,
    Action,
    Answer,
    Author,
    ConversationMessage,
    Priority,
    Status,
    Ticket,
    TicketEvent,
)
from processor.work import Work

ACTOR = "worker"


@dataclass(slots=True)
class Effects:
    """Everything that one transaction writes."""

    tickets: list[Ticket] = field(default_factory=list)
    events: list[TicketEvent] = field(default_factory=list)
    messages: list[ConversationMessage] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    decisions: list[DecisionRecord] = field(default_factory=list)
    cached: list[CachedAnswer] = field(default_factory=list)
    outbox: list[tuple[str | None, Envelope]] = field(default_factory=list)

    def write(self, tx: Transaction, *, at: datetime) -> None:
        """Write all of it."""
        tx.save(self.tickets)
        tx.add_events(self.events)
        tx.add_messages(self.messages)
        tx.add_answers(self.answers)
        tx.add_decisions(self.decisions)
        tx.add_cached_answers(self.cached)
        tx.add_outbox(self.outbox, at=at)


def still_due(ticket: Ticket, work: Work) -> bool:
    """Whether the ticket still awaits the machine's decision on this turn; else the work came too late."""
    return ticket.turn == work.message.turn and ticket.status in AWAITS_MACHINE


def record(tx: Transaction, works: Sequence[Work], *, at: datetime) -> list[Work]:
    """Record every decision that is still due, and that every message is done, in the caller's transaction.

    A ticket that a person took meanwhile gets its answer as a draft; nothing is sent over a person.

    Returns:
        The works whose decision took effect.
    """
    # Messages before tickets, as in opening: a redelivered batch would else wait for this one in a circle.
    tx.finish_messages([work.delivery.envelope.message_id for work in works], at=at)
    tickets = tx.tickets([work.ticket.ticket_id for work in works])
    effects = Effects()
    decided: list[Work] = []
    for work in works:
        ticket = tickets[work.ticket.ticket_id]
        if work.decision is None:
            raise ValueError(f"ticket {ticket.ticket_id} has no decision")
        if still_due(ticket, work):
            _decided(effects, ticket, work, work.decision, at)
            decided.append(work)
        elif ticket.status is Status.CLAIMED and ticket.turn == work.message.turn and not _is_decided(tx, ticket):
            _draft_for_the_holder(effects, ticket, work, work.decision, at)
    effects.write(tx, at=at)
    return decided


def _is_decided(tx: Transaction, ticket: Ticket) -> bool:
    """Whether the turn has its decision already: the watchdog's, before the person took the ticket."""
    return any(decision.turn == ticket.turn for decision in tx.decisions(ticket.ticket_id))


def _decided(effects: Effects, ticket: Ticket, work: Work, decision: Decision, at: datetime) -> None:
    ticket = _with_findings(ticket, work, decision)
    is_sent = decision.outcome in {Outcome.ANSWER, Outcome.ASK}
    answer = _answer(work, sent=is_sent, at=at)
    if is_sent and answer is not None:
        action, after = _sent(ticket, decision, at)
        effects.cached += [work.to_cache] if work.to_cache is not None else []
        effects.messages.append(
            ConversationMessage(
                ticket_id=ticket.ticket_id,
                turn=ticket.turn,
                author=Author.MACHINE,
                author_name=answer.author_name,
                text=answer.text,
                is_question=answer.is_question,
                created_at=at,
            )
        )
    else:
        action = Action.DRAFT if decision.outcome is Outcome.DRAFT else Action.ROUTE
        sentence = " ".join(reason.text for reason in decision.reasons)
        after = waiting(ticket, action, queue=decision.queue or GENERAL, reason=sentence, at=at)
        entry = envelopes.queue_entry(after, work.conversation, draft=answer)
        effects.outbox.append((ticket.ticket_id, entry))
    if answer is not None:
        effects.answers.append(answer)
    effects.tickets.append(after)
    reason = " ".join(reason.text for reason in decision.reasons)
    details = {"queue": after.queue} if after.queue else {}
    effects.events.append(event(after, action, actor=Author.MACHINE, name=ACTOR, reason=reason, **details))
    effects.decisions.append(_decision_record(work, decision, at))


def _sent(ticket: Ticket, decision: Decision, at: datetime) -> tuple[Action, Ticket]:
    """Return the step that an answer or a question is, and the ticket after it."""
    if decision.clarification is None:
        return Action.ANSWER, ticket.after(Action.ANSWER, at=at, queue=None, entry_id=None)
    deadline = at + decision.clarification.wait
    return Action.ASK, ticket.after(Action.ASK, at=at, queue=None, queued_at=None, entry_id=None, deadline_at=deadline)


def _draft_for_the_holder(effects: Effects, ticket: Ticket, work: Work, decision: Decision, at: datetime) -> None:
    draft = _answer(work, sent=False, at=at)
    if draft is not None:
        effects.answers.append(draft)
    # The version rises, so that whoever polls the ticket learns of the draft.
    noted = replace(ticket, version=ticket.version + 1, updated_at=at)
    effects.tickets.append(noted)
    reason = f"{ticket.claimed_by} has the ticket, so nothing was sent; what was found is kept as a draft."
    effects.events.append(event(noted, None, actor=Author.MACHINE, name=ACTOR, reason=reason))
    effects.decisions.append(_decision_record(work, decision, at))


def _with_findings(ticket: Ticket, work: Work, decision: Decision) -> Ticket:
    prediction = work.prediction
    if prediction is None:
        return ticket
    return replace(
        ticket,
        intent=prediction.predicted_label,
        category=prediction.category,
        confidence=prediction.prediction_confidence,
        sentiment=prediction.sentiment_score if prediction.sentiment_valid else None,
        upset=prediction.sentiment_valid and prediction.sentiment_score <= decision.scores.get("upset_at", -inf),
        priority=Priority.HIGH if decision.raises_priority else ticket.priority,
    )


def _answer(work: Work, *, sent: bool, at: datetime) -> Answer | None:
    """Return what was written as an answer or draft, or None where nothing was."""
    if work.answer is None or not work.answer.text:
        return None
    return Answer(
        answer_id=uuid.uuid4().hex,
        ticket_id=work.ticket.ticket_id,
        turn=work.message.turn,
        author=Author.MACHINE,
        author_name=work.answer.writer,
        text=work.answer.text,
        sent=sent,
        is_question=work.decision is not None and work.decision.outcome is Outcome.ASK,
        citations=tuple(citation for block in work.answer.blocks for citation in block.citations),
        usage=work.answer.usage,
        created_at=at,
    )


def _decision_record(work: Work, decision: Decision, at: datetime) -> DecisionRecord:
    return DecisionRecord(
        ticket_id=work.ticket.ticket_id,
        turn=work.message.turn,
        outcome=decision.outcome,
        queue=decision.queue,
        reasons=decision.reasons,
        scores=decision.scores,
        prediction=work.prediction.model_dump() if work.prediction is not None else {},
        versions=work.versions,
        duration_ms=work.duration_ms,
        usage=work.answer.usage if work.answer is not None else {},
        cost_usd=work.answer.cost_usd if work.answer is not None else None,
        at=at,
    )
