"""``python -m benchmarks.feedback``: held-out questions before and after feedback, honest and hostile."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from benchmarks.environment import forget_settings
from benchmarks.feedback.customers import OWNERS, PASSAGES, one_customer, one_owner
from benchmarks.feedback.measures import MEASURES, Difference
from benchmarks.feedback.trial import Course, Mixed, Trial
from benchmarks.machine import machine
from benchmarks.processes import PROJECT_DIR
from benchmarks.report import Report, Table
from benchmarks.retrieval.reading import Reader
from benchmarks.retrieval.sets import our_own
from benchmarks.terminal import Steps, new_console
from helpdesk.adapters.retrieval import Tuning
from helpdesk.article_feedback import ArticleSignal
from helpdesk.ports.knowledge import Article

PACKAGES = ("sentence-transformers", "torch", "bm25s", "numpy")
REACHES = (0.02, 0.05, 0.1, 0.2, 0.4)
ATTACKED, RATINGS, INVENTED = 10, 100, 200
Gains = Mapping[str, Sequence[Difference]]


def main(
    rounds: Annotated[int, typer.Option(min=1, help="How often each question is asked and rated.")] = 10,
    noise: Annotated[float, typer.Option(min=0, max=1, help="Share of the ratings that are wrong.")] = 0.2,
    seeds: Annotated[int, typer.Option(min=1, help="How many courses of chance are averaged.")] = 10,
    cache: Annotated[Path | None, typer.Option(help="Folder to keep encodings and predictions in.")] = None,
    out: Annotated[Path, typer.Option(help="Where the report goes.")] = PROJECT_DIR / "benchmarks" / "results",
) -> None:
    """Let customers rate the answers to one half of our questions, and rank the other half; both ways."""
    forget_settings()
    console = new_console()
    started_at = datetime.now(UTC)
    with tempfile.TemporaryDirectory(prefix="helpdesk-feedback-") as name, Steps(console, 3) as steps:
        facts = machine(PACKAGES, directory=Path(name))
        steps.next("reading all questions and articles")
        trial = Trial(our_own(), Reader(cache), Course(rounds, noise, seeds))
        shipped = Tuning().opinion
        steps.next("honest feedback, by reach")
        gains = {}
        for reach in sorted({*REACHES, shipped}):
            title = f"{reach:g}, as shipped" if reach == shipped else f"{reach:g}"
            gains[title] = trial.gain(trial.after(reach))
        steps.next("hostile feedback")
        right = trial.most_asked(ATTACKED)
        attacked = {title: trial.after(shipped, mixed) for title, mixed in _attacks(right).items()}
        everywhere = {title: trial.gain(after) for title, after in attacked.items()}
        there = {title: trial.gain(after, right=right) for title, after in attacked.items()}
    report = Report(
        benchmark="Feedback",
        started_at=started_at,
        settings={"rounds": rounds, "wrong ratings": f"{noise:.0%}", "courses of chance": seeds, "portals": OWNERS},
        machine=facts,
        tables=[
            _table(f"{len(trial.held_out)} held-out questions, by reach", "reach", gains, _NOTES),
            _table("Hostile feedback, all held-out questions", "feedback by", everywhere, _ATTACK_NOTES),
            _table(f"Hostile feedback, questions of the {ATTACKED} articles", "feedback by", there, ()),
        ],
        samples=[*_samples("reach", gains), *_samples("attack", everywhere), *_samples("of the articles", there)],
    )
    report.print(console)
    for path in report.save(out, "feedback"):
        console.print(f"Written: {path}")


_NOTES = (
    "Tickets of held-out templates, asked of our own knowledge base. Customers rate the answers to one half, and the "
    "other half is ranked; then the other way round, so every question is held out once. Of what a worker finds, "
    f"{PASSAGES} passages.",
    "A customer rates the first passage: it helped where it is one of the question's right articles; some ratings say "
    "the opposite. Opinions follow after every round. After: the mean over all courses of chance.",
    "Gain: in percentage points, with the 95 % interval of a paired bootstrap over questions; those with the same "
    "right articles are drawn together.",
    "Reach: how far the best opinion raises an article, as a share of the weight of all else. The shipped one "
    "was set before any was measured.",
)
_ATTACK_NOTES = (
    f"The {ATTACKED} articles that answer most questions are rated bad: by one customer {RATINGS} times each, or by "
    f"one portal that invents {INVENTED} customers. Against the ranking without any feedback.",
)


def _attacks(right: Sequence[Article]) -> Mapping[str, Mixed]:
    customer = list(one_customer(right, ratings=RATINGS))
    owner = list(one_owner(right, customers=INVENTED))
    return {
        "honest customers": partial(_with, []),
        f"and one customer, {RATINGS} ratings each": partial(_with, customer),
        f"and one portal, {INVENTED} invented customers": partial(_with, owner),
        "that customer alone": partial(_instead, customer),
        "that portal alone": partial(_instead, owner),
    }


def _with(hostile: list[ArticleSignal], honest: list[ArticleSignal]) -> list[ArticleSignal]:
    return [*honest, *hostile]


def _instead(hostile: list[ArticleSignal], _: list[ArticleSignal]) -> list[ArticleSignal]:
    return hostile


def _table(title: str, first: str, rows: Gains, notes: Sequence[str]) -> Table:
    columns = [first, *(f"{name} {part}" for name in MEASURES for part in ("before", "after", "gain"))]
    cells = [[name, *(cell for found in gains for cell in _cells(found))] for name, gains in rows.items()]
    return Table(title, columns, cells, notes)


def _cells(found: Difference) -> tuple[str, str, str]:
    gain = f"{(found.after - found.before) * 100:+.1f} ({found.low * 100:+.1f} to {found.high * 100:+.1f})"
    return f"{found.before * 100:.1f}", f"{found.after * 100:.1f}", gain


def _samples(table: str, rows: Gains) -> list[dict[str, object]]:
    return [
        {"table": table, "row": row, **{name: asdict(one) for name, one in zip(MEASURES, found, strict=True)}}
        for row, found in rows.items()
    ]


if __name__ == "__main__":
    typer.run(main)
