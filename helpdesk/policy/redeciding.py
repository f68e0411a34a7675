"""Decides again from what a decision has recorded: pure, and by the very function that workers decide with.

Where the record lacks what another policy would have asked for, the result is unknown, and says what is lacking.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pydantic import ValidationError

from helpdesk.decisions import DecisionRecord, Outcome, Reason
from helpdesk.policy.decide import WRITTEN_FOR, Decision, decide, to_a_person, triage
from helpdesk.policy.rules import Policy
from helpdesk.predictions import Prediction
from helpdesk.tickets import Author

PERSON_INTENT = "contact_human_agent"


class Unknown(StrEnum):
    """What a record lacks, so that only a run could tell the outcome."""

    EVIDENCE = "evidence"
    WRITING = "writing"
    LINKS = "links"
    RECORD = "record"

    @property
    def sentence(self) -> str:
        """What is lacking, for people."""
        return _SENTENCES[self]


_SENTENCES = {
    Unknown.EVIDENCE: "unknown, would need a run: it was routed before the knowledge base was asked",
    Unknown.WRITING: "unknown, would need a run: no answer was written for it, so that none was checked",
    Unknown.LINKS: "unknown, would need a run: its answer was checked against other hosts, or against hosts that "
    "nobody knows any more",
    Unknown.RECORD: "unknown, would need a run: another version of Helpdesk wrote the record in a way that this one "
    "cannot read",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A recorded decision with what it rested on.

    Attributes:
        text: the customer's own words as they were then; None: not read, because the words that the policies look for
            are those of the decision's own policy, so that the record tells which of them were found.
        answered_last_by: who had the last word to the customer before.
        policy: the one it was made under; None: the store does not have it.
    """

    record: DecisionRecord
    text: str | None
    answered_last_by: Author | None
    policy: Policy | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Redecided:
    """What a policy makes of a case.

    Attributes:
        outcome: None where it is unknown; then queue is None as well.
        reasons: where the outcome is unknown, what is known so far.
        unknown: what is lacking, where something is.
        at_most: the furthest that the machine could go; where the outcome is known, the outcome.
        by_policy: False where no policy took part, as where a machine was away: then the outcome stays as it was.
    """

    outcome: Outcome | None
    queue: str | None
    reasons: tuple[Reason, ...]
    scores: Mapping[str, float] = field(default_factory=dict)
    unknown: Unknown | None = None
    at_most: Outcome
    by_policy: bool = True


def same_words(one: Policy | None, other: Policy) -> bool:
    """Whether two policies look for the same words in a ticket; None is a policy that nobody knows."""
    return one is not None and _words(one) == _words(other)


def first_code(record: DecisionRecord) -> str:
    """Return the code of the rule that decided."""
    return record.reasons[0].code if record.reasons else ""


def names_words(record: DecisionRecord) -> bool | None:
    """Whether a rule about words has fired; None where the record does not tell."""
    code = first_code(record)
    if code == "asked_for_person" and record.intent == PERSON_INTENT:
        return None
    return code == "asked_for_person" or code.startswith("reserved_topic_")


def redecide(case: Case, policy: Policy) -> Redecided:
    """Return what becomes of a case under a policy."""
    record = case.record
    if not record.scores or not record.prediction:
        return _as_recorded(record, by_policy=False)
    if case.text is None and names_words(record):
        return _as_recorded(record)
    try:
        prediction, text = Prediction.model_validate(record.prediction), case.text or ""
    except ValidationError:
        return Redecided(outcome=None, queue=None, reasons=(), unknown=Unknown.RECORD, at_most=Outcome.ANSWER)
    if early := triage(prediction, text, policy):
        return _known(early)
    if (evidence := record.scores.get("evidence")) is None:
        best = decide(prediction, text, 1.0, policy, answered_last_by=case.answered_last_by)
        return _unknown(best, Unknown.EVIDENCE, reasons=())
    decision = decide(prediction, text, evidence, policy, answered_last_by=case.answered_last_by)
    if decision.reasons[0].code not in WRITTEN_FOR:
        return _known(decision)
    if first_code(record) not in WRITTEN_FOR:
        return _unknown(decision, Unknown.WRITING, reasons=decision.reasons)
    if not _same_links(case, policy):
        return _unknown(decision, Unknown.LINKS, reasons=decision.reasons)
    return _known(_with_writing(decision, prediction, record))


def _with_writing(decision: Decision, prediction: Prediction, record: DecisionRecord) -> Decision:
    """Return the decision with what was found when the answer was written and checked, which no policy changes."""
    found = record.reasons[1:]
    if record.outcome is Outcome.ROUTE:
        return to_a_person(decision, prediction, found)
    return Decision(
        outcome=decision.outcome,
        queue=decision.queue,
        reasons=(*decision.reasons, *found),
        scores=decision.scores,
        raises_priority=decision.raises_priority,
    )


def _same_links(case: Case, policy: Policy) -> bool:
    """Whether the checks of the written answer would find the same under this policy."""
    if case.policy is None:
        return False
    before, after = case.policy.link_hosts, policy.link_hosts
    passed = all(reason.code != "link_not_allowed" for reason in case.record.reasons)
    allows_more = not after or (bool(before) and before <= after)
    return before == after or (passed and allows_more)


def _words(policy: Policy) -> object:
    return policy.asks_for_person, list(policy.reserved_topics.items())


def _as_recorded(record: DecisionRecord, *, by_policy: bool = True) -> Redecided:
    return Redecided(
        outcome=record.outcome,
        queue=record.queue,
        reasons=record.reasons,
        scores=record.scores,
        at_most=record.outcome,
        by_policy=by_policy,
    )


def _known(decision: Decision) -> Redecided:
    return Redecided(
        outcome=decision.outcome,
        queue=decision.queue,
        reasons=decision.reasons,
        scores=decision.scores,
        at_most=decision.outcome,
    )


def _unknown(best: Decision, lacking: Unknown, *, reasons: tuple[Reason, ...]) -> Redecided:
    return Redecided(
        outcome=None, queue=None, reasons=reasons, scores=best.scores, unknown=lacking, at_most=best.outcome
    )
