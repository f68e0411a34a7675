"""Counts what came of every accepted ticket, in the manner of Jepsen's total-queue checker."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table

from helpdesk.ports.broker import human
from helpdesk.ports.mailboxes import DeadLetterStatus
from helpdesk.ports.store import Store
from helpdesk.tickets import AWAITS_MACHINE, AWAITS_PERSON, HUMAN_QUEUES, Action, Author


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What a run did with its tickets.

    Attributes:
        attempted: requests that the client means to have accepted, by idempotency key.
        acknowledged: keys that got a 202 in the end.
        lost: acknowledged, but the store knows no such ticket.
        silent: acknowledged, and neither answered nor in a human queue when the run ended.
        doubled_tickets: keys for which the store holds more than one ticket.
        doubled_answers: turns that the machine answered more than once.
        doubled_entries: turns that the machine put into a human queue more than once.
        missing_entries: tickets that wait for a person, beyond the messages that the broker's human queues hold.
        copies: messages in the human queues beyond the tickets that wait there. A relay that ends before its delete
            sends an entry again, under the same entry id, of which one claim comes true; so these are no fault.
        dead: dead letters that no fault asked for.
        unsettled: messages left in a lane or on the retry ladder.
        answered, queued: how the acknowledged tickets ended.
    """

    attempted: int
    acknowledged: int
    lost: int
    silent: int
    doubled_tickets: int
    doubled_answers: int
    doubled_entries: int
    missing_entries: int
    copies: int
    dead: int
    unsettled: int
    answered: int
    queued: int

    @property
    def sound(self) -> bool:
        """Whether every accepted ticket ended exactly once, and nothing else happened."""
        return self.sound_but_for(dead=0)

    def sound_but_for(self, *, dead: int) -> bool:
        """Whether every accepted ticket ended exactly once, with as many dead letters as the fault means to make."""
        wrong = (
            self.lost,
            self.silent,
            self.doubled_tickets,
            self.doubled_answers,
            self.doubled_entries,
            self.missing_entries,
            self.dead - dead,
            self.unsettled,
        )
        return not any(wrong) and self.acknowledged == self.answered + self.queued


def count(
    store: Store, accepted: Mapping[str, str], *, attempted: int, unsettled: int, depths: Mapping[str, int]
) -> Counts:
    """Return the counts of a run that has come to rest.

    Args:
        accepted: idempotency key -> ticket id, as the client saw it.
        depths: how many messages the broker holds, by destination.
    """
    lost = silent = answered = queued = doubled_answers = doubled_entries = 0
    waiting: Counter[str] = Counter()
    with store.reading() as tx:
        dead = len(tx.dead_letters(status=DeadLetterStatus.DEAD, limit=10_000))
        stored = sum(tx.counts_by_status().values())
        tickets = tx.tickets(list(accepted.values()))
        for ticket_id in accepted.values():
            ticket = tickets.get(ticket_id)
            if ticket is None:
                lost += 1
                continue
            silent += ticket.status in AWAITS_MACHINE
            waiting[ticket.queue or ""] += ticket.status in AWAITS_PERSON
            sent = Counter(
                answer.turn for answer in tx.answers(ticket_id) if answer.sent and answer.author is Author.MACHINE
            )
            entries = Counter(
                event.turn
                for event in tx.events(ticket_id)
                if event.action in {Action.ROUTE, Action.DRAFT, Action.FAIL} and event.actor is Author.MACHINE
            )
            doubled_answers += sum(times > 1 for times in sent.values())
            doubled_entries += sum(times > 1 for times in entries.values())
            answered += bool(sent) and not entries
            queued += bool(entries) and not sent
    surplus = {queue: depths.get(human(queue), 0) - waiting[queue] for queue in HUMAN_QUEUES}
    return Counts(
        attempted=attempted,
        acknowledged=len(accepted),
        lost=lost,
        silent=silent,
        doubled_tickets=stored - len(set(accepted.values())) if len(accepted) == attempted else 0,
        doubled_answers=doubled_answers,
        doubled_entries=doubled_entries,
        missing_entries=-sum(min(0, difference) for difference in surplus.values()),
        copies=sum(max(0, difference) for difference in surplus.values()),
        dead=dead,
        unsettled=unsettled,
        answered=answered,
        queued=queued,
    )


shown: list[dict[str, str | int]] = []
"""What was shown since a test took it away, for the table at the end of a run."""


def show(title: str, stack: str, counts: Counts) -> None:
    """Print the counts as a table, and keep them."""
    shown.append({"fault": title, "stack": stack, **asdict(counts)})
    table = Table(title=f"{title}, {stack}", title_justify="left")
    for name in asdict(counts):
        table.add_column(name.replace("_", " "), justify="right")
    table.add_row(*(str(value) for value in asdict(counts).values()))
    Console(width=150).print(table)
