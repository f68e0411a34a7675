"""The figures of an evaluation: shares with intervals, rows by intent, the worst answers, and failed floors."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from evaluation.judging import Judged
from evaluation.questions import Coverage
from evaluation.shares import Share, share
from evaluation.trial import RANKED, Handled
from helpdesk.decisions import Outcome
from helpdesk.ports.judge import Relevance
from helpdesk.ports.writer import ModelCall

_WORST_FIRST = (Relevance.NON_RELEVANT, None, Relevance.PARTLY_RELEVANT, Relevance.RELEVANT)
HITS = (1, 3, 5)


@dataclass(frozen=True, slots=True)
class Spent:
    """What model calls used; the cost is None where a price is not known."""

    calls: int
    tokens: int
    usd: float | None


@dataclass(frozen=True, slots=True)
class IntentRow:
    """One intent's questions that the knowledge base answers."""

    intent: str
    asked: int
    found_first: int
    outcomes: Mapping[Outcome, int]
    relevant: int


@dataclass(frozen=True, slots=True)
class Results:
    """One writer on one set of questions.

    Attributes:
        writer: who wrote; ``judge``: whose labels these are.
        items: every question, in its order.
        retrieval: hit@k and MRR of the questions that the knowledge base answers.
        outcomes: by coverage and outcome, the share of such questions.
        sent: by label, the share of the answers that customers would have got; what has no verdict is in none.
        drafted: the same of drafts.
        helped: of the questions that the knowledge base answers, the share with a relevant answer sent.
        cited: share of sent answers of which every part cites, and every citation holds.
        citations_hold: share of single citations that hold.
        unsupported: share of claims in sent answers that nothing bears out.
        leaks: how many sent answers or drafts hold an open placeholder.
        unjudged: sent answers and drafts without a verdict.
    """

    writer: str
    judge: str
    versions: Mapping[str, str]
    items: Sequence[Judged]
    retrieval: Mapping[str, Share]
    outcomes: Mapping[Coverage, Mapping[Outcome, Share]]
    sent: Mapping[Relevance, Share]
    drafted: Mapping[Relevance, Share]
    helped: Share
    cited: Share
    citations_hold: Share
    unsupported: Share
    leaks: int
    unjudged: int
    routed_because: Mapping[str, int]
    intents: Sequence[IntentRow]
    writing: Spent
    judging: Spent
    judge_retries: int
    duration_ms: Mapping[str, float] = field(default_factory=dict)

    @property
    def worst(self) -> list[Judged]:
        """The sent answers that are not relevant, the worst first."""
        found = [item for item in self.items if item.handled.is_sent and item.label is not Relevance.RELEVANT]
        return sorted(found, key=lambda item: (_WORST_FIRST.index(item.label), _coverage(item)))

    def failures(self, at_least: float) -> list[str]:
        """Return the floors that were not met, each as a sentence.

        Args:
            at_least: the least share of sent answers that must be relevant; one without a verdict is not.
        """
        failed = []
        if self.leaks:
            failed.append(f"{self.leaks} answers hold an open placeholder")
        if bare := self.cited.of - self.cited.count:
            failed.append(f"{bare} sent answers lack a citation, or have one that does not hold")
        relevant = self.sent[Relevance.RELEVANT]
        if self.cited.of and relevant.value < at_least:
            failed.append(f"{relevant.value:.1%} of what is sent is RELEVANT; {at_least:.1%} were asked for")
        return failed


