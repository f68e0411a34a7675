"""`helpdesk kb`: load, change, check and search the knowledge base, and go back to an earlier version."""

from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from cli import access
from cli import kb_report as report
from cli.app import new_app
from cli.console import CommandFailed, Json, print_json, program, stderr, stdout, table
from cli.kb_articles import add_articles, edit_article, remove_articles
from cli.kb_base import keeping, origin, standards
from cli.kb_crawl import crawl_pages
from cli.kb_feedback import article_feedback
from cli.kb_gaps import knowledge_gaps

app = new_app("The knowledge base: articles that answers are written from.")

Reason = Annotated[str, typer.Option(help="Why, for the record.")]
Brand = Annotated[
    Path | None,
    typer.Option(help="The brand file that fills placeholders (default: brand.json beside the articles)."),
]
SOURCE = "A directory, or a .csv, .jsonl, .json, .md or .html"


@app.command("load")
def load_articles(
    path: Annotated[Path | None, typer.Argument(help=f"{SOURCE} (default: the setting).", show_default=False)] = None,
    brand: Brand = None,
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Make the knowledge base hold exactly these articles; only what changed is embedded.

    An error in one of them refuses all, and nothing changes.
    """
    from helpdesk.clock import utc_now
    from helpdesk.knowledge.checking import check_path
    from helpdesk.settings import load_settings

    settings = load_settings()
    source = path or settings.knowledge.path
    checked = check_path(source, settings, today=utc_now().date(), brand_file=brand)
    if not checked.usable:
        if as_json:
            print_json(report.check_document(checked))
        else:
            report.print_check(stdout(), checked)
        raise CommandFailed(f"nothing was loaded: {report.error_count(checked)} to correct first")
    with keeping() as base, stderr().status(f"embedding what is new of {len(checked.articles)} articles"):
        change = base.load(checked, origin(str(source.resolve()), reason))
    if as_json:
        print_json(report.change_document(change))
        return
    report.print_change(stdout(), change)


@app.command("check")
def check_articles(
    path: Annotated[
        Path | None, typer.Argument(help=f"{SOURCE} (default: the articles in force).", show_default=False)
    ] = None,
    brand: Brand = None,
    as_json: Json = False,
) -> None:
    """Say what is wrong with articles; nothing is changed. Ends with 1 where a load would be refused."""
    from helpdesk.clock import utc_now
    from helpdesk.knowledge import checking
    from helpdesk.settings import load_settings

    if path is not None:
        checked = checking.check_path(path, load_settings(), today=utc_now().date(), brand_file=brand)
    else:
        with keeping() as base:
            articles = base.articles()
        if not articles:
            raise CommandFailed(f"nothing was loaded yet; load articles with: {program()} kb load")
        checked = checking.Checked(tuple(articles), tuple(checking.check_articles(articles, standards(brand))))
    if as_json:
        print_json(report.check_document(checked))
    else:
        report.print_check(stdout(), checked)
    if not checked.usable:
        raise typer.Exit(1)


app.command("crawl")(crawl_pages)
app.command("add")(add_articles)
app.command("edit")(edit_article)
app.command("remove")(remove_articles)
app.command("feedback")(article_feedback)
app.command("gaps")(knowledge_gaps)


@app.command("search")
def search_articles(
    question: Annotated[str, typer.Argument(help="What a customer might write.", show_default=False)],
    limit: Annotated[int, typer.Option(min=1, max=20, help="How many articles.")] = 5,
    filters: Annotated[
        list[str] | None, typer.Option("--filter", help="FIELD=VALUE, by intent, category or tag; repeatable.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the articles that fit a question best, in the order in which a worker gets them."""
    from helpdesk.knowledge.opinions import OpinionReader
    from helpdesk.ports.knowledge import Question, read_filters
    from helpdesk.settings import load_settings
    from helpdesk.wiring import open_knowledge

    known = read_filters(filters or [])
    with closing(access.store()) as store, closing(open_knowledge(load_settings())) as knowledge:
        knowledge.check()
        asked = Question(text=question, filters=known, opinions=OpinionReader(store).look().by_content)
        [passages] = knowledge.search([asked], limit=limit)
    if as_json:
        found = [
            {"similarity": round(passage.similarity, 4), "opinion": passage.opinion, **asdict(passage.article)}
            for passage in passages
        ]
        print_json({"passages": found})
        return
    if not passages:
        stdout().print(f"Nothing fits. Load articles with: {program()} kb load")
        return
    listing = table("similarity", "opinion", "article", "title", "intent")
    for passage in passages:
        article = passage.article
        figures = f"{passage.similarity:.2f}", f"{passage.opinion:+.2f}" if passage.opinion else ""
        listing.add_row(*figures, escape(article.article_id), escape(article.title), escape(article.intent))
    stdout().print(listing)


@app.command("show")
def show_article(
    article_id: Annotated[str, typer.Argument(help="The article's id, as `kb search` lists it.", show_default=False)],
    version: Annotated[str, typer.Option(help="As it was in this version (default: as it is in force).")] = "",
    as_json: Json = False,
) -> None:
    """Show one article as it is in force, or was in the version that a decision names."""
    from helpdesk.settings import load_settings
    from helpdesk.wiring import open_knowledge

    if version:
        with keeping() as base:
            article = base.article(article_id, version)
    else:
        with closing(open_knowledge(load_settings())) as knowledge:
            article = knowledge.article(article_id)
    if as_json:
        print_json(asdict(article))
        return
    console = stdout()
    console.print(f"[bold]{escape(article.title)}[/]")
    facts = (article.article_id, article.intent, article.category, article.updated, ", ".join(article.tags))
    _print_dim(console, " · ".join(fact for fact in facts if fact))
    if article.url:
        _print_dim(console, article.url)
    console.print(f"\n{escape(article.question)}\n\n{escape(article.body)}", soft_wrap=True)


@app.command("versions")
def list_versions(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 20,
    as_json: Json = False,
) -> None:
    """List the versions, newest first: what, when, by whom, why, and which one searches see."""
    from helpdesk.settings import load_settings
    from helpdesk.wiring import open_knowledge

    with keeping() as base:
        versions = base.versions(limit=limit)
    with closing(open_knowledge(load_settings())) as knowledge:
        in_force = knowledge.version()
    if as_json:
        print_json({"in_force": in_force, "versions": [report.version_document(version) for version in versions]})
        return
    if not versions:
        stdout().print(f"Nothing was loaded yet. Load articles with: {program()} kb load")
        return
    report.print_versions(stdout(), versions, in_force)


@app.command("rollback")
def roll_back(
    version: Annotated[
        str,
        typer.Argument(help="Its number or name, from `kb versions` (default: the one before).", show_default=False),
    ] = "",
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Put an earlier version into force again, as a new one with the same articles."""
    with keeping() as base:
        change = base.roll_back(origin("", reason), to=version)
    if as_json:
        print_json(report.change_document(change))
        return
    report.print_change(stdout(), change)


def _print_dim(console: Console, text: str) -> None:
    console.print(f"[bright_black]{escape(text)}[/]")
