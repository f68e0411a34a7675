"""Replays of one decision: from its record, which must give the same again, or with today's model and knowledge."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from helpdesk.article_feedback import Opinions
from helpdesk.decisions import DecisionRecord, Reason
from helpdesk.policy.clarify import Choice, reply_to
from helpdesk.policy.decide import WRITTEN_FOR, Decision, decide, triage
from helpdesk.policy.evidence import evidence, feedback_scores, question_of
from helpdesk.policy.redeciding import Case, Redecided, Unknown, first_code, redecide
from helpdesk.policy.rules import Policy
from helpdesk.ports.knowledge import Knowledge, Passage
from helpdesk.ports.predictor import Predictor
from helpdesk.predictions import Prediction

Value = str | float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One thing as it was recorded, and as it is in the replay."""

    what: str
    recorded: Value
    replayed: Value

    @property
    def differs(self) -> bool:
        """Whether the two are not the same."""
        return self.recorded != self.replayed


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """A decision beside what a replay makes of it.

    Attributes:
        policy: the version that it was replayed under.
        rows: what was compared.
        ran: model and knowledge base were asked again; else all but the policy is as recorded.
        unknown: what the record lacks, where the outcome is unknown.
        warning: the record does not follow from its own inputs; empty where it does, or where that was not asked.
        reasons: why the replay decides so.
        note: what else the reader must know; may be empty.
    """

    record: DecisionRecord
    policy: str
    rows: tuple[Compared, ...]
    ran: bool
    reasons: tuple[str, ...]
    unknown: str = ""
    warning: str = ""
    note: str = ""

    @property
    def same(self) -> bool:
        """Whether outcome and queue are the same."""
        return not self.unknown and not any(row.differs for row in self.rows if row.what in ("outcome", "queue"))


def replay(case: Case, policy: Policy) -> Replay:
    """Decide again from the record."""
    record, found = case.record, redecide(case, policy)
    rows = tuple(_record_rows(record, found))
    different = [row.what for row in rows if row.differs]
    own = record.policy == policy.name
    warning = note = ""
    if not found.by_policy:
        note = "No policy took part in this decision: a machine was away, or its deadline had passed."
    elif own and different and found.unknown is not Unknown.QUESTION:
        warning = (
            f"The record does not follow from its own inputs: {', '.join(different)} differ. Either the record was "
            "changed, or this version of Helpdesk decides otherwise than the one that decided."
        )
    return Replay(
        record=record,
        policy=policy.name,
        rows=rows,
        ran=False,
        reasons=tuple(reason.text for reason in found.reasons),
        unknown=found.unknown.sentence if found.unknown else "",
        warning=warning,
        note=note,
    )


def run_again(
    case: Case,
    excerpt: str,
    policy: Policy,
    *,
    predictor: Predictor,
    knowledge: Knowledge,
    passages: int,
    opinions: Opinions,
) -> Replay:
    """Predict, retrieve and decide again, with what is in force today. Nothing is written, stored or sent.

    Args:
        case: with its text.
        excerpt: what models read of it.
        passages: how many are retrieved, as for a worker.
        opinions: what is held of articles today.

    Raises:
        PredictorUnavailable, PredictionFailed, KnowledgeUnavailable.
    """
    record, text = case.record, case.text or ""
    [prediction] = predictor.predict([excerpt])
    version, found = record.versions.get("knowledge"), None
    decision = triage(prediction, text, policy, may_ask=bool(case.may_ask))
    if decision is None:
        version = knowledge.version()
        [found] = knowledge.search([question_of(excerpt, prediction, opinions)], limit=passages)
        asked = reply_to(policy.clarify, case.conversation)
        found = asked.preferred(text, found) if isinstance(asked, Choice) else found
        decision = decide(
            prediction,
            text,
            evidence(found, prediction),
            policy,
            passages=found,
            answered_last_by=case.answered_last_by,
            may_ask=bool(case.may_ask),
            asked=asked,
            metadata=case.metadata,
        )
        decision = replace(decision, scores={**decision.scores, **feedback_scores(found)})
    is_written = decision.reasons[0].code in WRITTEN_FOR
    note = "No answer was written or checked; a worker would do that next." if is_written else ""
    if decision.clarification is not None:
        note = f"The customer would be asked: {decision.clarification.question}"
    elif case.may_ask is None:
        note += " Whether the customer could be asked back is not on record; it was taken that they could not."
    if is_written and first_code(record) in WRITTEN_FOR and len(record.reasons) > 1:
        said = " ".join(reason.text for reason in record.reasons[1:])
        note += f" Of the recorded one it was found: {said}"
    return Replay(
        record=record,
        policy=policy.name,
        rows=tuple(_run_rows(record, prediction, decision, version, found, policy)),
        ran=True,
        reasons=tuple(reason.text for reason in decision.reasons),
        note=note,
    )


def _record_rows(record: DecisionRecord, found: Redecided) -> Iterator[Compared]:
    yield Compared(what="outcome", recorded=record.outcome, replayed=found.outcome)
    yield Compared(what="queue", recorded=record.queue, replayed=found.queue)
    recorded, replayed = record.reasons, found.reasons
    yield Compared(what="reasons", recorded=_codes(recorded), replayed=_codes(replayed))
    yield Compared(what="words", recorded=_texts(recorded), replayed=_texts(replayed))
    for name in dict.fromkeys((*record.scores, *found.scores)):
        yield Compared(what=name, recorded=record.scores.get(name), replayed=found.scores.get(name))


def _run_rows(
    record: DecisionRecord,
    prediction: Prediction,
    decision: Decision,
    knowledge: str | None,
    passages: Sequence[Passage] | None,
    policy: Policy,
) -> Iterator[Compared]:
    base = record.reasons[:1]
    yield Compared(what="model", recorded=record.model, replayed=prediction.model_version)
    yield Compared(what="policy", recorded=record.policy, replayed=policy.name)
    if passages is not None or "knowledge" in record.versions:
        now = knowledge if passages is not None else None
        yield Compared(what="knowledge", recorded=record.versions.get("knowledge"), replayed=now)
    yield Compared(what="intent", recorded=record.intent, replayed=prediction.predicted_label)
    language = record.prediction.get("language")
    was = None if language is None else str(language)
    yield Compared(what="language", recorded=was, replayed=prediction.language)
    for name in dict.fromkeys((*record.scores, *decision.scores)):
        yield Compared(what=name, recorded=record.scores.get(name), replayed=decision.scores.get(name))
    yield Compared(what="outcome", recorded=record.outcome, replayed=decision.outcome)
    yield Compared(what="queue", recorded=record.queue, replayed=decision.queue)
    yield Compared(what="reasons", recorded=_codes(base), replayed=_codes(decision.reasons))


def _codes(reasons: Sequence[Reason]) -> str:
    return ", ".join(reason.code for reason in reasons)


def _texts(reasons: Sequence[Reason]) -> str:
    return " ".join(reason.text for reason in reasons)
