"""What another policy would have done to tickets that were decided: counted from records, never guessed."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from helpdesk.corrections import Correction, predicted_intent
from helpdesk.decisions import DecisionRecord, Outcome
from helpdesk.policy.intervals import Interval, difference, expected, share
from helpdesk.policy.redeciding import Case, Redecided, Unknown, redecide
from helpdesk.policy.rules import Policy
from helpdesk.tickets import Feedback

UNHELPFUL, HELPFUL = 2, 4
"""Feedback up to the first, from the second."""

UNKNOWN = "unknown"


@dataclass(slots=True)
class Side:
    """What becomes of the tickets under one policy.

    Attributes:
        outcomes: how many there are of each known outcome.
        unknown: how many have an unknown outcome, by what is lacking.
        answers_at_most: how many would be answered if every unknown one went as far as the policy lets it.
        queues: how many people get, by queue, drafts included.
        wrong_expected, wrong_variance: of the tickets that are answered, the sum of the probabilities that the intent
            is another, and of each such probability times the rest to 1.
        corrected, confirmed: answered tickets whose intent an agent has named since: another, or the same.
        unhelpful, helpful: answered tickets whose customer rated the answer, as it was sent.
    """

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    unknown: Counter[Unknown] = field(default_factory=Counter)
    answers_at_most: int = 0
    queues: Counter[str] = field(default_factory=Counter)
    wrong_expected: float = 0.0
    wrong_variance: float = 0.0
    corrected: int = 0
    confirmed: int = 0
    unhelpful: int = 0
    helpful: int = 0

    @property
    def total(self) -> int:
        """How many tickets were looked at."""
        return self.outcomes.total() + self.unknown.total()

    def share_of(self, outcome: Outcome) -> Interval:
        """Return the share of a known outcome among all tickets, with its 95 % interval."""
        return share(self.outcomes[outcome], self.total)

    @property
    def wrong(self) -> Interval:
        """How many answers are expected to rest on a wrong intent, if the model's confidence is calibrated."""
        return expected(self.wrong_expected, self.wrong_variance)

    def add(self, record: DecisionRecord, found: Redecided, said: "Judgement") -> None:
        """Count one ticket."""
        self.answers_at_most += found.at_most is Outcome.ANSWER
        if found.outcome is None:
            self.unknown[found.unknown or Unknown.RECORD] += 1
            return
        self.outcomes[found.outcome] += 1
        if found.queue is not None:
            self.queues[found.queue] += 1
        if found.outcome is Outcome.ANSWER:
            wrong = 1.0 - (record.confidence or 0.0)
            self.wrong_expected += wrong
            self.wrong_variance += wrong * (1.0 - wrong)
            self._add_judgement(record, said)

    def _add_judgement(self, record: DecisionRecord, said: "Judgement") -> None:
        if said.intent is not None:
            is_right = said.intent == predicted_intent(record.prediction)
            self.confirmed += is_right
            self.corrected += not is_right
        if said.score is not None and record.outcome is Outcome.ANSWER:
            self.unhelpful += said.score <= UNHELPFUL
            self.helpful += said.score >= HELPFUL


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What people said of one turn of a ticket: the intent that an agent named, and the customer's score, 1 to 5."""

    intent: str | None = None
    score: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedTicket:
    """A ticket that the other policy would have treated otherwise.

    Attributes:
        before, after: outcome and queue; None for the outcome: unknown.
        reason: why it would be so, or what is lacking to know it.
    """

    ticket_id: str
    turn: int
    at: datetime
    intent: str | None
    confidence: float | None
    before: Outcome | None
    before_queue: str | None
    after: Outcome | None
    after_queue: str | None
    reason: str


