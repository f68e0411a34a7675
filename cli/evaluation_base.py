"""Opens what the commands about answers measure: the knowledge base in force or another one, and the questions."""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import access
from cli import kb_report as report
from cli.console import CommandFailed, print_json, program, stderr, stdout

if TYPE_CHECKING:
    from evaluation.questions import CheckedQuestions
    from helpdesk.ports.knowledge import Article, Knowledge
    from helpdesk.settings import Settings

QUESTIONS = Path("data") / "answer_questions.jsonl"

Questions = Annotated[
    Path | None,
    typer.Option("--questions", help="Questions to ask: .csv, .tsv, .jsonl or .json (default: ours)."),
]
Articles = Annotated[
    Path | None,
    typer.Option("--articles", help="Answer from these articles, in an index of their own (default: those in force)."),
]
JudgedBy = Annotated[
    str, typer.Option("--judge", help="Who judges: claude or similarity (default: the setting).", show_default=False)
]


@contextmanager
def knowledge_of(settings: "Settings", path: Path | None) -> "Iterator[tuple[Knowledge, Mapping[str, Article]]]":
    """Yield a knowledge base to search and its articles by id: the one in force, or what lies at a path."""
    from helpdesk.wiring import open_knowledge

    if path is None:
        with closing(open_knowledge(settings)) as knowledge, closing(access.store()) as store:
            from helpdesk.knowledge.base import KnowledgeBase

            articles = KnowledgeBase(store, knowledge).articles()
            if not articles:
                raise CommandFailed(f"nothing was loaded yet; load articles with: {program()} kb load")
            yield knowledge, {article.article_id: article for article in articles}
        return
    from helpdesk.clock import utc_now
    from helpdesk.knowledge.checking import check_path

    checked = check_path(path, settings, today=utc_now().date())
    if not checked.usable:
        report.print_findings(stderr(), checked.findings)
        raise CommandFailed(f"{path} cannot be answered from: {report.error_count(checked)} to correct first")
    own = {"state_dir": settings.state_dir / "cache" / "evaluation", "chroma_url": None}
    with closing(open_knowledge(settings.model_copy(update=own))) as knowledge:
        with stderr().status(f"embedding what is new of {len(checked.articles)} articles"):
            knowledge.load(checked.articles)
        yield knowledge, {article.article_id: article for article in checked.articles}


def questions_of(
    path: Path | None, settings: "Settings", articles: "Mapping[str, Article]", *, as_json: bool
) -> "CheckedQuestions":
    """Return the questions of a file; where there are errors in it, print all and end the command."""
    from evaluation.questions import read_questions
    from helpdesk.clock import utc_now
    from helpdesk.knowledge.findings import errors_of
    from helpdesk.knowledge.standards import Standards
    from helpdesk.settings import PROJECT_DIR

    source = path or PROJECT_DIR / QUESTIONS
    checked = read_questions(source, articles, Standards.of(settings, today=utc_now().date()).intents)
    if errors := errors_of(checked.findings):
        if as_json:
            print_json({"findings": [asdict(finding) for finding in checked.findings]})
        else:
            report.print_findings(stdout(), checked.findings)
        raise CommandFailed(f"{source.name} cannot be asked: {report.many(len(errors), 'error')} to correct first")
    report.print_findings(stderr(), checked.findings)
    return checked


def with_judge(settings: "Settings", provider: str) -> "Settings":
    """Return the settings with another judge; empty: as they are."""
    if not provider:
        return settings
    if provider not in ("claude", "similarity"):
        raise typer.BadParameter(f"there is no judge {provider!r}; say claude or similarity")
    return settings.model_copy(update={"judge": settings.judge.model_copy(update={"provider": provider})})
