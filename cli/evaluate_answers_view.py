"""An evaluation of answers for people: figures side by side, rows by intent, the worst answers, and some letters."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from cli.console import table

if TYPE_CHECKING:
    from evaluation.agreement import Agreement
    from evaluation.judging import Judged
    from evaluation.results import Results

WORST = 10
EXCERPT = 90
_STYLES = {"RELEVANT": "green", "PARTLY_RELEVANT": "yellow", "NON_RELEVANT": "bold red"}


def print_runs(
    console: Console, runs: "Mapping[str, Results]", failed: Mapping[str, Sequence[str]], *, data: str
) -> None:
    """Print the figures of all runs side by side, and the floors that were not met."""
    from evaluation.html import share_text
    from evaluation.measures import measures_of, notes

    first = next(iter(runs.values()))
    figures = table("", "measure", *runs, "meaning", title=f"[bold]{len(first.items)} questions of {data}[/]")
    group = ""
    for measure in measures_of(first):
        if measure.group != group and group:
            figures.add_section()
        shown = [share_text(measure.of(run), is_rate=not measure.key.startswith("MRR")) for run in runs.values()]
        figures.add_row(measure.group if measure.group != group else "", measure.name, *shown, measure.meaning)
        group = measure.group
    figures.add_section()
    said = [dict(notes(run)) for run in runs.values()]
    for name in said[0]:
        figures.add_row("", name, *(one.get(name, "") for one in said), "")
    console.print(figures)
    console.print(f"Judge: [bold]{first.judge}[/]. Intervals: 95 %, bootstrap.", soft_wrap=True)
    for name, sentences in failed.items():
        for sentence in sentences:
            console.print(Text.assemble(("not met: ", "bold red"), f"{name}: {sentence}"), soft_wrap=True)


def print_run(console: Console, name: str, run: "Results", *, show: int) -> None:
    """Print one run by intent, why questions went to people, its worst answers, and some as a customer sees them."""
    from helpdesk.decisions import Outcome

    kinds = list(Outcome)
    rows = table(
        "intent", "asked", "right article first", *(kind.value for kind in kinds), "sent and RELEVANT",
        title=f"[bold]{name}: questions that an article answers, by intent[/]",
    )  # fmt: skip
    for row in run.intents:
        counts = (row.asked, row.found_first, *(row.outcomes.get(kind, 0) for kind in kinds), row.relevant)
        rows.add_row(row.intent, *map(str, counts))
    console.print(rows)
    reasons = ", ".join(f"{code} {count}" for code, count in run.routed_because.items())
    console.print(f"Routed because of: {reasons or 'nothing'}.\n", soft_wrap=True)
    _print_worst(console, name, run.worst)
    if show:
        from evaluation.html import shown

        for item in shown(run, show):
            _print_letter(console, item)


def print_agreement(console: Console, found: "Agreement") -> None:
    """Print how far a judge agrees with a person."""
    from evaluation.html import share_text
    from helpdesk.ports.judge import Relevance

    columns = (*Relevance, None)
    met = table(
        "a person says", *(f"judge: {label or 'no verdict'}" for label in columns), title=f"[bold]{found.judge}[/]"
    )
    for person in Relevance:
        met.add_row(person.value, *(str(found.table.get((person, label), 0)) for label in columns))
    console.print(met)
    console.print(f"Same label: {share_text(found.same)}. Cohen's kappa: {found.kappa:.2f}.")
    console.print(f"Same on RELEVANT or not: {share_text(found.same_relevant)}.")
    differing = table("question", "a person", "judge", "the judge's account", title="[bold]where they differ[/]")
    for one, judgement in found.differing:
        differing.add_row(one.question_id, _label(one.label.value), _label(judgement.label), Text(judgement.reason))
    if found.differing:
        console.print(differing)


def _print_worst(console: Console, name: str, worst: "Sequence[Judged]") -> None:
    if not worst:
        return
    listing = table("question", "what was asked", "label", "why", title=f"[bold]{name}: sent, and not RELEVANT[/]")
    for item in worst[:WORST]:
        text = " ".join(item.handled.asked.text.split())
        excerpt = text if len(text) <= EXCERPT else f"{text[: EXCERPT - 1]}…"
        reason = item.judgement.reason if item.judgement is not None else ""
        listing.add_row(item.handled.asked.question_id, Text(excerpt), _label(item.label), Text(reason))
    console.print(listing)
    if len(worst) > WORST:
        console.print(f"… and {len(worst) - WORST} more; --json and --html have all.\n")


def _print_letter(console: Console, item: "Judged") -> None:
    console.print(Text.assemble((item.handled.asked.text, "bold"), "  ", _label(item.label)), soft_wrap=True)
    text = item.answer.text if item.answer is not None else ""
    console.print(Padding(Text(text), (0, 0, 1, 4)))


def _label(label: str | None) -> Text:
    return Text(label or "no verdict", _STYLES.get(label or "", ""))
