"""`helpdesk kb`: load articles into the knowledge base, search it as the worker does, and show what it holds."""

from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from cli.app import new_app
from cli.console import Json, print_json, program, stderr, stdout, table

app = new_app("The knowledge base: articles that answers are written from.")


@app.command("load")
def load_articles(
    path: Annotated[
        Path | None,
        typer.Argument(
            help="A directory of Markdown files, a .csv or a .jsonl (default: the setting).", show_default=False
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make the knowledge base hold exactly these articles; only what changed is embedded."""
    from helpdesk.adapters.articles_markdown import read_articles
    from helpdesk.settings import load_settings
    from helpdesk.wiring import open_knowledge

    settings = load_settings()
    articles = read_articles(path or settings.knowledge.path)
    with closing(open_knowledge(settings)) as knowledge, stderr().status(f"Embedding up to {len(articles)} articles"):
        report = knowledge.load(articles)
    if as_json:
        print_json(asdict(report))
        return
    stdout().print(
        f"Version [bold]{report.version}[/]: {report.added} added, {report.changed} changed, {report.removed} removed, "
        f"{report.unchanged} unchanged."
    )


@app.command("search")
def search_articles(
    question: Annotated[str, typer.Argument(help="What a customer might write.", show_default=False)],
    limit: Annotated[int, typer.Option(min=1, max=20, help="How many articles.")] = 5,
    as_json: Json = False,
) -> None:
    """Show the articles that fit a question best, with their similarity."""
    from helpdesk.ports.knowledge import Question
    from helpdesk.settings import load_settings
    from helpdesk.wiring import open_knowledge

    with closing(open_knowledge(load_settings())) as knowledge:
        knowledge.check()
        [passages] = knowledge.search([Question(text=question)], limit=limit)
    if as_json:
        found = [{"similarity": round(passage.similarity, 4), **asdict(passage.article)} for passage in passages]
        print_json({"passages": found})
        return
    if not passages:
        stdout().print(f"Nothing fits. Load articles with: {program()} kb load")
        return
    listing = table("similarity", "article", "title", "intent")
    for passage in passages:
        article = passage.article
        listing.add_row(
            f"{passage.similarity:.2f}", escape(article.article_id), escape(article.title), escape(article.intent)
        )
    stdout().print(listing)


@app.command("show")
def show_article(
    article_id: Annotated[str, typer.Argument(help="The article's id, as `kb search` lists it.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Show one article as it is in force."""
    from helpdesk.settings import load_settings
    from helpdesk.wiring import open_knowledge

    with closing(open_knowledge(load_settings())) as knowledge:
        article = knowledge.article(article_id)
    if as_json:
        print_json(asdict(article))
        return
    console = stdout()
    console.print(f"[bold]{escape(article.title)}[/]")
    facts = (article.article_id, article.intent, article.category, article.updated, ", ".join(article.tags))
    console.print(f"[bright_black]{escape(' · '.join(fact for fact in facts if fact))}[/]")
    if article.url:
        console.print(f"[bright_black]{escape(article.url)}[/]")
    console.print(f"\n{escape(article.question)}\n\n{escape(article.body)}", soft_wrap=True)
