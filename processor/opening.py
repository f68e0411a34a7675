"""Opens deliveries: decodes them, counts the start, and sorts out what needs no work."""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime

from helpdesk.desk import enqueue, event
from helpdesk.errors import UndecodableMessage
from helpdesk.messages import TicketSubmitted, decode
from helpdesk.ports.broker import Delivery, Envelope
from helpdesk.ports.mailboxes import DeadLetter, InboxEntry
from helpdesk.ports.store import Store, Transaction
from helpdesk.tickets import AWAITS_MACHINE, GENERAL, Action, Author, ConversationMessage, Status, Ticket
from models.wording import excerpt, wording
from processor.recording import ACTOR
from processor.work import Work

log = logging.getLogger(__name__)


class Suspects(Exception):
    """Among the deliveries are some whose handling ended a worker before; nothing was counted.

    Attributes:
        others: deliveries that may be opened together.
        suspects: deliveries that must be opened and handled one at a time: who is counted with a message that kills,
            is in the end taken for one that does.
    """

    def __init__(self, others: Sequence[Delivery], suspects: Sequence[Delivery]) -> None:
        super().__init__(f"{len(suspects)} messages have ended a worker before")
        self.others, self.suspects = others, suspects


def open_deliveries(
    store: Store, deliveries: Sequence[Delivery], *, max_starts: int, at: datetime, alone: bool = False
) -> list[Work]:
    """Return the work that is due; everything else is settled here (done before, outdated, undecodable, deadly).

    The start of each message is counted and committed before its work begins, so that a message that kills its
    worker is known by its count.

    Args:
        alone: no suspect but this one is handled in this process now.

    Raises:
        Suspects: unless ``alone``, when some have ended a worker before.
        StoreUnavailable: nothing was settled that the store does not know of.
    """
    messages = _decode(store, deliveries, at)
    if not messages:
        return []
    due: list[Work] = []
    settled: list[Delivery] = []
    deadly: list[tuple[Delivery, TicketSubmitted, int]] = []
    with store.transaction() as tx:
        inbox = tx.start_messages([delivery.envelope.message_id for delivery, _ in messages], at=at)
        if not alone:
            _keep_suspects_apart([delivery for delivery, _ in messages], inbox)
        ticket_ids = [message.ticket_id for _, message in messages]
        tickets, conversations = tx.tickets(ticket_ids), tx.conversations(ticket_ids)
        for delivery, message in messages:
            entry, ticket = inbox[delivery.envelope.message_id], tickets.get(message.ticket_id)
            crashes = _crashes(entry, delivery)
            if crashes >= max_starts:
                deadly.append((delivery, message, entry.starts))
            elif ticket is None or not _is_due(entry, ticket, message):
                settled.append(delivery)
            else:
                due.append(_work(delivery, message, ticket, conversations[ticket.ticket_id], crashes))
        _start(tx, due, at)
        tx.finish_messages([delivery.envelope.message_id for delivery in settled], at=at)
    for delivery in settled:
        delivery.ack()
    for delivery, message, starts in deadly:
        give_up(store, delivery, message, f"Its handling ended without a word {starts - 1} times.", at=at)
    return due


def give_up(store: Store, delivery: Delivery, message: TicketSubmitted, reason: str, *, at: datetime) -> None:
    """Dead-letter a message and hand its ticket to a person, in one transaction; then settle the delivery."""
    envelope = delivery.envelope
    with store.transaction() as tx:
        tx.add_dead_letter(_letter(envelope, message, reason, at))
        tx.finish_messages([envelope.message_id], at=at)
        ticket = tx.tickets([message.ticket_id]).get(message.ticket_id)
        if ticket is not None and ticket.status in AWAITS_MACHINE and ticket.turn == message.turn:
            sentence = f"The machine could not handle this ticket: {reason}"
            enqueue(
                tx,
                ticket,
                Action.FAIL,
                queue=ticket.category or GENERAL,
                reason=sentence,
                at=at,
                actor=Author.MACHINE,
                name=ACTOR,
            )
    log.error(
        "dead letter",
        extra={
            "message_id": envelope.message_id,
            "ticket_id": message.ticket_id,
            "reason": reason,
            "correlation_id": message.correlation_id,
        },
    )
    delivery.dead_letter(reason)


def _decode(store: Store, deliveries: Sequence[Delivery], at: datetime) -> list[tuple[Delivery, TicketSubmitted]]:
    messages: dict[str, tuple[Delivery, TicketSubmitted]] = {}
    for delivery in deliveries:
        if delivery.envelope.message_id in messages:
            delivery.ack()  # a second copy; the first is still unacknowledged and stands for both
            continue
        try:
            message = decode(delivery.envelope.body)
            if not isinstance(message, TicketSubmitted):
                raise UndecodableMessage(f"{message.kind} does not belong here", field="kind")
        except UndecodableMessage as error:
            _bury(store, delivery, str(error), at)
        else:
            messages[delivery.envelope.message_id] = (delivery, message)
    return list(messages.values())


def _bury(store: Store, delivery: Delivery, reason: str, at: datetime) -> None:
    envelope = delivery.envelope
    with store.transaction() as tx:
        tx.add_dead_letter(_letter(envelope, None, reason, at))
    extra = {"message_id": envelope.message_id, "reason": reason, "correlation_id": envelope.correlation_id}
    log.error("undecodable message", extra=extra)
    delivery.dead_letter(reason)


def _letter(envelope: Envelope, message: TicketSubmitted | None, reason: str, at: datetime) -> DeadLetter:
    return DeadLetter(
        message_id=envelope.message_id,
        source=envelope.destination,
        reason=reason,
        body=envelope.body,
        ticket_id=message.ticket_id if message is not None else None,
        turn=message.turn if message is not None else None,
        attempts=envelope.attempt + 1,
        created_at=at,
    )


def _keep_suspects_apart(deliveries: Sequence[Delivery], inbox: Mapping[str, InboxEntry]) -> None:
    """Raise Suspects, and so roll the counting back, if there are any."""
    suspects: list[Delivery] = []
    others: list[Delivery] = []
    for delivery in deliveries:
        entry = inbox[delivery.envelope.message_id]
        (suspects if not entry.finished and _crashes(entry, delivery) > 0 else others).append(delivery)
    if suspects:
        raise Suspects(others, suspects)


def _crashes(entry: InboxEntry, delivery: Delivery) -> int:
    """Return how often the message's handling was begun before and ended without a word."""
    return entry.starts - 1 - delivery.envelope.attempt


def _is_due(entry: InboxEntry, ticket: Ticket, message: TicketSubmitted) -> bool:
    return not entry.finished and ticket.turn == message.turn and ticket.status in AWAITS_MACHINE


def _work(
    delivery: Delivery,
    message: TicketSubmitted,
    ticket: Ticket,
    conversation: Sequence[ConversationMessage],
    crashes: int,
) -> Work:
    return Work(
        delivery=delivery,
        message=message,
        ticket=ticket,
        conversation=conversation,
        text=wording(ticket, conversation),
        excerpt=excerpt(ticket, conversation),
        crashes=crashes,
    )


def _start(tx: Transaction, works: Sequence[Work], at: datetime) -> None:
    started: list[Ticket] = []
    for work in works:
        if work.ticket.status is not Status.PROCESSING:
            work.ticket = work.ticket.after(Action.START, at=at)
            started.append(work.ticket)
    tx.save(started)
    tx.add_events([event(ticket, Action.START, actor=Author.MACHINE, name=ACTOR) for ticket in started])