def results_of(judged: Sequence[Judged], *, writer: str, judge: str) -> Results:
    """Return the figures of one writer's run."""
    sent = [item for item in judged if item.handled.is_sent]
    drafts = [item for item in judged if item.handled.is_written and not item.handled.is_sent]
    answerable = [item for item in judged if item.handled.asked.articles]
    grounded = [item.grounding for item in sent if item.grounding is not None]
    calls = (item.handled.work.answer.calls for item in judged if item.handled.work.answer is not None)
    verdicts = [item.judgement for item in judged if item.judgement is not None]
    return Results(
        writer=writer,
        judge=judge,
        versions=_versions(judged),
        items=judged,
        retrieval=_retrieval([item.handled for item in answerable]),
        outcomes={coverage: _outcomes(judged, coverage) for coverage in Coverage},
        sent=_labels(sent),
        drafted=_labels(drafts),
        helped=share([item.handled.is_sent and item.label is Relevance.RELEVANT for item in answerable]),
        cited=share([found.is_cited for found in grounded]),
        citations_hold=share(_bits((found.citations, len(found.wrong)) for found in grounded)),
        unsupported=share([not bit for bit in _bits((found.claims, len(found.unsupported)) for found in grounded)]),
        leaks=sum(bool(item.grounding and item.grounding.placeholder) for item in judged),
        unjudged=sum(verdict.label is None for verdict in verdicts),
        routed_because=_reasons(judged),
        intents=_intents(answerable),
        writing=_spent(call for several in calls for call in several),
        judging=_spent(verdict.call for verdict in verdicts if verdict.call is not None),
        judge_retries=sum(verdict.retries for verdict in verdicts),
        duration_ms=_durations(judged),
    )


def _retrieval(handled: Sequence[Handled]) -> dict[str, Share]:
    ranks = [_rank(one) for one in handled]
    found = {f"hit@{top}": share([0 < rank <= top for rank in ranks]) for top in HITS}
    return found | {f"MRR@{RANKED}": share([1 / rank if 0 < rank <= RANKED else 0.0 for rank in ranks])}


def _rank(handled: Handled) -> int:
    """Return the place of the first right article, from 1; 0 where none was found."""
    names = (passage.article.article_id for passage in handled.ranking)
    return next((place for place, name in enumerate(names, start=1) if name in handled.asked.articles), 0)


def _outcomes(judged: Sequence[Judged], coverage: Coverage) -> dict[Outcome, Share]:
    found = [item.handled.outcome for item in judged if item.handled.asked.coverage is coverage]
    return {outcome: share([one is outcome for one in found]) for outcome in Outcome}


def _labels(items: Sequence[Judged]) -> dict[Relevance, Share]:
    return {label: share([item.label is label for item in items]) for label in Relevance}


def _bits(counts: Iterable[tuple[int, int]]) -> list[bool]:
    """Return a bit for each of so many things: true, or one of those that are wrong."""
    return [at >= wrong for total, wrong in counts for at in range(total)]


def _reasons(judged: Sequence[Judged]) -> dict[str, int]:
    routed = (item.handled.reason.code for item in judged if item.handled.outcome is Outcome.ROUTE)
    return dict(Counter(routed).most_common())


def _intents(answerable: Sequence[Judged]) -> list[IntentRow]:
    rows = []
    for intent in sorted({item.handled.asked.intent for item in answerable}):
        items = [item for item in answerable if item.handled.asked.intent == intent]
        rows.append(
            IntentRow(
                intent=intent,
                asked=len(items),
                found_first=sum(_rank(item.handled) == 1 for item in items),
                outcomes=Counter(item.handled.outcome for item in items),
                relevant=sum(item.handled.is_sent and item.label is Relevance.RELEVANT for item in items),
            )
        )
    return rows


def _spent(calls: Iterable[ModelCall]) -> Spent:
    made = list(calls)
    costs = [call.cost_usd for call in made]
    known = [cost for cost in costs if cost is not None]
    tokens = sum(sum(call.usage.values()) for call in made)
    return Spent(len(made), tokens, sum(known) if len(known) == len(costs) else None)


def _versions(judged: Sequence[Judged]) -> dict[str, str]:
    found: dict[str, str] = {}
    for item in judged:
        found |= {name: version for name, version in item.handled.work.versions.items() if name != "writer"}
    return found


def _durations(judged: Sequence[Judged]) -> dict[str, float]:
    """Return the median time of writing; the other stages work on many tickets at a time."""
    times = sorted(item.handled.work.duration_ms.get("write", 0.0) for item in judged if item.handled.work.answer)
    return {"write": times[len(times) // 2]} if times else {}


def _coverage(item: Judged) -> float:
    return item.judgement.findings.get("coverage", 0.0) if item.judgement is not None else 0.0
