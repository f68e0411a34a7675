"""The measures of an evaluation, by name and meaning, in the order in which every report shows them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from evaluation.questions import Coverage
from evaluation.results import Results, Spent
from evaluation.shares import Share
from helpdesk.decisions import Outcome
from helpdesk.ports.judge import Relevance


@dataclass(frozen=True, slots=True)
class Measure:
    """A share that every run has.

    Attributes:
        group: the heading under which it stands.
        key: what JSON calls it.
    """

    group: str
    key: str
    name: str
    meaning: str
    of: Callable[[Results], Share]


RETRIEVAL, OUTCOMES, WORTH, GROUNDS = "Retrieval", "What becomes of a question", "What an answer is worth", "Grounds"


def measures_of(results: Results) -> list[Measure]:
    """Return the measures; what a run cannot have, such as drafts where there are none, is left out."""
    where = "of questions that an article answers: where the first right one stands"
    found = [Measure(RETRIEVAL, name, name, where, _retrieval(name)) for name in results.retrieval]
    for coverage in Coverage:
        for outcome in Outcome:
            key, name = f"{coverage.name.lower()}_{outcome.value}", f"{coverage.value}: {outcome.value}"
            found.append(Measure(OUTCOMES, key, name, _COVERED[coverage], _outcome(coverage, outcome)))
    found += [
        Measure(WORTH, f"sent_{label.value.lower()}", f"sent: {label.value}", _WORTH[label], _sent(label))
        for label in Relevance
    ]
    helped = "of questions that an article answers: a RELEVANT answer was sent"
    found.append(Measure(WORTH, "helped", "helped", helped, lambda run: run.helped))
    for label in Relevance:
        key, name = f"drafted_{label.value.lower()}", f"draft: {label.value}"
        found.append(Measure(WORTH, key, name, "the same of drafts for people", _drafted(label)))
    return [measure for measure in (*found, *_GROUNDS) if measure.of(results).of]


def _retrieval(name: str) -> Callable[[Results], Share]:
    return lambda run: run.retrieval[name]


def _outcome(coverage: Coverage, outcome: Outcome) -> Callable[[Results], Share]:
    return lambda run: run.outcomes[coverage][outcome]


def _sent(label: Relevance) -> Callable[[Results], Share]:
    return lambda run: run.sent[label]


def _drafted(label: Relevance) -> Callable[[Results], Share]:
    return lambda run: run.drafted[label]


def spent_text(spent: Spent, answers: int) -> str:
    """Return what model calls used, in words."""
    if not spent.calls:
        return "no model was asked"
    usd = "price not known" if spent.usd is None else f"{spent.usd:.4f} USD"
    each = f", {spent.usd / answers:.5f} USD each" if spent.usd and answers else ""
    return f"{spent.calls} calls, {spent.tokens:,} tokens, {usd}{each}"


def notes(results: Results) -> Sequence[tuple[str, str]]:
    """Return what is no share, by name."""
    written = sum(item.handled.is_written for item in results.items)
    found = [
        ("placeholder leaks", str(results.leaks)),
        ("answers without a verdict", str(results.unjudged)),
        ("writing", spent_text(results.writing, written)),
        ("judging", spent_text(results.judging, written)),
    ]
    if results.judge_retries:
        found.append(("repeated calls of the judge", str(results.judge_retries)))
    if "write" in results.duration_ms:
        found.append(("time to write, median", f"{results.duration_ms['write']:.0f} ms"))
    return found


_COVERED = {
    Coverage.ANSWERABLE: "an article answers it",
    Coverage.UNCOVERED: "a question to this shop that no article answers",
    Coverage.OUT_OF_SCOPE: "no question to this shop",
}
_WORTH = {
    Relevance.RELEVANT: "the customer is helped",
    Relevance.PARTLY_RELEVANT: "on the subject, but lacks something that matters",
    Relevance.NON_RELEVANT: "about something else, or wrong",
}
_GROUNDS = (
    Measure(
        GROUNDS,
        "cited",
        "answers cited throughout",
        "every part of a sent answer cites, and every citation holds",
        lambda run: run.cited,
    ),
    Measure(
        GROUNDS,
        "citations_hold",
        "citations that hold",
        "the passage was given, the quote stands in it and belongs to what is said",
        lambda run: run.citations_hold,
    ),
    Measure(
        GROUNDS,
        "unsupported",
        "unsupported claims",
        "sentences with a figure, link, address, promise or content that the cited articles lack",
        lambda run: run.unsupported,
    ),
)
