"""Decides again from what a decision has recorded: pure, and by the very function that workers decide with.

Where the record lacks what another policy would have asked for, the result is unknown, and says what is lacking.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from pydantic import ValidationError

from helpdesk.decisions import DecisionRecord, Outcome, Reason
from helpdesk.policy.clarify import CHOICE_SCORES, Choice, Fact, reply_to
from helpdesk.policy.decide import WRITTEN_FOR, Decision, decide, to_a_person, triage, with_metadata
from helpdesk.policy.evidence import FEEDBACK_SCORES
from helpdesk.policy.rules import Policy
from helpdesk.predictions import Prediction
from helpdesk.tickets import Author, ConversationMessage

PERSON_INTENT = "contact_human_agent"


class Unknown(StrEnum):
    """What a record lacks, so that only a run could tell the outcome."""

    EVIDENCE = "evidence"
    QUESTION = "question"
    WRITING = "writing"
    LINKS = "links"
    RECORD = "record"

    @property
    def sentence(self) -> str:
        """What is lacking, for people."""
        return _SENTENCES[self]


_SENTENCES = {
    Unknown.EVIDENCE: "unknown, would need a run: it was routed before the knowledge base was asked",
    Unknown.QUESTION: "unknown, would need a run: whether its customer would have been asked back hangs on "
    "what is not on record",
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
            are those of the decision's own policy, so that the record tells which of them were found, and because none
            of the policies asks back (``may_be_asked``).
        answered_last_by: who gave the last answer to the customer before.
        policy: the one it was made under; None: the store does not have it.
        conversation: as it stood then; empty: nothing but the ticket's own words, or of no account.
        may_ask: see ``could_ask``; None: nobody knows.
        metadata: what the portal sent along.
    """

    record: DecisionRecord
    text: str | None
    answered_last_by: Author | None
    policy: Policy | None
    conversation: Sequence[ConversationMessage] = ()
    may_ask: bool | None = False
    metadata: Mapping[str, object] = field(default_factory=dict)


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


def could_ask(record: DecisionRecord, conversation: Sequence[ConversationMessage]) -> bool | None:
    """Return whether the customer could be asked back then; None where the record does not tell.

    It does not where the ticket's queue of then decides: a later turn in which nobody has said anything yet.
    """
    if any(message.author is not Author.CUSTOMER for message in conversation):
        return False
    return True if record.turn == 1 or _asked_back(record) else None


def may_be_asked(record: DecisionRecord, policy: Policy) -> bool:
    """Whether the policy asks for one thing, so that the words decide, or a reply to such a question was read."""
    if record.turn > 1:
        return True
    rules = policy.clarify.missing if policy.clarify is not None and "evidence" in record.scores else ()
    return any(record.intent in rule.intents for rule in rules)


def redecide(case: Case, policy: Policy) -> Redecided:
    """Return what becomes of a case under a policy."""
    record = case.record
    if not record.scores or not record.prediction:
        return _as_recorded(record, by_policy=False)
    if case.text is None and names_words(record):
        return _as_recorded(record)
    try:
        prediction = Prediction.model_validate(record.prediction)
    except ValidationError:
        return Redecided(outcome=None, queue=None, reasons=(), unknown=Unknown.RECORD, at_most=Outcome.ANSWER)
    if case.may_ask is not None:
        return _redecided(case, prediction, policy)
    asking, silent = (_redecided(replace(case, may_ask=may_ask), prediction, policy) for may_ask in (True, False))
    if asking == silent:
        return silent
    best = max(asking.at_most, silent.at_most, key=list(reversed(Outcome)).index)
    return Redecided(outcome=None, queue=None, reasons=(), unknown=Unknown.QUESTION, at_most=best)


def _redecided(case: Case, prediction: Prediction, policy: Policy) -> Redecided:
    record, text, may_ask = case.record, case.text or "", bool(case.may_ask)
    if early := triage(prediction, text, policy, may_ask=may_ask):
        return _known(early)
    asked = reply_to(policy.clarify, case.conversation)
    evidence = record.scores.get("evidence")
    if evidence is None or not _same_order(case, asked):
        best = decide(prediction, text, 1.0, policy, answered_last_by=case.answered_last_by)
        return _unknown(best, Unknown.EVIDENCE, reasons=())
    # Without passages nothing is asked back; whether something would have been comes next.
    decision = decide(prediction, text, evidence, policy, answered_last_by=case.answered_last_by, asked=asked)
    decision = replace(decision, scores={**decision.scores, **_kept(record, FEEDBACK_SCORES)})
    if decision.outcome is Outcome.ANSWER and may_ask:
        asks = _asks_back(case, prediction, policy)
        if asks is None:
            return _unknown(decision, Unknown.QUESTION, reasons=decision.reasons)
        if asks:
            scores = {**decision.scores, **_kept(record, CHOICE_SCORES)}
            return _known(replace(decision, outcome=Outcome.ASK, reasons=record.reasons, scores=scores))
    if decision.reasons[0].code not in WRITTEN_FOR:
        return _known(decision)
    if first_code(record) not in WRITTEN_FOR:
        return _unknown(decision, Unknown.WRITING, reasons=decision.reasons)
    if not _same_links(case, policy):
        return _unknown(decision, Unknown.LINKS, reasons=decision.reasons)
    return _known(_with_writing(decision, prediction, record))


def _asked_back(record: DecisionRecord) -> bool:
    return first_code(record).startswith("asks_")


def _asks_back(case: Case, prediction: Prediction, policy: Policy) -> bool | None:
    """Return whether the customer is asked for one thing, as they then were; None where only the passages tell."""
    rules, record = policy.clarify, case.record
    if rules is None:
        return False
    own = case.policy.clarify if case.policy is not None else None
    if own is not None and rules.asks_the_same(own):
        if _asked_back(record) and "evidence" in record.scores:
            return True
        if first_code(record) == "confident_and_grounded":
            return False
    if case.text is None:
        return None
    known = with_metadata(case.text, case.metadata)
    return None if rules.left_open(prediction, known) else False


def _same_order(case: Case, asked: Fact | Choice | None) -> bool:
    """Whether the passages come in the order in which the evidence was found: a reply puts first what it names."""
    if not any(message.is_question for message in case.conversation):
        return True
    if case.policy is None:
        return False
    before = reply_to(case.policy.clarify, case.conversation)
    return before == asked or not (isinstance(before, Choice) or isinstance(asked, Choice))


def _kept(record: DecisionRecord, names: Sequence[str]) -> dict[str, float]:
    return {name: record.scores[name] for name in names if name in record.scores}


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
