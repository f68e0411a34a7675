"""`helpdesk evaluate answers`: a fixed set of questions through the real path, measured and judged; nothing is sent."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.console import CommandFailed, Json, print_json, stderr, stdout
from cli.evaluation_base import QUESTIONS, Articles, JudgedBy, Questions, knowledge_of, questions_of, with_judge

if TYPE_CHECKING:
    from evaluation.questions import Asked
    from evaluation.results import Results
    from helpdesk.ports.judge import Judge
    from helpdesk.ports.knowledge import Article, Knowledge
    from helpdesk.ports.predictor import Predictor
    from helpdesk.settings import Settings

FAILED = 3
PROVIDERS = ("extractive", "claude", "openai")
Variants = dict[str, "Settings"]


def evaluate_answers(
    questions: Questions = None,
    split: Annotated[
        str, typer.Option(help="test, tune or all (default: test, or all where the file has no splits).")
    ] = "",
    articles: Articles = None,
    writer: Annotated[
        list[str] | None,
        typer.Option(help="Who writes: extractive, claude or openai; several are compared (default: the setting)."),
    ] = None,
    passages: Annotated[
        list[int] | None,
        typer.Option(min=1, max=20, help="Passages for the writer; several are compared (default: the setting)."),
    ] = None,
    judge: JudgedBy = "",
    at_least: Annotated[
        float, typer.Option(min=0, max=1, help="Least share of sent answers that must be RELEVANT, such as 0.85.")
    ] = 0.0,
    show: Annotated[int, typer.Option(min=0, help="Print so many answers as a customer would see them.")] = 0,
    html: Annotated[Path | None, typer.Option(help="Write a page with pictures to this file too.")] = None,
    as_json: Json = False,
) -> None:
    """Ask a fixed set of questions, and measure what would be answered, on what grounds, and what it is worth.

    Prediction, retrieval, decision, writing and checks are the worker's own. Nothing is sent. Ends with 3 where a sent
    answer lacks a citation that holds, an answer holds an open placeholder, or too few are RELEVANT.
    """
    from cli.evaluate_answers_view import print_run, print_runs
    from evaluation.document import document
    from helpdesk.settings import load_settings

    settings = with_judge(load_settings(), judge)
    variants = _variants(settings, writer or [settings.writer_provider], passages or [settings.knowledge.passages])
    with closing(_judge(variants)) as opened_judge, knowledge_of(settings, articles) as (knowledge, known):
        checked = questions_of(questions, settings, known, as_json=as_json)
        asked = checked.part(split)
        runs: dict[str, Results] = {}
        predictor = _predictor(settings)
        for name, variant in variants.items():
            with stderr().status(f"asking {len(asked)} questions: {name}"):
                runs[name] = _run(asked, variant, predictor, knowledge, known, opened_judge)
    failed = {name: run.failures(at_least) for name, run in runs.items()}
    data = (questions or QUESTIONS).name
    if html:
        from evaluation.html import html_report  # loads what draws

        try:
            html.write_text(html_report(runs, data=data, failed=failed, show=show), encoding="utf-8")
        except OSError as error:
            raise CommandFailed(f"{html} cannot be written: {error.strerror}") from error
    if as_json:
        documents = [document(run, failed=failed[name]) for name, run in runs.items()]
        print_json(documents[0] if len(documents) == 1 else {"runs": documents})
    else:
        print_runs(stdout(), runs, failed, data=data)
        for name, run in runs.items():
            print_run(stdout(), name, run, show=show)
        if html:
            stdout().print(f"written: {html}", soft_wrap=True)
    if any(failed.values()):
        raise typer.Exit(FAILED)


def _variants(settings: "Settings", writers: Sequence[str], passages: Sequence[int]) -> Variants:
    """Return the settings of each combination of writer and number of passages, by name."""
    if unknown := [one for one in writers if one not in PROVIDERS]:
        raise typer.BadParameter(f"there is no writer {unknown[0]!r}; say {', '.join(PROVIDERS)}")
    found: Variants = {}
    for provider in dict.fromkeys(writers):
        for count in dict.fromkeys(passages):
            name = f"{provider}, {count} passages" if len(set(passages)) > 1 else provider
            changed = {
                "writer": settings.writer.model_copy(update={"provider": provider}),
                "knowledge": settings.knowledge.model_copy(update={"passages": count}),
            }
            found[name] = settings.model_copy(update=changed)
    return found


def _judge(variants: Variants) -> "Judge":
    """Return the one judge of all runs; none of them may be written by its model."""
    from helpdesk.wiring import open_judge

    judges = [open_judge(settings) for settings in variants.values()]
    for spare in judges[1:]:
        spare.close()
    return judges[0]


def _predictor(settings: "Settings") -> "Predictor":
    from evaluation.trial import LoadedPredictor
    from models.classifier import load_classifier

    with stderr().status("loading the intent model"):
        return LoadedPredictor(load_classifier(settings.model))


def _run(
    asked: "Sequence[Asked]",
    settings: "Settings",
    predictor: "Predictor",
    knowledge: "Knowledge",
    articles: "Mapping[str, Article]",
    judge: "Judge",
) -> "Results":
    from evaluation.judging import judge_all
    from evaluation.results import results_of
    from evaluation.trial import Trial
    from helpdesk.policy.rules import load_policy
    from helpdesk.wiring import open_writer

    with closing(open_writer(settings)) as writer:
        trial = Trial(
            predictor,
            knowledge,
            writer,
            load_policy(settings.processor.policy_file),
            passages=settings.knowledge.passages,
            writers=settings.processor.writers,
        )
        handled = trial.handle(asked)
        judged = judge_all(handled, judge, articles, parallel=settings.judge.parallel)
        return results_of(judged, writer=writer.version, judge=judge.name)
