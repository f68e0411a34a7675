"""Rehearsals over the store: what another policy would have done to the last decisions, and replays of single ones."""

from collections.abc import Callable, Iterator, Sequence

from helpdesk.article_feedback import Opinions
from helpdesk.decisions import DecisionRecord
from helpdesk.errors import DecisionNotFound, PolicyVersionNotFound, TicketNotFound
from helpdesk.policy.book import PolicyBook
from helpdesk.policy.redeciding import Case, could_ask, may_be_asked, names_words, same_words
from helpdesk.policy.replay import Replay, replay, run_again
from helpdesk.policy.rules import Policy
from helpdesk.policy.whatif import Judgement, WhatIf, latest, what_if
from helpdesk.ports.decision_log import DecisionFilter
from helpdesk.ports.knowledge import Knowledge
from helpdesk.ports.predictor import Predictor
from helpdesk.ports.store import Store
from helpdesk.tickets import ConversationMessage, Ticket, answered_last_by, seen_at

PAGE = 500
Wording = Callable[[Ticket, Sequence[ConversationMessage]], str]


class Rehearsal:
    """Decides again what was decided; changes nothing.

    Args:
        wording: returns the words that the rules look at, as for a worker.
        excerpt: returns what models read of them.
    """

    def __init__(self, store: Store, book: PolicyBook, *, wording: Wording, excerpt: Wording) -> None:
        self._store, self._book, self._wording, self._excerpt = store, book, wording, excerpt

    def what_if(self, after: Policy, *, last: int, wanted: DecisionFilter | None = None, examples: int = 10) -> WhatIf:
        """Return what a policy would have done to the newest decisions, beside the one in force.

        Args:
            last: how many decisions.
            wanted: which ones; None: any.
            examples: how many changed tickets to name.
        """
        before = self._book.policy()
        judgements: dict[tuple[str, int], Judgement] = {}
        cases = self._cases(wanted or DecisionFilter(), last, (before, after), judgements)
        return what_if(cases, before, after, judgements=judgements, examples=examples)

    def replay(self, ticket_id: str, *, turn: int | None = None, number: int | None = None) -> Replay:
        """Decide again from a decision's record.

        Args:
            turn: which of the ticket's decisions; None: the latest.
            number: of the policy's version; None: the one that it was decided under.

        Raises:
            TicketNotFound, DecisionNotFound.
            PolicyVersionNotFound: there is none of this number, or the store lacks the decision's own.
        """
        case, _ = self._case(ticket_id, turn)
        policy = case.policy if number is None else self._book.policy(number)
        if policy is None and not case.record.policy:
            policy = self._book.policy()  # no policy took part, so that any says the same
        if policy is None:
            raise PolicyVersionNotFound(
                f"The ticket was decided under policy {case.record.policy}, which the store does not have (any more); "
                "name another version: `helpdesk policy history` lists them."
            )
        return replay(case, policy)

    def run(
        self,
        ticket_id: str,
        *,
        predictor: Predictor,
        knowledge: Knowledge,
        passages: int,
        opinions: Opinions | None = None,
        turn: int | None = None,
        number: int | None = None,
    ) -> Replay:
        """Predict, retrieve and decide again with what is in force today; nothing is stored or sent.

        Args:
            opinions: what is held of articles today; None: nothing.
            number: of the policy's version; None: the one in force.

        Raises:
            TicketNotFound, DecisionNotFound, PolicyVersionNotFound.
            PredictorUnavailable, PredictionFailed, KnowledgeUnavailable.
        """
        case, excerpt = self._case(ticket_id, turn)
        policy = self._book.policy(number)
        return run_again(
            case,
            excerpt,
            policy,
            predictor=predictor,
            knowledge=knowledge,
            passages=passages,
            opinions=opinions or Opinions(),
        )

    def _case(self, ticket_id: str, turn: int | None) -> tuple[Case, str]:
        with self._store.reading() as tx:
            ticket = tx.tickets([ticket_id]).get(ticket_id)
            if ticket is None:
                raise TicketNotFound(f"There is no ticket {ticket_id}.")
            records = tx.decisions(ticket_id)
            conversation = tx.conversations([ticket_id])[ticket_id]
        found = [record for record in records if turn is None or record.turn == turn]
        if not found:
            which = f"Turn {turn} of ticket {ticket_id}" if turn is not None else f"Ticket {ticket_id}"
            raise DecisionNotFound(f"{which} has no decision; decided are the turns: {_turns(records)}.")
        record = found[-1]
        seen = seen_at(conversation, record.turn)
        case = Case(
            record=record,
            text=self._wording(ticket, seen),
            answered_last_by=answered_last_by(seen),
            policy=self._book.named(record.policy or ""),
            conversation=seen,
            may_ask=could_ask(record, seen),
            metadata=ticket.metadata,
        )
        return case, self._excerpt(ticket, seen)

    def _cases(
        self,
        wanted: DecisionFilter,
        last: int,
        policies: Sequence[Policy],
        judgements: dict[tuple[str, int], Judgement],
    ) -> Iterator[Case]:
        """Yield the newest decisions, page by page; judgements of each page are added before its cases come."""
        known: dict[str | None, Policy | None] = {policy.name: policy for policy in policies[:1]}
        cursor: str | None = None
        while last > 0:
            with self._store.reading() as tx:
                page = tx.list_decisions(wanted, cursor=cursor, limit=min(last, PAGE))
                ids = list({record.ticket_id for record in page.decisions})
                judgements.update(latest(tx.feedback_on(ids), tx.corrections_on(ids)))
            for name in {record.policy for record in page.decisions} - known.keys():
                known[name] = self._book.named(name or "")
            yield from self._page(page.decisions, known, policies)
            last -= len(page.decisions)
            cursor = page.next_cursor
            if cursor is None:
                return

    def _page(
        self, records: Sequence[DecisionRecord], known: dict[str | None, Policy | None], policies: Sequence[Policy]
    ) -> Iterator[Case]:
        """Yield the cases of a page; only where the outcome may hang on them are words and conversations read."""
        others = {name for name, own in known.items() if not all(same_words(own, policy) for policy in policies)}
        by_words = {
            (record.ticket_id, record.turn)
            for record in records
            if record.scores
            and (
                record.policy in others
                or names_words(record) is None
                or any(may_be_asked(record, policy) for policy in policies)
            )
        }
        with self._store.reading() as tx:
            ids = list({ticket_id for ticket_id, _ in by_words})
            tickets, conversations = tx.tickets(ids), tx.conversations(ids)
        for record in records:
            is_read = (record.ticket_id, record.turn) in by_words
            seen = seen_at(conversations[record.ticket_id], record.turn) if is_read else []
            yield Case(
                record=record,
                text=self._wording(tickets[record.ticket_id], seen) if is_read else None,
                answered_last_by=answered_last_by(seen),
                policy=known[record.policy],
                conversation=seen,
                may_ask=could_ask(record, seen),
                metadata=tickets[record.ticket_id].metadata if is_read else {},
            )


def _turns(records: Sequence[DecisionRecord]) -> str:
    return ", ".join(str(record.turn) for record in records) or "none"