@dataclass(slots=True)
class WhatIf:
    """What another policy would have done.

    Attributes:
        changed: how many tickets would have had another outcome or queue.
        became_unknown: how many have a known outcome before, and an unknown one after.
        not_by_policy: how many no policy decided, as where a machine was away; they stay as they were.
        automatic_gained, automatic_lost: how many are answered after and were not before, and the other way round.
        moves: how many went from which outcome to which; ``unknown`` stands for itself.
        examples: changed tickets, newest first, the known ones before the unknown.
        since, until: when the first and the last of the tickets was decided.
    """

    before: Side = field(default_factory=Side)
    after: Side = field(default_factory=Side)
    changed: int = 0
    became_unknown: int = 0
    not_by_policy: int = 0
    automatic_gained: int = 0
    automatic_lost: int = 0
    moves: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: list[ChangedTicket] = field(default_factory=list)
    since: datetime | None = None
    until: datetime | None = None

    @property
    def total(self) -> int:
        """How many decisions were looked at."""
        return self.before.total

    @property
    def automatic_difference(self) -> Interval:
        """How the share of answered tickets changes, as far as it is known."""
        return difference(self.automatic_gained, self.automatic_lost, self.total)


def what_if(
    cases: Iterable[Case],
    before: Policy,
    after: Policy,
    *,
    judgements: Mapping[tuple[str, int], Judgement],
    examples: int,
) -> WhatIf:
    """Return what a policy would have done beside another one.

    Args:
        cases: newest first.
        before: the policy that is compared with. A decision that was made under it counts as it was recorded.
        judgements: by ticket and turn; it may grow while the cases are read.
        examples: how many changed tickets to keep, and as many whose outcome became unknown.
    """
    result = WhatIf()
    lacking: list[ChangedTicket] = []
    none = Judgement()
    for case in cases:
        record = case.record
        result.until = result.until or record.at
        result.since = record.at
        first, second = _as_it_was(case, before), redecide(case, after)
        said = judgements.get((record.ticket_id, record.turn), none)
        result.before.add(record, first, said)
        result.after.add(record, second, said)
        result.not_by_policy += not second.by_policy
        was, is_now = first.outcome is Outcome.ANSWER, second.outcome is Outcome.ANSWER
        result.automatic_gained += is_now and not was
        result.automatic_lost += was and not is_now
        if (first.outcome, first.queue) == (second.outcome, second.queue):
            continue
        result.moves[first.outcome or UNKNOWN, second.outcome or UNKNOWN] += 1
        if second.outcome is None:
            result.became_unknown += 1
            kept = lacking
        else:
            result.changed += first.outcome is not None
            kept = result.examples
        if len(kept) < examples:
            kept.append(_example(record, first, second))
    result.examples += lacking[: examples - len(result.examples)]
    return result


def _as_it_was(case: Case, policy: Policy) -> Redecided:
    record = case.record
    if record.policy != policy.name:
        return redecide(case, policy)
    return Redecided(outcome=record.outcome, queue=record.queue, reasons=record.reasons, at_most=record.outcome)


def _example(record: DecisionRecord, before: Redecided, after: Redecided) -> ChangedTicket:
    words = " ".join(reason.text for reason in after.reasons)
    lacking = after.unknown.sentence if after.unknown else ""
    return ChangedTicket(
        ticket_id=record.ticket_id,
        turn=record.turn,
        at=record.at,
        intent=record.intent,
        confidence=record.confidence,
        before=before.outcome,
        before_queue=before.queue,
        after=after.outcome,
        after_queue=after.queue,
        reason=" ".join(part for part in (words, f"({lacking})" if words and lacking else lacking) if part),
    )


def latest(feedback: Iterable[Feedback], corrections: Iterable[Correction]) -> dict[tuple[str, int], Judgement]:
    """Return what people said last of each turn of each ticket."""
    scores = {(said.ticket_id, said.turn): said.score for said in feedback}
    intents = {(said.ticket_id, said.turn): said.intent for said in corrections}
    return {key: Judgement(intent=intents.get(key), score=scores.get(key)) for key in scores.keys() | intents.keys()}
