"""Corrections by agents as labelled tickets: read from the store, with the very text that the model had read."""

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from helpdesk.corrections import OUT_OF_SCOPE, Correction
from helpdesk.ports.store import Store
from helpdesk.tickets import seen_at
from models.dataset import CorrectedRows, Dataset, LabelledTicket
from models.near_duplicates import near_keys, normal_form
from models.preprocess import clean
from models.wording import excerpt

PAGE = 200
"""Corrections that are in memory at a time, each with its ticket's conversation."""


@dataclass(frozen=True, slots=True)
class CorrectedTicket:
    """A correction that stands, and the text that it is about; the text is a customer's."""

    text: str
    correction: Correction


class Dropped(StrEnum):
    """Why a correction takes no part in a training."""

    UNKNOWN_INTENT = "unknown_intent"
    NO_WORDS = "no_words"
    HELD_OUT = "held_out"
    CONTRADICTED = "contradicted"
    REPEATED = "repeated"


def corrected_tickets(store: Store) -> Iterator[CorrectedTicket]:
    """Yield every correction that stands, in the order of their making, from one state of the store, page by page.

    Raises:
        StoreUnavailable: it cannot be read (any further).
    """
    after = 0
    with store.reading() as tx:
        while rows := tx.standing_corrections(after=after, limit=PAGE):
            ticket_ids = [row.correction.ticket_id for row in rows]
            tickets, conversations = tx.tickets(ticket_ids), tx.conversations(ticket_ids)
            for row in rows:
                ticket_id, turn = row.correction.ticket_id, row.correction.turn
                text = excerpt(tickets[ticket_id], seen_at(conversations[ticket_id], turn))
                yield CorrectedTicket(text, row.correction)
            after = rows[-1].sequence


def with_corrections(dataset: Dataset, corrected: Iterable[CorrectedTicket]) -> Dataset:
    """Return the dataset with corrected tickets beside its training rows; what is held out stays as it is.

    Texts count as the same when they read the same to the models. The correction wins over a training row of the file,
    the later one over an earlier. One that reads like a held-out row, but for one word at most, is dropped: the model
    would be measured on what it was told.

    Args:
        corrected: in the order of their making.
    """
    held_out = {key for ticket in dataset.tickets if ticket.split != "train" for key in _keys(ticket)}
    known = {*dataset.labels, OUT_OF_SCOPE}
    kept: dict[Hashable, LabelledTicket] = {}
    dropped: Counter[str] = Counter()
    until: datetime | None = None
    for item in corrected:
        until = max(until or item.correction.created_at, item.correction.created_at)
        ticket = LabelledTicket(item.text, item.correction.intent, "train")
        if ticket.intent not in known:
            dropped[Dropped.UNKNOWN_INTENT] += 1
        elif not clean(ticket.text):
            dropped[Dropped.NO_WORDS] += 1
        elif not held_out.isdisjoint(_keys(ticket)):
            dropped[Dropped.HELD_OUT] += 1
        else:
            form = normal_form(ticket.text)
            if earlier := kept.get(form):
                dropped[Dropped.REPEATED if earlier.intent == ticket.intent else Dropped.CONTRADICTED] += 1
            kept[form] = ticket

    tickets = []
    taught: set[Hashable] = set()
    for ticket in dataset.tickets:
        form = normal_form(ticket.text) if ticket.split == "train" else ()
        correction = kept.get(form)
        if correction is None or correction.intent == ticket.intent:
            tickets.append(ticket)
            if correction is not None:
                taught.add(form)
    used = [ticket for form, ticket in kept.items() if form not in taught]
    dropped[Dropped.REPEATED] += len(kept) - len(used)
    rows = CorrectedRows(tuple(used), dict(+dropped), len(dataset.tickets) - len(tickets), until)
    return replace(dataset, tickets=tuple(tickets), corrections=rows)


def _keys(ticket: LabelledTicket) -> Iterator[Hashable]:
    """Yield keys of which texts that read the same share one, and near-duplicates of one intent too."""
    form = normal_form(ticket.text)
    yield form
    yield from near_keys(form, ticket.intent)
